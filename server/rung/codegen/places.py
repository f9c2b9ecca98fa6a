"""Where each variable lives: in a task's process image, among the globals, in a block's data, or on the stack of a body.

Invariant: all variables located at one address share one cell of the image, however they are declared and whatever their type,
so that a program sees one process image (IEC 61131-3 ed. 3, 6.5.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rung.codegen import names
from rung.codegen.cpp_types import CppTypes, in_image
from rung.semantics.model import Analysis, Located, Pou, Program, Variable
from rung.syntax.tree import DirectAddress, SectionKind

_SLOTS: Final = 1024


def exchanged(address: Located) -> bool:
    """Whether a runtime has a place for the address in its process image: it has no memory bytes, and 1024 slots of each other
    kind. A cell that it has no place for is a global that all tasks share."""
    return address.index < _SLOTS and not (address.area == "M" and address.size == "B")


def parameters(pou: Pou) -> Iterator[Variable]:
    """Yield a function's parameters in the order in which its C++ function takes them."""
    for variable in pou.variables.values():
        if variable.section in (SectionKind.VAR_INPUT, SectionKind.VAR_IN_OUT):
            yield variable
    for variable in pou.variables.values():
        if variable.section is SectionKind.VAR_OUTPUT and variable.key != pou.key:
            yield variable


@dataclass(slots=True)
class ProcessImage:
    """The cells that a program uses, with the C++ types its variables give each."""

    cells: dict[Located, dict[str, Variable | None]] = field(default_factory=dict)

    def add(self, address: Located, cpp_type: str, variable: Variable | None) -> None:
        """Note that `address` is used as a `cpp_type`, by `variable` or directly."""
        users = self.cells.setdefault(address, {})
        if users.get(cpp_type) is None or (variable is not None and variable.initial is not None):
            users[cpp_type] = variable  # initial values apply in declaration order, so the last one stays

    def member(self, address: Located, cpp_type: str | None = None) -> str:
        """Return the member expression of the cell, seen as a `cpp_type`, or as its first."""
        cell = names.cell(address)
        users = self.cells[address]
        return cell if len(users) == 1 else f"{cell}.{names.view(cpp_type or next(iter(users)))}"


@dataclass(slots=True)
class Places:
    """The places that all bodies share. `globals_data` and `image_data` are the C++ expressions of the structures that hold them."""

    types: CppTypes
    globals_data: str
    image_data: str
    image: ProcessImage = field(default_factory=ProcessImage)
    members: dict[Variable, str] = field(default_factory=dict)

    def add_globals(self, variables: Iterable[Variable], prefix: str = "") -> None:
        """Give each global its member name; a resource's carry a prefix where another resource has the same name."""
        taken = set(self.members.values())
        for variable in variables:
            if not in_image(variable):
                name = names.variable(variable.key)
                self.members[variable] = f"{prefix}{name}" if name in taken else name

    def collect_cells(self, program: Program) -> None:
        """Find every located address that the program declares or names directly."""
        configuration = program.configuration
        tables = [program.globals, *(pou.variables for pou in program.pous.values())]
        if configuration is not None:
            tables += [configuration.globals, *(resource.globals for resource in configuration.resources)]
        for table in tables:
            for variable in table.values():
                self._collect(variable)
        for analysis in program.analyses.values():
            self._collect_direct(analysis)

    def _collect(self, variable: Variable) -> None:
        if variable.address is not None and in_image(variable) and variable.section is not SectionKind.VAR_EXTERNAL:
            self.image.add(variable.address, self.types.name(variable.type), variable)

    def _collect_direct(self, analysis: Analysis) -> None:
        for expr, symbol in analysis.symbols.items():
            if isinstance(expr, DirectAddress) and isinstance(symbol, Variable):
                self._collect(symbol)

    def cell(self, address: Located, cpp_type: str | None = None) -> str:
        """Return the C++ place of a located address, seen as a `cpp_type`, or as the first that the program gives it."""
        holder = self.image_data if exchanged(address) else self.globals_data
        return f"{holder}.{self.image.member(address, cpp_type)}"

    def of(self, variable: Variable) -> str | None:
        """Return the C++ place of a global or located variable, None for one that belongs to a body."""
        if variable.target is not None:
            return self.of(variable.target)
        if variable.address is not None and in_image(variable):
            return self.cell(variable.address, self.types.name(variable.type))
        member = self.members.get(variable)
        return None if member is None else f"{self.globals_data}.{member}"
