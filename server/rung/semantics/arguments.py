"""What arguments of all callees have in common: outputs, EN and ENO (ed. 3 6.6.1.4, 6.6.1.5).

Invariant: an output's target is a place of the caller, checked like the target of an assignment.
"""

from __future__ import annotations

from rung.semantics.checker import Checker
from rung.semantics.model import BoundArgument
from rung.semantics.places import target
from rung.semantics.refusals import assignable, refusal
from rung.semantics.types import BOOL, UNKNOWN, Elementary, StringType, Type, storage
from rung.semantics.widening import ROUNDS, WIDENS
from rung.syntax.tree import Argument, Expr


def bind_output(c: Checker, place: Expr, kind: Type) -> None:
    """Type the variable that takes an output's value of type `kind`."""
    goal = target(c, place)
    if goal is UNKNOWN or kind is UNKNOWN or _output_fits(kind, goal):
        return
    one = storage(kind)
    if isinstance(one, Elementary) and c.retype_direct(place, one):
        return
    code, message, _ = refusal(place, kind, goal, None)
    c.report(code, place, message)


def _output_fits(kind: Type, goal: Type) -> bool:
    one, two = storage(kind), storage(goal)
    if isinstance(one, StringType) and isinstance(two, StringType):
        return one.wide == two.wide
    if isinstance(one, Elementary):
        return two in WIDENS[one] or two in ROUNDS.get(one, ())
    return assignable(one, two)


def unnamed_after_named(c: Checker, argument: Argument) -> None:
    """Report an argument whose place says nothing any more."""
    c.report(
        "CAL010",
        argument,
        "Arguments without a name come first: give this one its name, or move it before the named ones.",
    )


def implicit(
    c: Checker, argument: Argument, en: Expr | None, eno: BoundArgument | None
) -> tuple[Expr | None, BoundArgument | None]:
    """Bind EN or ENO, which every function and function block has (ed. 3 6.6.1.5)."""
    value = argument.value
    assert argument.name is not None
    if value is None:
        return en, eno
    if argument.name.key == "EN":
        if argument.output:
            c.report("CAL007", argument.name, "EN is an input: write EN := condition.", data=":=")
        c.expect(value, BOOL)
        return value, eno
    if not argument.output:
        c.report("CAL007", argument.name, "ENO is an output: write ENO => variable.", data="=>")
    bind_output(c, value, BOOL)
    return en, BoundArgument(None, value, output=True, negated=argument.negated)
