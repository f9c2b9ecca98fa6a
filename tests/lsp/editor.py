"""What an editor does, in words: a client on standard input and output that keeps everything the server ever said."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

SERVER = (sys.executable, "-m", "rung", "lsp")


class Client(LanguageClient):
    """The process, its standard error kept, and its notifications in the order of their arrival."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.errors = bytearray()
        self.exit_code: int | None = None
        self.reader: asyncio.Task[None] | None = None

    async def launch(self, command: tuple[str, ...], environment: dict[str, str]) -> None:
        await self.start_io(*command, env=environment)
        self.reader = asyncio.create_task(self._read_errors())

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._server is not None
        return self._server

    async def _read_errors(self) -> None:
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(65536):
            self.errors += data

    async def ended(self, within: float) -> int:
        """The exit code, once the server has gone."""
        code = await asyncio.wait_for(self.process.wait(), within)
        if self.reader is not None:
            await self.reader
        return code


class Editor:
    """One editor window with a workspace folder. Without a debounce, unless a test is about it."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.versions: dict[str, int] = {}
        self.shown: list[types.PublishDiagnosticsParams] = []
        self.states: list[dict[str, Any]] = []
        self.progress: list[dict[str, Any]] = []
        self.log: list[str] = []
        self.hubs: list[str] = []
        self.boards: list[dict[str, Any]] = []
        self.ports_changed = 0
        self.messages: list[str] = []
        self.watches: list[str] = []
        self._told = asyncio.Condition()

        def keep(method: str, take: Callable[[Any], None]) -> None:
            async def taken(params: Any) -> None:
                async with self._told:
                    take(params)
                    self._told.notify_all()

            client.feature(method)(taken)

        keep(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, self.shown.append)
        keep("rung/connectionState", lambda item: self.states.append(_plain(item)))
        keep("rung/hubChanged", lambda item: self.hubs.append(item.hub))
        keep("rung/boardState", lambda item: self.boards.append(_plain(item)))
        keep("rung/boardsChanged", self._ports_changed)
        keep("rung/deployLog", lambda item: self.log.append(item.line))
        keep(types.WINDOW_SHOW_MESSAGE, lambda item: self.messages.append(item.message))
        keep(types.PROGRESS, lambda item: self.progress.append({"token": item.token, **_plain(item.value)}))

        def registered(params: types.RegistrationParams) -> None:
            self.watches += [item.method for item in params.registrations]

        client.feature(types.CLIENT_REGISTER_CAPABILITY)(registered)

    def _ports_changed(self, _: object) -> None:
        self.ports_changed += 1

    async def initialize(
        self, *folders: Path, capabilities: types.ClientCapabilities | None = None, debounce: int = 0
    ) -> types.InitializeResult:
        given = [types.WorkspaceFolder(folder.as_uri(), folder.name) for folder in folders or (self.folder,)]
        params = types.InitializeParams(
            capabilities=capabilities or types.ClientCapabilities(),
            process_id=os.getpid(),
            workspace_folders=given,
            initialization_options={"debounceMs": debounce},
        )
        result = await self.client.initialize_async(params)
        self.client.initialized(types.InitializedParams())
        return result

    def uri(self, name: str) -> str:
        """A file of the workspace folder by its name; a URI stays as it is."""
        return name if ":" in name else (self.folder / name).as_uri()

    def write(self, name: str, text: str) -> None:
        """Put a file on the disk, unseen by the server."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def open(self, name: str, text: str | None = None) -> None:
        """Open a file as it is on the disk, or a text of its own."""
        uri = self.uri(name)
        self.versions[uri] = self.versions.get(uri, 0) + 1
        if text is None:
            text = (self.folder / name).read_text(encoding="utf-8")
        item = types.TextDocumentItem(uri, "st", self.versions[uri], text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def replace(self, name: str, text: str) -> None:
        """Type a whole new text."""
        self._change(name, types.TextDocumentContentChangeWholeDocument(text))

    def type(self, name: str, line: int, character: int, text: str, instead_of: int = 0) -> None:
        """Type a text at a place, in place of so many characters there."""
        place = types.Range(types.Position(line, character), types.Position(line, character + instead_of))
        self._change(name, types.TextDocumentContentChangePartial(place, text))

    def _change(self, name: str, change: types.TextDocumentContentChangeEvent) -> None:
        uri = self.uri(name)
        self.versions[uri] += 1
        identifier = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    def close(self, name: str) -> None:
        document = types.TextDocumentIdentifier(self.uri(name))
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(document))

    def on_disk(self, name: str, kind: types.FileChangeType) -> None:
        """Tell the server of a change on the disk, as the editor's file watcher does."""
        event = types.FileEvent(self.uri(name), kind)
        self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))

    async def problems(self, name: str, within: float = 20) -> list[types.Diagnostic]:
        """The problems of a document's newest text, once they are shown."""
        uri = self.uri(name)
        found = await self.until(lambda: self._latest(uri, self.versions[uri]), within)
        return list(found.diagnostics)

    async def codes(self, name: str, within: float = 20) -> list[str]:
        """Their codes, without hints and information."""
        serious = (types.DiagnosticSeverity.Error, types.DiagnosticSeverity.Warning)
        return [str(item.code) for item in await self.problems(name, within) if item.severity in serious]

    def _latest(self, uri: str, version: int | None) -> types.PublishDiagnosticsParams | None:
        return next((item for item in reversed(self.shown) if item.uri == uri and item.version == version), None)

    async def closed_problems(self, name: str, wanted: Callable[[list[str]], bool], within: float = 20) -> list[str]:
        """The codes shown for a file that is not open, once they are as wanted."""
        uri = self.uri(name)

        def found() -> list[str] | None:
            last = next((item for item in reversed(self.shown) if item.uri == uri), None)
            codes = [str(item.code) for item in last.diagnostics] if last and last.version is None else None
            return codes if codes is not None and wanted(codes) else None

        return list(await self.until(found, within))

    async def until(self, look: Callable[[], Any], within: float) -> Any:
        """What `look` finds, as soon as it finds something."""
        async with self._told:
            try:
                return await asyncio.wait_for(self._wait(look), within)
            except asyncio.TimeoutError:
                last = [(item.uri, item.version, len(item.diagnostics)) for item in self.shown[-5:]]
                told = f"shown {last}, states {self.states[-3:]}, said {self.messages}, logged {self.client.errors.decode()}"
                raise AssertionError(f"not within {within} s: {told}") from None

    async def look_again(self) -> None:
        """Have `until` look once more, because something else than a notification may have changed what it finds."""
        async with self._told:
            self._told.notify_all()

    async def _wait(self, look: Callable[[], Any]) -> Any:
        while (found := look()) is None:
            await self._told.wait()
        return found

    async def command(self, command: str, token: str | None = None, **given: object) -> dict[str, Any]:
        """Send a command and return its answer."""
        return await self.command_with([given], command, token)

    async def command_with(self, arguments: Sequence[object], command: str, token: str | None = None) -> dict[str, Any]:
        """Send a command with any arguments and return its answer."""
        params = types.ExecuteCommandParams(f"rung.{command}", arguments, work_done_token=token)
        request = self.client.protocol.send_request_async("workspace/executeCommand", params, msg_id=token)
        return _plain(await asyncio.wait_for(request, 120))

    def take_back(self, token: str) -> None:
        """Cancel the command that was given this token."""
        self.client.cancel_request(types.CancelParams(token))

    def stop_progress(self, token: str) -> None:
        """Press Cancel in the progress of a command that was given this token."""
        self.client.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))

    async def state(self, state: str, within: float) -> float:
        """Seconds until the connection is in a state."""
        began = time.monotonic()
        await self.until(lambda: True if self.states and self.states[-1]["state"] == state else None, within)
        return time.monotonic() - began

    async def shut_down(self) -> int:
        """End the server as an editor does; its exit code."""
        await asyncio.wait_for(self.client.shutdown_async(None), 10)
        self.client.exit(None)
        return await self.client.ended(5)


@asynccontextmanager
async def editor(folder: Path, *command: str, **environment: str) -> AsyncIterator[Editor]:
    """An editor with a server of its own, whose configuration lies beside the folder."""
    client = Client()
    folder.mkdir(exist_ok=True)
    config = str(folder.parent / f"{folder.name}-config")
    await client.launch(command or SERVER, {**os.environ, "RUNG_CONFIG_DIR": config, **environment})
    try:
        yield Editor(client, folder)
    finally:
        if client.process.returncode is None:
            client.process.kill()
            await client.ended(5)
        await client.stop()  # type: ignore[no-untyped-call]  # the library has no types there


def _plain(value: Any) -> dict[str, Any]:
    """An answer as JSON has it, whatever the client's library made of it."""
    if isinstance(value, dict):
        return {key: _inner(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return {key: _inner(item) for key, item in value._asdict().items()}
    return {
        key: _inner(getattr(value, key)) for key in getattr(type(value), "__slots__", ()) if not key.startswith("_")
    }


def _inner(value: Any) -> Any:
    if isinstance(value, list):
        return [_inner(item) for item in value]
    return _plain(value) if isinstance(value, dict) or hasattr(value, "_asdict") else value
