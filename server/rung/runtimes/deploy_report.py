"""What a deploy tells: its steps while it goes on, and its end. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from rung.runtimes.compile_log import DeviceDiagnostic
from rung.runtimes.errors import RuntimeFailure


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a deploy is. `fraction` is from 0 to 1, or None where it cannot be known; `log_line` is the device's compiler."""

    stage: str
    fraction: float | None
    text: str
    log_line: str | None = None


@dataclass(frozen=True, slots=True)
class DeployReport:
    """How a deploy ended.

    `stage` is the last one reached: connect, build, login, upload, compile, start, verify. `plc` is the machine's state as last
    seen, `md5` what the machine answered, `verified` whether it runs exactly what was sent. `diagnostics` come from the
    compiler of the device or of this computer. `note` is a sentence that the user has to know although nothing failed: why what
    runs is not verified, or that the machine does not keep the project's source.
    """

    ok: bool
    stage: str
    plc: str | None
    verified: bool
    md5: str | None
    error: RuntimeFailure | None
    diagnostics: tuple[DeviceDiagnostic, ...]
    note: str | None = None
