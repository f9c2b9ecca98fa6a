"""The adapter for microcontroller boards: a sketch whose one file of C++ is compiled with the Arduino core, or, with RUNG_BARE defined, without.

Invariants: the sketch and its MD5 depend on the program's sources, the board's row and the serial settings alone; one thread runs all
tasks, the most urgent first; all memory is static; nothing is compiled in that the program does not use.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.codegen import names
from rung.codegen.archive import identity, pack
from rung.codegen.artefact import Artefact
from rung.codegen.board_io import Wire, io_functions, wire
from rung.codegen.board_tables import debug_leaves, debug_lines, entries, limits, modbus_lines
from rung.codegen.cpp_head import QUIET, bare, clock, support_files, support_includes
from rung.codegen.debug_table import memory_size
from rung.codegen.narrow import objection
from rung.codegen.program import BuildError, Core, Link, build_core
from rung.codegen.schedule import PlannedTask
from rung.codegen.sources import SourceMap
from rung.codegen.standard_calls import value_type
from rung.semantics.model import Located, Program
from rung.semantics.types import BOOL, BYTE, DWORD, LWORD, WORD
from rung.targets.board import Board, SerialSettings

_FOLDER: Final = "rung"
_BY_SIZE: Final = {"X": BOOL, "B": BYTE, "W": WORD, "D": DWORD, "L": LWORD}
_MILLISECOND_NS: Final = 1_000_000
# The clock counts microseconds in 32 bits, and half of that is the past.
_LONGEST_PERIOD_MS: Final = 60_000
_SLAVES: Final = range(1, 248)
_SLOWEST_BAUD: Final = 1200
_HEADERS: Final = (
    "rung_board_state.hpp", "rung_link.hpp", "rung_hal_avr.hpp", "rung_hal_arduino.hpp", "rung_stack.hpp", "rung_board_tables.hpp", "rung_modbus_rtu.hpp",
    "rung_board_debug.hpp", "rung_board.hpp",
)  # fmt: skip
# One set of bodies serves both ways: a bit says whether anything is forced.
_BODY_MACROS: Final = """\
#define SET(place, ...) do { auto &place_ = (place); place_ = (__VA_ARGS__); if (forcing()) keep_forced(place_); } while (0)
#define PUT(array, at, ...) SET(element(t, array, at), __VA_ARGS__)
#define PIN(place) do { if (forcing()) keep_forced(place); } while (0)
#define LOOP(counter, place) (place)
#define KNOWN(array, plain, checked) element(t, array, checked)
"""


def build_board(program: Program, sources: SourceMap, board: Board, serial: SerialSettings) -> Artefact:
    """Return the sketch of a program for a board, as a zip.

    Raises BuildError when there is nothing to run, when a task's interval is no whole number of milliseconds, or when the program uses an
    address that the board has no pin for, or a type that boards have not.
    """
    problem = objection(program, lreal=board.has_lreal)
    if problem is not None:
        raise BuildError(problem)
    if serial.slave not in _SLAVES or serial.baud < _SLOWEST_BAUD:
        raise BuildError(
            f"A board is a Modbus slave with a number from {_SLAVES.start} to {_SLAVES.stop - 1}, at {_SLOWEST_BAUD} baud or more; the "
            f"settings say slave {serial.slave} at {serial.baud} baud."
        )
    return _Adapter(program, sources, board, serial).artefact()


def scan_period_ms(base_ns: int) -> int:
    """Return how often a board scans a program whose tasks' intervals have the greatest common divisor `base_ns`, in milliseconds.

    Raises BuildError where that is no whole number.
    """
    if base_ns % _MILLISECOND_NS:
        raise BuildError("A board scans at whole milliseconds. Give the tasks intervals that are multiples of 1 ms.")
    base = base_ns // _MILLISECOND_NS
    fewest = -(-base // _LONGEST_PERIOD_MS)
    return next(base // scans for scans in range(fewest, base + 1) if base % scans == 0)


class _Adapter:
    __slots__ = ("_board", "_core", "_extra", "_limits", "_period_ms", "_serial", "_sources")

    def __init__(self, program: Program, sources: SourceMap, board: Board, serial: SerialSettings) -> None:
        self._sources = sources
        self._board = board
        self._serial = serial
        self._limits = limits(board)
        self._core: Core = build_core(program, sources, "globals", "image")
        self._period_ms = scan_period_ms(self._core.schedule.base_ns)
        # Addresses that VAR_CONFIG alone names have no cell in the image.
        cells = self._core.places.image.cells
        self._extra = sorted({link.address for link in self._core.links if link.address not in cells}, key=_by_text)

    def artefact(self) -> Artefact:
        table = entries(self._core, self._limits)
        support = support_files(*_HEADERS)
        text = "".join(file.text if file.text.endswith("\n") else f"{file.text}\n" for file in self._sources.files())
        files = {
            f"{_FOLDER}.ino": "// Made by Rung. The program is in program.cpp.\n",
            "program.cpp": self._program(
                [*debug_lines(table), *modbus_lines(self._board, self._limits, self._places())]
            ),
            "program_types.hpp": self._core.types,
            "program_bodies.hpp": self._core.bodies,
            **{name: bare(content) for name, content in support.items()},
        }
        content = {f"{_FOLDER}/{name}": file.encode() for name, file in files.items()}
        md5 = identity(content | {"program.st": text.encode()})
        content[f"{_FOLDER}/program_md5.hpp"] = f'const char program_md5[] RUNG_TABLE = "{md5}";\n'.encode()
        paths = {file.name: file.path for file in self._sources.files()}
        name = self._board.name
        return Artefact(name, f"{name}.zip", pack(content), md5, tuple(debug_leaves(table)), paths)

    def _program(self, tables: list[str]) -> str:
        parts = [
            f"// Made by Rung for the board {self._board.name}.\n",
            QUIET,
            "".join(f"{line}\n" for line in self._settings()),
            "#include <stdint.h>\n",
            clock("static", board=True),
            support_includes(),
            '#include "rung_stack.hpp"\n',
            # Arduino's String must not meet ours.
            'namespace program {\nnamespace {\nusing namespace rung;\n#include "program_types.hpp"\n',
            "".join(f"{line}\n" for line in self._storage()),
            f'#include "rung_board_state.hpp"\n{_BODY_MACROS}#include "program_bodies.hpp"\n',
            "".join(f"{line}\n" for line in (*self._tasks(), *self._start())),
            "}\n}\n",
            _PLATFORM,
            "namespace program {\nnamespace {\n",
            '#include "rung_board_tables.hpp"\n#include "program_md5.hpp"\n',
            "".join(f"{line}\n" for line in (*tables, *io_functions(self._board, self._wires()))),
            '#include "rung_modbus_rtu.hpp"\n#include "rung_board_debug.hpp"\n#include "rung_board.hpp"\n',
            "}\n}\n",
            _ENTRANCE,
        ]
        return "".join(parts)

    def _settings(self) -> Iterator[str]:
        yield "#define RUNG_BOARD"
        yield f"#define RUNG_BAUD {self._serial.baud}UL"
        yield f"#define RUNG_SERIAL {self._board.serial}"
        yield f"#define RUNG_SLAVE {self._serial.slave}"
        yield f"#define RUNG_FRAME {self._limits.frame}"
        yield f"#define RUNG_MAX_FORCES {self._limits.forces}"

    # ------------------------------------------------------------------------------------------ process image

    def _cell(self, address: Located) -> str:
        known = address in self._core.places.image.cells
        return self._core.places.cell(address) if known else f"link_{names.cell(address)}"

    def _addresses(self) -> list[Located]:
        return [*self._core.places.image.cells, *self._extra]

    def _wires(self) -> list[Wire]:
        return [wire(self._board, at, self._cell(at)) for at in self._addresses() if at.area != "M"]

    def _places(self) -> dict[str, str]:
        return {address.text: self._cell(address) for address in self._addresses()}

    # ------------------------------------------------------------------------------------------ storage, tasks

    def _storage(self) -> Iterator[str]:
        yield "Globals globals;"
        yield "Image image;"
        for planned in self._core.schedule.instances:
            yield f"{self._core.places.types.block(planned.instance.pou)} {names.instance(planned.number)};"
        for address in self._extra:
            yield f"{value_type(_BY_SIZE[address.size])} {self._cell(address)};"
        yield "Spare spare;"
        yield "Task scan;"
        yield f"const uint32_t PERIOD_MS = {self._period_ms};"

    def _tasks(self) -> Iterator[str]:
        """All tasks' share of a scan, and how variables that VAR_CONFIG located take their values before and give them back after."""
        written = [(number, link) for number, link in enumerate(self._core.links) if link.address.area != "I"]
        for number, link in written:
            yield f"static uint8_t before_{number}[{_exchanged_bytes(link)}];"
        yield "static void read_links() {"
        for link in self._core.links:
            yield f"  __builtin_memcpy(&{link.place}, &{self._cell(link.address)}, {_exchanged_bytes(link)});"
        for number, link in written:
            yield f"  __builtin_memcpy(before_{number}, &{link.place}, sizeof before_{number});"
        yield "}"
        yield "static void write_links() {"
        for number, link in written:
            yield f"  give_back(&{self._cell(link.address)}, &{link.place}, before_{number}, sizeof before_{number});"
        if written:
            yield "  if (!forcing()) return;"
        for number, link in written:
            yield f"  give_forced(&{self._cell(link.address)}, &{link.place}, sizeof before_{number});"
        yield "}"
        yield "static void run_tasks() {"
        for task in self._core.schedule.by_urgency():
            yield from self._task(task)
        yield "}"

    def _task(self, task: PlannedTask) -> Iterator[str]:
        runs = " ".join(f"run_{names.instance(planned.number)}(scan);" for planned in task.instances)
        interval = task.period_ns if task.event is None else task.interval_ns
        period = self._period_ms * _MILLISECOND_NS
        if task.event is None and interval == period:
            yield f"  {runs}"
            return
        yield "  {"
        if interval is not None:
            yield "    static uint32_t wait;"
            yield "    const bool elapsed = wait == 0;"
            yield f"    wait = elapsed ? {interval // period - 1} : wait - 1;"
        if task.event is None:
            yield f"    if (elapsed) {{ {runs} }}"
        else:
            # It runs when its event rises, and at its interval, if it has one, while that is FALSE.
            yield "    static bool level;"
            yield f"    const bool now = {self._core.places.of(task.event)}, rises = now && !level;"
            yield "    level = now;"
            yield f"    if (rises{'' if interval is None else ' || (!now && elapsed)'}) {{ {runs} }}"
        yield "  }"

    def _start(self) -> Iterator[str]:
        yield "static void start_program() {"
        yield "  set_forcing(false);"
        yield "  scan.spare = &spare;"  # bodies reach the rest by name
        # Memory is zero after a reset.
        yield "  set_globals(globals);"
        for planned in self._core.schedule.instances:
            yield f"  set_{self._core.places.types.block(planned.instance.pou)}({names.instance(planned.number)});"
        yield "  init_image(image);"
        yield "  write_links();"
        yield "}"


def _exchanged_bytes(link: Link) -> int:
    return min(memory_size(link.kind, True), memory_size(_BY_SIZE[link.address.size], True))


def _by_text(address: Located) -> str:
    return address.text


_PLATFORM: Final = """\
#include "rung_link.hpp"
#ifdef RUNG_BARE
#include "rung_hal_avr.hpp"
#else
#include "rung_hal_arduino.hpp"
#endif
"""
_ENTRANCE: Final = """\
#ifdef RUNG_WATCHDOG
ISR(WDT_vect, ISR_NAKED) {
  __asm__ volatile("clr __zero_reg__");
  program::halt();
}
#endif
#ifdef RUNG_BARE
int main() {
  program::start_board();
  for (;;) program::run_board();
}
#else
void setup() { program::start_board(); }
void loop() { program::run_board(); }
#endif
"""
