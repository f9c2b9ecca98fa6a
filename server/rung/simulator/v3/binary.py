"""The one program that the device has built last: what `start` runs, whatever was uploaded since.

Invariant: library and description are replaced together, only after a compile that went well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rung.simulator.storage import write_private

_LIBRARY: Final = "openplc.so"
_DESCRIPTION: Final = "openplc.json"
BLANK_MD5: Final = "b1a8c0845d49d1bc43ac3b252b41788d"

# Bytes of a value on the wire (section 5.2). Times and dates are seconds and nanoseconds, 32 bits each.
SIZES: Final[Mapping[str, int]] = {
    "BOOL": 1, "SINT": 1, "USINT": 1, "BYTE": 1, "INT": 2, "UINT": 2, "WORD": 2, "DINT": 4, "UDINT": 4, "DWORD": 4, "REAL": 4,
    "LINT": 8, "ULINT": 8, "LWORD": 8, "LREAL": 8, "TIME": 8, "DATE": 8, "TOD": 8, "DT": 8, "STRING": 127,
}  # fmt: skip
PAIRS: Final = frozenset({"TIME", "DATE", "TOD", "DT"})


@dataclass(frozen=True, slots=True)
class DebugVariable:
    """One entry of `debug_vars`.

    `array` and `element` are its address in the program that runs here, `width` the bytes it has there; `array` None: a variable that
    only the C code of a real v3 has (EN, STATE, ...), which always reads `constant`. One that is not `forceable` takes no notice of being forced.
    """

    path: str
    type: str
    array: int | None
    element: int
    width: int = 0
    constant: int = 0
    forceable: bool = True

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return SIZES[self.type]


@dataclass(frozen=True, slots=True)
class LocatedVariable:
    """A variable with an address: `area` I, Q or M; `size` X, B, W, D or L; `bit` 0 to 7 for X; where it is read as in DebugVariable."""

    area: str
    size: str
    index: int
    bit: int
    type: str
    array: int
    element: int
    width: int


@dataclass(frozen=True, slots=True)
class Binary:
    """A built program. `library` is its file, relative to the device's folder, None for the blank program of a new device."""

    library: str | None = None
    md5: str = BLANK_MD5
    variables: tuple[DebugVariable, ...] = ()
    located: tuple[LocatedVariable, ...] = ()


def load_binary(folder: Path) -> Binary:
    """The device's binary; the blank program when nothing was built yet, or when what is stored is not whole."""
    try:
        content: dict[str, Any] = json.loads((folder / _DESCRIPTION).read_bytes())
        variables = tuple(DebugVariable(**entry) for entry in content["variables"])
        located = tuple(LocatedVariable(**entry) for entry in content["located"])
        binary = Binary(_LIBRARY, str(content["md5"]), variables, located)
    except (OSError, ValueError, TypeError, KeyError):
        return Binary()
    return binary if (folder / _LIBRARY).is_file() else Binary()


def install_binary(folder: Path, library: Path, binary: Binary) -> Binary:
    """Put a library that was just built in place of the old one.

    Raises:
        OSError: the folder cannot be written.
    """
    (folder / _DESCRIPTION).unlink(missing_ok=True)
    library.replace(folder / _LIBRARY)
    content = {
        "md5": binary.md5,
        "variables": [asdict(entry) for entry in binary.variables],
        "located": [asdict(entry) for entry in binary.located],
    }
    write_private(folder / _DESCRIPTION, json.dumps(content).encode())
    return Binary(_LIBRARY, binary.md5, binary.variables, binary.located)
