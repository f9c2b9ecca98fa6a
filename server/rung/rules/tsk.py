"""TSK: configurations, resources, tasks. The checker finds TSK001 to TSK010; here they are explained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.registry import ProgramRule, Rule
from rung.rules.snippets import configured, program
from rung.semantics.model import Program
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit

_RUN: Final = "PROGRAM instance0 WITH fast : Main;"
_TASK: Final = "TASK fast(INTERVAL := T#20ms, PRIORITY := 1);\n"
_GOOD: Final = configured("")


def implied_configuration(found: Program) -> Iterator[tuple[Unit, Problem]]:
    """TSK011: what a lone PROGRAM gets without asking."""
    configuration = found.configuration
    if configuration is None or not configuration.implied:
        return
    for resource in configuration.resources:
        for instance in resource.instances:
            unit, declaration = instance.pou.unit, instance.pou.declaration
            if unit is not None and declaration is not None:
                name = declaration.name
                text = (
                    f"There is no CONFIGURATION, so '{name.text}' runs in {configuration.name}/{resource.name} with one cyclic task "
                    "of 20 ms."
                )
                yield unit, Problem("TSK011", name.start, name.end, text)


PROGRAM_RULES: Final[tuple[ProgramRule, ...]] = (implied_configuration,)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "TSK001", "programs-without-configuration", "error", "Several programs and no CONFIGURATION",
        "A single PROGRAM runs by itself, every 20 ms. With several of them only a CONFIGURATION can say which runs, how often, and "
        "in which order.",
        "Write a CONFIGURATION with a TASK and an instance for each program that is to run.",
        program("i : INT;", "i := i + 1;") + program("i : INT;", "i := i + 1;").replace("Main", "Second"),
        _GOOD,
        ("IEC 61131-3, 6.8",),
    ),
    Rule(
        "TSK002", "several-configurations", "error", "Several CONFIGURATIONs",
        "A program is built for one configuration.",
        "Keep the one that the machine is to run.",
        _GOOD + "CONFIGURATION Other\nRESOURCE Res0 ON PLC\nEND_RESOURCE\nEND_CONFIGURATION\n",
        _GOOD,
        ("IEC 61131-3, 6.8.1",),
    ),
    Rule(
        "TSK003", "declared-twice", "error", "Resource, task or instance is declared twice",
        "Names within a resource have to differ, else it is unclear what a program runs with.",
        "Rename or remove one of them.",
        configured("", resource=_TASK + _TASK + _RUN),
        _GOOD,
    ),
    Rule(
        "TSK004", "unknown-property", "error", "Unknown property of a TASK",
        "A TASK has the properties SINGLE, INTERVAL and PRIORITY.",
        "Correct the name.",
        configured("", resource="TASK fast(INTERVALL := T#20ms, INTERVAL := T#20ms, PRIORITY := 1);\n" + _RUN),
        _GOOD,
        ("IEC 61131-3, 6.8.2",),
    ),
    Rule(
        "TSK005", "interval", "error", "Impossible INTERVAL",
        "A task's interval is a positive constant TIME.",
        "Write how often the task is to run: `INTERVAL := T#20ms`.",
        configured("", resource="TASK fast(INTERVAL := T#0s, PRIORITY := 1);\n" + _RUN),
        _GOOD,
        ("IEC 61131-3, 6.8.2",),
    ),
    Rule(
        "TSK006", "priority", "error", "Impossible PRIORITY",
        "A task's priority is a constant from 0, the most urgent, to 65535.",
        "Write a number in that range.",
        configured("", resource="TASK fast(INTERVAL := T#20ms, PRIORITY := -1);\n" + _RUN),
        _GOOD,
        ("IEC 61131-3, 6.8.2",),
    ),
    Rule(
        "TSK007", "never-started", "warning", "Nothing starts the task",
        "The task has neither an INTERVAL nor a SINGLE, so its programs run in every scan, after all other tasks.",
        "Give it an INTERVAL.",
        configured("", resource="TASK fast(PRIORITY := 1);\n" + _RUN),
        _GOOD,
        ("IEC 61131-3, 6.8.2",),
    ),
    Rule(
        "TSK008", "unknown-program", "error", "Unknown program",
        "There is no PROGRAM of this name to make an instance of.",
        "Correct the name.",
        configured("", resource=_TASK + "PROGRAM instance0 WITH fast : Mian;"),
        _GOOD,
    ),
    Rule(
        "TSK009", "unknown-task", "error", "Unknown task",
        "The resource has no TASK of this name, so the program would not run.",
        "Correct the name, or declare the task.",
        configured("", resource=_TASK + "PROGRAM instance0 WITH fats : Main;"),
        _GOOD,
    ),
    Rule(
        "TSK010", "single", "error", "Impossible SINGLE",
        "SINGLE names a BOOL variable whose rising edge starts the task.",
        "Name a global BOOL variable.",
        configured("", resource="TASK fast(SINGLE := 5, PRIORITY := 1);\n" + _RUN),
        _GOOD,
        ("IEC 61131-3, 6.8.2",),
    ),
    Rule(
        "TSK011", "implied-configuration", "info", "Program without a CONFIGURATION",
        "A single PROGRAM needs no CONFIGURATION: it gets Config0 with Res0, one cyclic task of 20 ms, and one instance of its own name.",
        "Nothing has to be done. Write a CONFIGURATION to choose the interval, or to run several programs.",
        program("i : INT;", "i := i + 1;"),
        _GOOD,
        ("IEC 61131-3, 6.8",),
        ("on-request",),
    ),
)  # fmt: skip
