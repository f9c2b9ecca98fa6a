"""How the standard library's functions are declared: overloads with type variables (ed. 3 tables 22 to 39)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from rung.semantics.types import Family, Type


@dataclass(slots=True, frozen=True, eq=False)
class TypeVariable:
    """A generic type (`ANY_INT`, ...) of one signature: every parameter that names the same variable gets one concrete type.

    `families` are the elementary families it admits (with BOOL listed apart from BITS), `strings` whether STRING and WSTRING too,
    `derived` whether any declared type is admitted as well (SEL, MUX, MOVE, and EQ/NE of enumerations).
    """

    name: str
    families: frozenset[Family]
    strings: bool = False
    derived: bool = False


ParameterType = Union[Type, TypeVariable]


@dataclass(slots=True, frozen=True, eq=False)
class Parameter:
    """A formal input: the standard's name (`IN`, `IN1`, `G`, `MN`, ...), upper case, and its type."""

    name: str
    type: ParameterType


@dataclass(slots=True, frozen=True, eq=False)
class Signature:
    """One overload. With `extensible`, the last parameter may be repeated (`IN2`, `IN3`, ... for ADD; `IN1`, `IN2`, ... for MUX).

    `operation` is the canonical name that the code generator emits for. `result` is a concrete type or one of the type variables.
    A result variable that no parameter names (`TRUNC`, `LEN`: ANY_INT) takes the type that the context asks for, and where the
    context says nothing, or asks for a type that the variable does not admit, `fallback`.
    """

    name: str
    operation: str
    parameters: Sequence[Parameter]
    result: ParameterType
    extensible: bool = False
    fallback: Type | None = None
