"""TSK: configurations, resources, tasks. The checker finds TSK001 to TSK010, which are explained here; the others are found here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.registry import ProgramRule, Rule
from rung.rules.snippets import configured, program
from rung.rules.writers import bodies, written_by
from rung.semantics.model import Program, ProgramInstance, Task, Variable
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import Expr, PouKind, Unit

_RUN: Final = "PROGRAM instance0 WITH fast : Main;"
_TASK: Final = "TASK fast(INTERVAL := T#20ms, PRIORITY := 1);\n"
_GOOD: Final = configured("")


def _shared(second: str) -> str:
    """Return two programs in two tasks with one global variable, which the first writes."""
    external = "VAR_EXTERNAL level : INT; END_VAR\n"
    return (
        f"PROGRAM First\n{external}level := level + 1;\nEND_PROGRAM\n"
        f"PROGRAM Second\n{external}VAR own : INT; END_VAR\nown := own + 1;\n{second}\nEND_PROGRAM\n"
        "CONFIGURATION Config0\nVAR_GLOBAL level : INT; END_VAR\nRESOURCE Res0 ON PLC\n"
        "TASK fast(INTERVAL := T#10ms, PRIORITY := 1);\nTASK slow(INTERVAL := T#100ms, PRIORITY := 2);\n"
        "PROGRAM one WITH fast : First;\nPROGRAM two WITH slow : Second;\nEND_RESOURCE\nEND_CONFIGURATION\n"
    )


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


def never_started(found: Program) -> Iterator[tuple[Unit, Problem]]:
    """TSK012: a PROGRAM that a written CONFIGURATION makes no instance of."""
    configuration = found.configuration
    if configuration is None or configuration.implied or any(problem.code == "TSK008" for _, problem in found.problems):
        return  # a misspelt name may have meant this program
    running = {instance.pou for resource in configuration.resources for instance in resource.instances}
    for pou in found.pous.values():
        if pou.kind is PouKind.PROGRAM and pou not in running and pou.unit is not None and pou.declaration is not None:
            name = pou.declaration.name
            text = f"'{pou.name}' never runs: the CONFIGURATION has no `PROGRAM ... : {pou.name};`."
            yield pou.unit, Problem("TSK012", name.start, name.end, text)


def written_by_two_tasks(found: Program) -> Iterator[tuple[Unit, Problem]]:
    """TSK013: a global variable that programs of different tasks write. A runtime may run tasks at the same time."""
    configuration = found.configuration
    if configuration is None or configuration.implied:
        return
    known = bodies(found)
    for resource in configuration.resources:
        if len({instance.task for instance in resource.instances}) < 2:
            continue
        first: dict[Variable, tuple[ProgramInstance, Unit, Expr]] = {}
        told: set[tuple[Variable, Task | None]] = set()
        for instance in resource.instances:
            for variable, (unit, place) in written_by(instance.pou, known).items():
                other, there, where = first.setdefault(variable, (instance, unit, place))
                output = variable.address is not None and variable.address.area == "Q"  # LOC015 says so
                if other.task is instance.task or place is where or output or (variable, instance.task) in told:
                    continue
                told.add((variable, instance.task))
                text = (
                    f"'{variable.name}' is also written by '{other.name}', which runs in another task. The two may run at the same "
                    "time, and which value stays is chance. Let one task write it."
                )
                related = Related(where.start, where.end, f"'{other.name}' writes it here.", there)
                yield unit, Problem("TSK013", place.start, place.end, text, (related,))


PROGRAM_RULES: Final[tuple[ProgramRule, ...]] = (implied_configuration, never_started, written_by_two_tasks)

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
    Rule(
        "TSK012", "program-never-runs", "warning", "Program never runs",
        "A PROGRAM runs only as an instance in a CONFIGURATION, and the one here makes no instance of it. Whatever it controls stands "
        "still.",
        "Write `PROGRAM instance1 WITH task : Name;` in the RESOURCE, or remove the program.",
        program("i : INT;", "i := i + 1;").replace("Main", "Forgotten") + _GOOD,
        _GOOD,
        ("IEC 61131-3, 6.8.2",),
    ),
    Rule(
        "TSK013", "written-by-two-tasks", "info", "Global variable is written by two tasks",
        "Tasks may run at the same time or interrupt each other. When both write one variable, the value that stays depends on chance, and "
        "so does what the machine does.",
        "Let one task write the variable and the other ask for the change by a variable of its own.",
        _shared("level := level + 2;"),
        _shared("own := level;"),
        ("IEC 61131-3, 6.8.2", "PLCopen CP26", "CODESYS SA0006"),
    ),
)  # fmt: skip
