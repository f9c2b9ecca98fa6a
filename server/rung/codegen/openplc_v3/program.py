"""A typed program as text for OpenPLC Runtime v3: types, helpers, POUs, one CONFIGURATION.

Invariants: the text depends on the sources alone; it holds one Config0 with one Res0 and a periodic task, whatever the user called
his; programs stand in the order of their tasks' urgency, in which v3 runs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rung.codegen.openplc_v3.body import Body, Shared
from rung.codegen.openplc_v3.bounds import Bounds
from rung.codegen.openplc_v3.cells import Cells
from rung.codegen.openplc_v3.conversions import convert
from rung.codegen.openplc_v3.library import Library
from rung.codegen.openplc_v3.literals import literal
from rung.codegen.openplc_v3.naming import Names
from rung.codegen.openplc_v3.pous import PouPrinter, is_constant
from rung.codegen.openplc_v3.printed import CONFIGURATION, RESOURCE, Printed
from rung.codegen.openplc_v3.purity import impure_functions
from rung.codegen.openplc_v3.refusals import Refusals
from rung.codegen.openplc_v3.text import Places, Text, Where
from rung.codegen.openplc_v3.types import Types
from rung.codegen.openplc_v3.watching import Watch
from rung.codegen.program import BuildError
from rung.codegen.schedule import PlannedInstance, PlannedTask, Schedule, plan
from rung.codegen.sources import SourceMap
from rung.semantics.model import Connection, Pou, Program, Variable
from rung.semantics.types import Block, strip
from rung.syntax.tree import SectionKind

_HEAD: Final = "(* Made by Rung for OpenPLC Runtime v3. Edit the sources, not this text. *)"
BODY: Final = "RUNG_BODY"
LAST: Final = "RUNG_LAST"  # an event in the scan before


def print_program(program: Program, sources: SourceMap) -> Printed:
    """Return the program as text. Raises BuildError when there is nothing to run, or for what v3 cannot take."""
    configuration = program.configuration
    if configuration is None or not any(resource.instances for resource in configuration.resources):
        raise BuildError("There is no PROGRAM to run: write one, or name one in the CONFIGURATION.")
    return _Printer(program, sources, plan(configuration)).print()


class _Printer:
    __slots__ = (
        "_called", "_globals", "_instances", "_names", "_places", "_program", "_refusals", "_schedule", "_shared", "_tasks", "_text",
        "_types_text", "_wrapped",
    )  # fmt: skip

    def __init__(self, program: Program, sources: SourceMap, schedule: Schedule) -> None:
        self._program = program
        self._schedule = schedule
        self._places = Places(sources)
        self._refusals = Refusals(self._places)
        self._text = Text(self._places)
        self._types_text = Text(self._places)
        self._called = _reachable(program, schedule)
        self._globals = _all_globals(program)
        self._names = Names(program)
        self._tasks: dict[PlannedTask, str] = {}
        self._instances: dict[PlannedInstance, str] = {}
        self._name_all()
        self._wrapped = _wrapped(schedule)
        counts: dict[Pou, int] = {}
        for planned in schedule.instances:
            counts[planned.instance.pou] = counts.get(planned.instance.pou, 0) + 1
        single = frozenset(pou for pou, count in counts.items() if count == 1 and pou not in self._wrapped)
        library = Library()
        cells = Cells(program, schedule, self._names, self._refusals, single)
        types = Types(program, self._names, library, self._refusals, self._types_text)
        impure = impure_functions(program)
        self._shared = Shared(self._names, types, library, cells, self._refusals, impure, frozenset(self._globals))

    def _name_all(self) -> None:
        self._names.declare("", self._globals)
        for pou in self._program.pous.values():
            own = [v for v in pou.variables.values() if v.section is not SectionKind.VAR_EXTERNAL and v.key != pou.key]
            self._names.declare(pou.name, own)
            if pou.key in pou.variables:
                self._names.give(pou.variables[pou.key], self._names.pou(pou))
        for task in self._schedule.tasks:
            self._tasks[task] = self._names.allocate("", task.name)
        for planned in self._schedule.instances:
            self._instances[planned] = self._names.allocate("", planned.instance.name)

    # -------------------------------------------------------------------------------------------------- print

    def print(self) -> Printed:
        for pou in self._called:
            analysis = self._program.analyses[pou.key]
            PouPrinter(self._shared, pou, analysis, self._text, Text(self._places), pou in self._wrapped).print()
        holders = {planned: self._holder(task, planned) for task in self._schedule.tasks for planned in task.instances}
        start = self._start()
        self._configuration(holders, start)
        head = Text(self._places)
        head.add(_HEAD)
        head.add("")
        head.extend(self._types_text.lines)
        for lines in self._shared.library.texts():
            for line in lines:
                head.add(line)
        head.extend(self._text.lines)
        lines_ = head.lines
        watch = Watch(self._shared, self._wrapped)
        variables = [*watch.globals(self._globals)]
        for planned in self._schedule.instances:
            variables += watch.instance(planned, self._instances[planned])
        text = "".join(f"{line}\n" for line, _ in lines_)
        return Printed(text, tuple(origin for _, origin in lines_), tuple(variables), tuple(self._names.changed))

    def _body_of(self, pou: Pou, text: Text, scope: str) -> Body:
        analysis = self._program.analyses[pou.key]
        return Body(self._shared, analysis, pou, text, scope, Bounds(analysis))

    def _declared_at(self, planned: PlannedInstance) -> Where:
        declaration, configuration = planned.instance.declaration, self._program.configuration
        if declaration is None or configuration is None or configuration.declaration is None:
            return None, 0
        unit = next((u for u in self._program.declarations if configuration.declaration in u.declarations), None)
        return unit, declaration.start

    def _holder(self, task: PlannedTask, planned: PlannedInstance) -> str:
        """Print the program of ours that runs a program of the user's on an event, or with parameters; return the type to run."""
        pou = planned.instance.pou
        if pou not in self._wrapped:
            return self._names.pou(pou)
        name = f"RUNG_RUN_{planned.number}"
        inner = Text(self._places)
        body = self._body_of(pou, inner, name)
        where = self._declared_at(planned)
        inner.source(*where)
        event = None if task.event is None else body.variable(task.event, where)[0]
        if event is not None:
            if task.interval_ns is not None:
                self._refusals.refuse("event interval", f"TASK {task.name}", *where)
            inner.open(f"IF {event} AND NOT {LAST} THEN")
        self._run(body, planned, where)
        if event is not None:
            inner.close("END_IF;")
            inner.add(f"{LAST} := {event};")
        text = self._text
        text.source(*where)
        text.open(f"PROGRAM {name}")
        own = [f"{BODY} : {self._names.pou(pou)};", *([f"{LAST} : BOOL;"] if event is not None else [])]
        _section(text, "VAR", [*own, *(f"{key} : {spelled};" for key, spelled in body.scratch)])
        _section(text, "VAR_EXTERNAL", [f"{key} : {spelled};" for key, (spelled, _) in body.externals.items()])
        text.extend(inner.lines, 1)
        text.close("END_PROGRAM")
        text.add("")
        return name

    def _run(self, body: Body, planned: PlannedInstance, where: Where) -> None:
        pou = planned.instance.pou
        arguments: list[str] = []
        for connection in planned.instance.connections:
            parameter = connection.parameter
            if connection.output:
                continue
            name = self._names.variable(parameter)
            if connection.constant is not None:
                with self._refusals.at(*where):
                    arguments.append(f"{name} := {literal(parameter.type, connection.constant)}")
            elif connection.variable is not None:
                text = body.variable(connection.variable, where)[0]
                arguments.append(f"{name} := {convert(body, text, connection.variable.type, parameter.type, where)}")
        body.text.add(f"{BODY}({', '.join(arguments)});")
        for connection in planned.instance.connections:
            if connection.output and connection.variable is not None:
                self._give(body, pou, connection, connection.variable, where)

    def _give(self, body: Body, pou: Pou, connection: Connection, target: Variable, where: Where) -> None:
        text = f"{BODY}.{self._names.member(pou, connection.parameter.key)}"
        converted = convert(body, text, connection.parameter.type, target.type, where)
        body.text.add(f"{body.variable(target, where)[0]} := {converted};")

    def _start(self) -> bool:
        """Print the program that gives globals the initial values that no declaration can say to v3, before anything else runs."""
        types, names = self._shared.types, self._names
        lines = []
        for variable in self._globals:
            if variable.address is None and not isinstance(strip(variable.type), Block):
                name = names.variable(variable)
                with self._refusals.at(variable.unit, 0 if variable.identifier is None else variable.identifier.start):
                    lines += [(variable, line) for line in types.assignments(name, variable.type, variable.initial)]
        if not lines:
            return False
        text = self._text
        text.generated()
        text.open("PROGRAM RUNG_START")
        _section(text, "VAR", ["RUNG_STARTED : BOOL;"])
        used = {names.variable(variable): types.spell(variable.type) for variable, _ in lines}
        _section(text, "VAR_EXTERNAL", [f"{name} : {spelled};" for name, spelled in used.items()])
        text.open("IF NOT RUNG_STARTED THEN")
        text.add("RUNG_STARTED := TRUE;")
        for variable, line in lines:
            text.source(variable.unit, 0 if variable.identifier is None else variable.identifier.start)
            text.add(line)
        text.close("END_IF;")
        text.close("END_PROGRAM")
        text.add("")
        return True

    # ------------------------------------------------------------------------------------------ configuration

    def _configuration(self, holders: dict[PlannedInstance, str], start: bool) -> None:
        text = self._text
        text.generated()
        text.open(f"CONFIGURATION {CONFIGURATION}")
        self._declare_globals()
        text.generated()
        text.open(f"RESOURCE {RESOURCE} ON PLC")
        tasks = self._schedule.by_urgency()
        ranks = {urgency: rank for rank, urgency in enumerate(sorted({task.urgency for task in tasks}))}
        for task in tasks:
            milliseconds = f"{task.period_ns / 1_000_000:.6f}".rstrip("0").rstrip(".")
            priority = ranks[task.urgency]
            text.add(f"TASK {self._tasks[task]}(INTERVAL := T#{milliseconds}ms, PRIORITY := {priority});")
        if start:
            text.add(f"PROGRAM RUNG_FIRST WITH {self._tasks[tasks[0]]} : RUNG_START;")
        for task in tasks:
            for planned in task.instances:
                text.source(*self._declared_at(planned))
                text.add(f"PROGRAM {self._instances[planned]} WITH {self._tasks[task]} : {holders[planned]};")
        text.generated()
        text.close("END_RESOURCE")
        text.close("END_CONFIGURATION")

    def _declare_globals(self) -> None:
        types, names, cells = self._shared.types, self._names, self._shared.cells
        plain: list[tuple[Variable | None, str]] = []
        constant: list[tuple[Variable | None, str]] = []
        retained: list[tuple[Variable | None, str]] = []
        located: list[tuple[Variable | None, str]] = []
        for variable in self._globals:
            if cells.of(variable) is not None:
                continue
            where: Where = (variable.unit, 0 if variable.identifier is None else variable.identifier.start)
            what = f"Global variable {variable.name}"
            if isinstance(strip(variable.type), Block):
                self._refusals.refuse("global block", what, *where)
            line = f"{names.variable(variable)} : {types.declared(variable.type, where, what)}"
            with self._refusals.at(*where):
                line += f"{types.initial_text(variable.type, variable.initial)};"
            (constant if is_constant(variable) else retained if variable.retain else plain).append((variable, line))
        for cell in cells.cells.values():
            if cell.owner is not None:
                continue
            name = cell.name if cell.declared is None else names.variable(cell.declared)
            first = cell.initial
            start = 0 if first is None or first.identifier is None else first.identifier.start
            with self._refusals.at(None if first is None else first.unit, start):
                initial = "" if first is None else types.initial_text(cell.kind, first.initial)
            at = f" AT {cell.address.text}" if cell.located else ""
            lines = located if cell.located else plain
            lines.append((cell.declared or first, f"{name}{at} : {types.spell(cell.kind)}{initial};"))
        for head, group in (("", plain), (" CONSTANT", constant), (" RETAIN", retained), ("", located)):
            self._global_section(head, group)

    def _global_section(self, head: str, lines: Sequence[tuple[Variable | None, str]]) -> None:
        if not lines:
            return
        self._text.generated()
        self._text.open(f"VAR_GLOBAL{head}")
        for variable, line in lines:
            self._text.generated()
            if variable is not None and variable.identifier is not None:
                self._text.source(variable.unit, variable.identifier.start)
            self._text.add(line)
        self._text.close("END_VAR")


def _section(text: Text, head: str, lines: Sequence[str]) -> None:
    if lines:
        text.open(head)
        for line in lines:
            text.add(line)
        text.close("END_VAR")


def _all_globals(program: Program) -> list[Variable]:
    configuration = program.configuration
    assert configuration is not None
    found = [*program.globals.values(), *configuration.globals.values()]
    for resource in configuration.resources:
        found += resource.globals.values()
    return found


def _reachable(program: Program, schedule: Schedule) -> list[Pou]:
    """The POUs whose bodies can run and the blocks that those hold, callees before callers."""
    found: set[Pou] = set()
    waiting = [planned.instance.pou for planned in schedule.instances]
    while waiting:
        pou = waiting.pop()
        if pou in found or pou.declaration is None:
            continue
        found.add(pou)
        waiting += [c.callee for c in program.analyses[pou.key].calls.values() if isinstance(c.callee, Pou)]
        kinds = [strip(variable.type) for variable in pou.variables.values()]
        waiting += [kind.pou for kind in kinds if isinstance(kind, Block)]
    return [pou for pou in program.pous.values() if pou in found]


def _wrapped(schedule: Schedule) -> frozenset[Pou]:
    """The programs that a program of ours holds: those that run on an event, that have connections or in-outs."""
    found = set()
    for task in schedule.tasks:
        for planned in task.instances:
            pou = planned.instance.pou
            shares = any(v.section is SectionKind.VAR_IN_OUT for v in pou.variables.values())
            if task.event is not None or planned.instance.connections or shares:
                found.add(pou)
    return frozenset(found)
