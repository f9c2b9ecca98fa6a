"""One finding about a program, as every layer below the border passes it on.

Invariant: positions are offsets into the text of one unit; files, lines and columns exist only at the border.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rung.syntax.tree import Unit


@dataclass(slots=True, frozen=True)
class Related:
    """A second place that explains a finding (the first declaration, the opener). `unit` None means the same unit."""

    start: int
    end: int
    message: str
    unit: Unit | None = None


@dataclass(slots=True, frozen=True)
class Problem:
    """A finding: `code` is a row of the registry in `rung.rules`, which also decides its severity.

    `data` carries what a quick fix needs (for instance the suggested name), nothing a user reads.
    """

    code: str
    start: int
    end: int
    message: str
    related: tuple[Related, ...] = ()
    data: str | None = None
