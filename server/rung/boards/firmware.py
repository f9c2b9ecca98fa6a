"""What a toolchain makes of a program: the files that an uploader takes, and how much of the board they fill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Firmware:
    """A compiled program for one board.

    `files` holds the toolchain's outputs by name (`program.hex`, `program.bin`, `program.uf2`, with a bootloader's parts beside where the board
    needs them); `main` names the one that `rung build` writes. `md5` is what the running firmware answers. `flash_bytes` and `ram_bytes` are used, static
    RAM only. `uploads` are the files that arduino-cli made, by its names, for its uploader.
    """

    board: str
    toolchain: str
    main: str
    files: Mapping[str, bytes]
    md5: str
    flash_bytes: int
    ram_bytes: int
    warnings: tuple[str, ...] = ()
    uploads: Mapping[str, bytes] | None = None
