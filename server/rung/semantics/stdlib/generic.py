"""The generic types of ed. 3 figure 5 that the standard functions are declared with."""

from __future__ import annotations

from typing import Final

from rung.semantics.stdlib.signature import TypeVariable
from rung.semantics.types import Family

_INTEGERS: Final = frozenset({Family.SIGNED, Family.UNSIGNED})
_NUMBERS: Final = _INTEGERS | {Family.REAL}
_BITS: Final = frozenset({Family.BOOL, Family.BITS})
_ALL: Final = frozenset(Family)

ANY: Final = TypeVariable("ANY", _ALL, strings=True, derived=True)
ANY_ELEMENTARY: Final = TypeVariable("ANY_ELEMENTARY", _ALL, strings=True)
ANY_NUM: Final = TypeVariable("ANY_NUM", _NUMBERS)
ANY_MAGNITUDE: Final = TypeVariable("ANY_MAGNITUDE", _NUMBERS | {Family.DURATION})
ANY_REAL: Final = TypeVariable("ANY_REAL", frozenset({Family.REAL}))
ANY_INT: Final = TypeVariable("ANY_INT", _INTEGERS)
ANY_BIT: Final = TypeVariable("ANY_BIT", _BITS)
ANY_BITS: Final = TypeVariable("ANY_BIT", frozenset({Family.BITS}))
ANY_DURATION: Final = TypeVariable("ANY_DURATION", frozenset({Family.DURATION}))
ANY_ORDERED_BYTES: Final = TypeVariable("ANY", _NUMBERS | {Family.BITS, Family.CHAR})

# A second generic type in the same signature is a variable of its own.
ANY_POSITION: Final = TypeVariable("ANY_INT", _INTEGERS)
ANY_LENGTH: Final = TypeVariable("ANY_INT", _INTEGERS)
ANY_EXPONENT: Final = TypeVariable("ANY_NUM", _NUMBERS)
ANY_INT_RESULT: Final = TypeVariable("ANY_INT", _INTEGERS)
ANY_NUM_RESULT: Final = TypeVariable("ANY_NUM", _NUMBERS)
