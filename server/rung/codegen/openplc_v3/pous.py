"""POUs: declarations in the sections that v3's compiler wants, then the body.

Invariant: located variables, constants and retained ones each have a section of their own; the body is written first, because it says
which scratch variables and globals the declarations hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rung.codegen.openplc_v3.body import Body, Shared
from rung.codegen.openplc_v3.bounds import Bounds
from rung.codegen.openplc_v3.calls import NOTHING, printed_section
from rung.codegen.openplc_v3.literals import literal, scalar
from rung.codegen.openplc_v3.statements import Statements
from rung.codegen.openplc_v3.text import Text, Where
from rung.semantics.model import Analysis, Pou, Variable
from rung.semantics.types import Block, Constant, default_value, strip
from rung.syntax.tree import PouKind, SectionKind

_PARAMETERS: Final = (SectionKind.VAR_INPUT, SectionKind.VAR_IN_OUT, SectionKind.VAR_OUTPUT)


class PouPrinter:
    """Prints one POU. `as_block`: a PROGRAM is printed as a FUNCTION_BLOCK, which a program of ours holds."""

    __slots__ = ("_analysis", "_as_block", "_body", "_inner", "_shared", "_text", "pou")

    def __init__(self, shared: Shared, pou: Pou, analysis: Analysis, text: Text, inner: Text, as_block: bool) -> None:
        self.pou = pou
        self._shared = shared
        self._analysis = analysis
        self._text = text
        self._inner = inner
        self._as_block = as_block
        self._body = Body(shared, analysis, pou, inner, pou.name, Bounds(analysis))

    def print(self) -> None:
        """Write the POU."""
        pou = self.pou
        assert pou.declaration is not None
        self._prepare()
        Statements(self._body).all(pou.declaration.body)
        body = list(self._inner.lines)
        kind = PouKind.FUNCTION_BLOCK if self._as_block else pou.kind
        result = ""
        if pou.kind is PouKind.FUNCTION:
            what = f"The result of {pou.name}"
            result = f" : {'BOOL' if pou.result is None else self._shared.types.declared(pou.result, self._where(None), what)}"
        self._text.source(pou.unit, pou.declaration.name.start)
        self._text.add(f"{kind.value} {self._shared.names.pou(pou)}{result}")
        self._sections()
        self._text.source(pou.unit, pou.declaration.name.start)
        self._text.extend(body)
        self._text.add(f"END_{kind.value}")
        self._text.add("")

    def _where(self, variable: Variable | None) -> Where:
        if variable is not None and variable.identifier is not None:
            return variable.unit, variable.identifier.start
        assert self.pou.declaration is not None
        return self.pou.unit, self.pou.declaration.name.start

    # ------------------------------------------------------------------------------------------------- body

    def _prepare(self) -> None:
        """Write what must happen before the first statement."""
        once: list[tuple[Variable, str]] = []
        for variable in self.pou.variables.values():
            self._inner.source(*self._where(variable))
            with self._shared.refusals.at(*self._where(variable)):
                once += [(variable, line) for line in self._prepared(variable)]
        if once and self.pou.kind is PouKind.FUNCTION:
            for _, line in once:
                self._inner.add(line)
        elif once:
            self._once(once)

    def _prepared(self, variable: Variable) -> list[str]:
        """Write what must happen to a variable before the first statement, and return what must in the first call only."""
        if variable.edge is not None:
            self._edge(variable)
        elif variable.section is SectionKind.VAR_TEMP and not isinstance(strip(variable.type), Block):
            self._renew(variable)
        elif variable.key == self.pou.key and self.pou.kind is PouKind.FUNCTION:
            self._result(variable)
        elif self._is_own(variable):
            return self._late_values(variable)
        return []

    def _once(self, lines: Sequence[tuple[Variable, str]]) -> None:
        started = self._shared.names.own(self._body.scope, "STARTED")
        self._body.scratch.append((started, "BOOL"))
        self._inner.open(f"IF NOT {started} THEN")
        self._inner.add(f"{started} := TRUE;")
        for variable, line in lines:
            self._inner.source(*self._where(variable))
            self._inner.add(line)
        self._inner.close("END_IF;")

    def _edge(self, variable: Variable) -> None:
        """R_EDGE and F_EDGE: the body sees the edge, and a TRUE in the first call is a rising one."""
        names, level = self._shared.names, self._shared.names.variable(variable)
        edge, last = names.own(self._body.scope, f"EDGE_{level}"), names.own(self._body.scope, f"LAST_{level}")
        self._body.scratch += [(edge, "BOOL"), (last, "BOOL := TRUE" if variable.edge == "F" else "BOOL")]
        self._inner.add(
            f"{edge} := {f'{level} AND NOT {last}' if variable.edge == 'R' else f'NOT {level} AND {last}'};"
        )
        self._inner.add(f"{last} := {level};")
        self._body.places[variable] = edge

    def _renew(self, variable: Variable) -> None:
        """VAR_TEMP starts anew in every call."""
        if self.pou.kind is PouKind.FUNCTION:
            for line in self._late_values(variable):
                self._inner.add(line)
            return
        name, types = self._shared.names.variable(variable), self._shared.types
        if scalar(variable.type) is not None:
            value = default_value(variable.type) if variable.initial is None else variable.initial
            self._inner.add(f"{name} := {literal(variable.type, value)};")
            return
        spelled = types.spell(variable.type, self._where(variable), f"Variable {variable.name}")
        fresh = self._body.fresh_named(f"{spelled}{types.initial_text(variable.type, variable.initial)}", "NOTHING")
        self._inner.add(f"{name} := {fresh};")
        for line in types.assignments(name, variable.type, variable.initial):
            self._inner.add(line)

    def _result(self, variable: Variable) -> None:
        base = scalar(variable.type)
        name = self._shared.names.variable(variable)
        if base is not None and default_value(variable.type) != default_value(base):
            self._inner.add(f"{name} := {literal(variable.type, default_value(variable.type))};")
        elif base is None:
            for line in self._shared.types.assignments(name, variable.type, variable.initial):
                self._inner.add(line)

    def _late_values(self, variable: Variable) -> list[str]:
        """The statements for what a declaration cannot say: values of structures, nested arrays, block instances."""
        name, kind = self._shared.names.variable(variable), strip(variable.type)
        if not isinstance(kind, Block):
            return list(self._shared.types.assignments(name, variable.type, variable.initial))
        lines: list[str] = []
        given: Constant | None = variable.initial
        for key, value in given.items() if isinstance(given, dict) else ():
            member = kind.pou.variables[key]
            if scalar(member.type) is not None:
                continue
            if member.section is not SectionKind.VAR_INPUT:
                what = f"The initial value of {variable.name}.{member.name}"
                self._shared.refusals.refuse("initial output", what, *self._where(variable))
            place = f"{name}.{self._shared.names.member(kind.pou, key)}"
            lines += self._shared.types.assignments(place, member.type, value)
        return lines

    def _initial(self, variable: Variable) -> str:
        """Return ` := ...` for a declaration: of a block instance the elementary members that begin with another value."""
        kind, given = strip(variable.type), variable.initial
        if not isinstance(kind, Block):
            return self._shared.types.initial_text(variable.type, given)
        members = [
            f"{self._shared.names.member(kind.pou, key)} := {literal(kind.pou.variables[key].type, value)}"
            for key, value in (given.items() if isinstance(given, dict) else ())
            if scalar(kind.pou.variables[key].type) is not None
        ]
        return f" := ({', '.join(members)})" if members else ""

    # --------------------------------------------------------------------------------------------- sections

    def _is_own(self, variable: Variable) -> bool:
        if variable.section is SectionKind.VAR_EXTERNAL or (
            variable.key == self.pou.key and self.pou.kind is PouKind.FUNCTION
        ):
            return False
        cell = self._shared.cells.of(variable)
        return cell is None

    def _sections(self) -> None:
        own = [variable for variable in self.pou.variables.values() if self._is_own(variable)]
        for section in _PARAMETERS:
            lines = [variable for variable in own if printed_section(variable, self.pou) is section]
            if lines or section is not SectionKind.VAR_INPUT or self.pou.kind is not PouKind.FUNCTION:
                self._declarations(section.value, lines)
            elif not any(variable.section in _PARAMETERS for variable in own):
                self._section("VAR_INPUT", [f"{NOTHING} : BOOL;"])
        rest = [variable for variable in own if variable.section not in _PARAMETERS]
        constant = [variable for variable in rest if is_constant(variable)]
        kept = [variable for variable in rest if variable.retain and variable not in constant]
        function = self.pou.kind is PouKind.FUNCTION
        self._declarations("VAR CONSTANT", constant)
        self._declarations("VAR" if function else "VAR RETAIN", kept)
        self._declarations("VAR", [v for v in rest if v not in constant and v not in kept])
        self._located()
        self._externals()
        self._text.generated()
        self._section("VAR", [f"{name} : {spelled};" for name, spelled in self._body.scratch])

    def _section(self, head: str, lines: Sequence[str]) -> None:
        if lines:
            self._text.open(head)
            for line in lines:
                self._text.add(line)
            self._text.close("END_VAR")

    def _declarations(self, head: str, variables: Sequence[Variable]) -> None:
        if not variables:
            return
        types = self._shared.types
        declared = []
        for variable in variables:
            where, what = self._where(variable), f"Variable {variable.name}"
            if self.pou.kind is PouKind.FUNCTION and isinstance(strip(variable.type), Block):
                self._shared.refusals.refuse("block in function", what, *where)
            spelled = types.declared(variable.type, where, what)
            initial = ""
            if printed_section(variable, self.pou) is not SectionKind.VAR_IN_OUT:
                with self._shared.refusals.at(*where):
                    initial = self._initial(variable)
            declared.append((where, f"{self._shared.names.variable(variable)} : {spelled}{initial};"))
        self._text.source(*declared[0][0])
        self._text.open(head)
        for place, line in declared:
            self._text.source(*place)
            self._text.add(line)
        self._text.close("END_VAR")

    def _located(self) -> None:
        cells = [
            cell for cell in self._shared.cells.cells.values() if cell.owner is self.pou and cell.declared is not None
        ]
        lines = []
        for cell in cells:
            assert cell.declared is not None
            name, kind = self._shared.names.variable(cell.declared), self._shared.types.spell(cell.kind)
            with self._shared.refusals.at(*self._where(cell.declared)):
                initial = self._shared.types.initial_text(cell.declared.type, cell.declared.initial)
            lines.append((cell.declared, f"{name} AT {cell.address.text} : {kind}{initial};"))
        if lines:
            self._text.open("VAR")
            for variable, line in lines:
                self._text.source(*self._where(variable))
                self._text.add(line)
            self._text.close("END_VAR")

    def _externals(self) -> None:
        plain = [
            (name, spelled) for name, (spelled, v) in self._body.externals.items() if v is None or not is_constant(v)
        ]
        constant = [(name, spelled) for name, (spelled, v) in self._body.externals.items() if v and is_constant(v)]
        self._text.generated()
        self._section("VAR_EXTERNAL", [f"{name} : {spelled};" for name, spelled in plain])
        self._section("VAR_EXTERNAL CONSTANT", [f"{name} : {spelled};" for name, spelled in constant])


def is_constant(variable: Variable) -> bool:
    """Whether a variable is printed as a constant: one whose value its declaration can say."""
    return variable.constant and scalar(variable.type) is not None and variable.address is None
