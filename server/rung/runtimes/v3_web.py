"""OpenPLC Runtime v3 through its web pages (plain HTTP, port 8080; runtime protocol v3, section 1), for installs without REST.

A page with status 200 means nothing by itself: while the machine compiles, nearly every page is replaced by one that says so, and
nothing was done then. Nothing of this is encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from rung.runtimes import v3_answers
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState
from rung.runtimes.multipart import multipart
from rung.runtimes.v3_lifecycle import V3Lifecycle
from rung.runtimes.v3_pages import Page
from rung.runtimes.v3_program import check_text
from rung.runtimes.v3_web_session import LARGE_ANSWER, WebAnswer, WebSession, form_body, shown
from rung.runtimes.v4_session import Timeouts
from rung.runtimes.v4_upload import Source

PROGRAM_NAME: Final = "Rung"
"""The row of the machine's program list that is ours; there is one, and every upload takes its place."""

_COMPILE_URL = re.compile(r"/?compile-program\?file=([A-Za-z0-9_.-]{1,100})")
_NUMBER = re.compile(r"\d{1,5}")


class V3WebClient(V3Lifecycle):
    """One machine, reached through its web pages without encryption.

    Args:
        address: the machine.
        capabilities: what it can do.
        timeouts: how long to wait.
        modbus_port: the port of its Modbus server, where it is known to be another than the machine says.
    """

    accounts = None

    def __init__(
        self,
        address: Address,
        capabilities: Capabilities,
        timeouts: Timeouts | None = None,
        modbus_port: int | None = None,
    ) -> None:
        super().__init__(address, capabilities, timeouts, modbus_port)
        self._session = WebSession(address, self.timeouts)

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""
        await self._session.aclose()

    async def create_first_user(self, username: str, password: str) -> None:
        """There is always a user already.

        Raises:
            RuntimeFailure: `credentials`.
        """
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"The web pages of {self.address} have a user from the start, so no first one was created.",
            "Log in with a user of the web pages. A new OpenPLC Runtime v3 has the user openplc with the password openplc: "
            "change it there (Users).",
        )

    async def login(self, username: str, password: str) -> None:
        """Log in; the credentials stay in memory, and a session that ends is renewed with them.

        Raises:
            RuntimeFailure: `credentials` when they are refused.
        """
        await self._session.login(username, password)

    async def logout(self) -> None:
        """End the login on both sides, as far as the machine answers at once."""
        await self._session.logout()

    async def upload(
        self,
        data: bytes,
        file_name: str,
        progress: Callable[[int, int], None] | None = None,
        source: Source | None = None,
    ) -> str:
        """Send a program and have it compiled. When this returns the machine has stopped its program, and compiles this one.

        Args:
            data: the text, in UTF-8.
            file_name: its name in the request; the machine gives it a name of its own.
            progress: told the bytes sent and the bytes in all.
            source: not sent: no Runtime v3 keeps any.

        Raises:
            RuntimeFailure: `busy`, `upload-refused`, `program`, or the connection's failures.
        """
        check_text(data)
        await self._save_log()
        number = (await self._form("/programs", {"list_all": "1"})).program_id(PROGRAM_NAME)
        if number is None:
            url = await self._add_program(data, file_name, progress)
        else:
            url = await self._send_form(
                ("/update-program", {"id": number}),
                "/update-program-action",
                {"prog_id": number},
                data,
                file_name,
                progress,
            )
        match = _COMPILE_URL.fullmatch(url.refresh or "")
        if match is None:
            raise self._refused(url)
        answer = await self._session.get("/compile-program", {"file": match[1]}, self.timeouts.settle)
        page = answer.page
        if answer.status not in (
            200,
            500,
        ):  # 500 is the runtime's own; others come from what stands between, and tell nothing of it
            raise self._session.odd(f"HTTP status {answer.status} ({shown(answer)}) to the order to compile")
        if answer.status != 200 or not page.is_compiling:
            raise RuntimeFailure(
                Kind.UPLOAD_REFUSED,
                f"{self.address} took the program but did not compile it ({shown(answer)}). It may have stopped the program that ran.",
                "Look at the machine's state (rung status), and restart the runtime service on the device.",
            )
        if page.compiling_name not in (None, PROGRAM_NAME):
            raise self._busy()
        return ""

    # -- the way to the machine ------------------------------------------------------------------------------------

    async def _state(self, timeout: float | None = None) -> PlcState:
        answer = await self._session.get("/dashboard", deadline=timeout)
        state = answer.page.state if answer.status == 200 else None
        if state is None:
            raise self._session.odd(f"no state (HTTP status {answer.status})")
        return state

    async def _send_start(self) -> str | None:
        answer = await self._session.get("/start_plc", deadline=self.timeouts.settle)
        if answer.location is not None:
            return None
        if answer.status in (200, 500):
            return shown(answer)
        raise self._session.odd(f"HTTP status {answer.status} to a start")

    async def _send_stop(self) -> None:
        answer = await self._session.get("/stop_plc", deadline=self.timeouts.settle)
        if answer.location is None:
            raise self._session.odd(f"HTTP status {answer.status} to a stop")

    async def _whole_log(self) -> str:
        return self._text(await self._session.get("/runtime_logs", largest=LARGE_ANSWER), "log")

    async def _compile_log(self) -> tuple[str, ...]:
        text = self._text(await self._session.get("/compilation-logs", largest=LARGE_ANSWER), "compile log")
        return v3_answers.log_lines(text.splitlines())

    async def _modbus_setting(self) -> v3_answers.ModbusServer:
        page = (await self._session.get("/settings")).page
        port = page.inputs.get("modbus_server_port", "")
        if page.is_compiling or not _NUMBER.fullmatch(port) or not 1 <= int(port) <= 65535:
            return v3_answers.ModbusServer()
        if "modbus_server" not in page.checked:
            return v3_answers.ModbusServer(enabled=False)
        return v3_answers.ModbusServer(True, int(port))

    # -- inside ----------------------------------------------------------------------------------------------------

    def _text(self, answer: WebAnswer, what: str) -> str:
        if answer.status != 200:
            raise self._session.odd(f"HTTP status {answer.status} to the question for the {what}")
        return answer.text

    async def _form(self, path: str, query: Mapping[str, str] | None = None) -> Page:
        """A page with a form, or the failure that the machine is busy."""
        answer = await self._session.get(path, query)
        page = answer.page
        if page.is_compiling:
            raise self._busy()
        if answer.status != 200:
            raise self._session.odd(f"HTTP status {answer.status} to {path}")
        return page

    async def _add_program(self, data: bytes, file_name: str, progress: Callable[[int, int], None] | None) -> Page:
        """Make our row in the machine's list of programs: the file first, then its name."""
        form = await self._send_form(("/programs", {"list_all": "1"}), "/upload-program", {}, data, file_name, progress)
        if "prog_file" not in form.hidden or "epoch_time" not in form.hidden:
            raise self._refused(form)
        fields = {**form.hidden, "prog_name": PROGRAM_NAME, "prog_descr": "Kept by Rung"}
        answer = await self._session.post("/upload-program-action", form_body(fields))
        return self._done(answer)

    async def _send_form(
        self,
        form: tuple[str, Mapping[str, str]],
        action: str,
        fields: Mapping[str, str],
        data: bytes,
        file_name: str,
        progress: Callable[[int, int], None] | None,
    ) -> Page:
        for _ in range(2):
            page = await self._form(*form)
            # What the form hides goes back as it is; old runtimes hide less.
            hidden = {name: value for name, value in page.hidden.items() if name in ("csrf_token", "epoch_time")}
            body = multipart(data, file_name, "text/plain", progress, {**hidden, **fields})
            answer = await self._session.post(action, body, self.timeouts.upload)
            if not answer.logged_out:
                return self._done(answer)
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            f"{self.address} ends the login again and again, and did not take the program. The machine is as it was.",
            "Restart the runtime service on the device, then connect again.",
        )

    def _done(self, answer: WebAnswer) -> Page:
        page = answer.page
        if page.is_compiling:
            raise self._busy()
        if answer.status != 200 or answer.logged_out:
            raise self._session.odd(f"HTTP status {answer.status} ({shown(answer)}) to an upload")
        return page

    def _refused(self, page: Page) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{self.address} refused the upload: {clean(page.text, 160) or 'it does not say why'}. The machine is as it was.",
            "Look at the list of programs on the machine's web pages, then try again.",
        )

    def _busy(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.BUSY,
            f"{self.address} is compiling another program and refused this one. No program runs while it compiles.",
            "Wait until that download has ended; find out who else works on this machine, then deploy again.",
        )
