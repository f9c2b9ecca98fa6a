"""A program for a Runtime v4.1, written by hand: what a code generator makes, in its smallest form.

It meets the runtime's contract and nothing more, so that the simulator can be tested without a compiler of ours. Every
variable is a row of a debug table; those that count grow by 1 each scan unless they are forced.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

SIZES: Mapping[str, int] = {
    "BOOL": 1, "SINT": 1, "BYTE": 1, "INT": 2, "UINT": 2, "WORD": 2, "DINT": 4, "UDINT": 4, "REAL": 4,
    "LINT": 8, "LREAL": 8, "TIME": 8, "STRING": 127,
}  # fmt: skip

MD5 = "00112233445566778899aabbccddeeff"

_STD_LIB = """#pragma once
#include <cstddef>
#include <cstdint>
namespace strucpp {
inline thread_local int64_t __CURRENT_TIME_NS = 0;
struct RetainVarInfo;
struct ProgramBase {
    virtual ~ProgramBase() = default;
    virtual void run() = 0;
    virtual const RetainVarInfo* getRetainVars() const { return nullptr; }
    virtual size_t getRetainCount() const { return 0; }
    virtual void sync_in() {}
    virtual void sync_out() {}
    virtual void located_range(uint32_t* offset, uint32_t* count) const { *offset = 0; *count = 0; }
};
struct TaskInstance { const char* name; int64_t interval_ns; int32_t priority; ProgramBase** programs; size_t program_count; };
struct ResourceInstance { const char* name; const char* processor; TaskInstance* tasks; size_t task_count; };
struct ConfigurationInstance {
    virtual ~ConfigurationInstance() = default;
    virtual const char* get_name() const = 0;
    virtual ResourceInstance* get_resources() = 0;
    virtual size_t get_resource_count() const = 0;
};
}
"""

_LOCATED = """#pragma once
#include <cstdint>
namespace strucpp {
struct LocatedVar { uint8_t area, size; uint16_t byte_index; uint8_t bit_index, reserved[3]; void* pointer; };
extern LocatedVar locatedVars[];
}
"""

_GENERATED = """#pragma once
#include "iec_located.hpp"
#include "iec_std_lib.hpp"
namespace strucpp {
constexpr uint32_t locatedVarsCount = %(located_count)d;
struct Configuration_CONFIG0 : ConfigurationInstance {
    const char* get_name() const override;
    ResourceInstance* get_resources() override;
    size_t get_resource_count() const override;
};
}
"""

_PROGRAM = """#include "generated.hpp"
#include <cstring>

struct Leaf { void* at; uint16_t size; bool counts; bool forced; uint8_t pinned[128]; };
%(storage)s
static Leaf* const arrays[] = {%(array_names)s};
static const uint16_t counts[] = {%(array_sizes)s};
static uint64_t scans = 0;
#define V(type, array, element) (*(type*)arrays[array][element].at)

static void count_up(Leaf& leaf) {
    if (!leaf.counts || leaf.forced) return;
    uint64_t value = 0;
    memcpy(&value, leaf.at, leaf.size);
    ++value;
    memcpy(leaf.at, &value, leaf.size);
}

namespace strucpp {
LocatedVar locatedVars[] = {%(located)s};
%(programs)s
static TaskInstance tasks[] = {%(tasks)s};
static ResourceInstance resources[] = {{"Res0", "", tasks, %(task_count)d}};
const char* Configuration_CONFIG0::get_name() const { return "Config0"; }
ResourceInstance* Configuration_CONFIG0::get_resources() { return resources; }
size_t Configuration_CONFIG0::get_resource_count() const { return 1; }
}

extern "C" {
uint8_t strucpp_debug_array_count(void) { return sizeof counts / sizeof counts[0]; }
uint16_t strucpp_debug_elem_count(uint8_t array) { return counts[array]; }
uint16_t strucpp_debug_size(uint8_t array, uint16_t element) { return element < counts[array] ? arrays[array][element].size : 0; }
uint16_t strucpp_debug_read(uint8_t array, uint16_t element, uint8_t* to) {
    if (element >= counts[array]) return 0;
    const Leaf& leaf = arrays[array][element];
    // The process image may just have been copied over a forced output: what counts is the forced value.
    memcpy(to, leaf.forced ? leaf.pinned : leaf.at, leaf.size);
    return leaf.size;
}
uint8_t strucpp_debug_set(uint8_t array, uint16_t element, bool forcing, const uint8_t* value, uint16_t length) {
    if (element >= counts[array]) return 0x81;
    Leaf& leaf = arrays[array][element];
    if (!forcing) { leaf.forced = false; return 0x7E; }
    if (length < leaf.size) return 0x82;
    memcpy(leaf.at, value, leaf.size);
    memcpy(leaf.pinned, value, leaf.size);
    leaf.forced = true;
    return 0x7E;
}
uint8_t strucpp_debug_write(uint8_t, uint16_t, const uint8_t*, uint16_t) { return 0x7E; }
}
"""


@dataclass(frozen=True)
class Variable:
    """One row of a debug table.

    `initial` is raw memory, zeros when it is shorter. `address` is (area, width, index, bit) of a located variable, the
    letters and numbers of the contract: area 0 I, 1 Q, 2 M; width 0 bit to 4 lword.
    """

    type: str
    counts: bool = False
    initial: bytes = b""
    address: tuple[int, int, int, int] | None = None


@dataclass(frozen=True)
class Task:
    """A task with one program, whose variables are array `array` of the debug tables and whose body is C++."""

    array: int = 0
    name: str = "fast"
    interval_ns: int = 20_000_000
    priority: int = 1
    body: str = ""


LAMP_AND_COUNTER = (Variable("BOOL", address=(1, 0, 0, 0)), Variable("UDINT", counts=True))


@dataclass(frozen=True)
class Program:
    """A program: debug arrays and tasks. The default has array 0 with LAMP (%QX0.0) and COUNTER, and one task of 20 ms."""

    md5: str = MD5
    arrays: tuple[tuple[Variable, ...], ...] = (LAMP_AND_COUNTER,)
    tasks: tuple[Task, ...] = (Task(),)
    files: Mapping[str, str] = field(default_factory=dict)

    def zip(self, top: str = "") -> bytes:
        """The zip as it is uploaded; `top` is a folder that everything lies in."""
        return make_zip({f"{top}{name}": text for name, text in self.sources().items()})

    def sources(self) -> dict[str, str]:
        """File name to text."""
        located, slices = self._located()
        return {
            "strucpp_runtime/include/iec_std_lib.hpp": _STD_LIB,
            "strucpp_runtime/include/iec_located.hpp": _LOCATED,
            "strucpp_runtime/include/debug_dispatch.hpp": "#pragma once\n",
            "defines.h": f'#define PROGRAM_MD5 "{self.md5}"\n',
            "generated.hpp": _GENERATED % {"located_count": len(located)},
            "program.cpp": _PROGRAM
            % {
                "storage": self._storage(),
                "array_names": ", ".join(f"array{number}" for number in range(len(self.arrays))),
                "array_sizes": ", ".join(str(len(array)) for array in self.arrays),
                "located": ", ".join(located) or "{0, 0, 0, 0, {0, 0, 0}, nullptr}",
                "programs": "\n".join(self._program(n, task, slices[task.array]) for n, task in enumerate(self.tasks)),
                "tasks": ", ".join(
                    f"{{{json.dumps(task.name)}, {task.interval_ns}, {task.priority}, list{number}, 1}}"
                    for number, task in enumerate(self.tasks)
                )
                or '{"", 0, 0, nullptr, 0}',
                "task_count": len(self.tasks),
            },
            **self.files,
        }

    def _storage(self) -> str:
        lines = []
        for number, array in enumerate(self.arrays):
            rows = []
            for element, variable in enumerate(array):
                size = SIZES[variable.type]
                values = ", ".join(str(byte) for byte in variable.initial) or "0"
                lines.append(f"alignas(8) static uint8_t v{number}_{element}[{size}] = {{{values}}};")
                rows.append(f"{{v{number}_{element}, {size}, {str(variable.counts).lower()}, false}}")
            lines.append(f"static Leaf array{number}[] = {{{', '.join(rows)}}};")
        return "\n".join(lines)

    def _located(self) -> tuple[list[str], list[tuple[int, int]]]:
        rows: list[str] = []
        slices = []
        for number, array in enumerate(self.arrays):
            first = len(rows)
            for element, variable in enumerate(array):
                if variable.address is not None:
                    area, width, index, bit = variable.address
                    rows.append(f"{{{area}, {width}, {index}, {bit}, {{0, 0, 0}}, v{number}_{element}}}")
            slices.append((first, len(rows) - first))
        return rows, slices

    def _program(self, number: int, task: Task, located: tuple[int, int]) -> str:
        return f"""
struct Program{number} : ProgramBase {{
    void run() override {{
        for (uint16_t i = 0; i < counts[{task.array}]; ++i) count_up(arrays[{task.array}][i]);
        {"++scans;" if number == 0 else ""}
        {task.body}
    }}
    void located_range(uint32_t* offset, uint32_t* count) const override {{ *offset = {located[0]}; *count = {located[1]}; }}
}};
static Program{number} program{number};
static ProgramBase* list{number}[] = {{&program{number}}};"""


def crashing(after_scans: int, md5: str = MD5) -> Program:
    """A program that dereferences a null pointer."""
    return Program(md5, tasks=(Task(body=f"if (scans > {after_scans}) *(volatile int*)nullptr = 1;"),))


def looping(after_scans: int, md5: str = MD5) -> Program:
    """A program with an endless loop."""
    return Program(md5, tasks=(Task(body=f"volatile int spin = 0; while (scans > {after_scans}) spin = spin + 1;"),))


def dying(after_scans: int, md5: str = MD5) -> Program:
    """A program that takes its whole process down."""
    return Program(md5, tasks=(Task(body=f"if (scans > {after_scans}) __builtin_trap();"),))


def make_zip(files: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
