"""The standard function blocks as compiled C++, scan by scan along the timing diagrams of IEC 61131-3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from codegen.support.standard_driver import compile_and_run, write_main
from rung.codegen.standard_calls import block_class, procedure_call, value_type
from rung.semantics.model import Pou
from rung.semantics.stdlib import block_names, lookup_block, lookup_procedure, procedure_names
from rung.semantics.types import REAL, Block, Elementary
from rung.syntax.tree import SectionKind

Inputs = Mapping[str, float]
Outputs = Mapping[str, float]
MS: Final = 10**6


@dataclass(frozen=True)
class Scenario:
    """Calls of one instance, 20 ms apart unless the inputs set the time: what goes in and what must come out. Inputs stay."""

    title: str
    block: str
    scans: Sequence[tuple[Inputs, Outputs]]
    step_ms: int = 20


def _scans(inputs: Sequence[str], outputs: Sequence[str], *rows: Sequence[float]) -> Sequence[tuple[Inputs, Outputs]]:
    count = len(inputs)
    return [(dict(zip(inputs, row, strict=False)), dict(zip(outputs, row[count:], strict=True))) for row in rows]


def _timer(title: str, block: str, *rows: Sequence[float]) -> Scenario:
    """Rows of IN, PT in ms, Q, ET in ms; one row each 20 ms."""
    scaled = [(row[0], row[1] * MS, row[2], row[3] * MS) for row in rows]
    return Scenario(title, block, _scans(("IN", "PT"), ("Q", "ET"), *scaled))


SCENARIOS: Final = [
    Scenario(
        "set dominates in SR", "SR", _scans(("S1", "R"), ("Q1",), (0, 0, 0), (1, 0, 1), (0, 0, 1), (0, 1, 0), (1, 1, 1))
    ),
    Scenario(
        "reset dominates in RS",
        "RS",
        _scans(("S", "R1"), ("Q1",), (0, 0, 0), (1, 0, 1), (0, 0, 1), (0, 1, 0), (1, 1, 0)),
    ),
    Scenario("R_TRIG sees a first TRUE", "R_TRIG", _scans(("CLK",), ("Q",), (1, 1), (1, 0), (0, 0), (1, 1))),
    Scenario(
        "F_TRIG sees a first FALSE, once", "F_TRIG", _scans(("CLK",), ("Q",), (0, 1), (0, 0), (1, 0), (0, 1), (0, 0))
    ),
    Scenario("F_TRIG that starts with TRUE", "F_TRIG", _scans(("CLK",), ("Q",), (1, 0), (0, 1), (0, 0))),
    Scenario(
        "CTU counts edges, on beyond PV, and R wins",
        "CTU",
        _scans(
            ("CU", "R", "PV"),
            ("Q", "CV"),
            (1, 0, 2, 0, 1),
            (1, 0, 2, 0, 1),
            (0, 0, 2, 0, 1),
            (1, 0, 2, 1, 2),
            (0, 0, 2, 1, 2),
            (1, 0, 2, 1, 3),
            (0, 1, 2, 0, 0),
            (1, 1, 2, 0, 0),
            (1, 0, 2, 0, 0),
        ),
    ),
    Scenario("CTU with PV = 0 is there at once", "CTU", _scans(("CU", "R", "PV"), ("Q", "CV"), (0, 0, 0, 1, 0))),
    Scenario(
        "CTU stops at the end of its type",
        "CTU",
        _scans(
            ("CU", "PV", "CV"), ("Q", "CV"), (1, 5, 32766, 1, 32767), (0, 5, 32767, 1, 32767), (1, 5, 32767, 1, 32767)
        ),
    ),
    Scenario(
        "CTD loads, counts down and on below zero",
        "CTD",
        _scans(
            ("CD", "LD", "PV"),
            ("Q", "CV"),
            (0, 0, 1, 1, 0),
            (0, 1, 1, 0, 1),
            (1, 1, 1, 0, 1),
            (0, 0, 1, 0, 1),
            (1, 0, 1, 1, 0),
            (0, 0, 1, 1, 0),
            (1, 0, 1, 1, -1),
        ),
    ),
    Scenario("CTD_UDINT stops at zero", "CTD_UDINT", _scans(("CD",), ("Q", "CV"), (1, 1, 0), (0, 1, 0), (1, 1, 0))),
    Scenario(
        "CTUD: both edges at once cancel, R before LD",
        "CTUD",
        _scans(
            ("CU", "CD", "R", "LD", "PV"),
            ("QU", "QD", "CV"),
            (1, 0, 0, 0, 1, 1, 0, 1),
            (0, 0, 0, 0, 1, 1, 0, 1),
            (1, 1, 0, 0, 1, 1, 0, 1),
            (0, 0, 0, 0, 1, 1, 0, 1),
            (0, 1, 0, 0, 1, 0, 1, 0),
            (0, 0, 0, 1, 5, 1, 0, 5),
            (0, 0, 1, 1, 5, 0, 1, 0),
        ),
    ),
    _timer(
        "TON is on in the first scan in which PT has passed",
        "TON",
        (0, 50, 0, 0),
        (1, 50, 0, 0),
        (1, 50, 0, 20),
        (1, 50, 0, 40),
        (1, 50, 1, 50),
        (1, 50, 1, 50),
        (0, 50, 0, 0),
    ),
    _timer("TON with exactly PT passed", "TON", (1, 40, 0, 0), (1, 40, 0, 20), (1, 40, 1, 40)),
    _timer(
        "TON forgets a short IN", "TON", (1, 40, 0, 0), (1, 40, 0, 20), (0, 40, 0, 0), (1, 40, 0, 0), (1, 40, 0, 20)
    ),
    _timer("TON with PT = T#0s is on at once", "TON", (1, 0, 1, 0), (1, 0, 1, 0), (0, 0, 0, 0)),
    _timer("TON with a negative PT is on at once", "TON", (1, -5, 1, 0), (0, -5, 0, 0)),
    _timer(
        "TON that is done stays done when PT grows", "TON", (1, 20, 0, 0), (1, 20, 1, 20), (1, 90, 1, 20), (0, 90, 0, 0)
    ),
    _timer("TON takes a new PT while it runs", "TON", (1, 90, 0, 0), (1, 90, 0, 20), (1, 30, 1, 30)),
    _timer(
        "TOF holds Q for PT",
        "TOF",
        (0, 50, 0, 0),
        (1, 50, 1, 0),
        (0, 50, 1, 0),
        (0, 50, 1, 20),
        (0, 50, 1, 40),
        (0, 50, 0, 50),
        (0, 50, 0, 50),
        (1, 50, 1, 0),
    ),
    _timer(
        "TOF begins anew when IN comes back",
        "TOF",
        (1, 40, 1, 0),
        (0, 40, 1, 0),
        (0, 40, 1, 20),
        (1, 40, 1, 0),
        (0, 40, 1, 0),
    ),
    _timer("TOF with PT = T#0s falls with IN", "TOF", (1, 0, 1, 0), (0, 0, 0, 0)),
    _timer("TOF_LTIME is off before IN was ever on", "TOF_LTIME", (0, 50, 0, 0), (0, 50, 0, 0)),
    _timer(
        "TP gives a pulse of PT, however short IN was",
        "TP",
        (1, 50, 1, 0),
        (0, 50, 1, 20),
        (0, 50, 1, 40),
        (0, 50, 0, 0),
        (0, 50, 0, 0),
    ),
    _timer(
        "TP is not started again during the pulse",
        "TP",
        (1, 50, 1, 0),
        (0, 50, 1, 20),
        (1, 50, 1, 40),
        (1, 50, 0, 50),
        (1, 50, 0, 50),
        (0, 50, 0, 0),
        (1, 50, 1, 0),
    ),
    _timer("TP keeps ET at PT while IN is on", "TP", (1, 20, 1, 0), (1, 20, 0, 20), (1, 20, 0, 20), (0, 20, 0, 0)),
    Scenario(
        "INTEGRAL sums XIN * CYCLE, holds, and resets to X0",
        "INTEGRAL",
        _scans(
            ("RUN", "R1", "XIN", "X0", "CYCLE"),
            ("Q", "XOUT"),
            (1, 0, 4, 0, 500 * MS, 1, 2),
            (1, 0, 4, 0, 500 * MS, 1, 4),
            (0, 0, 4, 0, 500 * MS, 1, 4),
            (1, 1, 4, 7, 500 * MS, 0, 7),
        ),
    ),
    Scenario(
        "DERIVATIVE of a ramp is its slope after three samples",
        "DERIVATIVE",
        _scans(
            ("RUN", "XIN", "CYCLE"),
            ("XOUT",),
            (0, 0, 500 * MS, 0),
            (1, 1, 500 * MS, 0.6),
            (1, 2, 500 * MS, 1.4),
            (1, 3, 500 * MS, 2),
            (1, 4, 500 * MS, 2),
            (1, 4, 0, 0),
        ),
    ),
    Scenario(
        "PID: manual output, smooth change to automatic, proportional part",
        "PID",
        _scans(
            ("AUTO", "PV", "SP", "X0", "KP", "TR", "TD", "CYCLE"),
            ("XOUT",),
            (0, 5, 3, 10, 2, 4, 0, 1000 * MS, 20),
            (1, 5, 3, 10, 2, 4, 0, 1000 * MS, 21),
            (1, 5, 3, 10, 2, 4, 0, 1000 * MS, 22),
        ),
    ),
    Scenario(
        "PID with TR = 0 is without an integral",
        "PID",
        _scans(
            ("AUTO", "PV", "SP", "X0", "KP", "TR", "TD", "CYCLE"),
            ("XOUT",),
            (0, 5, 3, 10, 2, 0, 0, 1000 * MS, 20),
            (1, 5, 3, 10, 2, 0, 0, 1000 * MS, 4),
        ),
    ),
    Scenario(
        "RAMP goes from X0 to X1 in TR",
        "RAMP",
        _scans(
            ("RUN", "X0", "X1", "TR", "CYCLE"),
            ("BUSY", "XOUT"),
            (0, 10, 20, 4000 * MS, 1000 * MS, 0, 10),
            (1, 10, 20, 4000 * MS, 1000 * MS, 1, 10),
            (1, 10, 20, 4000 * MS, 1000 * MS, 1, 12.5),
            (1, 10, 20, 4000 * MS, 2000 * MS, 1, 15),
            (1, 10, 20, 4000 * MS, 1000 * MS, 0, 20),
            (0, 0, 20, 4000 * MS, 1000 * MS, 0, 0),
        ),
    ),
    Scenario(
        "HYSTERESIS switches EPS above and EPS below",
        "HYSTERESIS",
        _scans(
            ("XIN1", "XIN2", "EPS"),
            ("Q",),
            (11, 10, 1, 0),
            (11.5, 10, 1, 1),
            (9.5, 10, 1, 1),
            (8.5, 10, 1, 0),
            (10, 10, 1, 0),
        ),
    ),
    Scenario(
        "RTC is set when IN rises, runs, and stands still without IN",
        "RTC",
        _scans(
            ("IN", "PDT"),
            ("Q", "CDT"),
            (0, 500 * MS, 0, 0),
            (1, 500 * MS, 1, 500 * MS),
            (1, 900 * MS, 1, 520 * MS),
            (0, 900 * MS, 0, 520 * MS),
            (1, 900 * MS, 1, 900 * MS),
        ),
    ),
    Scenario(
        "claiming dominates in SEMA",
        "SEMA",
        _scans(("CLAIM", "RELEASE"), ("BUSY",), (1, 0, 1), (0, 0, 1), (0, 1, 0), (1, 1, 1)),
    ),
]


def _cpp(pou: Pou, key: str, value: float) -> str:
    kind = pou.variables[key].type
    number = value if kind is REAL else int(value)
    return f"{value_type(kind)}({number})"


def _write(scenarios: Sequence[Scenario]) -> str:
    """A program that prints one line for each scan: the outputs, REAL with six digits."""
    lines: list[str] = []
    for scenario in scenarios:
        pou = lookup_block(scenario.block)
        assert pou is not None
        lines += ["{", f"{block_class(pou.key)} block = {{}};", "rung::clock_ns = 1234567;"]
        for inputs, outputs in scenario.scans:
            lines += [f"block.{key} = {_cpp(pou, key, value)};" for key, value in inputs.items()]
            lines.append("block.run();")
            lines += [f'printf("%.6g ", double(block.{key}));' for key in outputs]
            lines += ['printf("\\n");', f"rung::clock_ns += {scenario.step_ms * MS};"]
        lines.append("}")
    return write_main(lines)


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    lines = iter(compile_and_run(_write(SCENARIOS), tmp_path_factory.mktemp("blocks"), "-O1", "-fsanitize=undefined"))
    return {scenario.title: [next(lines) for _ in scenario.scans] for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.title)
def test_a_block_follows_the_standard_scan_by_scan(printed: dict[str, list[str]], scenario: Scenario) -> None:
    expected = ["".join(f"{value:.6g} " for value in outputs.values()) for _, outputs in scenario.scans]
    assert printed[scenario.title] == expected


def test_members_stand_in_the_order_of_the_interface_with_its_types(tmp_path: Path) -> None:
    lines = []
    for name in block_names():
        pou = lookup_block(name)
        assert pou is not None
        for key, variable in pou.variables.items():
            kind = block_class(variable.type.pou.key) if isinstance(variable.type, Block) else value_type(variable.type)
            lines.append(f'static_assert(Same<decltype(rung::{name}::{key}), {kind}>::value, "{name}.{key}");')
        for first, second in pairwise(pou.variables):
            lines.append(
                f'static_assert(offsetof(rung::{name}, {first}) < offsetof(rung::{name}, {second}), "{name}");'
            )
    assert compile_and_run(write_main(lines), tmp_path) == []


def test_dates_and_times_are_taken_apart(tmp_path: Path) -> None:
    parts = {"YEAR": 1984, "MONTH": 6, "DAY": 25, "HOUR": 15, "MINUTE": 36, "SECOND": 55, "MILLISECOND": 360}
    ns = "(INT64_C(457025815) * 1000000000 + 360999999)"
    lines, expected = [], []
    for name in procedure_names():
        pou = lookup_procedure(name)
        assert pou is not None
        outputs = [key for key, variable in pou.variables.items() if variable.section is SectionKind.VAR_OUTPUT]
        kinds = {variable.type for key, variable in pou.variables.items() if key in outputs}
        assert all(isinstance(kind, Elementary) and value_type(kind) == "int16_t" for kind in kinds)
        lines.append(f"{{ int16_t {', '.join(outputs)}; {procedure_call(name, [ns, *outputs])};")
        lines += [f'printf("%d ", int({key}));' for key in outputs]
        lines.append('printf("\\n"); }')
        expected.append("".join(f"{parts[key]} " for key in outputs))
    assert compile_and_run(write_main(lines), tmp_path, "-fsanitize=undefined") == expected
