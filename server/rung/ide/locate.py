"""What stands under the cursor: the innermost node, and the thing that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from rung.project.snapshot import PlacedUnit, Snapshot, SourceFile
from rung.semantics.model import EnumValueSymbol, Pou, Program, StandardFunction, Variable
from rung.semantics.stdlib import lookup_block, lookup_function
from rung.semantics.types import Array, Block, Enumeration, Field, Structure, Type, strip
from rung.syntax import tree


class Node(Protocol):
    """Anything in a tree."""

    start: int
    end: int


@dataclass(slots=True, frozen=True)
class DeclaredType:
    """A type by its declared name."""

    key: str
    type: Type


@dataclass(slots=True, frozen=True)
class StandardName:
    """A function of the standard library, before overloading is resolved."""

    name: str
    resolved: StandardFunction | None = None


@dataclass(slots=True, frozen=True)
class Configured:
    """A task or a program instance of a configuration, and how it is declared there."""

    unit: tree.Unit
    name: tree.Identifier
    declaration: str


Thing = Variable | Pou | EnumValueSymbol | Field | DeclaredType | StandardName | Configured

_Node = TypeVar("_Node")


@dataclass(slots=True, frozen=True)
class Found:
    """The thing under the cursor, and the file offsets of the word that names it."""

    thing: Thing
    start: int
    end: int
    owner: Structure | None = None


def find(snapshot: Snapshot, path: Path, offset: int) -> Found | None:
    """Return what the word at a file's offset names, None where it names nothing."""
    file = snapshot.files.get(path)
    placed = None if file is None else unit_at(file, offset)
    if placed is None:
        return None
    nodes = nodes_at(placed.unit, offset - placed.offset)
    if not nodes:
        return None
    word, thing, owner = _Finder(snapshot.program, placed.unit, nodes).thing()
    if word is None or thing is None:
        return None
    return Found(thing, word.start + placed.offset, word.end + placed.offset, owner)


def unit_at(file: SourceFile, offset: int) -> PlacedUnit | None:
    """Return the unit that covers an offset."""
    return next((placed for placed in reversed(file.units) if placed.offset <= offset), None)


def nodes_at(unit: tree.Unit, offset: int) -> list[Node]:
    """Return the nodes that cover an offset, from the declaration to the innermost. A cursor right after a word is on it."""
    nodes: list[Node] = []
    below: Sequence[Node] = unit.declarations
    while below:
        inside = [node for node in below if node.start <= offset < node.end] or [
            node for node in below if node.end == offset
        ]
        if not inside:
            break
        nodes.append(inside[0])
        below = list(_children(inside[0]))
    return nodes


def _children(node: Node) -> Iterator[Node]:
    for name in getattr(type(node), "__slots__", ()):
        value = getattr(node, name)
        for item in value if isinstance(value, list) else (value,):
            if hasattr(item, "start") and hasattr(item, "end"):
                yield item


class _Finder:
    """Resolves the innermost of the nodes around a cursor."""

    def __init__(self, program: Program, unit: tree.Unit, nodes: list[Node]) -> None:
        self._program = program
        self._unit = unit
        self._nodes = nodes

    def thing(self) -> tuple[Node | None, Thing | None, Structure | None]:
        word = self._nodes[-1]
        around = self._nodes[-2] if len(self._nodes) > 1 else None
        match word:
            case tree.NameExpr() | tree.DirectAddress():
                return word, self._symbol(word), None
            case tree.Identifier():
                return self._identifier(word, around)
            case _:
                return None, None, None

    def _identifier(
        self, word: tree.Identifier, around: Node | None
    ) -> tuple[Node | None, Thing | None, Structure | None]:
        match around:
            case tree.Member():
                field, owner = self._field(around)
                return (word, field, owner) if field else (word, self._symbol(around), None)
            case tree.EnumLiteral():
                if word is around.name:
                    return word, self._symbol(around), None
                return word, self._named(word.key), None
            case tree.Argument():
                return word, self._parameter(around), None
            case tree.VariableDecl():
                field, owner = self._declared_field(word)
                return word, field or self._declared(word), owner
            case tree.EnumValue():
                return word, self._enumerator(word.key), None
            case tree.FieldInitial():
                return word, *self._initial(word)
            case tree.TaskDecl() if word is around.name:
                return word, self._task(word), None
            case tree.ProgramConfig() if word is around.task:
                return word, self._task(word), None
            case tree.ProgramConfig() if word is around.name:
                declaration = f"PROGRAM {word.text} : {around.type_name.text}"
                return word, Configured(self._unit, word, declaration), None
            case None:
                return None, None, None
            case _:
                return word, self._named(word.key), None

    def _symbol(self, node: tree.Expr) -> Thing | None:
        pou = self._around(tree.PouDecl)
        analysis = self._program.analyses.get(pou.name.key) if pou else None
        if analysis is not None:
            symbol = analysis.symbols.get(node)
            if symbol is not None:
                return symbol
        if isinstance(node, tree.NameExpr):
            call = next((item for item in self._nodes if isinstance(item, tree.Call) and item.callee is node), None)
            resolved = analysis.calls.get(call) if analysis and call else None
            if resolved is not None and isinstance(resolved.callee, StandardFunction):
                return StandardName(node.key, resolved.callee)
            declared = self._declared(tree.Identifier(node.start, node.end, node.text, node.key))
            return declared or self._named(node.key)
        return None

    def _field(self, member: tree.Member) -> tuple[Field | None, Structure | None]:
        pou = self._around(tree.PouDecl)
        analysis = self._program.analyses.get(pou.name.key) if pou else None
        base = strip(analysis.types[member.base]) if analysis and member.base in analysis.types else None
        return (base.fields.get(member.name.key), base) if isinstance(base, Structure) else (None, None)

    def _initial(self, word: tree.Identifier) -> tuple[Thing | None, Structure | None]:
        """A member in the initial value of a structure or an instance: its type is found from the declaration inwards."""
        declaration = self._around(tree.VariableDecl)
        variable = None
        if declaration is not None:
            variable = self._declared_field(declaration.names[0])[0] or self._declared(declaration.names[0])
        kind = variable.type if isinstance(variable, Variable | Field) else None
        member: Variable | Field | None = None
        owner: Structure | None = None
        for node in self._nodes:
            if isinstance(node, tree.FieldInitial) and kind is not None:
                within = strip(kind)
                while isinstance(within, Array):
                    within = strip(within.element)
                owner = within if isinstance(within, Structure) else None
                members = within.pou.variables if isinstance(within, Block) else owner.fields if owner else {}
                member = members.get(node.name.key)
                kind = member.type if member else None
        return (member, owner) if member is not None and self._nodes[-1] is word else (None, None)

    def _task(self, word: tree.Identifier) -> Thing | None:
        resource = self._around(tree.ResourceDecl)
        tasks = [] if resource is None else resource.tasks
        found = next((task for task in tasks if task.name.key == word.key), None)
        return None if found is None else Configured(self._unit, found.name, self._unit.text[found.start : found.end])

    def _parameter(self, argument: tree.Argument) -> Thing | None:
        program = self._around(tree.ProgramConfig)
        if program is not None and argument.name is not None:
            configured = self._program.pous.get(program.type_name.key)
            return configured.variables.get(argument.name.key) if configured else None
        pou = self._around(tree.PouDecl)
        call = self._around(tree.Call)
        analysis = self._program.analyses.get(pou.name.key) if pou else None
        resolved = analysis.calls.get(call) if analysis and call else None
        if resolved is None or argument.name is None or not isinstance(resolved.callee, Pou):
            return None
        return resolved.callee.variables.get(argument.name.key)

    def _declared(self, word: tree.Identifier) -> Thing | None:
        """The variable that a name means in the POU, resource or configuration around it."""
        pou = self._around(tree.PouDecl)
        if pou is not None and pou.name.key in self._program.pous:
            found = self._program.pous[pou.name.key].variables.get(word.key)
            if found is not None:
                return found
        configuration = self._program.configuration
        scopes = [self._program.globals]
        if configuration is not None:
            scopes += [configuration.globals, *(resource.globals for resource in configuration.resources)]
        return next((scope[word.key] for scope in scopes if word.key in scope), None)

    def _declared_field(self, word: tree.Identifier) -> tuple[Field | None, Structure | None]:
        declaration = self._around(tree.TypeDecl)
        structure = self._program.types.get(declaration.name.key) if declaration else None
        if isinstance(structure, Structure):
            return structure.fields.get(word.key), structure
        return None, None

    def _enumerator(self, key: str) -> Thing | None:
        declaration = self._around(tree.TypeDecl)
        kind = self._program.types.get(declaration.name.key) if declaration else None
        if isinstance(kind, Enumeration) and key in kind.values:
            return EnumValueSymbol(kind, key, kind.values[key])
        return None

    def _named(self, key: str) -> Thing | None:
        if key in self._program.pous:
            return self._program.pous[key]
        if key in self._program.types:
            return DeclaredType(key, self._program.types[key])
        block = lookup_block(key)
        if block is not None:
            return block
        return StandardName(key) if lookup_function(key) else None

    def _around(self, kind: type[_Node]) -> _Node | None:
        return next((node for node in reversed(self._nodes) if isinstance(node, kind)), None)
