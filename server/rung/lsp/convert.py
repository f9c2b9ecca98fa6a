"""Between the house's words and the protocol's: offsets and positions, diagnostics, symbols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls import uris

if TYPE_CHECKING:
    from rung.ide.diagnostics import Diagnostic
    from rung.ide.symbols import SymbolNode
    from rung.project.snapshot import SourceFile

_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "info": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}
_TAGS = {"unnecessary": types.DiagnosticTag.Unnecessary, "deprecated": types.DiagnosticTag.Deprecated}
_KINDS = {
    "program": types.SymbolKind.Module,
    "function": types.SymbolKind.Function,
    "block": types.SymbolKind.Class,
    "type": types.SymbolKind.Struct,
    "enumeration": types.SymbolKind.Enum,
    "enumerator": types.SymbolKind.EnumMember,
    "variable": types.SymbolKind.Variable,
    "constant": types.SymbolKind.Constant,
    "field": types.SymbolKind.Field,
    "configuration": types.SymbolKind.Package,
    "resource": types.SymbolKind.Namespace,
    "task": types.SymbolKind.Event,
    "section": types.SymbolKind.Namespace,
}


def path_of(uri: str) -> Path | None:
    """Return the file that a URI names, None for one that is no file.

    An untitled document, which is on no disk yet, has its URI for a path: a relative one, that no file has.
    """
    if uri.startswith("untitled:"):
        path = Path(uri)
        return path if path.as_posix() == uri else None
    name = uris.to_fs_path(uri) if uri.startswith("file:") else None
    return Path(name) if name else None


def uri_of(path: Path) -> str:
    """Return the URI of a file, or of an untitled document."""
    if not path.is_absolute():
        return path.as_posix()
    return uris.from_fs_path(str(path)) or path.as_uri()


def edited(text: str, change: types.TextDocumentContentChangeEvent) -> str:
    """Return a text after one of the editor's changes."""
    from rung.syntax.lines import LineIndex  # not before there is a document

    if isinstance(change, types.TextDocumentContentChangeWholeDocument):
        return change.text
    lines = LineIndex(text)
    start = lines.offset(change.range.start.line, change.range.start.character)
    end = lines.offset(change.range.end.line, change.range.end.character)
    return text[:start] + change.text + text[max(start, end) :]


def position(file: SourceFile, offset: int) -> types.Position:
    """Return the protocol's position (UTF-16) of an offset."""
    line, character = file.lines.position(offset)
    return types.Position(line, character)


def offset(file: SourceFile, at: types.Position) -> int:
    """Return the offset of a position; one outside the text is brought inside."""
    return file.lines.offset(at.line, at.character)


def span(file: SourceFile, start: int, end: int) -> types.Range:
    """Return the protocol's range of two offsets."""
    return types.Range(position(file, start), position(file, end))


def diagnostic(item: Diagnostic) -> types.Diagnostic:
    """Return the protocol's diagnostic."""
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uri_of(other.file), _range(other.start, other.end)), other.message
        )
        for other in item.related
    ]
    return types.Diagnostic(
        range=_range(item.start, item.end),
        message=item.message,
        severity=_SEVERITIES[item.severity],
        code=item.code,
        source="rung",
        tags=[_TAGS[tag] for tag in item.tags if tag in _TAGS] or None,
        related_information=related or None,
        data=item.data,
    )


def symbols(file: SourceFile, nodes: Sequence[SymbolNode]) -> list[types.DocumentSymbol]:
    """Return the protocol's tree of symbols."""
    return [
        types.DocumentSymbol(
            name=node.name,
            detail=node.detail,
            kind=_KINDS[node.kind],
            range=span(file, node.start, node.end),
            selection_range=span(file, node.name_start, node.name_end),
            children=symbols(file, node.children),
        )
        for node in nodes
    ]


def _range(start: tuple[int, int], end: tuple[int, int]) -> types.Range:
    return types.Range(types.Position(*start), types.Position(*end))
