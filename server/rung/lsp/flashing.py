"""`rung.flashBoard`: from the program in the editor to a board that answers with its MD5, with the editor's progress and cancellation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from lsprotocol import types

from rung.boards.connection import State
from rung.boards.flash import FlashReport, flash
from rung.boards.progress import FlashProgress
from rung.ide.build import Built
from rung.ide.diagnostics import to_json
from rung.lsp import convert
from rung.lsp.deploying import by_file, device_rows
from rung.lsp.job import Bar, carry_out, progress_bar
from rung.lsp.machines import failure_answer
from rung.project.settings import board_for
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rung.codegen.artefact import Artefact
    from rung.lsp.board_links import Link
    from rung.lsp.commands import Answer, Session

_STAGES: Final = {"check": (0, 3), "build": (3, 10), "compile": (10, 40), "upload": (40, 90), "verify": (90, 100)}


async def flash_command(
    session: Session, link: Link, board: Board, uri: str, confirmed: bool, token: types.ProgressToken | None
) -> Answer:
    """Compile the program that a document belongs to, write it to a board, and connect to it.

    Args:
        session: the server's.
        link: the port, connected or not.
        board: the board that is there.
        uri: any file of the program.
        confirmed: the user has agreed to what was asked when this was tried before; to nothing else.
        token: the progress to report to.

    Raises:
        RuntimeFailure: there is no such program, or the port is being written to already.
    """
    server = session.server
    path = convert.path_of(uri)
    if path is None:
        raise RuntimeFailure(Kind.PROGRAM, "This document is no file, so it belongs to no program.", "Save it first.")
    if link.flashing:
        raise RuntimeFailure(
            Kind.BUSY, f"A program is being written to the board on {link.port} already.", "Wait for its end."
        )
    if not confirmed:
        link.asked.clear()
    home = server.documents.home(path)
    with progress_bar(server, token, board.title, _STAGES) as bar:
        bar.tell(FlashProgress("check", None, "Checking the program"))
        built = await session.build(home, board.name)
        reason = server.documents.failure(home)
        if built.artefact is None or reason is not None:
            return _not_sent(board, built, reason)
        report, question = await _Flashing(session, link, board, built, bar).run(built.artefact)
    if question is not None:
        return {"needsConfirmation": True, "message": question}
    server.publisher.device(by_file(report.diagnostics))
    if report.ok:
        session.boards.agreed.add((report.port, board.name))
        try:
            # Restarting it was part of the download, and the uploader has left it running.
            await session.boards.links.open(session.boards.links.link(report.port), board, home)
        except RuntimeFailure as failure:
            bar.log(f"[WARNING] {failure.message}")
    return _answer(report, board, device_rows(report.diagnostics))


class _Flashing:
    """One download. The connection gives its port away when the user has agreed, not before."""

    def __init__(self, session: Session, link: Link, board: Board, built: Built, bar: Bar) -> None:
        self._links = session.boards.links
        self._link = link
        self._board = board
        self._settings = built.snapshot.settings
        self._bar = bar
        self._question: str | None = None

    async def run(self, artefact: Artefact) -> tuple[FlashReport, str | None]:
        link = self._link
        event = link.now()
        work = asyncio.ensure_future(
            flash(
                artefact,
                board_for(self._settings, self._board.name) or self._board,
                link.port,
                serial=self._settings.serial,
                running=event.md5 if event.state is State.CONNECTED else None,
                confirm=self._confirm,
                progress=self._bar.tell,
            )
        )
        try:
            report = await carry_out(work, self._bar, work.cancel)
        finally:
            gave_away, link.flashing = link.flashing, False
        if self._question is not None:
            self._links.tell(link)
            return report, self._question
        if gave_away:
            self._links.note(link, report.error)
        return report, None

    async def _confirm(self, question: str, foreign: bool) -> bool:
        link = self._link
        if question not in link.asked:
            link.asked.add(question)
            self._question = question
            return False
        link.flashing = True
        await self._links.close(link)
        self._links.tell(link)
        return True


def _not_sent(board: Board, built: Built, reason: str | None) -> Answer:
    errors = sum(item.severity == "error" for item in built.diagnostics)
    said = (
        reason or built.failure or f"For the {board.title} the program has {errors} error{'s' if errors > 1 else ''}."
    )
    failure = RuntimeFailure(
        Kind.PROGRAM,
        f"{said} Nothing was written to the board; it runs on as it was.",
        "The Problems view lists what is wrong with the program.",
    )
    report = FlashReport(False, "build", board.name, "", False, None, 0, 0, None, None, failure)
    return _answer(report, board, to_json(built.diagnostics))


def _answer(report: FlashReport, board: Board, diagnostics: Sequence[object]) -> Answer:
    size = None
    if report.flash_bytes:
        size = f"{100 * report.flash_bytes // board.flash} % of flash, {100 * report.ram_bytes // board.ram} % of RAM"
    return {
        "ok": report.ok,
        "stage": report.stage,
        "board": report.board,
        "port": report.port,
        "verified": report.verified,
        "md5": report.md5,
        "flashBytes": report.flash_bytes,
        "ramBytes": report.ram_bytes,
        "size": size,
        "toolchain": report.toolchain,
        "uploader": report.uploader,
        "warnings": list(report.warnings),
        "error": report.error and failure_answer(report.error),
        "diagnostics": diagnostics,
    }
