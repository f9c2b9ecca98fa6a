"""Whether one overload of a standard function takes the arguments of a call, and in which concrete types (ed. 3 6.6.1.7).

Invariant: matching changes nothing; only the overload that is chosen in the end settles literals and converts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rung.semantics.checker import Checker
from rung.semantics.refusals import assignable
from rung.semantics.stdlib.signature import Parameter, Signature, TypeVariable
from rung.semantics.types import (
    BOOL,
    LREAL,
    MAX_STRING_LENGTH,
    REAL,
    UNKNOWN,
    Array,
    Block,
    Constant,
    Elementary,
    Family,
    StringType,
    Type,
    same_type,
    storage,
    string_type,
    strip,
)
from rung.semantics.widening import (
    ANY_ENUMERATION,
    ANY_INTEGER,
    ANY_REAL,
    COMMON,
    INTEGERS,
    PENDING,
    RANGES,
    ROUNDS,
    WIDENS,
    least_integer,
)
from rung.syntax.tree import Argument, Expr, Literal, LiteralKind

_NUMBERED: Final = re.compile(r"([A-Z]+?)([0-9]+)")
_WANTS_ARRAY: Final = frozenset({"LOWER_BOUND", "UPPER_BOUND"})


@dataclass(slots=True)
class Given:
    """An argument before an overload is chosen: its name, position, natural type."""

    argument: Argument
    value: Expr
    name: str | None
    type: Type = UNKNOWN


@dataclass(slots=True)
class Match:
    """An overload that takes the arguments: the concrete type of each, `cost` conversions, warnings of lost digits."""

    signature: Signature
    parameters: list[Type]
    order: list[Given]
    cost: int
    variables: dict[TypeVariable, Type] = field(default_factory=dict)


def fixed_type(parameters: Sequence[Parameter], place: int, name: str | None) -> Type | None:
    """Return the type of the parameter that an argument is for, where no overload can make it another."""
    for position, parameter in enumerate(parameters):
        if parameter.name == name or (name is None and position == place):
            return None if isinstance(parameter.type, TypeVariable) else parameter.type
    return None


def wish_of(item: Given, given: list[Given], hint: Type | None) -> Type | None:
    """An enumerator that several enumerations have looks to the other arguments, or to the context."""
    if isinstance(item.value, Literal) and item.value.kind in (LiteralKind.INTEGER, LiteralKind.REAL):
        return None
    for other in given:
        if other is item:
            break
        if not isinstance(strip(other.type), Elementary) and other.type is not UNKNOWN:
            return other.type
    return None if isinstance(hint, (Elementary, StringType)) else hint


def bind(signature: Signature, given: list[Given]) -> list[Given] | None:
    """Put the arguments into the order of the parameters; None if they are too many, too few, or of other names."""
    parameters = signature.parameters
    least = len(parameters)
    if len(given) < least or (len(given) > least and not signature.extensible):
        return None
    slots: list[Given | None] = [None] * len(given)
    position = 0
    for item in given:
        if item.name is None:
            place = position
            position += 1
        else:
            place = place_of(parameters, item.name, signature.extensible)
        if not 0 <= place < len(slots) or slots[place] is not None:
            return None
        slots[place] = item
    return [item for item in slots if item is not None]


def place_of(parameters: Sequence[Parameter], name: str, extensible: bool) -> int:
    """Return where the parameter called `name` stands, also one that repeats the last (`IN3`); -1 if there is none."""
    for place, parameter in enumerate(parameters):
        if parameter.name == name:
            return place
    if not extensible:
        return -1
    last, numbered = _NUMBERED.fullmatch(parameters[-1].name), _NUMBERED.fullmatch(name)
    if last is not None and numbered is not None and last[1] == numbered[1]:
        return len(parameters) - 1 + int(numbered[2][:6]) - int(last[2])
    return -1


def match_overload(c: Checker, signature: Signature, order: list[Given], hint: Type | None) -> Match | None:
    """Return the concrete types that a signature has for these arguments, None if it does not take them."""
    wanted = [signature.parameters[min(place, len(signature.parameters) - 1)].type for place in range(len(order))]
    variables: dict[TypeVariable, Type] = {}
    for variable in dict.fromkeys(kind for kind in wanted if isinstance(kind, TypeVariable)):
        items = [item for item, kind in zip(order, wanted, strict=True) if kind is variable]
        wish = hint if signature.result is variable else None
        found = _unify(c, variable, items, wish, array=signature.operation in _WANTS_ARRAY)
        if found is None:
            return None
        variables[variable] = found
    match = Match(signature, [], order, 0, variables)
    for item, kind in zip(order, wanted, strict=True):
        concrete = variables[kind] if isinstance(kind, TypeVariable) else kind
        cost = cost_of(c, item, concrete)
        if cost is None:
            return None
        match.cost += cost
        match.parameters.append(concrete)
    return match


def _unify(c: Checker, variable: TypeVariable, items: list[Given], wish: Type | None, array: bool) -> Type | None:
    """Return the one type that all these arguments take for a type variable, None if there is none that it admits."""
    known = [item for item in items if item.type not in PENDING]
    if not known:
        return _unify_literals(c, variable, items, wish)
    first = known[0].type
    kind: Type = storage(first)
    if isinstance(kind, Elementary):
        for item in known[1:]:
            other = storage(item.type)
            common = COMMON[kind].get(other) if isinstance(other, Elementary) else None
            if common is None:
                return None
            kind = common
        return _admitted(variable, _widened_for_literals(c, kind, items, wish), wish)
    if isinstance(kind, StringType):
        texts = {
            text for item in known if isinstance(text := storage(item.type), StringType) and text.wide == kind.wide
        }
        if not variable.strings or any(storage(item.type) not in texts for item in known):
            return None
        return kind if len(texts) == 1 else string_type(kind.wide, MAX_STRING_LENGTH)
    if isinstance(kind, Array) and array:
        return kind
    if not variable.derived or isinstance(kind, Block):
        return None
    return first if all(same_type(item.type, first) for item in known) else None


def _admitted(variable: TypeVariable, kind: Elementary, wish: Type | None) -> Type | None:
    """An integer where only reals are admitted is widened (ed. 3 figure 12): `SQRT(i)`."""
    if kind.family in variable.families:
        return kind
    if kind in INTEGERS and Family.REAL in variable.families:
        wanted = None if wish is None else storage(wish)
        if wanted is REAL or wanted is LREAL:
            return wanted
        return REAL if REAL in WIDENS[kind] else LREAL
    return None


def _widened_for_literals(c: Checker, kind: Elementary, items: list[Given], wish: Type | None) -> Elementary:
    """Widen an integer type until the literals beside it fit; a real literal makes it a real."""
    for item in items:
        value = c.constants.get(item.value)
        if item.type is ANY_REAL and kind in INTEGERS:
            wanted = None if wish is None else storage(wish)
            kind = REAL if wanted is REAL else LREAL
        elif item.type is ANY_INTEGER and kind in INTEGERS and isinstance(value, int):
            own = least_integer(value)
            if own is not None and not kind.low <= value <= kind.high:
                kind = COMMON[kind].get(own, kind)
    return kind


def _unify_literals(c: Checker, variable: TypeVariable, items: list[Given], wish: Type | None) -> Type | None:
    wanted = None if wish is None else storage(wish)
    if any(item.type is ANY_ENUMERATION for item in items):
        return wanted if variable.derived and wanted is not None else None
    real = any(item.type is ANY_REAL for item in items)
    values = [value for item in items if isinstance(value := c.constants[item.value], (int, float))]
    if isinstance(wanted, Elementary) and wanted.family in variable.families:
        if wanted.family is Family.REAL:
            return wanted
        bounds = RANGES.get(wanted)
        if not real and bounds is not None and all(bounds[0] <= value <= bounds[1] for value in values):
            return wanted
    if not real and variable.families & {Family.SIGNED, Family.UNSIGNED}:
        kinds = [least_integer(value) for value in values if isinstance(value, int)]
        return max((kind for kind in kinds if kind is not None), key=lambda kind: kind.high, default=None)
    if Family.REAL in variable.families:
        return LREAL
    if not real and Family.BITS in variable.families:
        return next(
            (
                kind
                for kind in RANGES
                if kind.family is Family.BITS and all(0 <= value <= kind.high for value in values)
            ),
            None,
        )
    return None


def cost_of(c: Checker, item: Given, kind: Type) -> int | None:
    """Return 0 for an argument that fits as it is, more for a conversion, None where there is none."""
    value = c.constants.get(item.value)
    goal = storage(kind)
    if item.type in PENDING:
        return _literal_cost(item.type, value, goal)
    have = storage(item.type)
    if have is goal:
        return 0
    if isinstance(have, Elementary) and isinstance(goal, Elementary):
        if goal in WIDENS[have]:
            return 1
        if goal in ROUNDS.get(have, ()):
            return 3
        if isinstance(value, int) and have in INTEGERS and goal in INTEGERS and goal.low <= value <= goal.high:
            return 2
        return 2 if c.is_direct(item.value, goal) else None
    if isinstance(have, StringType) and isinstance(goal, StringType):
        return 0 if have.wide == goal.wide else None
    return 0 if assignable(have, goal) else None


def _literal_cost(kind: Type, value: Constant | None, goal: Type) -> int | None:
    if kind is ANY_ENUMERATION or not isinstance(goal, Elementary):
        return 0 if kind is ANY_ENUMERATION and not isinstance(goal, Elementary) else None
    if goal.family is Family.REAL:
        return 0 if kind is ANY_REAL else 1
    bounds = RANGES.get(goal)
    if kind is ANY_REAL or bounds is None or not isinstance(value, int):
        return None
    # Beyond its type a literal still names this overload; `settle` then says that it does not fit.
    return 0 if bounds[0] <= value <= bounds[1] else 4 if goal is not BOOL else None
