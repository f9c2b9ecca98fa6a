"""What flashing a board tells while it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stage = Literal["check", "build", "compile", "upload", "verify"]


@dataclass(frozen=True, slots=True)
class FlashProgress:
    """A step: its stage, how much of the stage is done (0 to 1, None: not known), and a sentence for the user. `log_line` is a line of a tool's output."""

    stage: Stage
    fraction: float | None
    text: str
    log_line: str | None = None
