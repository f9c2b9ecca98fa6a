"""Bodies of FUNCTIONs, FUNCTION_BLOCKs and PROGRAMs as C++ functions.

Invariants: a function's variables and every VAR_TEMP start anew in each call; a block's live in the structure it is given; VAR_IN_OUT
is a C++ reference. The same text is compiled plain and force-aware: the macros SET, PUT, PIN, LOOP and KNOWN make the difference.
"""

from __future__ import annotations

from rung.codegen import names
from rung.codegen.cpp_text import CppText
from rung.codegen.cpp_types import CppTypes, in_image, is_member
from rung.codegen.initial import Initialisers
from rung.codegen.places import Places, parameters
from rung.codegen.scope import Scope
from rung.codegen.statements import Statements
from rung.semantics.model import Analysis, Pou, Variable
from rung.syntax.tree import PouKind, SectionKind


class Pous:
    """Writes the bodies of a program's POUs to `text`."""

    __slots__ = ("_initial", "_places", "_text", "_types")

    def __init__(self, types: CppTypes, places: Places, initial: Initialisers, text: CppText) -> None:
        self._types = types
        self._places = places
        self._initial = initial
        self._text = text

    def prototype(self, pou: Pou) -> str:
        """Return the C++ head of the POU's body."""
        if pou.kind is PouKind.FUNCTION:
            result = "void" if pou.result is None else self._types.name(pou.result)
            own = [self._parameter(variable) for variable in parameters(pou)]
        else:
            result = "void"
            own = [f"{self._types.block(pou)} &self"]
            own += [self._parameter(v) for v in pou.variables.values() if v.section is SectionKind.VAR_IN_OUT]
        return f"static {result} {names.body(pou.key)}({', '.join(['Task &t', *own])})"

    def _parameter(self, variable: Variable) -> str:
        reference = "" if variable.section is SectionKind.VAR_INPUT else "&"
        return f"{self._types.name(variable.type)} {reference}{names.variable(variable.key)}"

    def body(self, pou: Pou, analysis: Analysis) -> None:
        """Write the definition of the POU's C++ function."""
        declaration = pou.declaration
        assert declaration is not None
        scope = Scope(analysis, self._types, self._places, self._initial, self._locals(pou))
        self._text.source(pou.unit, declaration.name.start)
        self._text.open(self.prototype(pou))
        self._text.add("ENTER();")
        for variable in pou.variables.values():
            self._prepare(pou, variable)
        leave = "return;"
        if pou.kind is PouKind.FUNCTION and pou.result is not None:
            leave = f"return {names.variable(pou.key)};"
        Statements(scope, self._text, pou.unit, leave).all(declaration.body)
        if pou.kind is PouKind.FUNCTION and pou.result is not None:
            self._text.add(leave)
        self._text.close()
        self._text.generated()

    def _locals(self, pou: Pou) -> dict[Variable, str]:
        """Give each of the POU's own variables its C++ place; globals and located ones have theirs in `Places`."""
        places: dict[Variable, str] = {}
        for variable in pou.variables.values():
            if variable.section is SectionKind.VAR_EXTERNAL or in_image(variable):
                continue
            name = names.variable(variable.key)
            if variable.edge is not None:
                places[variable] = names.edge(variable.key)
            elif pou.kind is not PouKind.FUNCTION and is_member(variable):
                places[variable] = f"self.{name}"
            else:
                places[variable] = name
        return places

    def _prepare(self, pou: Pou, variable: Variable) -> None:
        """Write what must happen to a variable before the first statement."""
        name = names.variable(variable.key)
        if variable.identifier is not None:
            self._text.source(variable.unit, variable.identifier.start)
        function = pou.kind is PouKind.FUNCTION
        if variable.edge is not None:
            level, memory, edge = f"self.{name}", f"self.{names.edge_memory(variable.key)}", names.edge(variable.key)
            test = f"{level} && !{memory}" if variable.edge == "R" else f"!{level} && {memory}"
            self._text.add(f"const bool {edge} = {test}; {memory} = {level};")
        elif variable.section is SectionKind.VAR_TEMP or (function and variable.section is SectionKind.VAR):
            self._declare(variable, name)
        elif function and variable.section is SectionKind.VAR_OUTPUT:
            if variable.key == pou.key:
                self._declare(variable, name)
            else:
                self._text.add(" ".join(self._initial.assign(name, variable.type, variable.initial)))

    def _declare(self, variable: Variable, name: str) -> None:
        if in_image(variable):
            return
        self._text.add(f"{self._types.name(variable.type)} {name};")
        self._text.add(" ".join(self._initial.assign(name, variable.type, variable.initial)))
