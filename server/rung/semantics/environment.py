"""What is declared outside bodies: the names that any body can look up, and how to tell whether they still mean the same.

Invariants: an environment is final once `declare` has returned it. `fingerprint(name)` is equal in two environments of which one
was declared with the other as `previous` exactly when the name stands for the identical objects in both, all that they are made of
included. So an `Analysis` whose dependencies all kept their fingerprints is valid in the new environment as it stands.

After an edit inside a body the interface (`Pou`, `Variable`s, `Block`) stays the same object. `current` gives the `Pou` that goes
with the new tree; it shares the interface's variables. Symbols met through types and calls may therefore name an earlier unit of
the same header text: `unit_now` maps it to today's, in which the same offsets hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from rung.semantics.model import EnumValueSymbol, Pou, Symbol, Variable
from rung.semantics.stdlib import block_names, function_names, lookup_block, lookup_procedure
from rung.semantics.types import Block, Constant, Enumeration, Structure, Type
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import ConfigurationDecl, Expr, PouKind, SectionKind, TypeDecl, Unit

_SERIALS: Final = count(1)


@dataclass(slots=True, eq=False)
class Tables:
    """What the expressions of declarations (bounds, initial values) were found to mean; see `Analysis`."""

    types: dict[Expr, Type] = field(default_factory=dict)
    converted: dict[Expr, Type] = field(default_factory=dict)
    constants: dict[Expr, Constant] = field(default_factory=dict)
    symbols: dict[Expr, Symbol] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Record:
    """The declarations of one unit, resolved: the grain of re-use. `text` is all of the unit's text that they depend on.

    `uses` are the global names looked up on the way; `local_enumerators` those of enumerations written in place, by POU.
    """

    unit: Unit
    text: str
    names: tuple[str, ...]
    serial: int = field(default_factory=lambda: next(_SERIALS))
    types: dict[str, Type] = field(default_factory=dict)
    pous: dict[str, Pou] = field(default_factory=dict)
    globals: dict[str, Variable] = field(default_factory=dict)
    uses: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)
    local_enumerators: dict[str, dict[str, EnumValueSymbol]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Parameters:
    """A POU's parameters by kind, in declaration order, and the order in which a call without names gives them."""

    inputs: list[Variable]
    outputs: list[Variable]
    in_outs: list[Variable]
    positional: list[Variable]


class Recursive(Exception):
    """A declaration needs itself to be known: a structure that contains itself, a constant defined by itself."""


EVERY_NAME: Final = ""


@dataclass(slots=True, eq=False)
class Environment:
    """All global names. Made by `declarations.declare`."""

    types: dict[str, Type] = field(default_factory=dict)
    type_declarations: dict[str, tuple[Unit, TypeDecl]] = field(default_factory=dict)
    pous: dict[str, Pou] = field(default_factory=dict)
    blocks: dict[str, Block] = field(default_factory=dict)
    current: dict[str, Pou] = field(default_factory=dict)
    globals: dict[str, Variable] = field(default_factory=dict)
    top_globals: dict[str, Variable] = field(default_factory=dict)
    owners: dict[str, list[str]] = field(default_factory=dict)
    configurations: list[tuple[Unit, ConfigurationDecl]] = field(default_factory=list)
    declared: dict[str, list[Record]] = field(default_factory=dict)
    records: list[tuple[Unit, Record]] = field(default_factory=list)
    home: dict[str, Record] = field(default_factory=dict)
    problems: list[tuple[Unit, Problem]] = field(default_factory=list)
    demand: Callable[[str, str], None] | None = None
    """While `declare` is at work: resolve (`type`|`global`|`pou`, name) if it is not yet. Raises `Recursive`."""
    shells: dict[str, Structure] = field(default_factory=dict)
    _parameters: dict[Pou, Parameters] = field(default_factory=dict)
    _now: dict[Unit, Unit] | None = None

    def find_type(self, key: str) -> Type | None:
        """Return the declared type, the user's function block, or the standard one of this upper-case name.

        Raises `Recursive` (only while declaring) for a type that is just being resolved.
        """
        found = self.types.get(key)
        if found is not None:
            return found
        block = self.blocks.get(key)
        if block is not None:
            return block
        if self.demand is not None:
            self.demand("type", key)
            found = self.types.get(key)
            if found is not None:
                return found
        pou = lookup_block(key)
        return None if pou is None else standard_block(pou)

    def find_function(self, key: str) -> Pou | None:
        """Return the user's POU of this name, or the standard function with outputs instead of a result."""
        return self.pous.get(key) or lookup_procedure(key)

    def find_global(self, key: str) -> Variable | None:
        """Return the global variable of this name, wherever it is declared. Raises `Recursive` while declaring."""
        found = self.globals.get(key)
        if found is None and self.demand is not None:
            self.demand("global", key)
            found = self.globals.get(key)
        return found

    def find_enumerators(self, key: str) -> list[EnumValueSymbol]:
        """Return every enumerator of this name in the declared enumerations."""
        found = []
        for owner in self.owners.get(key, ()):
            try:
                kind = self.find_type(owner)
            except Recursive:
                continue
            if isinstance(kind, Enumeration) and key in kind.values:
                found.append(EnumValueSymbol(kind, key, kind.values[key]))
        return found

    def interface(self, pou: Pou) -> Pou:
        """Return `pou` with its variables resolved, which matters only while declaring."""
        if self.demand is not None and pou.declaration is not None:
            self.demand("pou", pou.key)
        return pou

    def parameters(self, pou: Pou) -> Parameters:
        """Return the parameters of a POU."""
        found = self._parameters.get(pou)
        if found is None:
            found = self._parameters[pou] = _sorted_parameters(pou)
        return found

    def fingerprint(self, name: str) -> int:
        """Return a number that stays the same as long as the upper-case global `name` means the same; 0 for an unknown name.

        For `EVERY_NAME`, which is no name, as long as the same names are declared: a suggestion depends on all of them.
        """
        if name == EVERY_NAME:
            return hash((frozenset(self.declared), frozenset(self.owners)))
        records = self.declared.get(name)
        if not records:
            return 0
        return records[0].serial if len(records) == 1 else hash(tuple(record.serial for record in records))

    def unit_now(self, unit: Unit) -> Unit:
        """Return the unit that took the place of `unit` by an edit inside its body; `unit` itself if none did."""
        if self._now is None:
            self._now = {record.unit: now for now, record in self.records if record.unit is not now}
        return self._now.get(unit, unit)

    def located_now(self, unit: Unit, problem: Problem) -> Problem:
        """Return a problem of `unit` whose related places all lie in units of today, None standing for `unit` itself."""
        if all(place.unit is None for place in problem.related):
            return problem
        related = []
        for place in problem.related:
            now = None if place.unit is None else self.unit_now(place.unit)
            related.append(Related(place.start, place.end, place.message, None if now is unit else now))
        return Problem(problem.code, problem.start, problem.end, problem.message, tuple(related), problem.data)

    def type_names(self) -> Iterable[str]:
        """Yield every name a variable's type may have, for suggestions."""
        yield from self.types
        yield from self.blocks
        yield from block_names()

    def function_names(self) -> Iterable[str]:
        """Yield every name of a function, for suggestions."""
        yield from (key for key, pou in self.pous.items() if pou.kind is PouKind.FUNCTION)
        yield from function_names()


_STANDARD_BLOCKS: Final[dict[Pou, Block]] = {}


def standard_block(pou: Pou) -> Block:
    """Return the type of a standard function block's instances, always the same object."""
    found = _STANDARD_BLOCKS.get(pou)
    if found is None:
        found = _STANDARD_BLOCKS[pou] = Block(pou)
    return found


def _sorted_parameters(pou: Pou) -> Parameters:
    inputs: list[Variable] = []
    outputs: list[Variable] = []
    in_outs: list[Variable] = []
    given: list[Variable] = []
    for variable in pou.variables.values():
        if variable.section is SectionKind.VAR_INPUT:
            inputs.append(variable)
            given.append(variable)
        elif variable.section is SectionKind.VAR_IN_OUT:
            in_outs.append(variable)
            given.append(variable)
        elif variable.section is SectionKind.VAR_OUTPUT and variable.key != pou.key:
            outputs.append(variable)
    return Parameters(inputs, outputs, in_outs, given + outputs)


def agree(names: Iterable[str], old: Environment, new: Environment) -> bool:
    """Whether every one of these global names means the same in both environments."""
    return all(old.fingerprint(name) == new.fingerprint(name) for name in names)
