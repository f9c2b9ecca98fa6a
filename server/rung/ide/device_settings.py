"""The tables of `rung.toml` that are for the device: findings about them, and the files that they become in a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rung.codegen.plugins import Flaw, device_files
from rung.ide.diagnostics import Diagnostic
from rung.project.settings import Settings, SettingsError, board_for
from rung.project.settings_places import place_of
from rung.project.snapshot import Snapshot
from rung.rules.registry import find
from rung.syntax.lines import LineIndex
from rung.targets.board import PinsError
from rung.targets.names import RUNTIME_TARGETS

if TYPE_CHECKING:
    from rung.codegen.artefact import Leaf
    from rung.codegen.plugins import Uses


def settings_findings(snapshot: Snapshot, target: str, uses: Uses | None = None) -> dict[Path, list[Diagnostic]]:
    """Return what is wrong with a project's settings for the device, by file, as far as that shows without a build.

    Args:
        snapshot: the program.
        target: what it is to be built for.
        uses: what is known of the addresses that bodies use; brought up to date here.
    """
    settings = snapshot.settings
    if settings.path is None or snapshot.program.configuration is None:
        return {}
    flaws = device_files(settings.device, snapshot.program, None, uses=uses)[1]
    found = sorted((*_located(flaws, settings), *target_findings(settings, target)), key=lambda item: item.start)
    return {settings.path: found} if found else {}


def target_findings(settings: Settings, target: str) -> list[Diagnostic]:
    """Return what is wrong with a project's settings for one target alone: tables that it has no use for, pins that a board cannot have."""
    found = ignored_settings(settings, target)
    try:
        board_for(settings, target)
    except PinsError as error:
        found += _located([Flaw(("board", "pins", error.address), "CFG007", str(error))], settings)
    return sorted(found, key=lambda item: (item.start, item.code))


class FilesBeside:
    """Makes the files that go to the device with a program, and keeps what was found to be wrong.

    Args:
        snapshot: the program.
        target: what it is built for.
    """

    def __init__(self, snapshot: Snapshot, target: str) -> None:
        self._snapshot = snapshot
        self._flat = target == "openplc-v4.0"
        self.findings: list[Diagnostic] = []

    def __call__(self, leaves: Sequence[Leaf]) -> Mapping[str, bytes]:
        """Return the files by their path in the archive."""
        settings = self._snapshot.settings
        files, flaws = device_files(settings.device, self._snapshot.program, leaves, self._flat)
        self.findings = _located(flaws, settings)
        return files


def unusable_settings(error: SettingsError) -> Diagnostic:
    """Return the finding about a `rung.toml` that cannot be used."""
    lines = LineIndex(error.text)
    start, end = (lines.position(offset) for offset in place_of(error.text, (error.key,)))
    said = str(error).removeprefix(f"{error.path}").lstrip(": ")
    return Diagnostic(error.path, start, end, find("CFG001").severity, "CFG001", said[:1].upper() + said[1:])


def ignored_settings(settings: Settings, target: str) -> list[Diagnostic]:
    """Return a finding for each table that a runtime of this target has no use for."""
    flaws = []
    for name in settings.device:
        if target not in RUNTIME_TARGETS:
            flaws.append(Flaw((name,), "CFG006", f"[{name}] has no effect: a board's firmware has no such plug-in."))
        elif target == "openplc-v3" or (target == "openplc-v4.0" and name == "retain"):
            runtime = target.replace("openplc-", "OpenPLC Runtime ")
            why = "does not keep RETAIN variables" if name == "retain" else "is set up on its own web page"
            flaws.append(Flaw((name,), "CFG006", f"[{name}] has no effect: {runtime} {why}."))
    return _located(flaws, settings)


def _located(flaws: Sequence[Flaw], settings: Settings) -> list[Diagnostic]:
    if settings.path is None:
        return []
    lines = LineIndex(settings.text)
    found = []
    for flaw in flaws:
        start, end = (lines.position(offset) for offset in place_of(settings.text, flaw.path))
        found.append(Diagnostic(settings.path, start, end, find(flaw.code).severity, flaw.code, flaw.message))
    return sorted(found, key=lambda item: (item.start, item.code))
