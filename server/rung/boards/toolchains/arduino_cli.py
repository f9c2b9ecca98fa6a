"""arduino-cli, for every board whose core it has installed. It is run as a program, asked for JSON, and never told to fetch anything:
what is missing is named with the command that gets it.

Sources: arduino-cli's documentation and source, version 1.5.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar, cast

from rung.boards import sizes
from rung.boards.process import Output, ask_tool, find_program, run_tool
from rung.boards.toolchains import messages
from rung.boards.toolchains.arduino_cli_answers import Compiled, compiled_of, cores_of, version_of
from rung.boards.toolchains.row import Compilation, CompileFailure, Outputs, ToolchainRow
from rung.boards.toolchains.sketch import SKETCH
from rung.runtimes.device_text import clean
from rung.targets.board import Board

GET: Final = (
    "`brew install arduino-cli` (macOS, Linux), `winget install ArduinoSA.CLI` (Windows), or the archive from "
    "https://arduino.github.io/arduino-cli/latest/installation/"
)
MISSING: Final = f"arduino-cli is not on this computer. Get it with {GET}."
TRIED: Final = "adapter tried with a stand-in that really compiles and uploads; arduino-cli itself was not run"

NETWORK, NO_CORE_CONFIG, NEEDS_PROGRAMMER = 5, 6, 11
"""Exit codes (arduino-cli, internal/cli/feedback/errorcodes.go)."""

_Answer = TypeVar("_Answer")
_ASK_LIMIT: Final = 10.0
_COMPILE_LIMIT: Final = 1200.0
"""Seconds: the first compilation of a core for an ESP32 takes minutes on a small computer."""
_REMEMBERED: Final = 10.0
_JSON: Final = (("--json",), ("--format", "json"))
"""How version 1 is asked for JSON, and how the versions before it were."""
_NOT_INSTALLED: Final = re.compile(
    r"platform.*(?:not installed|not found)|unknown fqbn|missing platform|board .* not found", re.IGNORECASE
)
_HEADER: Final = re.compile(r"fatal error: (\w[\w./+-]*)\.(?:h|hpp): No such file or directory")
_OURS: Final = "rung_"
_PRODUCTS: Final[Mapping[str, str]] = {
    name: f"program.{name}" for name in ("hex", "bin", "uf2", "bootloader.bin", "partitions.bin", "merged.bin")
}
_BOOT_APP0: Final = "boot_app0.bin"
_LARGEST_PRODUCT: Final = 64_000_000


@dataclass(frozen=True, slots=True)
class ArduinoCli:
    """The arduino-cli of this computer: its path, its version, and the words that make it answer in JSON."""

    path: str
    version: str
    json: tuple[str, ...]

    def argv(self, *words: str) -> list[str]:
        """A command line whose answer is JSON."""
        return [self.path, *words, *self.json]

    def cores(self) -> Mapping[str, str]:
        """The installed cores and their versions, asked for once in ten seconds at most. It waits on this thread."""
        return _remembered((self.path, "core"), lambda: cores_of(self._ask("core", "list")))

    def _ask(self, *words: str) -> str:
        output = ask_tool(self.argv(*words), limit=_ASK_LIMIT)
        return output.stdout if output is not None and output.exit_code == 0 else ""


def find_arduino_cli() -> ArduinoCli | None:
    """Return the arduino-cli on the PATH if it answers as arduino-cli does, else None; `MISSING` then says what to do."""
    path = find_program("arduino-cli")
    if path is None:
        return None
    try:
        changed = os.stat(path).st_mtime_ns
    except OSError:
        return None  # it has just been taken away
    return _remembered((path, "version", changed), lambda: _probe(path))


def core_command(board: Board) -> str:
    """The command that installs a board's core."""
    more = f" --additional-urls {board.index_url}" if board.index_url else ""
    return f"arduino-cli core install {board.core}{more}"


def lacks_core(exit_code: int, error: str) -> bool:
    """Whether arduino-cli failed because the board's core is not there, or not whole."""
    return exit_code == NO_CORE_CONFIG or _NOT_INSTALLED.search(error) is not None


def row(board: Board) -> ToolchainRow | None:
    """The row for a board; None for one that arduino-cli does not know."""
    if not board.fqbn:
        return None
    cli = find_arduino_cli()
    core = cli.cores().get(board.core) if cli is not None else None
    if cli is None:
        missing = f"{MISSING} Then run `{core_command(board)}`."
    else:
        missing = "" if core else f"arduino-cli has no core for {board.title}. Run `{core_command(board)}`."
    identity = f"{cli.path} {cli.version} {core}" if cli is not None else ""
    return ToolchainRow("arduino-cli", "arduino-cli", not missing, missing, TRIED, identity, _compile)


async def _compile(compilation: Compilation) -> Outputs:
    cli, board = find_arduino_cli(), compilation.board
    if cli is None:
        raise CompileFailure("arduino-cli was on this computer a moment ago, and is not any more.", MISSING)
    compilation.tell(f"Compiling for {board.title} with arduino-cli; the first time, this may take minutes.")
    work = compilation.sketch.parent
    build = work / "build"
    build.mkdir()
    argv = cli.argv("compile", "-b", board.fqbn, "--build-path", str(build), "--warnings", "default")
    try:
        output = await run_tool([*argv, str(compilation.sketch)], work, limit=_COMPILE_LIMIT)
    except OSError as error:
        raise CompileFailure(
            f"arduino-cli cannot be started ({error.strerror or 'no reason given'}). Nothing was sent to a board.",
            f"Install it again: {GET}.",
        ) from None
    except TimeoutError:
        raise CompileFailure(
            f"arduino-cli did not end within {_COMPILE_LIMIT / 60:.0f} minutes and was stopped. Nothing was sent to a board.",
            "Look whether this computer is busy or short of memory, then try again.",
        ) from None
    answer = compiled_of(output.stdout, output.stderr)
    if output.exit_code != 0 or not answer.success:
        raise _failure(output, answer, compilation)
    return _outputs(build, answer, board)


def _failure(output: Output, answer: Compiled, compilation: Compilation) -> CompileFailure:
    artefact, board = compilation.artefact, compilation.board
    said = clean(answer.error or " ".join(answer.log[-3:]), 300).rstrip(". ") or f"it {output.ending}"
    if output.exit_code == NETWORK:
        return CompileFailure(
            f"arduino-cli wanted something from the network and did not get it: {said}. Nothing was sent to a board.",
            f"Connect this computer to the internet once and run `arduino-cli core update-index`, then `{core_command(board)}`.",
        )
    if lacks_core(output.exit_code, answer.error):
        return CompileFailure(
            f"arduino-cli has no usable core for {board.title}: {said}. Nothing was sent to a board.",
            f"Run `{core_command(board)}`.",
        )
    if answer.usage is not None and answer.limits is not None:
        too_large = sizes.excess(board, answer.usage, artefact.leaves)
        if too_large is not None:
            return CompileFailure(*too_large)
    for line in answer.log:
        header = _HEADER.search(line)
        if header is not None and not header[1].startswith(_OURS):
            return CompileFailure(
                f"The program needs the Arduino library with {header[1]}.h, which is not installed. Nothing was sent to a board.",
                f"Run `arduino-cli lib install {header[1].rpartition('/')[2]}`; `arduino-cli lib search {header[1].rpartition('/')[2]}` "
                "finds it under another name.",
            )
    whole = Output(output.exit_code, "", "\n".join(answer.log))
    fault = messages.computers_fault("arduino-cli", whole, f"Run `{core_command(board)}` again.")
    if fault is not None:
        return fault
    if output.exit_code != 1 or not messages.has_errors(answer.log, artefact):
        return CompileFailure(
            f"arduino-cli could not compile the program: {said}. Nothing was sent to a board.",
            f"Run `arduino-cli compile -b {board.fqbn}` on a sketch of Arduino's own: if that fails too, it is arduino-cli or its core.",
        )
    return messages.refusal("arduino-cli", answer.log, artefact, board)


def _outputs(build: Path, answer: Compiled, board: Board) -> Outputs:
    made = {path.name: path for path in build.glob(f"{SKETCH}.ino.*") if path.suffix != ".map"}
    data = {name: data for name, path in sorted(made.items()) if (data := _product(path)) is not None}
    files = {kind: data[f"{SKETCH}.ino.{name}"] for name, kind in _PRODUCTS.items() if f"{SKETCH}.ino.{name}" in data}
    # An ESP32 takes three files beside the program; the third is the core's own, and not in the build's folder.
    boot = Path(answer.properties.get("runtime.platform.path", ""), "tools", "partitions", _BOOT_APP0)
    start = _product(boot) if "program.partitions.bin" in files and boot.is_absolute() else None
    if start is not None:
        files[_BOOT_APP0] = start
    order = (
        ("program.hex", "program.bin")
        if board.family in ("avr", "megaavr")
        else ("program.uf2", "program.bin", "program.hex")
    )
    main = next((name for name in order if name in files), None)
    if main is None:
        raise CompileFailure(
            f"arduino-cli reports success, but made no file that {board.title} takes. Nothing was sent to a board.",
            "Update arduino-cli and the board's core (`arduino-cli core upgrade`), then try again.",
        )
    return Outputs(files, main, answer.usage, answer.log, data)


def _product(path: Path) -> bytes | None:
    """A file that was made; None when it is none, or larger than any board's memory."""
    return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST_PRODUCT else None


_answers: dict[tuple[object, ...], tuple[float, object]] = {}


def _remembered(key: tuple[object, ...], ask: Callable[[], _Answer]) -> _Answer:
    """What was answered less than ten seconds ago, or the answer now: a table of boards asks once, a user who installs a core is seen."""
    known = _answers.get(key)
    if known is None or time.monotonic() - known[0] > _REMEMBERED:
        known = _answers[key] = (time.monotonic(), ask())
    return cast("_Answer", known[1])


def _probe(path: str) -> ArduinoCli | None:
    for words in _JSON:
        output = ask_tool([path, "version", *words], limit=_ASK_LIMIT)
        version = version_of(output.stdout) if output is not None and output.exit_code == 0 else None
        if version is not None:
            return ArduinoCli(path, version, words)
    return None
