"""How a runtime compiles what was uploaded: the files that it needs, the steps, the flags.

Invariant: paths are relative to the runtime's folder, where every step is carried out; no step is ever a shell's text.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.simulator.personality import Layout, Personality

GENERATED: Final = Path("core/generated")
BUILD: Final = Path("build")
NEW_LIBRARY: Final = BUILD / "new_libplc.so"
LIBRARIES: Final = ("-Wl,-undefined,dynamic_lookup",) if sys.platform == "darwin" else ("-lpthread", "-lrt")


@dataclass(frozen=True, slots=True)
class Step:
    """One source file to compile: the compiler's words but for input and output, and its name in the compile log."""

    source: Path
    words: tuple[str, ...]
    shown: str

    @property
    def object(self) -> Path:
        """The file that the step makes."""
        return BUILD / f"{self.source.stem}.o"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a layout is not compiled at all: lines of the compile log, and the exit code of the build."""

    lines: tuple[str, ...]
    exit_code: int


class Recipe(ABC):
    """One way to compile.

    Attributes:
        contributed: what the runtime itself puts beside a program: file of the `native` folder to place.
        by_make: compiled by make, which works on two files at once and shows each command; otherwise by a script that
            takes one file after the other.
        starts_by_itself: a program that has been compiled is started.
    """

    contributed: Mapping[str, Path]
    by_make: bool
    starts_by_itself: bool

    @abstractmethod
    def refusal(self, folder: Path) -> Refusal | None:
        """What speaks against compiling the files below `folder`, the runtime's; None if nothing does."""

    @abstractmethod
    def steps(self, folder: Path, *, capable: bool) -> list[Step]:
        """What to compile; `capable` is what `probe` found out."""

    @abstractmethod
    def link(self, objects: list[str]) -> tuple[str, ...]:
        """The compiler's words that make the library of `objects`."""

    def probe(self, folder: Path) -> tuple[str, ...] | None:
        """The compiler's words that succeed if the program's headers offer what an optional part needs; None: no such part."""
        return None


def recipe_of(personality: Personality) -> Recipe:
    """The recipe of a runtime with this personality."""
    from rung.simulator.recipe_v4_0 import MatiecRecipe
    from rung.simulator.recipe_v4_1 import ThreadedRecipe

    if personality.layout is Layout.MATIEC:
        return MatiecRecipe()
    return ThreadedRecipe(keeps_values=personality.retain, unmaps=personality.located_globals)


def missing_files(required: list[tuple[str, bool]]) -> Refusal | None:
    """The refusal that names what is required but not there."""
    missing = [name for name, there in required if not there]
    if not missing:
        return None
    return Refusal(("[ERROR] Missing required source files:", *(f"  {name}" for name in missing)), 1)
