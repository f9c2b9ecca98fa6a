"""The HTTP side of OpenPLC Runtime v4.1 and newer, one method per thing that a user can want from it.

Each method checks what it was answered, and says what a failure means for the machine. Raw answers do not leave this file.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

from rung.runtimes import v4_answers
from rung.runtimes.address import Address
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import Compilation, LogEntry, LogPage, PlcState, RuntimeInfo, RuntimeStatus
from rung.runtimes.v4_session import Answer, Body, Session, Timeouts

TARGET = "openplc-v4"
"""What a build for this kind of runtime is called."""

_POLL = 0.15
_REPEATS = 4
_CHUNK = 16_384
_LARGE_ANSWER = 16_000_000
_UNTOUCHED = "The machine is as it was."


class V4Client:
    """One machine, reached over TLS with a pinned certificate.

    Args:
        address: the machine.
        pin: SHA-256 of its certificate, 64 upper-case hex digits; compared on every connection before anything is sent.
        timeouts: how long to wait.
    """

    def __init__(self, address: Address, pin: str, timeouts: Timeouts | None = None) -> None:
        self.address = address
        self.pin = pin
        self.timeouts = timeouts or Timeouts()
        self._session = Session(address, pin, self.timeouts)
        self._last_log: LogEntry | None = None

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""
        await self._session.aclose()

    # -- who is there, and who are we ------------------------------------------------------------------------------

    async def probe(self) -> RuntimeInfo:
        """Ask, without credentials, whether this is a runtime that we can serve, and whether it has an account.

        Raises:
            RuntimeFailure: `not-openplc`, `too-old`, or it cannot be reached.
        """
        answer = await self._session.anonymous("GET", "/api/get-users-info")
        if answer.version is None:
            raise RuntimeFailure(
                Kind.NOT_OPENPLC,
                f"What listens on {self.address} is a web server, but no OpenPLC Runtime v4. No credentials were sent to it.",
                "Check the address and the port (OpenPLC Runtime v4 uses 8443, OpenPLC Runtime v3 plain HTTP on 8080).",
            )
        version = clean(answer.version, 40)
        self._check_version(version)
        said = v4_answers.message(self._session.parse(answer))
        if answer.status == 200 and said == "Users found":
            return RuntimeInfo(version, users_exist=True)
        if answer.status == 404 and said == "No users found":
            return RuntimeInfo(version, users_exist=False)
        if answer.status == 500:
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"The runtime on {self.address} cannot read its own user list ({said or 'it does not say why'}).",
                "Restart the runtime service on the device and look at its log.",
            )
        raise self._session.odd(f"HTTP status {answer.status} to the question for users")

    async def create_first_user(self, username: str, password: str) -> None:
        """Create the account that a new runtime has not yet; afterwards nobody can do so without logging in.

        Raises:
            RuntimeFailure: `credentials` when somebody else was faster or the device refuses the name.
        """
        answer = await self._session.anonymous("POST", "/api/create-user", {"username": username, "password": password})
        if answer.status == 201:
            return
        said = v4_answers.message(self._session.parse(answer))
        if answer.status in (401, 409, 422):
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"{self.address} has a user already, so no first user was created.",
                "Log in with that user. If you do not know it, somebody else has set up this device.",
            )
        if answer.status in (400, 403):
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"{self.address} refuses this user name or password ({said or 'it does not say why'}). No user was created.",
                "Choose another user name or password.",
            )
        raise self._session.odd(f"HTTP status {answer.status} to the creation of a user")

    async def login(self, username: str, password: str) -> None:
        """Log in; the credentials stay in memory, and a token that expires or is revoked is renewed with them.

        Raises:
            RuntimeFailure: `credentials` when they are refused.
        """
        await self._session.login(username, password)

    async def logout(self) -> None:
        """End the login on both sides, as far as the machine answers at once."""
        await self._session.logout()

    async def token(self, stale: str | None = None) -> str:
        """A token for the debug channel; `stale` names one that was just refused there."""
        return await self._session.token(stale)

    # -- the machine -----------------------------------------------------------------------------------------------

    async def status(self, stats: bool = False, timeout: float | None = None) -> RuntimeStatus:
        """The program's state, with the tasks' times if `stats`.

        Args:
            stats: whether to ask for times.
            timeout: seconds, where the ordinary patience is too long.
        """
        for _ in range(_REPEATS):
            answer = await self._get("/api/status", {"include_stats": "true"} if stats else None, timeout)
            status = v4_answers.status(answer)
            if status is not None:
                return status
        raise self._out_of_step()

    async def start(self) -> RuntimeStatus:
        """Start the program and wait until it runs.

        Raises:
            RuntimeFailure: `busy`, `start-failed`, or `crashed`.
        """
        said = await self._command("/api/start-plc", "START:")
        if said == "START:ERROR_SWITCH_STOP":
            raise self._start_failed(
                "the mode switch of the device stands on STOP", "Turn the switch to RUN, then start again."
            )
        if said not in ("START:OK", "START:ERROR_ALREADY_RUNNING"):
            raise self._start_failed(
                f"the runtime refused to start it ({clean(said, 60)})", "Look at the device's log: rung logs."
            )
        began = time.monotonic()
        status = await self.status()
        while status.state is not PlcState.RUNNING:
            waited = time.monotonic() - began
            if waited > self.timeouts.grace and status.state.stands:
                raise self._not_running(status.state)
            if waited > self.timeouts.settle:
                raise self._not_running(status.state)
            await asyncio.sleep(_POLL)
            status = await self.status()
        return status

    async def stop(self) -> RuntimeStatus:
        """Stop the program and wait until it is certain that none runs. A machine that stands is left as it is.

        Raises:
            RuntimeFailure: `busy`, or `internal` when it goes on running or does not say that it stands.
        """
        await self._command("/api/stop-plc", "STOP:")
        began = time.monotonic()
        status = await self.status()
        while not status.state.stands:
            if time.monotonic() - began > self.timeouts.settle:
                raise RuntimeFailure(
                    Kind.INTERNAL,
                    f"{self.address} was told to stop, but {status.state.sentence}. The machine may still move.",
                    "Stop the machine by its own means, then restart the runtime service on the device.",
                )
            await asyncio.sleep(_POLL)
            status = await self.status()
        return status

    async def logs(self, after: int = 0) -> LogPage:
        """Log entries that follow the entry number `after`; all that the device keeps (1000) for 0.

        The runtime counts from 1 again when its web server restarts. That shows because the entry `after` itself is asked
        for, too: it is gone, or it is another one.
        """
        entries = await self._log_entries(after)
        known = self._last_log
        restarted = False
        if after > 0:
            is_other = (
                bool(entries) and known is not None and known.id == after == entries[0].id and entries[0] != known
            )
            if not entries or is_other:
                restarted = True
                entries = await self._log_entries(0)
            else:
                entries = tuple(entry for entry in entries if entry.id > after)
        if entries:
            self._last_log = entries[-1]
        return LogPage(entries, restarted)

    # -- the download ----------------------------------------------------------------------------------------------

    async def upload(self, data: bytes, file_name: str, progress: Callable[[int, int], None] | None = None) -> None:
        """Send a program. When this returns the device compiles it; its old program runs until that has ended.

        Args:
            data: the zip.
            file_name: its name in the request.
            progress: told the bytes sent and the bytes in all.

        Raises:
            RuntimeFailure: `busy` or `upload-refused` (the old program runs on), or the connection's failures.
        """
        await self._session.token(max_age=600)  # a token that expired half-way would cost the whole transfer
        body = _multipart(data, file_name, progress or (lambda sent, total: None))
        answer = await self._session.call("POST", "/api/upload-file", content=body, deadline=self.timeouts.upload)
        fields = self._checked(answer)
        refusal = fields.get("UploadFileFail")
        if refusal == "" and isinstance(fields.get("CompilationStatus"), str):
            return
        text = clean(refusal, 200) if isinstance(refusal, str) else v4_answers.message(fields)
        if text.startswith("Runtime is compiling another program"):
            raise RuntimeFailure(
                Kind.BUSY,
                f"{self.address} is compiling another program and refused this one. {_UNTOUCHED}",
                "Wait until that download has ended; find out who else works on this machine, then deploy again.",
            )
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{self.address} refused the upload: {text or 'it does not say why'}. {_UNTOUCHED}",
            "The device's log names the reason (rung logs). A program may not be larger than 10 MB per file and 50 MB in all.",
        )

    async def compilation(self) -> Compilation:
        """The device's compile log and verdict."""
        compilation = v4_answers.compilation(await self._get("/api/compilation-status", largest=_LARGE_ANSWER))
        if compilation is None:
            raise self._session.odd("no compile status")
        return compilation

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _get(
        self,
        path: str,
        query: dict[str, str | int] | dict[str, str] | None = None,
        timeout: float | None = None,
        largest: int = 1_000_000,
    ) -> dict[str, object]:
        return self._checked(await self._session.call("GET", path, query=query, deadline=timeout, largest=largest))

    def _checked(self, answer: Answer) -> dict[str, object]:
        if answer.status == 403:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"This user may not do that on {self.address}.",
                "Log in as a user with more rights on this device.",
            )
        fields = self._session.parse_object(answer)
        if answer.status != 200:
            raise self._session.odd(f"HTTP status {answer.status} ({v4_answers.message(fields) or 'no reason'})")
        return fields

    async def _command(self, path: str, prefix: str) -> str:
        """Ask for a change of state until the machine is not busy with another one; return what it says."""
        began = time.monotonic()
        odd = 0
        while True:
            said = (await self._get(path)).get("status")
            if isinstance(said, str) and said.startswith(prefix):
                return said
            if said != "COMMAND:BUSY":
                odd += 1  # null, or the late answer to another command: the request may or may not have been heard
                if odd >= _REPEATS:
                    raise self._out_of_step()
            if time.monotonic() - began > self.timeouts.busy:
                raise RuntimeFailure(
                    Kind.BUSY,
                    f"{self.address} is still busy with another start or stop, so this one was not carried out.",
                    "Try again in a few seconds; if it stays busy, restart the runtime service on the device.",
                )
            await asyncio.sleep(_POLL)

    async def _log_entries(self, first: int) -> tuple[LogEntry, ...]:
        query: dict[str, str | int] = {"id": first} if first > 0 else {}
        entries = v4_answers.log_entries(await self._get("/api/runtime-logs", query, largest=_LARGE_ANSWER))
        if entries is None:
            raise self._session.odd("no log")
        return entries

    def _check_version(self, version: str) -> None:
        numbers = v4_answers.version_numbers(version)
        if numbers is None:
            if version == "dev":  # only the 4.1 line can say so: a build from its source tree
                return
            raise self._session.odd(f"the version {version!r}")
        if numbers < (4, 1) or numbers == (4,):
            name = "4.0" if numbers == (4,) else version.lstrip("v")
            raise RuntimeFailure(
                Kind.TOO_OLD,
                f"{self.address} runs OpenPLC Runtime {name}, which takes programs of another form than 4.1 and newer. "
                "No credentials were sent to it.",
                "Update the runtime on the device to version 4.1 or newer.",
            )

    def _out_of_step(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.LOST,
            f"The runtime on {self.address} answers other questions than it was asked: its core responds too late.",
            "Try again; if it stays so, the device is overloaded or hangs: restart the runtime service on it.",
        )

    def _start_failed(self, why: str, hint: str) -> RuntimeFailure:
        return RuntimeFailure(Kind.START_FAILED, f"The program on {self.address} did not start: {why}.", hint)

    def _not_running(self, state: PlcState) -> RuntimeFailure:
        if state is PlcState.ERROR:
            return RuntimeFailure(
                Kind.CRASHED,
                f"The program on {self.address} was started and crashed. It does not run any more; its outputs keep no defined state.",
                "Look at the device's log (rung logs), correct the program, and restart the runtime service on the device: "
                "after a crash it goes on running the old program.",
            )
        if state is PlcState.EMPTY:
            return self._start_failed(
                "the runtime has no program, or could not load the one it has",
                "Deploy the program again, and look at the device's log (rung logs).",
            )
        return self._start_failed(state.sentence, "Look at the device's log (rung logs), then try again.")


def _multipart(data: bytes, file_name: str, progress: Callable[[int, int], None]) -> Body:
    """The form that the upload route wants: one part called `file` (runtime protocol, section 1.4)."""
    boundary = f"rung-{secrets.token_hex(16)}"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{quote(file_name, safe="._- ")}"\r\n'
        "Content-Type: application/zip\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    async def parts() -> AsyncIterator[bytes]:
        progress(0, len(data))
        yield head
        for start in range(0, len(data), _CHUNK):
            chunk = data[start : start + _CHUNK]
            yield chunk
            progress(start + len(chunk), len(data))
        yield tail

    return Body(f"multipart/form-data; boundary={boundary}", len(head) + len(data) + len(tail), parts)
