"""From a program to a machine that provably runs it, whichever line of OpenPLC runtimes it has.

A deploy is verified, not assumed: devices answer OK and go on running the old program. And whatever goes wrong, the report
says truthfully what the machine does now: what differs between the lines stands in `habits`, the sentences in `deploy_sentences`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from rung.codegen.artefact import Artefact
from rung.runtimes import deploy_sentences as say
from rung.runtimes.capabilities import Capabilities
from rung.runtimes.compile_log import DeviceDiagnostic, parse_compile_log
from rung.runtimes.compile_watch import follow_compilation
from rung.runtimes.connection import Connection
from rung.runtimes.deadline import dealt_with, within
from rung.runtimes.deploy_log import DeviceLog
from rung.runtimes.deploy_report import DeployReport, Progress
from rung.runtimes.deployed import DeployedPrograms
from rung.runtimes.errors import Kind, NotRelayed, RuntimeFailure
from rung.runtimes.habits import Habits, habits_of
from rung.runtimes.machine import PlcState
from rung.runtimes.v4_upload import Source

__all__ = ["Build", "DeployReport", "Progress", "deploy"]

Build = Callable[[Capabilities], Artefact]
"""Builds the program for the machine that was found; raises RuntimeFailure when it cannot be. Called on a thread of its own."""

_READ_BACKS = 4
_READ_BACK_PATIENCE = 8.0
_CANCEL_PATIENCE = 3.0
_COMES_TO_REST = 3.0
"""Seconds that a device takes at most to stop its program, or to start the new one, when its compile has ended."""
_STARTS_ITSELF = 20.0
_POLL = 0.15
_SAYS_WHAT_IS = {Kind.BUSY, Kind.START_FAILED, Kind.CRASHED}
"""Failures of a start after which it is known that the new program does not run."""
_MUST_BE_TOLD = {Kind.CREDENTIALS, Kind.CERTIFICATE_CHANGED, Kind.NO_USERS, Kind.NOT_OURS}
"""Failures of a read-back that are never taken for a machine that merely hides its program."""


async def deploy(
    connection: Connection,
    build: Build | Artefact,
    *,
    start: bool = True,
    confirm: Callable[[str], Awaitable[bool]],
    precheck: Callable[[Artefact], Awaitable[str]] | None = None,
    progress: Callable[[Progress], None],
    workspace: str = "",
    deployed: DeployedPrograms | None = None,
    source: Source | None = None,
    poll: float = 1.0,
    settle: float = 1.0,
) -> DeployReport:
    """Download a program, start it, and read back that it runs.

    A cancelled deploy ends with a report like every other (kind `cancelled`), so that the caller can say what the machine
    does now. More cancellations change nothing: asking the machine for its state ends after three seconds at most.

    Args:
        connection: to the machine; connected.
        build: the program, or what builds it for the machine that is there.
        start: False leaves the machine stopped with the new program, unverified.
        confirm: asked, with one question that names all there is to know, before a machine that runs is stopped and before a
            program is replaced that this workspace did not send; False ends the deploy.
        precheck: compiles the program on this computer and returns the compiler's errors, empty when there are none.
        progress: told every step.
        workspace: which of this user's workspaces the program is from.
        deployed: what was sent before; by default the user's own memory of it.
        source: the project's source, for a machine that keeps it.
        poll: seconds between two looks at the device's compiler.
        settle: seconds for which the program must survive before it counts as running.
    """
    job = _Deploy(connection, progress, workspace, deployed or DeployedPrograms(), poll, settle)
    try:
        return await job.run(build, start, confirm, precheck, source)
    except RuntimeFailure as failure:
        return job.report(failure)
    except asyncio.CancelledError:
        dealt_with()
        told = asyncio.ensure_future(job.cancelled())
        while not told.done():
            try:
                await asyncio.wait({told})  # which, unlike awaiting it, does not hand a cancellation on to it
            except asyncio.CancelledError:
                dealt_with()
        return job.report(told.result())


class _Deploy:
    def __init__(
        self,
        connection: Connection,
        progress: Callable[[Progress], None],
        workspace: str,
        deployed: DeployedPrograms,
        poll: float,
        settle: float,
    ) -> None:
        self._connection = connection
        self._progress = progress
        self._workspace = workspace
        self._deployed = deployed
        self._poll = poll
        self._settle = settle
        self._name = connection.profile.name
        self._stage = "connect"
        self._sent_all = False
        self._log = DeviceLog(connection)
        self._verified = False
        self._plc: str | None = connection.plc
        self._md5: str | None = None
        self._notes: list[str] = []
        self._diagnostics: tuple[DeviceDiagnostic, ...] = ()
        self._habits: Habits | None = None

    @property
    def _note(self) -> str | None:
        return " ".join(self._notes) or None

    def report(self, error: RuntimeFailure | None) -> DeployReport:
        return DeployReport(
            error is None, self._stage, self._plc, self._verified, self._md5, error, self._diagnostics, self._note
        )

    async def run(
        self,
        build: Build | Artefact,
        start: bool,
        confirm: Callable[[str], Awaitable[bool]],
        precheck: Callable[[Artefact], Awaitable[str]] | None,
        source: Source | None,
    ) -> DeployReport:
        self._tell("connect", f"Connecting to {self._name}.")
        capabilities = self._recognised()
        habits = self._habits = habits_of(capabilities.line)
        if capabilities.starts_by_itself and not start:
            raise say.starts_anyway(self._name, capabilities)
        artefact = await self._built(build, capabilities)
        if precheck is not None:
            await self._precheck(precheck, artefact)
        self._tell("login", "Looking at the machine.")
        try:
            state = await self._look()
        except RuntimeFailure as failure:
            raise say.nothing_sent(self._name, failure) from None
        await self._log.begin()
        await self._ask(state, artefact, habits, confirm)
        with self._connection.hold():
            await self._upload(artefact, source)
            await self._compile(artefact, habits)
        self._deployed.remember(self._connection.profile.address, self._workspace, artefact.md5)
        try:
            state = await self._look()
        except RuntimeFailure as failure:
            raise say.not_started(self._name, failure, capabilities.starts_by_itself) from None
        if not start:
            self._tell("compile", f"The new program is on {self._name}, and was not started: {state.sentence}.")
            return self.report(None)
        await self._start(capabilities, artefact, habits)
        await self._verify(artefact, habits)
        trouble = await self._log.about(artefact.plugins)
        if trouble is not None:
            self._notes.append(
                f"The program runs, but a plug-in that goes with it does not work. The device's log says: {trouble}."
            )
        runs = f"{self._name} runs this program (MD5 {artefact.md5[:8]}..)." if self._verified else self._note or ""
        self._tell("verify", runs, 1.0)
        return self.report(None)

    async def cancelled(self) -> RuntimeFailure:
        """What is true of the machine after a cancellation."""
        text, hint = say.cancelled(self._name, self._stage, self._sent_all, self._habits)
        if self._stage not in ("connect", "build"):
            try:
                state = await within(_CANCEL_PATIENCE, self._look())
                text += f" At this moment {state.sentence}."
            except (RuntimeFailure, TimeoutError):
                text += " Its state at this moment is not known."
        return RuntimeFailure(Kind.CANCELLED, text, hint)

    def _tell(self, stage: str, text: str, fraction: float | None = None, log_line: str | None = None) -> None:
        self._stage = stage
        self._progress(Progress(stage, fraction, text, log_line))

    # -- before anything is sent -----------------------------------------------------------------------------------

    def _recognised(self) -> Capabilities:
        last = self._connection.event
        try:
            return self._connection.capabilities
        except RuntimeFailure as failure:
            raise RuntimeFailure(last.kind or failure.kind, failure.message, failure.hint) from None

    async def _built(self, build: Build | Artefact, capabilities: Capabilities) -> Artefact:
        """The program in the machine's form: one of another form must not reach it, where its failed compile would erase what runs."""
        if isinstance(build, Artefact):
            artefact = build
        else:
            self._tell("build", f"Building for {capabilities.name}.")
            artefact = await asyncio.get_running_loop().run_in_executor(None, build, capabilities)
        if artefact.target != capabilities.target:
            raise say.wrong_target(self._name, artefact, capabilities)
        return artefact

    async def _precheck(self, precheck: Callable[[Artefact], Awaitable[str]], artefact: Artefact) -> None:
        self._tell(self._stage, "Compiling the generated code on this computer.")
        output = await precheck(artefact)
        if output.strip():
            self._diagnostics = parse_compile_log(output.splitlines(), artefact.sources)
            raise say.does_not_compile_here(self._name)

    async def _ask(
        self, state: PlcState, artefact: Artefact, habits: Habits, confirm: Callable[[str], Awaitable[bool]]
    ) -> None:
        foreign = await self._foreign_program(state, artefact, habits)
        question = say.question(self._name, self._connection.profile.address, state, foreign)
        if question is not None and not await confirm(question):
            raise say.declined(self._name, state)

    async def _foreign_program(self, state: PlcState, artefact: Artefact, habits: Habits) -> str | None:
        """The MD5 of the program on the machine if neither we nor this workspace sent it; None also where it does not say."""
        if state is not PlcState.RUNNING and not habits.says_what_it_holds:
            return None
        try:
            md5 = await self._connection.debug.md5()
        except RuntimeFailure:
            return None  # what runs is asked about all the same
        if md5 is None or md5 == artefact.md5:
            return None
        ours = self._deployed.last(self._connection.profile.address, self._workspace)
        return None if md5 == ours else md5

    async def _look(self) -> PlcState:
        self._plc = None  # the state of before is no answer when this question gets none
        status = await self._connection.client.status()
        self._plc = status.plc
        self._connection.note(status)
        return status.state

    # -- the download ----------------------------------------------------------------------------------------------

    async def _upload(self, artefact: Artefact, source: Source | None) -> None:
        def on_bytes(sent: int, total: int) -> None:
            self._sent_all = sent >= total
            fraction = sent / total if total else 1.0
            self._tell("upload", f"Uploading {fraction:.0%} of {max(1, round(total / 1000))} kB.", fraction)

        self._tell("upload", "Uploading.", 0.0)
        client = self._connection.client
        try:
            warning = await client.upload(artefact.data, artefact.file_name, on_bytes, source)
            if warning:
                self._notes.append(f"The machine does not keep the project's source: {warning}.")
        except RuntimeFailure as failure:
            if failure.kind in (Kind.CREDENTIALS, Kind.CERTIFICATE_CHANGED) or isinstance(failure, NotRelayed):
                raise say.not_taken(failure) from None
            if failure.kind is Kind.UPLOAD_REFUSED:
                raise await self._log.explained(failure) from None  # only the log names the rule that was broken
            if failure.kind in (Kind.BUSY, Kind.PROGRAM):
                raise
            self._plc = None
            raise say.upload_broke(failure, self._sent_all) from None

    async def _compile(self, artefact: Artefact, habits: Habits) -> None:
        began = time.monotonic()
        log: list[str] = []

        def on_line(line: str) -> None:
            log.append(line)
            self._tell("compile", f"Compiling on the device ({time.monotonic() - began:.0f} s).", log_line=line)

        self._tell("compile", "Compiling on the device.")
        self._plc = None  # the device stops its program at a moment of its own
        verdict = await follow_compilation(
            self._connection.client, on_line, poll=self._poll, end_unknown=habits.compile_open
        )
        self._diagnostics = parse_compile_log(verdict.log, artefact.sources, artefact.lines)
        if verdict.ok:
            self._diagnostics = tuple(d for d in self._diagnostics if d.severity != "error")
            self._notes += say.left_out(verdict.log)
            return
        raise say.compile_failed(self._name, habits, await self._at_rest())

    async def _at_rest(self) -> PlcState | None:
        """The state after a failed compile, None if the machine does not tell it: that is then not the news.

        The verdict comes before the device stops its program, so a program that still runs is looked at for a while.
        """
        began = time.monotonic()
        while True:
            try:
                state = await self._look()
            except RuntimeFailure:
                return None
            if state.stands or time.monotonic() - began > _COMES_TO_REST:
                return state
            await asyncio.sleep(_POLL)

    # -- start and verification ------------------------------------------------------------------------------------

    async def _start(self, capabilities: Capabilities, artefact: Artefact, habits: Habits) -> None:
        self._tell("start", "Starting.")
        try:
            if capabilities.starts_by_itself:
                await self._starts_itself(habits)
                return
            status = await self._connection.client.start()
        except RuntimeFailure as failure:
            self._plc = None
            if failure.kind not in _SAYS_WHAT_IS:
                raise say.start_unknown(failure) from None
            with contextlib.suppress(RuntimeFailure):  # what failed is the news, not that this question fails, too
                await self._look()
            if failure.kind is Kind.CRASHED:
                raise await self._explain(failure, artefact, habits) from None
            if failure.kind is Kind.START_FAILED:
                failure = await self._explain(failure, artefact, habits)
            raise say.on_the_machine(failure, self._name) from None
        self._plc = status.plc
        self._connection.note(status)

    async def _starts_itself(self, habits: Habits) -> None:
        """Wait for a runtime that starts the program by itself; a second start would only be refused."""
        began = time.monotonic()
        state = await self._look()
        while state is not PlcState.RUNNING:
            waited = time.monotonic() - began
            if state is PlcState.ERROR and waited > _COMES_TO_REST:  # until then it may be the state of before
                raise say.crashed(self._name, habits, state)
            if waited > (_COMES_TO_REST if state.stands else _STARTS_ITSELF):
                raise say.did_not_start_itself(self._name, state)
            await asyncio.sleep(_POLL)
            state = await self._look()

    async def _verify(self, artefact: Artefact, habits: Habits) -> None:
        self._tell("verify", "Reading back which program runs.")
        hidden = False
        try:
            self._md5 = await self._read_back()
        except RuntimeFailure as failure:
            may_hide = habits.may_hide_its_program or failure.kind is Kind.TOO_OLD
            if not may_hide or failure.kind in _MUST_BE_TOLD:
                raise say.not_read_back(self._name, failure) from None
            hidden = True
            self._notes.append(f"Not verified: {failure.message}")
        else:
            if self._md5 != artefact.md5 and (self._md5 is not None or not habits.may_hide_its_program):
                raise say.not_ours(self._name, habits, artefact.md5, self._md5)
        await asyncio.sleep(self._settle)
        try:
            state = await self._look()
        except RuntimeFailure as failure:
            raise say.not_seen_again(self._name, failure) from None
        if state is not PlcState.RUNNING:
            raise await self._explain(say.crashed(self._name, habits, state), artefact, habits)
        if self._md5 is None and not hidden:
            raise say.not_ours(self._name, habits, artefact.md5, None)
        self._verified = self._md5 is not None

    async def _read_back(self) -> str | None:
        failure: RuntimeFailure | None = None
        began = time.monotonic()
        for attempt in range(_READ_BACKS):
            if attempt:
                if time.monotonic() - began > _READ_BACK_PATIENCE:
                    break
                await asyncio.sleep(0.5)
            try:
                md5 = await self._connection.debug.md5()
            except RuntimeFailure as error:
                failure = error
                if error.kind is Kind.TOO_OLD:
                    break  # what is on the way to the machine cannot read it, and will not learn to
                continue
            failure = None
            if md5 is not None:
                return md5
        if failure is not None:
            raise failure
        return None

    async def _explain(self, failure: RuntimeFailure, artefact: Artefact, habits: Habits) -> RuntimeFailure:
        """Look behind a failed start: an old program that was started again, and what the device's log says."""
        if self._plc == PlcState.ERROR.value and habits.says_what_it_holds:
            try:
                self._md5 = await self._connection.debug.md5()
            except RuntimeFailure:
                self._md5 = None
            if self._md5 is not None and self._md5 != artefact.md5:
                return say.not_ours(self._name, habits, artefact.md5, self._md5)
        return await self._log.explained(failure)
