"""Located variables: one declaration for each address, because v3's compiler takes no second one.

Invariant: all variables at one address are one printed variable, as on the other targets they are one entry of the process image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from rung.codegen.openplc_v3.literals import scalar
from rung.codegen.openplc_v3.naming import Names
from rung.codegen.openplc_v3.refusals import Refusals
from rung.codegen.openplc_v3.text import Where
from rung.codegen.places import exchanged
from rung.codegen.schedule import Schedule
from rung.semantics.model import Located, Pou, Program, Variable
from rung.semantics.types import BOOL, BYTE, DWORD, LWORD, WORD, Elementary, Family, Type
from rung.syntax.tree import DirectAddress, SectionKind, Unit

_BY_SIZE: Final = {"X": BOOL, "B": BYTE, "W": WORD, "D": DWORD, "L": LWORD}
_CONVERTIBLE: Final = frozenset({Family.SIGNED, Family.UNSIGNED, Family.BITS})


@dataclass(slots=True, eq=False)
class Cell:
    """An address and the printed variable that stands for it. `owner` is the program that declares it, None for a global. `located`
    is False where v3 exchanges nothing at the address; the variable then is a plain global."""

    address: Located
    kind: Elementary
    name: str = ""
    owner: Pou | None = None
    located: bool = True
    declared: Variable | None = None
    users: list[tuple[Variable, Pou | None]] = field(default_factory=list)
    direct: set[Pou] = field(default_factory=set)

    @property
    def initial(self) -> Variable | None:
        """The variable whose initial value the cell has: the last that declares one."""
        given = [variable for variable, _ in self.users if variable.initial is not None]
        return given[-1] if given else None


class Cells:
    """All addresses that a program uses."""

    __slots__ = ("_given", "_refusals", "cells")

    def __init__(
        self, program: Program, schedule: Schedule, names: Names, refusals: Refusals, single: frozenset[Pou]
    ) -> None:
        """`single` holds the programs that are printed as programs and have one instance."""
        self._refusals = refusals
        self._given: dict[Variable, Located] = {}
        self.cells: dict[Located, Cell] = {}
        self._collect(program)
        self._configured(program, schedule)
        for cell in self.cells.values():
            self._place(cell, names, single)

    def _collect(self, program: Program) -> None:
        configuration = program.configuration
        tables = [program.globals]
        if configuration is not None:
            tables += [configuration.globals, *(resource.globals for resource in configuration.resources)]
        for table in tables:
            for variable in table.values():
                self._add(variable, None)
        for pou in program.pous.values():
            for variable in pou.variables.values():
                if variable.section is not SectionKind.VAR_EXTERNAL:
                    self._add(variable, pou)
        for analysis in program.analyses.values():
            for expr, symbol in analysis.symbols.items():
                if isinstance(expr, DirectAddress) and isinstance(symbol, Variable) and symbol.address is not None:
                    cell = self._cell(symbol.address, symbol.type, symbol, analysis.pou.unit, expr.start)
                    cell.direct.add(analysis.pou)

    def _add(self, variable: Variable, pou: Pou | None) -> None:
        address = variable.address or self._given.get(variable)
        if address is None:
            return
        start = 0 if variable.identifier is None else variable.identifier.start
        self._cell(address, variable.type, variable, variable.unit, start).users.append((variable, pou))

    def _configured(self, program: Program, schedule: Schedule) -> None:
        """What VAR_CONFIG locates: variables of programs, where one instance has them."""
        configuration = program.configuration
        for path, address in {} if configuration is None else configuration.addresses.items():
            instance, _, member = path.rpartition(".")
            found = [planned.instance.pou for planned in schedule.instances if planned.path == instance]
            same = [planned for planned in schedule.instances if found and planned.instance.pou is found[0]]
            variable = found[0].variables.get(member) if found else None
            if variable is None or len(same) != 1:
                where = _configured_at(program, path)
                self._refusals.refuse("instance address", f"{path} AT {address.text} in VAR_CONFIG", *where)
            self._given[variable] = address
            self._add(variable, found[0])

    def _cell(self, address: Located, kind: Type, variable: Variable, unit: Unit | None, start: int) -> Cell:
        base = scalar(kind)
        if not isinstance(base, Elementary):
            self._refusals.refuse("located aggregate", f"Variable {variable.name} at {address.text}", unit, start)
        if (address.area != "M" and (address.index > 1023 or (address.bit or 0) > 7)) or address.text.startswith("%QL"):
            self._refusals.refuse("address", f"The address {address.text}", unit, start)
        known = self.cells.get(address)
        if known is None:
            known = self.cells[address] = Cell(address, base, located=is_exchanged(address))
        elif known.kind is not base and not convertible(known.kind, base):
            names = f"{known.kind.name} and {base.name}"
            self._refusals.refuse("shared address", f"The address {address.text} as {names}", unit, start)
        return known

    def _place(self, cell: Cell, names: Names, single: frozenset[Pou]) -> None:
        shared = [variable for variable, pou in cell.users if pou is None]
        if shared:
            cell.declared = shared[0]
            return
        if len(cell.users) == 1 and cell.located:
            variable, pou = cell.users[0]
            if pou in single and cell.direct <= {pou}:
                cell.owner, cell.declared = pou, variable
                return
        cell.name = names.own("", f"{cell.address.text[1:].replace('.', '_')}")

    def of(self, variable: Variable) -> Cell | None:
        """Return the cell of a located variable, None for any other."""
        if variable.target is not None:
            return self.of(variable.target)
        address = variable.address or self._given.get(variable)
        return None if address is None else self.cells.get(address)


def _configured_at(program: Program, path: str) -> Where:
    """Return the line of VAR_CONFIG that locates a variable; a resource's name may stand before the path."""
    for unit, declaration in [] if program.environment is None else program.environment.configurations:
        for section in declaration.sections:
            for item in section.declarations if section.kind is SectionKind.VAR_CONFIG else ():
                if f".{'.'.join(name.key for name in item.path)}".endswith(f".{path}"):
                    return unit, item.start
    return None, 0


def is_exchanged(address: Located) -> bool:
    """Whether v3 exchanges the address with the outside: it has neither %MX nor %MB, but its clock and counters at %ML1024 to %ML2047."""
    if address.area == "M" and address.size == "L":
        return address.index < 2048
    return exchanged(address) and not (address.area == "M" and address.size in "XB")


def convertible(left: Elementary, right: Elementary) -> bool:
    """Whether one's bits can be read as the other's by a conversion that v3 has."""
    return left.bits == right.bits and left.family in _CONVERTIBLE and right.family in _CONVERTIBLE
