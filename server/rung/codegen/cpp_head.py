"""What stands at the head of every generated C++ file: the support headers, the macros of plain bodies, the compiler's settings."""

from __future__ import annotations

from importlib import resources
from typing import Final

_SUPPORT: Final = (
    "rung_types.hpp", "rung_numeric.hpp", "rung_strings.hpp", "rung_convert.hpp", "rung_datetime.hpp", "rung_blocks.hpp",
    "rung_scan.hpp",
)  # fmt: skip
PLAIN_MACROS: Final = """\
#define SET(place, ...) ((place) = (__VA_ARGS__))
#define PUT(array, at, ...) put(t, array, at, __VA_ARGS__)
#define PIN(place) ((void)0)
#define LOOP(counter, place) counter
#define KNOWN(array, plain, checked) (array).e[plain]
"""
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
# Whatever a user's program leaves unused is the business of our own diagnostics.
QUIET: Final = "".join(
    f'#pragma GCC diagnostic ignored "-W{name}"\n'
    for name in ("unused-variable", "unused-but-set-variable", "unused-function", "unused-value", "parentheses")
)


def support_files(*more: str) -> dict[str, str]:
    """Return the support headers that every generated program includes, and `more` of them, by name."""
    folder = resources.files("rung.codegen") / "support"
    return {name: (folder / name).read_text(encoding="utf-8") for name in (*_SUPPORT, *more)}


def support_includes() -> str:
    """Return the C++ lines that include the support headers."""
    return "".join(f'#include "{name}"\n' for name in _SUPPORT)


def clock(storage: str) -> str:
    """Return the C++ lines that give the support headers their clock and fault counter. `storage` is the clock's storage class:
    each thread has its own if tasks run in threads."""
    return (
        f"namespace rung {{\n{storage} int64_t scan_time = 0;\nstatic uint32_t faults = 0;\n"
        "static inline int64_t now() { return scan_time; }\n}\n"
    )
