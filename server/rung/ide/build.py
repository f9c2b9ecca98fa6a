"""From a snapshot to what a target takes: checked first, built only without errors."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rung.ide.diagnostics import Diagnostic, diagnostics, flat, has_errors
from rung.project.snapshot import Snapshot

if TYPE_CHECKING:
    from rung.codegen.artefact import Artefact
    from rung.codegen.sources import FileUnits

TARGETS: Final = ("openplc-v4", "host")


@dataclass(slots=True, frozen=True)
class Built:
    """`artefact` is None when the program has errors, or when `failure` says why there is nothing to build."""

    artefact: Artefact | None
    diagnostics: list[Diagnostic]
    failure: str | None = None


def build(snapshot: Snapshot, target: str, checked: Mapping[Path, Sequence[Diagnostic]] | None = None) -> Built:
    """Check a program and build it.

    Args:
        snapshot: the program.
        target: one of `TARGETS`.
        checked: its findings, if they are known already.
    """
    found = flat(diagnostics(snapshot) if checked is None else checked)
    if has_errors(found):
        return Built(None, found)
    if snapshot.program.configuration is None:
        return Built(None, found, "There is no PROGRAM in it, so there is nothing to run.")
    from rung.codegen.build import BuildError, build_artefact

    try:
        return Built(build_artefact(snapshot.program, target, source_map(snapshot)), found)
    except BuildError as error:
        return Built(None, found, str(error))


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
