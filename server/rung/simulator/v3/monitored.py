"""The list of monitored points, which a v3 makes of the program's text when the PLC starts, by splitting lines at blanks.

Invariant: nothing but an odd spelling of a located declaration makes this fail, exactly as on the device (section 3.3 rule 9).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the monitoring page, as the text was split: name, type, location."""

    name: str
    type: str
    location: str


class OddDeclaration(Exception):
    """A located declaration without a blank before its colon; `points` are those before it."""

    def __init__(self, points: list[Point]) -> None:
        super().__init__("list index out of range")
        self.points = points


def points(text: str) -> list[Point]:
    """Read the points of a program text.

    Raises:
        OddDeclaration: a line has fewer words than it should.
    """
    found: list[Point] = []
    for line in text.splitlines():
        if " AT " not in line or "%" not in line or "(*" in line:
            continue
        words = line.strip().split(" ")
        try:
            found.append(Point(words[0], words[4].split(";")[0], words[2]))
        except IndexError:
            raise OddDeclaration(found) from None
    return found
