"""OpenPLC Runtime v4.0 reduced to its contract: it compiles an artefact as the runtime's script does, loads it, lends it the tables of
located variables, and calls its C functions in the runtime's order. Each scan is one tick of the program's common period."""

from __future__ import annotations

import ctypes
import io
import struct
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from rung.codegen.artefact import Artefact, Leaf
from rung.codegen.compile_check import V4_0_FLAGS
from rung.codegen.toolchain import find_toolchain

SLOTS = 1024
C_FILES = ("Config0.c", "Res0.c", "debug.c", "glueVars.c")
REQUIRED = (
    "config_run__", "config_init__", "glueVars", "updateTime", "setBufferPointers", "common_ticktime__", "plc_program_md5",
    "set_endianness", "get_var_count", "get_var_size", "get_var_addr", "set_trace",
)  # fmt: skip
# The tables in the order in which the runtime hands them over: area and size, bytes of a value, pointers of an index.
TABLES = (
    ("IX", 1, 8), ("QX", 1, 8), ("IB", 1, 1), ("QB", 1, 1), ("IW", 2, 1), ("QW", 2, 1), ("ID", 4, 1), ("QD", 4, 1), ("IL", 8, 1),
    ("QL", 8, 1), ("MW", 2, 1), ("MD", 4, 1), ("ML", 8, 1), ("MX", 1, 8),
)  # fmt: skip
Table = ctypes.Array[ctypes.c_void_p]


def build_library(artefact: Artefact, folder: Path) -> Path:
    """Compile and link an artefact as the device does, with all warnings of C, which the device does not show; returns the library."""
    compiler = find_toolchain()
    assert compiler is not None
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(artefact.data)) as archive:
        archive.extractall(folder)
    words = list(compiler.command)
    flags = ["-O3", "-fPIC", "-I", "lib"]
    for name in C_FILES:
        # As a file of C++ compiled as C, because the compiler that Rung finds is one of C++.
        _execute([*words, "-x", "c", "-Wall", "-Wextra", "-Werror", *flags, "-c", name, "-o", f"{name}.o"], folder)
    _execute([*words, *V4_0_FLAGS, "-c", "c_blocks_code.cpp", "-o", "c_blocks_code.o"], folder)
    whole = ["-Wl,-z,defs"] if sys.platform == "linux" else []  # the runtime would find a missing symbol when it loads
    objects = [*(f"{name}.o" for name in C_FILES), "c_blocks_code.o"]
    _execute([*words, "-shared", "-o", "program.so", *objects, *whole, "-lpthread"], folder)
    return folder / "program.so"


def _execute(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass
class Machine:
    """A loaded program. `tick` is the runtime's counter, which never begins anew."""

    library: ctypes.CDLL
    leaves: dict[str, Leaf]
    memory_bits: bool = True
    tick: int = 4_000_000_000
    tables: dict[str, Table] = field(default_factory=dict)

    @classmethod
    def load(cls, artefact: Artefact, library: Path, memory_bits: bool = True) -> Machine:
        """Load a library that `build_library` made of `artefact` and start it. Without `memory_bits` the runtime is an older one."""
        loaded = ctypes.CDLL(str(library))
        for name in REQUIRED:
            assert hasattr(loaded, name), name
        loaded.get_var_count.restype = ctypes.c_uint16
        loaded.get_var_size.argtypes, loaded.get_var_size.restype = (ctypes.c_size_t,), ctypes.c_size_t
        loaded.get_var_addr.argtypes, loaded.get_var_addr.restype = (ctypes.c_size_t,), ctypes.c_void_p
        loaded.set_trace.argtypes, loaded.set_trace.restype = (ctypes.c_size_t, ctypes.c_bool, ctypes.c_void_p), None
        loaded.config_run__.argtypes, loaded.config_run__.restype = (ctypes.c_ulong,), None
        machine = cls(loaded, {leaf.path: leaf for leaf in artefact.leaves}, memory_bits)
        machine.start()
        return machine

    def start(self) -> None:
        """What the runtime does before it calls a program RUNNING: tables, initial values, located variables."""
        tables = TABLES if self.memory_bits else TABLES[:-1]
        self.tables = {name: (ctypes.c_void_p * (SLOTS * bits))() for name, _, bits in tables}
        hand_over = self.library.setBufferPointers_v4 if self.memory_bits else self.library.setBufferPointers
        hand_over(*self.tables.values())
        self.library.config_init__()
        self.library.glueVars()

    @property
    def md5(self) -> str:
        return ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(self.library, "plc_program_md5"))).decode()

    @property
    def period_ns(self) -> int:
        return int(ctypes.c_ulonglong.in_dll(self.library, "common_ticktime__").value)

    def scan(self, times: int = 1) -> None:
        for _ in range(times):
            self.library.config_run__(self.tick % 2**32)
            self.library.updateTime()
            self.tick += 1

    # ------------------------------------------------------------------------------------------- process image

    def known(self) -> set[str]:
        """The addresses that the program put into the tables."""
        found = set()
        for name, _, bits in TABLES:
            for slot, at in enumerate(self.tables.get(name, ())):
                if at is not None:
                    found.add(f"%{name}{slot // bits}.{slot % bits}" if bits == 8 else f"%{name}{slot}")
        return found

    def get(self, address: str) -> int:
        """What a plugin reads at an address such as %QX0.1 or %MW5."""
        at, size = self._cell(address)
        return int.from_bytes(ctypes.string_at(at, size), "little")

    def put(self, address: str, value: int) -> None:
        """What a plugin writes, between two scans."""
        at, size = self._cell(address)
        ctypes.memmove(at, value.to_bytes(size, "little"), size)

    def _cell(self, address: str) -> tuple[int, int]:
        name, rest = address[1:3], address[3:]
        size, bits = next((size, bits) for table, size, bits in TABLES if table == name)
        index, _, bit = rest.partition(".")
        at = self.tables[name][int(index) * bits + int(bit or 0)]
        assert at is not None, f"{address} is not the program's"
        return at, size

    # ------------------------------------------------------------------------------------------- debug channel

    def read_raw(self, path: str) -> bytes:
        leaf = self.leaves[path]
        assert leaf.array == 0
        assert self.library.get_var_size(leaf.element) == leaf.size, path
        return ctypes.string_at(self.library.get_var_addr(leaf.element), leaf.size)

    def read(self, path: str) -> int | float | bool | str:
        raw, kind = self.read_raw(path), self.leaves[path].type
        match kind:
            case "BOOL":
                return raw[0] != 0
            case "STRING":
                return raw[1 : 1 + raw[0]].decode("latin-1")
            case "WSTRING":
                return raw[1 : 1 + 2 * raw[0]].decode("utf-16-le")
            case "REAL":
                return float(struct.unpack("<f", raw)[0])
            case "LREAL":
                return float(struct.unpack("<d", raw)[0])
            case "TIME" | "DATE" | "TOD" | "DT":
                seconds, nanoseconds = struct.unpack("<ii", raw)
                return int(seconds * 10**9 + nanoseconds)
        return int.from_bytes(raw, "little", signed=kind in ("SINT", "INT", "DINT", "LINT"))

    def force(self, path: str, value: bytes) -> None:
        """As the runtime hands a value over: at the end of its frame of 4 kB, zeros behind it."""
        frame = ctypes.create_string_buffer(b"\x42\0\0\x01\0\0" + value, 4096)
        self.library.set_trace(self.leaves[path].element, True, ctypes.addressof(frame) + 6)

    def force_int(self, path: str, value: int) -> None:
        self.force(path, value.to_bytes(self.leaves[path].size, "little", signed=value < 0))

    def force_time(self, path: str, seconds: int, nanoseconds: int) -> None:
        self.force(path, struct.pack("<ii", seconds, nanoseconds))

    def release(self, path: str) -> None:
        self.library.set_trace(self.leaves[path].element, False, None)
