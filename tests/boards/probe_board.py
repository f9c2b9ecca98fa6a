"""Runs programs on an emulated Arduino Mega (simavr's clock is virtual), with an adapter of its own around the core that boards share.

Invariant: what is read is the memory of every variable after the last scan, so a value is compared as the chip holds it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rung.codegen import names
from rung.codegen.cpp_head import PLAIN_MACROS, QUIET, clock, support_files, support_includes
from rung.codegen.debug_table import Row, memory_size
from rung.codegen.narrow import objection
from rung.codegen.program import BuildError, Core, build_core
from rung.codegen.schedule import PlannedTask
from rung.codegen.settings import Value, decode
from rung.codegen.sources import SourceMap
from rung.codegen.standard_calls import value_type
from rung.semantics.model import Program
from rung.semantics.types import BOOL, BYTE, DWORD, LWORD, WORD, Elementary, Family, Type, storage

MCU = "atmega2560"
FLAGS = (f"-mmcu={MCU}", "-std=gnu++11", "-Os", "-flto", "-fno-exceptions", "-Wall", "-Werror")
HERE = Path(__file__).parent
_BY_SIZE = {"X": BOOL, "B": BYTE, "W": WORD, "D": DWORD, "L": LWORD}
_NS_PER_MS = 1_000_000
_TIMES = (Family.DURATION, Family.TIME_OF_DAY, Family.DATE, Family.DATE_AND_TIME)


@dataclass(frozen=True)
class ProbeFirmware:
    """A program for the chip: its C++ files, and its variables in the order in which they are printed."""

    files: Mapping[str, str]
    rows: Sequence[Row]

    @property
    def memory(self) -> int:
        """The bytes of all variables."""
        return sum(len(row.paths) * memory_size(row.kind, board=True) for row in self.rows)


def generate(
    program: Program, sources: SourceMap, cycles: int, tick_ms: int, lreal: bool = False, start_ms: int = 0
) -> ProbeFirmware:
    """Return the program that runs `cycles` scans, the first at `start_ms`, and prints. Raises BuildError for what no board takes that
    has `lreal` or not."""
    refused = objection(program, lreal)
    if refused is not None:
        raise BuildError(refused)
    core = build_core(program, sources, "globals", "image")
    rows = list(core.global_rows())
    for planned in core.schedule.instances:
        rows += core.instance_rows(planned)
    files = support_files() | {
        "probe_main.hpp": (HERE / "probe_main.hpp").read_text(encoding="utf-8"),
        "program.cpp": "\n".join(_main_file(core, rows, cycles, tick_ms, start_ms)) + "\n",
        "program_types.hpp": core.types,
        "program_bodies.hpp": core.bodies,
    }
    return ProbeFirmware(files, rows)


def _main_file(core: Core, rows: Sequence[Row], cycles: int, tick_ms: int, start_ms: int) -> list[str]:
    schedule = core.schedule
    data = {p.number: core.places.types.block(p.instance.pou) for p in schedule.instances}
    lines = ["#define RUNG_BOARD", QUIET + "#include <stdint.h>", clock("static", board=True) + support_includes()]
    lines += [
        '#include "probe_main.hpp"',
        PLAIN_MACROS + "namespace {",
        "using namespace rung;",
        '#include "program_types.hpp"',
    ]
    lines += ["Globals globals;", "Image image;", *(f"{kind} {names.instance(n)};" for n, kind in data.items())]
    lines += ['#include "program_bodies.hpp"', "Spare spare;", "Task scan;"]
    linked = {link.address for link in core.links if link.address not in core.places.image.cells}
    lines += [f"{value_type(_BY_SIZE[a.size])} link_{names.cell(a)};" for a in sorted(linked, key=lambda a: a.text)]
    for task in schedule.tasks:
        calls = " ".join(f"run_{names.instance(planned.number)}(scan);" for planned in task.instances)
        lines.append(f"void task_{task.number}() {{ {calls} }}")
    tasks = schedule.by_urgency()
    lines += ["probe::Task tasks[] = {", *(f"{_task(core, task)}," for task in tasks), "};"]
    lines.append("const probe::Row rows[] PROGMEM = {")
    lines += [f"{{&{row.place}, {len(row.paths) * memory_size(row.kind, board=True)}}}," for row in rows]
    lines += [
        "};",
        "}",
        "int main() {",
        "scan.spare = &spare; scan.globals = &globals; scan.image = &image;",
        "set_globals(globals);",
    ]
    lines += [f"set_{kind}({names.instance(n)});" for n, kind in data.items()]
    lines += [
        "init_image(image);",
        f"scan_time = {start_ms};",
        f"for (uint16_t cycle = 0; cycle < {cycles}; ++cycle) {{",
        *_links(core, "Q", inwards=True),
    ]
    lines += [
        "for (probe::Task &task : tasks) if (probe::due(task, scan_time)) task.run();",
        *_links(core, "I", inwards=False),
    ]
    lines += [f"scan_time = int32_t(uint32_t(scan_time) + {tick_ms});", "}", f"probe::finish(rows, {len(rows)});", "}"]
    return lines


def _links(core: Core, other_area: str, inwards: bool) -> list[str]:
    copies = []
    for link in core.links:
        known = link.address in core.places.image.cells
        cell = core.places.cell(link.address) if known else f"link_{names.cell(link.address)}"
        to, source = (link.place, cell) if inwards else (cell, link.place)
        if link.address.area != other_area:
            copies.append(f"__builtin_memcpy(&{to}, &{source}, {memory_size(link.kind, board=True)});")
    return copies


def _task(core: Core, task: PlannedTask) -> str:
    interval = 0 if core.schedule.implied or task.interval_ns is None else task.interval_ns // _NS_PER_MS
    event = "nullptr" if task.event is None else f"&{core.places.of(task.event)}"
    return (
        f"{{{interval}, {event}, {'true' if task.interval_ns is not None else 'false'}, task_{task.number}, 0, false}}"
    )


def _write(firmware: ProbeFirmware, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in firmware.files.items():
        (folder / name).write_text(text, encoding="utf-8")


def build(firmware: ProbeFirmware, folder: Path) -> Path:
    """Compile for the chip; return the image with its symbols."""
    _write(firmware, folder)
    image = folder / "program.elf"
    command = ["avr-g++", *FLAGS, "program.cpp", "-o", image.name, "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return image


def build_here(firmware: ProbeFirmware, folder: Path) -> Path:
    """Compile for this computer what boards with chips of 32 bits get; return the executable."""
    _write(firmware, folder)
    command = ["g++", "-std=gnu++17", "-fno-exceptions", "-Wall", "-Werror", "program.cpp", "-o", "program"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / "program"


def run(firmware: ProbeFirmware, image: Path) -> tuple[int, dict[str, Value]]:
    """Run the image to its end; return the fault counter and every variable by its path."""
    command = ["simavr", "-m", MCU, "-f", "16000000", str(image)] if image.suffix == ".elf" else [str(image)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=60)
    printed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    data = bytes.fromhex("".join(re.findall(r"^([0-9a-f]+)\.*\s*$", printed, re.MULTILINE)))
    assert len(data) == 4 + firmware.memory, (len(data), firmware.memory, printed[:500])
    values: dict[str, Value] = {}
    offset = 4
    for row in firmware.rows:
        step = memory_size(row.kind, board=True)
        for path in row.paths:
            values[path] = _decode(row.kind, data[offset : offset + step])
            offset += step
    return int.from_bytes(data[:4], "little"), values


def _decode(kind: Type, data: bytes) -> Value:
    base = storage(kind)
    if isinstance(base, Elementary) and base.family in _TIMES:
        return int.from_bytes(data, "little", signed=True) * _NS_PER_MS
    return decode(kind, data)


def symbols(image: Path) -> list[str]:
    """Return the names of all that is in an image."""
    done = subprocess.run(["avr-nm", str(image)], capture_output=True, text=True, check=True)
    return [line.split()[-1] for line in done.stdout.splitlines()]


def compiler_says(text: str, folder: Path) -> str:
    """Return the compiler's messages about a text that includes support headers."""
    for name, header in support_files().items():
        (folder / name).write_text(header, encoding="utf-8")
    (folder / "text.cpp").write_text(text, encoding="utf-8")
    command = ["avr-g++", *FLAGS, "-fsyntax-only", "text.cpp"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr
