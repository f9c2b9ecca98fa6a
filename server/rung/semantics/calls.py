"""Calls: which POU or standard function is meant, and which argument goes to which parameter (ed. 3 6.6.1.4, 6.6.3.3).

Invariant: every argument's expression is typed exactly once, also in a call that is wrong, so that names in it resolve.
"""

from __future__ import annotations

from typing import Final

from rung.semantics.arguments import bind_output, implicit, unnamed_after_named
from rung.semantics.checker import Checker
from rung.semantics.environment import EVERY_NAME
from rung.semantics.model import BoundArgument, Pou, ResolvedCall, StandardFunction, Variable
from rung.semantics.names import undeclared
from rung.semantics.overloads import standard_call
from rung.semantics.places import target
from rung.semantics.refusals import assignable
from rung.semantics.spelling import closest
from rung.semantics.stdlib import lookup_function
from rung.semantics.types import (
    BOOL,
    UNKNOWN,
    Array,
    Block,
    Elementary,
    Reference,
    Type,
    same_type,
    storage,
    strip,
)
from rung.semantics.wording import SECTION_WORDS, counted, described
from rung.syntax.tree import Argument, Call, Expr, Identifier, NameExpr, PouKind, SectionKind

_PARAMETER_SECTIONS: Final = frozenset(SECTION_WORDS)


def call(c: Checker, node: Call, hint: Type | None) -> Type:
    """`callee(arguments)`."""
    callee = node.callee
    if callee.__class__ is not NameExpr:
        return _instance_call(c, node, c.value(callee))
    assert isinstance(callee, NameExpr)
    key = callee.key
    variable = c.scope.get(key)
    if variable is not None and isinstance(strip(variable.type), Block):
        c.symbols[callee] = variable
        c.types[callee] = variable.type
        return _instance_call(c, node, variable.type)
    c.dependencies.add(key)
    pou = c.environment.find_function(key)
    if pou is not None and pou.kind is PouKind.FUNCTION:
        c.symbols[callee] = pou
        c.types[callee] = UNKNOWN
        c.environment.interface(pou)
        return _pou_call(c, node, pou)
    signatures = lookup_function(key)
    if signatures is not None:
        c.types[callee] = UNKNOWN
        return standard_call(c, node, key, signatures, hint)
    if key == "REF" and len(node.arguments) == 1 and node.arguments[0].value is not None:
        return _reference(c, node, node.arguments[0].value)
    if pou is None and variable is None and c.environment.find_type(key) is None:
        found = c.environment.find_global(key)
        if found is not None:
            return _instance_call(c, node, c.value(callee))
    return _not_callable(c, node, callee, pou)


def _reference(c: Checker, node: Call, place: Expr) -> Type:
    """`REF(x)` (ed. 3 6.4.4.10.3)."""
    kind = target(c, place)
    assert isinstance(node.callee, NameExpr)
    c.types[node.callee] = c.types[node] = UNKNOWN
    if kind is not UNKNOWN:
        result = c.types[node] = Reference("", kind)
        function = StandardFunction("REF", "REF", (kind,), result)
        c.calls[node] = ResolvedCall(function, (BoundArgument(None, place),), None, None, result)
    return c.types[node]


def _not_callable(c: Checker, node: Call, callee: NameExpr, pou: Pou | None) -> Type:
    _visit_arguments(c, node)
    c.types[callee] = c.types[node] = UNKNOWN
    variable = c.scope.get(callee.key)
    if variable is not None:
        c.symbols[callee] = variable
        return (
            c.fail("CAL001", callee, f"'{variable.name}' is {described(variable.type)}, which cannot be called.")
            if variable.type is not UNKNOWN
            else UNKNOWN
        )
    if pou is not None and pou.kind is PouKind.PROGRAM:
        return c.fail(
            "CAL001",
            callee,
            f"'{pou.name}' is a PROGRAM, which only a task can run. Give it to a task in the CONFIGURATION.",
        )
    if c.environment.find_type(callee.key) is not None:
        return c.fail(
            "CAL002", callee, f"'{callee.text}' is a function block, which needs an instance to keep its state. "
            f"Declare one, as in my{callee.text} : {callee.text};, and call that.",
        )  # fmt: skip
    if callee.key in c.reported_names or c.doubtful:
        return UNKNOWN
    instances = (key for key, found in c.scope.items() if isinstance(strip(found.type), Block))
    c.dependencies.add(EVERY_NAME)
    guess = closest(callee.key, [*instances, *c.environment.function_names()])
    if guess is None:
        found_variable = c.scope.get(callee.key)
        if found_variable is None and closest(callee.key, c.scope) is not None:
            return undeclared(c, callee)
        c.reported_names.add(callee.key)
        return c.fail("CAL003", callee, f"There is no function or function block instance '{callee.text}'.")
    c.reported_names.add(callee.key)
    known = c.scope.get(guess) or c.environment.pous.get(guess)
    spelling = known.name if known is not None else guess
    return c.fail(
        "CAL003",
        callee,
        f"There is no function or function block instance '{callee.text}'. Did you mean '{spelling}'?",
        data=spelling,
    )


def _visit_arguments(c: Checker, node: Call) -> None:
    """Resolve the names in the arguments of a call that cannot be bound."""
    for argument in node.arguments:
        if argument.value is not None:
            c.value(argument.value)


def _instance_call(c: Checker, node: Call, instance: Type) -> Type:
    kind = strip(instance)
    if isinstance(kind, Block):
        c.environment.interface(kind.pou)
        return _pou_call(c, node, kind.pou)
    _visit_arguments(c, node)
    c.types[node] = UNKNOWN
    if kind is UNKNOWN:
        return UNKNOWN
    return c.fail(
        "CAL001",
        node.callee,
        f"{described(instance)} cannot be called: only functions and function block instances can.",
    )


# --------------------------------------------------------------------------------------------------------- binding


def _pou_call(c: Checker, node: Call, pou: Pou) -> Type:
    bound: dict[str, BoundArgument] = {}
    given: set[str] = set()
    en: Expr | None = None
    eno: BoundArgument | None = None
    sound, position, formal = True, 0, False
    for argument in node.arguments:
        if argument.name is None:
            if formal:
                unnamed_after_named(c, argument)
                sound = False
                if argument.value is not None:
                    c.value(argument.value)
                continue
            parameter = _positional(c, node, pou, position)
            position += 1
            if parameter is None:
                sound = False
                if argument.value is not None:
                    c.value(argument.value)
                continue
        else:
            formal = True
            key = argument.name.key
            if key in ("EN", "ENO") and key not in pou.variables:
                en, eno = implicit(c, argument, en, eno)
                continue
            parameter = _named(c, argument, argument.name, pou)
            if parameter is None:
                sound = False
                if argument.value is not None:
                    c.value(argument.value)
                continue
        if parameter.key in given:
            sound = False
            c.report("CAL006", argument, f"'{parameter.name}' is given twice.")
            if argument.value is not None:
                c.value(argument.value)
            continue
        given.add(parameter.key)
        if argument.value is not None:
            bound[parameter.key] = _bind(c, argument, argument.value, parameter)
    if sound:
        _check_missing(c, node, pou, bound, given, informal=not formal)
    arguments = tuple(bound[key] for key in pou.variables if key in bound)
    c.calls[node] = ResolvedCall(pou, arguments, en, eno, pou.result)
    if pou.result is None and c.statement_call is not node:
        c.report("CAL012", node, f"{pou.name} gives no value that could be used here. Call it in a line of its own.")
    kind = UNKNOWN if pou.result is None else pou.result
    c.types[node] = kind
    return kind


def _positional(c: Checker, node: Call, pou: Pou, position: int) -> Variable | None:
    parameters = c.environment.parameters(pou).positional
    if position < len(parameters):
        return parameters[position]
    if position == len(parameters):
        count = len([argument for argument in node.arguments if argument.name is None])
        c.report(
            "CAL004",
            node.arguments[position],
            f"{pou.name} takes {counted(len(parameters), 'argument')}, but {count} are given.",
        )
    return None


def _named(c: Checker, argument: Argument, name: Identifier, pou: Pou) -> Variable | None:
    variable = pou.variables.get(name.key)
    if (
        variable is None
        or variable.section not in _PARAMETER_SECTIONS
        or (variable.key == pou.key and pou.result is not None)
    ):
        names = {
            key: found.name
            for key, found in pou.variables.items()
            if found.section in _PARAMETER_SECTIONS and key != pou.key
        }
        guess = closest(name.key, names)
        remedy = f"Did you mean '{names[guess]}'?" if guess else f"It has {', '.join(names.values()) or 'none'}."
        c.report(
            "CAL005", name, f"{pou.name} has no parameter '{name.text}'. {remedy}", data=names[guess] if guess else None
        )
        return None
    if argument.output and variable.section is not SectionKind.VAR_OUTPUT:
        word = SECTION_WORDS[variable.section]
        c.report(
            "CAL007", name, f"'{variable.name}' is {word} of {pou.name}: write {variable.name} := value.", data=":="
        )
        return None
    if not argument.output and variable.section is SectionKind.VAR_OUTPUT:
        c.report(
            "CAL007",
            name,
            f"'{variable.name}' is an output of {pou.name}: write {variable.name} => variable.",
            data="=>",
        )
        return None
    return variable


def _bind(c: Checker, argument: Argument, value: Expr, parameter: Variable) -> BoundArgument:
    section = parameter.section
    if section is SectionKind.VAR_INPUT:
        source = c.handlers[value.__class__](c, value, parameter.type)
        if source is not parameter.type:
            c.fit(value, source, parameter.type)
        return BoundArgument(parameter, value)
    if section is SectionKind.VAR_IN_OUT:
        kind = target(c, value)
        wanted = storage(parameter.type)
        if isinstance(wanted, Elementary) and c.retype_direct(value, wanted):
            kind = wanted
        if kind is not UNKNOWN and not in_out_fits(kind, parameter.type):
            c.report(
                "CAL009",
                value,
                f"The in-out '{parameter.name}' works on the variable itself, which must be {described(parameter.type)}, not {described(kind)}.",
            )
        return BoundArgument(parameter, value)
    bind_output(c, value, parameter.type)
    if argument.negated and storage(parameter.type) is not BOOL and parameter.type is not UNKNOWN:
        c.report("TYP004", argument, f"NOT is not defined for {described(parameter.type)}.")
    return BoundArgument(parameter, value, output=True, negated=argument.negated)


def in_out_fits(kind: Type, parameter: Type) -> bool:
    """Whether a variable of this type may stand for an in-out parameter."""
    have, goal = strip(kind), strip(parameter)
    if isinstance(have, Array) and isinstance(goal, Array):
        return assignable(have, goal)
    return goal is UNKNOWN or same_type(have, goal)


def _check_missing(
    c: Checker, node: Call, pou: Pou, bound: dict[str, BoundArgument], given: set[str], informal: bool
) -> None:
    parameters = c.environment.parameters(pou)
    absent_in_outs = [variable for variable in parameters.in_outs if variable.key not in bound]
    instance = c.symbols.get(node.callee)
    missing = [variable.name for variable in absent_in_outs if (instance, variable) not in c.written_in_outs]
    if absent_in_outs and not missing:
        first = absent_in_outs[0].name
        c.report(
            "CAL016",
            node.callee,
            f"The in-out '{first}' is not given, so {pou.name} works on a copy of its own. Write {pou.name}({first} := variable).",
        )
    elif missing:
        words = "', '".join(missing)
        c.report(
            "CAL008", node.callee, f"The in-out '{words}' of {pou.name} is missing: it must be given in every call."
        )
    elif informal and pou.kind is PouKind.FUNCTION and len(given) < len(parameters.inputs) + len(parameters.in_outs):
        needed = len(parameters.inputs) + len(parameters.in_outs)
        absent = ", ".join(v.name for v in parameters.positional[len(given) : needed])
        c.report(
            "CAL004",
            node.callee,
            f"{pou.name} takes {counted(needed, 'argument')}, but {len(given) or 'none'} {'is' if len(given) < 2 else 'are'} given: {absent} missing.",
        )
