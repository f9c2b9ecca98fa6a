"""The types of IEC 61131-3 as the checker and the code generator see them.

Invariants: elementary and string types are shared objects, so `is` compares them; declared types (enumeration, structure,
alias, subrange with a name, function block) compare by identity too; arrays compare by shape and element (`same_type`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, Union

if TYPE_CHECKING:
    from rung.semantics.model import Pou

# A folded constant: BOOL as bool, integers and bit strings as int, REAL as float, STRING as str, times and dates as int ns,
# an enumerator as its int, an array as a tuple of all its elements (row by row), a structure or block as a mapping by upper-case name.
Constant = Union[bool, int, float, str, tuple["Constant", ...], Mapping[str, "Constant"]]


class Family(Enum):
    """Which operations an elementary type takes part in (the generic hierarchy, ed. 3 figure 5)."""

    BOOL = "BOOL"
    BITS = "BITS"  # BYTE WORD DWORD LWORD
    SIGNED = "SIGNED"
    UNSIGNED = "UNSIGNED"
    REAL = "REAL"
    DURATION = "DURATION"  # TIME LTIME
    DATE = "DATE"
    TIME_OF_DAY = "TIME_OF_DAY"
    DATE_AND_TIME = "DATE_AND_TIME"
    CHAR = "CHAR"  # CHAR WCHAR


@dataclass(slots=True, eq=False)
class Elementary:
    """An elementary type. `bits` is its width (BOOL 1). Times and dates are all 64-bit nanoseconds."""

    name: str
    family: Family
    bits: int

    @property
    def low(self) -> int:
        """Least integer value; for bit strings and BOOL 0."""
        return -(1 << (self.bits - 1)) if self.family in _SIGNED else 0

    @property
    def high(self) -> int:
        """Greatest integer value."""
        return (1 << (self.bits - 1)) - 1 if self.family in _SIGNED else (1 << self.bits) - 1


_SIGNED: Final = frozenset(
    {Family.SIGNED, Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME},
)

BOOL: Final = Elementary("BOOL", Family.BOOL, 1)
BYTE: Final = Elementary("BYTE", Family.BITS, 8)
WORD: Final = Elementary("WORD", Family.BITS, 16)
DWORD: Final = Elementary("DWORD", Family.BITS, 32)
LWORD: Final = Elementary("LWORD", Family.BITS, 64)
SINT: Final = Elementary("SINT", Family.SIGNED, 8)
INT: Final = Elementary("INT", Family.SIGNED, 16)
DINT: Final = Elementary("DINT", Family.SIGNED, 32)
LINT: Final = Elementary("LINT", Family.SIGNED, 64)
USINT: Final = Elementary("USINT", Family.UNSIGNED, 8)
UINT: Final = Elementary("UINT", Family.UNSIGNED, 16)
UDINT: Final = Elementary("UDINT", Family.UNSIGNED, 32)
ULINT: Final = Elementary("ULINT", Family.UNSIGNED, 64)
REAL: Final = Elementary("REAL", Family.REAL, 32)
LREAL: Final = Elementary("LREAL", Family.REAL, 64)
TIME: Final = Elementary("TIME", Family.DURATION, 64)
LTIME: Final = Elementary("LTIME", Family.DURATION, 64)
DATE: Final = Elementary("DATE", Family.DATE, 64)
LDATE: Final = Elementary("LDATE", Family.DATE, 64)
TIME_OF_DAY: Final = Elementary("TIME_OF_DAY", Family.TIME_OF_DAY, 64)
LTIME_OF_DAY: Final = Elementary("LTIME_OF_DAY", Family.TIME_OF_DAY, 64)
DATE_AND_TIME: Final = Elementary("DATE_AND_TIME", Family.DATE_AND_TIME, 64)
LDATE_AND_TIME: Final = Elementary("LDATE_AND_TIME", Family.DATE_AND_TIME, 64)
CHAR: Final = Elementary("CHAR", Family.CHAR, 8)
WCHAR: Final = Elementary("WCHAR", Family.CHAR, 16)

NS_PER_DAY: Final = 86_400_000_000_000

DEFAULT_STRING_LENGTH: Final = 126
MAX_STRING_LENGTH: Final = 254


@dataclass(slots=True, eq=False)
class StringType:
    """STRING or WSTRING of at most `length` characters. Make it with `string_type`, which shares equal ones."""

    wide: bool
    length: int

    @property
    def name(self) -> str:
        word = "WSTRING" if self.wide else "STRING"
        return word if self.length == DEFAULT_STRING_LENGTH else f"{word}[{self.length}]"


@cache
def string_type(wide: bool = False, length: int = DEFAULT_STRING_LENGTH) -> StringType:
    """Return the shared type of strings of at most `length` characters."""
    return StringType(wide, length)


@dataclass(slots=True, eq=False)
class Enumeration:
    """A set of named values. `values` maps upper-case enumerator to its number, in declaration order; `spelling` gives each as
    written. `base` is the storage type (INT where none is declared)."""

    name: str
    base: Elementary
    values: dict[str, int]
    spelling: dict[str, str]
    default: int


@dataclass(slots=True, eq=False)
class Subrange:
    """`INT (low..high)`, both inclusive; `name` is empty for one written in place."""

    name: str
    base: Elementary
    low: int
    high: int
    default: int


@dataclass(slots=True, eq=False)
class Array:
    """`dimensions` are inclusive bounds, the last varies fastest. `name` is empty unless declared in TYPE. An open dimension of
    `ARRAY[*]` is None."""

    name: str
    dimensions: tuple[tuple[int, int] | None, ...]
    element: Type
    default: Constant | None = None

    @property
    def size(self) -> int:
        """Number of elements; 0 for an open array."""
        count = 1
        for dimension in self.dimensions:
            if dimension is None:
                return 0
            count *= max(0, dimension[1] - dimension[0] + 1)
        return count


@dataclass(slots=True, eq=False)
class Field:
    """A structure's member; `default` is its folded initial value, or None for its type's own."""

    name: str
    key: str
    type: Type
    default: Constant | None


@dataclass(slots=True, eq=False)
class Structure:
    """`fields` by upper-case name in declaration order. `default` overrides fields' defaults (`TYPE T : S := (a := 1)`)."""

    name: str
    fields: dict[str, Field] = field(default_factory=dict)
    default: Constant | None = None


@dataclass(slots=True, eq=False)
class Alias:
    """`TYPE Name : target := default;`: another name, perhaps with another initial value; see `strip`."""

    name: str
    target: Type
    default: Constant | None


@dataclass(slots=True, eq=False)
class Block:
    """An instance of a function block."""

    pou: Pou

    @property
    def name(self) -> str:
        return self.pou.name


@dataclass(slots=True, eq=False)
class Reference:
    """`REF_TO target` and its dialect forms."""

    name: str
    target: Type


@dataclass(slots=True, eq=False)
class Unknown:
    """The type of what could not be typed; already reported, compatible with everything, so that one mistake gives one error."""

    name: str = "?"


UNKNOWN: Final = Unknown()

Type = Union[Elementary, StringType, Enumeration, Subrange, Array, Structure, Alias, Block, Reference, Unknown]

ELEMENTARY: Final[Mapping[str, Elementary]] = {
    kind.name: kind
    for kind in (
        BOOL, BYTE, WORD, DWORD, LWORD, SINT, INT, DINT, LINT, USINT, UINT, UDINT, ULINT, REAL, LREAL, TIME, LTIME, DATE,
        LDATE, TIME_OF_DAY, LTIME_OF_DAY, DATE_AND_TIME, LDATE_AND_TIME, CHAR, WCHAR,
    )
} | {"TOD": TIME_OF_DAY, "LTOD": LTIME_OF_DAY, "DT": DATE_AND_TIME, "LDT": LDATE_AND_TIME}  # fmt: skip


def strip(kind: Type) -> Type:
    """Return what an alias stands for; other types as they are."""
    while isinstance(kind, Alias):
        kind = kind.target
    return kind


def storage(kind: Type) -> Type:
    """Return the type whose values these are: aliases and subranges reduced to their base."""
    kind = strip(kind)
    return kind.base if isinstance(kind, Subrange) else kind


def same_type(left: Type, right: Type) -> bool:
    """Whether two types hold the same values in the same layout (aliases and subranges reduced)."""
    left, right = storage(left), storage(right)
    if isinstance(left, Array) and isinstance(right, Array):
        return left.dimensions == right.dimensions and same_type(left.element, right.element)
    if isinstance(left, Block) and isinstance(right, Block):
        return left.pou is right.pou
    if isinstance(left, Reference) and isinstance(right, Reference):
        return same_type(left.target, right.target)
    return left is right


def default_value(kind: Type) -> Constant:
    """Return the initial value a variable of this type has when nothing else is said (ed. 3 table 10; 6.4.4)."""
    match kind:
        case Elementary():
            return _elementary_default(kind)
        case StringType():
            return ""
        case Enumeration() | Subrange():
            return kind.default
        case Alias():
            return kind.default if kind.default is not None else default_value(kind.target)
        case Array():
            if kind.default is not None:
                return kind.default
            return (default_value(kind.element),) * kind.size
        case Structure():
            return dict(_structure_defaults(kind))
        case _:
            return 0


def _elementary_default(kind: Elementary) -> Constant:
    if kind.family is Family.BOOL:
        return False
    return 0.0 if kind.family is Family.REAL else "" if kind.family is Family.CHAR else 0


def _structure_defaults(kind: Structure) -> Iterator[tuple[str, Constant]]:
    given = kind.default if isinstance(kind.default, Mapping) else {}
    for key, member in kind.fields.items():
        if key in given:
            yield key, given[key]
        else:
            yield key, member.default if member.default is not None else default_value(member.type)
