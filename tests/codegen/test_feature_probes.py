"""Every feature gives the same values on every target, or the target refuses it by name, and then before anything is sent.

The probes that a target takes are built, compiled and run as one program set; what it refuses is written in the probe.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

from codegen.feature_probes import CYCLES, PROBES, TICK_NS, FeatureProbe, program_set
from codegen.openplc_machine import Machine
from codegen.openplc_v4_0_machine import Machine as Machine40
from codegen.openplc_v4_0_machine import build_library as build_library_40
from codegen.probes import checked
from rung.codegen.build import BuildError, build_artefact
from rung.codegen.host import generate_host
from rung.codegen.openplc_v3.printed import PrintedVariable
from rung.codegen.openplc_v3.program import print_program
from rung.codegen.run import run_program

Values = Mapping[str, object]


def _host(text: str, folder: Path) -> Values:
    program, sources = checked(text)
    result = run_program(program, sources, CYCLES)
    assert result.error is None, result.error
    return result.variables


def _openplc_v4(text: str, folder: Path) -> Values:
    """Walk the tasks as the runtime's scheduler would: each at its interval, the most urgent first."""
    program, sources = checked(text)
    machine = Machine.load(build_artefact(program, "openplc-v4", sources), folder)
    tasks = sorted(enumerate(machine.tasks), key=lambda numbered: -numbered[1].priority)
    for tick in range(CYCLES):
        for number, task in tasks:
            if tick * TICK_NS % task.interval_ns == 0:
                machine.scan(number)
    return {path: machine.read(path) for path in machine.leaves}


def _openplc_v4_0(text: str, folder: Path) -> Values:
    program, sources = checked(text)
    artefact = build_artefact(program, "openplc-v4.0", sources)
    machine = Machine40.load(artefact, build_library_40(artefact, folder))
    assert machine.period_ns == TICK_NS
    machine.scan(CYCLES)
    return {path: machine.read(path) for path in machine.leaves}


def _openplc_v3(text: str, folder: Path) -> Values:
    """Round trip: what is printed for the device's compiler must be correct here too, and mean the same."""
    printed = print_program(*checked(text))
    result = run_program(*checked(printed.text), CYCLES)
    assert result.error is None, result.error
    values = _counted_from_zero(result.variables)
    return {variable.path: values[_printed_path(variable)] for variable in printed.variables}


def _printed_path(variable: PrintedVariable) -> str:
    path = ""
    for step in variable.steps:
        path += f"[{','.join(map(str, step.indices))}]" if step.owner == "array" else f".{step.name.upper()}"
    return path.removeprefix(".")


def _counted_from_zero(values: Values) -> Values:
    """Paths whose indices are positions, whatever the arrays' bounds are."""
    lowest: dict[str, list[int]] = {}
    for path in values:
        for found in re.finditer(r"\[([^]]*)\]", path):
            indices = [int(index) for index in found[1].split(",")]
            known = lowest.setdefault(path[: found.start()], indices)
            lowest[path[: found.start()]] = [min(pair) for pair in zip(known, indices, strict=True)]

    def position(found: re.Match[str]) -> str:
        indices = [int(index) for index in found[1].split(",")]
        low = lowest[found.string[: found.start()]]
        return f"[{','.join(str(index - first) for index, first in zip(indices, low, strict=True))}]"

    return {re.sub(r"\[([^]]*)\]", position, path): value for path, value in values.items()}


RUNS: Mapping[str, Callable[[str, Path], Values]] = {
    "host": _host,
    "openplc-v4": _openplc_v4,
    "openplc-v4.0": _openplc_v4_0,
    "openplc-v3": _openplc_v3,
}


def _refusal(probe: FeatureProbe, target: str) -> str | None:
    """Build the probe alone, without a compiler; return the target's objection."""
    program, sources = checked(program_set([probe]))
    try:
        if target == "host":
            generate_host(program, sources)
        else:
            build_artefact(program, target, sources)
    except BuildError as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Values]:
    """What a target's machine holds after all scans of all probes that it takes; each target is compiled and run once."""

    @cache
    def run(target: str) -> Values:
        taken = [probe for probe in PROBES if target not in probe.refused]
        return RUNS[target](program_set(taken), tmp_path_factory.mktemp("target"))

    return run


@pytest.mark.parametrize("target", RUNS)
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_same_values_on_every_target(probe: FeatureProbe, target: str, results: Callable[[str], Values]) -> None:
    objection = _refusal(probe, target)
    if target in probe.refused:
        assert objection is not None, f"{target} takes {probe.name} now"
        assert re.search(probe.refused[target], objection), objection
        return
    assert objection is None, objection
    values = results(target)
    found = {path: values.get(path, "no such variable") for path in probe.values}
    for path, wanted in probe.values.items():
        assert _same(found[path], wanted), (path, found)


def _same(found: object, wanted: object) -> bool:
    """Whether a value is the one that is expected; machines give enumerators as numbers and do not spell infinity."""
    if isinstance(wanted, tuple):
        return found in wanted
    if wanted in ("inf", "nan"):
        return str(found) == wanted
    if isinstance(wanted, float):
        return isinstance(found, float) and math.isclose(found, wanted, rel_tol=1e-6)
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def test_no_variable_that_is_printed_for_v3_is_named_like_a_pou() -> None:
    """The device's compiler refuses that, this one does not; all probes together use all of our own helpers."""
    taken = [probe for probe in PROBES if "openplc-v3" not in probe.refused]
    text = print_program(*checked(program_set(taken))).text.upper()
    pous = set(re.findall(r"^(?:FUNCTION|FUNCTION_BLOCK|PROGRAM) (\w+)", text, re.MULTILINE))
    variables = set(re.findall(r"^\s+(\w+)(?: AT \S+)? : ", text, re.MULTILINE))
    assert pous
    assert variables
    assert pous & variables == set()


def test_there_are_enough_probes_and_each_looks_at_something() -> None:
    assert len(PROBES) >= 60
    assert len({probe.name for probe in PROBES}) == len(PROBES)
    assert all(probe.values for probe in PROBES)
    assert {target for probe in PROBES for target in probe.refused} <= set(RUNS)
