"""One entrance to all targets: a checked program becomes the artefact that a target takes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from rung.codegen.artefact import Artefact, DeviceFiles
from rung.codegen.program import BuildError
from rung.codegen.sources import SourceMap
from rung.semantics.model import Program
from rung.targets.board import Board, SerialSettings
from rung.targets.names import RUNTIME_TARGETS as TARGETS

__all__ = ["TARGETS", "BuildError", "build_artefact"]


def build_artefact(
    program: Program,
    target: str,
    sources: SourceMap,
    beside: DeviceFiles | None = None,
    takes: Collection[str] = (),
    board: Board | None = None,
    serial: SerialSettings | None = None,
) -> Artefact:
    """Build a program that has no errors for one of `TARGETS`, or for `board`, whose firmware talks as `serial` says.

    `sources` says where each unit stands. `beside` makes the files that go to the device with the program, `takes` names those that not every
    device of the target takes (`retain.conf`, `image.conf`).
    Raises BuildError, with a sentence for the user, when there is nothing to run, or for `host` when there is no C++ compiler.
    """
    if target == "openplc-v4":
        from rung.codegen.openplc_v4 import build_openplc_v4

        return build_openplc_v4(program, sources, beside, takes)
    if target == "openplc-v4.0":
        from rung.codegen.openplc_v4_0 import build_openplc_v4_0

        return build_openplc_v4_0(program, sources, beside)
    if target == "openplc-v3":
        from rung.codegen.openplc_v3 import build_openplc_v3

        return build_openplc_v3(program, sources)
    if target == "host":
        return _build_host(program, sources)
    if board is not None:
        from rung.codegen.board import build_board

        return build_board(program, sources, board, serial or SerialSettings())
    raise BuildError(f"There is no target {target!r}. The targets are: {', '.join(TARGETS)}.")


def _build_host(program: Program, sources: SourceMap) -> Artefact:
    from rung.codegen.host import generate_host
    from rung.codegen.run import build_executable

    host = generate_host(program, sources)
    executable: Path = build_executable(host)
    digest = hashlib.md5("".join(host.files.values()).encode(), usedforsecurity=False)
    paths = {file.name: file.path for file in sources.files()}
    return Artefact("host", f"program{executable.suffix}", executable.read_bytes(), digest.hexdigest(), (), paths)
