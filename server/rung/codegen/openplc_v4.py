"""The adapter for OpenPLC Runtime v4.1 and later: the zip that the runtime compiles and loads.

Invariants: the archive and its MD5 depend on the program's sources and configuration files alone; tasks, which the runtime runs in
threads, share globals through copies; every located address is exchanged with the runtime in the slice of its task's first program.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from rung.codegen import names
from rung.codegen.archive import identity, pack
from rung.codegen.artefact import Artefact, DeviceFiles, plugins_of
from rung.codegen.cpp_head import (
    FAST,
    FAST_END,
    FORCED_MACROS,
    PLAIN_MACROS,
    QUIET,
    UNDO_MACROS,
    bare,
    clock,
    support_files,
    support_includes,
)
from rung.codegen.openplc_debug import DebugArray, debug_arrays, debug_leaves, debug_map, debug_tables
from rung.codegen.openplc_retain import MOST_BYTES, Retained, layout_hash, retain_tables, retained
from rung.codegen.places import exchanged
from rung.codegen.program import BuildError, Core, build_core
from rung.codegen.schedule import PlannedTask, plan
from rung.codegen.sources import SourceMap
from rung.semantics.model import Located, Program

TARGET: Final = "openplc-v4"
_INCLUDE: Final = "strucpp_runtime/include/"
_ABI: Final = ("iec_std_lib.hpp", "iec_located.hpp", "debug_dispatch.hpp", "debug_table.hpp", "iec_retain.hpp")
_AREAS: Final = {"I": "Input", "Q": "Output", "M": "Memory"}
_SIZES: Final = {"X": "Bit", "B": "Byte", "W": "Word", "D": "DWord", "L": "LWord"}


def build_openplc_v4(
    program: Program, sources: SourceMap, beside: DeviceFiles | None = None, takes: Collection[str] = ()
) -> Artefact:
    """Return the zip for a runtime of version 4.1 or later.

    `beside` makes what goes with the program: `conf/modbus_slave.json`, `retain.conf` and the like. All of it counts for the MD5; of the
    files outside of `conf/` those are sent that the device `takes`. Raises BuildError when there is nothing to run.
    """
    return _Adapter(program, sources).artefact(beside, takes)


class _Adapter:
    __slots__ = ("_core", "_shared", "_sources")

    def __init__(self, program: Program, sources: SourceMap) -> None:
        self._sources = sources
        self._shared = program.configuration is not None and len(plan(program.configuration).tasks) > 1
        globals_data, image_data = ("(*t.globals)", "(*t.image)") if self._shared else ("globals", "image_0")
        self._core: Core = build_core(program, sources, globals_data, image_data)

    def artefact(self, beside: DeviceFiles | None, takes: Collection[str]) -> Artefact:
        debug = debug_arrays(self._core)
        leaves = tuple(debug_leaves(debug))
        kept = retained(debug)
        if kept.size > MOST_BYTES and "retain.conf" in takes:
            raise BuildError(
                f"The RETAIN variables take {kept.size} bytes, and the runtime keeps {MOST_BYTES} at most: let fewer of them be RETAIN."
            )
        text = "".join(file.text if file.text.endswith("\n") else f"{file.text}\n" for file in self._sources.files())
        slices = self._slices()
        files = {
            "program.st": text,
            "generated.hpp": self._generated(sum(len(entries) for entries in slices)),
            "program.cpp": self._program(debug, slices, kept),
            "program_types.hpp": self._core.types,
            "program_bodies.hpp": self._core.bodies,
        }
        files |= {
            f"{_INCLUDE}{name}": bare(content)
            for name, content in support_files(*_ABI, "rung_openplc.hpp", "rung_retain.hpp").items()
        }
        content = {name: text.encode() for name, text in files.items()}
        files_beside = {} if beside is None else beside(leaves)
        md5 = identity(content | {name: files_beside[name] for name in sorted(files_beside)})
        content |= {name: files_beside[name] for name in sorted(files_beside) if "/" in name or name in takes}
        content["defines.h"] = f'#define PROGRAM_MD5 "{md5}"\n'.encode()
        content["debug-map.json"] = debug_map(md5, debug, leaves)
        paths = {file.name: file.path for file in self._sources.files()}
        return Artefact(TARGET, "program.zip", pack(content), md5, leaves, paths, plugins=plugins_of(files_beside))

    # ------------------------------------------------------------------------------------------ process image

    def _slices(self) -> list[list[tuple[Located, str]]]:
        """For each task, what it exchanges with the runtime: address and C++ place."""
        slices: list[list[tuple[Located, str]]] = []
        for task in self._core.schedule.tasks:
            image, cells = f"image_{task.number}", self._core.places.image
            entries = [(address, f"{image}.{cells.member(address)}") for address in cells.cells if exchanged(address)]
            links = [link for link in self._core.links if link.instance in task.instances]
            entries += [(link.address, link.place) for link in links if exchanged(link.address)]
            slices.append(entries)
        return slices

    # ------------------------------------------------------------------------------------------------- files

    def _generated(self, located: int) -> str:
        return f"""\
// Made by Rung. The configuration as the runtime's entry sees it; the program itself is in program.cpp.
#pragma once
#include "iec_std_lib.hpp"
namespace strucpp {{
constexpr uint32_t locatedVarsCount = {located};
extern LocatedVar locatedVars[{max(1, located)}];
struct Configuration_CONFIG0 : ConfigurationInstance {{
  Configuration_CONFIG0();
  const char *get_name() const override {{ return "Config0"; }}
  ResourceInstance *get_resources() override;
  size_t get_resource_count() const override;
}};
}}
"""

    def _program(
        self, debug: Sequence[DebugArray], slices: Sequence[Sequence[tuple[Located, str]]], kept: Retained
    ) -> str:
        tasks = self._core.schedule.tasks
        parts = [
            QUIET,
            '#include <pthread.h>\n#include "generated.hpp"\n#include "debug_table.hpp"\n#include "iec_retain.hpp"\n',
            FAST,
            clock("static __thread" if self._shared else "static"),
            support_includes(),
            "namespace {\nusing namespace rung;\n",
            '#include "program_types.hpp"\n',
            f"const uint8_t TASK_COUNT = {len(tasks)};\n",
            "".join(f"{line}\n" for line in self._storage()),
            '#include "rung_openplc.hpp"\n',
            "".join(f"{line}\n" for line in self._merging()),
            f'{PLAIN_MACROS}namespace plain {{\n#include "program_bodies.hpp"\n}}\n{FAST_END}{UNDO_MACROS}',
            f'{FORCED_MACROS}namespace forced {{\n#include "program_bodies.hpp"\n}}\n{UNDO_MACROS}',
            "".join(f"{line}\n" for line in self._tasks()),
            "".join(f"{line}\n" for line in debug_tables(debug)),
            "".join(f"{line}\n" for line in retain_tables(kept)),
            "}\n",
            layout_hash(kept),
            '#include "rung_retain.hpp"\n',
            "".join(f"{line}\n" for line in self._configuration(slices)),
            _EXPORTS,
        ]
        return "".join(parts)

    def _storage(self) -> Iterator[str]:
        tasks = self._core.schedule.tasks
        yield "Globals globals;"
        for planned in self._core.schedule.instances:
            yield f"{self._core.places.types.block(planned.instance.pou)} {names.instance(planned.number)};"
        for task in tasks:
            yield f"Image image_{task.number};"
            yield f"Spare spare_{task.number};"
            if self._shared:
                yield f"Globals globals_{task.number}, before_{task.number};"
        images = ", ".join(f"&image_{task.number}" for task in tasks)
        yield f"Image *const images[] = {{{images}}};"
        yield "inline Image *image_of(uint8_t task) { return images[task]; }"

    def _merging(self) -> Iterator[str]:
        """How a task gives back the globals it changed, variable by variable, so that no other task's change is lost."""
        yield "static void merge_globals(Globals &to, const Globals &mine, const Globals &before) {"
        yield "  (void)to; (void)mine; (void)before;"
        for member in self._core.shared_members():
            yield f"  merge(to.{member}, mine.{member}, before.{member});"
        yield "}"

    def _tasks(self) -> Iterator[str]:
        for task in self._core.schedule.tasks:
            number = task.number
            data = f"&globals_{number}" if self._shared else "&globals"
            before = f"&before_{number}" if self._shared else "nullptr"
            yield f"TaskState task_{number};"
            yield f"void prepare_{number}() {{"
            yield f"  TaskState &task = task_{number};"
            yield f"  task.spare = &spare_{number}; task.forces = &task.mine; task.globals = {data}; task.image = &image_{number};"
            yield f"  task.number = {number}; task.shares_globals = {'true' if self._shared else 'false'}; task.before = {before};"
            yield f"  task.period = {task.period_ns}LL; task.interval = {task.interval_ns or 0 if task.event else 0}LL;"
            yield "}"

    def _configuration(self, slices: Sequence[Sequence[tuple[Located, str]]]) -> Iterator[str]:
        yield "namespace strucpp {"
        entries = [entry for entries in slices for entry in entries]
        yield f"LocatedVar locatedVars[{max(1, len(entries))}] = {{"
        for address, place in entries:
            bit = address.bit or 0
            yield (
                f"  {{LocatedArea::{_AREAS[address.area]}, LocatedSize::{_SIZES[address.size]}, "
                f"{address.index}, {bit}, {{0, 0, 0}}, &{place}}},"
            )
        yield "};"
        yield "namespace {"
        offset = 0
        for task, own in zip(self._core.schedule.tasks, slices, strict=True):
            yield from self._programs(task, offset, len(own))
            offset += len(own)
        yield from self._resources()
        yield "}"
        yield "Configuration_CONFIG0::Configuration_CONFIG0() {"
        yield "  open_door();"
        yield "  init_globals(globals);"
        for planned in self._core.schedule.instances:
            yield f"  init_{self._core.places.types.block(planned.instance.pou)}({names.instance(planned.number)});"
        for task in self._core.schedule.tasks:
            yield f"  prepare_{task.number}();"
        yield "}"
        yield "ResourceInstance *Configuration_CONFIG0::get_resources() { return resources; }"
        yield "size_t Configuration_CONFIG0::get_resource_count() const { return sizeof resources / sizeof *resources; }"
        yield "}"

    def _programs(self, task: PlannedTask, offset: int, count: int) -> Iterator[str]:
        """The task's programs as the runtime calls them: the first begins the task's scan and has its slice, the last ends it."""
        state = f"task_{task.number}"
        for position, planned in enumerate(task.instances):
            data = names.instance(planned.number)
            yield f"struct Program{planned.number} final : ProgramBase {{"
            yield "  void run() override {"
            if position == 0:
                yield f"    begin_scan({state});"
                yield f"    {state}.due = {self._due(task)};"
            yield f"    if ({state}.due) {state}.mine.count ? forced::run_{data}({state}) : plain::run_{data}({state});"
            if position == len(task.instances) - 1:
                yield f"    end_scan({state});"
            yield "  }"
            if position == 0 and count:
                yield "  void located_range(uint32_t *offset, uint32_t *count) const override {"
                yield f"    *offset = {offset}; *count = {count};"
                yield "  }"
            yield f"}} program_{planned.number};"
        programs = ", ".join(f"&program_{planned.number}" for planned in task.instances)
        yield f"ProgramBase *programs_{task.number}[] = {{{programs}}};"

    def _due(self, task: PlannedTask) -> str:
        if task.event is None:
            return "true"
        place = self._core.places.of(task.event) or ""
        level = place.replace("(*t.globals)", f"(*task_{task.number}.globals)").replace(
            "(*t.image)", f"image_{task.number}"
        )
        return f"triggered(task_{task.number}, {level})"

    def _resources(self) -> Iterator[str]:
        # IEC's 0 is the most urgent, the runtime's threads take larger numbers first: the order is kept, counted from 1.
        levels = sorted({task.urgency for task in self._core.schedule.tasks}, reverse=True)
        rank = {urgency: min(99, level + 1) for level, urgency in enumerate(levels)}
        by_resource: dict[str, list[PlannedTask]] = {}
        for task in self._core.schedule.tasks:
            by_resource.setdefault(task.resource, []).append(task)
        for number, tasks in enumerate(by_resource.values()):
            yield f"TaskInstance tasks_{number}[] = {{"
            for task in tasks:
                timing = f"{task.period_ns}LL, {rank[task.urgency]}"
                yield f'  {{"{_quoted(task.name)}", {timing}, programs_{task.number}, {len(task.instances)}}},'
            yield "};"
        yield "ResourceInstance resources[] = {"
        for number, (name, tasks) in enumerate(by_resource.items()):
            yield f'  {{"{_quoted(name)}", "{_quoted(tasks[0].processor)}", tasks_{number}, {len(tasks)}}},'
        yield "};"


_EXPORTS: Final = """\
namespace strucpp {
namespace debug {
Entry read_entry(uint8_t array, uint16_t element) {
  const Place place = find(array, element);
  return Entry{place.at, place.row ? place.row->tag : uint8_t(0)};
}
}
}
#define EXPORTED __attribute__((visibility("default")))
extern "C" {
EXPORTED uint8_t strucpp_debug_array_count(void) { return debug_array_count; }
EXPORTED uint16_t strucpp_debug_elem_count(uint8_t array) { return array < debug_array_count ? debug_arrays[array].elements : 0; }
EXPORTED uint16_t strucpp_debug_size(uint8_t array, uint16_t element) {
  const Place place = find(array, element);
  return place.row ? wire_size(*place.row) : 0;
}
EXPORTED uint16_t strucpp_debug_read(uint8_t array, uint16_t element, uint8_t *to) { return debug_read(array, element, to); }
EXPORTED uint8_t strucpp_debug_set(uint8_t array, uint16_t element, bool forcing, const uint8_t *value, uint16_t length) {
  return forcing ? request(array, element, false, value, length) : release(array, element);
}
EXPORTED uint8_t strucpp_debug_write(uint8_t array, uint16_t element, const uint8_t *value, uint16_t length) {
  return request(array, element, true, value, length);
}
}
"""


def _quoted(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-. ") else "_" for c in text)
