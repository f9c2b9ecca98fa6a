"""The language server's features: three lines each, the answers come from `ide` and from `machines`."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Generator
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.server import ServerErrors

from rung import __version__
from rung.lsp import convert
from rung.lsp.documents import Documents
from rung.lsp.publisher import Publisher

logger = logging.getLogger(__name__)


class RungProtocol(LanguageServerProtocol):
    """The library's protocol, but for two things.

    Positions count in UTF-16, which every client has to understand, so that one encoding is enough everywhere. And a command gets its
    one object and its progress token; the library hands over the object only.
    """

    @lsp_method(types.INITIALIZE)
    def lsp_initialize(self, params: types.InitializeParams) -> Generator[Any, Any, types.InitializeResult]:
        if params.capabilities.general is not None:
            params.capabilities.general.position_encodings = [types.PositionEncodingKind.Utf16]
        return (yield from super().lsp_initialize(params))

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    def lsp_workspace__execute_command(self, params: types.ExecuteCommandParams) -> Generator[Any, Any, Any]:
        handler = self.fm.commands.get(params.command)
        given = self._converter.unstructure(params.arguments[0]) if params.arguments else {}
        if handler is None or not isinstance(given, dict):
            raise JsonRpcInvalidParams(message=f"{params.command} is unknown, or its argument is not one object.")
        return (yield handler, (given, params.work_done_token), None)


class RungServer(LanguageServer):
    """The server, its documents, and its connections to machines (made when the first command asks for them)."""

    def __init__(self) -> None:
        super().__init__("rung", __version__, protocol_cls=RungProtocol)
        self.publisher = Publisher(self)
        self.documents = Documents(self.publisher.check, self.complain)

    def complain(self, text: str) -> None:
        """Show the user a sentence."""
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, text))

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """Log what went wrong inside; a pop-up with a traceback's last line would help nobody."""
        logger.error("%s: %s", source.__name__ if isinstance(source, type) else source, error, exc_info=error)


server = RungServer()


@server.feature(types.INITIALIZE)
def initialize(ls: RungServer, params: types.InitializeParams) -> None:
    options = params.initialization_options
    delay = options.get("debounceMs") if isinstance(options, dict) else None
    if isinstance(delay, int):
        ls.documents.delay = delay / 1000
    folders = [convert.path_of(folder.uri) for folder in ls.workspace.folders.values()]
    ls.documents.folders = tuple(folder for folder in folders if folder is not None)


@server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
def folders_changed(ls: RungServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    folders = [convert.path_of(folder.uri) for folder in ls.workspace.folders.values()]
    ls.documents.folders = tuple(folder for folder in folders if folder is not None)


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
async def did_open(ls: RungServer, params: types.DidOpenTextDocumentParams) -> None:
    path = convert.path_of(params.text_document.uri)
    if path is not None:
        ls.documents.opened(path, params.text_document.version, params.text_document.text)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
async def did_change(ls: RungServer, params: types.DidChangeTextDocumentParams) -> None:
    path = convert.path_of(params.text_document.uri)
    if path is not None:
        ls.publisher.forget_device(path)
        text = ls.workspace.get_text_document(params.text_document.uri).source
        ls.documents.changed(path, params.text_document.version, text)


@server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
async def did_close(ls: RungServer, params: types.DidCloseTextDocumentParams) -> None:
    path = convert.path_of(params.text_document.uri)
    if path is not None:
        ls.documents.closed(path)


@server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
async def files_changed(ls: RungServer, params: types.DidChangeWatchedFilesParams) -> None:
    for change in params.changes:
        path = convert.path_of(change.uri)
        if path is not None:
            ls.documents.on_disk(path)


@server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
async def document_symbol(ls: RungServer, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
    from rung.ide.symbols import document_symbols

    path = convert.path_of(params.text_document.uri)
    file = ls.documents.snapshot(path).files.get(path) if path else None
    return None if file is None else convert.symbols(file, document_symbols(file))


@server.feature(types.TEXT_DOCUMENT_HOVER)
async def hover(ls: RungServer, params: types.HoverParams) -> types.Hover | None:
    from rung.ide.hover import hover as hover_at

    path = convert.path_of(params.text_document.uri)
    if path is None:
        return None
    snapshot = await ls.documents.typed(path)
    file = snapshot.files.get(path)
    found = None if file is None else hover_at(snapshot, path, convert.offset(file, params.position))
    if file is None or found is None:
        return None
    text = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
    return types.Hover(text, convert.span(file, found.start, found.end))


@server.feature(types.TEXT_DOCUMENT_DEFINITION)
async def definition(ls: RungServer, params: types.DefinitionParams) -> types.Location | None:
    from rung.ide.definition import definition as definition_at

    path = convert.path_of(params.text_document.uri)
    if path is None:
        return None
    snapshot = await ls.documents.typed(path)
    file = snapshot.files.get(path)
    found = None if file is None else definition_at(snapshot, path, convert.offset(file, params.position))
    if found is None:
        return None
    return types.Location(convert.uri_of(found.file.path), convert.span(found.file, found.start, found.end))


def serve() -> None:
    """Serve on standard input and output until the client says exit."""
    from rung.lsp import commands

    level = os.environ.get("RUNG_LOG", "WARNING").upper()
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("pygls").setLevel(logging.WARNING)  # below that it logs every message's body
    commands.register(server)
    server.start_io()
