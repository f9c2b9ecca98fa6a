"""What a program may use, as small programs: one feature each, the values it must leave, and the targets that refuse it.

Every probe is a PROGRAM with an instance of its name, in a task of 20 ms; all are looked at after `CYCLES` scans, the first at time 0.
So any number of probes make one program set. Names outside of a probe's own program carry the probe's name or a number of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

CYCLES = 10
TICK_NS = 20_000_000


@dataclass(frozen=True)
class FeatureProbe:
    """A program of the given variables and body, and the values of some of its variables after `CYCLES` scans.

    `around` holds declarations before the program, `sections` further VAR sections of it; `globals`, `tasks`, `instances` and
    `addresses` (the lines of VAR_CONFIG) go to the configuration. `elsewhere` expects values by whole path. An enumerator is
    expected as a pair of name and number. `refused` says for which targets the build ends with an error, and which words are in it.
    """

    name: str
    variables: str
    body: str
    expected: Mapping[str, object]
    around: str = ""
    sections: str = ""
    globals: str = ""
    tasks: str = ""
    instances: str = ""
    addresses: str = ""
    elsewhere: Mapping[str, object] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, object]:
        """The expected values by path, as every target names it."""
        own = {f"{self.name}.{name}".upper(): value for name, value in self.expected.items()}
        return own | dict(self.elsewhere)


def program_set(probes: Sequence[FeatureProbe]) -> str:
    """Return the probes as one program set with its configuration."""
    parts = []
    for probe in probes:
        variables = f"VAR {probe.variables} END_VAR" if probe.variables else ""
        parts.append(
            f"{probe.around}\nPROGRAM P_{probe.name}\n{probe.sections}\n{variables}\n{probe.body}\nEND_PROGRAM\n"
        )
    addresses = "\n".join(probe.addresses for probe in probes if probe.addresses)
    return "\n".join(
        [
            *parts,
            "CONFIGURATION C",
            *(probe.globals for probe in probes if probe.globals),
            *([f"VAR_CONFIG {addresses} END_VAR"] if addresses else []),
            "RESOURCE R ON PLC",
            "TASK T(INTERVAL := T#20ms, PRIORITY := 0);",
            *(probe.tasks for probe in probes if probe.tasks),
            *(f"PROGRAM {probe.name} WITH T : P_{probe.name};" for probe in probes),
            *(probe.instances for probe in probes if probe.instances),
            "END_RESOURCE\nEND_CONFIGURATION\n",
        ]
    )
