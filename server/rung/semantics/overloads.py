"""Standard functions: which overload a call means, and in which types it computes (ed. 3 6.6.1.7, 6.6.2.5).

Invariant: the first overload that takes the arguments as they are wins, else the first that takes them after widening. Literals
without a type never decide; they take the type that the other arguments give their parameter.
"""

from __future__ import annotations

from collections.abc import Sequence

from rung.semantics.arguments import implicit, unnamed_after_named
from rung.semantics.checker import Checker
from rung.semantics.matching import Given, Match, bind, cost_of, fixed_type, match_overload, place_of, wish_of
from rung.semantics.model import BoundArgument, ResolvedCall, StandardFunction
from rung.semantics.refusals import conversion_word
from rung.semantics.spelling import closest
from rung.semantics.stdlib.signature import Parameter, Signature, TypeVariable
from rung.semantics.types import (
    UNKNOWN,
    Elementary,
    StringType,
    Type,
    storage,
)
from rung.semantics.widening import ANY_ENUMERATION, PENDING
from rung.semantics.wording import counted, described
from rung.syntax.tree import Call, Expr


def standard_call(c: Checker, node: Call, key: str, signatures: Sequence[Signature], hint: Type | None) -> Type:
    """Resolve a call of the standard function `key`."""
    given: list[Given] = []
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
            unnamed_after_named(c, argument)
        formal = formal or name is not None
        given.append(Given(argument, argument.value, name))
    only = signatures[0].parameters if len(signatures) == 1 else ()
    for place, item in enumerate(given):
        item.type = c.visit(item.value, fixed_type(only, place, item.name) or wish_of(item, given, hint))
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


def _resolve(
    c: Checker, node: Call, key: str, signatures: Sequence[Signature], given: list[Given],
    en: Expr | None, eno: BoundArgument | None, hint: Type | None,
) -> Type | None:  # fmt: skip
    if any(item.type is UNKNOWN for item in given):
        return None
    best: Match | None = None
    bound = None
    for signature in signatures:
        order = bind(signature, given)
        if order is None:
            continue
        bound = bound or (signature, order)
        found = match_overload(c, signature, order, hint)
        if found is not None and (best is None or found.cost < best.cost):
            best = found
            if found.cost == 0:
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


def _take(c: Checker, item: Given, kind: Type) -> None:
    """Settle or convert an argument. Texts keep their length: functions read them in place."""
    if item.type in PENDING:
        c.settle(item.value, item.type, kind)
        return
    have, goal = storage(item.type), storage(kind)
    if isinstance(have, Elementary) and have is not goal:
        c.fit(item.value, have, kind)


def _result(match: Match, hint: Type | None) -> Type:
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


# ---------------------------------------------------------------------------------------------------- explanations


def _explain(
    c: Checker,
    node: Call,
    key: str,
    signatures: Sequence[Signature],
    given: list[Given],
    bound: tuple[Signature, list[Given]] | None,
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
            and cost_of(c, item, parameter.type) is None
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


def _explain_shape(c: Checker, node: Call, key: str, signatures: Sequence[Signature], given: list[Given]) -> None:
    """Say that the number or a name of the arguments is wrong."""
    longest = max(signatures, key=lambda found: len(found.parameters))
    for item in given:
        if item.name is not None and all(place_of(s.parameters, item.name, s.extensible) < 0 for s in signatures):
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
    wanted = f"{number} ({', '.join(p.name for p in longest.parameters)})" if count else "no argument"
    verb = "is" if len(given) < 2 else "are"
    c.report("CAL004", node.callee, f"{key} takes {wanted}, but {len(given) or 'none'} {verb} given.")
