"""What the editor shows as problems: our own findings, and those of a device's compiler until the user edits or deploys again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from rung.lsp import convert

if TYPE_CHECKING:
    from pygls.lsp.server import LanguageServer

    from rung.ide.diagnostics import Diagnostic


class Publisher:
    """Publishes both kinds together, for the protocol has one list per document."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._checked: dict[Path, tuple[int | None, list[types.Diagnostic]]] = {}
        self._device: dict[Path, list[types.Diagnostic]] = {}
        self._names: dict[Path, str] = {}

    def named(self, path: Path, uri: str) -> None:
        """Call a document by the very URI that the editor gave it; there is more than one way to write it."""
        self._names[path] = uri

    def check(self, path: Path, version: int | None, found: Sequence[Diagnostic]) -> None:
        """Show our own findings about a file."""
        shown = [convert.diagnostic(item) for item in found if "on-request" not in item.tags]
        self._checked[path] = (version, shown)
        self._publish(path)

    def device(self, found: Mapping[Path, list[types.Diagnostic]]) -> None:
        """Show what a device's compiler said, instead of what one said before."""
        paths = {*self._device, *found}
        self._device = dict(found)
        for path in paths:
            self._publish(path)

    def forget_device(self, path: Path) -> None:
        """Take a file's device findings back: its lines are no longer those that were compiled."""
        if self._device.pop(path, None) is not None:
            self._publish(path)

    def _publish(self, path: Path) -> None:
        version, own = self._checked.get(path, (None, []))
        both = own + self._device.get(path, [])
        uri = self._names.get(path) or convert.uri_of(path)
        self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, both, version))
