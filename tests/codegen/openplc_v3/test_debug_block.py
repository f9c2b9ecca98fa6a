"""The debug block of a program for OpenPLC Runtime v3: which variables it lists, what its C++ does, and that nothing else gets in.

The C++ is compiled against headers that keep v3's layout of variables and nothing else, and called as the runtime calls it.
"""

from __future__ import annotations

import ctypes
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rung.codegen.artefact import Leaf
from rung.codegen.openplc_v3.debug_block import debug_block, debug_leaves
from rung.codegen.openplc_v3.printed import Printed, PrintedVariable, Step
from rung.codegen.program import BuildError
from rung.codegen.toolchain import find_toolchain

MD5 = "0123456789abcdef0123456789abcdef"

TEXT = """\
PROGRAM main
n := n + 1;
END_PROGRAM
CONFIGURATION Config0
VAR_GLOBAL
  total : DINT;
END_VAR
VAR_GLOBAL
  lamp AT %QX1.0 : BOOL;
  sensor AT %IX0.0 : BOOL;
END_VAR
RESOURCE Res0 ON PLC
TASK T0(INTERVAL := T#20ms, PRIORITY := 0);
PROGRAM inst0 WITH T0 : main;
END_RESOURCE
END_CONFIGURATION
"""

# A variable of v3 is a value with a byte of flags; a located one a pointer, the flags, and a value that stands in while it is held.
HEADER = """\
#include <stdint.h>
#define __IEC_FORCE_FLAG 2
typedef uint8_t IEC_BYTE, BOOL;
typedef int16_t INT;
typedef int32_t DINT;
typedef float REAL;
typedef struct { int32_t tv_sec, tv_nsec; } TIME;
typedef struct { int8_t len; uint8_t body[126]; } STRING;
template <class T> struct V { T value; IEC_BYTE flags; };
template <class T> struct P { T *value; IEC_BYTE flags; T fvalue; };
struct POINT { INT X; REAL Y; };
struct LIST { POINT table[2]; };
struct NUMBERS { INT table[2][3]; };
struct COUNTER { V<INT> N; };
struct MAIN { V<INT> N; V<TIME> T; V<STRING> S; V<LIST> LIST_; V<NUMBERS> TABLE; P<BOOL> LOCAL; COUNTER COUNT; };
"""
GETTERS = "DINT *__GET_GLOBAL_TOTAL(); BOOL *__GET_GLOBAL_LAMP(); BOOL *__GET_GLOBAL_SENSOR(); COUNTER *__GET_GLOBAL_PARTS();\n"
DEVICE = """\
#include "POUS.h"
#include "Config0.h"
#include <stddef.h>
char bufferLock[64];
BOOL image[3];
MAIN RES0__INST0;
V<DINT> CONFIG0__TOTAL;
P<BOOL> CONFIG0__LAMP, CONFIG0__SENSOR;
COUNTER CONFIG0__PARTS;
int held;
extern "C" int pthread_mutex_lock(void *) { return held++; }
extern "C" int pthread_mutex_unlock(void *) { return held--; }
uint16_t get_var_count();
size_t get_var_size(size_t);
void *get_var_addr(size_t);
void set_trace(size_t, bool, void *);
void set_endianness(uint8_t);
extern char md5[];
extern "C" {
void start() { RES0__INST0.LOCAL.value = &image[0]; CONFIG0__LAMP.value = &image[1]; CONFIG0__SENSOR.value = &image[2]; }
MAIN *instance() { return &RES0__INST0; }
int16_t *element() { return &RES0__INST0.TABLE.value.table[0][0]; }
float *second() { return &RES0__INST0.LIST_.value.table[1].Y; }
BOOL *cells() { return image; }
int locks() { return held; }
const char *identity() { return md5; }
int count() { return get_var_count(); }
int size(int i) { return (int)get_var_size(i); }
void *address(int i) { return get_var_addr(i); }
void force(int i, void *value) { set_trace(i, true, value); }
void release(int i) { set_trace(i, false, nullptr); }
void order(int reverse) { set_endianness((uint8_t)reverse); }
void scan() {
  if (!(RES0__INST0.N.flags & 2)) RES0__INST0.N.value += 1;
  if (!(RES0__INST0.LOCAL.flags & 2)) *RES0__INST0.LOCAL.value = 0;
  if (!(CONFIG0__LAMP.flags & 2)) *CONFIG0__LAMP.value = 0;
  image[2] = 0;
}
}
"""


def variable(path: str, kind: str, *steps: Step) -> PrintedVariable:
    return PrintedVariable(path, kind, steps)


def member(name: str, kind: str, *steps: Step, located: bool = False) -> PrintedVariable:
    way = (Step("resource", "inst0"), Step("block", name, located=located), *steps)
    return PrintedVariable(f"INST0.{name.upper()}", kind, way)


def plant() -> Printed:
    variables = [
        variable("TOTAL", "DINT", Step("configuration", "total")),
        variable("LAMP", "BOOL", Step("configuration", "lamp", located=True)),
        variable("SENSOR", "BOOL", Step("configuration", "sensor", located=True)),
        variable("PARTS.N", "INT", Step("configuration", "parts"), Step("block", "n")),
        member("n", "INT"),
        member("t", "TIME"),
        member("s", "STRING"),
        *(member("list_", kind, Step("array", "", (i,)), Step("structure", key))
          for i in range(2) for key, kind in (("x", "INT"), ("y", "REAL"))),
        *(member("table", "INT", Step("array", "", (i, j))) for i in range(2) for j in range(3)),
        member("local", "BOOL", located=True),
        member("count", "INT", Step("block", "n")),
    ]  # fmt: skip
    return Printed(TEXT, (), tuple(variables), ())


def content(lines: tuple[str, ...]) -> list[str]:
    assert all(line.startswith("(*DBG:") and line.endswith("*)") for line in lines)
    return [line[len("(*DBG:") : -len("*)")] for line in lines]


@dataclass
class Device:
    library: ctypes.CDLL
    leaves: dict[str, Leaf] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        leaf = self.leaves[path]
        assert self.library.size(leaf.element) == leaf.size
        return ctypes.string_at(self.library.address(leaf.element), leaf.size)

    def integer(self, path: str) -> int:
        return int.from_bytes(self.read(path), "little", signed=True)

    def force(self, path: str, value: bytes) -> None:
        self.library.force(self.leaves[path].element, value)

    def release(self, path: str) -> None:
        self.library.release(self.leaves[path].element)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("v3")
    (folder / "POUS.h").write_text(f"#pragma once\n{HEADER}")
    (folder / "Config0.h").write_text(GETTERS)
    (folder / "device.cpp").write_text(DEVICE)
    (folder / "debug.cpp").write_text("\n".join(content(debug_block(plant(), MD5))) + "\n")
    compiler = find_toolchain()
    assert compiler is not None
    command = [*compiler.command, "-std=gnu++11", "-Wall", "-shared", "-fPIC", "-o", "v3.so", "debug.cpp", "device.cpp"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "v3.so"


@pytest.fixture
def device(library: Path, tmp_path: Path) -> Device:
    # A copy for every test: a library is loaded once per file, and so are its variables.
    own = tmp_path / "v3.so"
    own.write_bytes(library.read_bytes())
    loaded = ctypes.CDLL(str(own))
    for name in ("instance", "address", "cells"):
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.element.restype = ctypes.POINTER(ctypes.c_int16)
    loaded.second.restype = ctypes.POINTER(ctypes.c_float)
    loaded.identity.restype = ctypes.c_char_p
    loaded.start()
    return Device(loaded, {f"{leaf.path}{leaf.element}": leaf for leaf in debug_leaves(plant())})


class TestList:
    def test_leaves_count_flat_in_the_order_of_the_program(self) -> None:
        leaves = debug_leaves(plant())
        assert [leaf.element for leaf in leaves] == list(range(len(plant().variables)))
        assert {leaf.array for leaf in leaves} == {0}
        assert [leaf.path for leaf in leaves[:6]] == ["TOTAL", "LAMP", "SENSOR", "PARTS.N", "INST0.N", "INST0.T"]

    @pytest.mark.parametrize(
        ("kind", "size"),
        [("BOOL", 1), ("SINT", 1), ("USINT", 1), ("BYTE", 1), ("INT", 2), ("UINT", 2), ("WORD", 2), ("DINT", 4), ("UDINT", 4),
         ("DWORD", 4), ("REAL", 4), ("LINT", 8), ("ULINT", 8), ("LWORD", 8), ("LREAL", 8), ("TIME", 8), ("DATE", 8), ("TOD", 8),
         ("DT", 8), ("STRING", 127)],
    )  # fmt: skip
    def test_sizes_on_the_wire(self, kind: str, size: int) -> None:
        (leaf,) = debug_leaves(Printed(TEXT, (), (member("n", kind),), ()))
        assert (leaf.type, leaf.size) == (kind, size)

    def test_long_names_of_times_become_the_channels(self) -> None:
        printed = Printed(TEXT, (), (member("a", "TIME_OF_DAY"), member("b", "DATE_AND_TIME")), ())
        assert [leaf.type for leaf in debug_leaves(printed)] == ["TOD", "DT"]

    def test_parts_and_global_inputs_cannot_be_forced(self) -> None:
        free = {leaf.path for leaf in debug_leaves(plant()) if leaf.forceable}
        assert free == {"TOTAL", "LAMP", "PARTS.N", "INST0.N", "INST0.T", "INST0.S", "INST0.LOCAL", "INST0.COUNT"}

    def test_the_control_variable_of_a_loop_cannot_be_forced(self) -> None:
        text = """\
FUNCTION_BLOCK counter
VAR
  k : INT;
END_VAR
FOR k := 1 TO 3 DO
  k := k;
END_FOR;
END_FUNCTION_BLOCK

PROGRAM main
VAR
  i : INT;
  j : INT;
  k : INT;
  c : counter;
END_VAR
FOR i := 1 TO 3 DO
  k := k + 1;
END_FOR;
WHILE TRUE DO
  IF RUNG_AGAIN_1 THEN
    j := j + INT#1;
  END_IF;
  RUNG_AGAIN_1 := TRUE;
END_WHILE;
FOR total := 1 TO 2 DO
  k := 0;
END_FOR;
END_PROGRAM

CONFIGURATION Config0
RESOURCE Res0 ON PLC
  PROGRAM inst0 WITH T0 : main;
END_RESOURCE
END_CONFIGURATION
"""
        variables = (
            *(member(name, "INT") for name in "ijk"),
            PrintedVariable("C.K", "INT", (Step("resource", "inst0"), Step("block", "c"), Step("block", "k"))),
            variable("TOTAL", "DINT", Step("configuration", "total")),
        )
        printed = Printed(text, (), variables, ())
        assert [leaf.path for leaf in debug_leaves(printed) if leaf.forceable] == ["INST0.K"]
        rows = [line for line in content(debug_block(printed, MD5)) if ".I.value" in line]
        assert rows == ["{&RES0__INST0.I.value, nullptr, nullptr, 0, 2, number, kept},"]


class TestText:
    def test_one_comment_a_line_that_no_reader_ends_early(self) -> None:
        lines = debug_block(plant(), MD5)
        for inner in content(lines):
            assert "*)" not in inner
            assert "(*" not in inner
            assert inner == inner.rstrip()
            assert "\n" not in inner

    def test_same_program_same_text(self) -> None:
        assert debug_block(plant(), MD5) == debug_block(plant(), MD5)

    def test_a_whole_array_is_one_row(self) -> None:
        rows = [line for line in content(debug_block(plant(), MD5)) if "TABLE" in line]
        assert rows == ["{&RES0__INST0.TABLE.value.table[0][0], nullptr, nullptr, 11, 2, number, part},"]

    def test_an_empty_program_has_a_block_too(self) -> None:
        assert any(MD5 in line for line in debug_block(Printed(TEXT, (), (), ()), MD5))

    @pytest.mark.parametrize("md5", ["", "0" * 31, "0" * 33, "G" * 32, '0"; system("x"); char y[] = "0123', "A" * 32])
    def test_only_an_md5_is_taken_for_one(self, md5: str) -> None:
        with pytest.raises(BuildError, match="no MD5"):
            debug_block(plant(), md5)

    @pytest.mark.parametrize("name", ["n; system(1)", "a.b", "ä", "", "a b", "n*)", "1n", "a__b", "n\n"])
    @pytest.mark.parametrize("owner", ["configuration", "resource", "block", "structure"])
    def test_only_plain_names_reach_the_device(self, name: str, owner: str) -> None:
        steps = {
            "configuration": (Step("configuration", name),),
            "resource": (Step("resource", name), Step("block", "n")),
            "block": (Step("resource", "inst0"), Step("block", name)),
            "structure": (Step("resource", "inst0"), Step("block", "n"), Step("structure", name)),
        }[owner]
        with pytest.raises(BuildError, match="plain identifier"):
            debug_block(Printed(TEXT, (), (variable("X", "INT", *steps),), ()), MD5)

    def test_an_unknown_type_ends_the_build(self) -> None:
        with pytest.raises(BuildError, match="WSTRING"):
            debug_block(Printed(TEXT, (), (member("w", "WSTRING"),), ()), MD5)

    def test_an_instance_that_the_text_does_not_have_ends_the_build(self) -> None:
        lost = variable("B.N", "INT", Step("resource", "b"), Step("block", "n"))
        with pytest.raises(BuildError, match="no instance b"):
            debug_block(Printed(TEXT, (), (lost,), ()), MD5)

    def test_more_variables_than_the_channel_counts(self) -> None:
        many = tuple(member("v", "INT", Step("array", "", (i,))) for i in range(70_000))
        printed = Printed(TEXT, (), many, ())
        assert len(debug_leaves(printed)) == 65_535
        assert "const uint16_t variables = 65535;" in content(debug_block(printed, MD5))


class TestOnTheDevice:
    def test_tells_its_program_and_variables(self, device: Device) -> None:
        assert device.library.identity() == MD5.encode()
        assert device.library.count() == len(plant().variables)
        assert device.library.size(device.library.count()) == 0

    def test_reads_every_kind(self, device: Device) -> None:
        device.library.scan()
        for number in range(6):
            device.library.element()[number] = 10 + number
        device.library.second()[0] = 1.5
        assert device.integer("INST0.N4") == 1
        assert [device.integer(f"INST0.TABLE{11 + i}") for i in range(6)] == [10, 11, 12, 13, 14, 15]
        assert struct.unpack("<f", device.read("INST0.LIST_10")) == (1.5,)
        ctypes.memset(device.library.cells(), 1, 3)
        assert [device.integer(path) for path in ("INST0.LOCAL17", "LAMP1", "SENSOR2")] == [1, 1, 1]

    def test_holds_a_value_until_it_is_released(self, device: Device) -> None:
        device.force("INST0.N4", struct.pack("<h", 500))
        device.library.scan()
        assert device.integer("INST0.N4") == 500
        device.release("INST0.N4")
        device.library.scan()
        assert device.integer("INST0.N4") == 501

    @pytest.mark.parametrize(("path", "cell"), [("INST0.LOCAL17", 0), ("LAMP1", 1)])
    def test_drives_a_forced_output(self, device: Device, path: str, cell: int) -> None:
        device.force(path, b"\xff")
        device.library.scan()
        assert ctypes.string_at(device.library.cells(), 3)[cell] == 1
        assert device.integer(path) == 1
        device.release(path)
        device.library.scan()
        assert device.integer(path) == 0

    @pytest.mark.parametrize("path", ["SENSOR2", "INST0.TABLE12", "INST0.LIST_7"])
    def test_leaves_alone_what_it_cannot_hold(self, device: Device, path: str) -> None:
        before = device.read(path)
        device.force(path, b"\1\1\1\1")
        assert device.read(path) == before

    def test_takes_numbers_in_the_order_that_was_agreed(self, device: Device) -> None:
        device.library.order(1)
        device.force("TOTAL0", struct.pack(">i", -70_000))
        device.force("INST0.T5", struct.pack(">ii", 3, 250_000_000))
        device.force("INST0.S6", b"\5hello".ljust(127, b"\0"))
        assert device.integer("TOTAL0") == -70_000
        assert struct.unpack("<ii", device.read("INST0.T5")) == (3, 250_000_000)
        assert device.read("INST0.S6")[:6] == b"\5hello"
        device.library.order(7)  # no order: ignored
        device.library.order(0)
        device.force("TOTAL0", struct.pack("<i", 12))
        assert device.integer("TOTAL0") == 12

    @pytest.mark.parametrize("length", [127, 128, 255])
    def test_cuts_a_string_that_claims_to_be_longer_than_it_can_be(self, device: Device, length: int) -> None:
        device.force("INST0.S6", bytes([length]) + b"x" * 126)
        assert device.read("INST0.S6")[0] == 126

    def test_an_index_beyond_the_list_does_nothing(self, device: Device) -> None:
        device.library.force(9999, b"\1\1\1\1")
        device.library.release(9999)
        assert device.library.address(9999)

    def test_gives_back_the_lock_of_the_scan(self, device: Device) -> None:
        device.force("INST0.T5", bytes(8))
        device.read("INST0.T5")
        device.release("INST0.T5")
        assert device.library.locks() == 0
