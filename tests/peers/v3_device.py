"""A simulated v3 for tests, and the little that is needed to talk to it: REST, the web pages, Modbus."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from rung.simulator.v3 import V3Simulator
from simulator.runtime_client import RuntimeClient

_DEBUG_FUNCTIONS = (
    "uint8_t endianness;",
    "void set_endianness(uint8_t value) { endianness = value; }",
    "uint16_t get_var_count(void) { return 0; }",
    "size_t get_var_size(size_t index) { return 0; }",
    "void *get_var_addr(size_t index) { return 0; }",
    "void force_var(size_t index, bool forced, void *value) {}",
    "void set_trace(size_t index, bool trace, void *value) {}",
    "void trace_reset(void) {}",
)

CONFIGURATION = """\
CONFIGURATION Config0
  RESOURCE Res0 ON PLC
    TASK task0(INTERVAL := T#20ms,PRIORITY := 0);
    PROGRAM INSTANCE0 WITH task0 : MAIN;
  END_RESOURCE
END_CONFIGURATION
"""

# The program of the recordings: five located variables, a counter, a timer that starts itself anew.
GOOD = f"""\
PROGRAM MAIN
  VAR
    btn AT %IX0.0 : BOOL;
    lamp AT %QX0.0 : BOOL;
    level AT %QW0 : INT;
    total AT %MD0 : DINT;
    ratio AT %MD1 : REAL;
  END_VAR
  VAR
    tick : DINT;
    tmr : TON;
  END_VAR
  tmr(IN := NOT tmr.Q, PT := T#500ms);
  IF tmr.Q THEN
    tick := tick + 1;
  END_IF;
  level := DINT_TO_INT(tick);
  total := tick * 10;
  ratio := DINT_TO_REAL(tick) / 3.0;
  lamp := btn;
END_PROGRAM
{CONFIGURATION}"""
TIMER = ("EN", "ENO", "IN", "PT", "Q", "ET", "STATE", "PREV_IN", "CURRENT_TIME", "START_TIME")
TIMER_TYPES = ("BOOL", "BOOL", "BOOL", "TIME", "BOOL", "TIME", "SINT", "BOOL", "TIME", "TIME")
GOOD_VARIABLES = [
    ("BTN", "BOOL_P"), ("LAMP", "BOOL_O"), ("LEVEL", "INT_O"), ("TOTAL", "DINT_P"), ("RATIO", "REAL_P"), ("TICK", "DINT"),
    *((f"TMR.{name}", kind) for name, kind in zip(TIMER, TIMER_TYPES, strict=True)),
]  # fmt: skip
GOOD_MD5 = "5fbb20c644611767d4528811e895e7aa"


def plain(body: str, variables: str = "") -> str:
    """A program with a counter and further variables."""
    return f"PROGRAM MAIN\n  VAR\n    n : INT;\n{variables}  END_VAR\n{body}END_PROGRAM\n{CONFIGURATION}"


def debug_block(md5: str, variables: list[tuple[str, str]]) -> str:
    """A DBG block as editors write it: a table of the variables of INSTANCE0, and the functions."""
    lines = [
        '#include "iec_types_all.h"',
        '#include "POUS.h"',
        f'char md5[] = "{md5}";',
        "extern MAIN RES0__INSTANCE0;",
        "static const struct { void *ptr; int type; } debug_vars[] = {",
        *(f"    {{&(RES0__INSTANCE0.{name}), {kind}_ENUM}}," for name, kind in variables),
        "};",
        *_DEBUG_FUNCTIONS,
    ]
    return "".join(f"(*DBG:{line}*)\n" for line in lines)


@asynccontextmanager
async def v3(folder: Path, certificate: Path | None = None, **options: Any) -> AsyncIterator[V3Simulator]:
    """A running device on free ports."""
    if certificate is not None:
        shutil.copytree(certificate, folder, dirs_exist_ok=True)
    settings = {"port": 0, "web_port": 0, "modbus_port": 0, "transition_s": 0.1, **options}
    device = V3Simulator(folder, **settings)
    await device.start()
    try:
        yield device
    finally:
        await device.stop()


class V3Client(RuntimeClient):
    """REST requests to a v3."""

    async def upload_text(self, text: str | bytes) -> httpx.Response:
        """Send a program."""
        return await self.request("POST", "/api/upload-file", files={"file": ("program.st", text, "text/plain")})

    async def deploy(self, text: str) -> dict[str, Any]:
        """Send a program and wait for the end of the compile; the compilation status."""
        answer = (await self.upload_text(text)).json()
        assert answer == {"CompilationStatus": "COMPILING", "UploadFileFail": ""}
        return await self.compiled()

    async def start_plc(self) -> httpx.Response:
        """Start, and the answer."""
        return await self.request("GET", "/api/start-plc")

    async def stop_plc(self) -> httpx.Response:
        """Stop, and the answer."""
        return await self.request("GET", "/api/stop-plc")

    async def log_text(self) -> str:
        """The runtime's log."""
        return str((await self.get("/api/runtime-logs"))["runtime-logs"])


class ModbusClient:
    """Raw frames, because the debug answers tell a wrong length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def exchange(self, frame: bytes) -> bytes:
        """One frame and what comes back."""
        self._writer.write(frame)
        return await asyncio.wait_for(self._reader.read(1024), 5)

    async def ask(self, request: str) -> bytes:
        """One request in hex, from the function code on; the answer from there on."""
        body = bytes.fromhex(request)
        frame = b"\0\1\0\0" + (len(body) + 1).to_bytes(2, "big") + b"\0" + body
        return (await self.exchange(frame))[7:]

    async def values(self, indices: list[int]) -> bytes:
        """The bytes of some debug variables."""
        request = bytes((0x44,)) + len(indices).to_bytes(2, "big") + b"".join(i.to_bytes(2, "big") for i in indices)
        return (await self.ask(request.hex()))[10:]


@asynccontextmanager
async def modbus(device: V3Simulator) -> AsyncIterator[ModbusClient]:
    """A Modbus connection to the running PLC."""
    assert device.modbus_address is not None
    reader, writer = await asyncio.open_connection(*device.modbus_address)
    try:
        yield ModbusClient(reader, writer)
    finally:
        writer.close()


class Browser:
    """The web pages with a cookie jar and form tokens; redirects are shown, not followed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._http = httpx.AsyncClient(base_url=f"http://{address[0]}:{address[1]}", trust_env=False, timeout=30)
        self.token = ""

    async def close(self) -> None:
        await self._http.aclose()

    def forget(self) -> None:
        """Throw the session away."""
        self._http.cookies.clear()

    async def get(self, path: str) -> httpx.Response:
        """One page."""
        answer = await self._http.get(path)
        found = re.search(r"<input type='hidden' value='([^']*)'  name='csrf_token'/>", answer.text)
        self.token = found[1] if found else self.token
        return answer

    async def post(self, path: str, *, file: bytes | None = None, token: bool = True, **fields: str) -> httpx.Response:
        """One form."""
        data = {**fields, **({"csrf_token": self.token} if token else {})}
        files = {"file": ("program.st", file)} if file is not None else None
        return await self._http.post(path, data=data, files=files)

    async def log_in(self, password: str = "openplc") -> httpx.Response:
        """Fill in the login page."""
        await self.get("/login")
        return await self.post("/login", username="openplc", password=password)

    async def compiled(self) -> str:
        """Wait for the end of a compile; its log."""
        log = ""
        for _ in range(600):
            log = (await self.get("/compilation-logs")).text
            if "Compilation finished" in log:
                return log
            await asyncio.sleep(0.05)
        raise AssertionError(log)


def hidden(page: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf"<input type='hidden' value='([^']*)' id='{name}' name='{name}'/>", page)
    assert found, page
    return found[1]
