"""A program for a Runtime v4.0, written by hand: C in MatIEC's layout, in its smallest form.

Every variable is a row of the debug table, in flat order; those that count grow by 1 each scan unless they are forced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.minimal_program import MD5, make_zip

SIZES: Mapping[str, int] = {
    "BOOL": 1, "SINT": 1, "INT": 2, "UINT": 2, "DINT": 4, "UDINT": 4, "REAL": 4, "LINT": 8, "TIME": 8, "STRING": 127,
}  # fmt: skip

_HEAD = """#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
typedef struct { uint8_t value[128]; uint8_t pinned[128]; uint16_t size; bool counts; bool forced; } row;
extern row rows[];
extern const uint16_t row_count;
"""

_CONFIG = """#include "rows.h"
unsigned long long common_ticktime__ = %(period_ns)dULL;
static unsigned long scans;
void config_init__(void) { scans = 0; %(init)s }
void config_run__(unsigned long tick) {
    (void)tick;
    ++scans;
    for (uint16_t i = 0; i < row_count; ++i) {
        if (rows[i].forced) { memcpy(rows[i].value, rows[i].pinned, rows[i].size); continue; }
        if (!rows[i].counts) continue;
        uint64_t value = 0;
        memcpy(&value, rows[i].value, rows[i].size);
        ++value;
        memcpy(rows[i].value, &value, rows[i].size);
    }
    %(body)s
}
"""

_DEBUG = """#include "rows.h"
row rows[] = {%(rows)s};
const uint16_t row_count = %(count)d;
char plc_program_md5[] = "%(md5)s";
uint8_t byte_order;
void set_endianness(uint8_t value) { byte_order = value; }
uint16_t get_var_count(void) { return row_count; }
size_t get_var_size(size_t index) { return index < row_count ? rows[index].size : 0; }
void *get_var_addr(size_t index) { return rows[index].forced ? rows[index].pinned : rows[index].value; }
void set_trace(size_t index, bool forced, void *value) {
    rows[index].forced = forced;
    if (forced) memcpy(rows[index].pinned, value, rows[index].size);
}
"""

_GLUE = """#include "rows.h"
static uint8_t *(*bits_in)[8];
static uint8_t *(*bits_out)[8];
void setBufferPointers(uint8_t *in[][8], uint8_t *out[][8]) { bits_in = in; bits_out = out; }
void glueVars(void) { bits_out[0][0] = rows[0].value; }
void updateTime(void) {}
"""


@dataclass(frozen=True)
class Row:
    """One variable: its type, whether it counts, its initial raw value."""

    type: str
    counts: bool = False
    initial: bytes = b""


@dataclass(frozen=True)
class MatiecProgram:
    """A program; the default has LAMP at %QX0.0 and COUNTER, and one cycle of 20 ms. `body` is C after each scan."""

    md5: str = MD5
    rows: tuple[Row, ...] = (Row("BOOL"), Row("UINT", counts=True))
    period_ns: int = 20_000_000
    body: str = ""
    files: Mapping[str, str | None] = field(default_factory=dict)

    def zip(self) -> bytes:
        """The zip as it is uploaded."""
        return make_zip(self.sources())

    def sources(self) -> dict[str, str]:
        """File name to text; `files` replaces them, and takes away those that are None."""
        rows = ", ".join(
            f"{{{{{', '.join(str(byte) for byte in row.initial) or '0'}}}, {{0}}, {SIZES[row.type]}, "
            f"{str(row.counts).lower()}, false}}"
            for row in self.rows
        )
        texts: dict[str, str | None] = {
            "Config0.c": _CONFIG % {"period_ns": self.period_ns, "init": "", "body": self.body},
            "Res0.c": "/* the resource is in Config0.c */\n",
            "debug.c": _DEBUG % {"rows": rows, "count": len(self.rows), "md5": self.md5},
            "glueVars.c": _GLUE,
            "c_blocks_code.cpp": "// no C blocks\n",
            "lib/rows.h": _HEAD,
            "program.st": "(* written by hand *)\n",
            **self.files,
        }
        return {name: text for name, text in texts.items() if text is not None}


def crashing(after_scans: int, md5: str = MD5) -> MatiecProgram:
    """A program that dereferences a null pointer."""
    return MatiecProgram(md5, body=f"if (scans > {after_scans}) *(volatile int *)0 = 1;")


def looping(after_scans: int, md5: str = MD5) -> MatiecProgram:
    """A program with an endless loop."""
    return MatiecProgram(md5, body=f"for (volatile int spin = 0; scans > {after_scans};) spin = spin + 1;")
