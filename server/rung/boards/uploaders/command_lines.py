"""The command lines of the uploaders that are programs of their own, without the program's path: what a board's row says, in each one's words.

Their options are those of avrdude 7.1, bossac 1.9.1, dfu-util 0.11, esptool 5.6 (and 4) and stm32loader 0.7.1.
"""

from __future__ import annotations

from typing import Final

from rung.boards.uploaders.row import Upload

# The names under which the compiled files are handed to a program, in a folder of its own. Nothing else is.
HEX, BIN = "program.hex", "program.bin"
_ESP32_PARTS: Final = (("program.partitions.bin", 0x8000), ("boot_app0.bin", 0xE000), (BIN, 0x10000))
_ESP32_WHOLE, _ESP32_BOOTLOADER = "program.merged.bin", "program.bootloader.bin"


def avrdude(upload: Upload, port: str) -> list[str]:
    """avrdude, by the board's `protocol`, with the bootloader's `baud`; `part` where the chip's name is not the compiler's."""
    row = upload.board.upload
    protocol, baud = str(row["protocol"]), str(row.get("baud", 115200))
    # -D: no erase of the whole chip, which bootloaders do not know; the one protocol here that has no bootloader needs it.
    erase = ["-e"] if protocol == "jtag2updi" else []
    part = str(row.get("part") or upload.board.mcu)
    return ["-p", part, "-c", protocol, "-P", port, "-b", baud, *erase, "-D", "-U", f"flash:w:{HEX}:i"]


def bossac(upload: Upload, port: str) -> list[str]:
    """bossac; `native` says whether the port is the chip's own USB, `offset` where the bootloader ends."""
    row = upload.board.upload
    native = "true" if row.get("native", True) else "false"
    offset = row.get("offset")
    # With an offset the bootloader before it stays; chips without one start from ROM until -b says flash.
    where = [f"--offset={int(offset):#x}"] if offset else ["-b"]
    return [f"--port={port.removeprefix('/dev/')}", f"--usb-port={native}", "-i", "-e", "-w", "-v", *where, BIN, "-R"]


def dfu_util(upload: Upload, port: str) -> list[str]:
    """dfu-util, which finds the board by its numbers in `dfu`; `address` is for bootloaders of ST's kind."""
    row = upload.board.upload
    address = row.get("address")
    where = ["--dfuse-address", f"{int(address):#010x}:leave"] if address else ["-R"]
    # The numbers before the comma are those of a running program that dfu-util can ask to start the bootloader.
    device = f"{row.get('runtime', '')},{row['dfu']}"
    return ["-w", "-d", device, "-a", str(row.get("alt", 0)), *where, "-D", BIN]


def esptool(upload: Upload, port: str) -> list[str]:
    """esptool, with each file at its address."""
    row = upload.board.upload
    chip, baud = str(row.get("chip", "auto")), str(row.get("baud", 460800))
    places = [word for name, address in esp_files(upload) for word in (f"{address:#x}", name)]
    # Version 4 knows this spelling of the command only, version 5 takes it with a warning.
    return ["--chip", chip, "--port", port, "--baud", baud, "write_flash", *places]


def esp_files(upload: Upload) -> list[tuple[str, int]]:
    """The files of an Espressif chip and their addresses: one image that has it all, or the parts that the chip looks for."""
    if _ESP32_WHOLE in upload.firmware.files:
        return [(_ESP32_WHOLE, 0)]
    if upload.board.family != "esp32":
        return [(BIN, 0)]
    return [(_ESP32_BOOTLOADER, int(upload.board.upload.get("bootloader_at", 0x1000))), *_ESP32_PARTS]


def stm32loader(upload: Upload, port: str) -> list[str]:
    """stm32loader, for the `stm32_family` of the chip; it starts the program afterwards."""
    row = upload.board.upload
    family = ["-f", str(row["stm32_family"])] if "stm32_family" in row else []
    baud = str(row.get("baud", 115200))
    return ["-p", port, "-b", baud, *family, "-V", "-e", "-w", "-v", "-g", "0x08000000", BIN]
