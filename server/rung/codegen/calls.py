"""Calls: functions inside expressions, invocations of function blocks as statements.

Invariants: arguments are evaluated from left to right; an input that is left out keeps a block's last value and is a function's
initial value; with EN FALSE nothing is evaluated or written but ENO, and a function yields its type's zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from rung.codegen import names
from rung.codegen.expressions import Expressions, block_member
from rung.codegen.initial import Initialisers
from rung.codegen.places import parameters
from rung.codegen.standard_calls import procedure_call, standard_call
from rung.codegen.values import integer, literal
from rung.codegen.walk import calls_user_function
from rung.semantics.model import BoundArgument, Pou, ResolvedCall, StandardFunction, Variable
from rung.semantics.types import Array, Block, Elementary, Enumeration, StringType, Type, default_value, storage, strip
from rung.syntax.tree import BitAccess, Call, Expr, SectionKind


@dataclass(slots=True)
class _Call:
    """The C++ of one call in the making: statements before it, its arguments, statements after it."""

    before: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


class Calls:
    """Writes the calls of one body."""

    __slots__ = ("_expressions", "_initial")

    def __init__(self, expressions: Expressions, initial: Initialisers) -> None:
        self._expressions = expressions
        self._initial = initial
        expressions.call = self.function

    # --------------------------------------------------------------------------------------------- functions

    def function(self, call: Call) -> str:
        """Return a call of a function as an expression; one without a result has type void."""
        resolved = self._expressions.scope.analysis.calls[call]
        callee = resolved.callee
        if isinstance(callee, StandardFunction):
            if callee.operation == "REF":
                return f"&{self._expressions.place(resolved.arguments[0].expr)}"
            return self._standard(callee, resolved)
        return self._user(callee, resolved)

    def _standard(self, callee: StandardFunction, resolved: ResolvedCall) -> str:
        operands = [bound.expr for bound in resolved.arguments]

        def build(texts: list[str]) -> str:
            return self._operation(callee, operands, texts)

        if resolved.en is None and resolved.eno is None:
            return self._expressions.ordered(operands, build)
        return self._gated(
            resolved, callee.result, lambda: _Call(arguments=[self._expressions.ordered(operands, build)]), _only
        )

    def _operation(self, callee: StandardFunction, operands: list[Expr], texts: list[str]) -> str:
        if callee.operation in ("LOWER_BOUND", "UPPER_BOUND"):
            return self._bound(callee.operation, operands, texts)
        if callee.operation in ("DIV", "MOD"):
            operator = "/" if callee.operation == "DIV" else "MOD"
            quotient = self._expressions.constant_division(operator, callee.parameters, operands[1], texts[0], texts[1])
            if quotient is not None:
                return quotient
        return standard_call(callee, texts)

    def _bound(self, operation: str, operands: list[Expr], texts: list[str]) -> str:
        kind = strip(self._expressions.scope.analysis.types[operands[0]])
        assert isinstance(kind, Array)
        upper = operation == "UPPER_BOUND"
        if None in kind.dimensions:
            place = self._expressions.place(operands[0])
            return f"{'upper' if upper else 'lower'}_bound({place}, count({texts[1]}))"
        dimension = self._expressions.scope.analysis.constants.get(operands[1])
        bounds = [bound[1 if upper else 0] for bound in kind.dimensions if bound is not None]
        if isinstance(dimension, int) and 1 <= dimension <= len(bounds):
            return f"int32_t({integer(bounds[dimension - 1])})"
        choices = ", ".join(f"int32_t({integer(bound)})" for bound in bounds)
        return f"multiplexed<int32_t>(count({texts[1]}) - 1, {choices})"

    def _user(self, callee: Pou, resolved: ResolvedCall) -> str:
        if resolved.en is not None or resolved.eno is not None:
            return self._gated(resolved, resolved.result, lambda: self._prepare(callee, resolved), self._caller(callee))
        made = self._prepare(callee, resolved)
        text = self._caller(callee)(made.arguments)
        if not made.before and not made.after:
            return text
        if resolved.result is None:
            return f"({{ {' '.join(made.before)} {text}; {' '.join(made.after)} }})"
        if not made.after:
            return f"({{ {' '.join(made.before)} {text}; }})"
        result = self._expressions.scope.local("r")
        return f"({{ {' '.join(made.before)} const auto {result} = {text}; {' '.join(made.after)} {result}; }})"

    def _caller(self, callee: Pou) -> Callable[[Sequence[str]], str]:
        if callee.declaration is None:
            return lambda arguments: procedure_call(callee.key, arguments)
        return lambda arguments: f"{names.body(callee.key)}({', '.join(['t', *arguments])})"

    def _gated(
        self,
        resolved: ResolvedCall,
        result: Type | None,
        prepare: Callable[[], _Call],
        caller: Callable[[Sequence[str]], str],
    ) -> str:
        """A call with EN or ENO. ENO is TRUE if the call was made and no fault was counted in it (ed. 3, 6.6.1.5.4)."""
        scope = self._expressions.scope
        enabled, before, value = scope.local("en"), scope.local("faults"), scope.local("r")
        gate = "true" if resolved.en is None else self._expressions.value(resolved.en)
        made = prepare()
        text = caller(made.arguments)
        lines = [f"const bool {enabled} = {gate};", f"const uint32_t {before} = faults;"]
        if result is not None:
            cpp = scope.types.name(result)
            lines.append(f"{cpp} {value} = {cpp}();")
            text = f"{value} = {text}"
        lines.append(f"if ({enabled}) {{ {' '.join([*made.before, f'{text};', *made.after])} }}")
        if resolved.eno is not None:
            lines += self.assign_output(resolved.eno, f"({enabled} && faults == {before})", None)
        if result is not None:
            lines.append(f"{value};")
        return f"({{ {' '.join(lines)} }})"

    def _prepare(self, callee: Pou, resolved: ResolvedCall) -> _Call:
        """Evaluate the arguments. They stay in place where order cannot matter."""
        made = _Call()
        bound = {argument.parameter: argument for argument in resolved.arguments}
        inputs = [argument.expr for argument in resolved.arguments if not argument.output]
        analysis = self._expressions.scope.analysis
        in_turn = len(inputs) > 1 and any(calls_user_function(expr, analysis) for expr in inputs)
        for parameter in parameters(callee):
            argument = bound.get(parameter)
            match parameter.section:
                case SectionKind.VAR_IN_OUT:
                    self._in_out(made, parameter, argument)
                case SectionKind.VAR_OUTPUT:
                    self._output(made, parameter, argument)
                case _:
                    self._input(made, parameter, argument, in_turn)
        return made

    def _input(self, made: _Call, parameter: Variable, argument: BoundArgument | None, in_turn: bool) -> None:
        scope = self._expressions.scope
        if argument is not None:
            text = self._expressions.stored(argument.expr, parameter.type)
            if in_turn:
                name = scope.local("a")
                made.before.append(f"const {scope.types.name(parameter.type)} {name} = {text};")
                text = name
            made.arguments.append(text)
            return
        kind = storage(parameter.type)
        if not isinstance(kind, Elementary | StringType | Enumeration):
            name = scope.local("a")
            made.before += [f"{scope.types.name(parameter.type)} {name};"]
            made.before += self._initial.assign(name, parameter.type, parameter.initial)
            made.arguments.append(name)
            return
        value = default_value(parameter.type) if parameter.initial is None else parameter.initial
        made.arguments.append(literal(kind, value))

    def _output(self, made: _Call, parameter: Variable, argument: BoundArgument | None) -> None:
        scope = self._expressions.scope
        name = scope.local("out")
        made.before.append(f"{scope.types.name(parameter.type)} {name};")
        made.arguments.append(name)
        if argument is not None:
            made.after += self.assign_output(argument, name, parameter.type)

    def _in_out(
        self, made: _Call, parameter: Variable, argument: BoundArgument | None, copy: str | None = None
    ) -> None:
        """Pass a variable by reference. Left out, it is the instance's own `copy`; given, the copy follows it."""
        scope = self._expressions.scope
        cpp = scope.types.name(parameter.type)
        if argument is None and copy is not None:
            made.arguments.append(copy)
            return
        if argument is None:
            scope.types.reachable[cpp] = None
            made.arguments.append(f"elsewhere<{cpp}>(t)")
            return
        actual = argument.expr
        actual_type = scope.analysis.types[actual]
        formal = strip(parameter.type)
        if isinstance(formal, Array) and None in formal.dimensions:
            made.arguments.append(self._open_array(made, actual, cpp))
        elif scope.types.name(actual_type) == cpp and not isinstance(actual, BitAccess):
            made.arguments.append(self._expressions.place(actual))
        else:
            # A string of another length, or bits of a variable: copied in, and out again.
            name = scope.local("io")
            copied = self._expressions.convert(self._expressions.raw(actual), actual_type, parameter.type)
            made.before.append(f"{cpp} {name} = {copied};")
            made.arguments.append(name)
            made.after += self.assign_output(argument, name, parameter.type)
        if copy is not None:
            made.after.append(f"SET({copy}, {made.arguments[-1]});")

    def _open_array(self, made: _Call, actual: Expr, cpp: str) -> str:
        scope = self._expressions.scope
        place = self._expressions.place(actual)
        kind = strip(scope.analysis.types[actual])
        assert isinstance(kind, Array)
        if None in kind.dimensions:
            return place
        name = scope.local("open")
        bounds = [bound for bound in kind.dimensions if bound is not None]
        lows = ", ".join(integer(low) for low, _ in bounds)
        counts = ", ".join(str(high - low + 1) for low, high in bounds)
        made.before.append(f"{cpp} {name} = {{{place}.e, {{{lows}}}, {{{counts}}}}};")
        return name

    def assign_output(self, argument: BoundArgument, text: str, source: Type | None) -> list[str]:
        """Return statements that give an output, `text` of type `source` (None: already a BOOL), to its target."""
        scope = self._expressions.scope
        target = argument.expr
        target_type = scope.analysis.types[target]
        value = text if source is None else self._expressions.convert(text, source, target_type)
        if argument.negated:
            cpp = scope.types.name(target_type)
            value = f"(!{value})" if cpp == "bool" else f"{cpp}(~{value})"
        if isinstance(target, BitAccess):
            return self._expressions.partial_assignment(target, value)
        return [self._expressions.assignment(target, value)]

    # ------------------------------------------------------------------------------------------------ blocks

    def invocation(self, call: Call) -> list[str]:
        """Return the statements of `instance(...)`."""
        scope = self._expressions.scope
        resolved = scope.analysis.calls[call]
        pou = resolved.callee
        assert isinstance(pou, Pou)
        instance = scope.local("fb")
        body = self._inputs(instance, pou, resolved)
        made = _Call()
        bound = {argument.parameter: argument for argument in resolved.arguments}
        for variable in pou.variables.values():
            if variable.section is SectionKind.VAR_IN_OUT:
                copy = f"{instance}.{names.variable(variable.key)}" if variable in scope.types.extras.copies else None
                self._in_out(made, variable, bound.get(variable), copy)
        body += made.before
        if pou.declaration is None:
            body += [f"{instance}.run();", f"PIN({instance});"]
        else:
            body.append(f"{names.body(pou.key)}({', '.join(['t', instance, *made.arguments])});")
        body += made.after
        for argument in resolved.arguments:
            if argument.output and argument.parameter is not None:
                output = f"{instance}.{block_member(Block(pou), argument.parameter.key)}"
                body += self.assign_output(argument, output, argument.parameter.type)
        lines = ["{", f"auto &{instance} = {self._expressions.place(call.callee)};"]
        if pou in scope.types.extras.watched:
            return [*lines, *self._watched(instance, pou, resolved, body), "}"]
        if resolved.en is None and resolved.eno is None:
            return [*lines, *body, "}"]
        enabled, before = scope.local("en"), scope.local("faults")
        gate = "true" if resolved.en is None else self._expressions.value(resolved.en)
        lines += [
            f"const bool {enabled} = {gate};",
            f"const uint32_t {before} = faults;",
            f"if ({enabled}) {{",
            *body,
            "}",
        ]
        if resolved.eno is not None:
            lines += self.assign_output(resolved.eno, f"({enabled} && faults == {before})", None)
        return [*lines, "}"]

    def _watched(self, instance: str, pou: Pou, resolved: ResolvedCall, body: list[str]) -> list[str]:
        """An invocation of a block that keeps EN and ENO: EN holds on to its last value like any input."""
        en, eno = (f"{instance}.{block_member(Block(pou), key)}" for key in ("EN", "ENO"))
        before = self._expressions.scope.local("faults")
        lines = [] if resolved.en is None else [f"SET({en}, {self._expressions.value(resolved.en)});"]
        lines += [f"const uint32_t {before} = faults;", f"if ({en}) {{", *body, "}"]
        lines.append(f"SET({eno}, ({en} && faults == {before}));")
        if resolved.eno is not None:
            lines += self.assign_output(resolved.eno, eno, None)
        return lines

    def _inputs(self, instance: str, pou: Pou, resolved: ResolvedCall) -> list[str]:
        lines: list[str] = []
        for argument in resolved.arguments:
            parameter = argument.parameter
            if parameter is None or argument.output or parameter.section is not SectionKind.VAR_INPUT:
                continue
            member = block_member(Block(pou), parameter.key)
            lines.append(f"SET({instance}.{member}, {self._expressions.stored(argument.expr, parameter.type)});")
        return lines


def _only(arguments: Sequence[str]) -> str:
    return arguments[0]
