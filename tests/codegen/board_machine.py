"""Boards for tests of their firmware: one without hardware, on this computer, whose compiler watches every access to memory; and how
firmware is compiled for a chip.

The board speaks Modbus RTU by a master of the tests' own (`FakeBoard.ask`), whose checksum is not the firmware's.
"""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from codegen.probes import checked
from rung.codegen.artefact import Artefact, Leaf
from rung.codegen.build import build_artefact
from rung.codegen.toolchain import find_toolchain
from rung.targets.board import Board, SerialSettings, find_board

_FAKE = Path(__file__).parent / "fake_arduino"
_WATCHED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
BARE = (
    "avr-g++", "-Os", "-flto", "-std=gnu++11", "-ffunction-sections", "-fdata-sections", "-fno-exceptions", "-fno-threadsafe-statics",
    "-Wall", "-Werror", "-DRUNG_BARE", "-Wl,--gc-sections", "-mrelax",
)  # fmt: skip


def board_named(name: str) -> Board:
    """Return a row of the table."""
    board = find_board(name)
    assert board is not None, name
    return board


def build(text: str, board: Board | str = "uno", serial: SerialSettings | None = None) -> Artefact:
    """Build a program for a board."""
    row = board_named(board) if isinstance(board, str) else board
    program, sources = checked(text, "plant.st")
    return build_artefact(program, row.name, sources, board=row, serial=serial)


def files(artefact: Artefact) -> dict[str, str]:
    """The sketch's files by name."""
    with zipfile.ZipFile(io.BytesIO(artefact.data)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _unpack(artefact: Artefact, folder: Path) -> Path:
    for name, text in files(artefact).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "rung"


def _execute(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Compiled:
    """Firmware for a chip: an Intel HEX file, and the bytes of flash and static RAM that it takes."""

    hex: bytes
    flash: int
    ram: int


def compile_bare(artefact: Artefact, folder: Path, **defects: tuple[str, str]) -> Compiled:
    """Compile a sketch without the Arduino core, as Debian's avr-gcc does, with all its warnings as errors. `defects` are built into the
    support headers of these names: in place of the first text the second."""
    board = board_named(artefact.target)
    sketch = _unpack(artefact, folder)
    for name, (sound, defective) in defects.items():
        header = sketch / f"{name}.hpp"
        whole = header.read_text(encoding="utf-8")
        assert sound in whole, sound
        header.write_text(whole.replace(sound, defective), encoding="utf-8")
    _execute([*BARE, f"-mmcu={board.mcu}", f"-DF_CPU={board.clock_hz}UL", "program.cpp", "-o", "program.elf"], sketch)
    _execute(["avr-objcopy", "-O", "ihex", "program.elf", "program.hex"], sketch)
    text, data, bss = map(int, _execute(["avr-size", "program.elf"], sketch).splitlines()[1].split()[:3])
    return Compiled((sketch / "program.hex").read_bytes(), text + data, data + bss)


def compile_fake(artefact: Artefact, folder: Path) -> Path:
    """Compile a sketch for this computer, with the compiler's checks of memory and arithmetic; returns the executable."""
    toolchain = find_toolchain()
    assert toolchain is not None
    sketch = _unpack(artefact, folder)
    flags = ("-std=gnu++11", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", *_WATCHED, f"-I{_FAKE}")
    _execute([*toolchain.command, *flags, "program.cpp", str(_FAKE / "board.cpp"), "-o", "board"], sketch)
    return sketch / "board"


def checksum(data: bytes) -> bytes:
    """Return the CRC of a Modbus frame, low byte first (Modbus over serial line 1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def framed(pdu: bytes, slave: int = 1) -> bytes:
    """Return a request as a frame."""
    return (frame := bytes([slave]) + pdu) + checksum(frame)


@dataclass
class FakeBoard:
    """A running board of `compile_fake`. Time stands still between calls. A wrong access to memory ends it, and the next call fails."""

    artefact: Artefact
    executable: Path
    leaves: dict[str, Leaf] = field(init=False)

    def __post_init__(self) -> None:
        self.leaves = {leaf.path: leaf for leaf in self.artefact.leaves}

    def __enter__(self) -> FakeBoard:
        self._process = subprocess.Popen(
            [self.executable], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=10)

    def _do(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._process.stderr.read()
        return answer.strip()

    def wait(self, milliseconds: float) -> None:
        """Let the board run."""
        self._do(f"time {round(milliseconds * 1000)}")

    def run_slowly(self, microseconds: int, loops: int) -> None:
        """Let the board run some loops, each of which takes so long."""
        self._do(f"slow {microseconds} {loops}")

    def room(self, count: int) -> None:
        """So many bytes can be sent at a time from now on."""
        self._do(f"room {count}")

    def pin(self, number: int) -> int | None:
        """The level of a pin, None where it was not set up."""
        level = int(self._do(f"pin {number}"))
        return None if level < 0 else level

    def drive(self, number: int, level: int) -> None:
        """Set the level of an input pin, or what an analog one reads."""
        self._do(f"drive {number} {level}")

    def send(self, data: bytes) -> None:
        """Put bytes on the line."""
        if data:
            self._do(f"send {data.hex()}")

    def take(self) -> bytes:
        """Everything that the board has sent since the last call."""
        return bytes.fromhex(self._do("take"))

    def exchange(self, frame: bytes, milliseconds: float = 5) -> bytes:
        """Send bytes and return what comes back within a time."""
        self.take()
        self.send(frame)
        self.wait(milliseconds)
        return self.take()

    def ask(self, pdu: bytes, slave: int = 1) -> bytes:
        """Send a request and return the answer without slave number and checksum, which must be right; nothing if there was none."""
        answer = self.exchange(framed(pdu, slave))
        if not answer:
            return b""
        assert answer == framed(answer[1:-2], slave), answer.hex(" ")
        return answer[1:-2]

    def read(self, *paths: str) -> list[bytes]:
        """The bytes of variables, in one answer."""
        leaves = [self.leaves[path] for path in paths]
        answer = self.ask(struct.pack(f">BH{len(leaves)}H", 0x44, len(leaves), *(leaf.element for leaf in leaves)))
        assert answer[:2] == b"\x44\x7e", answer.hex(" ")
        last, _, size = struct.unpack(">HIH", answer[2:10])
        assert last == leaves[-1].element
        assert size == len(answer) - 10
        data, values = answer[10:], []
        for leaf in leaves:
            values.append(data[: leaf.size])
            data = data[leaf.size :]
        assert data == b""
        return values

    def number(self, path: str, signed: bool = False) -> int:
        """The value of an integer variable."""
        return int.from_bytes(self.read(path)[0], "little", signed=signed)

    def force(self, path: str, value: bytes) -> int:
        """Force a variable; returns the status byte."""
        answer = self.ask(struct.pack(">BHBH", 0x42, self.leaves[path].element, 1, len(value)) + value)
        assert len(answer) == 2
        assert answer[0] == 0x42
        return answer[1]

    def release(self, path: str) -> int:
        """Release a variable; returns the status byte."""
        return self.ask(struct.pack(">BHBH", 0x42, self.leaves[path].element, 0, 1) + b"\0")[1]
