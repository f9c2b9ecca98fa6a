"""The language server in a 10,000-line project over standard input and output: start-up, and from a keystroke to its diagnostics.

Run: python tests/bench/keystroke.py
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench.generate import program
from bench.measure import environment, summary

STARTS = 5
KEYSTROKES = 120
TYPED = " + 1.0"


class Wire:
    """A bare LSP client, so that the client's own cost does not count."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._id = 0

    def notify(self, method: str, params: object) -> None:
        self._write({"jsonrpc": "2.0", "method": method, "params": params})

    async def request(self, method: str, params: object) -> Any:
        self._id += 1
        self._write({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        while True:
            message = await self.read()
            if message.get("id") == self._id and "method" not in message:
                return message.get("result")

    async def read(self) -> dict[str, Any]:
        length = 0
        while line := (await self._out.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(await self._out.readexactly(length))
        return message

    async def diagnostics(self, version: int) -> None:
        while True:
            message = await self.read()
            if (
                message.get("method") == "textDocument/publishDiagnostics"
                and message["params"].get("version") == version
            ):
                return

    def _write(self, message: object) -> None:
        body = json.dumps(message).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def start(folder: Path) -> tuple[asyncio.subprocess.Process, Wire, float]:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rung", "lsp", stdin=-1, stdout=-1, stderr=-3, env=environment(), limit=1 << 24
    )
    wire = Wire(process)
    folders = [{"uri": folder.as_uri(), "name": "bench"}]
    params: dict[str, object] = {
        "processId": None,
        "capabilities": {},
        "workspaceFolders": folders,
        "rootUri": folder.as_uri(),
    }
    await wire.request("initialize", {**params, "initializationOptions": {"debounceMs": 0}})
    took = time.perf_counter() - began
    wire.notify("initialized", {})
    return process, wire, took


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        text = program(10_000)
        document = folder / "plant.st"
        document.write_text(text, encoding="utf-8")
        starts = []
        for _ in range(STARTS):
            process, wire, took = await start(folder)
            starts.append(took)
            process.kill()
            await process.wait()
        print(summary("server start to initialized", starts, "s", "< 0.5 s"))

        process, wire, _ = await start(folder)
        uri = document.as_uri()
        began = time.perf_counter()
        wire.notify(
            "textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "st", "version": 1, "text": text}}
        )
        await wire.diagnostics(1)
        print(
            f"{'first diagnostics of ' + str(text.count(chr(10))) + ' lines':<48} {time.perf_counter() - began:12.3f} s"
        )
        line = next(number for number, row in enumerate(text.splitlines()) if number > 5000 and "Level := Level" in row)
        column = text.splitlines()[line].index(";")
        samples = []
        for version in range(2, 2 + KEYSTROKES):
            await asyncio.sleep(0.02)
            # a term is typed into the middle of a body, and taken back
            typed = version % 2 == 0
            at = {"line": line, "character": column}
            end = at if typed else {"line": line, "character": column + len(TYPED)}
            change = {"range": {"start": at, "end": end}, "text": TYPED if typed else ""}
            began = time.perf_counter()
            wire.notify(
                "textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [change]}
            )
            await wire.diagnostics(version)
            samples.append((time.perf_counter() - began) * 1000)
        print(summary("keystroke to diagnostics, without debounce", samples, "ms", "p95 < 60 ms"))
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(main())
