"""The HTTP side of OpenPLC Runtime v4.0, v4.1 and newer, one method per thing that a user can want from it.

Each method checks what it was answered, and says what a failure means for the machine. Raw answers do not leave this file.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rung.runtimes import accounts, v4_answers
from rung.runtimes.capabilities import Capabilities, DebugWay
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.lost_answer import state_instead
from rung.runtimes.machine import Compilation, LogEntry, LogPage, PlcState, RuntimeStatus, User
from rung.runtimes.v4_session import Answer, Session, Timeouts
from rung.runtimes.v4_upload import Source, decoded_snapshot, no_source, program_form
from rung.runtimes.way import Way

if TYPE_CHECKING:
    from rung.runtimes.client import Variables

_POLL = 0.15
_REPEATS = 4
_LARGE_ANSWER = 16_000_000
_LARGEST_SNAPSHOT = 141_000_000
"""100 MB of archive in the coding that JSON needs."""
_UNTOUCHED = "The machine is as it was."


class V4Client:
    """One machine, whatever the way to it.

    Args:
        way: to the machine.
        capabilities: what it was recognised as.
        timeouts: how long to wait.
    """

    def __init__(self, way: Way, capabilities: Capabilities, timeouts: Timeouts | None = None) -> None:
        self.address = way.address
        self.capabilities = capabilities
        self.timeouts = timeouts or Timeouts()
        self._way = way
        self._session = Session(way, self.timeouts)
        self._last_log: LogEntry | None = None

    async def aclose(self) -> None:
        """Forget the credentials and close every connection."""
        await self._session.aclose()

    # -- who are we ------------------------------------------------------------------------------------------------

    async def create_first_user(self, username: str, password: str) -> None:
        """Create the account that a new runtime has not yet; afterwards nobody can do so without logging in.

        Raises:
            RuntimeFailure: `credentials` when somebody else was faster or the device refuses the name.
        """
        await accounts.create_first_user(self._session, username, password)

    async def login(self, username: str, password: str) -> None:
        """Log in; the credentials stay in memory, and a token that expires or is revoked is renewed with them.

        Raises:
            RuntimeFailure: `credentials` when they are refused.
        """
        await self._session.login(username, password)

    async def logout(self) -> None:
        """End the login on both sides, as far as the machine answers at once."""
        await self._session.logout()

    async def whoami(self) -> User | None:
        """The account that is logged in, where the machine has roles; None where it has none."""
        if not self.capabilities.roles:
            return None
        user = v4_answers.user(await self._get("/api/whoami"))
        if user is None:
            raise self._session.odd("no account to the question who is logged in")
        return user

    @property
    def accounts(self) -> accounts.Accounts:
        """Its users."""
        return accounts.Accounts(self._session, self.capabilities)

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
        answer: dict[str, object] = {}
        for _ in range(_REPEATS):
            answer = await self._get("/api/status", {"include_stats": "true"} if stats else None, timeout)
            status = v4_answers.status(answer)
            if status is not None:
                return status
        raise self._out_of_step(answer)

    async def start(self) -> RuntimeStatus:
        """Start the program and wait until it runs.

        Raises:
            RuntimeFailure: `busy`, `start-failed`, or `crashed`.
        """
        try:
            said = await self._command("/api/start-plc", "START:")
        except RuntimeFailure as failure:
            return await state_instead(
                failure, self.status, PlcState.RUNNING.__eq__, self.timeouts.grace + self.timeouts.watch
            )
        if said == "START:ERROR_SWITCH_STOP":
            raise self._start_failed(
                "the mode switch of the device stands on STOP",
                "Turn the switch to RUN, and take care: the program may start at once. If it does not, start it (rung start).",
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
        try:
            await self._command("/api/stop-plc", "STOP:")
        except RuntimeFailure as failure:
            return await state_instead(failure, self.status, lambda state: state.stands, self.timeouts.settle)
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

    async def upload(
        self,
        data: bytes,
        file_name: str,
        progress: Callable[[int, int], None] | None = None,
        source: Source | None = None,
    ) -> str:
        """Send a program. When this returns the device compiles it; its old program runs until that has ended.

        Args:
            data: the zip.
            file_name: its name in the request.
            progress: told the bytes sent and the bytes in all.
            source: the project's source, sent where the machine keeps such and the way to it can carry it; what it had of another
                project's is gone then.

        Returns:
            Why the machine will not keep the source; empty when it will, or keeps none at all.

        Raises:
            RuntimeFailure: `busy` or `upload-refused` (the old program runs on), or the connection's failures.
        """
        await self._session.token(max_age=600)  # a token that expired half-way would cost the whole transfer
        kept = source if self.capabilities.snapshots and self._way.carries_source else None
        body = program_form(data, file_name, kept, progress)
        answer = await self._session.call("POST", "/api/upload-file", content=body, deadline=self.timeouts.upload)
        if answer.status == 413:
            raise self._refused("the program and the project's source are too large for it")
        fields = self._checked(answer)
        refusal = fields.get("UploadFileFail")
        if refusal == "" and isinstance(fields.get("CompilationStatus"), str):
            if self.capabilities.snapshots and source is not None and kept is None:
                return "an orchestrator cannot carry it"
            warning = fields.get("ProjectSnapshotWarning")
            return clean(warning, 200) if isinstance(warning, str) and kept is not None else ""
        text = clean(refusal, 200) if isinstance(refusal, str) else v4_answers.message(fields)
        if text.startswith("Runtime is compiling another program"):
            raise RuntimeFailure(
                Kind.BUSY,
                f"{self.address} is compiling another program and refused this one. {_UNTOUCHED}",
                "Wait until that download has ended; find out who else works on this machine, then deploy again.",
            )
        raise self._refused(text or "it does not say why")

    async def project_snapshot(self) -> bytes:
        """The archive of the project's source that was sent with the program that the machine holds.

        Raises:
            RuntimeFailure: `program` when the machine keeps none, `credentials` when this user may not have it.
        """
        if not self.capabilities.snapshots:
            raise no_source(self.address, f"{self.capabilities.name} keeps no source")
        answer = await self._session.call("GET", "/api/project-snapshot", largest=_LARGEST_SNAPSHOT, deadline=60.0)
        if answer.status == 404:
            raise no_source(self.address, "no source was sent to it with its program")
        archive = decoded_snapshot(self._checked(answer))
        if archive is None:
            raise self._session.odd("no archive to the question for the project's source")
        return archive

    async def project_name(self) -> str | None:
        """The name that was sent with the source of the program that the machine holds; None where it keeps no source."""
        if not self.capabilities.snapshots:
            return None
        told = await self._get("/api/project-snapshot/info")
        name = told.get("projectName")
        return clean(name, 100).strip() or None if told.get("present") is True and isinstance(name, str) else None

    async def compilation(self) -> Compilation:
        """The device's compile log and verdict."""
        compilation = v4_answers.compilation(await self._get("/api/compilation-status", largest=_LARGE_ANSWER))
        if compilation is None:
            raise self._session.odd("no compile status")
        return v4_answers.judged_by_log(compilation) if self.capabilities.starts_by_itself else compilation

    def variables(self) -> Variables:
        """A way to the variables of the running program; opened by its first question. The caller closes it."""
        if self.capabilities.debug is DebugWay.FLAT:
            from rung.runtimes.flat_debug import FlatDebugChannel

            flat = partial(FlatDebugChannel, running=self._runs)
            return self._way.variables(self._session, flat, self._runs, self.timeouts.debug)
        from rung.runtimes.debug import DebugChannel

        return self._way.variables(self._session, DebugChannel, None, self.timeouts.debug)

    async def _runs(self) -> bool:
        return (await self.status()).state is PlcState.RUNNING

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
            said = v4_answers.message(self._session.parse(answer)) if answer.is_json else ""
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"This user may not do that on {self.address}{f' ({said})' if said else ''}.",
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
            answer = await self._get(path)
            said = answer.get("status")
            if isinstance(said, str) and said.startswith(prefix):
                return said
            if said != "COMMAND:BUSY":
                odd += 1  # null, or the late answer to another command: the request may or may not have been heard
                if odd >= _REPEATS:
                    raise self._out_of_step(answer)
            elif time.monotonic() - began > self.timeouts.busy:
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

    def _out_of_step(self, answer: dict[str, object]) -> RuntimeFailure:
        if said := v4_answers.message(answer):
            return self._session.odd(f"an error of its own ({said})")
        return RuntimeFailure(
            Kind.LOST,
            f"The runtime on {self.address} answers other questions than it was asked: its core responds too late.",
            "Try again; if it stays so, the device is overloaded or hangs: restart the runtime service on it.",
        )

    def _refused(self, why: str) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{self.address} refused the upload: {why}. {_UNTOUCHED}",
            "The device's log names the reason (rung logs). A program may not be larger than 10 MB per file and 50 MB in all.",
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
