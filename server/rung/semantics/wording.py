"""How messages call types and values, in the words of somebody who writes Structured Text."""

from __future__ import annotations

from typing import Final

from rung.semantics.types import (
    Alias,
    Array,
    Constant,
    Elementary,
    Enumeration,
    Family,
    Reference,
    StringType,
    Structure,
    Subrange,
    Type,
    storage,
    strip,
)
from rung.syntax.tree import SectionKind

_TIME_UNITS: Final = ((86_400_000_000_000, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s"),
                      (1_000_000, "ms"), (1_000, "us"), (1, "ns"))  # fmt: skip

SECTION_WORDS: Final = {
    SectionKind.VAR_INPUT: "an input",
    SectionKind.VAR_OUTPUT: "an output",
    SectionKind.VAR_IN_OUT: "an in-out",
}


def type_name(kind: Type) -> str:
    """Return what a message calls a type: its name, or its shape where it has none."""
    if isinstance(kind, (Elementary, StringType, Structure, Alias)):
        return kind.name or "STRUCT"
    if isinstance(kind, Enumeration):
        return kind.name or f"({', '.join(kind.spelling.values())})"
    if isinstance(kind, Subrange):
        return kind.name or f"{kind.base.name} ({kind.low}..{kind.high})"
    if isinstance(kind, Array):
        return kind.name or f"ARRAY[{', '.join(bounds_text(d) for d in kind.dimensions)}] OF {type_name(kind.element)}"
    if isinstance(kind, Reference):
        return kind.name or f"REF_TO {type_name(kind.target)}"
    return kind.name


def bounds_text(dimension: tuple[int, int] | None) -> str:
    """Return `0..9`, or `*` for an open dimension."""
    return "*" if dimension is None else f"{dimension[0]}..{dimension[1]}"


def described(kind: Type) -> str:
    """Return the type's name with what it stands for, where the name alone does not say: `Speed (INT)`."""
    base = storage(kind)
    name = type_name(kind)
    if base is not strip(kind) or (isinstance(kind, Alias) and isinstance(base, (Elementary, StringType))):
        inner = type_name(base)
        return name if inner in name else f"{name} ({inner})"
    return name


def value_text(value: Constant, kind: Type) -> str:
    """Return a constant as one writes it in Structured Text."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    base = storage(kind)
    if isinstance(base, Enumeration) and isinstance(value, int):
        return next((base.spelling[key] for key, number in base.values.items() if number == value), str(value))
    if isinstance(base, Elementary) and base.family is Family.DURATION and isinstance(value, int):
        return duration_text(value)
    if isinstance(value, str):
        return f"'{value}'"
    return str(value)


def duration_text(nanoseconds: int) -> str:
    """Return a duration as a literal, `T#1m30s`."""
    if nanoseconds == 0:
        return "T#0s"
    rest, parts = abs(nanoseconds), []
    for size, unit in _TIME_UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return f"T#{'-' if nanoseconds < 0 else ''}{''.join(parts)}"


def counted(number: int, noun: str) -> str:
    """Return `1 input`, `2 inputs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
