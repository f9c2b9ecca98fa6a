"""C++ text for type conversions, implicit ones and `A_TO_B`, and the C++ types of values.

What the standard leaves open is decided thus. Integers and bit strings keep their low bits (INT#-1 is WORD#16#FFFF). Everything
but zero is TRUE. REAL to integer rounds to the nearest, ties to even, and stops at the ends of the range. DWORD_TO_REAL converts
the value, not the bit pattern. TIME and TIME_OF_DAY count in milliseconds, DATE and DATE_AND_TIME in seconds, their long forms
(LTIME, ...) in nanoseconds, when they become numbers or come from them.
"""

from __future__ import annotations

from typing import Final

from rung.semantics.types import MAX_STRING_LENGTH, Elementary, Enumeration, Family, StringType, Type, storage

_TIMES: Final = frozenset({Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME})
# The long types, which count in nanoseconds, are not for boards, where no tick is that short.
_UNITS: Final = {
    "TIME": "rung::TICKS_PER_MS", "TIME_OF_DAY": "rung::TICKS_PER_MS", "DATE": "rung::TICKS_PER_S", "DATE_AND_TIME": "rung::TICKS_PER_S",
}  # fmt: skip
_LITERAL_PREFIX: Final = {
    "TIME": "T#", "LTIME": "LTIME#", "DATE": "D#", "LDATE": "LDATE#", "TIME_OF_DAY": "TOD#", "LTIME_OF_DAY": "LTOD#",
    "DATE_AND_TIME": "DT#", "LDATE_AND_TIME": "LDT#",
}  # fmt: skip
_TO_TEXT: Final = {
    Family.DURATION: "duration_to_string", Family.DATE: "date_to_string", Family.TIME_OF_DAY: "clock_to_string",
    Family.DATE_AND_TIME: "date_and_time_to_string",
}  # fmt: skip
_FROM_TEXT: Final = {
    Family.DURATION: "to_duration", Family.DATE: "to_date", Family.TIME_OF_DAY: "to_clock", Family.DATE_AND_TIME: "to_date_and_time",
}  # fmt: skip


def value_type(kind: Type) -> str:
    """Return the C++ type of an elementary type, a string, an enumeration, or a subrange or alias of one of these.

    Raises ValueError for structures, arrays and blocks, whose names the emitter chooses.
    """
    kind = storage(kind)
    if isinstance(kind, Enumeration):
        kind = kind.base
    if isinstance(kind, StringType):
        return f"rung::{'WString' if kind.wide else 'String'}<{kind.length}>"
    if not isinstance(kind, Elementary):
        raise ValueError(f"{kind.name} is no elementary type")
    match kind.family:
        case Family.BOOL:
            return "bool"
        case Family.REAL:
            return "float" if kind.bits == 32 else "double"
        case Family.CHAR:
            return "char" if kind.bits == 8 else "char16_t"
        case Family.BITS | Family.UNSIGNED:
            return f"uint{kind.bits}_t"
        case Family.DURATION:
            return "rung::Duration"
        case Family.TIME_OF_DAY:
            return "rung::Clock"
        case Family.DATE | Family.DATE_AND_TIME:
            return "rung::Moment"
        case _:
            return f"int{kind.bits}_t"


def count_text(kind: Type, text: str) -> str:
    """Return `text`, an integer, as a `rung::Count` argument. Only types that have values beyond its range need care: what is too large
    stays large."""
    kind = storage(kind)
    return (
        f"rung::count({text})" if isinstance(kind, Elementary) and (kind.high >= 1 << 31 or kind.bits == 64) else text
    )


def conversion(source: Type, target: Type, text: str) -> str:
    """Return the C++ expression that turns the expression `text` of type `source` into one of type `target`.

    Types that are the same in C++, also structures and arrays, come back as they are.
    """
    source, target = _base(source), _base(target)
    if source is target:
        return text
    if isinstance(target, StringType):
        return _to_string(source, target, text)
    if isinstance(source, StringType) and isinstance(target, Elementary):
        return _from_string(target, f"rung::narrowed({text})" if source.wide else text)
    if not isinstance(source, Elementary) or not isinstance(target, Elementary):
        return text
    if source.family is Family.CHAR:
        text = f"uint{source.bits}_t({text})"
    if target.family is Family.BOOL:
        return f"(({text}) != 0)"
    if source.family in _TIMES:
        return _between_times(source, target, text) if target.family in _TIMES else _from_time(source, target, text)
    if target.family in _TIMES:
        return _to_time(source, target, text)
    if source.family is Family.REAL and target.family is not Family.REAL:
        return _exact(target, f"rung::rounded<{_number(target)}>({text})")
    return f"{value_type(target)}({text})"


def _base(kind: Type) -> Type:
    kind = storage(kind)
    return kind.base if isinstance(kind, Enumeration) else kind


def _number(target: Elementary) -> str:
    return f"uint{target.bits}_t" if target.family is Family.CHAR else value_type(target)


def _exact(target: Elementary, text: str) -> str:
    return f"{value_type(target)}({text})" if target.family is Family.CHAR else text


def _from_time(source: Elementary, target: Elementary, text: str) -> str:
    unit = _UNITS.get(source.name)
    if target.family is Family.REAL:
        return f"{value_type(target)}(double({text}){f' / double({unit})' if unit else ''})"
    return f"{value_type(target)}(({text}){f' / {unit}' if unit else ''})"


def _to_time(source: Elementary, target: Elementary, text: str) -> str:
    wide = target.family in (Family.DATE, Family.DATE_AND_TIME)
    if target.family is Family.TIME_OF_DAY:
        # What is longer than a day may be longer than any Duration.
        wide = source.family is Family.REAL or source.high >= 1 << 31
    name = "rung::Moment" if wide else "rung::Duration"
    unit = _UNITS.get(target.name)
    if source.family is Family.REAL:
        ticks = f"rung::rounded<{name}>(double({text}){f' * double({unit})' if unit else ''})"
    elif target.name == "TIME":
        return f"rung::milliseconds({text})"
    else:
        ticks = f"{name}({name}Bits({text}){f' * {name}Bits({unit})' if unit else ''})"
    return _normal(target, ticks)


def _between_times(source: Elementary, target: Elementary, text: str) -> str:
    """Ticks either way; a date drops the time, a time of day drops the date."""
    if source.family is target.family:
        return text
    if target.family is Family.DURATION:
        return f"rung::between({text}, 0)"
    return _normal(target, f"rung::Moment({text})" if target.family in (Family.DATE, Family.DATE_AND_TIME) else text)


def _normal(target: Elementary, ticks: str) -> str:
    if target.family is Family.TIME_OF_DAY:
        return f"rung::time_of_day({ticks})"
    return f"rung::date_of({ticks})" if target.family is Family.DATE else f"{value_type(target)}({ticks})"


def _to_string(source: Type, target: StringType, text: str) -> str:
    if isinstance(source, StringType):
        if source.wide != target.wide:
            text = f"rung::{'widened' if target.wide else 'narrowed'}({text})"
        elif source.length == target.length:
            return text
        else:
            return f"{value_type(target)}({text})"
    elif isinstance(source, Elementary):
        if source.family is Family.CHAR and (source.bits == 16) == target.wide:
            text = f"rung::character_to_string({text})"
        elif source.family is Family.CHAR and source.bits == 16:
            text = f"rung::narrowed(rung::character_to_string({text}))"
        else:
            text = _literal(source, text)
            text = f"rung::widened({text})" if target.wide else text
    return text if target.length == MAX_STRING_LENGTH else f"{value_type(target)}({text})"


def _literal(source: Elementary, text: str) -> str:
    """The STRING that is the value's literal."""
    match source.family:
        case Family.BOOL:
            return f"rung::bool_to_string({text})"
        case Family.REAL:
            return f"rung::real_to_string({text})"
        case Family.SIGNED:
            return f"rung::signed_to_string({text})"
        case Family.CHAR:
            return f"rung::character_to_string({text})"
        case Family.BITS | Family.UNSIGNED:
            return f"rung::unsigned_to_string({text})"
        case _:
            prefix = _LITERAL_PREFIX[source.name]
            return f'rung::{_TO_TEXT[source.family]}({text}, rung::StringView{{"{prefix}", {len(prefix)}}})'


def _from_string(target: Elementary, text: str) -> str:
    match target.family:
        case Family.BOOL:
            return f"rung::to_bool({text})"
        case Family.REAL:
            return f"{value_type(target)}(rung::to_real({text}))"
        case Family.CHAR:
            return f"rung::first_character<{value_type(target)}>({text})"
        case Family.SIGNED | Family.UNSIGNED | Family.BITS:
            return f"rung::to_integer<{value_type(target)}>({text})"
        case _:
            return f"rung::{_FROM_TEXT[target.family]}({text})"
