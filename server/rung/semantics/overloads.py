"""Standard functions: which overload a call means, and in which types it computes (ed. 3 6.6.1.7, 6.6.2.5).

Invariant: the first overload that takes the arguments as they are wins, else the first that takes them after widening. Literals
without a type never decide; they take the type that the other arguments give their parameter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rung.semantics.checker import ANY_ENUMERATION, PENDING, Checker, assignable, conversion_word
from rung.semantics.model import BoundArgument, ResolvedCall, StandardFunction
from rung.semantics.spelling import closest
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
from rung.semantics.widening import ANY_INTEGER, ANY_REAL, COMMON, INTEGERS, RANGES, ROUNDS, WIDENS, least_integer
from rung.semantics.wording import counted, described
from rung.syntax.tree import Argument, Call, Expr, Literal, LiteralKind

_NUMBERED: Final = re.compile(r"([A-Z]+?)([0-9]+)")
_WANTS_ARRAY: Final = frozenset({"LOWER_BOUND", "UPPER_BOUND"})


@dataclass(slots=True)
class _Given:
    """An argument before an overload is chosen: its name, position, natural type."""

    argument: Argument
    value: Expr
    name: str | None
    type: Type = UNKNOWN


@dataclass(slots=True)
class _Match:
    """An overload that takes the arguments: the concrete type of each, `cost` conversions, warnings of lost digits."""

    signature: Signature
    parameters: list[Type]
    order: list[_Given]
    cost: int
    variables: dict[TypeVariable, Type] = field(default_factory=dict)


def standard_call(c: Checker, node: Call, key: str, signatures: Sequence[Signature], hint: Type | None) -> Type:
    """Resolve a call of the standard function `key`."""
    from rung.semantics.calls import implicit

    given: list[_Given] = []
    en: Expr | None = None
    eno: BoundArgument | None = None
    formal = False
    sound = True
    for argument in node.arguments:
        name = None if argument.name is None else argument.name.key
        if name in ("EN", "ENO"):
            en, eno = implicit(c, argument, en, eno)
            continue
        if argument.value is None:
            continue
        if name is None and formal:
            sound = False
            c.report(
                "CAL010",
                argument,
                "Arguments without a name come first: give this one its name, or move it before the named ones.",
            )
        formal = formal or name is not None
        given.append(_Given(argument, argument.value, name))
    only = signatures[0].parameters if len(signatures) == 1 else ()
    for place, item in enumerate(given):
        item.type = c.visit(item.value, _fixed_type(only, place, item.name) or _wish(item, given, hint))
        if item.argument.output and sound:
            sound = False
            assert item.argument.name is not None
            c.report(
                "CAL007",
                item.argument.name,
                f"{key} has inputs only, and its result is its value: write {item.argument.name.text} := value.",
                data=":=",
            )
    result = _resolve(c, node, key, signatures, given, en, eno, hint) if sound else None
    if result is None:
        for item in given:
            if item.type in PENDING and item.value not in c.types:
                c.settle_alone(item.value, item.type) if item.type is not ANY_ENUMERATION else None
        result = UNKNOWN
    c.types[node] = result
    return result


def _fixed_type(parameters: Sequence[Parameter], place: int, name: str | None) -> Type | None:
    """Return the type of the parameter that an argument is for, where no overload can make it another."""
    for position, parameter in enumerate(parameters):
        if parameter.name == name or (name is None and position == place):
            return None if isinstance(parameter.type, TypeVariable) else parameter.type
    return None


def _wish(item: _Given, given: list[_Given], hint: Type | None) -> Type | None:
    """An enumerator that several enumerations have looks to the other arguments, or to the context."""
    if isinstance(item.value, Literal) and item.value.kind in (LiteralKind.INTEGER, LiteralKind.REAL):
        return None
    for other in given:
        if other is item:
            break
        if not isinstance(strip(other.type), Elementary) and other.type is not UNKNOWN:
            return other.type
    return None if isinstance(hint, (Elementary, StringType)) else hint


def _resolve(
    c: Checker, node: Call, key: str, signatures: Sequence[Signature], given: list[_Given],
    en: Expr | None, eno: BoundArgument | None, hint: Type | None,
) -> Type | None:  # fmt: skip
    if any(item.type is UNKNOWN for item in given):
        return None
    best: _Match | None = None
    bound = None
    for signature in signatures:
        order = _bind(signature, given)
        if order is None:
            continue
        bound = bound or (signature, order)
        match = _match(c, signature, order, hint)
        if match is not None and (best is None or match.cost < best.cost):
            best = match
            if match.cost == 0:
                break
    if best is None:
        _explain(c, node, key, signatures, given, bound)
        return None
    for item, kind in zip(best.order, best.parameters, strict=True):
        _take(c, item, kind)
    result = _result(best, hint)
    function = StandardFunction(key, best.signature.operation, tuple(best.parameters), result)
    c.calls[node] = ResolvedCall(
        function, tuple(BoundArgument(None, item.value) for item in best.order), en, eno, result
    )
    return result


def _take(c: Checker, item: _Given, kind: Type) -> None:
    """Settle or convert an argument. Texts keep their length: functions read them in place."""
    if item.type in PENDING:
        c.settle(item.value, item.type, kind)
        return
    have, goal = storage(item.type), storage(kind)
    if isinstance(have, Elementary) and have is not goal:
        c.fit(item.value, have, kind)


def _result(match: _Match, hint: Type | None) -> Type:
    wanted = match.signature.result
    if not isinstance(wanted, TypeVariable):
        return wanted
    found = match.variables.get(wanted)
    if found is not None:
        return found
    goal = None if hint is None else storage(hint)
    if isinstance(goal, Elementary) and goal.family in wanted.families:
        return goal
    return match.signature.fallback or UNKNOWN


def _bind(signature: Signature, given: list[_Given]) -> list[_Given] | None:
    """Put the arguments into the order of the parameters; None if they are too many, too few, or of other names."""
    parameters = signature.parameters
    least = len(parameters)
    if len(given) < least or (len(given) > least and not signature.extensible):
        return None
    slots: list[_Given | None] = [None] * len(given)
    position = 0
    for item in given:
        if item.name is None:
            place = position
            position += 1
        else:
            place = _place(parameters, item.name, signature.extensible)
        if not 0 <= place < len(slots) or slots[place] is not None:
            return None
        slots[place] = item
    return [item for item in slots if item is not None]


def _place(parameters: Sequence[Parameter], name: str, extensible: bool) -> int:
    for place, parameter in enumerate(parameters):
        if parameter.name == name:
            return place
    last, numbered = _NUMBERED.fullmatch(parameters[-1].name), _NUMBERED.fullmatch(name)
    if extensible and last is not None and numbered is not None and last[1] == numbered[1]:
        return len(parameters) - 1 + int(numbered[2][:6]) - int(last[2])
    return -1


def _match(c: Checker, signature: Signature, order: list[_Given], hint: Type | None) -> _Match | None:
    wanted = [signature.parameters[min(place, len(signature.parameters) - 1)].type for place in range(len(order))]
    variables: dict[TypeVariable, Type] = {}
    for variable in dict.fromkeys(kind for kind in wanted if isinstance(kind, TypeVariable)):
        items = [item for item, kind in zip(order, wanted, strict=True) if kind is variable]
        wish = hint if signature.result is variable else None
        found = _unify(c, variable, items, wish, array=signature.operation in _WANTS_ARRAY)
        if found is None:
            return None
        variables[variable] = found
    match = _Match(signature, [], order, 0, variables)
    for item, kind in zip(order, wanted, strict=True):
        concrete = variables[kind] if isinstance(kind, TypeVariable) else kind
        cost = _cost(c, item, concrete)
        if cost is None:
            return None
        match.cost += cost
        match.parameters.append(concrete)
    return match


def _unify(c: Checker, variable: TypeVariable, items: list[_Given], wish: Type | None, array: bool) -> Type | None:
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
        texts = {text for item in known if isinstance(text := storage(item.type), StringType) and text.wide == kind.wide}
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


def _widened_for_literals(c: Checker, kind: Elementary, items: list[_Given], wish: Type | None) -> Elementary:
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


def _unify_literals(c: Checker, variable: TypeVariable, items: list[_Given], wish: Type | None) -> Type | None:
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


def _cost(c: Checker, item: _Given, kind: Type) -> int | None:
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


# ---------------------------------------------------------------------------------------------------- explanations


def _explain(
    c: Checker,
    node: Call,
    key: str,
    signatures: Sequence[Signature],
    given: list[_Given],
    bound: tuple[Signature, list[_Given]] | None,
) -> None:
    if bound is None:
        _explain_shape(c, node, key, signatures, given)
        return
    signature, order = bound
    for place, item in enumerate(order):
        parameter = signature.parameters[min(place, len(signature.parameters) - 1)]
        if (
            len(signatures) == 1
            and not isinstance(parameter.type, TypeVariable)
            and _cost(c, item, parameter.type) is None
        ):
            if isinstance(storage(item.type), (Elementary, StringType)) and item.type not in PENDING:
                fix = _other_conversion(key, storage(item.type))
                c.report(
                    "TYP001", item.value, f"{key} takes {described(parameter.type)}, not {described(item.type)}.{fix}"
                )
            else:
                c.fit(item.value, item.type, parameter.type)
            return
    kinds = ", ".join(described(item.type) if item.type not in PENDING else "a number" for item in order)
    takes = "; or ".join(dict.fromkeys(", ".join(_wanted(p) for p in found.parameters) for found in signatures[:4]))
    c.report("CAL011", node, f"{key} is not defined for {kinds}. It takes {takes}.")


def _other_conversion(key: str, have: Type) -> str:
    _, separator, goal = key.partition("_TO_")
    if not separator or not isinstance(have, (Elementary, StringType)):
        return ""
    word = conversion_word(have)
    return f" Write {word}_TO_{goal}(...)." if word != goal else " No conversion is needed."


def _wanted(parameter: Parameter) -> str:
    return parameter.type.name if isinstance(parameter.type, TypeVariable) else _plain(parameter.type)


def _plain(kind: Type) -> str:
    return ("WSTRING" if kind.wide else "STRING") if isinstance(kind, StringType) else described(kind)


def _explain_shape(c: Checker, node: Call, key: str, signatures: Sequence[Signature], given: list[_Given]) -> None:
    """Say that the number or a name of the arguments is wrong."""
    longest = max(signatures, key=lambda found: len(found.parameters))
    for item in given:
        if item.name is not None and all(_place(s.parameters, item.name, s.extensible) < 0 for s in signatures):
            assert item.argument.name is not None
            names = [parameter.name for parameter in longest.parameters]
            guess = closest(item.name, names)
            remedy = f"Did you mean '{guess}'?" if guess else f"It has {', '.join(names)}."
            c.report(
                "CAL005",
                item.argument.name,
                f"{key} has no parameter '{item.argument.name.text}'. {remedy}",
                data=guess,
            )
            return
    seen: set[str] = set()
    for item in given:
        if item.name is not None and item.name in seen:
            c.report("CAL006", item.argument, f"'{item.name}' is given twice.")
            return
        seen.add(item.name or "")
    count = len(longest.parameters)
    number = f"at least {counted(count, 'argument')}" if longest.extensible else counted(count, "argument")
    c.report("CAL004", node.callee, f"{key} takes {number} ({', '.join(p.name for p in longest.parameters)}), but {len(given) or 'none'} "
             f"{'is' if len(given) < 2 else 'are'} given.")  # fmt: skip


__all__ = ["standard_call"]
