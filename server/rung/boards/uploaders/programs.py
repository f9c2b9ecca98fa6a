"""Uploaders that are programs of their own, one row a program: how it is found, its command line, and what its output means.

Their texts are those of avrdude 7.1, bossac 1.9.1, dfu-util 0.11, esptool 5.6 (and 4) and stm32loader 0.7.1.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from rung.boards.process import find_program
from rung.boards.uploaders import command_lines
from rung.boards.uploaders.command_lines import BIN, HEX, esp_files
from rung.boards.uploaders.row import Upload
from rung.boards.uploaders.running import Heading
from rung.runtimes.errors import Kind


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a text in a program's output means: `pattern` is looked for in all of it; its first group, if it has one, stands for `{found}`."""

    pattern: str
    kind: Kind
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Program:
    """A row. `names` are looked for on the path, then `module` in this Python. `arguments` is given the upload and the port that counts by then.
    `urls` says whether it opens `rfc2217://` itself, `bridge` whether a terminal may stand for such a port, `serial` whether it needs a port at all (dfu-util finds the board by its USB numbers).
    `success` in the output means success whatever the exit code says. `get` is the command that installs it, on Linux, macOS and Windows."""

    name: str
    names: tuple[str, ...]
    module: str
    get: tuple[str, str, str]
    tried: str
    files: Callable[[Upload], tuple[str, ...]]
    arguments: Callable[[Upload, str], list[str]]
    headings: Callable[[Upload], Sequence[Heading]]
    meanings: tuple[Meaning, ...]
    urls: bool = False
    bridge: bool = False
    serial: bool = True
    success: str = ""
    idle: float = 15.0

    def command(self) -> list[str]:
        """The words that start it; empty when it is not installed."""
        path = next((path for name in self.names if (path := find_program(name)) is not None), None)
        if path is not None:
            return [path]
        if self.module and importlib.util.find_spec(self.module) is not None:
            return [sys.executable, "-m", self.module]
        return []

    @property
    def missing(self) -> str:
        """How to get it."""
        linux, mac, windows = self.get
        return f"Get {self.name}: {windows if sys.platform == 'win32' else mac if sys.platform == 'darwin' else linux}"


def _pip(name: str) -> tuple[str, str, str]:
    return (f"pip install {name}",) * 3


def _esp_headings(upload: Upload) -> list[Heading]:
    files = [Heading(r"Writing at|Compressed", "Writing")]
    files += [
        Heading(r"Hash of data verified[\s\S]*?(?:Writing at|Compressed)", "Writing") for _ in esp_files(upload)[1:]
    ]
    return [Heading(r"Connecting|Connected", "Connecting", changes=False), *files]


_CABLE: Final = "Check the cable, and upload again."
_WRONG_BOARD: Final = "Choose the board that is plugged in, or the port of the right board."
_BUSY: Final = Meaning(
    r"[Dd]evice or resource busy|Errno 16|PermissionError\(13",
    Kind.BUSY,
    "{port} is in use by another program.",
    "Close it, then try again.",
)
# Only of the port: a program's own settings may be missing or closed as well.
_DENIED: Final = Meaning(
    r"open (?:device|port)[^\n]*Permission denied|Permission denied: '/dev/",
    Kind.CREDENTIALS,
    "You have no permission to open {port}.",
    "rung boards --ports says how to get it.",
)
_GONE: Final = Meaning(
    r"open (?:device|port)[^\n]*(?:No such file or directory|cannot find the file|FileNotFoundError)",
    Kind.DNS,
    "There is no port {port} any more.",
    "Plug the board in again.",
)
_UNPLUGGED: Final = Meaning(
    r"Input/output error|device reports readiness to read but|No such device|write failed|disconnected",
    Kind.LOST,
    "The connection to the board on {port} was lost.",
    _CABLE,
)

PROGRAMS: Final = (
    Program(
        name="avrdude",
        names=("avrdude",),
        module="",
        get=(
            "sudo apt install avrdude",
            "brew install avrdude",
            "https://github.com/avrdudes/avrdude/releases, and put its folder on the PATH",
        ),
        tried="tried with Arduino's bootloaders of Uno, Nano and Mega on emulated chips; other boards not tried on hardware",
        bridge=True,
        files=lambda upload: (HEX,),
        arguments=command_lines.avrdude,
        headings=lambda upload: (
            Heading(r"Writing \|", "Writing"),
            Heading(r"Reading \|", "Reading back", changes=False),
        ),
        meanings=(
            _BUSY,
            _DENIED,
            _GONE,
            Meaning(
                r"signature = (0x[0-9a-fA-F]{6}|(?:0x[0-9a-fA-F]{2} ?){3})[\s\S]*expected signature",
                Kind.NOT_OURS,
                "The chip on {port} is not the one of {board}: its signature is {found}.",
                _WRONG_BOARD,
            ),
            Meaning(
                r"verification (?:error|mismatch)|mismatch",
                Kind.UPLOAD_REFUSED,
                "{board} does not hold what was written to it.",
                "Upload again. If it happens again, try another cable; the chip's flash may be worn out.",
            ),
            _UNPLUGGED,
            Meaning(
                r"not in sync|timeout communicating|not responding|getsync|programmer is not",
                Kind.TIMEOUT,
                "The bootloader of {board} on {port} did not answer.",
                "{causes}",
            ),
        ),
    ),
    Program(
        name="bossac",
        names=("bossac",),
        module="",
        get=(
            "sudo apt install bossa-cli",
            "brew install --cask bossa",
            "https://github.com/shumatech/BOSSA/releases, and put its folder on the PATH",
        ),
        tried="not tried on hardware",
        files=lambda upload: (BIN,),
        arguments=command_lines.bossac,
        headings=lambda upload: (
            Heading(r"Erase flash", "Erasing"),
            Heading(r"Write \d+ bytes", "Writing"),
            Heading(r"Verify \d+ bytes", "Comparing", changes=False),
        ),
        meanings=(
            _BUSY,
            _DENIED,
            Meaning(
                r"No device found",
                Kind.TIMEOUT,
                "The bootloader of {board} on {port} did not answer.",
                "Press the reset button twice in a row (on a Due: ERASE, then RESET), choose the port that the board has then, and upload again.",
            ),
            Meaning(
                r"Device unsupported|[Uu]nsupported device",
                Kind.NOT_OURS,
                "bossac does not know the chip on {port}.",
                _WRONG_BOARD,
            ),
            Meaning(
                r"Verify failed", Kind.UPLOAD_REFUSED, "{board} does not hold what was written to it.", "Upload again."
            ),
            Meaning(
                r"unrecognized option",
                Kind.UPLOAD_REFUSED,
                "This version of bossac is too old: at least 1.9 is needed.",
                "Install a newer bossac, or upload with arduino-cli.",
            ),
            Meaning(r"SAM-BA operation failed", Kind.LOST, "The connection to the board on {port} was lost.", _CABLE),
        ),
    ),
    Program(
        name="dfu-util",
        names=("dfu-util",),
        module="",
        get=(
            "sudo apt install dfu-util",
            "brew install dfu-util",
            "https://dfu-util.sourceforge.net/releases, and put its folder on the PATH",
        ),
        tried="not tried on hardware",
        files=lambda upload: (BIN,),
        arguments=command_lines.dfu_util,
        headings=lambda upload: (Heading(r"Erase\s+\[|Download\s+\[|Copying data", "Writing"),),
        serial=False,
        # STM32's ROM leaves the bus before it has answered the last question, so dfu-util ends with an error after the whole program was taken.
        success=r"File downloaded successfully|(?m:^Done!$)",
        meanings=(
            Meaning(
                r"LIBUSB_ERROR_ACCESS|Cannot open DFU device",
                Kind.CREDENTIALS,
                "You have no permission to open the bootloader of {board}.",
                "{dfu_permission}",
            ),
            Meaning(
                r"No DFU capable USB device", Kind.TIMEOUT, "The bootloader of {board} did not appear.", "{dfu_start}"
            ),
            Meaning(
                r"More than one DFU capable",
                Kind.UPLOAD_REFUSED,
                "More than one board waits in its bootloader.",
                "Unplug the others, then upload again.",
            ),
            Meaning(
                r"[Ee]rror during download|LIBUSB_ERROR_(?:NO_DEVICE|PIPE|IO)|Lost device",
                Kind.LOST,
                "The connection to {board} was lost.",
                _CABLE,
            ),
        ),
    ),
    Program(
        name="esptool",
        names=("esptool", "esptool.py"),
        module="esptool",
        get=_pip("esptool"),
        tried="not tried on hardware",
        files=lambda upload: tuple(name for name, _ in esp_files(upload)),
        arguments=command_lines.esptool,
        headings=_esp_headings,
        meanings=(
            _BUSY,
            _DENIED,
            _GONE,
            Meaning(
                r"[Tt]his chip is (?:an? )?(ESP[\w-]+)",
                Kind.NOT_OURS,
                "The chip on {port} is an {found}, not the one of {board}.",
                _WRONG_BOARD,
            ),
            Meaning(
                r"Failed to connect|No serial data received|Wrong boot mode|Timed out waiting|[Ii]nvalid head of packet",
                Kind.TIMEOUT,
                "The bootloader of {board} on {port} did not answer.",
                "Hold the board's BOOT button while the upload begins. Is it the right board and port?",
            ),
            Meaning(
                r"MD5 of file does not match",
                Kind.UPLOAD_REFUSED,
                "{board} does not hold what was written to it.",
                "Upload again; at a lower baud rate if it happens again.",
            ),
            _UNPLUGGED,
        ),
        urls=True,
    ),
    Program(
        name="stm32loader",
        names=("stm32loader",),
        module="stm32loader",
        get=_pip("stm32loader"),
        tried="not tried on hardware",
        files=lambda upload: (BIN,),
        arguments=command_lines.stm32loader,
        headings=lambda upload: (
            Heading(r"rase", "Erasing"),
            Heading(r"Write (\d+) chunks", "Writing", each="bytes at 0x"),
            Heading(r"Read (\d+) chunks", "Comparing", changes=False, each="bytes at 0x"),
        ),
        meanings=(
            _BUSY,
            _DENIED,
            _GONE,
            Meaning(
                r"Can't init into bootloader|NoInitError|No response",
                Kind.TIMEOUT,
                "The bootloader of {board} on {port} did not answer.",
                "Set BOOT0 to 1, press reset, and upload again; afterwards set BOOT0 back to 0.",
            ),
            Meaning(
                r"Verification FAILED",
                Kind.UPLOAD_REFUSED,
                "{board} does not hold what was written to it.",
                "Upload again.",
            ),
            _UNPLUGGED,
        ),
        idle=30.0,  # erasing a large chip takes that long without a word
    ),
)
