"""Does an upload with a program of its own: from the 1200-bps touch over the program's run to the port that the board has afterwards.

Invariant: the program sees one folder, with the compiled files under fixed names, and a port that was checked.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from rung.boards.permission import udev_hint
from rung.boards.ports import check_port, list_ports
from rung.boards.process import Output
from rung.boards.progress import FlashProgress
from rung.boards.touch import let_it_restart, touch_1200, wait_for_port, wants_touch
from rung.boards.uploaders.bridge import CAN_BRIDGE, bridged
from rung.boards.uploaders.programs import Meaning, Program
from rung.boards.uploaders.row import MakeRow, Upload, UploaderRow
from rung.boards.uploaders.running import Bars, folder_with, run_program
from rung.boards.uploaders.sentences import PARTIAL, UNCHANGED, no_answer
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board

_WAITING = "Starting the bootloader"


def row_of(program: Program) -> MakeRow:
    """Return what makes the row of a program for a board."""

    async def run(upload: Upload) -> str:
        return await _run(program, upload)

    def row(board: Board) -> UploaderRow:
        found = bool(program.command())
        return UploaderRow(program.name, program.name, found, "" if found else program.missing, program.tried, run)

    return row


async def _run(program: Program, upload: Upload) -> str:
    files = {name: upload.firmware.files.get(name) for name in program.files(upload)}
    absent = next((name for name, data in files.items() if data is None), None)
    if absent is not None:
        raise RuntimeFailure(
            Kind.COMPILE_FAILED,
            f"The toolchain {upload.firmware.toolchain} made no {absent}, which {program.name} writes to {upload.board.title}. {UNCHANGED}",
            "Choose another toolchain, or upload with arduino-cli.",
        )
    command = program.command()
    if not command:
        raise RuntimeFailure(Kind.UPLOAD_REFUSED, f"{program.name} is not installed. {UNCHANGED}", program.missing)
    port = await _bootloader_port(program, upload)
    before = await asyncio.to_thread(list_ports)
    meter = Bars(program.headings(upload), _WAITING)
    whole = {name: data for name, data in files.items() if data is not None}
    async with _device(program, upload.board, port) as device:
        with folder_with(whole) as folder:
            output = await run_program(
                [*command, *program.arguments(upload, device)],
                upload,
                title=program.name,
                meter=meter,
                folder=folder,
                port=port if program.serial and "://" not in port else None,
                idle=program.idle,
                hint=_start_by_hand(upload.board) if not program.serial else no_answer(upload.board),
            )
    if output.exit_code != 0 and not (program.success and re.search(program.success, output.text)):
        raise _failure(program, upload, port, output, begun=bool(meter.begun))
    upload.progress(FlashProgress("upload", 1.0, f"{program.name} has written the program"))
    if not upload.board.upload.get("wait_port") and program.serial:
        return upload.port
    try:
        return await wait_for_port(before, upload.board, upload.port if not program.serial else port)
    except RuntimeFailure:
        raise RuntimeFailure(
            Kind.LOST,
            f"{upload.board.title} was written, but did not come back with a serial port, so it is not known whether the program runs.",
            "Press the board's reset button, choose its port, and connect.",
        ) from None


async def _bootloader_port(program: Program, upload: Upload) -> str:
    """Start the bootloader where that needs a touch, and return its port."""
    board, port = upload.board, upload.port
    upload.progress(FlashProgress("upload", None, _WAITING))
    if "://" in port and (wants_touch(board) or not (program.urls or _bridges(program))):
        raise RuntimeFailure(
            Kind.UPLOAD_REFUSED,
            f"{program.name} cannot write to {board.title} over the address {clean(port, 200)}. {UNCHANGED}",
            "Plug the board into this computer, or choose another uploader.",
        )
    if not program.serial and not await asyncio.to_thread(_usable, port):
        return port  # the board may wait in its bootloader already, where it has no serial port
    await asyncio.to_thread(check_port, port)
    if not wants_touch(board):
        await asyncio.to_thread(let_it_restart, port)
        return port
    before = await asyncio.to_thread(list_ports)
    await asyncio.to_thread(touch_1200, board, port)
    if not program.serial:
        await asyncio.sleep(1.0)
        return port
    if not board.upload.get("wait_port"):
        await asyncio.sleep(0.5)
        return port
    return await wait_for_port(before, board, port)


def _bridges(program: Program) -> bool:
    return program.bridge and CAN_BRIDGE


@asynccontextmanager
async def _device(program: Program, board: Board, port: str) -> AsyncIterator[str]:
    """What a program is to open for a port."""
    with ExitStack() as stack:
        if "://" in port and not program.urls:
            way = bridged(port, int(board.upload["baud"]))
            port = await asyncio.to_thread(stack.enter_context, way)
        yield port


def _usable(port: str) -> bool:
    try:
        check_port(port)
    except RuntimeFailure as failure:
        return failure.kind is not Kind.DNS
    return True


def _failure(program: Program, upload: Upload, port: str, output: Output, *, begun: bool) -> RuntimeFailure:
    left = PARTIAL if begun else UNCHANGED
    board = upload.board
    for meaning in program.meanings:
        match = re.search(meaning.pattern, output.text)
        if match is not None:
            return _meant(meaning, match, board, port, left)
    last = [line for line in (clean(line, 300).strip() for line in output.text.splitlines()) if line][-3:]
    said = f" Its last words: {' | '.join(last)}" if last else ""
    return RuntimeFailure(
        Kind.UPLOAD_REFUSED,
        f"{program.name} {output.ending} and did not put the program on {board.title}. {left}{said}",
        "The lines before say why. Check board and port, then upload again.",
    )


def _meant(meaning: Meaning, match: re.Match[str], board: Board, port: str, left: str) -> RuntimeFailure:
    words = {
        "port": clean(port, 200),
        "board": board.title,
        "found": clean(match[1], 80).strip() if match.re.groups else "",
    }
    hints = {"{causes}": no_answer, "{dfu_permission}": _dfu_permission, "{dfu_start}": _start_by_hand}
    message = re.sub(r"\{(\w+)\}", lambda name: words[name[1]], meaning.message)
    hint = hints[meaning.hint](board) if meaning.hint in hints else meaning.hint
    return RuntimeFailure(meaning.kind, f"{message} {left}", hint)


def _dfu_permission(board: Board) -> str:
    vid, _, pid = str(board.upload.get("dfu", "")).partition(":")
    return udev_hint("usb", int(vid, 16), int(pid, 16)) if vid and pid else udev_hint("usb", None, None)


def _start_by_hand(board: Board) -> str:
    if board.family != "stm32":
        return "Press the board's reset button twice in a row, so that its bootloader starts, and upload again. dfu-util 0.11 or newer is needed."
    return "Start the board's bootloader: hold BOOT0 while you press reset. Then upload again. dfu-util 0.11 or newer is needed."
