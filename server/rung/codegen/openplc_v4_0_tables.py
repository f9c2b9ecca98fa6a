"""The variables of a program for OpenPLC Runtime v4.0, which knows each by one number, and the shadows of those that it must be shown
with other bytes than they have in memory.

Invariant: number 0 is the fault counter, then come the globals, then each program instance; there are 65535 numbers at most, and what
does not fit has none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from rung.codegen.debug_table import Row, wire_size
from rung.codegen.openplc_debug import FAULTS, DebugArray
from rung.codegen.program import Core
from rung.semantics.types import UDINT

_MOST_VARIABLES = 65535
_SHADOWED = frozenset({"TIME", "DATE", "TOD", "DT", "STRING", "WSTRING"})


def flat_table(core: Core) -> DebugArray:
    """Give every variable of the program its number."""
    table = DebugArray([])
    table.add(Row((FAULTS,), "rung::faults", UDINT), None)
    instances = chain.from_iterable(core.instance_rows(planned) for planned in core.schedule.instances)
    for row in chain(core.global_rows(), instances):
        room = _MOST_VARIABLES - table.elements
        if room == 0:
            break
        table.add(Row(row.paths[:room], row.place, row.kind), None)
    return table


def shadow_tables(table: DebugArray) -> Iterator[str]:
    """Yield the C++ lines of the shadows: for each row where in `shadow_bytes` those of its variables begin."""
    offsets: list[str] = []
    size = count = 0
    for _, row, _ in table.rows:
        if row.type_name in _SHADOWED:
            offsets.append(str(size))
            size += len(row.paths) * _step(row)
            count += len(row.paths)
        else:
            offsets.append("NO_SHADOW")
    yield "const uint32_t NO_SHADOW = 0xFFFFFFFFu;"
    yield f"const uint32_t shadow_offsets[] = {{{', '.join(offsets)}}};"
    yield f"alignas(8) uint8_t shadow_bytes[{max(8, size)}], shadow_copies[{max(8, size)}];"
    yield f"struct Watched {{ Place place; uint8_t *shadow, *copy; }} watched[{max(1, count)}];"


def _step(row: Row) -> int:
    """The bytes of a shadow with the one that says whether it is watched, rounded up so that the next one is aligned."""
    return wire_size(row.kind) + 8 & ~7
