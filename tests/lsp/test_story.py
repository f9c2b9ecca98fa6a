"""The whole story over standard input and output: a broken program is mended, downloaded, watched, lost and found again."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient

from simulated import SimulatorProcess

BROKEN = """PROGRAM Blink
    VAR
        Lamp AT %QX0.0 : BOOL;
        Count : INT;
    END_VAR
    Lamp := NOT Lamp
    Count := Count + 1;
END_PROGRAM
"""
MENDED = BROKEN.replace("NOT Lamp\n", "NOT Lamp;\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture(scope="module")
def simulator(folder: Path) -> Iterator[SimulatorProcess]:
    made = SimulatorProcess(folder / "runtime")
    made.start()
    yield made
    made.kill()


async def start_client(folder: Path) -> LanguageClient:
    config = ClientServerConfig([sys.executable, "-m", "rung", "lsp"])
    client = config.client_factory()
    assert isinstance(client, LanguageClient)
    await client.start_io(*config.server_command, env={**os.environ, "RUNG_CONFIG_DIR": str(folder / "config")})
    return client


class Editor:
    """What the extension does, in words."""

    def __init__(self, client: LanguageClient, folder: Path) -> None:
        self.client = client
        self.document = folder / "blink" / "blink.st"
        self.uri = self.document.as_uri()
        self.version = 0
        self.notices: list[dict[str, Any]] = []
        self.progress: list[Any] = []

        @client.feature("rung/connectionState")
        def noticed(params: Any) -> None:
            self.notices.append({"target": params.target, "state": params.state, "plc": params.plc})

        @client.feature(types.PROGRESS)
        def progressed(params: types.ProgressParams) -> None:
            self.progress.append(params.value)

    async def initialize(self) -> None:
        self.document.parent.mkdir(exist_ok=True)
        self.document.write_text(BROKEN, encoding="utf-8")
        await self.client.initialize_session(
            types.InitializeParams(
                capabilities=types.ClientCapabilities(),
                workspace_folders=[types.WorkspaceFolder(self.document.parent.as_uri(), "blink")],
                initialization_options={"debounceMs": 0},
            )
        )

    def open(self, text: str) -> None:
        self.version += 1
        item = types.TextDocumentItem(self.uri, "st", self.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def replace(self, text: str) -> None:
        self.version += 1
        identifier = types.VersionedTextDocumentIdentifier(self.version, self.uri)
        change = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))

    async def problems(self) -> list[types.Diagnostic]:
        """The problems of the newest text, once they are shown."""
        while True:
            shown = await asyncio.wait_for(self.client.wait_for_notification("textDocument/publishDiagnostics"), 20)
            if shown.uri == self.uri and shown.version == self.version:
                found: list[types.Diagnostic] = shown.diagnostics
                return found

    async def command(self, command: str, token: str | None = None, **given: object) -> Any:
        params = types.ExecuteCommandParams(f"rung.{command}", [given], work_done_token=token)
        return await asyncio.wait_for(self.client.workspace_execute_command_async(params), 120)

    async def until(self, state: str, within: float) -> float:
        """Seconds until the connection is in a state."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            if self.notices and self.notices[-1]["state"] == state:
                return time.monotonic() - began
            await asyncio.sleep(0.05)
        raise AssertionError(f"not {state} within {within} s: {self.notices[-3:]}")


async def test_from_a_broken_file_to_a_verified_machine_and_back(folder: Path, simulator: SimulatorProcess) -> None:
    client = await start_client(folder)
    editor = Editor(client, folder)
    try:
        await editor.initialize()

        # open a broken file: one error, at the end of the line that lacks the semicolon
        editor.open(BROKEN)
        problems = await editor.problems()
        errors = [item for item in problems if item.severity == types.DiagnosticSeverity.Error]
        assert [(error.range.start.line, str(error.code)[:3]) for error in errors] == [(5, "SYN")]

        # mend it
        editor.replace(MENDED)
        assert [item for item in await editor.problems() if item.severity == types.DiagnosticSeverity.Error] == []

        # connect: trust, first user
        target = simulator.address
        assert (await editor.command("addConnection", name="line3", address=target))["ok"]
        answer = await editor.command("connect", target="line3")
        assert answer["state"] == "needs-trust"
        assert len(answer["fingerprint"].split(":")) == 32
        answer = await editor.command("connect", target="line3", trust=answer["fingerprint"])
        assert answer["state"] == "needs-first-user"
        answer = await editor.command("createFirstUser", target="line3", username="engineer", password="correct horse")
        assert answer["state"] == "connected"

        # compile and download, with progress
        answer = await editor.command("compileAndDownload", token="bar", target="line3", uri=editor.uri)
        assert (answer["ok"], answer["stage"], answer["plc"], answer["verified"]) == (True, "verify", "RUNNING", True)
        percents = [value["percentage"] for value in map(plain, editor.progress) if value.get("kind") == "report"]
        assert percents == sorted(percents)
        assert percents[-1] >= 90
        status = await editor.command("status", target="line3")
        assert (status["state"], status["plc"], status["inSync"]) == ("connected", "RUNNING", True)
        assert status["md5"] == answer["md5"]

        # an edit: the machine no longer runs what the editor shows
        editor.replace(MENDED.replace("+ 1", "+ 2"))
        await editor.problems()
        assert (await editor.command("status", target="line3"))["inSync"] is False

        # a machine that runs is not stopped without a word
        asked = await editor.command("compileAndDownload", target="line3", uri=editor.uri)
        assert asked["needsConfirmation"] is True
        assert (await editor.command("stop", target="line3"))["needsConfirmation"] is True
        assert (await editor.command("stop", target="line3", confirmed=True))["ok"] is True
        assert (await editor.command("status", target="line3"))["plc"] == "STOPPED"

        # a wrong password
        await editor.command("disconnect", target="line3")
        answer = await editor.command("connect", target="line3", username="engineer", password="wrong")
        assert answer["state"] in ("needs-login", "error")
        answer = await editor.command("connect", target="line3", username="engineer", password="correct horse")
        assert answer["state"] == "connected"

        # the machine dies and comes back
        simulator.kill()
        assert await editor.until("error", within=8) < 8
        simulator.start()
        await editor.until("connected", within=40)
        assert (await editor.command("status", target="line3"))["state"] == "connected"
    finally:
        await client.shutdown_session()
        await client.stop()


def plain(value: Any) -> dict[str, Any]:
    return (
        value
        if isinstance(value, dict)
        else {key: getattr(value, key, None) for key in ("kind", "percentage", "message")}
    )
