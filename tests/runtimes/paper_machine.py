"""A machine on paper: a client without a network that does with a program what a test says, for every line of runtimes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, Union

from rung.codegen.artefact import Artefact, Leaf
from rung.runtimes.accounts import Accounts
from rung.runtimes.address import Address
from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.connection import Connection, State
from rung.runtimes.debug_values import Value
from rung.runtimes.deploy import DeployReport, Progress, deploy
from rung.runtimes.errors import RuntimeFailure
from rung.runtimes.machine import Compilation, LogEntry, LogPage, PlcState, RuntimeStatus
from rung.runtimes.profiles import Profile
from rung.runtimes.v4_upload import Source
from runtimes.scripted_device import MD5

Answer = Union[PlcState, RuntimeFailure]
_Answer = TypeVar("_Answer")


class PaperMachine:
    """A client whose machine is a few attributes. A list of answers is used up from the front; its last one stays."""

    def __init__(self, line: Line, version: str | None = None) -> None:
        self.address = Address("10.0.0.7", 8443)
        self.capabilities = of_line(line, version)
        self.accounts: Accounts | None = None
        self.states: list[Answer] = [PlcState.STOPPED]
        self.loaded: list[str | RuntimeFailure | None] = [MD5]
        self.compilations: list[Compilation | RuntimeFailure] = [
            Compilation("SUCCESS", ("done", "Cleanup finished"), 0)
        ]
        self.after_upload: list[Answer] | None = None
        self.after_start: list[Answer] = [PlcState.RUNNING]
        self.upload_failure: RuntimeFailure | None = None
        self.start_failure: RuntimeFailure | None = None
        self.uploads: list[bytes] = []
        self.logged: list[LogEntry] = []
        self.done: list[str] = []

    async def aclose(self) -> None:
        return None

    async def create_first_user(self, username: str, password: str) -> None:
        return None

    async def login(self, username: str, password: str) -> None:
        return None

    async def logout(self) -> None:
        return None

    async def status(self, stats: bool = False, timeout: float | None = None) -> RuntimeStatus:
        return RuntimeStatus(_next(self.states))

    async def start(self) -> RuntimeStatus:
        self.done.append("start")
        if self.start_failure is not None:
            raise self.start_failure
        self.states = list(self.after_start)
        return RuntimeStatus(PlcState.RUNNING)

    async def stop(self) -> RuntimeStatus:
        self.done.append("stop")
        return RuntimeStatus(PlcState.STOPPED)

    async def logs(self, after: int = 0) -> LogPage:
        since = self.logged if "upload" in self.done else []
        entries = (LogEntry(1, "", "INFO", "started"), *since)
        return LogPage(tuple(entry for entry in entries if entry.id > after), False)

    async def upload(
        self,
        data: bytes,
        file_name: str,
        progress: Callable[[int, int], None] | None = None,
        source: Source | None = None,
    ) -> str:
        self.done.append("upload")
        if self.upload_failure is not None:
            raise self.upload_failure
        if progress is not None:
            progress(len(data), len(data))
        self.uploads.append(data)
        if self.after_upload is not None:
            self.states = list(self.after_upload)
        return ""

    async def compilation(self) -> Compilation:
        return _next(self.compilations)

    async def project_snapshot(self) -> bytes:
        return b""

    async def project_name(self) -> str | None:
        return None

    def variables(self) -> PaperMachine:
        return self

    async def md5(self) -> str | None:
        self.done.append("md5")
        return _next(self.loaded)

    async def read(self, leaves: Sequence[Leaf]) -> dict[str, Value]:
        return {}

    async def force(self, leaf: Leaf, value: Value) -> None:
        return None

    async def unforce(self, leaf: Leaf) -> None:
        return None


def _next(answers: list[_Answer | RuntimeFailure]) -> _Answer:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, RuntimeFailure):
        raise answer
    return answer


class PaperConnection(Connection):
    """A connection that is open, and whose machine is on paper."""

    def __init__(self, machine: PaperMachine) -> None:
        super().__init__(Profile("line3", machine.address))
        self.state = State.CONNECTED
        self._client = machine


def program_for(
    machine: PaperMachine, lines: tuple[tuple[str, int] | None, ...] = (), plugins: tuple[str, ...] = ()
) -> Artefact:
    """A program in the form that the machine takes."""
    return Artefact(machine.capabilities.target, "program", b"PROGRAM", MD5, lines=lines, plugins=plugins)


async def deploy_to(
    machine: PaperMachine,
    *,
    start: bool = True,
    yes: bool = True,
    asked: list[str] | None = None,
    steps: list[Progress] | None = None,
    workspace: str = "plant",
    lines: tuple[tuple[str, int] | None, ...] = (),
    plugins: tuple[str, ...] = (),
) -> DeployReport:
    """One deploy, as quick as paper allows."""

    async def confirm(question: str) -> bool:
        if asked is not None:
            asked.append(question)
        return yes

    return await deploy(
        PaperConnection(machine),
        program_for(machine, lines, plugins),
        start=start,
        confirm=confirm,
        progress=(steps if steps is not None else []).append,
        workspace=workspace,
        poll=0.01,
        settle=0.01,
    )
