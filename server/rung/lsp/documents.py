"""The programs behind the open documents: one snapshot per program folder, what the editor holds in place of what the disk holds.

Invariants: everything here runs on the event loop but the analysis itself, which has one worker thread, so that requests stay in order
and the loop stays free; diagnostics of an older text are never published over a newer one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rung.ide.diagnostics import Diagnostic, diagnostics
from rung.project.discovery import is_source, project_folder, sources_below
from rung.project.snapshot import EMPTY, Snapshot, load

_Result = TypeVar("_Result")
Publish = Callable[[Path, "int | None", Sequence[Diagnostic]], None]


@dataclass(slots=True)
class _Program:
    """The program of one folder. `generation` counts its edits; `shown` is what was last published for each file."""

    folder: Path
    snapshot: Snapshot = EMPTY
    generation: int = 0
    shown: dict[Path, Sequence[Diagnostic]] = field(default_factory=dict)
    due: asyncio.Task[None] | None = None


class Documents:
    """All programs that the editor has a document of.

    Args:
        publish: told a file's path, the document's version (None for a file that is not open), and its diagnostics.
        complain: told a sentence when a program's files cannot be read.
        delay: seconds to wait after an edit for the next one.
    """

    def __init__(self, publish: Publish, complain: Callable[[str], None], delay: float = 0.12) -> None:
        self.delay = delay
        self.folders: tuple[Path, ...] = ()
        self._publish = publish
        self._complain = complain
        self._programs: dict[Path, _Program] = {}
        self._open: dict[Path, int] = {}
        self._worker = ThreadPoolExecutor(1, "analysis")

    def opened(self, path: Path, version: int, text: str) -> None:
        """Take over a document that the editor has opened."""
        self._open[path] = version
        self._edit(path, lambda snapshot: snapshot.with_text(path, text))

    def changed(self, path: Path, version: int, text: str) -> None:
        """Take over a new text of an open document."""
        self._open[path] = version
        self._edit(path, lambda snapshot: snapshot.with_text(path, text))

    def closed(self, path: Path) -> None:
        """Go back to what the disk holds."""
        self._open.pop(path, None)
        self._reread(path)

    def on_disk(self, path: Path) -> None:
        """Note that a file was made, changed or deleted outside the editor; what the editor holds of it stays."""
        if path not in self._open and is_source(path):
            self._reread(path)

    def snapshot(self, path: Path) -> Snapshot:
        """Return the program that a file belongs to, as the editor sees it now."""
        return self._program(path).snapshot

    async def typed(self, path: Path) -> Snapshot:
        """Return the same with its meaning worked out."""
        snapshot = self.snapshot(path)
        await self.in_worker(lambda: snapshot.program)
        return snapshot

    async def in_worker(self, work: Callable[[], _Result]) -> _Result:
        """Run something about a snapshot on the analysis thread."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    def program_of(self, folder_or_file: Path) -> Snapshot:
        """Return the program of a folder, or that a file belongs to."""
        return self._program(folder_or_file / "x.st" if folder_or_file.is_dir() else folder_or_file).snapshot

    def _program(self, path: Path) -> _Program:
        folder = project_folder(path, self.folders) if path.parent.is_dir() else path.parent
        program = self._programs.get(folder)
        if program is None:
            program = self._programs[folder] = _Program(folder)
            try:
                program.snapshot = load(sources_below(folder) if folder.is_dir() else [])
            except (OSError, ValueError) as error:
                self._complain(f"The program in {folder} cannot be read: {error}")
        return program

    def _reread(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError:
            self._edit(path, lambda snapshot: snapshot.without(path))
        else:
            self._edit(path, lambda snapshot: snapshot.with_bytes(path, data))

    def _edit(self, path: Path, change: Callable[[Snapshot], Snapshot]) -> None:
        program = self._program(path)
        program.snapshot = change(program.snapshot)
        program.generation += 1
        if program.due is not None:
            program.due.cancel()
        program.due = asyncio.get_running_loop().create_task(self._refresh(program))

    async def _refresh(self, program: _Program) -> None:
        await asyncio.sleep(self.delay)
        generation, snapshot = program.generation, program.snapshot
        found = await self.in_worker(lambda: diagnostics(snapshot))
        if generation == program.generation:
            self._show(program, found)

    def _show(self, program: _Program, found: Mapping[Path, Sequence[Diagnostic]]) -> None:
        for path in {*found, *program.shown, *(path for path in self._open if path in program.snapshot.files)}:
            now = found.get(path, ())
            if path in self._open or now != program.shown.get(path, ()):
                self._publish(path, self._open.get(path), now)
        program.shown = dict(found)
