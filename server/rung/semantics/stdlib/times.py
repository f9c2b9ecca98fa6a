"""The functions of times and dates: overloads of the arithmetic, their named forms, joining parts (ed. 3 tables 35 and 36)."""

from __future__ import annotations

from collections.abc import Sequence

from rung.semantics.stdlib.generic import ANY_DURATION, ANY_EXPONENT, ANY_INT_RESULT
from rung.semantics.stdlib.signature import Parameter, ParameterType, Signature, TypeVariable
from rung.semantics.types import (
    DATE,
    DATE_AND_TIME,
    INT,
    LDATE,
    LDATE_AND_TIME,
    LTIME,
    LTIME_OF_DAY,
    TIME,
    TIME_OF_DAY,
    Elementary,
)

# Each row of table 35: operation, IN1, IN2, result; the duration and the date types of one row are all short or all long (L...).
_SHORT = (TIME, DATE, TIME_OF_DAY, DATE_AND_TIME)
_LONG = (LTIME, LDATE, LTIME_OF_DAY, LDATE_AND_TIME)


def _pair(name: str, operation: str, left: ParameterType, right: ParameterType, result: ParameterType) -> Signature:
    return Signature(name, operation, (Parameter("IN1", left), Parameter("IN2", right)), result)


def _rows(
    kinds: tuple[Elementary, Elementary, Elementary, Elementary],
) -> Sequence[tuple[str, Elementary, Elementary, Elementary]]:
    time, date, time_of_day, date_and_time = kinds
    return (
        ("ADD", time_of_day, time, time_of_day),
        ("ADD", date_and_time, time, date_and_time),
        ("SUB", date, date, time),
        ("SUB", time_of_day, time, time_of_day),
        ("SUB", time_of_day, time_of_day, time),
        ("SUB", date_and_time, time, date_and_time),
        ("SUB", date_and_time, date_and_time, time),
    )


def time_overloads() -> list[Signature]:
    """Return what ADD, SUB, MUL and DIV do with times and dates; durations among themselves are in their generic signature."""
    signatures = [
        _pair(operation, operation, *types) for kinds in (_SHORT, _LONG) for operation, *types in _rows(kinds)
    ]
    signatures += [
        _pair("MUL", "MUL", ANY_DURATION, ANY_EXPONENT, ANY_DURATION),
        _pair("MUL", "MUL", ANY_EXPONENT, ANY_DURATION, ANY_DURATION),
        _pair("DIV", "DIV", ANY_DURATION, ANY_EXPONENT, ANY_DURATION),
    ]
    return signatures


_SHORT_NAMES = {
    TIME: "TIME", DATE: "DATE", TIME_OF_DAY: "TOD", DATE_AND_TIME: "DT",
    LTIME: "LTIME", LDATE: "LDATE", LTIME_OF_DAY: "LTOD", LDATE_AND_TIME: "LDT",
}  # fmt: skip


def time_functions() -> list[Signature]:
    """Return the named forms of table 35 and the functions of table 36 that give a result."""
    signatures: list[Signature] = []
    for kinds in (_SHORT, _LONG):
        time, _, time_of_day, date_and_time = kinds
        prefix = "L" if time is LTIME else ""
        signatures += [
            *(_pair(f"{operation}_{prefix}TIME", operation, time, time, time) for operation in ("ADD", "SUB")),
            *(_pair(f"{row[0]}_{_SHORT_NAMES[row[1]]}_{_SHORT_NAMES[row[2]]}", *row) for row in _rows(kinds)),
            *(_pair(f"{operation}_{prefix}TIME", operation, time, ANY_EXPONENT, time) for operation in ("MUL", "DIV")),
            _joined(f"CONCAT_{prefix}TOD", "CONCAT_TOD", _CLOCK, time_of_day),
            _joined(f"CONCAT_{prefix}DT", "CONCAT_DT", _CALENDAR + _CLOCK, date_and_time),
            _pair(f"CONCAT_DATE_{prefix}TOD", "CONCAT_DATE_TOD", DATE, time_of_day, date_and_time),
        ]
    signatures += [
        _pair("MULTIME", "MUL", TIME, ANY_EXPONENT, TIME),
        _pair("DIVTIME", "DIV", TIME, ANY_EXPONENT, TIME),
        _joined("CONCAT_DATE", "CONCAT_DATE", _CALENDAR, DATE),
        Signature("DAY_OF_WEEK", "DAY_OF_WEEK", (Parameter("IN", DATE),), ANY_INT_RESULT, fallback=INT),
        Signature("TIME", "NOW", (), TIME),
        Signature("LTIME", "NOW", (), LTIME),
    ]
    return signatures


_CALENDAR = ("YEAR", "MONTH", "DAY")
_CLOCK = ("HOUR", "MINUTE", "SECOND", "MILLISECOND")


def _joined(name: str, operation: str, parts: Sequence[str], result: Elementary) -> Signature:
    """Every part is an integer of its own type (ANY_INT), so each gets its own type variable."""
    return Signature(name, operation, tuple(Parameter(part, _part()) for part in parts), result)


def _part() -> ParameterType:
    return TypeVariable("ANY_INT", ANY_INT_RESULT.families)
