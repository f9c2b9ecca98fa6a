"""Which value may stand where another type is expected without a conversion function (ed. 3 figures 11 and 12).

Invariant: the tables are complete and closed; `COMMON[a][b]` is the least type to which both `a` and `b` widen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rung.semantics.types import (
    BOOL,
    BYTE,
    CHAR,
    DATE,
    DATE_AND_TIME,
    DINT,
    DWORD,
    INT,
    LDATE,
    LDATE_AND_TIME,
    LINT,
    LREAL,
    LTIME,
    LTIME_OF_DAY,
    LWORD,
    REAL,
    SINT,
    TIME,
    TIME_OF_DAY,
    UDINT,
    UINT,
    ULINT,
    USINT,
    WCHAR,
    WORD,
    Elementary,
    Enumeration,
    Family,
    Type,
)

SIGNED: Final = (SINT, INT, DINT, LINT)
UNSIGNED: Final = (USINT, UINT, UDINT, ULINT)
BITS: Final = (BYTE, WORD, DWORD, LWORD)
INTEGERS: Final = frozenset(SIGNED + UNSIGNED)
REALS: Final = frozenset({REAL, LREAL})
NUMBERS: Final = INTEGERS | REALS
BIT_STRINGS: Final = frozenset(BITS)
LOGICAL: Final = BIT_STRINGS | {BOOL}
DURATIONS: Final = frozenset({TIME, LTIME})

# The types of untyped literals until their context decides. No finished table holds them.
ANY_INTEGER: Final = Elementary("integer literal", Family.SIGNED, 64)
ANY_REAL: Final = Elementary("real literal", Family.REAL, 64)
# A bare enumerator that several enumerations have, until the context names one.
ANY_ENUMERATION: Final = Enumeration("enumerator", INT, {}, {}, 0)
PENDING: Final[frozenset[Type]] = frozenset({ANY_INTEGER, ANY_REAL, ANY_ENUMERATION})

# Least and greatest value of every type that integer literals may take; BOOL takes 0 and 1 (ed. 3 table 5).
RANGES: Final[Mapping[Elementary, tuple[int, int]]] = {
    kind: (kind.low, kind.high) for kind in (*SIGNED, *UNSIGNED, *BITS, BOOL)
}
_SHORT_AND_LONG: Final = (
    (TIME, LTIME),
    (DATE, LDATE),
    (TIME_OF_DAY, LTIME_OF_DAY),
    (DATE_AND_TIME, LDATE_AND_TIME),
)
# REAL has 24 significant bits and LREAL 53.
_EXACT_IN: Final = {REAL: 24, LREAL: 53}


def _targets(source: Elementary) -> set[Elementary]:
    """All types that hold every value of `source`."""
    if source in INTEGERS:
        magnitude = source.bits - (source in SIGNED)
        found = {kind for kind in INTEGERS if kind.low <= source.low and source.high <= kind.high}
        return found | {real for real, exact in _EXACT_IN.items() if magnitude <= exact}
    if source in LOGICAL:
        return {kind for kind in LOGICAL if kind.bits >= source.bits}
    if source is REAL:
        return {REAL, LREAL}
    return {source} | {long for short, long in _SHORT_AND_LONG if short is source}


_ALL: Final = (
    *SIGNED,
    *UNSIGNED,
    *BITS,
    BOOL,
    REAL,
    LREAL,
    *(kind for pair in _SHORT_AND_LONG for kind in pair),
    CHAR,
    WCHAR,
)
WIDENS: Final[Mapping[Elementary, frozenset[Elementary]]] = {kind: frozenset(_targets(kind)) for kind in _ALL}

# Converted implicitly, too, but with a warning: large values lose their last digits.
ROUNDS: Final[Mapping[Elementary, frozenset[Elementary]]] = {kind: REALS - WIDENS[kind] for kind in INTEGERS}


def _common(left: Elementary, right: Elementary) -> Elementary | None:
    both = WIDENS[left] & WIDENS[right]
    if left in INTEGERS and right in INTEGERS:
        both &= INTEGERS
    # A type that widens to all other candidates is the least of them.
    return next((kind for kind in both if both <= WIDENS[kind]), None)


COMMON: Final[Mapping[Elementary, Mapping[Elementary, Elementary]]] = {
    left: {right: kind for right in _ALL if (kind := _common(left, right)) is not None} for left in _ALL
}


def least_integer(value: int) -> Elementary | None:
    """Return the type of an integer literal that nothing else decides: INT, else DINT, LINT, ULINT; None beyond all of them."""
    for kind in (INT, DINT, LINT, ULINT):
        if kind.low <= value <= kind.high:
            return kind
    return None


def integer_real(wanted: Elementary | None) -> Elementary:
    """Return the type in which an integer meets an untyped real literal: what the context wants, else LREAL."""
    return wanted if wanted is REAL or wanted is LREAL else LREAL
