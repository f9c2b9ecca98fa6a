"""A board computes what this computer computes: the feature probes, the language's rows, and random expressions, on an emulated Mega.

The chip is emulated (simavr), not hardware. What does not fit a board is refused by name, and the list of it stands here.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boards import probe_board
from boards.probe_expressions import ExpressionWriter
from codegen.feature_probes import CYCLES, PROBES, TICK_NS, FeatureProbe, program_set
from codegen.probes import Probe, checked, configuration
from codegen.test_language import ALL as LANGUAGE
from codegen.test_semantic_corner_cases import ALL as CORNER_CASES
from rung.codegen.program import BuildError
from rung.codegen.run import run_program
from rung.codegen.settings import Value

TICK_MS = TICK_NS // 1_000_000
ROWS = (*LANGUAGE, *CORNER_CASES)
# Each of these uses an LREAL, a time in nanoseconds or wide text.
REFUSED = {
    "reals": "LREAL",
    "real_limits": "LREAL",
    "real_large": "LREAL",
    "widening": "LREAL",
    "real_conversions": "LREAL",
    "short_conversions": "LREAL",
    "function_standard": "LREAL",
    "function_power": "LREAL",
    "powers group from the left": "LREAL",
    "short_times": "finer",
    "long_times": "LTIME",
    "wide_strings": "WSTRING",
    "wide strings work": "WSTRING",
}
SEED, ASSIGNMENTS = 2026, 150
IMAGE_BYTES = 3500  # of variables; the rest of the chip's 8 KB is for the stack, where texts are made

Values = dict[str, Value]


def _text(probe: FeatureProbe | Probe) -> str:
    return program_set([probe]) if isinstance(probe, FeatureProbe) else configuration([probe])


def _scans(probe: FeatureProbe | Probe) -> int:
    return CYCLES if isinstance(probe, FeatureProbe) else probe.cycles


def _refusal(probe: FeatureProbe | Probe) -> str | None:
    try:
        probe_board.generate(*checked(_text(probe)), _scans(probe), TICK_MS)
    except BuildError as error:
        return str(error)
    return None


def _images() -> list[list[FeatureProbe]]:
    """The feature probes that boards take, in parts that each fit into one chip."""
    images: list[list[FeatureProbe]] = [[]]
    used = 0
    for probe in PROBES:
        if probe.name in REFUSED:
            continue
        size = probe_board.generate(*checked(program_set([probe])), CYCLES, TICK_MS).memory
        if used + size > IMAGE_BYTES:
            images.append([])
            used = 0
        images[-1].append(probe)
        used += size
    return images


def _run(text: str, scans: int, folder: Path) -> Values:
    firmware = probe_board.generate(*checked(text), scans, TICK_MS)
    return probe_board.run(firmware, probe_board.build(firmware, folder))[1]


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    """What the chip holds after all scans, by the probe's name, with paths as that probe's own."""
    folder = tmp_path_factory.mktemp("probes")
    images, rows = _images(), [row for row in ROWS if row.name not in REFUSED]
    by_scans = {scans: [row for row in rows if row.cycles == scans] for scans in {row.cycles for row in rows}}
    jobs = [(program_set(image), CYCLES) for image in images]
    jobs += [(configuration(group), scans) for scans, group in by_scans.items()]
    with ThreadPoolExecutor(2) as workers:
        found = list(workers.map(lambda number: _run(*jobs[number], folder / str(number)), range(len(jobs))))
    results = {probe.name: found[number] for number, image in enumerate(images) for probe in image}
    for number, group in enumerate(by_scans.values(), len(images)):
        for place, row in enumerate(group):
            prefix = f"I{place}."
            own = {p.removeprefix(prefix): v for p, v in found[number].items() if p.startswith(prefix)}
            results[row.name] = own
    return results


@pytest.mark.parametrize("probe", [*PROBES, *ROWS], ids=lambda probe: probe.name)
def test_a_board_gives_the_values_of_this_computer(probe: FeatureProbe | Probe, values: dict[str, Values]) -> None:
    objection = _refusal(probe)
    if probe.name in REFUSED:
        assert objection is not None, f"boards take {probe.name} now"
        assert REFUSED[probe.name] in objection
        return
    assert objection is None, objection
    found = values[probe.name]
    wanted = probe.values if isinstance(probe, FeatureProbe) else {n.upper(): v for n, v in probe.expected.items()}
    for path, value in wanted.items():
        assert _same(found.get(path, "no such variable"), value), (path, found.get(path), value)


def _same(found: object, wanted: object) -> bool:
    """Whether a value is the one that is expected; an enumerator may be given by name, and infinity by word."""
    if isinstance(wanted, tuple):
        return found in wanted
    if wanted in ("inf", "nan"):
        return str(found) == wanted
    if isinstance(wanted, float):
        return isinstance(found, float) and math.isclose(found, wanted, rel_tol=1e-6)
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def test_random_expressions_give_what_they_give_here(tmp_path: Path) -> None:
    """An `int` of 16 bits promotes otherwise than one of 32; nothing of that may show."""
    program = checked(ExpressionWriter(SEED).program(ASSIGNMENTS))
    here = run_program(*program, 4, TICK_NS)
    assert here.error is None, here.error
    firmware = probe_board.generate(*program, 4, TICK_MS)
    _, there = probe_board.run(firmware, probe_board.build(firmware, tmp_path))
    assert len(there) > ASSIGNMENTS
    assert {path: value for path, value in there.items() if value != here.variables[path]} == {}


# Numbers, texts and times that a chip without `double` could easily get wrong.
NUMBERS = ["0.5", "-2.5", "3.14159", "27648.0", "16777216.0", "1.0E20", "3.0E-5", "1.2E-38", "3.4E38", "0.0"]
TEXTS = ["1_000.5", "-0.1", "1E5", "123456789012345678E-30", "12x", "16777217", "3.4028236E38", "", "16#FF"]
DURATIONS = ["T#0s", "T#-1ms", "T#1d2h3m4s5ms", "T#20d", "T#5h0m0s1ms"]
FUNCTIONS = ["SQRT", "LN", "EXP", "ATAN", "ABS"]


def _short_floats() -> str:
    variables = ["k : DINT := 3; p : REAL := 0.1;"]
    lines: list[str] = []

    def add(kind: str, expression: str) -> None:
        variables.append(f"r{len(lines)} : {kind};")
        lines.append(f"r{len(lines)} := {expression};")

    for n, number in enumerate(NUMBERS):
        variables.append(f"x{n} : REAL := {number};")
        add("STRING[20]", f"REAL_TO_STRING(x{n})")
        for kind in ("SINT", "INT", "DINT", "LINT", "UINT", "UDINT"):
            add(kind, f"REAL_TO_{kind}(x{n})")
        for function in FUNCTIONS:
            add("REAL", f"{function}(x{n})")
        for expression in (f"x{n} ** k", f"EXPT(x{n}, 2)", f"x{n} / p", f"x{n} / (p - p)", f"x{n} * x{n} - p"):
            add("REAL", expression)
        add("BOOL", f"x{n} / (p - p) < p")
        add("DINT", f"TRUNC(x{n} / 10.0)")
    for n, text in enumerate(TEXTS):
        variables.append(f"s{n} : STRING[30] := '{text}';")
        add("REAL", f"STRING_TO_REAL(s{n})")
        add("INT", f"STRING_TO_INT(s{n})")
        add("UDINT", f"STRING_TO_UDINT(s{n})")
    for n, duration in enumerate(DURATIONS):
        variables.append(f"t{n} : TIME := {duration};")
        add("STRING[30]", f"TIME_TO_STRING(t{n})")
        add("TIME", f"STRING_TO_TIME(TIME_TO_STRING(t{n}))")
        add("TIME", f"t{n} * p")
        add("TIME", f"t{n} / (p * 20.0)")
        add("TIME", f"t{n} / k")
        add("TOD", f"TOD#23:00:00 + t{n}")
        add("STRING[40]", f"DT_TO_STRING(DT#2024-02-29-23:00:00 + t{n})")
        add("REAL", f"TIME_TO_REAL(t{n})")
    return f"PROGRAM Main VAR {' '.join(variables)} END_VAR\n{chr(10).join(lines)}\nEND_PROGRAM\n"


def test_short_floating_point_gives_the_same_texts_integers_and_times(tmp_path: Path) -> None:
    program = checked(_short_floats())
    here = run_program(*program, 1, TICK_NS)
    assert here.error is None, here.error
    firmware = probe_board.generate(*program, 1, TICK_MS)
    faults, there = probe_board.run(firmware, probe_board.build(firmware, tmp_path))
    times = {path for row in firmware.rows if row.type_name == "TIME" for path in row.paths}
    assert {p: (there[p], v) for p, v in here.variables.items() if not _alike(there[p], v, p in times)} == {}
    assert faults == here.faults


def _alike(there: Value, here: Value, is_time: bool) -> bool:
    """Whether values are the same, as far as 7 digits or a millisecond go."""
    if isinstance(here, float) and math.isfinite(here):
        return isinstance(there, float) and math.isclose(there, here, rel_tol=1e-6)
    if is_time:
        return isinstance(there, int) and isinstance(here, int) and abs(there - here) < 1_000_000
    return str(there) == str(here)


def test_a_chip_with_long_floating_point_counts_milliseconds_too(tmp_path: Path) -> None:
    """Boards with 32 bits get the same text; only the width of `int`, of pointers and of `double` differs, as it does here."""
    taken = [probe for probe in PROBES if REFUSED.get(probe.name, "LREAL") == "LREAL"]
    firmware = probe_board.generate(*checked(program_set(taken)), CYCLES, TICK_MS, lreal=True)
    _, found = probe_board.run(firmware, probe_board.build_here(firmware, tmp_path))
    wanted = {path: value for probe in taken for path, value in probe.values.items()}
    assert {path: (found[path], value) for path, value in wanted.items() if not _same(found[path], value)} == {}


def test_timers_run_on_when_the_clock_wraps(tmp_path: Path) -> None:
    """The clock of 32 bits wraps after 24.8 days; only its differences count."""
    text = """
    PROGRAM Main
    VAR on, off : BOOL; pulse : TP; delay : TON; after : TOF; clock : RTC; scans : INT; rose, fell : INT; END_VAR
    scans := scans + 1;
    delay(IN := TRUE, PT := T#100ms);
    pulse(IN := TRUE, PT := T#140ms);
    after(IN := scans = 1, PT := T#60ms);
    clock(IN := TRUE, PDT := DT#2026-01-01-00:00:00);
    IF delay.Q AND rose = 0 THEN rose := scans; END_IF;
    IF NOT pulse.Q AND fell = 0 THEN fell := scans; END_IF;
    END_PROGRAM
    """
    program = checked(text)
    here = run_program(*program, 12, TICK_NS).variables
    firmware = probe_board.generate(*program, 12, TICK_MS, start_ms=(1 << 31) - 45)
    _, there = probe_board.run(firmware, probe_board.build(firmware, tmp_path))
    assert there == here
    assert (there["MAIN.ROSE"], there["MAIN.FELL"]) == (6, 8)


def test_a_time_beyond_the_clock_is_its_end_and_a_fault(tmp_path: Path) -> None:
    """With another sign a timer would be over at once."""
    text = """
    PROGRAM Main
    VAR far : DT := DT#2026-03-01-00:00:00; near : DT := DT#2026-01-01-00:00:00; many : UDINT := 3000000000; few : DINT := -5; a, b, c, d : TIME; END_VAR
    a := far - near; b := near - far; c := UDINT_TO_TIME(many); d := DINT_TO_TIME(few);
    END_PROGRAM
    """
    firmware = probe_board.generate(*checked(text), 1, TICK_MS)
    faults, found = probe_board.run(firmware, probe_board.build(firmware, tmp_path))
    end = ((1 << 31) - 1) * 1_000_000
    assert [found[f"MAIN.{name}"] for name in "ABCD"] == [end, -end - 1_000_000, end, -5_000_000]
    assert faults == 3


def _symbols(text: str, folder: Path) -> list[str]:
    firmware = probe_board.generate(*checked(text), 1, TICK_MS)
    image = probe_board.build(firmware, folder)
    return probe_board.symbols(image)


SMALL = """
PROGRAM Main
VAR start AT %IX0.0 : BOOL; stop AT %IX0.1 : BOOL; motor AT %QX0.0 : BOOL; lamp AT %QX0.1 : BOOL; level AT %IW0 : UINT; END_VAR
VAR run : BOOL; t1 : TON; t2 : TOF; c : CTU; edge : R_TRIG; v : ARRAY[1..4] OF INT; i : INT; w : WORD; END_VAR
run := (start OR run) AND NOT stop;
t1(IN := run, PT := T#2s);
t2(IN := t1.Q, PT := T#500ms);
motor := t2.Q;
edge(CLK := motor);
c(CU := edge.Q, R := stop, PV := 10);
lamp := c.Q OR level > 40000;
v[i] := MUX(i, 3, 5, v[i + 1]) + LIMIT(-5, i, 5);
w := ROL(SHL(w, i), 3);
FOR i := 1 TO v[1] DO w := w XOR 16#1234; END_FOR;
CASE v[2] OF 1..5: i := 0; 40: i := 1; ELSE i := 2; END_CASE;
END_PROGRAM
"""


def test_a_program_without_reals_and_long_integers_carries_none(tmp_path: Path) -> None:
    """Functions of the compiler's library for 64 bits end in `di` and a number, those for REAL have `sf` in their names."""
    wide = [name for name in _symbols(SMALL, tmp_path) if name.startswith("__") and ("di" in name[-4:] or "sf" in name)]
    assert [name for name in wide if "divmod" not in name] == []


@pytest.mark.parametrize(
    ("block", "size"),
    [("TON", 15), ("TOF", 15), ("TP", 15), ("CTU", 8), ("CTD", 8), ("CTUD", 12), ("R_TRIG", 3), ("SR", 3)],
)
def test_blocks_are_small_on_a_chip(block: str, size: int, tmp_path: Path) -> None:
    text = (
        f'#define RUNG_BOARD\n#include "rung_blocks.hpp"\nstatic_assert(sizeof(rung::{block}) == {size}, "{block}");\n'
    )
    assert probe_board.compiler_says(text, tmp_path) == ""
