"""Which task runs which program instance when, in the form that every target can do.

Invariants: every instance has a task; every task has a period; a smaller `urgency` number is more urgent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Final

from rung.semantics.model import Configuration, ProgramInstance, Resource, Task, Variable

DEFAULT_PERIOD_NS: Final = 20_000_000
_LEAST_URGENT: Final = 1 << 31


@dataclass(slots=True, eq=False)
class PlannedInstance:
    """A program instance: `number` counts all instances of the configuration, `path` names it in upper case, with its resource
    before it where two resources use the name."""

    number: int
    path: str
    instance: ProgramInstance


@dataclass(slots=True, eq=False)
class PlannedTask:
    """A task. `period_ns` is how often it looks whether to run. With an `event`, it runs when that variable rises; and, if
    `interval_ns` is not None, also at that interval while the variable is FALSE (ed. 3, 6.8.2)."""

    number: int
    name: str
    resource: str
    processor: str
    period_ns: int
    interval_ns: int | None
    urgency: int
    event: Variable | None
    instances: Sequence[PlannedInstance]


@dataclass(slots=True, eq=False)
class Schedule:
    """All tasks in the order of the source. `base_ns` is the greatest common divisor of their intervals. `implied`: the user wrote
    no CONFIGURATION."""

    tasks: Sequence[PlannedTask]
    base_ns: int
    implied: bool

    @property
    def instances(self) -> list[PlannedInstance]:
        """All instances, by number."""
        return sorted(
            (planned for task in self.tasks for planned in task.instances), key=lambda planned: planned.number
        )

    def by_urgency(self) -> list[PlannedTask]:
        """The tasks, the most urgent first, equals in the order of the source."""
        return sorted(self.tasks, key=lambda task: task.urgency)


def plan(configuration: Configuration) -> Schedule:
    """Return the schedule of a configuration. A program without a task gets one of its own, least urgent, at the base period."""
    intervals = [
        task.interval_ns for resource in configuration.resources for task in resource.tasks if task.interval_ns
    ]
    base = gcd(*intervals) if intervals else DEFAULT_PERIOD_NS
    paths = _paths(configuration)
    numbers = {instance: number for number, instance in enumerate(paths)}
    tasks: list[PlannedTask] = []

    def add(resource: Resource, task: Task | None, members: Sequence[ProgramInstance]) -> None:
        planned = [PlannedInstance(numbers[member], paths[member], member) for member in members]
        interval = None if task is None else task.interval_ns or None
        event = None if task is None else task.single
        period = base if event is not None else interval or base
        urgency = _LEAST_URGENT if task is None else task.priority
        name = task.name if task is not None else f"{resource.name}_background"
        tasks.append(
            PlannedTask(len(tasks), name, resource.name, resource.processor, period, interval, urgency, event, planned)
        )

    for resource in configuration.resources:
        for task in resource.tasks:
            members = [instance for instance in resource.instances if instance.task is task]
            if members:
                add(resource, task, members)
        free = [instance for instance in resource.instances if instance.task is None]
        if free:
            add(resource, None, free)
    return Schedule(tasks, base, configuration.implied)


def _paths(configuration: Configuration) -> dict[ProgramInstance, str]:
    counts: dict[str, int] = {}
    for resource in configuration.resources:
        for instance in resource.instances:
            counts[instance.name.upper()] = counts.get(instance.name.upper(), 0) + 1
    return {
        instance: instance.name.upper()
        if counts[instance.name.upper()] == 1
        else f"{resource.name}.{instance.name}".upper()
        for resource in configuration.resources
        for instance in resource.instances
    }
