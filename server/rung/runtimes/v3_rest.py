"""The REST interface of OpenPLC Runtime v3 (HTTPS, port 8443; runtime protocol v3, section 2).

It looks like that of v4 and answers otherwise: HTTP status and OK tell little, the fields of the answers more, the state the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rung.runtimes import v3_answers, v4_answers
from rung.runtimes.accounts import Accounts, create_first_user
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState
from rung.runtimes.multipart import multipart
from rung.runtimes.v3_lifecycle import V3Lifecycle
from rung.runtimes.v3_program import check_text
from rung.runtimes.v4_session import Answer, Session, Timeouts
from rung.runtimes.v4_upload import Source
from rung.runtimes.way import Way

_LARGE_ANSWER = 16_000_000


class V3RestClient(V3Lifecycle):
    """One machine.

    Args:
        way: to the machine.
        capabilities: what it can do.
        timeouts: how long to wait.
        modbus_port: the port of its Modbus server, where it is known to be another than the machine says.
    """

    def __init__(
        self,
        way: Way,
        capabilities: Capabilities,
        timeouts: Timeouts | None = None,
        modbus_port: int | None = None,
    ) -> None:
        super().__init__(way.address, capabilities, timeouts, modbus_port)
        self._session = Session(way, self.timeouts, "OpenPLC Runtime v3", one_at_a_time=True)
        self.accounts = Accounts(self._session, capabilities)

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""
        await self._session.aclose()

    async def create_first_user(self, username: str, password: str) -> None:
        """Create the account that a new runtime has not yet. It is another one than that of the web pages.

        Raises:
            RuntimeFailure: `credentials` when there is one already or the machine refuses the name.
        """
        await create_first_user(self._session, username, password)

    async def login(self, username: str, password: str) -> None:
        """Log in; the credentials stay in memory, and a token that expires or is revoked is renewed with them.

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
        """Send a program. When this returns the machine has stopped its program, and compiles this one.

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
        await self._session.token(max_age=600)  # a token that expired half-way would cost the whole transfer
        body = multipart(data, file_name, "text/plain", progress)
        answer = await self._session.call("POST", "/api/upload-file", content=body, deadline=self.timeouts.upload)
        fields = self._session.parse_object(answer)
        refusal = fields.get("UploadFileFail")
        if answer.status == 200 and refusal == "" and isinstance(fields.get("CompilationStatus"), str):
            return ""
        text = clean(refusal, 200) if isinstance(refusal, str) else _complaint(fields)
        if text.startswith("Runtime is compiling another program"):
            raise RuntimeFailure(
                Kind.BUSY,
                f"{self.address} is compiling another program and refused this one. No program runs while it compiles.",
                "Wait until that download has ended; find out who else works on this machine, then deploy again.",
            )
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{self.address} refused the upload: {text or 'it does not say why'}. It may have stopped the program that ran.",
            "Look at the machine's state (rung status). If it goes on refusing, see on its web pages that the program "
            "'webserver_program' is still in its list: uploads take that place.",
        )

    # -- the way to the machine ------------------------------------------------------------------------------------

    async def _state(self, timeout: float | None = None) -> PlcState:
        fields = await self._get("/api/status", timeout)
        state = v3_answers.plc_state(fields)
        if state is None:
            raise self._session.odd(f"no state ({_complaint(fields) or 'no reason'})")
        return state

    async def _send_start(self) -> str | None:
        answer = await self._session.call("GET", "/api/start-plc", deadline=self.timeouts.settle)
        fields = self._session.parse_object(answer)
        if answer.status == 200 and fields.get("status") == "START:OK":
            return None
        if answer.status in (200, 500):
            return _complaint(fields) or "it does not say which"
        raise self._session.odd(f"HTTP status {answer.status} to a start")

    async def _send_stop(self) -> None:
        fields = await self._get("/api/stop-plc", self.timeouts.settle)
        if fields.get("status") != "STOP:OK":
            raise self._session.odd(f"no STOP:OK to a stop ({_complaint(fields) or 'no reason'})")

    async def _whole_log(self) -> str:
        text = v3_answers.runtime_log(await self._get("/api/runtime-logs", largest=_LARGE_ANSWER))
        if text is None:
            raise self._session.odd("no log")
        return text

    async def _compile_log(self) -> tuple[str, ...]:
        lines = v3_answers.compile_lines(await self._get("/api/compilation-status", largest=_LARGE_ANSWER))
        if lines is None:
            raise self._session.odd("no compile status")
        return lines

    async def _modbus_setting(self) -> v3_answers.ModbusServer:
        return v3_answers.ModbusServer()  # this interface does not tell its settings

    async def _get(self, path: str, timeout: float | None = None, largest: int = 1_000_000) -> Mapping[str, object]:
        return self._checked(await self._session.call("GET", path, deadline=timeout, largest=largest))

    def _checked(self, answer: Answer) -> dict[str, object]:
        fields = self._session.parse_object(answer)
        if answer.status != 200:
            raise self._session.odd(f"HTTP status {answer.status} ({_complaint(fields) or 'no reason'})")
        return fields


def _complaint(fields: Mapping[str, object]) -> str:
    other = fields.get("PostRequestError")
    return clean(other, 200) if isinstance(other, str) else v4_answers.message(dict(fields))
