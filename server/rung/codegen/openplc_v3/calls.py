"""Calls of functions and invocations of function blocks.

Invariants: a call that may change something, or has outputs, is a statement of its own before the one it stands in; EN becomes an IF;
what a call writes through an output or in-out arrives in a scratch variable first, unless the target is a plain place of its type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rung.codegen.openplc_v3.body import Body
from rung.codegen.openplc_v3.conversions import convert
from rung.codegen.openplc_v3.expressions import Expressions
from rung.codegen.openplc_v3.literals import literal, scalar
from rung.codegen.openplc_v3.standard import Standard
from rung.codegen.places import parameters
from rung.semantics.model import BoundArgument, Pou, ResolvedCall, StandardFunction, Variable
from rung.semantics.types import BOOL, Array, StringType, Type, default_value, same_type, strip
from rung.syntax.tree import BitAccess, Call, Expr, PouKind, SectionKind

NOTHING: Final = "RUNG_NOTHING"  # the input of a function that has none, the result of one that gives none


def printed_section(variable: Variable, pou: Pou) -> SectionKind:
    """Return the section that a variable is printed in: v3's compiler passes an array to a FUNCTION by reference only."""
    by_value = variable.section is SectionKind.VAR_INPUT and pou.kind is PouKind.FUNCTION
    return SectionKind.VAR_IN_OUT if by_value and isinstance(strip(variable.type), Array) else variable.section


class Calls:
    """Writes the calls of one body."""

    __slots__ = ("_body", "_expressions", "_standard")

    def __init__(self, body: Body, expressions: Expressions) -> None:
        self._body = body
        self._expressions = expressions
        self._standard = Standard(body)
        expressions.call = self.function
        expressions.operation = self._standard.operation

    # ---------------------------------------------------------------------------------------------- functions

    def function(self, call: Call) -> str:
        """Return a call of a function as an expression; what must come before it is written."""
        resolved = self._body.analysis.calls[call]
        callee = resolved.callee
        if resolved.en is None and resolved.eno is None:
            return self._plain(call, resolved, callee)
        kind = resolved.result
        name = None if kind is None else self._body.fresh(kind)
        self._gate(resolved, lambda: self._into(name, call, resolved, callee), lambda: self._reset(name, kind))
        return "TRUE" if name is None else name

    def _into(self, name: str | None, call: Call, resolved: ResolvedCall, callee: Pou | StandardFunction) -> None:
        text = self._plain(call, resolved, callee)
        if name is not None:
            self._body.text.add(f"{name} := {text};")

    def _reset(self, name: str | None, kind: Type | None) -> None:
        base = None if kind is None else scalar(kind)
        if name is not None and base is not None:
            self._body.text.add(f"{name} := {literal(base, default_value(base))};")

    def _gate(self, resolved: ResolvedCall, made: Callable[[], None], left_out: Callable[[], None]) -> None:
        """Write a call with EN or ENO. v3 counts no faults, so ENO says only whether the call was made."""
        out = self._body.text
        if resolved.en is not None:
            gate = self._body.hoist(self._expressions.value(resolved.en), BOOL)
            out.open(f"IF {gate} THEN")
        made()
        if resolved.eno is not None:
            self._output(resolved.eno, "TRUE", None)
        if resolved.en is not None:
            with out.captured() as lines:
                left_out()
                if resolved.eno is not None:
                    self._output(resolved.eno, "FALSE", None)
            if lines:
                out.middle("ELSE")
                out.extend(lines)
            out.close("END_IF;")

    def _plain(self, call: Call, resolved: ResolvedCall, callee: Pou | StandardFunction) -> str:
        if isinstance(callee, StandardFunction):
            return self._operation(call, callee, resolved)
        if callee.declaration is None:
            self._body.shared.refusals.refuse(
                "function", f"The standard function {callee.name}", *self._body.where(call)
            )
        return self._user(call, callee, resolved)

    def _operation(self, call: Call, callee: StandardFunction, resolved: ResolvedCall) -> str:
        operands = [bound.expr for bound in resolved.arguments]
        where = self._body.where(call)
        if callee.operation == "REF":
            self._body.shared.refusals.refuse("reference", "REF()", *where)
        if callee.operation in ("LOWER_BOUND", "UPPER_BOUND"):
            return self._bound(callee, operands)
        if callee.operation in ("NOW", "IS_VALID"):
            self._body.shared.refusals.refuse("function", f"The standard function {callee.name}", *where)
        texts = self._expressions.ordered(operands, self._expressions.value)
        self._standard.where = where
        if callee.operation in ("DIV", "MOD") and self._expressions.plain_division(operands[1], callee.parameters):
            return f"({texts[0]} {'/' if callee.operation == 'DIV' else 'MOD'} {texts[1]})"
        return self._standard.operation(callee.operation, callee.parameters, callee.result, texts)

    def _bound(self, callee: StandardFunction, operands: list[Expr]) -> str:
        kind = strip(self._body.analysis.types[operands[0]])
        assert isinstance(kind, Array)
        where = self._body.where(operands[0])
        self._body.shared.types.spell(kind, where, "This array")
        dimension = self._body.analysis.constants.get(operands[1])
        bounds = [bound for bound in kind.dimensions if bound is not None]
        if not isinstance(dimension, int) or not 1 <= dimension <= len(bounds):
            self._body.shared.refusals.refuse("function", f"{callee.operation} of a computed dimension", *where)
        return f"DINT#{bounds[dimension - 1][callee.operation == 'UPPER_BOUND']}"

    def _user(self, call: Call, callee: Pou, resolved: ResolvedCall) -> str:
        bound = {argument.parameter: argument for argument in resolved.arguments}
        inputs = [argument.expr for argument in resolved.arguments if not argument.output]
        in_turn = len(inputs) > 1 and any(self._expressions.changes(expr) for expr in inputs)
        arguments: list[str] = []
        after: list[Callable[[], None]] = []
        names = self._body.shared.names
        for parameter in parameters(callee):
            argument = bound.get(parameter)
            name = names.variable(parameter)
            if parameter.section is SectionKind.VAR_INPUT:
                with self._body.shared.refusals.at(*self._body.where(call)):
                    text = self._input(parameter, argument)
                if printed_section(parameter, callee) is SectionKind.VAR_IN_OUT or (in_turn and argument is not None):
                    text = self._body.hoist(text, parameter.type)
                arguments.append(f"{name} := {text}")
            elif parameter.section is SectionKind.VAR_IN_OUT:
                arguments.append(f"{name} := {self._in_out(parameter, argument, after)}")
            elif argument is not None:
                target = self._body.fresh(parameter.type, "OUT")
                arguments.append(f"{name} => {target}")
                after.append(self._later(argument, target, parameter.type))
        printed = names.pou(callee)
        text = f"{printed}({', '.join(arguments) or f'{NOTHING} := FALSE'})"
        if not after and callee not in self._body.shared.impure:
            return text
        kind = BOOL if resolved.result is None else resolved.result
        result = self._body.hoist(text, kind)
        for write in after:
            write()
        return result

    def _input(self, parameter: Variable, argument: BoundArgument | None) -> str:
        if argument is not None:
            return self._expressions.slot(argument.expr, parameter.type)
        value = default_value(parameter.type) if parameter.initial is None else parameter.initial
        if scalar(parameter.type) is None:
            name = self._body.fresh(parameter.type, "NOTHING")
            for line in self._body.shared.types.assignments(name, parameter.type, parameter.initial):
                self._body.text.add(line)
            return name
        return literal(parameter.type, value)

    def _later(self, argument: BoundArgument, source: str, kind: Type) -> Callable[[], None]:
        return lambda: self._output(argument, source, kind)

    def _in_out(self, parameter: Variable, argument: BoundArgument | None, after: list[Callable[[], None]]) -> str:
        """Pass a variable: v3 passes only a plain variable of the body itself by reference, anything else is copied in and out."""
        name = self._body.fresh(parameter.type, "IN_OUT")
        if argument is not None:
            text = self._expressions.raw(argument.expr)
            kind = self._body.analysis.types[argument.expr]
            self._body.text.add(
                f"{name} := {convert(self._body, text, kind, parameter.type, self._body.where(argument.expr))};"
            )
            after.append(self._later(argument, name, parameter.type))
        return name

    def _output(self, argument: BoundArgument, text: str, source: Type | None) -> None:
        """Write what a call gave, `text` of type `source` (None: already a BOOL), to its target."""
        kind = self._body.analysis.types[argument.expr]
        if source is not None:
            self._check_bounds(argument.expr, source, kind)
            text = convert(self._body, text, source, kind, self._body.where(argument.expr))
        if argument.negated:
            text = {"TRUE": "FALSE", "FALSE": "TRUE"}.get(text, f"NOT {text}")
        self._expressions.assign(argument.expr, text)

    def _check_bounds(self, expr: Expr, source: Type, target: Type) -> None:
        have, goal = strip(source), strip(target)
        if isinstance(have, Array) and isinstance(goal, Array) and not same_type(have, goal):
            self._body.shared.refusals.refuse("array bounds", "This argument", *self._body.where(expr))

    # ------------------------------------------------------------------------------------------------- blocks

    def invocation(self, call: Call) -> None:
        """Write the statements of `instance(...)`."""
        resolved = self._body.analysis.calls[call]
        if resolved.en is None and resolved.eno is None:
            self._invoke(call, resolved, "")
        elif resolved.en is None:
            self._gate(resolved, lambda: self._invoke(call, resolved, ""), lambda: None)
        else:
            # EN stays with the instance, as every input does: `instance.ENO` is read later.
            instance, _ = self._expressions.place(call.callee)
            out = self._body.text
            self._gate(
                resolved,
                lambda: self._invoke(call, resolved, "EN := TRUE"),
                lambda: out.add(f"{instance}(EN := FALSE);"),
            )

    def _invoke(self, call: Call, resolved: ResolvedCall, gate: str) -> None:
        pou = resolved.callee
        assert isinstance(pou, Pou)
        names = self._body.shared.names
        instance, guards = self._expressions.place(call.callee)
        assert not guards
        bound = {argument.parameter: argument for argument in resolved.arguments}
        inputs = [argument.expr for argument in resolved.arguments if not argument.output]
        in_turn = len(inputs) > 1 and any(self._expressions.changes(expr) for expr in inputs)
        arguments = [gate] if gate else []
        after: list[Callable[[], None]] = []
        for key, variable in pou.variables.items():
            argument = bound.get(variable)
            if argument is None or argument.output:
                continue
            name = names.member(pou, key)
            if variable.section is SectionKind.VAR_IN_OUT:
                arguments.append(f"{name} := {self._shared(variable, argument, after)}")
                continue
            text = self._expressions.slot(argument.expr, variable.type)
            arguments.append(f"{name} := {self._body.hoist(text, variable.type) if in_turn else text}")
        for argument in resolved.arguments:
            if argument.output and argument.parameter is not None:
                variable = argument.parameter
                printed = f"{instance}.{names.member(pou, variable.key)}"
                if self._is_plain(argument, variable.type):
                    target, _ = self._expressions.place(argument.expr)
                    arguments.append(f"{names.member(pou, variable.key)} => {target}")
                else:
                    after.append(self._later(argument, printed, variable.type))
        self._body.text.add(f"{instance}({', '.join(arguments)});")
        for write in after:
            write()

    def _shared(self, parameter: Variable, argument: BoundArgument, after: list[Callable[[], None]]) -> str:
        """An in-out of a block, which v3 copies in and out itself where the actual is a plain place of the same type."""
        if self._is_plain(argument, parameter.type):
            return self._expressions.place(argument.expr)[0]
        return self._in_out(parameter, argument, after)

    def _is_plain(self, argument: BoundArgument, kind: Type) -> bool:
        expr = argument.expr
        if isinstance(expr, BitAccess | Call) or argument.negated or self._expressions.cell(expr) is not None:
            return False
        actual = self._body.analysis.types[expr]
        if not same_type(actual, kind) or (strip(actual) is not strip(kind) and scalar(kind) is not None):
            return False
        base = scalar(kind)
        if isinstance(base, StringType) and scalar(actual) is not base:
            return False
        with self._body.text.captured() as lines:
            _, guards = self._expressions.place(expr)
        return not guards and not lines
