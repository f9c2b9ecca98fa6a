"""What a literal's text means (ed. 3, 6.3).

Invariant: values are exact. Times and dates are whole nanoseconds worked out in integers, so `T#14.7s` is 14 700 000 000 ns.
A malformed literal still gets a value of its kind, next to the sentence that says what is wrong with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from rung.syntax.tree import LiteralKind

_NANOSECONDS: Final = {
    "D": 86_400_000_000_000, "H": 3_600_000_000_000, "M": 60_000_000_000, "S": 1_000_000_000, "MS": 1_000_000, "US": 1_000, "NS": 1,
}  # fmt: skip
_UNIT_ORDER: Final = tuple(_NANOSECONDS)
_DAY: Final = 86_400_000_000_000
_LONGEST: Final = (1 << 63) - 1
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BASES: Final = {"2": "01", "8": "01234567", "16": "0123456789ABCDEF"}
_LONGEST_NUMBER: Final = 400  # digits; far above any type, far below what makes the conversion slow

_DECIMAL: Final = re.compile(r"[0-9]+(?:_[0-9]+)*")
_REAL: Final = re.compile(r"[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?")
_PART: Final = re.compile(r"([0-9][0-9_]*)(?:\.([0-9][0-9_]*))?([A-Z]*)_?")
_DATE: Final = re.compile(r"([0-9]{1,4})-([0-9]{1,2})-([0-9]{1,2})")
_CLOCK: Final = re.compile(r"([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]+))?)?")
_ESCAPES: Final = {"$": "$", "'": "'", '"': '"', "L": "\n", "N": "\n", "P": "\f", "R": "\r", "T": "\t"}

ADDRESS: Final = re.compile(r"%[IQM][XBWDL]?(?:\*|[0-9]+(?:\.[0-9]+)*)")
PARTIAL: Final = re.compile(r"%([XBWD])([0-9]{1,3})")

_KINDS: Final = {
    "BOOL": LiteralKind.BOOL, "REAL": LiteralKind.REAL, "LREAL": LiteralKind.REAL,
    "STRING": LiteralKind.STRING, "CHAR": LiteralKind.STRING, "WSTRING": LiteralKind.WSTRING, "WCHAR": LiteralKind.WSTRING,
    "T": LiteralKind.TIME, "TIME": LiteralKind.TIME, "LT": LiteralKind.TIME, "LTIME": LiteralKind.TIME,
    "D": LiteralKind.DATE, "DATE": LiteralKind.DATE, "LD": LiteralKind.DATE, "LDATE": LiteralKind.DATE,
    "TOD": LiteralKind.TIME_OF_DAY, "TIME_OF_DAY": LiteralKind.TIME_OF_DAY,
    "LTOD": LiteralKind.TIME_OF_DAY, "LTIME_OF_DAY": LiteralKind.TIME_OF_DAY,
    "DT": LiteralKind.DATE_AND_TIME, "DATE_AND_TIME": LiteralKind.DATE_AND_TIME,
    "LDT": LiteralKind.DATE_AND_TIME, "LDATE_AND_TIME": LiteralKind.DATE_AND_TIME,
}  # fmt: skip


@dataclass(slots=True)
class Reading:
    """A literal's value, and what is wrong with it: `code` and `message`, both empty for a good one.

    `at` and `length` say where in the literal's text the fault lies; `length` 0 means all of it.
    """

    kind: LiteralKind
    prefix: str | None
    value: bool | int | float | str
    code: str = ""
    message: str = ""
    at: int = 0
    length: int = 0


def read_number(text: str) -> Reading:
    """Read a number without a type: `1_000`, `16#FF`, `1.5e-3`."""
    if _REAL.fullmatch(text) and not _DECIMAL.fullmatch(text):
        return _real(text, None)
    return _integer(text, None)


def read_typed(text: str) -> Reading:
    """Read a literal with its type before `#`: `INT#16#FF`, `T#1d2h`, `STRING#'x'`."""
    word, _, rest = text.partition("#")
    prefix = word.upper()
    kind = _KINDS.get(prefix, LiteralKind.INTEGER)
    if not rest:
        return Reading(kind, prefix, _empty(kind), "SYN015", f"`{text}` has no value after the `#`.")
    if kind is LiteralKind.INTEGER:
        return _integer(rest, prefix)
    if kind is LiteralKind.BOOL:
        return _boolean(rest, prefix)
    if kind is LiteralKind.REAL:
        return _real(rest, prefix)
    if kind is LiteralKind.TIME:
        return _duration(rest, prefix)
    if kind is LiteralKind.STRING or kind is LiteralKind.WSTRING:
        if rest[0] not in "'\"" or len(rest) < 2:
            return Reading(kind, prefix, "", "SYN015", f"After `{word}#` there must be a text in quotes.")
        reading = read_string(rest)
        reading.kind, reading.prefix = kind, prefix
        reading.at += len(word) + 1
        return reading
    return _date(rest, prefix, kind)


def _empty(kind: LiteralKind) -> bool | int | float | str:
    if kind is LiteralKind.BOOL:
        return False
    if kind is LiteralKind.REAL:
        return 0.0
    return "" if kind is LiteralKind.STRING or kind is LiteralKind.WSTRING else 0


def read_string(text: str) -> Reading:
    """Read a string with its quotes: `'a$N'`, `"wide $00E9"`. `$` escapes are resolved (table 6)."""
    wide = text[0] == '"'
    reading = Reading(LiteralKind.WSTRING if wide else LiteralKind.STRING, None, "")
    body = text[1:-1]
    at = body.find("$")
    if at < 0:
        reading.value = body
        return reading
    digits = 4 if wide else 2
    parts: list[str] = []
    done = 0
    while at >= 0:
        parts.append(body[done:at])
        letter = body[at + 1 : at + 2].upper()
        code = body[at + 1 : at + 1 + digits]
        if letter in _ESCAPES:
            parts.append(_ESCAPES[letter])
            done = at + 2
        elif len(code) == digits and all(sign in "0123456789abcdefABCDEF" for sign in code):
            parts.append(chr(int(code, 16)))
            done = at + 1 + digits
        else:
            if not reading.code:
                shape = "four hexadecimal digits, as in $00E9" if wide else "two hexadecimal digits, as in $0D"
                reading.code = "SYN018"
                reading.message = (
                    f"`${body[at + 1 : at + 2]}` is no character code. After `$` comes one of $ ' \" L N P R T or {shape}; "
                    "write `$$` for the sign itself."
                )
                reading.at, reading.length = at + 1, min(2, len(body) - at)
            parts.append("$")
            done = at + 1
        at = body.find("$", done)
    parts.append(body[done:])
    reading.value = "".join(parts)
    return reading


def _integer(text: str, prefix: str | None) -> Reading:
    negative = text[0] == "-"
    digits = text[1:] if text[0] in "+-" else text
    base, mark, rest = digits.partition("#")
    reading = Reading(LiteralKind.INTEGER, prefix, 0)
    if not mark:
        base, rest = "10", digits
    alphabet = "0123456789" if not mark else _BASES.get(base, "")
    plain = rest.replace("_", "").upper()
    wrong = next((sign for sign in plain if sign not in alphabet), "")
    if not alphabet:
        reading.message = (
            f"`{text}` has the base {base}. The bases are 2, 8 and 16, as in `2#1010`, `8#17` and `16#FF`."
        )
    elif mark and wrong:
        reading.message = f"`{wrong}` is no digit of base {base} in `{text}`."
    elif wrong:
        reading.message = _not_decimal(text, digits, prefix)
    elif not plain:
        reading.message = f"`{text}` has no digits after the `#`."
    elif rest.startswith("_") or rest.endswith("_") or "__" in rest:
        reading.message = f"In `{text}` a `_` may stand only between two digits."
    elif len(plain) > _LONGEST_NUMBER:
        reading.message = f"This number has {len(plain)} digits; no type of the language holds it."
    else:
        value = int(plain, int(base))
        reading.value = -value if negative else value
    if reading.message:
        reading.code = "SYN015"
    return reading


def _not_decimal(text: str, digits: str, prefix: str | None) -> str:
    if digits[:2] in ("0x", "0X"):
        return f"`{text}` is how C writes a hexadecimal number. Write `16#{digits[2:]}`."
    if digits[:2] in ("0b", "0B"):
        return f"`{text}` is how C writes a binary number. Write `2#{digits[2:]}`."
    if _REAL.fullmatch(digits):
        return f"`{text}` is a real number, but {prefix} takes a whole one."
    if prefix is None:
        unit = digits.lstrip("0123456789._").upper()
        if unit in _NANOSECONDS:
            return f"`{text}` looks like a duration. Write `T#{text}`."
        return f"`{text}` is neither a number nor a name: a name cannot begin with a digit."
    return f"`{text}` is not a number that {prefix} can take."


def _boolean(text: str, prefix: str) -> Reading:
    word = text.upper()
    if word in ("TRUE", "FALSE"):
        return Reading(LiteralKind.BOOL, prefix, word == "TRUE")
    reading = _integer(text, prefix)
    if not reading.code and reading.value not in (0, 1):
        reading.code, reading.message = "SYN015", f"`{prefix}#{text}` is no BOOL: only 0, 1, FALSE and TRUE are."
    reading.kind, reading.value = LiteralKind.BOOL, reading.value == 1
    return reading


def _real(text: str, prefix: str | None) -> Reading:
    digits = text[1:] if text[0] in "+-" else text
    if not _REAL.fullmatch(digits):
        based = _integer(text, prefix)
        if based.code:
            return Reading(
                LiteralKind.REAL, prefix, 0.0, "SYN015", f"`{text}` is not a real number, such as 1.5 or 1.5E-3."
            )
        return Reading(LiteralKind.REAL, prefix, float(based.value))
    value = float(text.replace("_", "")) if len(text) <= _LONGEST_NUMBER else float("inf")
    if value in (float("inf"), float("-inf")):
        return Reading(
            LiteralKind.REAL, prefix, 0.0, "SYN015", "This number is greater than the greatest LREAL, 1.8E308."
        )
    return Reading(LiteralKind.REAL, prefix, value)


def _scaled(whole: str, fraction: str | None, unit: int) -> int:
    """Return `whole.fraction` units in nanoseconds, rounded down where there is less than one."""
    value = int(whole.replace("_", "")) * unit
    if fraction:
        digits = fraction.replace("_", "")[:30]
        value += int(digits) * unit // 10 ** len(digits)
    return value


def _duration(text: str, prefix: str) -> Reading:
    sign = -1 if text[0] == "-" else 1
    body = text.lstrip("+-").upper()
    reading = Reading(LiteralKind.TIME, prefix, 0)
    if body.strip("0_") == "":
        return reading
    shown = f"{prefix}#{text}"
    total = 0
    place = 0
    last = -1
    fraction: str | None = None
    while place < len(body) and not reading.message:
        part = _PART.match(body, place)
        if part is None:
            reading.message = f"`{body[place:]}` in `{shown}` is not a duration such as `1d2h3m4s5ms`."
            break
        whole, digits, unit = part.groups()
        if len(whole) > 30:
            reading.message = f"`{shown}` is longer than the longest duration, 106751 days."
        elif not unit:
            reading.message = (
                f"`{whole}` in `{shown}` has no unit. Write for instance `{prefix}#{whole}ms` or `{prefix}#{whole}s`."
            )
        elif unit not in _NANOSECONDS:
            reading.message = (
                f"`{unit.lower()}` in `{shown}` is no unit of time. The units are d, h, m, s, ms, us and ns."
            )
        elif fraction is not None:
            reading.message = f"In `{shown}` only the last part may have a fraction."
        elif _UNIT_ORDER.index(unit) <= last:
            before = _UNIT_ORDER[last].lower()
            reading.message = (
                f"In `{shown}` the unit {unit.lower()} cannot follow {before}. The order is d, h, m, s, ms, us, ns."
            )
        else:
            last = _UNIT_ORDER.index(unit)
            fraction = digits
            total += _scaled(whole, digits, _NANOSECONDS[unit])
        place = part.end()
    if not reading.message and total > _LONGEST:
        reading.message = f"`{shown}` is longer than the longest duration, 106751 days."
    if reading.message:
        reading.code = "SYN016"
    else:
        reading.value = sign * total
    return reading


def days_since_1970(year: int, month: int, day: int) -> int:
    """Count the days from 1970-01-01 to a date of the Gregorian calendar."""
    shifted = year if month > 2 else year - 1
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def _date(text: str, prefix: str, kind: LiteralKind) -> Reading:
    reading = Reading(kind, prefix, 0)
    shown = f"{prefix}#{text}"
    clock_text = text
    days = 0
    if kind is not LiteralKind.TIME_OF_DAY:
        date = _DATE.match(text)
        if date is None:
            reading.message = f"`{shown}` does not begin with a date such as 2026-12-31."
            reading.code = "SYN017"
            return reading
        year, month, day = int(date.group(1)), int(date.group(2)), int(date.group(3))
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if not 1 <= month <= 12:
            reading.message = f"There is no month {month} in `{shown}`. A date is written year-month-day."
        elif not 1 <= day <= _MONTH_DAYS[month - 1] + (1 if leap and month == 2 else 0):
            reading.message = f"Month {month} of {year} has no day {day}."
        elif not 1678 <= year <= 2261:
            reading.message = f"The year {year} in `{shown}` is outside of 1678 to 2261, which a date can hold."
        else:
            days = days_since_1970(year, month, day)
        clock_text = text[date.end() :]
        if kind is LiteralKind.DATE:
            if clock_text and not reading.message:
                reading.message = f"`{shown}` goes on after the date. For date and time together write `DT#{text}`."
        elif not clock_text.startswith("-") and not reading.message:
            reading.message = f"`{shown}` has no time of day after the date, as in `{prefix}#{date.group()}-12:30:00`."
        clock_text = clock_text[1:]
    nanoseconds = 0
    if kind is not LiteralKind.DATE and not reading.message:
        clock = _CLOCK.fullmatch(clock_text)
        if clock is None:
            reading.message = f"`{clock_text}` in `{shown}` is not a time of day such as 12:30:00."
        else:
            hour, minute, second = int(clock.group(1)), int(clock.group(2)), int(clock.group(3) or 0)
            if hour > 23 or minute > 59 or second > 59:
                reading.message = f"There is no time of day {clock_text}: it runs from 00:00:00 to 23:59:59.999999999."
            nanoseconds = (hour * 3600 + minute * 60) * 1_000_000_000 + _scaled(
                str(second), clock.group(4), 1_000_000_000
            )
    if reading.message:
        reading.code = "SYN017"
    else:
        reading.value = days * _DAY + nanoseconds
    return reading
