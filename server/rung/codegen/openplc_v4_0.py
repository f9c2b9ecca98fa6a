"""The adapter for OpenPLC Runtime v4.0: our C++ behind the C functions of a MatIEC program, in the zip that this runtime compiles.

Invariants: the archive and its MD5 depend on the program's sources and the files beside it alone; one thread runs all tasks, the most
urgent first, so nothing is shared between threads but the debug channel's requests; the runtime sees copies of located variables only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rung.codegen import names
from rung.codegen.archive import identity, pack
from rung.codegen.artefact import Artefact, DeviceFiles, plugins_of
from rung.codegen.cpp_head import (
    FORCED_MACROS,
    PLAIN_MACROS,
    QUICK,
    QUICK_END,
    UNDO_MACROS,
    bare,
    clock,
    support_files,
    support_includes,
)
from rung.codegen.debug_table import memory_size
from rung.codegen.openplc_debug import debug_leaves, debug_tables
from rung.codegen.openplc_v4_0_tables import flat_table, shadow_tables
from rung.codegen.places import exchanged
from rung.codegen.program import BuildError, Core, Link, build_core
from rung.codegen.schedule import PlannedTask
from rung.codegen.sources import SourceMap
from rung.codegen.standard_calls import value_type
from rung.semantics.model import Located, Program
from rung.semantics.types import BOOL, BYTE, DWORD, LWORD, WORD, Elementary

TARGET: Final = "openplc-v4.0"
_BY_SIZE: Final[Mapping[str, Elementary]] = {"X": BOOL, "B": BYTE, "W": WORD, "D": DWORD, "L": LWORD}
_AREAS: Final = {"I": 0, "Q": 1, "M": 2}
_LONGEST_SCAN_NS: Final = 100_000_000
_SHORTEST_SCAN_NS: Final = 100_000
_MILLISECOND_NS: Final = 1_000_000
_TRIES: Final = 10_000


def build_openplc_v4_0(program: Program, sources: SourceMap, beside: DeviceFiles | None = None) -> Artefact:
    """Return the zip for a runtime of version 4.0.

    `beside` makes what goes with the program, of which this runtime knows the plugins' files, `conf/modbus_slave.json` and the like.
    All of it counts for the MD5. Raises BuildError when there is nothing to run, or when its tasks have no common period.
    """
    return _Adapter(program, sources).artefact(beside)


def scan_period(base_ns: int) -> int:
    """Return how often the runtime scans a program whose tasks' intervals have the greatest common divisor `base_ns`.

    It is no longer than 100 ms: the runtime answers a stop when a scan's period is over, but its web server waits for half a second
    only; and its watchdog takes a period of two seconds for an endless loop. Raises BuildError where it would be less than 100 us,
    because the one thread could do nothing else.
    """
    fewest = -(-base_ns // _LONGEST_SCAN_NS)
    most = min(base_ns // _SHORTEST_SCAN_NS, fewest + _TRIES)
    for scans in range(fewest, most + 1):
        if base_ns % scans == 0:
            return base_ns // scans
    if base_ns % _MILLISECOND_NS == 0:
        return _MILLISECOND_NS
    raise BuildError(
        "OpenPLC Runtime v4.0 runs all tasks in one thread, in scans of 100 us to 100 ms, and the tasks' intervals have no common divisor "
        "in this range. Give the tasks intervals that are multiples of 1 ms."
    )


class _Adapter:
    __slots__ = ("_core", "_extra", "_period", "_sources")

    def __init__(self, program: Program, sources: SourceMap) -> None:
        self._sources = sources
        self._core: Core = build_core(program, sources, "globals", "image")
        self._period = scan_period(self._core.schedule.base_ns)
        # Addresses that VAR_CONFIG alone names: no cell of the image, but one of the runtime's.
        cells = self._core.places.image.cells
        self._extra = sorted(
            {link.address for link in self._links() if link.address not in cells}, key=lambda a: a.text
        )

    def artefact(self, beside: DeviceFiles | None) -> Artefact:
        table = flat_table(self._core)
        leaves = tuple(debug_leaves([table]))
        support = support_files("rung_openplc.hpp", "rung_openplc_v4_0.hpp", "openplc_v4_0_glue.c")
        glue = support.pop("openplc_v4_0_glue.c")
        text = "".join(file.text if file.text.endswith("\n") else f"{file.text}\n" for file in self._sources.files())
        files = {
            "program.st": text,
            "Config0.c": f"/* Made by Rung. The program is in c_blocks_code.cpp. */\nunsigned long long common_ticktime__ = {self._period}ULL;\n",
            "Res0.c": "/* Made by Rung. The resource's tasks are in c_blocks_code.cpp. */\ntypedef int nothing;\n",
            "glueVars.c": glue,
            "c_blocks_code.cpp": self._program([*debug_tables([table]), *shadow_tables(table)]),
            "program_types.hpp": self._core.types,
            "program_bodies.hpp": self._core.bodies,
        }
        files |= {f"lib/{name}": bare(content) for name, content in support.items()}
        content = {name: text.encode() for name, text in files.items()}
        files_beside = {} if beside is None else beside(leaves)
        md5 = identity(content | {name: files_beside[name] for name in sorted(files_beside)})
        content |= {name: files_beside[name] for name in sorted(files_beside) if name.startswith("conf/")}
        content["debug.c"] = f'/* Made by Rung. */\nchar plc_program_md5[] = "{md5}";\n'.encode()
        paths = {file.name: file.path for file in self._sources.files()}
        return Artefact(TARGET, "program.zip", pack(content), md5, leaves, paths, plugins=plugins_of(files_beside))

    def _program(self, tables: list[str]) -> str:
        parts = [
            "#include <pthread.h>\n#include <stddef.h>\n#include <stdint.h>\n",
            clock("static"),
            support_includes(),
            'namespace {\nusing namespace rung;\n#include "program_types.hpp"\nconst uint8_t TASK_COUNT = 1;\n',
            "".join(f"{line}\n" for line in self._storage()),
            '#include "rung_openplc.hpp"\n',
            # No task has copies of the globals, because one thread runs them all.
            "void merge_globals(Globals &, const Globals &, const Globals &) {}\n",
            f'{PLAIN_MACROS}namespace plain {{\n#include "program_bodies.hpp"\n}}\n{UNDO_MACROS}',
            f'{QUICK}{FORCED_MACROS}namespace forced {{\n#include "program_bodies.hpp"\n}}\n{UNDO_MACROS}{QUICK_END}',
            "".join(f"{line}\n" for line in (*self._links_text(), *tables, *self._tasks())),
            '#include "rung_openplc_v4_0.hpp"\n',
            "".join(f"{line}\n" for line in self._start()),
            "}\n",
            "".join(f"{line}\n" for line in self._cells()),
            _EXPORTS,
        ]
        return "".join(parts)

    # ------------------------------------------------------------------------------------------ process image

    def _links(self) -> Iterator[Link]:
        return (link for link in self._core.links if exchanged(link.address))

    def _wire(self, address: Located) -> str:
        """The member of `Wires` that the runtime knows as `address`."""
        image = self._core.places.image
        return f"image.{image.member(address)}" if address in image.cells else names.cell(address)

    def _addresses(self) -> list[Located]:
        return [address for address in self._core.places.image.cells if exchanged(address)] + self._extra

    def _links_text(self) -> Iterator[str]:
        """How variables that VAR_CONFIG located take their values before the tasks, and how a scan gives back what it changed."""
        yield "void read_links() {"
        for link in self._links():
            yield f"  __builtin_memcpy(&{link.place}, &wires.{self._wire(link.address)}, {_exchanged_bytes(link)});"
        yield "}"
        yield "void write_links(const Wires &before) {"
        yield "  (void)before;"
        for address in self._core.places.image.cells:
            if exchanged(address) and address.area != "I":
                place = self._wire(address)
                yield f"  give_back(&wires.{place}, &{place}, &before.{place}, sizeof wires.{place});"
        for link in self._links():
            if link.address.area != "I":
                place = self._wire(link.address)
                yield f"  give_back(&wires.{place}, &{link.place}, &before.{place}, {_exchanged_bytes(link)});"
        yield "}"

    def _cells(self) -> Iterator[str]:
        addresses = self._addresses()
        yield 'extern "C" {'
        yield "struct RungCell { char size; uint8_t area; uint16_t index; uint8_t bit; void *at; };"
        yield f"extern const RungCell rung_cells[{max(1, len(addresses))}] = {{"
        for address in addresses:
            where = f"'{address.size}', {_AREAS[address.area]}, {address.index}, {address.bit or 0}"
            yield f"  {{{where}, &wires.{self._wire(address)}}},"
        yield "};"
        yield f"extern const uint32_t rung_cell_count = {len(addresses)};"
        yield "}"

    # ------------------------------------------------------------------------------------------ storage, tasks

    def _storage(self) -> Iterator[str]:
        yield "Globals globals;"
        yield "Image image;"
        for planned in self._core.schedule.instances:
            yield f"{self._core.places.types.block(planned.instance.pou)} {names.instance(planned.number)};"
        extra = " ".join(f"{value_type(_BY_SIZE[address.size])} {names.cell(address)};" for address in self._extra)
        yield f"struct Wires {{ Image image; {extra} }} wires;"
        yield "Spare spare;"
        yield f"const int64_t TICK = {self._period}LL;"
        yield "inline Image *image_of(uint8_t) { return &image; }"
        yield "static void give_back(void *cell, const void *mine, const void *before, size_t size);"

    def _tasks(self) -> Iterator[str]:
        tasks = self._core.schedule.by_urgency()
        for task in tasks:
            runs = [f"run_{names.instance(planned.number)}(t);" for planned in task.instances]
            yield f"void task_{task.number}(TaskState &t) {{"
            yield f"  if (t.mine.count) {{ {' '.join(f'forced::{run}' for run in runs)} }}"
            yield f"  else {{ {' '.join(f'plain::{run}' for run in runs)} }}"
            yield "}"
        yield "struct PlannedTask { int64_t period, interval; const bool *event; bool level; void (*run)(TaskState &); };"
        yield "PlannedTask planned_tasks[] = {"
        for task in tasks:
            yield f"  {{{task.period_ns}LL, {task.interval_ns or 0}LL, {self._event(task)}, false, task_{task.number}}},"
        yield "};"
        yield f"const uint32_t planned_task_count = {len(tasks)};"

    def _event(self, task: PlannedTask) -> str:
        return "nullptr" if task.event is None else f"&{self._core.places.of(task.event)}"

    def _start(self) -> Iterator[str]:
        """Everything as it is when the power comes on, whatever the library has run before."""
        yield "void start() {"
        yield "  clear(globals); clear(image); clear(wires);"
        yield "  init_globals(globals);"
        yield "  init_image(wires.image);"
        for planned in self._core.schedule.instances:
            data = names.instance(planned.number)
            yield f"  clear({data}); init_{self._core.places.types.block(planned.instance.pou)}({data});"
        for link in self._links():
            if link.address.area != "I":
                yield f"  offer(&wires.{self._wire(link.address)}, &{link.place}, {_exchanged_bytes(link)});"
        yield "  prepare(&spare);"
        yield "}"


def _exchanged_bytes(link: Link) -> int:
    return min(memory_size(link.kind), memory_size(_BY_SIZE[link.address.size]))


_EXPORTS: Final = """\
extern "C" {
void config_init__(void) { start(); }
void config_run__(unsigned long) { run_scan(); }
void set_endianness(uint8_t) {}
uint16_t get_var_count(void) { return debug_arrays[0].elements; }
size_t get_var_size(size_t number) { return size_of(number); }
void *get_var_addr(size_t number) { return address_of(number); }
void set_trace(size_t number, bool forced, void *value) {
  if (forced)
    force(number, value);
  else if (number < debug_arrays[0].elements)
    release(0, uint16_t(number));
}
}
"""
