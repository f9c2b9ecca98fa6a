"""What the functions of times and dates must give (ed. 3 tables 22, 35 and 36)."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from codegen.support.standard_driver import (
    BOOL,
    DATE,
    DINT,
    DT,
    DWORD,
    INT,
    LDT,
    LINT,
    LREAL,
    LTIME,
    LTOD,
    REAL,
    STRING,
    TIME,
    TOD,
    UDINT,
    UINT,
    ULINT,
    WSTRING,
    call,
)

MS: Final = 10**6
S: Final = 10**9
HOUR: Final = 3600 * S
DAY: Final = 24 * HOUR


def at(year: int, month: int, day: int, hour: int = 0) -> int:
    """Nanoseconds since 1970, from Python's own calendar."""
    return int(datetime(year, month, day, hour, tzinfo=timezone.utc).timestamp()) * S


_CLOCK = 15 * HOUR + 36 * 60 * S + 55 * S + 360 * MS

_ARITHMETIC = [
    call("ADD", TIME(500 * MS), TIME(500 * MS), gives=TIME(S)),
    call("ADD_TIME", TIME(-S), TIME(500 * MS), gives=TIME(-500 * MS)),
    call("SUB", TIME(S), TIME(2 * S), gives=TIME(-S)),
    call("SUB_TIME", TIME(S), TIME(2 * S), gives=TIME(-S)),
    call("ADD", LTIME(1), LTIME(2), LTIME(3), gives=LTIME(6)),
    call("ADD", TOD(23 * HOUR), TIME(2 * HOUR), gives=TOD(HOUR)),
    call("ADD_TOD_TIME", TOD(HOUR), TIME(-2 * HOUR), gives=TOD(23 * HOUR)),
    call("ADD_LTOD_LTIME", LTOD(HOUR), LTIME(1), gives=LTOD(HOUR + 1)),
    call("ADD_DT_TIME", DT(at(2024, 2, 28, 23)), TIME(2 * HOUR), gives=DT(at(2024, 2, 29, 1))),
    call("SUB", DATE(at(2024, 3, 1)), DATE(at(2024, 2, 28)), gives=TIME(2 * DAY)),
    call("SUB_DATE_DATE", DATE(at(2023, 1, 1)), DATE(at(2024, 1, 1)), gives=TIME(-365 * DAY)),
    call("SUB_TOD_TIME", TOD(HOUR), TIME(2 * HOUR), gives=TOD(23 * HOUR)),
    call("SUB_TOD_TOD", TOD(HOUR), TOD(3 * HOUR), gives=TIME(-2 * HOUR)),
    call("SUB_DT_TIME", DT(at(2024, 3, 1)), TIME(1), gives=DT(at(2024, 3, 1) - 1)),
    call("SUB_DT_DT", DT(at(2024, 3, 1, 12)), DT(at(2024, 3, 1)), gives=TIME(12 * HOUR)),
    call("MUL", TIME(S), INT(-3), gives=TIME(-3 * S)),
    call("MUL", INT(3), TIME(S), gives=TIME(3 * S)),
    call("MUL", TIME(S), LREAL(2.5), gives=TIME(2500 * MS)),
    call("MULTIME", TIME(S), REAL(0.5), gives=TIME(500 * MS)),
    call("MULTIME_REAL", TIME(S), REAL(0.25), gives=TIME(250 * MS)),
    call("MUL_TIME", TIME(S), UINT(65535), gives=TIME(65535 * S)),
    call("MUL", TIME(S), LREAL(1e300), gives=TIME(2**63 - 1), faults=1),
    call("DIV", TIME(S), INT(3), gives=TIME(333333333)),
    call("DIV", TIME(S), ULINT(2**64 - 1), gives=TIME(0)),
    call("DIVTIME", TIME(S), REAL(4.0), gives=TIME(250 * MS)),
    call("DIV_TIME", TIME(S), INT(0), gives=TIME(0), faults=1),
    call("DIVTIME", TIME(S), LREAL(0.0), gives=TIME(0), faults=1),
    call("TIME", gives=TIME(0)),
]

_CALENDAR = [
    call("CONCAT_DATE_TOD", DATE(at(2024, 2, 29)), TOD(_CLOCK), gives=DT(at(2024, 2, 29) + _CLOCK)),
    call("CONCAT_DATE", INT(2024), INT(2), INT(29), gives=DATE(at(2024, 2, 29))),
    call("CONCAT_DATE", UINT(1969), INT(12), DINT(31), gives=DATE(-DAY)),
    call("CONCAT_DATE", INT(2023), INT(2), INT(29), gives=DATE(0), faults=1),
    call("CONCAT_DATE", INT(2023), INT(13), INT(1), gives=DATE(0), faults=1),
    call("CONCAT_DATE", INT(9999), INT(1), INT(1), gives=DATE(0), faults=1),
    call("CONCAT_DATE", INT(1678), INT(1), INT(1), gives=DATE(at(1678, 1, 1))),
    call("CONCAT_DATE", INT(2261), INT(12), INT(31), gives=DATE(at(2261, 12, 31))),
    call("CONCAT_TOD", INT(15), INT(36), INT(55), INT(360), gives=TOD(_CLOCK)),
    call("CONCAT_TOD", INT(24), INT(0), INT(0), INT(0), gives=TOD(0), faults=1),
    call("CONCAT_LTOD", INT(0), INT(0), INT(0), INT(1), gives=LTOD(MS)),
    call(
        "CONCAT_DT", INT(1984), INT(6), INT(25), INT(15), INT(36), INT(55), INT(360), gives=DT(at(1984, 6, 25) + _CLOCK)
    ),
    call("DAY_OF_WEEK", DATE(at(1970, 1, 1)), gives=INT(4)),
    call("DAY_OF_WEEK", DATE(at(1969, 12, 27)), gives=INT(6)),
    call("DAY_OF_WEEK", DATE(at(2024, 2, 25)), gives=UINT(0)),
    call("DT_TO_DATE", DT(at(2024, 2, 29) + _CLOCK), gives=DATE(at(2024, 2, 29))),
    call("DT_TO_DATE", DT(-1), gives=DATE(-DAY)),
    call("DT_TO_TOD", DT(at(2024, 2, 29) + _CLOCK), gives=TOD(_CLOCK)),
    call("DT_TO_TOD", DT(-1), gives=TOD(DAY - 1)),
    call("DATE_AND_TIME_TO_TIME_OF_DAY", DT(_CLOCK), gives=TOD(_CLOCK)),
    call("TIME_TO_TOD", TIME(25 * HOUR), gives=TOD(HOUR)),
    call("TOD_TO_TIME", TOD(_CLOCK), gives=TIME(_CLOCK)),
    call("DATE_TO_DT", DATE(at(2024, 2, 29)), gives=DT(at(2024, 2, 29))),
    call("TIME_TO_LTIME", TIME(5), gives=LTIME(5)),
]

_NUMBERS = [
    call("TIME_TO_DINT", TIME(1500 * MS), gives=DINT(1500)),
    call("TIME_TO_DINT", TIME(-1500 * MS), gives=DINT(-1500)),
    call("TIME_TO_DWORD", TIME(1999999), gives=DWORD(1)),
    call("TIME_TO_INT", TIME(40 * S), gives=INT(-25536)),
    call("TIME_TO_REAL", TIME(1500 * MS + 500000), gives=REAL(1500.5)),
    call("TIME_TO_BOOL", TIME(1), gives=BOOL(True)),
    call("DINT_TO_TIME", DINT(1500), gives=TIME(1500 * MS)),
    call("DINT_TO_TIME", DINT(-1), gives=TIME(-MS)),
    call("UDINT_TO_TIME", UDINT(4294967295), gives=TIME(4294967295 * MS)),
    call("DWORD_TO_TIME", DWORD(20), gives=TIME(20 * MS)),
    call("REAL_TO_TIME", REAL(0.5), gives=TIME(500000)),
    call("LTIME_TO_LINT", LTIME(1500), gives=LINT(1500)),
    call("LINT_TO_LTIME", LINT(1500), gives=LTIME(1500)),
    call("TOD_TO_UDINT", TOD(HOUR), gives=UDINT(3600000)),
    call("UDINT_TO_TOD", UDINT(90000000), gives=TOD(HOUR)),
    call("DT_TO_UDINT", DT(at(2024, 2, 29)), gives=UDINT(at(2024, 2, 29) // S)),
    call("UDINT_TO_DT", UDINT(at(2024, 2, 29) // S), gives=DT(at(2024, 2, 29))),
    call("UDINT_TO_DATE", UDINT(86401), gives=DATE(DAY)),
]

_TEXT = [
    call("TIME_TO_STRING", TIME(0), gives=STRING("T#0ms")),
    call("TIME_TO_STRING", TIME(DAY + 2 * HOUR + 180 * S + 4 * S + 5 * MS), gives=STRING("T#1d2h3m4s5ms")),
    call("TIME_TO_STRING", TIME(-1500 * MS), gives=STRING("T#-1s500ms")),
    call("LTIME_TO_STRING", LTIME(1001), gives=STRING("LTIME#1us1ns")),
    call("LTIME_TO_STRING", LTIME(-(2**63)), gives=STRING("LTIME#-106751d23h47m16s854ms775us808ns")),
    call("DATE_TO_STRING", DATE(at(2024, 2, 29)), gives=STRING("D#2024-02-29")),
    call("TOD_TO_STRING", TOD(_CLOCK), gives=STRING("TOD#15:36:55.360")),
    call("TOD_TO_STRING", TOD(0), gives=STRING("TOD#00:00:00")),
    call("LTOD_TO_STRING", LTOD(1), gives=STRING("LTOD#00:00:00.000000001")),
    call("DT_TO_STRING", DT(at(1984, 6, 25) + _CLOCK), gives=STRING("DT#1984-06-25-15:36:55.360")),
    call("LDT_TO_WSTRING", LDT(at(1969, 12, 31)), gives=WSTRING("LDT#1969-12-31-00:00:00")),
    call("STRING_TO_TIME", STRING("T#1d2h3m4s5ms"), gives=TIME(DAY + 2 * HOUR + 180 * S + 4 * S + 5 * MS)),
    call("STRING_TO_TIME", STRING("time#14.7s"), gives=TIME(14700 * MS)),
    call("STRING_TO_TIME", STRING("T#-1_h_30m"), gives=TIME(-5400 * S)),
    call("STRING_TO_TIME", STRING("1us2ns"), gives=TIME(1002)),
    call("STRING_TO_TIME", STRING("T#5"), gives=TIME(0), faults=1),
    call("STRING_TO_TIME", STRING("T#9999999d"), gives=TIME(0), faults=1),
    call("STRING_TO_TIME", STRING(""), gives=TIME(0), faults=1),
    call("STRING_TO_DATE", STRING("D#2024-02-29"), gives=DATE(at(2024, 2, 29))),
    call("STRING_TO_DATE", STRING("2024-02-30"), gives=DATE(0), faults=1),
    call("STRING_TO_TOD", STRING("TOD#15:36:55.36"), gives=TOD(_CLOCK)),
    call("STRING_TO_TOD", STRING("15:36"), gives=TOD(15 * HOUR + 36 * 60 * S)),
    call("STRING_TO_DT", STRING("DT#1984-06-25-15:36:55.36"), gives=DT(at(1984, 6, 25) + _CLOCK)),
    call("WSTRING_TO_DT", WSTRING("1984-06-25T15:36:55.36"), gives=DT(at(1984, 6, 25) + _CLOCK)),
    call("STRING_TO_DT", STRING("yesterday"), gives=DT(0), faults=1),
]

TIMES = [*_ARITHMETIC, *_CALENDAR, *_NUMBERS, *_TEXT]
