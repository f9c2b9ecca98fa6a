"""What the standard library's members do, in a sentence or two each, for hovers. Where IEC 61131-3 leaves a choice, they say ours."""

from __future__ import annotations

from typing import Final

from rung.semantics.stdlib.signature import ParameterType, Signature
from rung.semantics.types import Elementary, Family, StringType

_FUNCTIONS: Final = {
    "ABS": "The absolute value of IN. The least value of a signed type has none and stays as it is (ed. 3 table 28).",
    "SQRT": "The square root of IN; not a number if IN is negative (ed. 3 table 28).",
    "LN": "The natural logarithm of IN (ed. 3 table 28).",
    "LOG": "The logarithm of IN to base 10 (ed. 3 table 28).",
    "EXP": "e to the power of IN (ed. 3 table 28).",
    "SIN": "The sine of IN, an angle in radians (ed. 3 table 28).",
    "COS": "The cosine of IN, an angle in radians (ed. 3 table 28).",
    "TAN": "The tangent of IN, an angle in radians (ed. 3 table 28).",
    "ASIN": "The angle in radians whose sine is IN, from -pi/2 to pi/2 (ed. 3 table 28).",
    "ACOS": "The angle in radians whose cosine is IN, from 0 to pi (ed. 3 table 28).",
    "ATAN": "The angle in radians whose tangent is IN, from -pi/2 to pi/2 (ed. 3 table 28).",
    "ATAN2": "The angle in radians of the point (X, Y), from -pi to pi (ed. 3 table 28).",
    "ADD": "The sum of its inputs. Integers wrap at their width; a time of day runs over midnight (ed. 3 tables 29 "
    "and 35).",
    "SUB": "IN1 less IN2. Integers wrap at their width; two dates or times give the TIME between them (ed. 3 tables "
    "29 and 35).",
    "MUL": "The product of its inputs, or a TIME multiplied by a number. Integers wrap at their width (ed. 3 tables "
    "29 and 35).",
    "DIV": "IN1 divided by IN2; integers truncate towards zero. An integer divided by zero gives 0 and counts a fault (ed. 3 tables "
    "29 and 35).",
    "MOD": "What is left of IN1 after division by IN2, with the sign of IN1; 0 if IN2 is 0 (ed. 3 table 29).",
    "EXPT": "IN1 to the power of IN2 (ed. 3 table 29).",
    "MOVE": "IN as it is (ed. 3 table 29).",
    "AND": "AND of its inputs, bit by bit; every input is evaluated (ed. 3 table 31).",
    "OR": "OR of its inputs, bit by bit; every input is evaluated (ed. 3 table 31).",
    "XOR": "Exclusive OR of its inputs, bit by bit (ed. 3 table 31).",
    "NOT": "IN with every bit inverted (ed. 3 table 31).",
    "SHL": "IN shifted left by N bits, zeros from the right. N at or beyond the width gives 0, a negative N leaves IN as it is (ed. 3 "
    "table 30).",
    "SHR": "IN shifted right by N bits, zeros from the left. N at or beyond the width gives 0, a negative N leaves IN as it is (ed. 3 "
    "table 30).",
    "ROL": "IN rotated left by N bits. A negative N leaves IN as it is (ed. 3 table 30).",
    "ROR": "IN rotated right by N bits. A negative N leaves IN as it is (ed. 3 table 30).",
    "SEL": "IN0 while G is FALSE, IN1 while G is TRUE (ed. 3 table 32).",
    "MUX": "The input with the number K, counted from IN0. A K without an input counts a fault and takes the first or the last input, "
    "whichever is nearer (ed. 3 table 32).",
    "LIMIT": "IN, but at least MN and at most MX (ed. 3 table 32).",
    "MAX": "The greatest of its inputs (ed. 3 table 32).",
    "MIN": "The least of its inputs (ed. 3 table 32).",
    "GT": "TRUE if each input is greater than the next (ed. 3 table 33).",
    "GE": "TRUE if each input is greater than or equal to the next (ed. 3 table 33).",
    "EQ": "TRUE if all inputs are equal (ed. 3 table 33).",
    "LE": "TRUE if each input is less than or equal to the next (ed. 3 table 33).",
    "LT": "TRUE if each input is less than the next (ed. 3 table 33).",
    "NE": "TRUE if the two inputs differ (ed. 3 table 33).",
    "LEN": "The number of characters in IN (ed. 3 table 34).",
    "LEFT": "The first L characters of IN; a negative L counts a fault and gives '' (ed. 3 table 34).",
    "RIGHT": "The last L characters of IN; a negative L counts a fault and gives '' (ed. 3 table 34).",
    "MID": "L characters of IN from position P on; the first is at 1 (ed. 3 table 34).",
    "CONCAT": "Its inputs, one after the other, cut at 254 characters (ed. 3 table 34).",
    "INSERT": "IN1 with IN2 put in after the character at position P; 0 puts it before the first (ed. 3 table 34).",
    "DELETE": "IN without L characters from position P on (ed. 3 table 34).",
    "REPLACE": "IN1 with IN2 in place of L characters from position P on (ed. 3 table 34).",
    "FIND": "The position at which IN2 first begins in IN1, 0 if it does not occur (ed. 3 table 34).",
    "TRUNC": "IN without its fraction, as the integer type that the context asks for, otherwise DINT. Out of range gives the nearest "
    "end of the range and counts a fault (ed. 3 table 22).",
    "ROUND": "IN rounded to the nearest integer, a half to the even one, as the numeric type that the context asks "
    "for, otherwise IN's.",
    "CONCAT_DATE": "The DATE of a year, month and day. One that does not exist counts a fault and gives 1970-01-01 "
    "(ed. 3 table 36).",
    "CONCAT_TOD": "The time of day of an hour, minute, second and millisecond. One that no clock shows counts a fault and gives "
    "midnight (ed. 3 table 36).",
    "CONCAT_DT": "The date and time of its seven parts, from the year to the millisecond (ed. 3 table 36).",
    "CONCAT_DATE_TOD": "The date IN1 and the time of day IN2 as one date and time (ed. 3 table 36).",
    "DAY_OF_WEEK": "The day of the week of the date IN: 0 is Sunday, 6 Saturday (ed. 3 table 36).",
    "NOW": "The time of the current scan, a running count that serves to measure differences; not in the standard.",
    "IS_VALID": "TRUE if IN is neither infinite nor not a number (ed. 3 table 39).",
    "IS_VALID_BCD": "TRUE if IN holds only decimal digits in BCD (ed. 3 table 39).",
    "TO_BIG_ENDIAN": "IN with its bytes in big-endian order (ed. 3 table 37).",
    "TO_LITTLE_ENDIAN": "IN with its bytes in little-endian order (ed. 3 table 37).",
    "FROM_BIG_ENDIAN": "IN, whose bytes are in big-endian order, in this machine's order (ed. 3 table 37).",
    "FROM_LITTLE_ENDIAN": "IN, whose bytes are in little-endian order, in this machine's order (ed. 3 table 37).",
    "LOWER_BOUND": "The lower bound of the array ARR in dimension DIM, which counts from 1 (ed. 3 table 15).",
    "UPPER_BOUND": "The upper bound of the array ARR in dimension DIM, which counts from 1 (ed. 3 table 15).",
    "SPLIT_DATE": "The year, month and day of the date IN (ed. 3 table 36).",
    "SPLIT_TOD": "The hour, minute, second and millisecond of the time of day IN (ed. 3 table 36).",
    "SPLIT_LTOD": "The hour, minute, second and millisecond of the time of day IN (ed. 3 table 36).",
    "SPLIT_DT": "The seven parts of the date and time IN, from the year to the millisecond (ed. 3 table 36).",
    "SPLIT_LDT": "The seven parts of the date and time IN, from the year to the millisecond (ed. 3 table 36).",
}

_COUNTERS: Final = {
    "CTU": "Counts the rising edges of CU up in CV; R sets CV to 0. Q is TRUE while CV is at least PV (ed. 3 table "
    "45).",
    "CTD": "Counts CV down at the rising edges of CD; LD loads PV into CV. Q is TRUE while CV is 0 or less (ed. 3 "
    "table 45).",
    "CTUD": "Counts CV up at the rising edges of CU and down at those of CD; R sets it to 0, LD to PV. QU is TRUE while CV is at least "
    "PV, QD while it is 0 or less (ed. 3 table 45).",
}

_TIMERS: Final = {
    "TP": "Pulse: when IN rises, Q is TRUE for the time PT, whatever IN does meanwhile. ET is the time since (ed. 3 "
    "table 46).",
    "TON": "On-delay: Q becomes TRUE when IN has been TRUE for the time PT. ET is the time since IN rose (ed. 3 table "
    "46).",
    "TOF": "Off-delay: Q is TRUE with IN and for the time PT after IN has fallen. ET is the time since then (ed. 3 "
    "table 46).",
}

_BLOCKS: Final = {
    "SR": "A latch that S1 sets and R resets; set dominates. Q1 is its state (ed. 3 table 43).",
    "RS": "A latch that S sets and R1 resets; reset dominates. Q1 is its state (ed. 3 table 43).",
    "R_TRIG": "Q is TRUE for one call when CLK has risen since the last call (ed. 3 table 44).",
    "F_TRIG": "Q is TRUE for one call when CLK has fallen since the last call, and in the first call if CLK is FALSE "
    "(ed. 3 table 44).",
    "INTEGRAL": "While RUN is TRUE adds XIN times CYCLE, in seconds, to XOUT; R1 sets XOUT to X0. Call it once every "
    "CYCLE (ed. 2 annex E).",
    "DERIVATIVE": "While RUN is TRUE XOUT is the slope of XIN per second over the last four calls, one every CYCLE "
    "(ed. 2 annex E).",
    "PID": "A PID controller: XOUT = KP * (error + integral / TR + slope * TD) with error = PV - SP, TR and TD in seconds. "
    "While AUTO is FALSE, XOUT is KP * X0. A TR of 0 switches the integral off. Call it once every CYCLE (ed. 2 annex E).",
    "RAMP": "While RUN is TRUE moves XOUT from X0 to X1 within the time TR, one CYCLE with each call; BUSY until it is "
    "there (ed. 2 annex E).",
    "HYSTERESIS": "Q becomes TRUE when XIN1 exceeds XIN2 by more than EPS, and FALSE when it is less by more than EPS "
    "(ed. 2 annex E).",
    "RTC": "A clock: it is set to PDT when IN rises and runs while IN is TRUE. CDT is its date and time, Q a copy of "
    "IN (ed. 2 table 38).",
    "SEMA": "CLAIM makes BUSY TRUE, RELEASE makes it FALSE; claiming dominates (ed. 1).",
}

_UNITS: Final = {
    "TIME": "milliseconds",
    "TIME_OF_DAY": "milliseconds since midnight",
    "DATE": "seconds since 1970-01-01",
    "DATE_AND_TIME": "seconds since 1970-01-01",
    "LTIME": "nanoseconds",
    "LTIME_OF_DAY": "nanoseconds since midnight",
    "LDATE": "nanoseconds since 1970-01-01",
    "LDATE_AND_TIME": "nanoseconds since 1970-01-01",
}

_NUMBERS: Final = frozenset({Family.BITS, Family.SIGNED, Family.UNSIGNED, Family.REAL})
_INTEGERS: Final = frozenset({Family.BITS, Family.SIGNED, Family.UNSIGNED})


def description(name: str) -> str:
    """Return what a standard function or block does; empty for a name that is not standard."""
    from rung.semantics.stdlib import lookup_block, lookup_function, lookup_procedure

    if lookup_block(name) is not None:
        stem, _, value = name.partition("_")
        return _BLOCKS.get(name) or _TIMERS.get(stem) or f"{_COUNTERS[stem]} It counts in {value or 'INT'}."
    if lookup_procedure(name) is not None:
        return _FUNCTIONS[name]
    overloads = lookup_function(name)
    return _function(overloads[0]) if overloads else ""


def _function(signature: Signature) -> str:
    result = signature.result
    match signature.operation:
        case "CONVERT":
            return _conversion(signature.parameters[0].type, result)
        case "FROM_BCD":
            return (
                f"The number whose decimal digits IN holds in BCD, as {result.name}. Other digits count a fault and give 0 "
                "(ed. 3 table 22)."
            )
        case "TO_BCD":
            return (
                f"IN in BCD, as {result.name}. A number that is negative or too long counts a fault (ed. 3 table 22)."
            )
        case "TRUNC" if isinstance(result, Elementary):
            return (
                f"IN without its fraction, as {result.name}. Out of range gives the nearest end of the range and counts a fault "
                "(ed. 3 table 22)."
            )
    return _FUNCTIONS[signature.operation]


def _conversion(source: ParameterType, target: ParameterType) -> str:
    from_kind = source if isinstance(source, Elementary) else None
    to_kind = target if isinstance(target, Elementary) else None
    families = (from_kind.family if from_kind else None, to_kind.family if to_kind else None)
    what = f"IN as {_name(target)}"
    if families[0] is Family.REAL and families[1] in _INTEGERS:
        return (
            f"{what}, rounded to the nearest, a half to the even one. Out of range gives the nearest end of the range and counts a "
            "fault (ed. 3 table 22)."
        )
    if from_kind and from_kind.name in _UNITS and families[1] in _NUMBERS:
        return f"{what}, in {_UNITS[from_kind.name]} (ed. 3 table 22)."
    if to_kind and to_kind.name in _UNITS and families[0] in _NUMBERS:
        return f"{what}, IN being in {_UNITS[to_kind.name]} (ed. 3 table 22)."
    if families[1] is Family.BOOL:
        return "FALSE if IN is zero, otherwise TRUE (ed. 3 table 22)."
    if families[1] in _INTEGERS and families[0] in _INTEGERS:
        return f"{what}. What does not fit wraps: the low bits are kept (ed. 3 table 22)."
    if isinstance(source, StringType) and families[1] in _NUMBERS:
        return f"{what}. Text that is not a number counts a fault and gives the number it begins with, else 0 (ed. 3 table 22)."
    if families[1] is Family.REAL:
        return f"The value of IN as {_name(target)} (ed. 3 table 22)."
    return f"{what} (ed. 3 table 22)."


def _name(kind: ParameterType) -> str:
    return kind.name.partition("[")[0]
