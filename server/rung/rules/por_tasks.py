"""POR016 to POR019, POR024: tasks that a target runs otherwise than they are written."""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import Final

from rung.rules.por_targets import TITLES, V3, V4, V4_0, PouRule, ProgramRule, Targets
from rung.rules.por_walk import configuration_of
from rung.rules.registry import Rule
from rung.rules.snippets import configured
from rung.semantics.model import Configuration, Program, Task
from rung.syntax.problem import Problem
from rung.syntax.tree import Unit

_WATCHDOG_NS: Final = 2_000_000_000
_MILLISECOND_NS: Final = 1_000_000
_SHORTEST_NS: Final = 100_000
_LONGEST_NS: Final = 100_000_000
_TRIED: Final = 10_000  # numbers of scans in the greatest common divisor, as many as the adapter tries
_NAME: Final = 31


def watchdog(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR016: a program whose most frequent scan is no more frequent than the runtime's watchdog looks."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    tasks = [task for task in running(configuration) if task.interval_ns]
    if not tasks or min(_periods(configuration, tasks)) < _WATCHDOG_NS:
        return
    fastest = min(tasks, key=lambda task: task.interval_ns or 0)
    text = (
        f"{TITLES[target]} takes a program that scans only every 2 s, or less often, for dead and stops it. Give '{fastest.name}' an "
        "interval of at most T#1s, and count scans."
    )
    yield written[0], Problem("POR016", *interval_place(fastest), text)


def one_thread(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR017: several tasks, which the runtime runs one after another."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    tasks = running(configuration)
    if len(tasks) > 1 and tasks[1].declaration is not None:
        name = tasks[1].declaration.name
        text = f"{TITLES[target]} runs all tasks one after another: none interrupts another, and one that takes long delays the others."
        yield written[0], Problem("POR017", name.start, name.end, text)


def no_common_period(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR019: intervals that are multiples of no period at which the runtime can scan."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    tasks = [task for resource in configuration.resources for task in resource.tasks if task.interval_ns]
    base = gcd(*(task.interval_ns or 0 for task in tasks))
    if tasks and not _has_period(base):
        oddest = min(tasks, key=lambda task: (task.interval_ns or 0) % _MILLISECOND_NS == 0)
        text = (
            f"{TITLES[target]} runs all tasks at one common period of 100 us to 100 ms, of which every interval is a multiple. The intervals here "
            "have none: give the tasks intervals that are multiples of 1 ms."
        )
        yield written[0], Problem("POR019", *interval_place(oddest), text)


def _has_period(base: int) -> bool:
    """Whether a number of ns, the greatest common divisor of all intervals, is a multiple of a period that v4.0 can scan at."""
    if base % _MILLISECOND_NS == 0:
        return True
    fewest, most = -(-base // _LONGEST_NS), base // _SHORTEST_NS
    return any(base % scans == 0 for scans in range(fewest, min(most, fewest + _TRIED) + 1))


def interval_and_event(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR024: a task with both INTERVAL and SINGLE."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    for task in (task for resource in configuration.resources for task in resource.tasks):
        if task.interval_ns and task.single is not None:
            text = (
                f"{TITLES[target]} starts a task either at an interval or on an event: give '{task.name}' one of INTERVAL and SINGLE, and run "
                "the program in a second task for the other."
            )
            yield written[0], Problem("POR024", *interval_place(task), text)


def interval_place(task: Task) -> tuple[int, int]:
    """Return where a task's INTERVAL stands."""
    assert task.declaration is not None, "a task that the language makes up has a usual interval"
    given = (item.value for item in task.declaration.properties if item.name.key == "INTERVAL")
    place = next(given, task.declaration.name)
    return place.start, place.end


def long_name(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR018: a task whose name the runtime cuts."""
    configuration, written = found.configuration, configuration_of(found)
    if configuration is None or written is None:
        return
    for task in running(configuration):
        if len(task.name) > _NAME and task.declaration is not None:
            name = task.declaration.name
            text = f"{TITLES[target]} calls this task '{task.name[:_NAME]}' in its log and its statistics: it cuts names at {_NAME} characters."
            yield written[0], Problem("POR018", name.start, name.end, text)


def running(configuration: Configuration) -> list[Task]:
    """Return the tasks that run a program, in the order of the source."""
    return [
        task
        for resource in configuration.resources
        for task in resource.tasks
        if any(instance.task is task for instance in resource.instances)
    ]


def _periods(configuration: Configuration, tasks: list[Task]) -> Iterator[int]:
    """Yield how often, in ns, something runs that the runtime's watchdog notices. What has no interval runs in every cycle."""
    everything = [task for resource in configuration.resources for task in resource.tasks]
    base = gcd(*(task.interval_ns or 0 for task in everything))
    free = any(instance.task is None for resource in configuration.resources for instance in resource.instances)
    if free or any(task.single is not None for task in running(configuration)):
        yield base
    yield from (task.interval_ns or base for task in tasks)


POU_RULES: Final[tuple[tuple[Targets, PouRule], ...]] = ()
PROGRAM_RULES: Final[tuple[tuple[Targets, ProgramRule], ...]] = (
    ((V4,), watchdog),
    ((V3, V4_0), one_thread),
    ((V4,), long_name),
    ((V4_0,), no_common_period),
    ((V3,), interval_and_event),
)

_RUN: Final = "PROGRAM instance0 WITH slow : Main;"
_GO: Final = "VAR_GLOBAL go : BOOL; END_VAR"
_BODY: Final = "VAR i : INT; END_VAR\ni := i + 1;"


def _two(second: str) -> str:
    return configured(
        _BODY,
        resource="TASK slow(INTERVAL := T#100ms, PRIORITY := 1);\nTASK fast(INTERVAL := T#10ms, PRIORITY := 0);\n"
        f"{_RUN}\nPROGRAM instance1 WITH {second} : Main;",
    )


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "POR016", "scan-too-rare", "error", "Runtime's watchdog stops the program",
        "The runtime looks every two seconds whether the program has scanned. When its most frequent task is no faster than that, the runtime "
        "takes it for dead and stops it, although nothing is wrong.",
        "Give a task an interval of at most one second, and count scans for what is to happen less often.",
        configured(_BODY, resource=f"TASK slow(INTERVAL := T#5s, PRIORITY := 1);\n{_RUN}"),
        configured(_BODY, resource=f"TASK slow(INTERVAL := T#1s, PRIORITY := 1);\n{_RUN}"),
        targets=(V4,),
    ),
    Rule(
        "POR017", "one-thread", "info", "All tasks share one thread",
        "This runtime has one thread for the program, which runs every task that is due one after another. PRIORITY lets no task interrupt "
        "another, and a task that takes long delays all others.",
        "Nothing has to be done when all tasks together take less than the shortest interval.",
        _two("fast"),
        _two("slow").replace("TASK fast(INTERVAL := T#10ms, PRIORITY := 0);\n", ""),
        ("IEC 61131-3, 6.8.2",),
        ("on-request",),
        targets=(V3, V4_0),
    ),
    Rule(
        "POR018", "task-name-cut", "info", "Task's name is cut",
        "The runtime keeps 31 characters of a task's name. In its log and its statistics two tasks whose names differ only behind that look the "
        "same.",
        "Let the first 31 characters say which task it is.",
        configured(
            _BODY,
            resource="TASK a_task_with_a_name_of_forty_characters(INTERVAL := T#20ms, PRIORITY := 1);\n"
            "PROGRAM instance0 WITH a_task_with_a_name_of_forty_characters : Main;",
        ),
        configured(_BODY, resource=f"TASK slow(INTERVAL := T#20ms, PRIORITY := 1);\n{_RUN}"),
        tags=("on-request",),
        targets=(V4,),
    ),
    Rule(
        "POR019", "no-common-period", "error", "Tasks have no common period for the target",
        "OpenPLC Runtime v4.0 scans at one period of 100 us to 100 ms, of which every interval has to be a multiple. Below that its only thread "
        "could do nothing else.",
        "Give the tasks intervals that are multiples of 1 ms.",
        _two("slow").replace("T#10ms", "T#10010us"),
        _two("slow"),
        targets=(V4_0,),
    ),
    Rule(
        "POR024", "interval-and-event", "error", "Target starts a task in one way only",
        "A task with INTERVAL and SINGLE runs at its interval and at the rising edge of the variable. OpenPLC Runtime v3 knows one or the other.",
        "Leave one of the two out, or write a task for each.",
        configured(_BODY, _GO, f"TASK slow(SINGLE := go, INTERVAL := T#1s, PRIORITY := 1);\n{_RUN}"),
        configured(_BODY, _GO, f"TASK slow(INTERVAL := T#1s, PRIORITY := 1);\n{_RUN}"),
        ("IEC 61131-3, 6.8.2",),
        targets=(V3,),
    ),
)  # fmt: skip
