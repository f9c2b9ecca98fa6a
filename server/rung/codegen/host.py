"""The adapter for this computer: a program whose scans run on a virtual clock, for `rung run`.

Invariant: the executable depends on the program alone; cycles, tick and settings are given to it when it is started.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen import names
from rung.codegen.cpp_head import FAST, FAST_END, PLAIN_MACROS, QUIET, clock, support_files, support_includes
from rung.codegen.debug_table import Row, memory_size
from rung.codegen.program import Core, Link, build_core
from rung.codegen.schedule import PlannedTask
from rung.codegen.sources import SourceMap
from rung.codegen.standard_calls import value_type
from rung.semantics.model import Located, Program, Variable
from rung.semantics.types import BOOL, BYTE, DWORD, LWORD, WORD, Type

_BY_SIZE: Final = {"X": BOOL, "B": BYTE, "W": WORD, "D": DWORD, "L": LWORD}


@dataclass(slots=True)
class HostProgram:
    """The C++ files of an executable, its variables by row, and the rows of its process image by address."""

    files: Mapping[str, str]
    rows: Sequence[Row]
    cells: Mapping[Located, int]
    base_ns: int
    implied: bool


def generate_host(program: Program, sources: SourceMap) -> HostProgram:
    """Return the program for this computer. Raises BuildError when there is nothing to run."""
    core = build_core(program, sources, "globals", "image")
    rows = list(core.global_rows())
    for planned in core.schedule.instances:
        rows += core.instance_rows(planned)
    cells: dict[Located, int] = {}
    for address, users in core.places.image.cells.items():
        cells[address] = len(rows)
        rows.append(Row((address.text,), core.places.cell(address), _cell_type(address, users)))
    for link in core.links:
        if link.address not in cells:
            cells[link.address] = len(rows)
            rows.append(Row((link.address.text,), f"link_{names.cell(link.address)}", _BY_SIZE[link.address.size]))
    text = _main_file(core, rows)
    files = support_files("rung_host.hpp") | {
        "program.cpp": text,
        "program_types.hpp": core.types,
        "program_bodies.hpp": core.bodies,
    }
    return HostProgram(files, rows, cells, core.schedule.base_ns, core.schedule.implied)


def _cell_type(address: Located, users: Mapping[str, Variable | None]) -> Type:
    declared = next((variable.type for variable in users.values() if variable is not None), None)
    return declared if declared is not None else _BY_SIZE[address.size]


def _main_file(core: Core, rows: Sequence[Row]) -> str:
    schedule = core.schedule
    instances = schedule.instances
    head = (
        QUIET
        + "#include <stdint.h>\n"
        + FAST
        + clock("static")
        + support_includes()
        + '#include "rung_host.hpp"\n'
        + PLAIN_MACROS
    )
    body = ["namespace {", "using namespace rung;", '#include "program_types.hpp"', "Globals globals;", "Image image;"]
    body += [f"{_data_type(core, planned.number)} {names.instance(planned.number)};" for planned in instances]
    body += ['#include "program_bodies.hpp"', FAST_END]
    linked = {link.address for link in core.links if link.address not in core.places.image.cells}
    body += [
        f"{value_type(_BY_SIZE[address.size])} link_{names.cell(address)};"
        for address in sorted(linked, key=lambda a: a.text)
    ]
    body += ["Spare spare;", "Task scan = {{&spare, nullptr}, &globals, &image};"]
    body += _links(core)
    body += _start(core)
    tasks = schedule.by_urgency()
    for task in tasks:
        calls = " ".join(f"run_{names.instance(planned.number)}(scan);" for planned in task.instances)
        body.append(f"void task_{task.number}() {{ {calls} }}")
    body.append("HostTask tasks[] = {")
    body += [f"    {_task(core, task)}," for task in tasks]
    body += ["};", "const Row rows[] = {"]
    body += [f"    {{&{row.place}, {len(row.paths)}, {memory_size(row.kind)}}}," for row in rows]
    body += ["    {nullptr, 0, 0}", "};", "}"]
    tables = f"rows, {len(rows)}, tasks, {len(tasks)}, {schedule.base_ns}LL"
    body += [
        "int main(int argc, char **argv) {",
        f"    const Host host = {{{tables}, start, read_links, write_links, &scan_time}};",
        "    return host_main(host, argc, argv);",
        "}",
    ]
    return head + "\n".join(body) + "\n"


def _data_type(core: Core, number: int) -> str:
    planned = core.schedule.instances[number]
    return core.places.types.block(planned.instance.pou)


def _start(core: Core) -> list[str]:
    numbers = [planned.number for planned in core.schedule.instances]
    instances = [f"    init_{_data_type(core, number)}({names.instance(number)});" for number in numbers]
    return [
        "void start() {",
        "    init_globals(globals);",
        *instances,
        "    init_image(image);",
        "    begin_links();",
        "}",
    ]


def _link_cell(core: Core, link: Link) -> str:
    known = link.address in core.places.image.cells
    return core.places.cell(link.address) if known else f"link_{names.cell(link.address)}"


def _links(core: Core) -> list[str]:
    """Linked variables begin with their initial values, take their cell's before a scan, and give back after it what the scan changed: of two
    at one address, the one that only looks does not undo what the other wrote."""
    begins, reads, writes, kept = (
        ["void begin_links() {"],
        ["void read_links() {"],
        ["void write_links() {"],
        list[str](),
    )
    for number, link in enumerate(core.links):
        cell, size = _link_cell(core, link), memory_size(link.kind)
        reads.append(f"    memcpy(&{link.place}, &{cell}, {size});")
        if link.address.area == "I":
            continue
        kept.append(f"uint8_t before_{number}[{size}], nothing_{number}[{size}];")
        begins.append(
            f"    if (memcmp(&{link.place}, nothing_{number}, {size})) memcpy(&{cell}, &{link.place}, {size});"
        )
        reads.append(f"    memcpy(before_{number}, &{cell}, {size});")
        writes.append(
            f"    if (memcmp(&{link.place}, before_{number}, {size})) memcpy(&{cell}, &{link.place}, {size});"
        )
    return [*kept, *begins, "}", *reads, "}", *writes, "}"]


def _task(core: Core, task: PlannedTask) -> str:
    # Without a CONFIGURATION the program runs in every scan, whatever the tick is.
    interval = 0 if core.schedule.implied or task.interval_ns is None else task.interval_ns
    event = "nullptr" if task.event is None else f"&{core.places.of(task.event)}"
    given = "true" if task.interval_ns is not None else "false"
    return f"{{{interval}LL, 0, {event}, false, {given}, task_{task.number}}}"
