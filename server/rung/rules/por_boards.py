"""POR033 to POR036, POR040: addresses, tasks and memory that boards, microcontrollers without an operating system, do not have.

Invariant: `board` is the row as the project uses it, its own pins included.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from rung.rules import por_board_types
from rung.rules.por_targets import BOARD, BoardPouRule, BoardProgramRule
from rung.rules.por_tasks import interval_place, running
from rung.rules.por_uses import Use, used_in_pou, used_outside
from rung.rules.por_walk import configuration_of, global_sections, retained_names
from rung.rules.registry import Rule
from rung.rules.snippets import configured, program
from rung.semantics.model import Analysis, Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit
from rung.targets.board import Board

_MILLISECOND_NS: Final = 1_000_000
_NAMES: Final = {
    "IX": "digital inputs",
    "QX": "digital outputs",
    "IW": "analog inputs",
    "QW": "analog outputs",
}


# ---------------------------------------------------------------------------------------------------------------- addresses


def addresses_of_pou(analysis: Analysis, board: Board) -> Iterator[Problem]:
    """POR033 and POR034: addresses in a POU's declarations and body."""
    return (problem for use in used_in_pou(analysis) if (problem := _judge(use, board)) is not None)


def addresses_outside(found: Program, board: Board) -> Iterator[tuple[Unit, Problem]]:
    """POR033 and POR034: addresses of global variables and in the configuration."""
    return ((unit, problem) for unit, use in used_outside(found) if (problem := _judge(use, board)) is not None)


def _judge(use: Use, board: Board) -> Problem | None:
    address = use.address
    if address.area == "M":
        if address.size == "W" and address.index < board.memory_words:
            return None
        reach = f"%MW0 to %MW{board.memory_words - 1}" if board.memory_words else "none of %M"
        text = f"Modbus reaches {reach} on {board.title}: the variable keeps its value, but no Modbus client sees {address.text}."
        return Problem("POR034", use.start, use.end, text)
    kind = address.area + address.size
    if kind not in _NAMES:
        text = (
            f"{board.title} has no {address.text}, for its pins are bits and words: {_has(board, address.area + 'X')}, and "
            f"{_has(board, address.area + 'W')}."
        )
        return Problem("POR033", use.start, use.end, text)
    pins = board.places(kind)
    position = address.index if address.bit is None else address.index * 8 + address.bit
    if position < len(pins) and pins[position]:
        return None
    text = f"{board.title} has no pin at {address.text}: {_has(board, kind)}. Use one of these, or name a pin for it under [board] in rung.toml."
    return Problem("POR033", use.start, use.end, text)


def _has(board: Board, kind: str) -> str:
    """Return which addresses of a kind a board has."""
    numbers = [number for number, pin in enumerate(board.places(kind)) if pin]
    if not numbers:
        return f"it has no {_NAMES[kind]}"
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
    said = [_text(kind, run[0]) + (f" to {_text(kind, run[-1])}" if len(run) > 1 else "") for run in runs]
    return f"its {_NAMES[kind]} are {', '.join(said)}"


def _text(kind: str, number: int) -> str:
    return f"%{kind}{number}" if kind.endswith("W") else f"%{kind}{number // 8}.{number % 8}"


# -------------------------------------------------------------------------------------------------------------------- tasks


def interval(found: Program, board: Board) -> Iterator[tuple[Unit, Problem]]:
    """POR035: an interval that is no number of milliseconds."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    for task in (task for resource in configuration.resources for task in resource.tasks):
        if task.interval_ns and task.interval_ns % _MILLISECOND_NS:
            text = f"{board.title} scans at whole milliseconds, 1 ms at the least: give '{task.name}' such an interval."
            yield written[0], Problem("POR035", *interval_place(task), text)


def one_thread(found: Program, board: Board) -> Iterator[tuple[Unit, Problem]]:
    """POR040: several tasks, which the board runs one after another."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    tasks = running(configuration)
    if len(tasks) > 1 and tasks[1].declaration is not None:
        name = tasks[1].declaration.name
        text = f"{board.title} runs all tasks one after another, the most urgent first: none interrupts another, and one that takes long delays the others."
        yield written[0], Problem("POR040", name.start, name.end, text)


# ------------------------------------------------------------------------------------------------------------------- retain


def retain_in_pou(analysis: Analysis, board: Board) -> Iterator[Problem]:
    """POR036: RETAIN variables of a POU."""
    declaration = analysis.pou.declaration
    for name in () if declaration is None else retained_names(declaration.sections):
        yield _retained(name.text, name.start, name.end, board)


def retain_outside(found: Program, board: Board) -> Iterator[tuple[Unit, Problem]]:
    """POR036: RETAIN variables among the globals."""
    for unit, section in global_sections(found):
        for name in retained_names([section]):
            yield unit, _retained(name.text, name.start, name.end, board)


def _retained(name: str, start: int, end: int, board: Board) -> Problem:
    text = (
        f"{board.title} does not keep '{name}': after a reset, and when the power comes back, it has its initial value."
    )
    return Problem("POR036", start, end, text)


POU_RULES: Final[tuple[BoardPouRule, ...]] = (*por_board_types.POU_RULES, addresses_of_pou, retain_in_pou)
PROGRAM_RULES: Final[tuple[BoardProgramRule, ...]] = (
    *por_board_types.PROGRAM_RULES,
    addresses_outside,
    retain_outside,
    interval,
    one_thread,
)

_RUN: Final = "PROGRAM instance0 WITH fast : Main;"
_BODY: Final = "VAR i : INT; END_VAR\ni := i + 1;"


RULES: Final[tuple[Rule, ...]] = (
    *por_board_types.RULES,
    Rule(
        "POR033", "address-not-on-board", "error", "Board has no pin at this address",
        "An input that no pin is connected to never changes, and an output goes nowhere. A board's pins stand in its process image in the order of "
        "the board's row: digital ones at %IX and %QX, analog ones at %IW and %QW.",
        'Use an address that the message names, or give a pin to this one in rung.toml: `[board]`, `pins = {"%IX0.5" = "A3"}`.',
        program("lamp AT %QX0.7 : BOOL;", "lamp := NOT lamp;"),
        program("lamp AT %QX0.3 : BOOL;", "lamp := NOT lamp;"),
        ("IEC 61131-3, 6.5.5",),
        targets=(BOARD,),
    ),
    Rule(
        "POR034", "memory-not-on-modbus", "warning", "Memory address that Modbus does not reach",
        "On a board, %M is memory of the program like any other. Only the first %MW of the larger boards are holding registers, too.",
        "Leave the address out. For what others shall see use %QW or, where the board has it, a lower %MW.",
        program("flags AT %MB0 : BYTE;", "flags := flags OR 16#01;"),
        program("flags : BYTE;", "flags := flags OR 16#01;"),
        targets=(BOARD,),
    ),
    Rule(
        "POR035", "interval-not-in-milliseconds", "error", "Board scans at whole milliseconds",
        "A board's firmware begins a scan at a multiple of one millisecond, so a task with another interval would run too often or too rarely, and "
        "its timers would be wrong.",
        "Give the task an interval of 1 ms or a multiple of it.",
        configured(_BODY, resource=f"TASK fast(INTERVAL := T#1500us, PRIORITY := 1);\n{_RUN}"),
        configured(_BODY, resource=f"TASK fast(INTERVAL := T#2ms, PRIORITY := 1);\n{_RUN}"),
        ("IEC 61131-3, 6.8.2",),
        targets=(BOARD,),
    ),
    Rule(
        "POR036", "retain-not-on-board", "warning", "Board does not keep RETAIN variables",
        "A board loses its memory with its power, and every upload and reset begins anew: a RETAIN variable has its initial value then.",
        "Ask for the value again after a restart, or keep it in a machine that the board talks to.",
        configured("VAR RETAIN\n    hours : DINT;\nEND_VAR\nhours := hours + 1;"),
        configured("VAR\n    hours : DINT;\nEND_VAR\nhours := hours + 1;"),
        ("IEC 61131-3, 6.5.6",),
        targets=(BOARD,),
    ),
    Rule(
        "POR040", "one-thread-on-board", "info", "All tasks share the board's one thread",
        "A board runs every task that is due one after another, the most urgent first. PRIORITY lets no task interrupt another, and a task that "
        "takes long delays all others.",
        "Nothing has to be done when all tasks together take less than the shortest interval. The board counts the scans that took longer.",
        configured(
            _BODY,
            resource="TASK fast(INTERVAL := T#10ms, PRIORITY := 1);\nTASK slow(INTERVAL := T#100ms, PRIORITY := 2);\n"
            f"{_RUN}\nPROGRAM instance1 WITH slow : Main;",
        ),
        configured(_BODY, resource=f"TASK fast(INTERVAL := T#10ms, PRIORITY := 1);\n{_RUN}"),
        ("IEC 61131-3, 6.8.2",),
        ("on-request",),
        targets=(BOARD,),
    ),
)  # fmt: skip
