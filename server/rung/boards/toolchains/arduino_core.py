"""avr-gcc with the Arduino AVR core: the core's own recipes (`platform.txt`), run without arduino-cli, for the boards of `arduino:avr`.

The core is Debian's (package arduino-core-avr) or the one that arduino-cli or the Arduino IDE keeps. It is compiled once for each chip and kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.boards.toolchains import cache, messages
from rung.boards.toolchains.arduino15 import newest, packages
from rung.boards.toolchains.avr_gcc import FLAGS, LINK, MISSING, AvrGcc, chip_flags, find_avr_gcc
from rung.boards.toolchains.row import Compilation, CompileFailure, Outputs, ToolchainRow
from rung.runtimes.device_text import clean
from rung.targets.board import Board

CORE: Final = "arduino:avr"
DEBIAN_CORE: Final = Path("/usr/share/arduino/hardware/arduino/avr")
_MISSING: Final = (
    "The Arduino AVR core is not on this computer. Get it with `apt install arduino-core-avr gcc-avr avr-libc` (Debian, Ubuntu) or "
    f"`arduino-cli core install {CORE}`."
)
# DECIMAL_DIG: gcc 5.4 does not define it in C++, and the core uses it; `-w`: what a compiler says of the core is not for our users.
_DEFINES: Final = ("-DARDUINO=10819", "-DARDUINO_ARCH_AVR", "-DDECIMAL_DIG=__DECIMAL_DIG__")
_C_FLAGS: Final = ("-std=gnu11", "-Os", "-flto", "-ffunction-sections", "-fdata-sections", "-fno-fat-lto-objects", "-w")
_CPP_FLAGS: Final = (*FLAGS, "-fpermissive", "-Wno-error=narrowing", "-w")
_LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {
    ".c": ("avr-gcc", *_C_FLAGS),
    ".S": ("avr-gcc", "-x", "assembler-with-cpp", "-flto"),
    ".cpp": ("avr-g++", *_CPP_FLAGS),
}


@dataclass(frozen=True, slots=True)
class Core:
    """An Arduino core's folder, and the properties of one board in its `boards.txt`."""

    folder: Path
    properties: Mapping[str, str]

    @property
    def identity(self) -> str:
        """Changes when the core does."""
        state = (self.folder / "platform.txt").stat()
        return f"{self.folder} {state.st_size} {state.st_mtime_ns} {' '.join(self.flags)}"

    @property
    def sources(self) -> list[Path]:
        """The core's own files and those of the board's variant, in a fixed order."""
        return sorted(path for folder in self.includes for path in folder.rglob("*") if path.suffix in _LANGUAGES)

    @property
    def includes(self) -> list[Path]:
        """The folders of its headers."""
        return [
            self.folder / "cores" / self.properties["build.core"],
            self.folder / "variants" / self.properties["build.variant"],
        ]

    @property
    def flags(self) -> list[str]:
        """The flags that every file gets: which board it is, its USB names if it speaks USB itself, and where headers are."""
        flags = [*_DEFINES, f"-DARDUINO_{self.properties['build.board']}"]
        if "build.vid" in self.properties:
            product = self.properties.get("build.usb_product", '"Unknown"')
            flags += [f"-DUSB_VID={self.properties['build.vid']}", f"-DUSB_PID={self.properties['build.pid']}"]
            flags += ['-DUSB_MANUFACTURER="Unknown"', f"-DUSB_PRODUCT={product}"]
        return [*flags, *(f"-I{folder}" for folder in self.includes)]


def find_core(board: Board) -> Core | None:
    """Return the core for a board, None when there is none on this computer that knows the board."""
    for folder in (DEBIAN_CORE, newest(packages() / "arduino" / "hardware" / "avr")):
        if folder is None:
            continue
        try:
            text = (folder / "boards.txt").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        properties = board_properties(text, board.fqbn)
        if {"build.core", "build.variant", "build.board"} <= properties.keys():
            return Core(folder, properties)
    return None


def board_properties(text: str, fqbn: str) -> dict[str, str]:
    """Return what a `boards.txt` says of a board, with the chosen or else the first option of each of its menus.

    Args:
        text: the file.
        fqbn: `arduino:avr:nano:cpu=atmega328old`.
    """
    _, _, name, *options = fqbn.split(":")
    chosen = dict(option.split("=", 1) for option in ",".join(options).split(",") if "=" in option)
    found: dict[str, str] = {}
    menus: dict[str, dict[str, dict[str, str]]] = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if not equals or not key.startswith(f"{name}."):
            continue
        words = key.split(".")[1:]
        if words[0] == "menu" and len(words) == 3:
            continue  # the option's title
        if words[0] == "menu" and len(words) > 3:
            menus.setdefault(words[1], {}).setdefault(words[2], {})[".".join(words[3:])] = value
        else:
            found[".".join(words)] = value
    for menu, choices in menus.items():
        found.update(choices.get(chosen.get(menu, ""), next(iter(choices.values()))))
    return found


def row(board: Board) -> ToolchainRow | None:
    """The row for a board; None for one of another core."""
    if board.core != CORE or not board.mcu:
        return None
    compiler, core = find_avr_gcc(), find_core(board)
    missing = " ".join(text for text, there in ((MISSING, compiler), (_MISSING, core)) if there is None)
    identity = f"{compiler.identity} {core.identity}" if compiler and core else ""
    return ToolchainRow(
        "arduino-core",
        "avr-gcc with the Arduino core",
        not missing,
        missing,
        "tried: what it compiles for an Uno runs on an emulated chip",
        identity,
        _compile,
    )


async def _compile(compilation: Compilation) -> Outputs:
    board = compilation.board
    compiler, core = find_avr_gcc(), find_core(board)
    if compiler is None or core is None:
        raise CompileFailure("The Arduino core was on this computer a moment ago, and is not any more.", _MISSING)
    archive = await _core_archive(compilation, compiler, core)
    compilation.tell(f"Compiling for {board.title} with avr-gcc and the Arduino core.")
    flags = [*chip_flags(board), *FLAGS, "-fpermissive", *core.flags, *LINK]
    return await compiler.link(compilation, flags, [str(archive)])


async def _core_archive(compilation: Compilation, compiler: AvrGcc, core: Core) -> Path:
    """The compiled core, made first if need be."""
    flags = [*chip_flags(compilation.board), *core.flags]
    state = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in core.sources]
    made_of = repr((compiler.identity, flags, state, sorted(_LANGUAGES.items()))).encode()
    kept = cache.cache_folder() / "cores" / f"{hashlib.sha256(made_of).hexdigest()[:40]}.a"
    if cache.is_ours() and kept.exists():
        return kept
    compilation.tell(f"Compiling the Arduino core for {compilation.board.mcu}; this is done once.")
    work = compilation.sketch.parent
    (work / "core").mkdir()
    turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def run(argv: Sequence[str]) -> None:
        output = await compiler.run(work, argv)
        if output.exit_code != 0:
            fault = messages.computers_fault("avr-gcc", output, _MISSING)
            if fault is not None:
                raise fault
            first = next((line for line in output.stderr.splitlines() if "error" in line), "it says nothing")
            raise CompileFailure(
                f"The Arduino core in {core.folder} does not compile with the avr-gcc in {compiler.folder}: {clean(first, 300)}. "
                "Nothing was sent to a board.",
                f"Install both again, from the same source. {_MISSING}",
            )

    async def one(number: int, source: Path) -> str:
        target = f"core/{number}.{source.name}.o"
        async with turns:
            await run([*_LANGUAGES[source.suffix], *flags, "-c", str(source), "-o", target])
        return target

    objects = await _all([asyncio.ensure_future(one(*item)) for item in enumerate(core.sources)])
    await run(["avr-gcc-ar", "rcs", "core.a", *objects])
    return _keep(work / "core.a", kept)


async def _all(tasks: Sequence[asyncio.Future[str]]) -> list[str]:
    """The results of all; when one fails or we are cancelled, the others have ended before that is told."""
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _keep(archive: Path, kept: Path) -> Path:
    """Move an archive to where it is kept, whole; where that cannot be written, it is used where it is."""
    try:
        with tempfile.TemporaryDirectory(prefix="new-", dir=cache.made_folder(), ignore_cleanup_errors=True) as new:
            kept.parent.mkdir(exist_ok=True)
            os.replace(shutil.copyfile(archive, Path(new, kept.name)), kept)
    except OSError:
        return archive
    return kept
