"""The build targets as the POR rules know them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from rung.semantics.model import Analysis, Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit
from rung.targets.board import Board

V4: Final = "openplc-v4"
V4_0: Final = "openplc-v4.0"
V3: Final = "openplc-v3"
BOARD: Final = "board"
"""What stands for every board in a row of the registry, of which the examples are for `EXAMPLE_BOARD`."""
EXAMPLE_BOARD: Final = "uno"

TITLES: Final = {V4: "OpenPLC Runtime v4", V4_0: "OpenPLC Runtime v4.0", V3: "OpenPLC Runtime v3"}

Targets = tuple[str, ...]
PouRule = Callable[[Analysis, str], Iterator[Problem]]
ProgramRule = Callable[[Program, str], Iterator[tuple[Unit, Problem]]]
BoardPouRule = Callable[[Analysis, Board], Iterator[Problem]]
BoardProgramRule = Callable[[Program, Board], Iterator[tuple[Unit, Problem]]]
