"""The outline of a file: what it declares, as a tree. Needs the syntax only, so it works in a program full of errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from rung.project.snapshot import SourceFile
from rung.syntax import tree


@dataclass(slots=True)
class SymbolNode:
    """A declaration: `kind` is program, function, block, type, enumeration, enumerator, variable, constant, field, configuration,
    resource or task; offsets count in the file."""

    name: str
    detail: str
    kind: str
    start: int
    end: int
    name_start: int
    name_end: int
    children: list[SymbolNode] = field(default_factory=list)


_POU_KINDS = {
    tree.PouKind.PROGRAM: "program",
    tree.PouKind.FUNCTION: "function",
    tree.PouKind.FUNCTION_BLOCK: "block",
}


def document_symbols(file: SourceFile) -> list[SymbolNode]:
    """Return a file's declarations in their order."""
    found: list[SymbolNode] = []
    for placed in file.units:
        outline = _Outline(placed.unit.text, placed.offset)
        for declaration in placed.unit.declarations:
            found += outline.declaration(declaration)
    return found


class _Outline:
    """Makes nodes for one unit; `offset` is where the unit stands in its file."""

    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset

    def declaration(self, node: tree.Declaration) -> Iterable[SymbolNode]:
        match node:
            case tree.PouDecl():
                detail = self._source(node.result) if node.result else node.kind.value
                children = [child for section in node.sections for child in self._section(section)]
                yield self._node(node.name, detail, _POU_KINDS[node.kind], node, children)
            case tree.TypeBlock():
                yield from (self._type(item) for item in node.declarations)
            case tree.VarSection():
                yield from self._section(node)
            case tree.ConfigurationDecl():
                children = [child for section in node.sections for child in self._section(section)]
                children += [child for resource in node.resources for child in self._resource(resource)]
                yield self._node(node.name, "CONFIGURATION", "configuration", node, children)

    def _type(self, node: tree.TypeDecl) -> SymbolNode:
        match node.spec:
            case tree.EnumSpec(values=values):
                children = [self._node(value.name, "", "enumerator", value) for value in values]
                return self._node(node.name, "enumeration", "enumeration", node, children)
            case tree.StructSpec(fields=fields):
                return self._node(
                    node.name,
                    "STRUCT",
                    "type",
                    node,
                    [child for item in fields for child in self._variable(item, "field")],
                )
            case spec:
                return self._node(node.name, self._source(spec), "type", node)

    def _section(self, node: tree.VarSection) -> Iterable[SymbolNode]:
        kind = "constant" if "CONSTANT" in node.qualifiers else "variable"
        for item in node.declarations:
            yield from self._variable(item, kind)

    def _variable(self, node: tree.VariableDecl, kind: str) -> Iterable[SymbolNode]:
        detail = self._source(node.type) + (f" AT {node.address.text}" if node.address else "")
        yield from (self._node(name, detail, kind, node) for name in node.names)

    def _resource(self, node: tree.ResourceDecl) -> Iterable[SymbolNode]:
        children = [child for section in node.sections for child in self._section(section)]
        children += [self._node(task.name, "TASK", "task", task) for task in node.tasks]
        children += [self._node(item.name, f"PROGRAM {item.type_name.text}", "program", item) for item in node.programs]
        if node.name is None:
            yield from children
        else:
            yield self._node(node.name, "RESOURCE", "resource", node, children)

    def _node(
        self, name: tree.Identifier, detail: str, kind: str, whole: _Spanned, children: list[SymbolNode] | None = None
    ) -> SymbolNode:
        # A name may lie outside its node only in a broken program; the protocol demands that it lies inside.
        start, end = min(whole.start, name.start), max(whole.end, name.end)
        offset = self._offset
        return SymbolNode(
            name.text,
            detail,
            kind,
            start + offset,
            end + offset,
            name.start + offset,
            name.end + offset,
            children or [],
        )

    def _source(self, node: tree.TypeSpec) -> str:
        return " ".join(self._text[node.start : node.end].split())[:80]


_Spanned = (
    tree.PouDecl | tree.ConfigurationDecl | tree.EnumValue | tree.TypeDecl | tree.VariableDecl | tree.ResourceDecl
    | tree.TaskDecl | tree.ProgramConfig
)  # fmt: skip
