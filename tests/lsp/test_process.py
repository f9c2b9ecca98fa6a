"""The server as a process: it ends when it should, and keeps its streams clean."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from lsp.editor import SERVER, editor

GOOD = "PROGRAM Main\nVAR\n    x : INT;\nEND_VAR\nx := x + 1;\nEND_PROGRAM\n"


async def test_it_ends_in_order_after_shutdown_and_exit(tmp_path: Path) -> None:
    async with editor(tmp_path / "work", RUNG_LOG="DEBUG") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        assert await plc.shut_down() == 0
        assert plc.client.errors.decode() == ""


async def test_it_ends_when_its_client_has_gone(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(*SERVER, stdin=-1, stdout=-1, stderr=-1)
    assert process.stdin is not None
    assert process.stdout is not None
    body = (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":null,"capabilities":{},"rootUri":null}}'
    )
    process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert await asyncio.wait_for(process.stdout.readline(), 30)
    process.stdin.close()
    began = time.monotonic()
    code = await asyncio.wait_for(process.wait(), 10)
    assert time.monotonic() - began < 2
    assert code == 1  # nobody said shutdown
    assert process.stderr is not None
    assert await process.stderr.read() == b""


async def test_it_ends_even_while_it_computes(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        body = "".join(f"x := x + {number};\n" for number in range(60_000))
        plc.write("main.st", "(* *)")
        await plc.initialize()
        plc.open("main.st", GOOD.replace("x := x + 1;", body))
        await asyncio.sleep(0.3)
        assert plc.client.process.stdin is not None
        plc.client.process.stdin.close()
        began = time.monotonic()
        await plc.client.ended(10)
        assert time.monotonic() - began < 2.5


async def test_messages_that_are_none_do_not_end_it(tmp_path: Path) -> None:
    async with editor(tmp_path / "work") as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        pipe = plc.client.process.stdin
        assert pipe is not None
        for body in (
            b"not JSON",
            b"[]",
            b"7",
            b'{"jsonrpc":"2.0"}',
            b'{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{}}',
        ):
            pipe.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        plc.open("main.st")
        assert await plc.codes("main.st") == []


async def test_what_else_is_printed_does_not_disturb_the_protocol(tmp_path: Path) -> None:
    async with editor(tmp_path / "work", sys.executable, "-c", TALKATIVE_SERVER) as plc:
        plc.write("main.st", GOOD)
        await plc.initialize()
        plc.open("main.st")
        assert await plc.codes("main.st") == []
        assert await plc.shut_down() == 0
        assert plc.client.errors.decode().strip() == "a stray line"


TALKATIVE_SERVER = """
from rung.lsp.documents import Documents
real = Documents.opened
def opened(self, *given):
    print("a stray line", flush=True)
    real(self, *given)
Documents.opened = opened
from rung.lsp.server import serve
raise SystemExit(serve())
"""
