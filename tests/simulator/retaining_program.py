"""A program for a Runtime v4.2, written by hand: the smallest of section 4.2 with what newer runtimes ask for.

Its debug table has read_entry, its first variable is located, and its COUNTER is retained.
"""

from __future__ import annotations

from simulator.minimal_program import MD5, Program, Task, Variable

_TABLE = """#pragma once
#include <cstdint>
namespace strucpp { namespace debug { extern const uint32_t retain_layout_hash; } }
"""

_DISPATCH = """#pragma once
#include <cstddef>
#include <cstdint>
#include "debug_table.hpp"
extern "C" uint16_t strucpp_debug_read(uint8_t, uint16_t, uint8_t*);
extern "C" uint16_t strucpp_debug_size(uint8_t, uint16_t);
extern "C" void* storage_of(uint8_t, uint16_t);
namespace strucpp { namespace debug {
struct Entry { void* ptr; };
inline Entry read_entry(uint8_t array, uint16_t element) { return {storage_of(array, element)}; }
inline uint16_t handle_read(uint8_t a, uint16_t e, uint8_t* to) { return strucpp_debug_read(a, e, to); }
inline uint16_t handle_size(uint8_t a, uint16_t e) { return strucpp_debug_size(a, e); }
} }
"""

# The bytes that are kept are the program's own affair: here the values of two variables, one after the other.
_RETAIN = """#pragma once
#include <cstddef>
#include <cstdint>
#include "debug_table.hpp"
namespace strucpp { namespace retain {
enum class LoadResult : uint8_t { Ok = 0, Truncated = 6 };
template <typename Size> size_t blob_size(Size size) { return size_t{size(0, 0)} + size(0, 1); }
template <typename Read, typename Size> size_t pack(uint8_t* to, size_t room, Read read, Size size) {
    if (room < blob_size(size)) return 0;
    const size_t first = read(0, 0, to);
    return first + read(0, 1, to + first);
}
template <typename Write, typename Size> LoadResult unpack(const uint8_t* from, size_t length, Write write, Size size) {
    if (length != blob_size(size)) return LoadResult::Truncated;
    write(0, 0, from, size(0, 0));
    write(0, 1, from + size(0, 0), size(0, 1));
    return LoadResult::Ok;
}
} }
"""

# The address of a variable's storage is known to program.cpp alone, so this is compiled into it.
_STORAGE = """
namespace strucpp { namespace debug { extern const uint32_t retain_layout_hash = 0x5A5A; } }
extern "C" void* storage_of(uint8_t array, uint16_t element) {
    return array < sizeof counts / sizeof counts[0] && element < counts[array] ? arrays[array][element].at : nullptr;
}
"""

COUNTING_WORD = (Variable("INT", counts=True, address=(2, 2, 3, 0)), Variable("UDINT", counts=True))


def retaining(md5: str = MD5, *, conf: str = "enabled=1\nflush_seconds=1\n", with_api: bool = True) -> Program:
    """A program whose located word %MW3 and COUNTER are retained.

    Args:
        md5: the program's identity.
        conf: the content of retain.conf; "" for none.
        with_api: the headers offer what retaining needs.
    """
    plain = Program(md5, arrays=(COUNTING_WORD,), tasks=(Task(),))
    folder = "strucpp_runtime/include"
    files = {
        "program.cpp": plain.sources()["program.cpp"] + _STORAGE,
        f"{folder}/debug_table.hpp": _TABLE,
        f"{folder}/debug_dispatch.hpp": _DISPATCH,
    }
    if with_api:
        files[f"{folder}/iec_retain.hpp"] = _RETAIN
    if conf:
        files["retain.conf"] = conf
    # A value that is written from outside must arrive: the smallest program's soft write does nothing.
    files["program.cpp"] = files["program.cpp"].replace(
        "uint8_t strucpp_debug_write(uint8_t, uint16_t, const uint8_t*, uint16_t) { return 0x7E; }",
        "uint8_t strucpp_debug_write(uint8_t array, uint16_t element, const uint8_t* value, uint16_t length) {\n"
        "    memcpy(arrays[array][element].at, value, length);\n    return 0x7E;\n}",
    )
    return Program(md5, plain.arrays, plain.tasks, files)
