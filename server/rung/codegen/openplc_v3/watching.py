"""The elementary variables of the printed program, as the debug block reaches them and as Rung shows them.

Invariant: the same paths in the same order as on the other targets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product
from typing import Final

from rung.codegen.openplc_v3.body import Shared
from rung.codegen.openplc_v3.cells import Cell
from rung.codegen.openplc_v3.literals import scalar
from rung.codegen.openplc_v3.printed import PrintedVariable, Step
from rung.codegen.openplc_v3.types import ROW
from rung.codegen.schedule import PlannedInstance
from rung.semantics.model import Pou, Variable
from rung.semantics.types import Array, Block, Structure, Type, strip
from rung.syntax.tree import SectionKind

_KEPT: Final = (SectionKind.VAR, SectionKind.VAR_INPUT, SectionKind.VAR_OUTPUT)


class Watch:
    """Lists variables."""

    __slots__ = ("_shared", "_wrapped")

    def __init__(self, shared: Shared, wrapped: Collection[Pou]) -> None:
        self._shared = shared
        self._wrapped = wrapped

    def globals(self, variables: Sequence[Variable]) -> Iterator[PrintedVariable]:
        """Yield the configuration's globals."""
        for variable in variables:
            cell = self._shared.cells.of(variable)
            if cell is not None:
                yield self._cell(variable.key, cell, ())
                continue
            step = Step("configuration", self._shared.names.variable(variable))
            yield from self._variables(variable.key, variable.type, (step,))

    def instance(self, planned: PlannedInstance, name: str) -> Iterator[PrintedVariable]:
        """Yield the variables of a program instance."""
        steps: tuple[Step, ...] = (Step("resource", name),)
        if planned.instance.pou in self._wrapped:
            steps += (Step("block", "RUNG_BODY"),)
        yield from self._block(planned.path, planned.instance.pou, steps)

    def _cell(self, path: str, cell: Cell, steps: tuple[Step, ...]) -> PrintedVariable:
        name = cell.name if cell.declared is None else self._shared.names.variable(cell.declared)
        kind = self._shared.types.spell(cell.kind)
        if cell.owner is not None:
            return PrintedVariable(path, kind, (*steps, Step("block", name, located=True)))
        return PrintedVariable(path, kind, (Step("configuration", name, located=cell.located),))

    def _block(self, path: str, pou: Pou, steps: tuple[Step, ...]) -> Iterator[PrintedVariable]:
        for key, variable in pou.variables.items():
            cell = self._shared.cells.of(variable)
            if variable.section is SectionKind.VAR_EXTERNAL:
                continue
            if cell is not None:
                yield self._cell(f"{path}.{key}", cell, steps)
            elif variable.section in _KEPT and not (pou.declaration is None and variable.section is SectionKind.VAR):
                name = self._shared.names.member(pou, key)
                yield from self._variables(f"{path}.{key}", variable.type, (*steps, Step("block", name)))

    def _variables(self, path: str, kind: Type, steps: tuple[Step, ...]) -> Iterator[PrintedVariable]:
        if scalar(kind) is not None:
            yield PrintedVariable(path, self._shared.types.spell(kind), steps)
            return
        match strip(kind):
            case Array() as array:
                row = (Step("structure", ROW),) if isinstance(strip(array.element), Array) else ()
                bounds = [bound for bound in array.dimensions if bound is not None]
                for index in product(*(range(low, high + 1) for low, high in bounds)):
                    place = Step("array", indices=tuple(n - low for n, (low, _) in zip(index, bounds, strict=True)))
                    own = f"{path}[{','.join(map(str, index))}]"
                    yield from self._variables(own, array.element, (*steps, place, *row))
            case Structure() as structure:
                for key, member in structure.fields.items():
                    step = Step("structure", self._shared.names.field(structure, key))
                    yield from self._variables(f"{path}.{key}", member.type, (*steps, step))
            case Block() as block:
                yield from self._block(path, block.pou, steps)
