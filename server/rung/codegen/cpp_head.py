"""What stands at the head of every generated C++ file: the support headers, the macros of plain bodies, the compiler's settings."""

from __future__ import annotations

from importlib import resources
from typing import Final

_SUPPORT: Final = (
    "rung_types.hpp", "rung_numeric.hpp", "rung_strings.hpp", "rung_decimal.hpp", "rung_convert.hpp", "rung_datetime.hpp",
    "rung_blocks.hpp", "rung_scan.hpp",
)  # fmt: skip
PLAIN_MACROS: Final = """\
#define SET(place, ...) ((place) = (__VA_ARGS__))
#define PUT(array, at, ...) put(t, array, at, __VA_ARGS__)
#define PIN(place) ((void)0)
#define LOOP(counter, place) counter
#define KNOWN(array, plain, checked) (array).e[plain]
"""
# Bodies that run while something is forced give every forced variable its value again after each write.
FORCED_MACROS: Final = """\
#define SET(place, ...) do { auto &place_ = (place); place_ = (__VA_ARGS__); pin(t, &place_, sizeof place_); } while (0)
#define PUT(array, at, ...) SET(element(t, array, at), __VA_ARGS__)
#define PIN(place) pin(t, &(place), sizeof(place))
#define LOOP(counter, place) (place)
#define KNOWN(array, plain, checked) element(t, array, checked)
"""
UNDO_MACROS: Final = "#undef SET\n#undef PUT\n#undef PIN\n#undef LOOP\n#undef KNOWN\n"
# The device compiles with -O1, which leaves loops over arrays slow. Bodies that run while nothing is forced are worth more; it costs
# a twentieth of a second. Clang does not know the pragma.
FAST: Final = """\
#ifndef __clang__
#pragma GCC push_options
#pragma GCC optimize("O2")
#endif
"""
FAST_END: Final = """\
#ifndef __clang__
#pragma GCC pop_options
#endif
"""
# Where the device compiles with -O3, bodies that run only while something is forced are not worth a quarter of the time it takes.
QUICK: Final = FAST.replace("O2", "O1")
QUICK_END: Final = FAST_END
# Whatever a user's program leaves unused is the business of our own diagnostics.
QUIET: Final = "".join(
    f'#pragma GCC diagnostic ignored "-W{name}"\n'
    for name in (
        "unused-variable",
        "unused-but-set-variable",
        "unused-function",
        "unused-value",
        "parentheses",
        "sign-compare",
    )
)


def support_files(*more: str) -> dict[str, str]:
    """Return the support headers that every generated program includes, and `more` of them, by name."""
    folder = resources.files("rung.codegen") / "support"
    return {name: (folder / name).read_text(encoding="utf-8") for name in (*_SUPPORT, *more)}


def bare(header: str) -> str:
    """Return a support header without its comments, line by line: a third of the download, and no device reads them."""
    return "\n".join("" if line.lstrip().startswith("//") else line for line in header.split("\n"))


def support_includes() -> str:
    """Return the C++ lines that include the support headers."""
    return "".join(f'#include "{name}"\n' for name in _SUPPORT)


def clock(storage: str, board: bool = False) -> str:
    """Return the C++ lines that give the support headers their clock and fault counter. `storage` is the clock's storage class:
    each thread has its own if tasks run in threads. A `board`'s clock counts milliseconds; its program defines RUNG_BOARD first."""
    kind = "int32_t" if board else "int64_t"
    return (
        f"namespace rung {{\n{storage} {kind} scan_time = 0;\nstatic uint32_t faults = 0;\n"
        f"static inline {kind} now() {{ return scan_time; }}\n}}\n"
    )
