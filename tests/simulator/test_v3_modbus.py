"""Modbus TCP of a running v3: the standard map, and what debuggers read and force."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from peers.v3_device import CONFIGURATION, ModbusClient, V3Client, debug_block, modbus, v3
from rung.simulator import Faults
from rung.simulator.v3 import V3Simulator

PROGRAM = f"""\
TYPE
  PAIR : STRUCT
    left : INT;
    right : ARRAY[1..2] OF DINT;
  END_STRUCT;
END_TYPE

PROGRAM MAIN
  VAR
    lamp AT %QX1.2 : BOOL;
    sensor AT %IX0.3 : BOOL;
    speed AT %QW5 : INT;
    kept AT %MW7 : INT;
    long AT %MD2 : DINT;
    wide AT %ML1 : LINT;
    measured AT %IW1 : INT;
  END_VAR
  VAR
    n : DINT;
    copy : INT;
    span : TIME := T#1s500ms;
    day : DATE := D#1970-01-02;
    clock : TOD := TOD#01:00:00;
    stamp : DT := DT#1970-01-01-00:00:10;
    name : STRING := 'pump';
    grid : ARRAY[1..2, 0..1] OF INT;
    both : PAIR;
  END_VAR
  n := n + 1;
  speed := 42;
  copy := kept;
  grid[2, 1] := 7;
  both.right[2] := 9;
END_PROGRAM

{CONFIGURATION}"""
VARIABLES = [
    ("N", "DINT"), ("COPY", "INT"), ("SPAN", "TIME"), ("DAY", "DATE"), ("CLOCK", "TOD"), ("STAMP", "DT"), ("NAME", "STRING"),
    ("GRID.value.table[1][1]", "INT"), ("BOTH.value.RIGHT.table[1]", "DINT"), ("LAMP", "BOOL_O"), ("SPEED", "INT_O"),
    ("KEPT", "INT_O"),
]  # fmt: skip
MD5 = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def device(tmp_path: Path, certificate_folder: Path) -> AsyncIterator[V3Simulator]:
    async with v3(tmp_path / "device", certificate_folder, faults=Faults()) as simulator:
        client = V3Client(simulator.address)
        await client.log_in()
        build = await client.deploy(PROGRAM + debug_block(MD5, VARIABLES))
        assert build["status"] == "SUCCESS", build
        await client.start_plc()
        await client.close()
        yield simulator


async def settle() -> None:
    await asyncio.sleep(0.15)


async def test_a_running_program_is_read_and_written_over_modbus(device: V3Simulator) -> None:
    async with modbus(device) as plc:
        await settle()
        await _reads_and_writes_the_standard_map(plc)
        await _reads_every_kind_of_value(plc)
        await _forces_and_releases(plc)
        await _takes_values_in_the_chosen_byte_order(plc)
        device.faults.wrong_md5 = "f" * 32
        assert (await plc.ask("45 de ad 00 00"))[2:] == b"f" * 32


async def _reads_and_writes_the_standard_map(plc: ModbusClient) -> None:
    assert await plc.ask("03 00 05 00 01") == bytes.fromhex("03 02 00 2a")
    assert await plc.ask("06 00 05 00 07") == bytes.fromhex("06 00 05 00 07")
    await settle()
    assert await plc.ask("03 00 05 00 01") == bytes.fromhex("03 02 00 2a"), "the program has written over it"
    await plc.ask("06 04 07 00 7b")
    await settle()
    assert await plc.ask("03 04 07 00 01") == bytes.fromhex("03 02 00 7b")
    assert await plc.values([1]) == struct.pack("<h", 123), "the program has seen it"
    await plc.ask("10 08 04 00 02 04 00 01 00 02")
    await settle()
    assert await plc.ask("03 08 04 00 02") == bytes.fromhex("03 04 00 01 00 02"), "the high word comes first"
    await plc.ask("10 10 04 00 04 08 00 00 00 00 00 05 00 06")
    await settle()
    assert await plc.ask("03 10 04 00 04") == bytes.fromhex("03 08 00 00 00 00 00 05 00 06")
    await plc.ask("05 00 0a ff 00")
    await settle()
    assert await plc.ask("01 00 0a 00 01") == bytes.fromhex("01 01 01")
    assert await plc.ask("0f 00 10 00 0a 02 ff 03") == bytes.fromhex("0f 00 10 00 0a")
    assert await plc.ask("01 00 10 00 0c") == bytes.fromhex("01 02 ff 03"), (
        "no variable stands there, but the address does"
    )
    assert await plc.ask("02 00 00 00 08") == bytes.fromhex("02 01 00")
    assert await plc.ask("04 00 01 00 01") == bytes.fromhex("04 02 00 00")
    assert await plc.ask("01 1f f9 00 08") == bytes.fromhex("81 02")
    assert await plc.ask("04 04 00 00 01") == bytes.fromhex("84 02")
    assert await plc.ask("03 00 00 00 00") == bytes.fromhex("03 00")
    assert await plc.ask("03 00 00 00 80") == bytes.fromhex("83 02"), "more than one answer can hold"
    assert await plc.ask("2b 00") == bytes.fromhex("ab 01")


async def _reads_every_kind_of_value(plc: ModbusClient) -> None:
    data = await plc.values([2, 3, 4, 5, 7, 8])
    assert struct.unpack("<iiiiiiii", data[:32]) == (1, 500_000_000, 86400, 0, 3600, 0, 10, 0)
    assert struct.unpack("<hi", data[32:]) == (7, 9)
    text = await plc.values([6])
    assert (len(text), text[:5]) == (127, b"\4pump")
    cut = await plc.ask("44 00 03 00 06 00 00 00 06")
    assert (int.from_bytes(cut[2:4], "big"), len(cut)) == (0, 10 + 131), "two texts do not fit into one frame"


async def _forces_and_releases(plc: ModbusClient) -> None:
    assert await plc.ask("42 00 0a 01 00 02 63 00") == bytes.fromhex("42 7e")
    await settle()
    assert await plc.ask("03 00 05 00 01") == bytes.fromhex("03 02 00 63")
    await plc.ask("06 00 05 00 01")
    await settle()
    assert await plc.ask("03 00 05 00 01") == bytes.fromhex("03 02 00 63"), "what is forced cannot be written over"
    assert await plc.ask("42 00 0a 00 00 01 00") == bytes.fromhex("42 7e")
    await settle()
    assert await plc.ask("03 00 05 00 01") == bytes.fromhex("03 02 00 2a")
    assert await plc.ask("42 00 63 01 00 01 01") == bytes.fromhex("42 81")
    assert await plc.ask("43 00 00 00 63") == bytes.fromhex("43 81")


async def _takes_values_in_the_chosen_byte_order(plc: ModbusClient) -> None:
    await plc.ask("45 de ad 00 00")
    await plc.ask("42 00 02 01 00 08 00 00 00 02 00 00 00 05")
    await settle()
    assert await plc.values([2]) == struct.pack("<ii", 2, 5)
    await plc.ask("45 ad de 00 00")
    await plc.ask("42 00 02 01 00 08 03 00 00 00 04 00 00 00")
    await settle()
    assert await plc.values([2]) == struct.pack("<ii", 3, 4)


async def test_a_new_device_runs_a_blank_program_without_variables(tmp_path: Path, certificate_folder: Path) -> None:
    async with v3(tmp_path / "device", certificate_folder) as device:
        client = V3Client(device.address)
        await client.log_in()
        await client.start_plc()
        async with modbus(device) as plc:
            assert await plc.ask("41") == bytes.fromhex("41 00 00")
            assert await plc.ask("45 de ad 00 00") == b"\x45\x7eb1a8c0845d49d1bc43ac3b252b41788d"
            assert await plc.ask("01 00 00 00 01") == bytes.fromhex("01 01 00")
        await client.stop_plc()
        with pytest.raises(OSError, match=r"Connect|refused"):
            async with modbus(device):
                pass
        await client.close()


async def test_modbus_may_be_disabled(tmp_path: Path, certificate_folder: Path) -> None:
    async with v3(tmp_path / "device", certificate_folder, modbus_port=None) as device:
        client = V3Client(device.address)
        await client.log_in()
        await client.start_plc()
        assert device.modbus_address is None
        assert "Issued stop_modbus() command\n" in await client.log_text()
        await client.close()
