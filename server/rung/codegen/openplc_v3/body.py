"""What the texts of one body share: where it writes, its scratch variables, the globals it uses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from rung.codegen.openplc_v3.bounds import Bounds
from rung.codegen.openplc_v3.cells import Cell, Cells
from rung.codegen.openplc_v3.library import Library
from rung.codegen.openplc_v3.naming import Names
from rung.codegen.openplc_v3.refusals import Refusals
from rung.codegen.openplc_v3.text import Text, Where
from rung.codegen.openplc_v3.types import Types
from rung.semantics.model import Analysis, Pou, Variable
from rung.semantics.types import Type
from rung.syntax.tree import Expr, PouKind

_WORD: Final = re.compile(r"[\w.#%$:]+\Z|'[^']*'\Z")


@dataclass(slots=True)
class Shared:
    """What all bodies share. `impure` holds the functions whose call may change something; `global_variables` all globals."""

    names: Names
    types: Types
    library: Library
    cells: Cells
    refusals: Refusals
    impure: frozenset[Pou]
    global_variables: frozenset[Variable]


@dataclass(slots=True)
class Body:
    """One POU's body in the making. `places` holds variables that are printed under another name (edges), `scratch` the declarations
    of scratch variables, `externals` the globals in use by printed name, `loops` the open loops' innermost last."""

    shared: Shared
    analysis: Analysis
    pou: Pou
    text: Text
    scope: str
    bounds: Bounds
    places: dict[Variable, str] = field(default_factory=dict)
    scratch: list[tuple[str, str]] = field(default_factory=list)
    externals: dict[str, tuple[str, Variable | None]] = field(default_factory=dict)

    def where(self, expr: Expr) -> Where:
        """Return where an expression stands."""
        return self.pou.unit, expr.start

    def fresh(self, kind: Type, stem: str = "TMP") -> str:
        """Declare a scratch variable and return its name."""
        return self.fresh_named(self.shared.types.spell(kind), stem)

    def fresh_named(self, spelled: str, stem: str = "TMP") -> str:
        """Declare a scratch variable of a printed type and return its name."""
        name = self.shared.names.own(self.scope, f"{stem}_{len(self.scratch) + 1}")
        self.scratch.append((name, spelled))
        return name

    def hoist(self, text: str, kind: Type) -> str:
        """Compute a value before the present statement, and return the scratch variable that holds it."""
        name = self.fresh(kind)
        self.text.add(f"{name} := {text};")
        return name

    def variable(self, variable: Variable, where: Where) -> tuple[str, Cell | None]:
        """Return the printed name of a variable, and its cell if it is located."""
        own = self.places.get(variable)
        if own is not None:
            return own, None
        target = variable.target or variable
        cell = self.shared.cells.of(target)
        if cell is not None:
            name = cell.name if cell.declared is None else self.shared.names.variable(cell.declared)
            if cell.owner is None:
                self._external(name, self.shared.types.spell(cell.kind), cell.declared, where)
            return name, cell
        name = self.shared.names.variable(target)
        if target in self.shared.global_variables:
            what = f"Global variable {target.name}"
            self._external(name, self.shared.types.spell(target.type, where, what), target, where)
        return name, None

    def _external(self, name: str, spelled: str, variable: Variable | None, where: Where) -> None:
        if self.pou.kind is PouKind.FUNCTION:
            named = name if variable is None else variable.name
            self.shared.refusals.refuse("global in function", f"{named} in FUNCTION {self.pou.name}", *where)
        self.externals[name] = (spelled, variable)


def is_primary(text: str) -> bool:
    """Whether a text stands as an operand without parentheses around it: a name, a literal, a call, an element."""
    if _WORD.match(text):
        return True
    if not text[0].isalpha() and text[0] not in "_(":
        return False
    depth = 0
    quoted = False
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
            if depth == 0 and position + 1 < len(text) and text[position + 1] not in ".[":
                return False
        elif depth == 0 and not (character.isalnum() or character in "_.#"):
            return False
    return depth == 0


def operand(text: str) -> str:
    """Return a text as an operand, in parentheses where it needs them."""
    return text if is_primary(text) else f"({text})"
