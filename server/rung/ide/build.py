"""From a snapshot to what a target takes: checked first, built only without errors."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rung.ide.diagnostics import Diagnostic, diagnostics, flat, has_errors, retargeted
from rung.project.settings import board_for
from rung.project.snapshot import Snapshot
from rung.targets.names import RUNTIME_TARGETS as TARGETS

if TYPE_CHECKING:
    from rung.codegen.artefact import Artefact
    from rung.codegen.sources import FileUnits

__all__ = ["TARGETS", "Built", "build", "check_natively", "short_names", "source_map", "write_artefact"]


@dataclass(slots=True, frozen=True)
class Built:
    """What came of building `snapshot`. `artefact` is None when the program has errors, or when `failure` says why there is nothing to build."""

    snapshot: Snapshot
    artefact: Artefact | None
    diagnostics: list[Diagnostic]
    failure: str | None = None


def build(
    snapshot: Snapshot,
    target: str,
    checked: Mapping[Path, Sequence[Diagnostic]] | None = None,
    takes: Collection[str] = (),
) -> Built:
    """Check a program for a target and build it, with the files that its project's settings give the device.

    Args:
        snapshot: the program.
        target: one of `TARGETS`, or a board's name.
        checked: its findings, if they are known already, for this target or another.
        takes: files beside the program that not every device of the target takes (`retain.conf`, `image.conf`).
    """
    found = flat(diagnostics(snapshot, target) if checked is None else retargeted(snapshot, checked, target))
    if has_errors(found):
        return Built(snapshot, None, found)
    if snapshot.program.configuration is None:
        return Built(snapshot, None, found, "There is no PROGRAM in it, so there is nothing to run.")
    from rung.codegen.build import BuildError, build_artefact
    from rung.ide.device_settings import FilesBeside, ignored_settings

    settings, beside = snapshot.settings, FilesBeside(snapshot, target)
    board = board_for(settings, target)  # pins that it cannot have are an error, found above
    try:
        artefact = build_artefact(snapshot.program, target, source_map(snapshot), beside, takes, board, settings.serial)
    except BuildError as error:
        return Built(snapshot, None, found, str(error))
    # Whether the settings fit the variables' places shows only now that these are known.
    news = [item for item in (*beside.findings, *ignored_settings(settings, target)) if item not in found]
    return Built(snapshot, None if has_errors(news) else artefact, found + news)


async def check_natively(artefact: Artefact) -> str:
    """Compile an artefact on this computer, without running it.

    Returns what the compiler said of errors; empty when there were none, or when this computer has no compiler.
    """
    from rung.codegen.compile_check import check_artefact

    return await asyncio.get_running_loop().run_in_executor(None, check_artefact, artefact)


def source_map(snapshot: Snapshot) -> FileUnits:
    """Return where each unit stands, with file names that say nothing of this computer's folders."""
    from rung.codegen.sources import FileUnits, SourceFile

    paths = sorted(snapshot.files)
    names = short_names(paths)
    return FileUnits.of(
        (SourceFile(name, str(path), snapshot.files[path].text), [placed.unit for placed in snapshot.files[path].units])
        for path, name in zip(paths, names, strict=True)
    )


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return paths relative to the folder that they all share, with forward slashes; a lone file's is its name."""
    absolute = [path.absolute() for path in paths]
    if len(absolute) == 1:
        return [absolute[0].name]
    common = Path(os.path.commonpath([path.parent for path in absolute])) if absolute else Path()
    return [path.relative_to(common).as_posix() for path in absolute]


def write_artefact(artefact: Artefact, output: Path) -> None:
    """Write an artefact, whole or not at all; the host's executable is made executable.

    Raises:
        OSError: it cannot be written; an older file is still there.
    """
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(artefact.data)
        os.chmod(name, 0o755 if artefact.target == "host" else 0o644)
        os.replace(name, output)
    except BaseException:
        os.unlink(name)
        raise
