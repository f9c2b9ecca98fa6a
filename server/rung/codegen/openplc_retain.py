"""RETAIN variables on runtimes from 4.2 on: which elements of the debug channel they are.

Invariant: the hash changes with the names, types and order of the retained variables, and with nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen.debug_table import wire_size
from rung.codegen.openplc_debug import DebugArray

MOST_BYTES: Final = 65_535 - 16
"""The values that one program can have kept: the runtime takes a block of 65,535 bytes, of which the head is ours."""


@dataclass(frozen=True, slots=True)
class Retained:
    """What a program keeps: `ranges` of (array, first element, count), the `hash` of their layout, and the `size` of their values
    in bytes."""

    ranges: tuple[tuple[int, int, int], ...]
    hash: int
    size: int


def retained(arrays: Sequence[DebugArray]) -> Retained:
    """Find the RETAIN variables among those of the debug channel."""
    ranges: list[tuple[int, int, int]] = []
    layout = hashlib.sha256()
    size = 0
    for number, array in enumerate(arrays):
        for first, row, _ in array.rows:
            if row.retain:
                ranges.append((number, first, len(row.paths)))
                layout.update(f"{' '.join(row.paths)}:{row.type_name}\n".encode())
                size += len(row.paths) * wire_size(row.kind)
    return Retained(tuple(ranges), int.from_bytes(layout.digest()[:4], "big"), size)


def retain_tables(found: Retained) -> Iterator[str]:
    """Yield the C++ lines of the table of retained variables."""
    yield "const RetainRange retained[] = {"
    for array, first, count in found.ranges:
        yield f"  {{{array}, {first}, {count}}},"
    yield "  {0, 0, 0}};"


def layout_hash(found: Retained) -> str:
    """Return the C++ definition of the layout's hash."""
    return f"namespace strucpp {{ namespace debug {{ const uint32_t retain_layout_hash = 0x{found.hash:08X}; }} }}\n"
