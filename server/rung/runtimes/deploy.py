"""From a built program to a machine that provably runs it.

A deploy is verified, not assumed: devices answer OK and go on running the old program. And whatever goes wrong, the report
says truthfully what the machine does now, for a failed compile on the device stops it and erases its program.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from rung.codegen.artefact import Artefact
from rung.runtimes.compile_log import DeviceDiagnostic, parse_compile_log
from rung.runtimes.compile_watch import TRANSPORT, follow_compilation
from rung.runtimes.connection import Connection
from rung.runtimes.deadline import within
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import PlcState
from rung.runtimes.v4 import TARGET

_TROUBLE = ("WARNING", "ERROR", "CRITICAL")
_READ_BACKS = 4
_CANCEL_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a deploy is. `fraction` is from 0 to 1, or None where it cannot be known; `log_line` is the device's compiler."""

    stage: str
    fraction: float | None
    text: str
    log_line: str | None = None


@dataclass(frozen=True, slots=True)
class DeployReport:
    """How a deploy ended.

    `stage` is the last one reached: connect, login, upload, compile, start, verify. `plc` is the machine's state as last
    seen, `md5` what the machine answered, `verified` whether it runs exactly what was sent. `diagnostics` come from the
    C++ compiler, of the device or of this computer.
    """

    ok: bool
    stage: str
    plc: str | None
    verified: bool
    md5: str | None
    error: RuntimeFailure | None
    diagnostics: tuple[DeviceDiagnostic, ...]


async def deploy(
    connection: Connection,
    artefact: Artefact,
    *,
    start: bool = True,
    confirm_stop: Callable[[str], Awaitable[bool]],
    precheck: Callable[[Artefact], Awaitable[str]] | None = None,
    progress: Callable[[Progress], None],
    poll: float = 1.0,
    settle: float = 1.0,
) -> DeployReport:
    """Download a program, start it, and read back that it runs.

    A cancelled deploy ends with a report like every other (kind `cancelled`), so that the caller can say what the machine
    does now. More cancellations change nothing: asking the machine for its state ends after three seconds at most.

    Args:
        connection: to the machine; connected.
        artefact: the program.
        start: False leaves the machine stopped with the new program, unverified.
        confirm_stop: asked, with a sentence, before a machine that runs is stopped; False ends the deploy.
        precheck: compiles the program on this computer and returns the compiler's errors, empty when there are none.
        progress: told every step.
        poll: seconds between two looks at the device's compiler.
        settle: seconds for which the program must survive before it counts as running.
    """
    job = _Deploy(connection, artefact, progress, poll, settle)
    try:
        return await job.run(start, confirm_stop, precheck)
    except RuntimeFailure as failure:
        return job.report(failure)
    except asyncio.CancelledError:
        _dealt_with()
        told = asyncio.ensure_future(job.cancelled())
        while not told.done():
            try:
                await asyncio.wait({told})  # which, unlike awaiting it, does not hand a cancellation on to it
            except asyncio.CancelledError:
                _dealt_with()
        return job.report(told.result())


def _dealt_with() -> None:
    """Tell the running task, from Python 3.11, that its latest cancellation has been obeyed."""
    uncancel = getattr(asyncio.current_task(), "uncancel", None)
    if uncancel is not None:
        uncancel()


class _Deploy:
    def __init__(
        self,
        connection: Connection,
        artefact: Artefact,
        progress: Callable[[Progress], None],
        poll: float,
        settle: float,
    ) -> None:
        self._connection = connection
        self._artefact = artefact
        self._progress = progress
        self._poll = poll
        self._settle = settle
        self._name = connection.profile.name
        self._stage = "connect"
        self._sent_all = False
        self._last_entry = 0
        self._verified = False
        self._plc: str | None = connection.plc
        self._md5: str | None = None
        self._diagnostics: tuple[DeviceDiagnostic, ...] = ()

    def report(self, error: RuntimeFailure | None) -> DeployReport:
        return DeployReport(error is None, self._stage, self._plc, self._verified, self._md5, error, self._diagnostics)

    async def run(
        self,
        start: bool,
        confirm_stop: Callable[[str], Awaitable[bool]],
        precheck: Callable[[Artefact], Awaitable[str]] | None,
    ) -> DeployReport:
        self._tell("connect", f"Connecting to {self._name}.")
        self._check_connected()
        self._check_artefact()
        if precheck is not None:
            await self._precheck(precheck)
        self._tell("login", "Looking at the machine.")
        state = await self._look()
        self._last_entry = await self._newest_log_entry()
        if not state.stands:
            await self._ask(state, confirm_stop)
        with self._connection.hold():
            await self._upload()
            await self._compile()
        try:
            state = await self._look()
        except RuntimeFailure as failure:
            raise RuntimeFailure(
                failure.kind,
                f"{failure.message} The new program is on {self._name} and was not started; its state at this moment is not known.",
                failure.hint,
            ) from None
        if not start:
            self._tell("compile", f"The new program is on {self._name}, and was not started: {state.sentence}.")
            return self.report(None)
        await self._start()
        await self._verify()
        self._tell("verify", f"{self._name} runs this program (MD5 {self._artefact.md5[:8]}..).", 1.0)
        return self.report(None)

    async def cancelled(self) -> RuntimeFailure:
        """What is true of the machine after a cancellation."""
        hint = "Deploy again, or look at the machine (rung status)."
        if self._stage in ("connect", "login"):
            text = f"Cancelled before anything was sent to {self._name}: the machine is as it was."
        elif self._stage == "upload" and not self._sent_all:
            text = f"The upload to {self._name} was cancelled before it was complete: the machine keeps its old program and state."
        elif self._stage in ("upload", "compile"):
            text = (
                f"Cancelled while {self._name} compiles. The compile cannot be recalled: when it ends, the machine is stopped "
                "and has the new program, or none if the compile fails. It is not started."
            )
            hint = "Wait until the device has compiled, then start the program (rung start) or deploy again."
        elif self._stage == "start":
            text = f"Cancelled while {self._name} starts the new program."
        else:
            text = f"Cancelled before it was verified that {self._name} runs the new program."
        if self._stage != "connect":
            try:
                state = await within(_CANCEL_PATIENCE, self._look())
                text += f" At this moment {state.sentence}."
            except (RuntimeFailure, TimeoutError):
                text += " Its state at this moment is not known."
        return RuntimeFailure(Kind.CANCELLED, text, hint)

    def _tell(self, stage: str, text: str, fraction: float | None = None, log_line: str | None = None) -> None:
        self._stage = stage
        self._progress(Progress(stage, fraction, text, log_line))

    def _check_connected(self) -> None:
        last = self._connection.event
        try:
            _ = self._connection.client
        except RuntimeFailure as failure:
            raise RuntimeFailure(last.kind or failure.kind, failure.message, failure.hint) from None

    def _check_artefact(self) -> None:
        """A program of the wrong form must not reach the device, where its failed compile would erase the running one."""
        if self._artefact.target != TARGET:
            info = self._connection.info
            raise RuntimeFailure(
                Kind.PROGRAM,
                f"This program was built for {self._artefact.target}, but {self._name} is an OpenPLC Runtime "
                f"{info.version if info else 'v4'} and takes {TARGET}. Nothing was sent.",
                f"Build it for {TARGET}.",
            )

    async def _precheck(self, precheck: Callable[[Artefact], Awaitable[str]]) -> None:
        self._tell("connect", "Compiling the generated code on this computer.")
        output = await precheck(self._artefact)
        if not output.strip():
            return
        self._diagnostics = parse_compile_log(output.splitlines(), self._artefact.sources)
        raise RuntimeFailure(
            Kind.COMPILE_FAILED,
            f"The generated code does not compile on this computer, so nothing was sent: {self._name} is as it was.",
            "See the compiler's messages. If your program is without errors, this is a defect of Rung: please report it.",
        )

    async def _ask(self, state: PlcState, confirm_stop: Callable[[str], Awaitable[bool]]) -> None:
        runs = state is PlcState.RUNNING
        is_running = "is running a program" if runs else f"may be running a program ({state.sentence})"
        question = (
            f"{self._name} ({self._connection.profile.address}) {is_running}. The download stops the machine and "
            "replaces that program. Continue?"
        )
        if not await confirm_stop(question):
            raise RuntimeFailure(
                Kind.CANCELLED,
                f"Nothing was sent to {self._name}: " + ("its program runs on." if runs else "it is as it was."),
                "Deploy when it may be stopped.",
            )

    async def _look(self) -> PlcState:
        self._plc = None  # the state of before is no answer when this question gets none
        status = await self._connection.client.status()
        self._plc = status.plc
        self._connection.note(status)
        return status.state

    async def _look_after_failure(self) -> None:
        """Note the state if the machine tells it: what failed before is the news, not that this question fails, too."""
        try:
            await self._look()
        except RuntimeFailure:
            self._plc = None

    async def _upload(self) -> None:
        def on_bytes(sent: int, total: int) -> None:
            self._sent_all = sent >= total
            fraction = sent / total if total else 1.0
            self._tell("upload", f"Uploading {fraction:.0%} of {max(1, round(total / 1000))} kB.", fraction)

        self._tell("upload", "Uploading.", 0.0)
        artefact = self._artefact
        try:
            await self._connection.client.upload(artefact.data, artefact.file_name, on_bytes)
        except RuntimeFailure as failure:
            if failure.kind is Kind.UPLOAD_REFUSED:
                raise await self._with_log(failure) from None  # only the log names the rule that was broken
            if failure.kind in (Kind.BUSY, Kind.CREDENTIALS, Kind.CERTIFICATE_CHANGED):
                raise
            self._plc = None
            if self._sent_all:
                now = "The program was sent, but whether the device takes it is not known: it may compile it and stop the machine."
            else:
                now = "The upload was not complete: the machine keeps its old program, if it still runs."
            raise RuntimeFailure(failure.kind, f"{failure.message} {now}", failure.hint) from None

    async def _compile(self) -> None:
        began = time.monotonic()
        log: list[str] = []

        def on_line(line: str) -> None:
            log.append(line)
            self._tell("compile", f"Compiling on the device ({time.monotonic() - began:.0f} s).", log_line=line)

        self._tell("compile", "Compiling on the device.")
        self._plc = None  # the device stops its program at a moment of its own
        verdict = await follow_compilation(self._connection.client, on_line, poll=self._poll)
        self._diagnostics = parse_compile_log(verdict.log, self._artefact.sources)
        if verdict.ok:
            self._diagnostics = tuple(d for d in self._diagnostics if d.severity != "error")
            return
        await self._look_after_failure()
        raise RuntimeFailure(
            Kind.COMPILE_FAILED,
            f"{self._name} could not compile the program. The device stopped the machine and erased the program it had before, "
            "so it has none now.",
            "See the compiler's messages, correct the program, and deploy again.",
        )

    async def _start(self) -> None:
        self._tell("start", "Starting.")
        try:
            status = await self._connection.client.start()
        except RuntimeFailure as failure:
            self._plc = None
            if failure.kind in TRANSPORT:
                raise RuntimeFailure(
                    failure.kind, f"{failure.message} Whether the new program runs is not known.", failure.hint
                ) from None
            await self._look_after_failure()
            if failure.kind in (Kind.CRASHED, Kind.START_FAILED):
                raise await self._explain(failure) from None
            raise
        self._plc = status.plc
        self._connection.note(status)

    async def _verify(self) -> None:
        self._tell("verify", "Reading back which program runs.")
        self._md5 = await self._read_back()
        if self._md5 != self._artefact.md5:
            raise self._not_ours()
        await asyncio.sleep(self._settle)
        state = await self._look()
        self._verified = state is PlcState.RUNNING
        if not self._verified:
            raise await self._explain(self._crashed(state))

    async def _read_back(self) -> str | None:
        failure: RuntimeFailure | None = None
        for attempt in range(_READ_BACKS):
            if attempt:
                await asyncio.sleep(0.5)
            try:
                md5 = await self._connection.debug.md5()
            except RuntimeFailure as error:
                failure = error
                continue
            failure = None
            if md5 is not None:
                return md5
        if failure is not None:
            raise RuntimeFailure(
                failure.kind,
                f"{self._name} reports that a program runs, but which one could not be read back: {failure.message}",
                failure.hint,
            )
        return None

    async def _explain(self, failure: RuntimeFailure) -> RuntimeFailure:
        """Look behind a failed start: an old program that was started again, and what the device's log says."""
        if self._plc == PlcState.ERROR.value:
            try:
                self._md5 = await self._connection.debug.md5()
            except RuntimeFailure:
                self._md5 = None
            if self._md5 is not None and self._md5 != self._artefact.md5:
                return self._not_ours()
        return await self._with_log(failure)

    async def _with_log(self, failure: RuntimeFailure) -> RuntimeFailure:
        """The failure with what the device's log has said about it since the deploy began."""
        try:
            entries = (await self._connection.client.logs(self._last_entry)).entries
        except RuntimeFailure:
            return failure
        errors = [entry.message.rstrip(".") for entry in entries if entry.level in _TROUBLE][-2:]
        said = f" The device's log says: {'; '.join(errors)}." if errors else ""
        return RuntimeFailure(failure.kind, failure.message + said, failure.hint)

    async def _newest_log_entry(self) -> int:
        try:
            entries = (await self._connection.client.logs()).entries
        except RuntimeFailure:
            return 0  # a deploy does not depend on the log
        return entries[-1].id if entries else 0

    def _crashed(self, state: PlcState) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.CRASHED,
            f"{self._name} started the program, and a moment later {state.sentence}.",
            "Look at the device's log (rung logs), correct the program, restart the runtime service on the device, and deploy again.",
        )

    def _not_ours(self) -> RuntimeFailure:
        running = f"MD5 {self._md5[:8]}.." if self._md5 else "none"
        return RuntimeFailure(
            Kind.NOT_OURS,
            f"{self._name} took the new program (MD5 {self._artefact.md5[:8]}..), but the program in its memory is another one "
            f"({running}): after a crash the runtime keeps the old program loaded.",
            "Restart the runtime service on the device; it then starts the new program by itself. Deploy again to verify it.",
        )
