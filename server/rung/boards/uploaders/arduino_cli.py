"""arduino-cli as an uploader: it knows how every board with an installed core is reached, touches it at 1200 bits per second and waits for its new port itself.

Source: arduino-cli's documentation and source, version 1.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from rung.boards.firmware import Firmware
from rung.boards.ports import check_port
from rung.boards.process import Output, find_program
from rung.boards.progress import FlashProgress
from rung.boards.toolchains.arduino_cli import (
    MISSING,
    NEEDS_PROGRAMMER,
    NETWORK,
    TRIED,
    core_command,
    find_arduino_cli,
    lacks_core,
)
from rung.boards.toolchains.arduino_cli_answers import fatal_of, upload_port_of
from rung.boards.toolchains.sketch import SKETCH
from rung.boards.touch import let_it_restart, wants_touch
from rung.boards.uploaders.row import Upload, UploaderRow
from rung.boards.uploaders.running import folder_with, run_program
from rung.boards.uploaders.sentences import UNCHANGED, UNKNOWN, no_answer
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

_LIMIT: Final = 180.0
"""Seconds for an upload; it tells nothing before its end. The largest takes one minute."""


def row(board: Board) -> UploaderRow:
    """The row for a board."""
    found = find_program("arduino-cli") is not None
    missing = "" if found else f"{MISSING} Then run `{core_command(board)}`."
    return UploaderRow("arduino-cli", "arduino-cli", found, missing, TRIED, _run)


async def _run(upload: Upload) -> str:
    cli = await asyncio.to_thread(find_arduino_cli)
    if cli is None:
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"What is called arduino-cli here does not answer as arduino-cli does. {UNCHANGED}",
            MISSING,
        )
    if "://" in upload.port:
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"arduino-cli uploads only to serial ports of this computer, not to {clean(upload.port, 200)}. {UNCHANGED}",
            "Choose another uploader, or plug the board into this computer.",
        )
    await asyncio.to_thread(check_port, upload.port)
    if not wants_touch(upload.board):
        await asyncio.to_thread(let_it_restart, upload.port)
    upload.progress(FlashProgress("upload", None, f"Uploading to {upload.board.title} with arduino-cli."))
    with folder_with(_inputs(upload.firmware)) as folder:
        output = await run_program(
            cli.argv("upload", "-b", upload.board.fqbn, "-p", upload.port, "--input-dir", str(folder)),
            upload,
            title="arduino-cli",
            folder=folder,
            port=None if wants_touch(upload.board) else upload.port,  # after a touch, it is another one
            idle=_LIMIT,
            whole=_LIMIT,
            hint=f"See that this is the right port and the right board, press its reset button, and upload again. {no_answer(upload.board)}",
        )
    if output.exit_code != 0:
        raise _failure(upload, output)
    upload.progress(FlashProgress("upload", 1.0, f"arduino-cli has written the program to {upload.board.title}."))
    return upload_port_of(output.stdout) or upload.port


def _inputs(firmware: Firmware) -> Mapping[str, bytes]:
    """The compiled program in files of arduino-cli's names: its own where it made them, else those of another toolchain."""
    if firmware.uploads:
        return firmware.uploads
    return {
        name.replace("program.", f"{SKETCH}.ino.", 1) if name.startswith("program.") else name: data
        for name, data in firmware.files.items()
    }


def _failure(upload: Upload, output: Output) -> RuntimeFailure:
    fatal = fatal_of(output.stderr)
    title = upload.board.title
    said = clean(" ".join((*fatal.output[-3:], fatal.error)), 400).strip().rstrip(".") or f"it {output.ending}"
    if output.exit_code == NEEDS_PROGRAMMER:
        return RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{title} takes a program only through a programmer, which arduino-cli was not given. {UNCHANGED}",
            "Choose another uploader for this board.",
        )
    if output.exit_code == NETWORK or lacks_core(output.exit_code, fatal.error):
        return RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"arduino-cli lacks what it needs to reach {title}: {said}. {UNCHANGED}",
            f"Run `{core_command(upload.board)}`, with this computer connected to the internet.",
        )
    return RuntimeFailure(
        Kind.UPLOAD_REFUSED,
        f"arduino-cli could not write the program to {title}: {said}. {UNKNOWN}",
        f"See that this is the right port, that no other program uses it, and press the board's reset button. {no_answer(upload.board)}",
    )
