"""An OpenPLC runtime reduced to its contract: it compiles an artefact with the device's flags, loads it, and walks it through the
binary interface, one task scan at a time, exchanging the process image as the runtime does."""

from __future__ import annotations

import ctypes
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rung.codegen.artefact import Artefact, Leaf
from rung.codegen.compile_check import DEVICE_FLAGS, unpack
from rung.codegen.toolchain import find_toolchain

# Slots of the virtual tables; the destructor takes the first two.
RUN, GET_RETAIN, RETAIN_COUNT, SYNC_IN, SYNC_OUT, LOCATED_RANGE = range(2, 8)
GET_NAME, GET_RESOURCES, GET_RESOURCE_COUNT = range(2, 5)
SIZES = {0: 1, 1: 1, 2: 2, 3: 4, 4: 8}


class LocatedVar(ctypes.Structure):
    _fields_ = (
        ("area", ctypes.c_uint8), ("size", ctypes.c_uint8), ("byte_index", ctypes.c_uint16), ("bit_index", ctypes.c_uint8),
        ("reserved", ctypes.c_uint8 * 3), ("pointer", ctypes.c_void_p),
    )  # fmt: skip


class TaskInstance(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("interval_ns", ctypes.c_int64), ("priority", ctypes.c_int32),
        ("programs", ctypes.POINTER(ctypes.c_void_p)), ("program_count", ctypes.c_size_t),
    )  # fmt: skip


class ResourceInstance(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p), ("processor", ctypes.c_char_p),
        ("tasks", ctypes.POINTER(TaskInstance)), ("task_count", ctypes.c_size_t),
    )  # fmt: skip


def build_library(artefact: Artefact, folder: Path) -> Path:
    """Compile and link an artefact as the device does; returns the shared object."""
    compiler = find_toolchain()
    assert compiler is not None
    folder.mkdir(parents=True, exist_ok=True)
    units = unpack(artefact, folder)
    whole = (
        ["-Wl,-z,defs"] if sys.platform == "linux" else []
    )  # an undefined symbol shows up here, not when it is loaded
    libraries = [*whole, "-lpthread", "-lm"]
    command = [*compiler.command, *DEVICE_FLAGS, "-Werror", "-shared", "-o", "program.so", *units, *libraries]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "program.so"


@dataclass
class Machine:
    """A loaded program. `image` holds what stands at each address, by (area, size, index, bit)."""

    library: ctypes.CDLL
    leaves: dict[str, Leaf]
    image: dict[tuple[int, int, int, int], int] = field(default_factory=dict)

    @classmethod
    def load(cls, artefact: Artefact, folder: Path) -> Machine:
        library = ctypes.CDLL(str(build_library(artefact, folder)))
        library.strucpp_get_config.restype = ctypes.c_void_p
        library.strucpp_get_located_vars.restype = ctypes.POINTER(LocatedVar)
        library.strucpp_debug_set.restype = library.strucpp_debug_write.restype = ctypes.c_uint8
        return cls(library, {leaf.path: leaf for leaf in artefact.leaves})

    # ------------------------------------------------------------------------------------------- structure

    @property
    def md5(self) -> str:
        return ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(self.library, "strucpp_program_md5"))).decode()

    @property
    def tasks(self) -> list[TaskInstance]:
        config = self.library.strucpp_get_config()
        resources = ctypes.cast(
            _virtual(config, GET_RESOURCES, ctypes.c_void_p)(config), ctypes.POINTER(ResourceInstance)
        )
        count = _virtual(config, GET_RESOURCE_COUNT, ctypes.c_size_t)(config)
        return [resources[r].tasks[t] for r in range(count) for t in range(resources[r].task_count)]

    @property
    def configuration_name(self) -> str:
        config = self.library.strucpp_get_config()
        return str(_virtual(config, GET_NAME, ctypes.c_char_p)(config).decode())

    @property
    def located(self) -> list[LocatedVar]:
        table = self.library.strucpp_get_located_vars()
        return [table[i] for i in range(self.library.strucpp_get_located_var_count())]

    def located_range(self, program: int) -> tuple[int, int]:
        offset, count = ctypes.c_uint32(0), ctypes.c_uint32(0)
        function = _virtual(
            program, LOCATED_RANGE, None, ctypes.POINTER(ctypes.c_uint32), ctypes.POINTER(ctypes.c_uint32)
        )
        function(program, ctypes.byref(offset), ctypes.byref(count))
        return offset.value, count.value

    # ---------------------------------------------------------------------------------------------- scans

    def scan(self, task: int = 0, times: int = 1) -> None:
        """Run a task's scan: image in, programs, changed outputs and memory out."""
        instance = self.tasks[task]
        programs = [instance.programs[p] for p in range(instance.program_count)]
        entries = [entry for p in programs for entry in self._slice(p)]
        for _ in range(times):
            before = [self.image.get(_key(entry), 0) for entry in entries]
            for entry, value in zip(entries, before, strict=True):
                ctypes.memmove(entry.pointer, value.to_bytes(SIZES[entry.size], "little"), SIZES[entry.size])
            for program in programs:
                _virtual(program, RUN, None)(program)
            for entry, old in zip(entries, before, strict=True):
                value = int.from_bytes(ctypes.string_at(entry.pointer, SIZES[entry.size]), "little")
                if entry.area != 0 and value != old:
                    self.image[_key(entry)] = value

    def _slice(self, program: int) -> Sequence[LocatedVar]:
        offset, count = self.located_range(program)
        return self.located[offset : offset + count]

    # ---------------------------------------------------------------------------------------------- debug

    def read_raw(self, path: str) -> bytes:
        leaf = self.leaves[path]
        buffer = ctypes.create_string_buffer(512)
        size = self.library.strucpp_debug_read(leaf.array, leaf.element, buffer)
        assert size == leaf.size == self.library.strucpp_debug_size(leaf.array, leaf.element), path
        return buffer.raw[:size]

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
        signed = kind in ("SINT", "INT", "DINT", "LINT", "TIME", "DATE", "TOD", "DT")
        return int.from_bytes(raw, "little", signed=signed)

    def force(self, path: str, value: bytes) -> int:
        leaf = self.leaves[path]
        return int(self.library.strucpp_debug_set(leaf.array, leaf.element, True, value, len(value)))

    def force_int(self, path: str, value: int) -> int:
        return self.force(path, value.to_bytes(self.leaves[path].size, "little", signed=value < 0))

    def release(self, path: str) -> int:
        leaf = self.leaves[path]
        return int(self.library.strucpp_debug_set(leaf.array, leaf.element, False, None, 0))

    def write(self, path: str, value: bytes) -> int:
        leaf = self.leaves[path]
        return int(self.library.strucpp_debug_write(leaf.array, leaf.element, value, len(value)))


def _key(entry: LocatedVar) -> tuple[int, int, int, int]:
    return (entry.area, entry.size, entry.byte_index, entry.bit_index)


def _virtual(instance: int, slot: int, result: type | None, *arguments: type) -> ctypes._CFunctionType:
    """The function in a slot of an object's virtual table (Itanium ABI)."""
    table = ctypes.cast(instance, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
    return ctypes.CFUNCTYPE(result, ctypes.c_void_p, *arguments)(table[slot])
