"""`workspace/executeCommand`: one JSON object in, one out. Every failure is an answer, none is a protocol error."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from rung.lsp.machines import Machines, connect_answer, failure_answer
from rung.runtimes.connection import ConnectionEvent
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.lsp.server import RungServer

logger = logging.getLogger(__name__)

Given = Mapping[str, object]
Answer = dict[str, object]
Command = Callable[["Session", Given, "types.ProgressToken | None"], Awaitable[Answer]]

TARGET = "openplc-v4"


class Session:
    """What the commands share: the server, its machines."""

    def __init__(self, server: RungServer) -> None:
        self.server = server
        self.machines = Machines(self._changed, self._program_md5)

    def _changed(self, event: ConnectionEvent) -> None:
        notice = {"target": event.target, "state": event.state.value, "plc": event.plc, "message": event.message}
        self.server.protocol.notify("rung/connectionState", notice)

    async def _program_md5(self, folder: Path) -> str | None:
        from rung.ide.build import build

        snapshot = self.server.documents.program_of(folder)
        artefact = (await self.server.documents.in_worker(lambda: build(snapshot, TARGET))).artefact
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
    return connect_answer(await connection.connect(user, password, trust))


async def create_first_user(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    return connect_answer(await connection.create_first_user(text(given, "username"), text(given, "password")))


async def compile_and_download(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    from rung.lsp.deploying import deploy_command

    start = given.get("start") is not False
    return await deploy_command(
        session, text(given, "target"), text(given, "uri"), start, given.get("confirmed") is True, token
    )


async def status(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    found = await connection.status()
    known = session.machines.known(connection)
    known.md5 = await connection.debug.md5()
    return {
        "state": connection.state.value,
        "plc": found.plc,
        "version": connection.info.version if connection.info else None,
        "md5": known.md5,
        "tasks": [asdict(task) for task in found.tasks],
        "inSync": await session.machines.in_sync(connection),
        "error": None,
    }


async def start(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    found = await connection.client.start()
    connection.note(found)
    return {"ok": True, "plc": found.plc}


async def stop(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    if given.get("confirmed") is not True and (await connection.status()).plc == "RUNNING":
        question = f"{connection.profile.name} is running. When it stops, its outputs are no longer driven."
        return {"needsConfirmation": True, "message": question}
    found = await connection.client.stop()
    connection.note(found)
    return {"ok": True, "plc": found.plc}


async def logs(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    connection = session.machines.connection(text(given, "target"))
    after = given.get("after")
    page = await connection.client.logs(after if isinstance(after, int) else 0)
    last = page.entries[-1].id if page.entries else after
    return {"entries": [asdict(entry) for entry in page.entries], "last": last, "restarted": page.restarted}


async def disconnect(session: Session, given: Given, token: types.ProgressToken | None) -> Answer:
    await session.machines.connection(text(given, "target")).disconnect()
    return {"ok": True}


COMMANDS: Mapping[str, Command] = {
    "rung.targets": targets,
    "rung.addConnection": add_connection,
    "rung.removeConnection": remove_connection,
    "rung.forgetCertificate": forget_certificate,
    "rung.connect": connect,
    "rung.createFirstUser": create_first_user,
    "rung.compileAndDownload": compile_and_download,
    "rung.status": status,
    "rung.start": start,
    "rung.stop": stop,
    "rung.logs": logs,
    "rung.disconnect": disconnect,
}


def register(server: RungServer) -> None:
    """Offer all commands; connections are made when the first one asks for them."""
    session = Session(server)
    for name, command in COMMANDS.items():
        server.command(name)(_handler(session, command))

    @server.feature(types.SHUTDOWN)
    async def shutdown(ls: RungServer, params: None) -> None:
        await session.machines.close()


def text(given: Given, key: str) -> str:
    """Return a member that must be a text.

    Raises:
        RuntimeFailure: it is missing or something else.
    """
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise RuntimeFailure(
            Kind.INTERNAL, f"The command's argument has no '{key}'. Nothing was done.", "Give it as a text."
        )
    return value


def optional(given: Given, key: str) -> str | None:
    """Return a member that may be missing."""
    return text(given, key) if given.get(key) is not None else None


def _handler(
    session: Session, command: Command
) -> Callable[[RungServer, Given, types.ProgressToken | None], Awaitable[Answer]]:
    async def handle(ls: RungServer, given: Given, token: types.ProgressToken | None) -> Answer:
        try:
            return await command(session, given, token)
        except RuntimeFailure as failure:
            return {"error": failure_answer(failure)}
        except Exception:
            # The last door: a defect of ours must not end the server, and its text may hold what a log must not.
            logger.exception("command failed")
            mistake = RuntimeFailure(Kind.INTERNAL, "Rung made a mistake.", "The server's log says more; please report it.")
            return {"error": failure_answer(mistake)}

    return handle
