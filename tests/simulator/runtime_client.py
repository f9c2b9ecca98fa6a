"""The little that a test needs to talk to a runtime: requests over TLS, uploads, debug commands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import socketio  # type: ignore[import-untyped]  # it ships no types

USER = {"username": "admin", "password": "secret"}


class RuntimeClient:
    """Requests to one runtime, with a token once `log_in` has been called. The certificate is not what is tested here."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.url = ""
        self.token = ""
        self._http = httpx.AsyncClient(verify=False, trust_env=False, timeout=30)
        self.move_to(address)

    def move_to(self, address: tuple[str, int]) -> None:
        """Talk to another address from now on."""
        self.url = f"https://{address[0]}:{address[1]}"
        self._http.base_url = httpx.URL(self.url)

    async def close(self) -> None:
        await self._http.aclose()

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, with the token if there is one and no other Authorization is given."""
        headers = dict(options.pop("headers", {}))
        if self.token:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        return await self._http.request(method, path, headers=headers, **options)

    async def get(self, path: str) -> Any:
        """The JSON of a GET."""
        return (await self.request("GET", path)).json()

    async def log_in(self) -> None:
        """Log in as the first user, who is created if need be."""
        await self.request("POST", "/api/create-user", json=USER)
        self.token = (await self.request("POST", "/api/login", json=USER)).json()["access_token"]

    async def status(self) -> str:
        """The state, without its prefix."""
        return str((await self.get("/api/status"))["status"]).removeprefix("STATUS:")

    async def upload(self, data: bytes, query: str = "") -> dict[str, str]:
        """Send a zip; the answer."""
        files = {"file": ("program.zip", data, "application/zip")}
        answer: dict[str, str] = (await self.request("POST", f"/api/upload-file{query}", files=files)).json()
        return answer

    async def compiled(self, timeout_s: float = 60) -> dict[str, Any]:
        """Wait for the end of the build; the compilation status."""
        build: dict[str, Any] = await self.wait(
            lambda: self.get("/api/compilation-status"),
            lambda answer: answer["status"] in ("SUCCESS", "FAILED"),
            timeout_s,
        )
        return build

    async def reaches(self, *states: str, timeout_s: float = 15) -> str:
        """Wait until the PLC is in one of these states."""
        return str(await self.wait(self.status, lambda state: state in states, timeout_s))

    async def run(self, data: bytes) -> None:
        """Upload, compile, start, and wait until it runs."""
        assert (await self.upload(data))["UploadFileFail"] == ""
        assert (await self.compiled())["status"] == "SUCCESS"
        assert (await self.get("/api/start-plc"))["status"] == "START:OK"
        await self.reaches("RUNNING")

    async def logs(self, level: str = "") -> list[str]:
        """The messages of the runtime's log."""
        answer = await self.get(f"/api/runtime-logs{f'?level={level}' if level else ''}")
        return [entry["message"] for entry in answer["runtime-logs"]]

    @staticmethod
    async def wait(ask: Callable[[], Any], good: Callable[[Any], bool], timeout_s: float) -> Any:
        """Ask until the answer is good."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = await ask()
            if good(answer):
                return answer
            assert time.monotonic() < deadline, f"still {answer!r} after {timeout_s} s"
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def debug(self) -> AsyncIterator[Callable[[Any], Any]]:
        """A debug socket: a function that sends one command and returns the whole answer."""
        client = socketio.AsyncSimpleClient(ssl_verify=False)
        await client.connect(self.url, namespace="/api/debug", auth={"token": self.token}, transports=["websocket"])
        assert await client.receive(timeout=5) == ["connected", {"status": "ok"}]

        async def ask(command: Any) -> Any:
            await client.emit("debug_command", {"command": command} if isinstance(command, str) else command)
            event, answer = await client.receive(timeout=5)
            assert event == "debug_response"
            return answer

        try:
            yield ask
        finally:
            await client.disconnect()

    async def debug_once(self, command: str) -> str:
        """The data of one debug command on a socket of its own."""
        async with self.debug() as ask:
            return str((await ask(command))["data"])
