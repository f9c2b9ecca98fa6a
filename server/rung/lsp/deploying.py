"""`rung.compileAndDownload`: the deploy pipeline with the editor's progress and cancellation."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from lsprotocol import types

from rung.ide.build import Built, check_natively
from rung.ide.diagnostics import device_to_json, to_json
from rung.lsp import convert
from rung.lsp.job import Bar, carry_out, progress_bar
from rung.lsp.machines import failure_answer, takes_of, target_of
from rung.runtimes.deploy import DeployReport, Progress, deploy
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.v4_upload import Source

if TYPE_CHECKING:
    from rung.lsp.commands import Session
    from rung.runtimes.compile_log import DeviceDiagnostic
    from rung.runtimes.connection import Connection

# As long as a deploy is here, the machine has its old program.
_BEFORE_UPLOAD = ("check", "build", "connect", "login")
_STAGES = {"connect": (0, 5), "login": (5, 8), "check": (0, 5), "build": (5, 15), "upload": (15, 30), "compile": (30, 80),
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
    with progress_bar(server, token, connection.profile.name, _STAGES) as bar:
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
    server.publisher.device(by_file(report.diagnostics))
    return _answer(report, [])


def _not_sent(connection: Connection, built: Built, reason: str | None) -> DeployReport:
    errors = sum(item.severity == "error" for item in built.diagnostics)
    said = reason or built.failure or f"The program has {errors} error{'s' if errors > 1 else ''}."
    nothing = f"{said} Nothing was sent; {connection.profile.name} is as it was."
    failure = RuntimeFailure(Kind.PROGRAM, nothing, "The Problems view lists what is wrong with the program.")
    return DeployReport(False, "check", connection.plc, False, None, failure, ())


async def _run(
    connection: Connection, built: Built, home: Path, start: bool, confirmed: bool, bar: Bar
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
    report = await carry_out(work, bar, work.cancel)
    return report, questions[0] if questions else None


def _workspace(home: Path) -> str:
    """The one name of a program's folder, as the command line calls it, too."""
    return os.path.realpath(home)


def _source(connection: Connection, built: Built, home: Path) -> Source | None:
    """The project's source, for a machine that keeps it: of the very text that was built."""
    if connection.info is None or not connection.info.capabilities.snapshots:
        return None
    from rung.ide.source_archive import source_archive, source_metadata

    return Source(source_archive(built.snapshot), source_metadata(home))


def by_file(found: tuple[DeviceDiagnostic, ...]) -> dict[Path, list[types.Diagnostic]]:
    """Return what a device's compiler said as the editor's problems, by file."""
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
