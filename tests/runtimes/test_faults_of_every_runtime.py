"""Every line of runtimes under every fault at every step of a deploy: nothing hangs, nothing is lost, nothing untrue is said.

What the report says is compared with what the machine really does, looked up behind its back; then the fault is healed, and the
same connection deploys again.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from rung.codegen.artefact import Artefact
from rung.runtimes import compile_watch
from rung.runtimes.capabilities import Line
from rung.runtimes.connection import Connection, State
from rung.runtimes.deploy import DeployReport, Progress, deploy
from rung.runtimes.errors import Kind
from rung.runtimes.v4_session import Timeouts
from rung.simulator import Simulator
from rung.simulator.faults import Cut, Faults
from runtimes.every_runtime import DIRECT as MACHINES
from runtimes.every_runtime import OTHER, Machine, Truth, arrive, come_again, compile_once, copy_of, program
from runtimes.every_runtime import download as download_patiently

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="the simulators compile with g++")

BOUND = 30.0
"""Seconds after which a deploy counts as hanging."""
TIMEOUTS = Timeouts(
    connect=2.0, answer=2.0, login=2.0, upload=2.0, busy=1.0, settle=2.0, grace=0.3, watch=0.2, debug=2.0
)
SLOW = 3.0
"""Seconds: longer than anybody waits here."""

_MANY = 1000
V3 = (Line.V3, Line.V3_WEB)


# -- the steps -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a deploy that a fault can strike.

    Attributes:
        stage: from which stage of the deploy the fault is there; "" is before the login.
        paths: what it strikes, on runtimes with REST.
        web: the same on the web pages of v3.
    """

    stage: str
    paths: tuple[str, ...]
    web: tuple[str, ...]


STEPS = {
    "login": Step("", ("/api/login",), ("/login",)),
    "look": Step("login", ("/api/status",), ("/dashboard",)),
    "upload": Step("upload", ("/api/upload-file",), ("/upload-program", "/update-program-action")),
    "order": Step("upload", (), ("/compile-program",)),
    "compile": Step("compile", ("/api/compilation-status", "/api/status"), ("/compilation-logs", "/dashboard")),
    "start": Step("start", ("/api/start-plc",), ("/start_plc",)),
    "watch": Step("start", ("/api/status",), ("/dashboard",)),
    "verify": Step("verify", ("socket.io", "/api/runtime-logs"), ("/runtime_logs",)),
    "last look": Step("verify", ("/api/status",), ("/dashboard",)),
}


def steps_of(line: Line) -> list[str]:
    """The steps that a line has: v4.0 starts programs by itself, and only the web pages have an order to compile of its own."""
    missing = {"order"} if line is not Line.V3_WEB else set()
    return [step for step in STEPS if step not in missing | ({"start"} if line is Line.V4_0 else set())]


# -- what a report claims ------------------------------------------------------------------------------------------

Check = Callable[[Truth, Truth, str], bool]
"""Whether a claim is true: what the machine did before, what it does when it has come to rest, the MD5 that was sent."""

CLAIMS: dict[str, Check] = {
    r"is as it was|keeps its old program": lambda before, now, sent: now == before,
    r"[Tt]he new program is on": lambda before, now, sent: now.holds == {sent},
    r"was not started|did not start|[Nn]o program runs|[Tt]he machine stands,|crashed": lambda before, now, sent: (
        not now.runs
    ),
    r"erased the program": lambda before, now, sent: now == Truth(None, frozenset()),
    r"still has the program of before": lambda before, now, sent: now.holds == before.holds,
    r"reports that a program runs": lambda before, now, sent: now.runs is not None,
    r"the program in its memory is another one": lambda before, now, sent: True,
    r"not known|may have|may run|was not carried out": lambda before, now, sent: True,
}


def untrue(report: DeployReport, before: Truth, at_once: Truth, now: Truth, sent: Artefact) -> list[str]:
    """What a report says that is not so."""
    text = report.error.message if report.error is not None else report.note or ""
    wrong = []
    claims = [claim for claim in CLAIMS if re.search(claim, text)]
    wrong += [claim for claim in claims if not CLAIMS[claim](before, now, sent.md5)]
    if report.error is not None and not claims:
        wrong.append("it says nothing of the machine")
    if report.ok and not (report.verified or report.note):
        wrong.append("neither verified nor said why not")
    if report.ok and now.runs != sent.md5:
        wrong.append("ok")
    if report.verified and (now.runs, report.md5) != (sent.md5, sent.md5):
        wrong.append("verified")
    if report.plc == "RUNNING" and at_once.runs is None:
        wrong.append("plc RUNNING")
    if report.plc in ("STOPPED", "EMPTY", "ERROR") and at_once.runs is not None:
        wrong.append(f"plc {report.plc}")
    if report.error is not None and not report.error.message.endswith("."):
        wrong.append("no sentence")
    return wrong


# -- the cells -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cell:
    """One machine, one step, one fault, and what came of it."""

    step: str
    machine: Machine
    connection: Connection
    report: DeployReport | None = None
    outcome: Kind | None = None
    texts: str = ""
    wrong: list[str] | None = None

    @property
    def kind(self) -> Kind | None:
        """How it failed; None when it did not."""
        if self.report is None:
            return self.outcome
        return self.report.error.kind if self.report.error is not None else None

    @property
    def sentence(self) -> str:
        """What the user is told."""
        if self.report is not None and self.report.error is not None:
            return self.report.error.message
        return (self.report.note or "fine") if self.report is not None else self.texts


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is made once: compiled programs, and one device of each line that runs MAIN."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
async def template(kept: Path, line: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device of the line that runs MAIN."""
    monkeypatch.setattr("rung.simulator.accounts._ITERATIONS", 1000)
    monkeypatch.setattr(compile_watch, "_MOST_FAILURES", 3)
    compile_once(kept, monkeypatch)
    folder = kept / line
    if not folder.is_dir():
        machine = MACHINES[line](kept / f"{line} at work")
        await machine.simulator.start()
        connection = machine.connection()
        try:
            await arrive(machine, connection)
            assert (await download_patiently(connection, program())).verified
        finally:
            await connection.disconnect()
            await machine.simulator.stop()
        machine.folder.rename(folder)
    return folder


async def at_rest(machine: Machine) -> None:
    """Wait until the machine does nothing any more that was begun."""
    quiet = 0
    while quiet < 3:
        quiet = 0 if machine.busy else quiet + 1
        await asyncio.sleep(0.05)


def heal(faults: Faults) -> None:
    """Nothing goes wrong any more."""
    for field, value in ((field.name, getattr(Faults(), field.name)) for field in fields(Faults)):
        setattr(faults, field, value)


class Walker:
    """Walks a machine of one line, a copy of `template`, through one step with one fault."""

    def __init__(self, line: str, template: Path, folder: Path) -> None:
        self._line = line
        self._template = template
        self._folder = folder

    async def walk(
        self,
        step: str,
        strike: Callable[[Machine], None],
        lasting: float = 0.0,
        *,
        name: str | None = None,
        again: bool = True,
    ) -> Cell:
        """Deploy OTHER with the fault from one step on, compare, heal, deploy MAIN.

        Args:
            step: where the fault strikes.
            strike: makes the fault; its paths are those of the step already.
            lasting: seconds for which the fault works on after it was healed.
            name: of the machine; by default the step's.
            again: whether to deploy MAIN afterwards.
        """
        folder = self._folder / (name or step)
        copy_of(self._template, folder)
        machine = MACHINES[self._line](folder)
        await machine.simulator.start()
        connection = machine.connection(TIMEOUTS, heartbeat=60.0)
        cell = Cell(step, machine, connection)
        try:
            await self._walk(cell, STEPS[step], strike, lasting)
            if again:
                heal(machine.simulator.faults)
                await self._again(cell)
        finally:
            await connection.disconnect()
            await machine.simulator.stop()
        return cell

    async def _walk(self, cell: Cell, step: Step, strike: Callable[[Machine], None], lasting: float) -> None:
        machine, connection, faults = cell.machine, cell.connection, cell.machine.simulator.faults
        texts: list[str] = []
        wrong = cell.wrong = []
        connection.on_change(lambda event: texts.append(event.message))

        def arm() -> None:
            if step.stage == "verify" and isinstance(machine.simulator, Simulator):
                machine.simulator.cut_connections()  # the debug channel is open already; it is to be opened anew, into the fault
            faults.paths = step.web if machine.line is Line.V3_WEB else step.paths
            strike(machine)

        def on_progress(progress: Progress) -> None:
            if progress.stage == step.stage and not armed:
                armed.append(True)
                arm()
            texts.append(f"{progress.text} {progress.log_line}")

        async def yes(question: str) -> bool:
            texts.append(question)
            return True

        armed: list[bool] = []
        await self._boot(machine)
        if not step.stage:
            await connection.connect(trust=await _certificate(connection))
            arm()
            outcome = await asyncio.wait_for(connection.connect(machine.user, machine.password), BOUND)
            cell.outcome = outcome.kind
            texts += [outcome.message or "", outcome.hint or ""]
        else:
            assert (await come_again(machine, connection)).state == "connected"
            await asyncio.sleep(0.2)  # the connection's first look at the machine is over, and the next one is far
            main, sent = program()(connection.capabilities), program(OTHER)(connection.capabilities)
            before = await machine.truth((main, sent))
            assert before == Truth(main.md5, frozenset({main.md5}))
            report = cell.report = await asyncio.wait_for(
                deploy(connection, sent, confirm=yes, progress=on_progress, poll=0.05, settle=0.1), BOUND
            )
            at_once = Truth(None, frozenset()) if machine.busy else await machine.truth((main, sent))
            await asyncio.sleep(lasting)
            await at_rest(machine)
            wrong += untrue(report, before, at_once, await machine.truth((main, sent)), sent)
            if not armed:
                wrong.append("the fault was never there")
            if report.error is not None:
                texts += [report.error.message, report.error.hint]
            texts.append(report.note or "")
        cell.texts = "\n".join(texts)
        await asyncio.sleep(lasting if not step.stage else 0.0)
        if (
            machine.line is not Line.V3_WEB and machine.password in cell.texts
        ):  # the web pages' password is the product's name
            wrong.append("a password is told")
        if re.search(r"eyJ[\w-]{8,}", cell.texts):
            wrong.append("a token is told")

    async def _boot(self, machine: Machine) -> None:
        began = time.monotonic()
        while machine.busy or (await machine.truth(())).runs is None:
            assert time.monotonic() - began < BOUND
            await asyncio.sleep(0.02)

    async def _again(self, cell: Cell) -> None:
        """What the fault has left behind must not stand in the way of the next deploy."""
        assert cell.wrong is not None
        if cell.connection.state is not State.CONNECTED:
            outcome = await cell.connection.connect(cell.machine.user, cell.machine.password)
            if outcome.state != "connected":
                cell.wrong.append(f"it does not connect again: {outcome.message}")
                return
        again = program()(cell.connection.capabilities)

        async def yes(question: str) -> bool:
            return True

        report = await asyncio.wait_for(
            deploy(cell.connection, again, confirm=yes, progress=lambda step: None, poll=0.05, settle=0.1), BOUND
        )
        if not report.verified:
            told = report.error.message if report.error is not None else report.note
            cell.wrong.append(f"the next deploy fails ({report.stage}): {told}")


async def _certificate(connection: Connection) -> str | None:
    shown = (await connection.connect()).certificate
    return shown.fingerprint if shown is not None else None


@pytest.fixture
async def walker(line: str, template: Path, tmp_path: Path) -> AsyncIterator[Walker]:
    yield Walker(line, template, tmp_path)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    if left:
        _, left = await asyncio.wait(left, timeout=3.0)
    assert not left


def judge(cells: list[Cell], expected: dict[str, Kind | None]) -> None:
    """Every cell told the truth, and ended as it should."""
    wrong = [f"{cell.step}: {', '.join(cell.wrong)} -- {cell.kind} {cell.sentence}" for cell in cells if cell.wrong]
    wrong += [
        f"{cell.step}: {cell.kind} in place of {expected.get(cell.step)} -- {cell.sentence}"
        for cell in cells
        if cell.kind != expected.get(cell.step)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


# -- the faults ----------------------------------------------------------------------------------------------------


def cut(where: Cut) -> Callable[[Machine], None]:
    def strike(machine: Machine) -> None:
        machine.simulator.faults.cut = where

    return strike


def setting(name: str, value: object) -> Callable[[Machine], None]:
    def strike(machine: Machine) -> None:
        setattr(machine.simulator.faults, name, value)

    return strike


LASTING: dict[str, Callable[[Machine], None]] = {
    "slow answers": setting("answer_delay_s", SLOW),
    "cut at the door": cut(Cut.ACCEPT),
    "cut before it is carried out": cut(Cut.REQUEST),
    "cut before the answer": cut(Cut.ANSWER),
    "cut in the answer": cut(Cut.BODY),
    "a page of a proxy": setting("html_page", True),
    "garbage": setting("garbage_json", True),
    "an error inside": setting("error_inside", "Unknown argument"),
}


def expected(line: Line, fault: str) -> dict[str, Kind | None]:
    """How each step of a line ends under a lasting fault."""
    if fault == "slow answers":
        kind = Kind.TIMEOUT
    elif fault.startswith("cut"):
        kind = Kind.LOST
    else:
        kind = Kind.NOT_OPENPLC
    ends: dict[str, Kind | None] = dict.fromkeys(STEPS, kind)
    if fault in ("cut before the answer", "cut in the answer"):
        # The start was carried out, so that is what the machine's state says; and the debug channel has no such answer.
        ends |= {"start": None, "verify": None}
    elif line in V3 and fault != "cut at the door":
        ends["verify"] = None  # which program runs may be hidden on a v3: a note, and no failure
    else:
        ends["verify"] = Kind.LOST  # the channel is no HTTP
    if fault == "an error inside":
        ends |= {"upload": Kind.UPLOAD_REFUSED, "order": Kind.UPLOAD_REFUSED}
        if line in V3:
            ends["start"] = Kind.START_FAILED
    if fault == "garbage" and line is Line.V3_WEB:
        ends |= {"upload": Kind.UPLOAD_REFUSED, "order": Kind.UPLOAD_REFUSED, "start": Kind.START_FAILED}
    return ends


def lines_with(fault: str) -> list[str]:
    """Where a fault exists: the door of the web pages has no TLS, in which the cut is."""
    return [line for line in MACHINES if fault != "cut at the door" or line != "v3-web"]


CELLS = [(line, fault) for fault in LASTING for line in lines_with(fault)]


@pytest.mark.parametrize(("line", "fault"), CELLS)
async def test_a_lasting_fault_at_any_step_ends_in_a_true_sentence(walker: Walker, line: str, fault: str) -> None:
    kind = MACHINES[line](Path("unused")).line
    lasting = SLOW if fault == "slow answers" else 0.0
    cells = await asyncio.gather(*(walker.walk(step, LASTING[fault], lasting) for step in steps_of(kind)))
    judge(list(cells), expected(kind, fault))
    started = {cell.step: cell.report for cell in cells}.get("start")
    if fault in ("cut before the answer", "cut in the answer") and started is not None:
        assert started.verified


# -- faults that pass ----------------------------------------------------------------------------------------------


def twice(strike: Callable[[Machine], None]) -> Callable[[Machine], None]:
    def passing(machine: Machine) -> None:
        machine.simulator.faults.times = 2
        strike(machine)

    return passing


@pytest.mark.parametrize("line", MACHINES)
async def test_faults_that_pass_while_the_device_compiles_are_not_even_told(walker: Walker, line: str) -> None:
    faults = ("cut before it is carried out", "cut in the answer", "a page of a proxy", "garbage", "an error inside")
    cells = await asyncio.gather(
        *(walker.walk("compile", twice(LASTING[fault]), name=f"compile {fault}") for fault in faults)
    )
    judge(list(cells), {})
    assert all(cell.report is not None and cell.report.verified for cell in cells)


@pytest.mark.parametrize("line", MACHINES)
async def test_a_login_that_ends_in_the_middle_is_renewed_and_nobody_notices(walker: Walker, line: str) -> None:
    def expire(machine: Machine) -> None:
        machine.simulator.expire_tokens()

    kind = MACHINES[line](Path("unused")).line
    steps = [step for step in steps_of(kind) if step not in ("login", "order", "watch", "last look")]
    cells = await asyncio.gather(*(walker.walk(step, expire) for step in steps))
    judge(list(cells), {})
    assert all(cell.report is not None and cell.report.verified for cell in cells)


@pytest.mark.parametrize("line", [line for line in MACHINES if line not in ("v4.0", "v3-rest", "v3-web")])
async def test_a_core_that_is_busy_at_the_start_for_longer_than_anybody_waits_is_told(
    walker: Walker, line: str
) -> None:
    patient, hasty = await asyncio.gather(
        walker.walk("start", setting("busy_for_s", 0.5), name="patient"),
        walker.walk("start", setting("busy_for_s", 4.0), name="hasty"),
    )
    judge([patient], {})
    judge([hasty], {"start": Kind.BUSY})


@pytest.mark.parametrize("line", MACHINES)
async def test_a_machine_that_answers_with_another_md5_is_never_called_verified(walker: Walker, line: str) -> None:
    cell = await walker.walk("verify", setting("wrong_md5", "0" * 32))
    judge([cell], {"verify": Kind.NOT_OURS})
    assert cell.report is not None
    assert not cell.report.verified
    assert "00000000.." in cell.sentence


@pytest.mark.parametrize("line", [line for line in MACHINES if line != "v3-web"])
async def test_a_certificate_that_changes_in_the_middle_ends_it_and_nothing_is_sent_any_more(
    walker: Walker, line: str
) -> None:
    kind = MACHINES[line](Path("unused")).line
    steps = [step for step in steps_of(kind) if step not in ("watch", "last look")]
    cells = await asyncio.gather(*(walker.walk(step, another_certificate, again=False) for step in steps))
    judge(list(cells), dict.fromkeys(steps, Kind.CERTIFICATE_CHANGED))
    assert {cell.machine.simulator.faults.times for cell in cells} == {_MANY}
    assert all("It is sent nothing" in cell.texts for cell in cells)


def another_certificate(machine: Machine) -> None:
    """The device shows another certificate from this moment on; a request that reaches it all the same is counted, and cut."""
    simulator = machine.simulator
    assert simulator._certificate is not None
    assert simulator._context is not None
    simulator._certificate.renew(simulator._context)
    simulator.faults.paths, simulator.faults.cut, simulator.faults.times = ("/",), Cut.REQUEST, _MANY
