"""Uploaders that are programs of their own: their command lines, and what is made of what they write and of how they end.

The programs here are doubles that write what the real ones write, so that each ending can be had at will; avrdude itself is tried on the
emulated boards, the others need hardware.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from boards.firmwares import firmware, intel_hex
from rung.boards.firmware import Firmware
from rung.boards.progress import FlashProgress
from rung.boards.uploaders import UPLOADERS, external, upload, uploaders_for
from rung.boards.uploaders.programs import PROGRAMS
from rung.boards.uploaders.row import Upload
from rung.boards.uploaders.running import Bars, Heading, run_program
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, all_boards, find_board

FILES = {
    "program__hex": intel_hex(b"\x01\x02"),
    "program__bin": b"\x01\x02",
    "program__bootloader__bin": b"b",
    "program__partitions__bin": b"p",
    "boot_app0__bin": b"a",
}

Install = Callable[..., None]


@pytest.fixture
def port() -> Iterator[str]:
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program on the path that notes how it was called, writes a text and ends with a code; `then` is Python that it runs in between."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(external, "touch_1200", lambda board, device: None)

    async def at_once(before: object, board: Board, device: str, **more: object) -> str:
        return device

    monkeypatch.setattr(external, "wait_for_port", at_once)

    def put(name: str, text: str = "", code: int = 0, then: str = "") -> None:
        called = {"argv": "sys.argv[1:]", "files": "sorted(os.listdir())"}
        note = ", ".join(f"{key!r}: {value}" for key, value in called.items())
        (folder / name).write_text(
            f"#!{sys.executable}\nimport json, os, sys, time\n"
            f"json.dump({{{note}}}, open({str(tmp_path / 'called.json')!r}, 'w'))\n"
            f"sys.stderr.write({text!r}); sys.stderr.flush()\n{then}\nsys.exit({code})\n"
        )
        (folder / name).chmod(0o755)

    return put


@pytest.fixture
def called(tmp_path: Path) -> Callable[[], dict[str, list[str]]]:
    return lambda: json.loads((tmp_path / "called.json").read_text())


def board(name: str, **settings: str | int | bool) -> Board:
    found = find_board(name)
    assert found is not None
    return replace(found, upload={**found.upload, **settings})


def program_of(name: str) -> Firmware:
    return firmware(name, **FILES)


async def flash(
    name: str, uploader: str, port: str, steps: list[FlashProgress] | None = None, cancel: asyncio.Event | None = None
) -> str:
    told = [] if steps is None else steps
    return await upload(program_of(name), board(name), port, uploader=uploader, progress=told.append, cancel=cancel)


async def refused(name: str, uploader: str, port: str) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await flash(name, uploader, port)
    return caught.value


@pytest.mark.parametrize(
    ("name", "uploader", "line"),
    [
        ("uno", "avrdude", "-p atmega328p -c arduino -P PORT -b 115200 -D -U flash:w:program.hex:i"),
        ("nano-old", "avrdude", "-p atmega328p -c arduino -P PORT -b 57600 -D -U flash:w:program.hex:i"),
        ("mega", "avrdude", "-p atmega2560 -c wiring -P PORT -b 115200 -D -U flash:w:program.hex:i"),
        ("leonardo", "avrdude", "-p atmega32u4 -c avr109 -P PORT -b 57600 -D -U flash:w:program.hex:i"),
        ("nano-every", "avrdude", "-p atmega4809 -c jtag2updi -P PORT -b 115200 -e -D -U flash:w:program.hex:i"),
        ("zero", "bossac", "--port=NAME --usb-port=true -i -e -w -v --offset=0x2000 program.bin -R"),
        ("due", "bossac", "--port=NAME --usb-port=false -i -e -w -v -b program.bin -R"),
        ("blackpill", "dfu-util", "-w -d ,0483:df11 -a 0 --dfuse-address 0x08000000:leave -D program.bin"),
        ("uno-r4-minima", "dfu-util", "-w -d 2341:0069,2341:0369 -a 0 -R -D program.bin"),
        (
            "esp32",
            "esptool",
            "--chip esp32 --port PORT --baud 230400 write_flash 0x1000 program.bootloader.bin 0x8000 program.partitions.bin "
            "0xe000 boot_app0.bin 0x10000 program.bin",
        ),
        ("nodemcu", "esptool", "--chip esp8266 --port PORT --baud 115200 write_flash 0x0 program.bin"),
        ("bluepill-serial", "stm32loader", "-p PORT -b 115200 -f F1 -V -e -w -v -g 0x08000000 program.bin"),
    ],
)
async def test_the_command_line_of_each_way(
    name: str, uploader: str, line: str, port: str, install: Install, called: Callable[[], dict[str, list[str]]]
) -> None:
    install(uploader)
    assert await flash(name, uploader, port) == port
    expected = line.replace("PORT", port).replace("NAME", port.removeprefix("/dev/")).split()
    assert called()["argv"] == expected
    assert set(called()["files"]) == {word for word in expected if word.endswith(".bin")} or called()["files"] == [
        "program.hex"
    ]


async def test_an_esp32_image_that_is_whole_is_written_as_one(
    port: str, install: Install, called: Callable[[], dict[str, list[str]]]
) -> None:
    install("esptool")
    whole = firmware("esp32", program__merged__bin=b"m")
    await upload(whole, board("esp32"), port, uploader="esptool", progress=lambda step: None)
    assert called()["argv"][-2:] == ["0x0", "program.merged.bin"]


def test_every_board_has_what_the_command_lines_of_its_uploaders_need() -> None:
    ways = {program.name: program for program in PROGRAMS}
    for row in all_boards().values():
        assert set(row.uploaders) <= set(UPLOADERS), row.name
        for name in row.uploaders:
            if name in ways:
                argv = ways[name].arguments(
                    Upload(program_of(row.name), row, "/dev/ttyACM0", lambda step: None), "/dev/ttyACM0"
                )
                assert all(argv), row.name
            if name == "bossac" and row.family == "samd":
                assert row.upload.get("offset"), f"{row.name}: without an offset bossac erases the bootloader"


@pytest.mark.parametrize(
    ("name", "uploader", "text", "kind", "message"),
    [
        (
            "uno",
            "avrdude",
            "avrdude: Device signature = 0x1e9406 (probably m168)\navrdude error: expected signature for ATmega328P is 1E 95 0F\n",
            Kind.NOT_OURS,
            "its signature is 0x1e9406",
        ),
        (
            "uno",
            "avrdude",
            "avrdude: stk500_getsync() attempt 10 of 10: not in sync: resp=0x00\n",
            Kind.TIMEOUT,
            "did not answer",
        ),
        (
            "mega",
            "avrdude",
            "avrdude: stk500v2_getsync(): timeout communicating with programmer\n",
            Kind.TIMEOUT,
            "did not answer",
        ),
        (
            "uno",
            "avrdude",
            "avrdude OS error: cannot open port: Device or resource busy\n",
            Kind.BUSY,
            "in use by another program",
        ),
        (
            "uno",
            "avrdude",
            "Writing | ####\navrdude error: verification mismatch\n",
            Kind.UPLOAD_REFUSED,
            "does not hold what was written",
        ),
        ("zero", "bossac", "No device found on ttyACM0\n", Kind.TIMEOUT, "did not answer"),
        ("zero", "bossac", "Device unsupported\n", Kind.NOT_OURS, "does not know the chip"),
        ("blackpill", "dfu-util", "dfu-util: No DFU capable USB device available\n", Kind.TIMEOUT, "did not appear"),
        (
            "blackpill",
            "dfu-util",
            "dfu-util: Cannot open DFU device 0483:df11 found on devnum 7 (LIBUSB_ERROR_ACCESS)\n",
            Kind.CREDENTIALS,
            "no permission",
        ),
        (
            "esp32",
            "esptool",
            "A fatal error occurred: Failed to connect to ESP32: No serial data received.\n",
            Kind.TIMEOUT,
            "did not answer",
        ),
        (
            "esp32",
            "esptool",
            "A fatal error occurred: This chip is ESP32-S3, not ESP32. Wrong chip argument?\n",
            Kind.NOT_OURS,
            "is an ESP32-S3, not the one of",
        ),
        (
            "bluepill-serial",
            "stm32loader",
            "Can't init into bootloader. Ensure that BOOT0 is enabled and reset the device.\n",
            Kind.TIMEOUT,
            "did not answer",
        ),
        ("uno", "avrdude", "\x1b[31msomething\u202e else\n", Kind.UPLOAD_REFUSED, "Its last words: something else"),
    ],
)
async def test_what_a_program_says_is_put_into_a_sentence(
    name: str, uploader: str, text: str, kind: Kind, message: str, port: str, install: Install
) -> None:
    install(uploader, text, 1)
    failure = await refused(name, uploader, port)
    assert failure.kind is kind
    assert message in failure.message
    begun = "Writing" in text
    assert ("The program on the board was not changed." in failure.message) is not begun
    assert ("no whole program now" in failure.message) is begun
    assert failure.hint


async def test_a_dfu_permission_is_remedied_by_a_rule_for_that_device(port: str, install: Install) -> None:
    install("dfu-util", "LIBUSB_ERROR_ACCESS", 74)
    assert 'ATTR{idVendor}=="0483", ATTR{idProduct}=="df11"' in (await refused("blackpill", "dfu-util", port)).hint


async def test_an_stm32_that_leaves_the_bus_after_the_last_block_has_been_written(port: str, install: Install) -> None:
    install(
        "dfu-util",
        "Download\t[====] 100%\nFile downloaded successfully\ndfu-util: Error during download get_status\n",
        74,
    )
    assert await flash("blackpill", "dfu-util", port) == port


async def test_progress_comes_from_the_bars_and_lines_go_to_the_log(port: str, install: Install) -> None:
    bar = "#" * 25
    install(
        "avrdude",
        f"Reading | {bar}{bar} | 100% 0.00s\nDevice found\nWriting | {bar}",
        then=f"time.sleep(0.3)\nsys.stderr.write('{bar} | 100% 1s\\nReading | {bar}{bar} | 100%\\n')",
    )
    steps: list[FlashProgress] = []
    await flash("uno", "avrdude", port, steps)
    fractions = [step.fraction for step in steps if step.fraction is not None]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert "Device found" in [step.log_line for step in steps]
    assert {"Writing", "Reading back"} <= {step.text for step in steps}


def test_steps_without_bars_are_counted() -> None:
    meter = Bars([Heading(r"Write (\d+) chunks", "Writing", each="bytes at 0x")], "Starting")
    assert not meter.feed("Open port\n")
    assert meter.begun is False
    assert meter.feed("Write 4 chunks at address 0x8000000...\n")
    assert meter.begun is True
    assert meter.feed("Write 256 bytes at 0x8000000\n")
    assert meter.fraction == 0.25


def test_a_number_without_end_is_no_surprise() -> None:
    meter = Bars([Heading(r"Write (\d+) chunks", "Writing", each="bytes at 0x")], "Starting")
    assert meter.feed(f"Write {'9' * 9000} chunks")
    assert meter.fraction == 0.0


async def test_a_program_that_the_system_ends_is_told_with_what_the_board_holds(port: str, install: Install) -> None:
    install("avrdude", "Writing | ####", then="os.kill(os.getpid(), 9)")
    failure = await refused("uno", "avrdude", port)
    assert "avrdude was ended by the system (signal 9)" in failure.message
    assert "no whole program now" in failure.message


async def test_settings_that_a_program_misses_are_not_taken_for_a_missing_port(port: str, install: Install) -> None:
    install("avrdude", 'avrdude error: cannot open config file "/etc/avrdude.conf": No such file or directory\n', 1)
    failure = await refused("uno", "avrdude", port)
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert "avrdude.conf" in failure.message


async def test_a_full_disk_is_told_before_anything_is_sent(
    port: str, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    install("avrdude")
    monkeypatch.setattr(Path, "write_bytes", full)
    failure = await refused("uno", "avrdude", port)
    assert "No space left on device" in failure.message
    assert "was not changed" in failure.message


async def run(
    argv: list[str], port: str, cancel: asyncio.Event | None = None, idle: float = 15.0, whole: float = 300.0
) -> None:
    job = Upload(program_of("uno"), board("uno"), port, lambda step: None, cancel or asyncio.Event())
    await run_program(
        argv,
        job,
        title="avrdude",
        folder=Path.cwd(),
        meter=Bars([Heading(r"Writing \|", "Writing")], "Starting"),
        port=port,
        hint="CAUSES",
        idle=idle,
        whole=whole,
    )


def python(text: str) -> list[str]:
    return [sys.executable, "-u", "-c", f"import sys, time\n{text}"]


CHATTER = "while True: print('attempt 3 of 10: not in sync'); time.sleep(0.02)"


async def test_a_program_that_talks_but_gets_nowhere_is_ended(port: str) -> None:
    begin = time.monotonic()
    with pytest.raises(RuntimeFailure) as caught:
        await run(python(CHATTER), port, idle=0.5)
    assert time.monotonic() - begin < 3
    assert caught.value.kind is Kind.TIMEOUT
    assert "got no further" in caught.value.message
    assert caught.value.message.endswith("The program on the board was not changed.")
    assert caught.value.hint == "CAUSES"


async def test_one_that_has_begun_to_write_leaves_a_part_of_a_program(port: str) -> None:
    with pytest.raises(RuntimeFailure) as caught:
        await run(python("print('Writing | ###')\n" + CHATTER), port, idle=0.5)
    assert "no whole program now and may run a part of one" in caught.value.message
    assert caught.value.hint != "CAUSES"


async def test_the_time_for_all_of_it_is_limited(port: str) -> None:
    with pytest.raises(RuntimeFailure, match="was not done after"):
        await run(
            python("print('Writing |')\nwhile True: print('#', end='', flush=True); time.sleep(0.05)"), port, whole=0.5
        )


async def test_a_stop_before_the_program_begins_leaves_it_unstarted(
    port: str, install: Install, called: Callable[[], dict[str, list[str]]]
) -> None:
    install("avrdude")
    cancel = asyncio.Event()
    cancel.set()
    with pytest.raises(RuntimeFailure) as caught:
        await flash("uno", "avrdude", port, cancel=cancel)
    assert caught.value.kind is Kind.CANCELLED
    assert "was not changed" in caught.value.message
    with pytest.raises(FileNotFoundError):
        called()


async def test_a_stop_by_the_user_ends_the_program_and_what_it_started(port: str, tmp_path: Path) -> None:
    child = tmp_path / "child"
    inner = f"import time, os; open({str(child)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    cancel = asyncio.Event()
    argv = python(f"import subprocess; subprocess.run([sys.executable, '-c', {inner!r}])")
    running = asyncio.ensure_future(run(argv, port, cancel))
    pid = await number_in(child)
    cancel.set()
    with pytest.raises(RuntimeFailure) as caught:
        await running
    assert caught.value.kind is Kind.CANCELLED
    assert await ended(pid)


async def test_a_cancelled_task_ends_the_program(port: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    argv = python(f"import os; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    running = asyncio.ensure_future(run(argv, port))
    pid = await number_in(mark)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await ended(pid)


async def number_in(file: Path) -> int:
    for _ in range(500):
        text = file.read_text() if file.exists() else ""
        if text:
            return int(text)
        await asyncio.sleep(0.02)
    raise AssertionError(f"{file} was not written")


async def ended(pid: int) -> bool:
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
            os.kill(pid, 0)
        except (OSError, IndexError):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_board_that_is_unplugged_is_noticed_for_the_program(
    tmp_path: Path, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.boards.uploaders.running._GONE_SECONDS", 0.2)
    link = tmp_path / "board"
    link.symlink_to(port)
    asyncio.get_running_loop().call_later(0.3, link.unlink)
    with pytest.raises(RuntimeFailure) as caught:
        await run(python("print('Writing | #')\ntime.sleep(60)"), str(link))
    assert caught.value.kind is Kind.LOST
    assert "was unplugged during the upload. The board has no whole program now" in caught.value.message


async def test_a_program_that_is_missing_is_named_with_the_command_that_gets_it(port: str, install: Install) -> None:
    [row] = [row for row in uploaders_for(board("uno")) if row.name == "avrdude"]
    assert not row.available
    assert "avrdude" in row.missing
    failure = await refused("uno", "avrdude", port)
    assert failure.kind is Kind.UPLOAD_REFUSED
    assert failure.hint == row.missing


async def test_an_address_is_not_handed_to_programs_that_cannot_open_it(
    install: Install, called: Callable[[], dict[str, list[str]]]
) -> None:
    install("avrdude")
    install("esptool")
    assert "Plug the board into this computer" in (await refused("leonardo", "avrdude", "rfc2217://127.0.0.1:1")).hint
    await flash("esp32", "esptool", "rfc2217://127.0.0.1:1")
    assert "rfc2217://127.0.0.1:1" in called()["argv"]


async def test_a_file_that_the_toolchain_did_not_make(port: str, install: Install) -> None:
    install("bossac")
    with pytest.raises(RuntimeFailure) as caught:
        await upload(
            firmware("zero", program__elf=b""), board("zero"), port, uploader="bossac", progress=lambda step: None
        )
    assert caught.value.kind is Kind.COMPILE_FAILED
    assert "made no program.bin" in caught.value.message


async def test_files_of_other_names_do_not_reach_the_program(
    port: str, install: Install, called: Callable[[], dict[str, list[str]]]
) -> None:
    install("avrdude")
    foreign = replace(program_of("uno"), files={"program.hex": b"", "../avrduderc": b"x", "sitecustomize.py": b"x"})
    await upload(foreign, board("uno"), port, uploader="avrdude", progress=lambda step: None)
    assert called()["files"] == ["program.hex"]


def test_what_was_not_tried_on_hardware_says_so() -> None:
    for make in UPLOADERS.values():
        assert make(board("uno")).tried
    for program in PROGRAMS:
        assert "hardware" in program.tried
