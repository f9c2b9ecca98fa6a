"""`rung.compileAndDownload`: the deploy pipeline with the editor's progress and cancellation."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from rung.ide.build import Built, check_natively
from rung.ide.diagnostics import device_to_json, to_json
from rung.lsp import convert
from rung.lsp.machines import failure_answer, takes_of, target_of
from rung.runtimes.deploy import DeployReport, Progress, deploy
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.v4_upload import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rung.lsp.commands import Session
    from rung.lsp.protocol import RungServer
    from rung.runtimes.compile_log import DeviceDiagnostic
    from rung.runtimes.connection import Connection

# As long as a deploy is here, the machine has its old program.
_BEFORE_UPLOAD = ("check", "build", "connect", "login")
# Where each stage begins and ends in the bar, in percent.
_BAR = {"connect": (0, 5), "login": (5, 8), "check": (0, 5), "build": (5, 15), "upload": (15, 30), "compile": (30, 80),
        "start": (80, 90), "verify": (90, 100)}  # fmt: skip


async def deploy_command(
    session: Session, target: str, uri: str, start: bool, confirmed: bool, token: types.ProgressToken | None
) -> dict[str, object]:
    """Check, build, download, start and verify the program that a document belongs to.

    Args:
        session: the server's.
        target: a saved connection's name, or an address; connected.
        uri: any file of the program.
        start: False leaves the machine stopped.
        confirmed: the user has agreed that a running machine is stopped and its program replaced.
        token: the progress to report to.

    Raises:
        RuntimeFailure: there is no such program, or no connection.
    """
    server = session.server
    connection = session.machines.connection(target)
    path = convert.path_of(uri)
    if path is None:
        raise RuntimeFailure(Kind.PROGRAM, "This document is no file, so it belongs to no program.", "Save it first.")
    home = server.documents.home(path)
    with _bar(server, token, connection.profile.name) as bar:
        bar.tell(Progress("check", None, "Checking the program"))
        built = await session.build(home, target_of(connection), takes_of(connection))
        reason = server.documents.failure(home)
        if built.artefact is None or reason is not None:
            return _answer(_not_sent(connection, built, reason), to_json(built.diagnostics))
        report, question = await _run(connection, built, home, start, confirmed, bar)
    if question is not None:
        return {"needsConfirmation": True, "message": question}
    if report.stage not in _BEFORE_UPLOAD:
        session.machines.deployed(connection, home, report.md5)
    server.publisher.device(_by_file(report.diagnostics))
    return _answer(report, [])


def _not_sent(connection: Connection, built: Built, reason: str | None) -> DeployReport:
    errors = sum(item.severity == "error" for item in built.diagnostics)
    said = reason or built.failure or f"The program has {errors} error{'s' if errors > 1 else ''}."
    nothing = f"{said} Nothing was sent; {connection.profile.name} is as it was."
    failure = RuntimeFailure(Kind.PROGRAM, nothing, "The Problems view lists what is wrong with the program.")
    return DeployReport(False, "check", connection.plc, False, None, failure, ())


async def _run(
    connection: Connection, built: Built, home: Path, start: bool, confirmed: bool, bar: _Bar
) -> tuple[DeployReport, str | None]:
    assert built.artefact is not None, "what cannot be built is not deployed"
    questions: list[str] = []

    async def confirm(question: str) -> bool:
        if not confirmed:
            questions.append(question)
        return confirmed

    work = asyncio.ensure_future(
        deploy(
            connection,
            built.artefact,
            start=start,
            confirm=confirm,
            precheck=check_natively,
            progress=bar.tell,
            workspace=_workspace(home),
            source=_source(connection, built, home),
        )
    )
    taken_back = False

    def take_back() -> None:
        # Only once, however often and by whichever way: a second time would break off what finds out what the machine does now.
        nonlocal taken_back
        if not taken_back:
            taken_back = True
            work.cancel()

    bar.when_cancelled(take_back)
    while not work.done():
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            if work.cancelled():
                raise
            # A cancelled request is answered like every other: the user has to know what the machine does now.
            uncancel = getattr(asyncio.current_task(), "uncancel", None)  # Python 3.11: this one has been dealt with
            if uncancel is not None:
                uncancel()
            take_back()
    return work.result(), questions[0] if questions else None


def _workspace(home: Path) -> str:
    """The one name of a program's folder, as the command line calls it, too."""
    return os.path.realpath(home)


def _source(connection: Connection, built: Built, home: Path) -> Source | None:
    """The project's source, for a machine that keeps it: of the very text that was built."""
    if connection.info is None or not connection.info.capabilities.snapshots:
        return None
    from rung.ide.source_archive import source_archive, source_metadata

    return Source(source_archive(built.snapshot), source_metadata(home))


class _Bar:
    """The editor's progress for one deploy, and the device's compiler for its log."""

    def __init__(self, server: RungServer, target: str, token: types.ProgressToken | None) -> None:
        self._server = server
        self._target = target
        self._token = token
        self._loop = asyncio.get_running_loop()

    def tell(self, progress: Progress) -> None:
        """Show a step."""
        if progress.log_line is not None:
            self.log(progress.log_line)
        if self._token is None:
            return
        low, high = _BAR.get(progress.stage, (0, 100))
        percent = round(low + (high - low) * (progress.fraction or 0.0))
        report = types.WorkDoneProgressReport(message=progress.text, percentage=percent, cancellable=True)
        self._server.work_done_progress.report(self._token, report)

    def log(self, line: str) -> None:
        """Pass on a line for the log."""
        self._server.protocol.notify("rung/deployLog", {"target": self._target, "line": line})

    def when_cancelled(self, action: Callable[[], object]) -> None:
        """Have `action` called when the user cancels the progress."""
        future = None if self._token is None else self._server.work_done_progress.tokens.get(self._token)
        if future is None:
            return

        def cancelled(done: Future[object]) -> None:
            if done.cancelled():
                self._loop.call_soon_threadsafe(action)

        future.add_done_callback(cancelled)


@contextmanager
def _bar(server: RungServer, token: types.ProgressToken | None, target: str) -> Iterator[_Bar]:
    bar = _Bar(server, target, token)
    if token is None:
        yield bar
        return
    progress = server.work_done_progress
    progress.begin(token, types.WorkDoneProgressBegin(f"Download to {target}", cancellable=True, percentage=0))
    try:
        yield bar
    finally:
        progress.end(token, types.WorkDoneProgressEnd())
        progress.tokens.pop(token, None)


def _by_file(found: tuple[DeviceDiagnostic, ...]) -> dict[Path, list[types.Diagnostic]]:
    files: defaultdict[Path, list[types.Diagnostic]] = defaultdict(list)
    for item in found:
        if item.file is None or item.severity == "info":
            continue
        line = max(item.line - 1, 0)
        severity = types.DiagnosticSeverity.Error if item.severity == "error" else types.DiagnosticSeverity.Warning
        place = types.Range(types.Position(line, 0), types.Position(line, 1000))
        files[Path(item.file)].append(
            types.Diagnostic(place, item.message, severity, code="device", source="device compiler")
        )
    return files


def device_rows(found: tuple[DeviceDiagnostic, ...]) -> list[dict[str, object]]:
    """Return what the device's compiler said as the JSON contract has our own findings."""
    return [device_to_json(item.file, item.line, item.column, item.severity, item.message) for item in found]


def _answer(report: DeployReport, diagnostics: list[dict[str, object]]) -> dict[str, object]:
    return {
        "ok": report.ok,
        "stage": report.stage,
        "plc": report.plc,
        "verified": report.verified,
        "md5": report.md5,
        "error": report.error and failure_answer(report.error),
        "diagnostics": diagnostics or device_rows(report.diagnostics),
        "note": report.note,
    }
