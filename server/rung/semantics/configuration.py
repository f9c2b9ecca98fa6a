"""CONFIGURATION: resources, tasks, program instances and what connects them (ed. 3 6.8).

Invariant: the configuration returned can run as it stands; whatever cannot run was reported and left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rung.semantics.arguments import bind_output
from rung.semantics.checker import Checker
from rung.semantics.environment import Environment, Tables
from rung.semantics.expressions import HANDLERS
from rung.semantics.instances import config_addresses, unplaced
from rung.semantics.model import (
    Analysis,
    Configuration,
    Connection,
    Located,
    Pou,
    ProgramInstance,
    Resource,
    Task,
    Variable,
)
from rung.semantics.spelling import closest
from rung.semantics.types import BOOL, TIME, UNKNOWN, storage
from rung.semantics.widening import INTEGERS
from rung.semantics.wording import described
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import (
    Argument,
    ConfigurationDecl,
    FieldInitial,
    Identifier,
    PouKind,
    ProgramConfig,
    ResourceDecl,
    SectionKind,
    TaskDecl,
    Unit,
    VarSection,
)

IMPLIED_INTERVAL_NS: Final = 20_000_000
_GREATEST_PRIORITY: Final = 65535
_TASK_PROPERTIES: Final = ("INTERVAL", "PRIORITY", "SINGLE")


def configure(environment: Environment) -> tuple[Configuration | None, list[tuple[Unit, Problem]], dict[Unit, Tables]]:
    """Return the configuration of a program, what is wrong with it, and what its expressions mean; None where there is nothing to run."""
    programs = [pou for pou in environment.current.values() if pou.kind is PouKind.PROGRAM]
    found = environment.configurations
    problems: list[tuple[Unit, Problem]] = []
    tables: dict[Unit, Tables] = {}
    if not found:
        configuration = _implied(programs, problems)
    else:
        for unit, extra in found[1:]:
            first = Related(found[0][1].name.start, found[0][1].name.end, "The first CONFIGURATION.", found[0][0])
            message = f"A program has one CONFIGURATION, but '{found[0][1].name.text}' and '{extra.name.text}' are declared. Remove one."
            problems.append((unit, Problem("TSK002", extra.name.start, extra.name.end, message, (first,))))
        reader = _Reader(environment, *found[0], problems)
        configuration = reader.read()
        made = reader.analysis
        tables[reader.unit] = Tables(made.types, made.converted, made.constants, made.symbols)
    if configuration is not None:
        problems += unplaced(environment, configuration)
    return configuration, problems, tables


def _implied(programs: Sequence[Pou], problems: list[tuple[Unit, Problem]]) -> Configuration | None:
    """A lone PROGRAM runs every 20 ms, as an instance of its own name."""
    if not programs:
        return None
    if len(programs) > 1:
        first, second = programs[0], programs[1]
        if first.declaration is not None and second.declaration is not None and second.unit is not None:
            names = ", ".join(f"'{program.name}'" for program in programs[:-1]) + f" and '{programs[-1].name}'"
            place = second.declaration.name
            related = Related(
                first.declaration.name.start, first.declaration.name.end, "The first PROGRAM.", first.unit
            )
            message = f"There are the PROGRAMs {names}, but no CONFIGURATION says which task runs which. Add a CONFIGURATION, or remove one."
            problems.append((second.unit, Problem("TSK001", place.start, place.end, message, (related,))))
        return None
    task = Task("task0", IMPLIED_INTERVAL_NS, 0)
    instance = ProgramInstance(programs[0].name, programs[0], task)
    return Configuration("Config0", {}, [Resource("Res0", "PLC", {}, [task], [instance])], {}, implied=True)


class _Reader:
    """Reads one CONFIGURATION."""

    def __init__(
        self, environment: Environment, unit: Unit, node: ConfigurationDecl, problems: list[tuple[Unit, Problem]]
    ) -> None:
        self.environment = environment
        self.unit = unit
        self.node = node
        self.out = problems
        self.analysis = Analysis(Pou(PouKind.PROGRAM, "", "", {}))
        self.checker = Checker(environment, HANDLERS, self.analysis, {}, {}, unit)

    def read(self) -> Configuration:
        resources: list[Resource] = []
        names: dict[str, Identifier] = {}
        for resource in self.node.resources:
            if resource.name is not None:
                self._unique(names, resource.name, "TSK003", "A RESOURCE")
            resources.append(self._resource(resource))
        addresses: dict[str, Located] = {}
        for section in self.node.sections:
            if section.kind is SectionKind.VAR_CONFIG:
                addresses |= config_addresses(self.checker, section, resources)
        self.out += [(self.unit, problem) for problem in self.analysis.problems]
        return Configuration(
            self.node.name.text, self._globals(self.node.sections), resources, addresses, False, self.node
        )

    def _globals(self, sections: Sequence[VarSection]) -> dict[str, Variable]:
        found: dict[str, Variable] = {}
        for section in sections:
            if section.kind is SectionKind.VAR_GLOBAL:
                for name in (name for item in section.declarations for name in item.names):
                    variable = self.environment.globals.get(name.key)
                    if (
                        variable is not None
                        and variable.identifier is not None
                        and variable.identifier.start == name.start
                    ):
                        found[name.key] = variable
        return found

    def _unique(self, seen: dict[str, Identifier], name: Identifier, code: str, what: str) -> bool:
        first = seen.setdefault(name.key, name)
        if first is not name:
            related = Related(first.start, first.end, "The first declaration.")
            self.checker.report(code, name, f"{what} named '{name.text}' is already declared.", (related,))
        return first is name

    def _resource(self, node: ResourceDecl) -> Resource:
        tasks: dict[str, Task] = {}
        seen: dict[str, Identifier] = {}
        for declaration in node.tasks:
            task = self._task(declaration)
            if self._unique(seen, declaration.name, "TSK003", "A TASK"):
                tasks[declaration.name.key] = task
        instances: list[ProgramInstance] = []
        names: dict[str, Identifier] = {}
        for program in node.programs:
            instance = self._instance(program, tasks)
            if self._unique(names, program.name, "TSK003", "A program instance") and instance is not None:
                instances.append(instance)
        name = "Res0" if node.name is None else node.name.text
        processor = "PLC" if node.processor is None else node.processor.text
        return Resource(name, processor, self._globals(node.sections), list(tasks.values()), instances)

    # ------------------------------------------------------------------------------------------------------ tasks

    def _task(self, node: TaskDecl) -> Task:
        task = Task(node.name.text, None, 0, None, node)
        given: set[str] = set()
        for item in node.properties:
            key = item.name.key
            given.add(key)
            if key == "INTERVAL":
                task.interval_ns = self._interval(item)
            elif key == "PRIORITY":
                task.priority = self._priority(item)
            elif key == "SINGLE":
                task.single = self._single(item)
            else:
                guess = closest(key, _TASK_PROPERTIES)
                remedy = f"Did you mean {guess}?" if guess else f"It has {', '.join(_TASK_PROPERTIES)}."
                self.checker.report(
                    "TSK004", item.name, f"A TASK has no property '{item.name.text}'. {remedy}", data=guess
                )
                self.checker.value(item.value)
        if "INTERVAL" not in given and "SINGLE" not in given:
            self.checker.report(
                "TSK007",
                node.name,
                f"Nothing starts task '{node.name.text}'. Give it an interval, as in INTERVAL := T#20ms.",
            )
        return task

    def _interval(self, item: FieldInitial) -> int | None:
        c = self.checker
        kind = storage(c.value(item.value, TIME))
        value = c.constants.get(item.value)
        if kind is UNKNOWN:
            return None
        if kind is not TIME or not isinstance(value, int):
            c.report("TSK005", item.value, f"INTERVAL is a constant duration, as in T#20ms, not {described(kind)}.")
            return None
        if value <= 0:
            c.report(
                "TSK005", item.value, "INTERVAL is the time from one scan to the next and must be greater than zero."
            )
            return None
        return value

    def _priority(self, item: FieldInitial) -> int:
        c = self.checker
        kind = storage(c.value(item.value))
        value = c.constants.get(item.value)
        if kind in INTEGERS and isinstance(value, int) and 0 <= value <= _GREATEST_PRIORITY:
            return value
        if kind is not UNKNOWN:
            c.report("TSK006", item.value, f"PRIORITY is a constant from 0 (most urgent) to {_GREATEST_PRIORITY}.")
        return 0

    def _single(self, item: FieldInitial) -> Variable | None:
        c = self.checker
        kind = storage(c.value(item.value, BOOL))
        symbol = c.symbols.get(item.value)
        if kind is BOOL and isinstance(symbol, Variable):
            return symbol
        if kind is not UNKNOWN:
            c.report("TSK010", item.value, "SINGLE names a global BOOL variable, whose rising edge starts the task.")
        return None

    # -------------------------------------------------------------------------------------------------- instances

    def _instance(self, node: ProgramConfig, tasks: dict[str, Task]) -> ProgramInstance | None:
        task = None
        if node.task is not None:
            task = tasks.get(node.task.key)
            if task is None:
                guess = closest(node.task.key, tasks)
                if guess:
                    remedy, spelling = f"Did you mean '{tasks[guess].name}'?", tasks[guess].name
                else:
                    remedy, spelling = f"Declare it: TASK {node.task.text}(INTERVAL := T#20ms, PRIORITY := 0);", None
                self.checker.report(
                    "TSK009",
                    node.task,
                    f"There is no task '{node.task.text}' in this RESOURCE. {remedy}",
                    data=spelling,
                )
        pou = self._program(node.type_name)
        if pou is None:
            for argument in node.connections:
                if argument.value is not None:
                    self.checker.value(argument.value)
            return None
        connections = tuple(self._connections(node, pou))
        return ProgramInstance(node.name.text, pou, task, connections, node)

    def _program(self, name: Identifier) -> Pou | None:
        pou = self.environment.current.get(name.key)
        if pou is not None and pou.kind is PouKind.PROGRAM:
            return pou
        programs = {key: found.name for key, found in self.environment.current.items() if found.kind is PouKind.PROGRAM}
        if pou is not None:
            word = "FUNCTION" if pou.kind is PouKind.FUNCTION else "FUNCTION_BLOCK"
            self.checker.report(
                "TSK008", name, f"'{pou.name}' is a {word}; a task runs only PROGRAMs. Call it in a PROGRAM."
            )
            return None
        guess = closest(name.key, programs)
        remedy = (
            f"Did you mean '{programs[guess]}'?"
            if guess
            else f"The PROGRAMs here are: {', '.join(programs.values()) or 'none'}."
        )
        self.checker.report(
            "TSK008", name, f"There is no PROGRAM '{name.text}'. {remedy}", data=programs[guess] if guess else None
        )
        return None

    def _connections(self, node: ProgramConfig, pou: Pou) -> Iterator[Connection]:
        for argument in node.connections:
            found = self._connection(argument, pou)
            if found is not None:
                yield found

    def _connection(self, argument: Argument, pou: Pou) -> Connection | None:
        c, name, value = self.checker, argument.name, argument.value
        if name is None or value is None:
            if value is not None:
                c.value(value)
            c.report(
                "CAL005",
                argument,
                f"Name the parameter of {pou.name} that is connected: parameter := value, or parameter => variable.",
            )
            return None
        parameter = pou.variables.get(name.key)
        if parameter is None or parameter.section not in (
            SectionKind.VAR_INPUT,
            SectionKind.VAR_OUTPUT,
            SectionKind.VAR_IN_OUT,
        ):
            names = {
                key: v.name
                for key, v in pou.variables.items()
                if v.section in (SectionKind.VAR_INPUT, SectionKind.VAR_OUTPUT)
            }
            guess = closest(name.key, names)
            remedy = f"Did you mean '{names[guess]}'?" if guess else f"It has {', '.join(names.values()) or 'none'}."
            c.report(
                "CAL005",
                name,
                f"{pou.name} has no parameter '{name.text}'. {remedy}",
                data=names[guess] if guess else None,
            )
            c.value(value)
            return None
        if argument.output != (parameter.section is SectionKind.VAR_OUTPUT):
            arrow = "=>" if parameter.section is SectionKind.VAR_OUTPUT else ":="
            c.report("CAL007", name, f"Connect '{parameter.name}' of {pou.name} with {arrow}.", data=arrow)
            c.value(value)
            return None
        if argument.output:
            bind_output(c, value, parameter.type)
            symbol = c.symbols.get(value)
            return Connection(parameter, True, None, symbol) if isinstance(symbol, Variable) else None
        if not c.expect(value, parameter.type):
            return None
        symbol, constant = c.symbols.get(value), c.constant(value)
        if constant is None and not isinstance(symbol, Variable):
            if c.types.get(value) is not UNKNOWN:
                c.report(
                    "TYP013", value, "A program's input is connected to a constant, a global variable or an address."
                )
            return None
        return Connection(
            parameter, False, constant, symbol if constant is None and isinstance(symbol, Variable) else None
        )
