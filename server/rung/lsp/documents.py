"""The programs behind the open documents: one snapshot per program folder, what the editor holds in place of what the disk holds.

Invariants: the event loop only notes what changed, and looks which of the folders above a file its program begins in; searching folders,
reading, parsing and checking run on one worker thread, in order, so the loop stays free. Nothing is asked of a program while its files are
still being searched for. Diagnostics of an older text are never published over a newer one. A file's problems are shown by one program only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, Union

from rung.project.settings import Settings, SettingsError

if TYPE_CHECKING:
    # Loaded by the worker when the first document comes: a server that is asked nothing starts without the compiler.
    from rung.ide.diagnostics import Diagnostic, Findings
    from rung.project.snapshot import Snapshot

_Result = TypeVar("_Result")
Publish = Callable[[Path, "int | None", "Sequence[Diagnostic]"], None]
Complain = Callable[[str], None]


class _Kept(Enum):
    """Where a file's content is, when it is no text of the editor's."""

    ON_DISK = 1
    NOWHERE = 2


_Content = Union[str, _Kept]


@dataclass(slots=True, eq=False)
class _Program:
    """The program of one folder, or of one document that is part of no folder's program.

    `files` are its files as the loop knows them, `waiting` what has changed since the worker made `snapshot`. `generation` counts
    the changes; `listing` is under way while its folder is searched; `shown` is what was last published for each file, with its version. `failure` says why its files are not known,
    `unreadable` which of them are missing in the snapshot. `settings` is what its `rung.toml` says; `unusable` is that file
    where it cannot be used, which is shown then.
    """

    home: Path
    files: set[Path] = field(default_factory=set)
    waiting: dict[Path, _Content] = field(default_factory=dict)
    generation: int = 0
    shown: dict[Path, tuple[int | None, Sequence[Diagnostic]]] = field(default_factory=dict)
    due: asyncio.Task[None] | None = None
    listing: asyncio.Task[None] | None = None
    failure: str | None = None
    unreadable: dict[Path, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    unusable: Path | None = None
    snapshot: Snapshot | None = None
    findings: Findings | None = None

    def newest(self) -> Snapshot:
        """Return the snapshot of all that has changed. On the worker only."""
        from rung.project.snapshot import EMPTY

        contents: dict[Path, str | bytes | None] = {}
        while self.waiting:
            path, content = self.waiting.popitem()
            contents[path] = content if isinstance(content, str) else self._read(path, content)
        if self.snapshot is None or contents:
            self.snapshot = (self.snapshot or EMPTY).changed(contents)
        if self.snapshot.settings is not self.settings:
            self.snapshot = self.snapshot.with_settings(self.settings)
        return self.snapshot

    def check(self) -> dict[Path, list[Diagnostic]]:
        """Return all findings about the newest snapshot. On the worker only."""
        from rung.ide.diagnostics import Findings

        if self.findings is None:
            self.findings = Findings()
        return self.findings.of(self.newest(), self.settings.target)

    def rest(self) -> None:
        """Begin nothing new."""
        for task in (self.due, self.listing):
            if task is not None:
                task.cancel()

    def _read(self, path: Path, kept: _Kept) -> bytes | None:
        self.unreadable.pop(path, None)
        if kept is _Kept.NOWHERE:
            return None
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self.unreadable[path] = f"{path} cannot be read: {error.strerror}."
            return None


class Documents:
    """All programs that the editor has a document of.

    Args:
        publish: told a file's path, the document's version (None for a file that is not open), and its diagnostics.
        complain: told a sentence when a program's files cannot be known.
        delay: seconds to wait after an edit for the next one.
    """

    def __init__(self, publish: Publish, complain: Complain, delay: float = 0.12) -> None:
        self.delay = delay
        self._publish = publish
        self._complain = complain
        self._folders: tuple[Path, ...] = ()
        self._programs: dict[Path, _Program] = {}
        self._open: dict[Path, tuple[int, str]] = {}
        self._homes: dict[Path, Path] = {}
        self._worker = ThreadPoolExecutor(1, "analysis")

    # -- what the editor tells -------------------------------------------------------------------------------------

    def text(self, path: Path) -> str:
        """Return the text of an open document; empty for another."""
        return self._open[path][1] if path in self._open else ""

    def opened(self, path: Path, version: int, text: str) -> None:
        """Take over a document that the editor has opened."""
        self._open[path] = (version, text)
        self._homes[path] = self._find_home(path)
        self._program(self._homes[path])
        self._changed(path, text)

    def changed(self, path: Path, version: int, text: str) -> None:
        """Take over a new text of an open document."""
        self._open[path] = (version, text)
        self._changed(path, text)

    def closed(self, path: Path) -> None:
        """Go back to what the disk holds. A program outside the workspace is forgotten with its last document."""
        self._open.pop(path, None)
        home = self._homes.pop(path, None)
        program = None if home is None else self._programs.get(home)
        if program is None:
            return
        if home in self._homes.values() or (home != path and self._in_workspace(program.home)):
            self._changed(path, _Kept.ON_DISK)
        else:
            self._forget(program)

    def on_disk(self, paths: Iterable[Path], *, regroup: bool) -> None:
        """Note what happened outside the editor; what the editor itself holds of a file stays.

        Args:
            paths: the files.
            regroup: files came or went, or a `rung.toml` changed, so that other files may belong together now.
        """
        if regroup:
            self._regroup()
        for path in paths:
            if path not in self._open:
                self._changed(path, _Kept.ON_DISK)

    def in_folders(self, folders: Iterable[Path]) -> None:
        """Take over which folders the editor's workspace has."""
        self._folders = tuple(folders)
        self._regroup()

    # -- what others ask -------------------------------------------------------------------------------------------

    def home(self, path: Path) -> Path:
        """Return what identifies the program that a file belongs to."""
        return self._homes.get(path) or self._find_home(path)

    def failure(self, home: Path) -> str | None:
        """Return why a program may not be what its files say; None when it is. To be asked after `ask_program`."""
        program = self._program(home)
        return program.failure or next(iter(program.unreadable.values()), None)

    async def ask(self, path: Path, question: Callable[[Snapshot], _Result]) -> _Result:
        """Ask something of the program that a file belongs to, as the editor sees it now."""
        return await self.ask_program(self.home(path), question)

    async def ask_program(self, home: Path, question: Callable[[Snapshot], _Result]) -> _Result:
        """Ask something of a program, as the editor sees it now. The question is put on the worker thread."""
        program = self._program(home)
        await _listed(program)
        return await self._in_worker(lambda: question(program.newest()))

    async def checked(self, home: Path) -> tuple[Snapshot, Mapping[Path, Sequence[Diagnostic]]]:
        """Return a program as the editor sees it now, with all findings about it."""
        program = self._program(home)
        await _listed(program)
        return await self._in_worker(lambda: (program.newest(), program.check()))

    def only_home(self) -> Path | None:
        """Return what identifies the only program there is; None when there are several or none."""
        return next(iter(self._programs)) if len(self._programs) == 1 else None

    def warm_up(self) -> None:
        """Load the compiler, while the editor is still busy with itself."""
        self._worker.submit(_load)

    def close(self) -> None:
        """Begin nothing new."""
        for program in self._programs.values():
            program.rest()
        self._worker.shutdown(wait=False, cancel_futures=True)

    # -- which files belong together -------------------------------------------------------------------------------

    def _find_home(self, path: Path) -> Path:
        from rung.project.discovery import is_part, project_folder

        if not path.is_absolute() or not path.parent.is_dir():
            return path
        try:
            folder = project_folder(path, self._folders)
        except OSError:
            return path
        try:
            return folder if is_part(path, folder) else path
        except (OSError, ValueError):
            return folder  # its files cannot be listed, which is told when that is tried

    def _program(self, home: Path) -> _Program:
        program = self._programs.get(home)
        if program is None:
            program = self._programs[home] = _Program(home)
            self._list(program)
        return program

    def _list(self, program: _Program) -> None:
        """Begin to bring the list of a program's files up to date; a search that waits for the worker is replaced."""
        if program.listing is not None:
            program.listing.cancel()
        program.listing = asyncio.get_running_loop().create_task(self._search(program))

    async def _search(self, program: _Program) -> None:
        found = await self._in_worker(lambda: _sources(program.home))
        # What was opened, closed or changed meanwhile counts: from here on the loop does nothing else.
        listed = {path for path, home in self._homes.items() if home == program.home}
        before, program.failure = program.failure, None
        resettled = False
        self._show_settings(program, found if isinstance(found, SettingsError) else None)
        if isinstance(found, Exception):
            program.failure = str(found)
            listed |= program.files
        else:
            listed |= found.files
            resettled = found.settings.text != program.settings.text
            if resettled:
                program.settings = found.settings
        if program.failure is not None and program.failure != before:
            self._complain(f"Which files make the program in {program.home} is not known. {program.failure}")
        for path in program.files - listed:
            program.waiting[path] = _Kept.NOWHERE
        for path in listed - program.files:
            program.waiting[path] = self._open[path][1] if path in self._open else _Kept.ON_DISK
        if listed != program.files or resettled:
            program.files = listed
            self._touch(program)

    def _show_settings(self, program: _Program, error: SettingsError | None) -> None:
        """Show what is wrong with a `rung.toml` that cannot be used, or that nothing is any more."""
        from rung.ide.device_settings import unusable_settings

        before = program.unusable
        program.unusable = None if error is None else error.path
        if error is not None:
            self._publish(error.path, None, [unusable_settings(error)])
        elif before is not None:
            program.shown.pop(before, None)
            self._publish(before, None, ())

    def _regroup(self) -> None:
        self._homes = {path: self._find_home(path) for path in self._open}
        for home, program in list(self._programs.items()):
            in_use = home in self._homes.values() or (home.is_dir() and self._in_workspace(home))
            if not in_use or (
                home.is_dir() and self._find_home(home / "x.st") != home and home not in self._homes.values()
            ):
                self._forget(program)
        for home in {*self._homes.values(), *self._programs}:
            self._list(self._program(home))
            self._touch(self._programs[home])  # which program shows a file's problems may have changed

    def _in_workspace(self, home: Path) -> bool:
        return any(folder == home or folder in home.parents for folder in self._folders)

    def _forget(self, program: _Program) -> None:
        program.rest()
        self._programs.pop(program.home, None)
        for path, (_, found) in program.shown.items():
            if found and self._homes.get(path, program.home) == program.home:
                self._publish(path, None, ())

    # -- from a change to its problems -----------------------------------------------------------------------------

    def _changed(self, path: Path, content: _Content) -> None:
        """Pass a file's new content to every program that it is part of."""
        home = self._homes.get(path)
        for program in self._programs.values():
            if program.home == home:
                program.files.add(path)
            if path in program.files:
                program.waiting[path] = content
                self._touch(program)

    def _touch(self, program: _Program) -> None:
        program.generation += 1
        if program.due is not None:
            program.due.cancel()
        program.due = asyncio.get_running_loop().create_task(self._refresh(program))

    async def _refresh(self, program: _Program) -> None:
        await asyncio.sleep(self.delay)
        await _listed(program)
        generation, missing = program.generation, set(program.unreadable)
        found = await self._in_worker(program.check)
        for path, reason in program.unreadable.items():
            if path not in missing:
                self._complain(f"The program is checked without this file. {reason}")
        if generation == program.generation and self._programs.get(program.home) is program:
            self._show(program, found)

    def _show(self, program: _Program, found: Mapping[Path, Sequence[Diagnostic]]) -> None:
        for path in {*found, *program.shown, *(path for path, home in self._homes.items() if home == program.home)}:
            if self._homes.get(path, program.home) != program.home:
                program.shown.pop(path, None)
                continue
            now = (self._open[path][0] if path in self._open else None, found.get(path, ()))
            before = program.shown.get(path)
            if now != before and (before is not None or path in self._open or now[1]):
                program.shown[path] = now
                self._publish(path, *now)

    async def _in_worker(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)


async def _listed(program: _Program) -> None:
    """Wait until a program's files are known."""
    while program.listing is not None and not program.listing.done():
        await asyncio.wait([program.listing])


@dataclass(slots=True, frozen=True)
class _Listing:
    """What the disk says of a program: its files, and its `rung.toml`."""

    files: set[Path]
    settings: Settings


def _sources(home: Path) -> _Listing | Exception:
    """Return a program's files and settings on the disk, or why they are not known. On the worker only."""
    from rung.project.discovery import settings_of, sources_below

    try:
        return _Listing(set(sources_below(home)) if home.is_dir() else {home}, settings_of(home))
    except (OSError, ValueError) as error:
        return error


def _load() -> None:
    import rung.ide.diagnostics  # noqa: F401
