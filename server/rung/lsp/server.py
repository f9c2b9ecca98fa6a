"""The language server's features: a few lines each, the answers come from `ide`; commands on machines come from `commands`.

Invariant: importing this module loads neither the compiler nor the clients of machines, for the editor waits for the server's start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types

from rung.lsp import convert
from rung.lsp.process import serve_until_the_client_leaves
from rung.lsp.protocol import RungServer

server = RungServer()

_WATCHED = ("**/*.{st,ST,iecst}", "**/rung.toml")


def _paths(folders: Sequence[types.WorkspaceFolder]) -> list[Path]:
    paths = (convert.path_of(folder.uri) for folder in folders)
    return [path for path in paths if path is not None]


@server.feature(types.INITIALIZE)
def initialize(ls: RungServer, params: types.InitializeParams) -> None:
    options = params.initialization_options
    delay = options.get("debounceMs") if isinstance(options, dict) else None
    if isinstance(delay, int) and 0 <= delay <= 10_000:
        ls.documents.delay = delay / 1000


@server.feature(types.INITIALIZED)
async def initialized(ls: RungServer, params: types.InitializedParams) -> None:
    ls.documents.in_folders(_paths(list(ls.workspace.folders.values())))
    ls.documents.warm_up()
    workspace = ls.client_capabilities.workspace
    watching = workspace and workspace.did_change_watched_files
    if watching and watching.dynamic_registration:
        watchers = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(glob) for glob in _WATCHED])
        wish = types.Registration("rung-files", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, watchers)
        await ls.client_register_capability_async(types.RegistrationParams([wish]))


@server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
def folders_changed(ls: RungServer, params: types.DidChangeWorkspaceFoldersParams) -> None:
    ls.documents.in_folders(_paths(list(ls.workspace.folders.values())))


@server.feature(types.TEXT_DOCUMENT_DID_OPEN)
def did_open(ls: RungServer, params: types.DidOpenTextDocumentParams) -> None:
    path = convert.path_of(params.text_document.uri)
    if path is not None:
        ls.publisher.named(path, params.text_document.uri)
        ls.documents.opened(path, params.text_document.version, params.text_document.text)


@server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
def did_change(ls: RungServer, params: types.DidChangeTextDocumentParams) -> None:
    path = convert.path_of(params.text_document.uri)
    if path is None:
        return
    text = ls.documents.text(path)
    for change in params.content_changes:
        text = convert.edited(text, change)
    ls.publisher.forget_device(path)
    ls.documents.changed(path, params.text_document.version, text)


@server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
def did_close(ls: RungServer, params: types.DidCloseTextDocumentParams) -> None:
    path = convert.path_of(params.text_document.uri)
    if path is not None:
        ls.documents.closed(path)


@server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
def files_changed(ls: RungServer, params: types.DidChangeWatchedFilesParams) -> None:
    found = [(convert.path_of(change.uri), change.type) for change in params.changes]
    paths = {path: kind for path, kind in found if path is not None}
    regroup = any(kind != types.FileChangeType.Changed or path.suffix == ".toml" for path, kind in paths.items())
    ls.documents.on_disk(paths, regroup=regroup)


@server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
async def document_symbol(ls: RungServer, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol] | None:
    from rung.ide.symbols import document_symbols

    path = convert.path_of(params.text_document.uri)
    file = None if path is None else await ls.documents.ask(path, lambda snapshot: snapshot.files.get(path))
    return None if file is None else convert.symbols(file, document_symbols(file))


@server.feature(types.TEXT_DOCUMENT_HOVER)
async def hover(ls: RungServer, params: types.HoverParams) -> types.Hover | None:
    from rung.ide.hover import hover as hover_at
    from rung.project.snapshot import Snapshot

    path = convert.path_of(params.text_document.uri)
    if path is None:
        return None

    def look(snapshot: Snapshot) -> types.Hover | None:
        file = snapshot.files.get(path)
        found = None if file is None else hover_at(snapshot, path, convert.offset(file, params.position))
        if file is None or found is None:
            return None
        text = types.MarkupContent(types.MarkupKind.Markdown, found.markdown)
        return types.Hover(text, convert.span(file, found.start, found.end))

    return await ls.documents.ask(path, look)


@server.feature(types.TEXT_DOCUMENT_DEFINITION)
async def definition(ls: RungServer, params: types.DefinitionParams) -> types.Location | None:
    from rung.ide.definition import definition as definition_at
    from rung.project.snapshot import Snapshot

    path = convert.path_of(params.text_document.uri)
    if path is None:
        return None

    def look(snapshot: Snapshot) -> types.Location | None:
        file = snapshot.files.get(path)
        found = None if file is None else definition_at(snapshot, path, convert.offset(file, params.position))
        if found is None:
            return None
        return types.Location(convert.uri_of(found.file.path), convert.span(found.file, found.start, found.end))

    return await ls.documents.ask(path, look)


@server.feature(types.SHUTDOWN)
async def shutdown(ls: RungServer, params: None) -> None:
    await ls.close()


def serve() -> int:
    """Serve on standard input and output until the client says exit or goes away; return the exit code."""
    return serve_until_the_client_leaves(server)
