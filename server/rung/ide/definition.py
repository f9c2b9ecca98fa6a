"""Go to definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rung.ide.locate import Configured, DeclaredType, Found, Thing, find
from rung.project.snapshot import Snapshot, SourceFile
from rung.semantics.model import EnumValueSymbol, Pou, Variable
from rung.semantics.types import Enumeration, Field
from rung.syntax import tree


@dataclass(slots=True, frozen=True)
class Target:
    """Where a thing is declared: a file, and the offsets of its name there."""

    file: SourceFile
    start: int
    end: int


def definition(snapshot: Snapshot, path: Path, offset: int) -> Target | None:
    """Return where the thing under the cursor is declared; None for what the language itself declares."""
    found = find(snapshot, path, offset)
    if found is None:
        return None
    place = _declaration(snapshot, found.thing, found)
    if place is None:
        return None
    unit, name = place
    there = snapshot.place(unit)
    return Target(there.file, there.offset + name.start, there.offset + name.end)


def _declaration(snapshot: Snapshot, thing: Thing, found: Found) -> tuple[tree.Unit, tree.Identifier] | None:
    match thing:
        case Variable(target=Variable() as target):
            return _declaration(snapshot, target, found)
        case Variable(unit=unit, identifier=identifier):
            return (unit, identifier) if unit and identifier else None
        case Pou(unit=unit, declaration=declaration):
            return (unit, declaration.name) if unit and declaration else None
        case Configured(unit=unit, name=name):
            return unit, name
        case DeclaredType(key=key):
            return _type_name(snapshot, key)
        case EnumValueSymbol(type=Enumeration(name=name), key=key):
            return _inside(snapshot, name.upper(), key)
        case Field(key=key) if found.owner is not None:
            return _inside(snapshot, found.owner.name.upper(), key)
        case _:
            return None


def _type_name(snapshot: Snapshot, key: str) -> tuple[tree.Unit, tree.Identifier] | None:
    declared = snapshot.program.type_declarations.get(key)
    return (declared[0], declared[1].name) if declared else None


def _inside(snapshot: Snapshot, type_key: str, key: str) -> tuple[tree.Unit, tree.Identifier] | None:
    declared = snapshot.program.type_declarations.get(type_key)
    if declared is None:
        return None
    unit, declaration = declared
    return next(((unit, name) for name in _names(declaration.spec) if name.key == key), (unit, declaration.name))


def _names(spec: tree.TypeSpec) -> Iterator[tree.Identifier]:
    if isinstance(spec, tree.EnumSpec):
        yield from (value.name for value in spec.values)
    elif isinstance(spec, tree.StructSpec):
        for item in spec.fields:
            yield from item.names
