"""A board's tables in C++: its variables by one number, for the debug codes, and its process image by Modbus address.

Invariants: globals come first, then each program instance, then what the firmware tells of itself; a value fits into a frame. Only
addresses that the program uses have memory: any other that the standard map holds reads as 0 and takes writes without effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from rung.codegen.artefact import Leaf
from rung.codegen.debug_table import Row, memory_size, wire_size
from rung.codegen.program import Core
from rung.semantics.types import BOOL, UDINT, StringType, Type, storage
from rung.targets.board import Board

_OWN: Final = (
    Row(("RUNG_FAULTS",), "rung::faults", UDINT),
    Row(("RUNG_SCAN_US",), "course.scan_us", UDINT),
    Row(("RUNG_SCAN_MAX_US",), "course.scan_max_us", UDINT),
    Row(("RUNG_OVERRUNS",), "course.overruns", UDINT),
    Row(("RUNG_HALTED",), "halted", BOOL),
)
_MOST_VARIABLES: Final = 0xFFFF
_SMALL_RAM: Final = 4096
_HEAD_AND_CRC: Final = 13  # of an answer with values
_HEAD_OF_WRITE_AND_CRC: Final = 9  # of a request with registers
_LONGEST_FORCED: Final = 8
# How a value is kept and shown; the firmware's `Kind`.
_KIND_BOOL, _KIND_TIME, _KIND_DATE, _KIND_TEXT = 0x11, 0x24, 0x28, 0x40
_LONGEST_KIND: Final = 0xFF - _KIND_TEXT


@dataclass(frozen=True, slots=True)
class Limits:
    """What a board's memory allows: the bytes of a Modbus frame, forced variables at a time, and how many bits and words the standard map
    has of each area. The map is the one that masters of OpenPLC's own firmware know."""

    frame: int
    forces: int
    coils: int
    contacts: int
    input_words: int
    output_words: int


def limits(board: Board) -> Limits:
    """Return the limits of a board, whose map has at least its pins."""
    small = Limits(128, 8, 32, 8, 6, 32)
    chosen = small if board.ram < _SMALL_RAM else Limits(255, 32, 56, 56, 32, 32)
    return Limits(
        chosen.frame,
        chosen.forces,
        max(chosen.coils, len(board.digital_outputs)),
        max(chosen.contacts, len(board.digital_inputs)),
        max(chosen.input_words, len(board.analog_inputs)),
        max(chosen.output_words, len(board.analog_outputs)),
    )


# ---------------------------------------------------------------------------------------------------------------- debug codes


@dataclass(frozen=True, slots=True)
class Entry:
    """Variables that stand side by side: `first` is the number of the first, `kind` what the firmware knows of their type."""

    first: int
    row: Row
    kind: int
    size: int


def entries(core: Core, board_limits: Limits) -> list[Entry]:
    """Give every variable of the program its number. What is beyond the last number has none."""
    made: list[Entry] = []
    first = 0
    room = _MOST_VARIABLES - len(_OWN)
    instances = chain.from_iterable(core.instance_rows(planned) for planned in core.schedule.instances)
    for row in chain(core.global_rows(), instances):
        for part in _parts(row, board_limits):
            paths = part.paths[: room - first]
            if paths:
                made.append(_entry(first, Row(paths, part.place, part.kind), board_limits))
                first += len(paths)
    for row in _OWN:
        made.append(_entry(first, row, board_limits))
        first += 1
    return made


def _shown(kind: StringType, board_limits: Limits) -> int:
    """How many characters of a text fit into an answer."""
    return min(kind.length, board_limits.frame - _HEAD_AND_CRC - 1, _LONGEST_KIND)


def _parts(row: Row, board_limits: Limits) -> Iterator[Row]:
    """Cut a row where the firmware could not tell from the size that is shown where the next variable stands."""
    kind = storage(row.kind)
    if len(row.paths) == 1 or not isinstance(kind, StringType) or _shown(kind, board_limits) == kind.length:
        yield row
        return
    for number, path in enumerate(row.paths):
        yield Row((path,), f"{row.place.removesuffix('[0]')}[{number}]", row.kind)


def _entry(first: int, row: Row, board_limits: Limits) -> Entry:
    base: Type = storage(row.kind)
    if isinstance(base, StringType):
        shown = _shown(base, board_limits)
        return Entry(first, row, _KIND_TEXT + shown, 1 + shown)
    name = row.type_name
    if name in ("TIME", "TOD"):
        kind = _KIND_TIME
    elif name in ("DATE", "DT"):
        kind = _KIND_DATE
    else:
        kind = _KIND_BOOL if name == "BOOL" else memory_size(row.kind, True)
    return Entry(first, row, kind, wire_size(row.kind, True))


def debug_lines(made: Sequence[Entry]) -> Iterator[str]:
    """Yield the C++ lines of the table."""
    yield "const Row rows[] RUNG_TABLE = {"
    for entry in made:
        yield f"  {{&{entry.row.place}, {entry.first}, {entry.kind}}},"
    yield "};"
    yield f"const uint16_t ROWS = {len(made)}, ROWS_POWER = {1 << (len(made) - 1).bit_length() - 1}, VARIABLES = {made[-1].first + 1}, OWN_VARIABLES = {len(_OWN)};"
    kinds = {entry.kind for entry in made}
    yield f"const bool HAS_TIMES = {_cpp_bool(_KIND_TIME in kinds)}, HAS_DATES = {_cpp_bool(_KIND_DATE in kinds)};"
    yield f"const bool HAS_TEXTS = {_cpp_bool(any(kind >= _KIND_TEXT for kind in kinds))};"


def _cpp_bool(value: bool) -> str:
    return "true" if value else "false"


def debug_leaves(made: Sequence[Entry]) -> Iterator[Leaf]:
    """Yield every variable with its number. What the firmware tells of itself cannot be forced, nor can texts."""
    for entry in made:
        forceable = entry.size <= _LONGEST_FORCED and entry.kind < _KIND_TEXT and entry.row not in _OWN
        for offset, path in enumerate(entry.row.paths):
            yield Leaf(0, entry.first + offset, path, entry.row.type_name, entry.size, forceable)


# --------------------------------------------------------------------------------------------------------------------- Modbus


def modbus_lines(board: Board, board_limits: Limits, cells: Mapping[str, str]) -> Iterator[str]:
    """Yield the C++ lines of the map. `cells` are the places of addresses that the program uses, by `%IX0.1`, `%QW2`, `%MW7`."""
    words = [f"%QW{n}" for n in range(board_limits.output_words)]
    most = (board_limits.frame - _HEAD_OF_WRITE_AND_CRC) // 2
    words += [f"%MW{n}" for n in range(min(board.memory_words, most - board_limits.output_words))]
    areas = (
        [f"%QX{n // 8}.{n % 8}" for n in range(board_limits.coils)],
        [f"%IX{n // 8}.{n % 8}" for n in range(board_limits.contacts)],
        words,
        [f"%IW{n}" for n in range(board_limits.input_words)],
    )
    places: list[str] = []
    lines: list[str] = []
    for addresses in areas:
        used = max((number + 1 for number, address in enumerate(addresses) if address in cells), default=0)
        lines.append(f"  {{{len(places)}, {used}, {len(addresses)}}},")
        places += [f"&{cells[address]}" if address in cells else "nullptr" for address in addresses[:used]]
    yield "void *const modbus_cells[] RUNG_TABLE = {"
    for place in places or ["nullptr"]:
        yield f"  {place},"
    yield "};"
    yield "const Area modbus_areas[] RUNG_TABLE = {"
    yield from lines
    yield "};"
