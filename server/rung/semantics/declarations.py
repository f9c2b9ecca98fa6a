"""`declare`: from units to the global names.

Invariants: the cost is proportional to the declarations, not to the bodies. With `previous`, everything whose text is unchanged, and
whose every name means what it meant, is taken over as the identical object; the result equals that of a fresh `declare` in all but
identity. Order of units decides only which of two declarations of one name counts: the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rung.semantics.checker import Checker
from rung.semantics.environment import Environment, Record, Recursive
from rung.semantics.expressions import HANDLERS
from rung.semantics.interfaces import header, variable_group
from rung.semantics.model import Analysis, EnumValueSymbol, Pou, Variable
from rung.semantics.types import Block
from rung.semantics.typespecs import declared_type
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import (
    ConfigurationDecl,
    EnumSpec,
    Identifier,
    PouDecl,
    PouKind,
    SectionKind,
    TypeBlock,
    TypeDecl,
    Unit,
    VariableDecl,
    VarSection,
)

_Global = tuple[VariableDecl, VarSection, bool]


def declare(units: Sequence[Unit], previous: Environment | None = None) -> Environment:
    """Return the environment of a program made of `units`, re-using what `previous` has of it."""
    declarer = _Declarer(units, previous)
    declarer.resolve()
    return declarer.environment


def interface_text(unit: Unit) -> str:
    """Return the part of a unit's text that other POUs depend on, marked where what it declares is doubtful."""
    declarations = unit.declarations
    if len(declarations) == 1 and isinstance(declarations[0], PouDecl):
        # An edit inside the body may leave the header's text alone and yet leave the POU unclosed.
        doubt = "\0" if header_is_doubtful(unit, declarations[0]) else ""
        return unit.text[: declarations[0].header_end] + doubt
    return unit.text


def global_sections(unit: Unit) -> Iterator[tuple[VarSection, bool]]:
    """Yield the VAR_GLOBAL sections of a unit; True for those that stand at top level, which every body sees."""
    for declaration in unit.declarations:
        if isinstance(declaration, VarSection):
            yield declaration, True
        elif isinstance(declaration, ConfigurationDecl):
            for section in declaration.sections:
                yield section, False
            for resource in declaration.resources:
                for section in resource.sections:
                    yield section, False


def _globals(unit: Unit) -> Iterator[_Global]:
    for section, top in global_sections(unit):
        if section.kind is SectionKind.VAR_GLOBAL or top:
            for item in section.declarations:
                yield item, section, top


def _names(unit: Unit) -> tuple[str, ...]:
    """Return the upper-case global names that a unit declares, enumerators included."""
    names: list[str] = []
    for declaration in unit.declarations:
        if isinstance(declaration, PouDecl):
            names.append(declaration.name.key)
        elif isinstance(declaration, TypeBlock):
            for item in declaration.declarations:
                names.append(item.name.key)
                if isinstance(item.spec, EnumSpec):
                    names += [value.name.key for value in item.spec.values]
    names += [name.key for item, _, _ in _globals(unit) for name in item.names]
    return tuple(dict.fromkeys(names))


class _Declarer:
    """One run of `declare`."""

    def __init__(self, units: Sequence[Unit], previous: Environment | None) -> None:
        self.environment = Environment()
        self.previous = previous
        self.types: dict[str, tuple[Record, Unit, TypeDecl]] = {}
        self.globals: dict[str, tuple[Record, Unit, _Global]] = {}
        self.pous: dict[str, tuple[Record, Unit, PouDecl]] = {}
        self.active: set[tuple[str, str]] = set()
        self.seen: dict[tuple[str, str], tuple[Unit, Identifier]] = {}
        records = _records(units, previous)
        self.environment.records = records
        self.environment.declared = _declared(records)
        for unit, record in records:
            self._collect(unit, record)

    # ------------------------------------------------------------------------------------------------ collecting

    def _collect(self, unit: Unit, record: Record) -> None:
        environment = self.environment
        for declaration in unit.declarations:
            if isinstance(declaration, PouDecl):
                if self._first(unit, declaration.name, "type"):
                    self._collect_pou(unit, record, declaration)
            elif isinstance(declaration, TypeBlock):
                for item in declaration.declarations:
                    if self._first(unit, item.name, "type"):
                        self._collect_type(unit, record, item)
            elif isinstance(declaration, ConfigurationDecl):
                environment.configurations.append((unit, declaration))
        for found in _globals(unit):
            for name in found[0].names:
                if self._first(unit, name, "global"):
                    variable = record.globals.get(name.key)
                    if variable is None:
                        self.globals[name.key] = (record, unit, found)
                    else:
                        self._enter_global(variable, found[2])

    def _first(self, unit: Unit, name: Identifier, space: str) -> bool:
        """Whether a global name is new; reports it if not."""
        earlier = self.seen.setdefault((space, name.key), (unit, name))
        if earlier[1] is name:
            return True
        where, first = earlier
        related = Related(first.start, first.end, "The first declaration.", None if where is unit else where)
        what = "A type, function, function block or program" if space == "type" else "A global variable"
        problem = Problem(
            "NAM003", name.start, name.end, f"{what} named '{name.text}' is already declared.", (related,)
        )
        self.environment.problems.append((unit, problem))
        return False

    def _collect_pou(self, unit: Unit, record: Record, declaration: PouDecl) -> None:
        environment, key = self.environment, declaration.name.key
        environment.home[key] = record
        pou = record.pous.get(key)
        if pou is None:
            pou = Pou(declaration.kind, declaration.name.text, key, {}, None, declaration, unit)
            record.pous[key] = pou
            record.local_enumerators[key] = {}
            self.pous[key] = (record, unit, declaration)
        environment.pous[key] = pou
        old = self.previous.blocks.get(key) if self.previous is not None else None
        environment.blocks[key] = old if old is not None and old.pou is pou else Block(pou)
        environment.current[key] = self._current(pou, unit, declaration)

    def _current(self, pou: Pou, unit: Unit, declaration: PouDecl) -> Pou:
        """Return the POU with the tree of today."""
        if pou.declaration is declaration:
            return pou
        old = self.previous.current.get(pou.key) if self.previous is not None else None
        if old is not None and old.declaration is declaration and old.variables is pou.variables:
            return old
        return Pou(pou.kind, pou.name, pou.key, pou.variables, pou.result, declaration, unit)

    def _collect_type(self, unit: Unit, record: Record, item: TypeDecl) -> None:
        environment, key = self.environment, item.name.key
        environment.home[key] = record
        environment.type_declarations[key] = (unit, item)
        if isinstance(item.spec, EnumSpec):
            for value in item.spec.values:
                environment.owners.setdefault(value.name.key, []).append(key)
        if key in record.types:
            environment.types[key] = record.types[key]
        else:
            self.types[key] = (record, unit, item)

    def _enter_global(self, variable: Variable, top: bool) -> None:
        self.environment.globals[variable.key] = variable
        if top:
            self.environment.top_globals[variable.key] = variable

    # ------------------------------------------------------------------------------------------------- resolving

    def resolve(self) -> None:
        """Resolve everything; each thing asks for what it needs first."""
        environment = self.environment
        environment.demand = self._demand
        for space, tasks in (("type", self.types), ("global", self.globals), ("pou", self.pous)):
            for key in list(tasks):
                self._demand(space, key)
        environment.demand = None
        environment.shells.clear()
        # In the order of declaration, not in that of resolution.
        environment.types = {key: environment.types[key] for key in environment.type_declarations}
        for unit, record in environment.records:
            environment.problems += [(unit, environment.located_now(unit, problem)) for problem in record.problems]

    def _demand(self, space: str, key: str) -> None:
        tasks = self.types if space == "type" else self.globals if space == "global" else self.pous
        if key not in tasks:
            return
        if (space, key) in self.active:
            if space == "pou":
                return
            raise Recursive(key)
        self.active.add((space, key))
        if space == "type":
            self._resolve_type(key)
        elif space == "global":
            self._resolve_global(key)
        else:
            self._resolve_pou(key)
        self.active.discard((space, key))

    def _checker(self, record: Record, unit: Unit, pou: Pou, local_enumerators: dict[str, EnumValueSymbol]) -> Checker:
        tables = record.tables
        analysis = Analysis(pou, tables.types, tables.converted, tables.constants, tables.symbols, {}, record.problems)
        checker = Checker(self.environment, HANDLERS, analysis, pou.variables, local_enumerators, unit)
        checker.dependencies = record.uses
        return checker

    def _resolve_type(self, key: str) -> None:
        record, unit, item = self.types[key]
        checker = self._checker(
            record, unit, Pou(PouKind.PROGRAM, "", "", {}), record.local_enumerators.setdefault("", {})
        )
        kind = declared_type(checker, item)
        self.environment.types[key] = record.types[key] = kind
        del self.types[key]

    def _resolve_global(self, key: str) -> None:
        record, unit, (item, section, top) = self.globals[key]
        checker = self._checker(
            record, unit, Pou(PouKind.PROGRAM, "", "", {}), record.local_enumerators.setdefault("", {})
        )
        found: dict[str, Variable] = {}
        # All names of one declaration are resolved together, so none of them may be asked for meanwhile.
        mates = [name.key for name in item.names if self.globals.get(name.key, (None, None, None))[2] is not None]
        mine = [mate for mate in mates if self.globals[mate][2][0] is item]
        self.active.update(("global", mate) for mate in mine)
        variable_group(checker, item, SectionKind.VAR_GLOBAL, section.qualifiers, found, None)
        for mate in mine:
            self.active.discard(("global", mate))
            if mate in found:
                record.globals[mate] = found[mate]
                self._enter_global(found[mate], top)
            del self.globals[mate]

    def _resolve_pou(self, key: str) -> None:
        record, unit, declaration = self.pous[key]
        pou = record.pous[key]
        checker = self._checker(record, unit, pou, record.local_enumerators[key])
        checker.doubtful = header_is_doubtful(unit, declaration)
        pou.result = header(checker, declaration, pou.variables)
        current = self.environment.current[key]
        current.result = pou.result
        del self.pous[key]


def header_is_doubtful(unit: Unit, declaration: PouDecl) -> bool:
    """Whether syntax errors in a POU's header may have swallowed declarations."""
    return any(declaration.start <= problem.start < declaration.header_end for problem in unit.problems)


# ---------------------------------------------------------------------------------------------------------- re-use


def _records(units: Sequence[Unit], previous: Environment | None) -> list[tuple[Unit, Record]]:
    """Return a record for each unit that declares something: that of before where nothing that it depends on has changed."""
    records: list[tuple[Unit, Record]] = []
    kept: set[int] = set()
    by_unit = {} if previous is None else dict(previous.records)
    by_text: dict[str, list[Record]] | None = None
    for unit in units:
        if not unit.declarations:
            continue
        old = by_unit.get(unit)
        text = "" if old is not None else interface_text(unit)
        if old is None and previous is not None:
            if by_text is None:
                present = set(units)
                by_text = {}
                for gone, record in previous.records:
                    if gone not in present:
                        by_text.setdefault(record.text, []).append(record)
            candidates = by_text.get(text)
            old = candidates.pop(0) if candidates else None
        if old is None:
            records.append((unit, Record(unit, text, _names(unit))))
        else:
            kept.add(old.serial)
            records.append((unit, old))
    if previous is not None:
        _demote(records, kept, previous)
    return records


def _demote(records: list[tuple[Unit, Record]], kept: set[int], previous: Environment) -> None:
    """Replace old records by new ones until none depends on a name that means something else now."""
    while True:
        declared = _declared(records)
        changed = {
            name
            for name in declared.keys() | previous.declared.keys()
            if declared.get(name) != previous.declared.get(name)
        }
        stale = [
            place
            for place, (_, record) in enumerate(records)
            if record.serial in kept and not (changed.isdisjoint(record.names) and changed.isdisjoint(record.uses))
        ]
        if not stale:
            return
        for place in stale:
            unit, record = records[place]
            kept.discard(record.serial)
            records[place] = (unit, Record(unit, interface_text(unit), _names(unit)))


def _declared(records: list[tuple[Unit, Record]]) -> dict[str, list[Record]]:
    declared: dict[str, list[Record]] = {}
    for _, record in records:
        for name in record.names:
            declared.setdefault(name, []).append(record)
    return declared
