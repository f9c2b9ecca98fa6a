"""The debug channel's tables of an OpenPLC program: which variable has which address, in C++ and in the debug map.

Invariants: array 0 begins with the fault counter and holds the configuration's globals, then each program instance has an array; an
array has at most 8000 elements, and what does not fit goes on in the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen.artefact import Leaf
from rung.codegen.debug_table import TAGS, Row, memory_size, wire_size
from rung.codegen.program import Core
from rung.semantics.types import UDINT, StringType, Type, storage

FAULTS: Final = "RUNG_FAULTS"
_MOST_ELEMENTS: Final = 8000
_MOST_ARRAYS: Final = 255


@dataclass(slots=True)
class DebugArray:
    """One array of the debug channel: its rows, each with the number of its first element and the task that writes it (None: any)."""

    rows: list[tuple[int, Row, int | None]]
    elements: int = 0

    def add(self, row: Row, task: int | None) -> None:
        """Append the variables of `row`."""
        self.rows.append((self.elements, row, task))
        self.elements += len(row.paths)


def debug_arrays(core: Core) -> list[DebugArray]:
    """Give every variable of the program its address."""
    arrays = [DebugArray([])]
    arrays[0].add(Row((FAULTS,), "rung::faults", UDINT), None)
    _fill(arrays, core.global_rows(), 0, None)
    for planned in core.schedule.instances:
        task = next(task for task in core.schedule.tasks if planned in task.instances)
        if len(arrays) < _MOST_ARRAYS:
            arrays.append(DebugArray([]))
            _fill(arrays, core.instance_rows(planned), task.number, task.number)
    return arrays


def _fill(arrays: list[DebugArray], rows: Iterator[Row], task: int, owner: int | None) -> None:
    """Add rows to the last array, and to further ones where it is full; the channel's address space is the limit."""
    for row in rows:
        place = _static_place(row.place, task)
        start = 0
        while start < len(row.paths):
            if arrays[-1].elements == _MOST_ELEMENTS:
                if len(arrays) == _MOST_ARRAYS:
                    return
                arrays.append(DebugArray([]))
            paths = row.paths[start : start + _MOST_ELEMENTS - arrays[-1].elements]
            at = place if start == 0 else f"{place.removesuffix('[0]')}[{start}]"
            arrays[-1].add(Row(paths, at, row.kind, row.retain), owner)
            start += len(paths)


def _static_place(place: str, task: int) -> str:
    """Turn a place as bodies see it into static storage: the task's process image, the globals that all tasks share."""
    return place.replace("(*t.globals)", "globals").replace("(*t.image)", f"image_{task}")


def _capacity(kind: Type) -> int:
    base = storage(kind)
    return base.length if isinstance(base, StringType) else 0


def debug_tables(arrays: Sequence[DebugArray]) -> Iterator[str]:
    """Yield the C++ lines of the tables."""
    for number, array in enumerate(arrays):
        yield f"const Row rows_{number}[] = {{"
        for first, row, task in array.rows:
            owner = "ANY_TASK" if task is None else str(task)
            yield (
                f"  {{&{row.place}, {first}, {len(row.paths)}, {memory_size(row.kind)}, "
                f"{TAGS[row.type_name]}, {_capacity(row.kind)}, {owner}}},"
            )
        yield "  {nullptr, 0, 0, 0, 0, 0, 0}};"
    yield "const DebugArray debug_arrays[] = {"
    for number, array in enumerate(arrays):
        yield f"  {{rows_{number}, {len(array.rows)}, {array.elements}}},"
    yield "};"
    yield f"const uint8_t debug_array_count = {len(arrays)};"


def debug_leaves(arrays: Sequence[DebugArray]) -> Iterator[Leaf]:
    """Yield every variable with its address."""
    for number, array in enumerate(arrays):
        for first, row, _ in array.rows:
            for offset, path in enumerate(row.paths):
                yield Leaf(number, first + offset, path, row.type_name, wire_size(row.kind))


def debug_map(md5: str, arrays: Sequence[DebugArray], leaves: Sequence[Leaf]) -> bytes:
    """Return the debug map, version 2, as clients keep it."""
    document = {
        "version": 2,
        "md5": md5,
        "typeTags": TAGS,
        "arrays": [{"index": number, "count": array.elements} for number, array in enumerate(arrays)],
        "leaves": [
            {"arrayIdx": leaf.array, "elemIdx": leaf.element, "path": leaf.path, "type": leaf.type, "size": leaf.size}
            for leaf in leaves
        ],
    }
    return json.dumps(document, separators=(",", ":")).encode()
