"""`workspace/executeCommand`: one JSON object in, one out. Every failure is an answer, none is a protocol error."""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from rung.ide.build import Built, build
from rung.lsp.accounts import change_password, create_user, delete_user, set_role, users
from rung.lsp.arguments import Given, optional, text, unusable
from rung.lsp.machines import Machines, connect_answer, failure_answer, runtime_answer
from rung.lsp.protocol import BOARD_COMMANDS, HUB_COMMANDS, without_texts
from rung.lsp.pulling import pull
from rung.project.snapshot import Snapshot
from rung.runtimes.connection import Connection, ConnectionEvent, State
from rung.runtimes.deployed import program_name
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import Hubs
from rung.runtimes.machine import PlcState

if TYPE_CHECKING:
    from rung.lsp.boards import Boards
    from rung.lsp.hub_sessions import HubSessions
    from rung.lsp.protocol import RungServer

logger = logging.getLogger(__name__)

Answer = dict[str, object]
Command = Callable[["Session", Given, "types.ProgressToken | None"], Awaitable[Answer]]

_GOODBYE_S: Final = 1.0


class Session:
    """What the commands share: the server, its machines, and what was built last of each program."""

    def __init__(self, server: RungServer) -> None:
        self.server = server
        self._hub_tokens = Hubs(system=False)  # the editor keeps them, and gives them to each new server
        self._hub_sessions: HubSessions | None = None
        self._boards: Boards | None = None
        self.machines = Machines(self._changed, self._program_md5, self._hub_tokens)
        self._builder = ThreadPoolExecutor(1, "build")
        self._built: dict[tuple[Path, str, frozenset[str]], tuple[Snapshot, Built]] = {}

    @property
    def hubs(self) -> HubSessions:
        """The sessions with hubs; who has no hub never makes one."""
        if self._hub_sessions is None:
            from rung.lsp.hub_sessions import HubSessions

            self._hub_sessions = HubSessions(self._hub_tokens, self._hub_changed)
        return self._hub_sessions

    @property
    def boards(self) -> Boards:
        """Serial ports and the boards behind them; who asks for none never loads what they need."""
        if self._boards is None:
            from rung.lsp.boards import Boards

            self._boards = Boards(self)
        return self._boards

    async def run(self, name: str, given: object, token: types.ProgressToken | None) -> Answer:
        """Carry out a command; what it cannot do is its answer."""
        try:
            if not isinstance(given, dict):
                raise unusable("The command's argument is not an object.")
            return await COMMANDS[name](self, given, token)
        except RuntimeFailure as failure:
            return {"error": failure_answer(failure)}
        except Exception as error:
            # The last door: a defect of ours must not end the server, and its text may hold what a log must not.
            logger.error("%s failed:\n%s", name, without_texts(error))
            mistake = "Rung made a mistake, and what it did until then is not certain. Check what the machine does."
            return {
                "error": failure_answer(
                    RuntimeFailure(Kind.INTERNAL, mistake, "The server's log says where; please report it.")
                )
            }

    async def build(self, home: Path, target: str, takes: frozenset[str] = frozenset()) -> Built:
        """Build a program as the editor shows it, on a thread of its own; the same snapshot is built once for each kind of machine."""
        snapshot, found = await self.server.documents.checked(home)
        known = self._built.get((home, target, takes))
        if known is None or known[0] is not snapshot:
            made = await asyncio.get_running_loop().run_in_executor(
                self._builder, build, snapshot, target, found, takes
            )
            known = self._built[home, target, takes] = (snapshot, made)
        return known[1]

    async def close(self) -> None:
        """Log out everywhere, but wait for no machine that has fallen silent."""
        self._builder.shutdown(wait=False, cancel_futures=True)
        goodbyes = [asyncio.ensure_future(self.machines.close())]
        if self._hub_sessions is not None:
            goodbyes.append(asyncio.ensure_future(self._hub_sessions.close()))
        if self._boards is not None:
            goodbyes.append(asyncio.ensure_future(self._boards.close()))
        await asyncio.wait(goodbyes, timeout=_GOODBYE_S)

    def _changed(self, event: ConnectionEvent) -> None:
        if self.server.closed:
            return
        notice = {"target": event.target, "state": event.state.value, "plc": event.plc, "message": event.message}
        self.server.protocol.notify("rung/connectionState", notice)

    def _hub_changed(self, name: str) -> None:
        if not self.server.closed:
            self.server.protocol.notify("rung/hubChanged", {"hub": name})

    async def _program_md5(self, home: Path | None, target: str) -> str | None:
        """The MD5 that a program would have; of the only one there is if it is not said which."""
        home = home or self.server.documents.only_home()
        if home is None:
            return None
        artefact = (await self.build(home, target)).artefact
        return None if artefact is None else artefact.md5


async def targets(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    return {"targets": await session.machines.rows()}


async def add_connection(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    session.machines.add(text(given, "name"), text(given, "address"), optional(given, "username"))
    return {"ok": True}


async def remove_connection(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    await session.machines.remove(text(given, "target"))
    return {"ok": True}


async def forget_certificate(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    await session.machines.forget_certificate(text(given, "target"))
    return {"ok": True}


async def connect(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    user, password, trust = (optional(given, key) for key in ("username", "password", "trust"))
    plain = given.get("allowPlain") is True
    if not plain and not connection.profile.address.is_encrypted:
        user = password = None  # it may have been typed for another address that had this name then
    session.machines.check_hub(connection)
    outcome = await connection.connect(user, password, trust, plain=plain)
    return connect_answer(outcome, connection, logged_in=password is not None)


async def create_first_user(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    outcome = await connection.create_first_user(text(given, "username"), text(given, "password"))
    return connect_answer(outcome, connection, logged_in=False)


async def discover(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    from rung.runtimes.discover import discover as ask_network

    return {"found": [asdict(one) for one in await ask_network()]}


async def compile_and_download(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    from rung.lsp.deploying import deploy_command

    start = given.get("start") is not False
    confirmed = given.get("confirmed") is True
    return await deploy_command(session, text(given, "target"), text(given, "uri"), start, confirmed, token)


async def status(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    name = optional(given, "target")
    if name is not None:
        return await _status(session, session.machines.connection(name))
    asked = [connection for connection in session.machines.all() if connection.state is not State.DISCONNECTED]
    if len(asked) == 1:
        return await _status(session, asked[0])
    return {"targets": [await _status(session, connection) for connection in asked]}


async def _status(session: Session, connection: Connection) -> Answer:
    machines = session.machines
    answer: Answer = {"target": connection.profile.name, "tasks": [], "switch": None, "error": None}
    try:
        if connection.state is State.CONNECTED:
            found = await connection.status()
            answer |= {"tasks": [asdict(task) for task in found.tasks], "switch": found.switch}
        elif connection.state is State.ERROR:
            last = connection.event
            answer["error"] = failure_answer(RuntimeFailure(last.kind or Kind.LOST, last.message, ""))
    except RuntimeFailure as failure:
        answer["error"] = failure_answer(failure)
    answered = answer["error"] is None
    md5, in_sync = await machines.program(connection, now=True) if answered else (None, None)
    since = connection.since
    return answer | {
        "state": connection.state.value,
        "plc": connection.plc if answered else None,
        "version": connection.info.version if connection.info else None,
        **runtime_answer(connection),
        "since": None if since is None else int(time.monotonic() - since),
        "md5": md5,
        "md5Unread": machines.unread(connection) if answered else None,
        "inSync": in_sync,
        "program": await program_name(connection.client, md5)
        if answered and connection.state is State.CONNECTED
        else None,
    }


async def start(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    found = await connection.client.start()
    connection.note(found)
    return {"ok": True, "plc": found.plc}


async def stop(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    if given.get("confirmed") is not True:
        state = (await connection.status()).state
        if not state.stands:
            runs = "is running" if state is PlcState.RUNNING else f"may be running ({state.sentence})"
            question = f"{connection.profile.name} {runs}. When it stops, its outputs are no longer driven."
            return {"needsConfirmation": True, "message": question}
    found = await connection.client.stop()
    connection.note(found)
    return {"ok": True, "plc": found.plc}


async def logs(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    after = given.get("after")
    if after is not None and (not isinstance(after, int) or isinstance(after, bool)):
        raise unusable("'after' is not the number of a log entry.")
    page = await connection.client.logs(after or 0)
    last = page.entries[-1].id if page.entries else after
    return {"entries": [asdict(entry) for entry in page.entries], "last": last, "restarted": page.restarted}


async def disconnect(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    await session.machines.disconnect(text(given, "target"))
    return {"ok": True}


def _of(where: str, name: str) -> Command:
    async def command(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
        # What speaks to hubs or boards is loaded by those who have one, and beside the event loop.
        loop = asyncio.get_running_loop()
        module = await loop.run_in_executor(None, importlib.import_module, where)
        found: Mapping[str, Command] = module.COMMANDS
        return await found[name](session, given, token)

    return command


COMMANDS: Final[Mapping[str, Command]] = {
    "rung.targets": targets,
    "rung.addConnection": add_connection,
    "rung.removeConnection": remove_connection,
    "rung.forgetCertificate": forget_certificate,
    "rung.discover": discover,
    "rung.connect": connect,
    "rung.createFirstUser": create_first_user,
    "rung.compileAndDownload": compile_and_download,
    "rung.status": status,
    "rung.start": start,
    "rung.stop": stop,
    "rung.logs": logs,
    "rung.users": users,
    "rung.createUser": create_user,
    "rung.changePassword": change_password,
    "rung.deleteUser": delete_user,
    "rung.setRole": set_role,
    "rung.pull": pull,
    "rung.disconnect": disconnect,
    **{name: _of("rung.lsp.orchestrators", name) for name in HUB_COMMANDS},
    **{name: _of("rung.lsp.boards", name) for name in BOARD_COMMANDS},
}
