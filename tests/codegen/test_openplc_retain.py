"""RETAIN variables on Runtime v4.2: what is packed when the power goes comes back before the first scan, and nothing else does.

The machine here keeps the runtime's contract: it never looks into the block, and writes to the process image through its own queue.
"""

from __future__ import annotations

import ctypes
import io
import zipfile
from pathlib import Path

import pytest

from codegen.openplc_machine import Machine
from codegen.probes import checked
from rung.codegen.artefact import Artefact
from rung.codegen.build import build_artefact

PROGRAM = """
TYPE Recipe : STRUCT amount : REAL; name : STRING[20]; END_STRUCT END_TYPE
FUNCTION_BLOCK Meter
VAR_INPUT pulse : BOOL; END_VAR
VAR RETAIN total : DINT; END_VAR
VAR now : INT; END_VAR
total := total + 2; now := now + 1;
END_FUNCTION_BLOCK
PROGRAM Main
VAR_EXTERNAL hours : UDINT; END_VAR
VAR RETAIN
  count : INT := 5;
  recipe : Recipe := (amount := 1.5, name := 'soup');
  history : ARRAY [1..100] OF INT;
  stage AT %MW7 : INT;
END_VAR
VAR plain : INT; meter : Meter; i : INT; END_VAR
count := count + 1; plain := plain + 1; hours := hours + 1; stage := stage + 1;
meter();
FOR i := 1 TO 100 DO history[i] := history[i] + i; END_FOR;
END_PROGRAM
CONFIGURATION C
VAR_GLOBAL RETAIN hours : UDINT; END_VAR
RESOURCE R ON PLC
TASK t(INTERVAL := T#20ms, PRIORITY := 0);
PROGRAM Main1 WITH t : Main;
END_RESOURCE
END_CONFIGURATION
"""

OK, EMPTY, BAD_MAGIC, BAD_FORMAT, BAD_CRC, STALE_LAYOUT, TRUNCATED = range(7)
Write = ctypes.CFUNCTYPE(
    ctypes.c_uint8, ctypes.c_uint8, ctypes.c_uint16, ctypes.POINTER(ctypes.c_uint8), ctypes.c_uint16
)


def artefact_of(text: str) -> Artefact:
    return build_artefact(*_checked(text))


def _checked(text: str) -> tuple:  # type: ignore[type-arg]  # the arguments of build_artefact
    program, sources = checked(text)
    return program, "openplc-v4", sources


def pack(machine: Machine) -> bytes:
    library = machine.library
    library.strucpp_retain_blob_size.restype = library.strucpp_retain_pack.restype = ctypes.c_size_t
    room = ctypes.create_string_buffer(library.strucpp_retain_blob_size())
    size = library.strucpp_retain_pack(room, ctypes.c_size_t(len(room)))
    return room.raw[:size]


def unpack(machine: Machine, blob: bytes) -> tuple[int, list[tuple[int, int, bytes]]]:
    """The program's verdict, and what it asked the runtime to write into the process image."""
    written: list[tuple[int, int, bytes]] = []

    def write(array: int, element: int, value: ctypes._Pointer[ctypes.c_uint8], length: int) -> int:
        written.append((array, element, bytes(value[:length])))
        return 0x7E

    function = machine.library.strucpp_retain_unpack
    function.argtypes, function.restype = (ctypes.c_char_p, ctypes.c_size_t, Write), ctypes.c_uint8
    return function(blob, len(blob), Write(write)), written


@pytest.fixture(scope="module")
def artefact() -> Artefact:
    return artefact_of(PROGRAM)


@pytest.fixture
def kept(artefact: Artefact, tmp_path: Path) -> bytes:
    before = Machine.load(artefact, tmp_path / "before")
    before.scan(times=3)
    return pack(before)


def test_a_power_cycle_keeps_what_is_declared_retain(artefact: Artefact, kept: bytes, tmp_path: Path) -> None:
    after = Machine.load(artefact, tmp_path / "after")
    verdict, asked = unpack(after, kept)
    assert verdict == OK
    assert [after.read(f"MAIN1.{name}") for name in ("COUNT", "RECIPE.AMOUNT", "RECIPE.NAME", "HISTORY[100]")] == [
        8,
        1.5,
        "soup",
        300,
    ]
    assert (after.read("HOURS"), after.read("MAIN1.METER.TOTAL")) == (3, 6)
    assert (after.read("MAIN1.PLAIN"), after.read("MAIN1.METER.NOW")) == (0, 0)
    stage = after.leaves["MAIN1.STAGE"]
    assert asked == [(stage.array, stage.element, (3).to_bytes(2, "little"))]
    after.scan()
    assert (after.read("MAIN1.COUNT"), after.read("HOURS")) == (9, 4)


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [
        (lambda blob: b"", EMPTY),
        (lambda blob: blob[:10], TRUNCATED),
        (lambda blob: blob[:-1], TRUNCATED),
        (lambda blob: b"XXXX" + blob[4:], BAD_MAGIC),
        (lambda blob: blob[:4] + b"\x09" + blob[5:], BAD_FORMAT),
        (lambda blob: blob[:8] + b"\0\0\0\0" + blob[12:], STALE_LAYOUT),
        (lambda blob: blob[:-3] + bytes((blob[-3] ^ 1,)) + blob[-2:], BAD_CRC),
    ],
)  # fmt: skip
def test_a_damaged_block_changes_nothing(artefact: Artefact, kept: bytes, tmp_path: Path, damage, verdict) -> None:  # type: ignore[no-untyped-def]
    after = Machine.load(artefact, tmp_path / "after")
    assert unpack(after, damage(kept)) == (verdict, [])
    assert after.read("MAIN1.COUNT") == 5


def test_a_program_without_retain_keeps_nothing(tmp_path: Path) -> None:
    machine = Machine.load(artefact_of("PROGRAM Main VAR x : INT; END_VAR x := x + 1; END_PROGRAM"), tmp_path)
    machine.library.strucpp_retain_blob_size.restype = ctypes.c_size_t
    assert machine.library.strucpp_retain_blob_size() == 0


def test_files_outside_of_conf_are_sent_only_to_a_device_that_takes_them() -> None:
    program, sources = checked(PROGRAM)

    def beside(leaves: object) -> dict[str, bytes]:
        return {"conf/modbus_slave.json": b"{}", "retain.conf": b"enabled=true\n", "image.conf": b"format_version=2\n"}

    sent = {}
    for takes in ((), ("retain.conf",)):
        artefact = build_artefact(program, "openplc-v4", sources, beside, takes)
        sent[takes] = artefact, set(zipfile.ZipFile(io.BytesIO(artefact.data)).namelist())
    old, new = sent[()], sent[("retain.conf",)]
    assert "conf/modbus_slave.json" in old[1]
    assert new[1] - old[1] == {"retain.conf"}
    assert old[0].md5 == new[0].md5
