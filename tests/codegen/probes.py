"""Small programs whose variables are looked at after some scans. All probes of a table are built and run as one program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from rung.codegen.run import RunResult, Setting, run_program
from rung.codegen.sources import FileUnits, SourceFile
from rung.rules.registry import rules
from rung.semantics.analysis import analyse
from rung.semantics.model import Program
from rung.syntax.parser import parse_file

SHARED = """
PROGRAM Drive
VAR lamp AT %Q* : BOOL; m AT %M* : INT := 5; END_VAR
lamp := TRUE; m := m + 1;
END_PROGRAM
PROGRAM Look
VAR lamp AT %Q* : BOOL; m AT %M* : INT; seen : BOOL; k : INT; END_VAR
seen := lamp; k := m;
END_PROGRAM
CONFIGURATION C
VAR_CONFIG
  A.lamp AT %QX0.0 : BOOL; B.lamp AT %QX0.0 : BOOL; A.m AT %MW0 : INT; B.m AT %MW0 : INT;
END_VAR
RESOURCE R ON PLC
TASK t(INTERVAL := T#20ms, PRIORITY := 1);
PROGRAM A WITH t : Drive;
PROGRAM B WITH t : Look;
END_RESOURCE
END_CONFIGURATION
"""
"""Two instances whose variables VAR_CONFIG locates at the same addresses: one writes them, the other only looks."""


def checked(text: str, name: str = "main.st") -> tuple[Program, FileUnits]:
    """Return the typed program of one file, which must be free of errors."""
    units = [unit for _, unit in parse_file(text)]
    syntax = [problem.message for unit in units for problem in unit.problems]
    assert not syntax, syntax
    program = analyse(units)
    wrong = [
        f"{p.code} {p.message} at {unit.text[p.start : p.end]!r}" for unit, p in program.problems if _is_error(p.code)
    ]
    assert not wrong, wrong
    return program, FileUnits.of([(SourceFile(name, name, text), units)])


def _is_error(code: str) -> bool:
    rule = rules().get(code)
    return rule is not None and rule.severity == "error"


def run(text: str, cycles: int = 1, tick_ns: int | None = None, sets: Sequence[Setting] = ()) -> RunResult:
    """Run a program and return what it left."""
    program, sources = checked(text)
    return run_program(program, sources, cycles, tick_ns, sets)


@dataclass(frozen=True)
class Probe:
    """A program of the given variables and body, and the values that some of its variables must have after `cycles` scans of
    20 ms. `around` holds declarations before the program (types, functions, blocks), `sections` whole VAR sections."""

    name: str
    variables: str
    body: str
    expected: Mapping[str, object]
    around: str = ""
    sections: str = ""
    cycles: int = 1

    def text(self, program: str) -> str:
        return f"{self.around}\nPROGRAM {program}\n{self.sections}\nVAR {self.variables} END_VAR\n{self.body}\nEND_PROGRAM\n"


@dataclass
class ProbeRuns:
    """Runs all probes of a table that want the same number of scans together, once."""

    probes: Sequence[Probe]
    _results: dict[int, RunResult] = field(default_factory=dict)

    def values(self, probe: Probe) -> dict[str, object]:
        """Return the probe's variables by upper-case name."""
        if probe.cycles not in self._results:
            together = [other for other in self.probes if other.cycles == probe.cycles]
            self._results[probe.cycles] = run(configuration(together), probe.cycles)
        result = self._results[probe.cycles]
        assert result.error is None, result.error
        number = [other for other in self.probes if other.cycles == probe.cycles].index(probe)
        prefix = f"I{number}."
        return {path.removeprefix(prefix): value for path, value in result.variables.items() if path.startswith(prefix)}

    def check(self, probe: Probe) -> None:
        """Assert that the probe's variables have the values it expects."""
        values = self.values(probe)
        found = {name: values.get(name.upper(), "no such variable") for name in probe.expected}
        for name, wanted in probe.expected.items():
            exact = not isinstance(wanted, float)
            assert found[name] == (wanted if exact else pytest.approx(wanted, rel=1e-6)), (name, found)


def configuration(probes: Sequence[Probe]) -> str:
    """Return the probes as one program set, in which number n has the instance In."""
    texts = [probe.text(f"P{number}") for number, probe in enumerate(probes)]
    instances = "".join(f"PROGRAM I{number} WITH T : P{number};\n" for number in range(len(probes)))
    task = "TASK T(INTERVAL := T#20ms, PRIORITY := 0);"
    return "\n".join(
        [*texts, f"CONFIGURATION C\nRESOURCE R ON PLC\n{task}\n{instances}END_RESOURCE\nEND_CONFIGURATION\n"]
    )
