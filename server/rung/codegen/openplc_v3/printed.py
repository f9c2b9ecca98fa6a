"""The printed program and what each name in it stands for: the seam between the printer and the debug block.

Invariant: every elementary variable of the user's that has a lasting value appears once in `variables`, in the order in which
the other targets list theirs; its `steps` are names of the printed text, so no type is worked out again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

CONFIGURATION: Final = "Config0"
RESOURCE: Final = "Res0"

Owner = Literal["configuration", "resource", "block", "structure", "array"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the way to a variable. `owner` says in what it is found: a global of the configuration, a program instance of the
    resource, a member of a program or function block, a member of a structure, an element of an array. `name` is the printed
    name (any case: v3's compiler turns it to upper case), empty for an element; `indices` are an element's positions, counted
    from 0 in each dimension. `located`: the name is declared `AT` an address."""

    owner: Owner
    name: str = ""
    indices: tuple[int, ...] = ()
    located: bool = False


@dataclass(frozen=True, slots=True)
class PrintedVariable:
    """An elementary variable: `path` as Rung shows it (upper case, `INSTANCE0.TMR.Q`), `type` the printed elementary type (`INT`,
    `TIME`, `STRING`), `steps` the way to it."""

    path: str
    type: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Printed:
    """A program as text for OpenPLC Runtime v3, one statement a line, lines ended by a line feed.

    `lines[k]` is the user's file path and line that line k + 1 stems from, None for lines of ours. `names` maps each name that had
    to change, by scope and as written (`MAIN.TON`), to the printed one.
    """

    text: str
    lines: tuple[tuple[str, int] | None, ...]
    variables: tuple[PrintedVariable, ...]
    names: tuple[tuple[str, str], ...]
