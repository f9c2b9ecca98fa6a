"""A typed program as a C++ core: data types, initial values, bodies. An adapter for a target adds storage, tasks and tables.

Invariants: the core uses no heap, no standard library, no exceptions; it holds no static data, so an adapter decides whether tasks
share their variables directly or through copies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rung.codegen import names
from rung.codegen.cpp_text import CppText
from rung.codegen.cpp_types import CppTypes, Extras
from rung.codegen.debug_table import Row, block_rows, rows
from rung.codegen.initial import Initialisers, is_zero
from rung.codegen.places import Places, exchanged
from rung.codegen.pous import Pous
from rung.codegen.schedule import PlannedInstance, Schedule, plan
from rung.codegen.sources import LineNumbers, SourceMap
from rung.codegen.values import literal
from rung.semantics.model import (
    IMPLICIT_EN,
    IMPLICIT_ENO,
    Configuration,
    Located,
    Pou,
    Program,
    ProgramInstance,
    Variable,
)
from rung.semantics.types import Block, Type, default_value, strip
from rung.syntax.tree import Member, PouKind, SectionKind


class BuildError(Exception):
    """The program cannot be built for the target; the text says why, for the user."""


@dataclass(slots=True)
class Link:
    """A variable of an instance that VAR_CONFIG located: it is no cell of the process image, but exchanged with one. `place` is its
    C++ lvalue, `kind` its type."""

    address: Located
    place: str
    kind: Type
    instance: PlannedInstance


@dataclass(slots=True)
class Core:
    """The parts of a program that all targets share. `types` and `bodies` are C++ files to be included, `bodies` inside a namespace
    with the macros of `rung_scan.hpp` defined."""

    schedule: Schedule
    types: str
    bodies: str
    places: Places
    globals: list[Variable]
    links: list[Link]

    def shared_members(self) -> list[str]:
        """The members of `Globals`, each of which a task gives back on its own."""
        named = [self.places.members[variable] for variable in self.globals if variable in self.places.members]
        return named + [names.cell(address) for address in self.places.image.cells if not exchanged(address)]

    def global_rows(self) -> Iterator[Row]:
        """Yield the debug rows of the configuration's globals."""
        for variable in self.globals:
            place = self.places.of(variable)
            if place is not None:
                yield from rows(variable.key, place, variable.type, self.places, variable.retain)

    def instance_rows(self, planned: PlannedInstance) -> Iterator[Row]:
        """Yield the debug rows of a program instance."""
        yield from block_rows(planned.path, names.instance(planned.number), planned.instance.pou, self.places)


def build_core(program: Program, sources: SourceMap, globals_data: str, image_data: str) -> Core:
    """Write the core of `program`.

    `globals_data` and `image_data` are the C++ expressions by which bodies reach the structures `Globals` and `Image`, for
    instance `globals` or `(*t.globals)`. Raises BuildError when there is nothing to run.
    """
    configuration = program.configuration
    if configuration is None or not any(resource.instances for resource in configuration.resources):
        raise BuildError("There is no PROGRAM to run: write one, or name one in the CONFIGURATION.")
    return _CoreWriter(program, configuration, sources, globals_data, image_data).write()


class _CoreWriter:
    __slots__ = (
        "_bodies", "_configuration", "_globals", "_init_text", "_initial", "_places", "_pous", "_program", "_types", "_types_text",
    )  # fmt: skip

    def __init__(
        self, program: Program, configuration: Configuration, sources: SourceMap, globals_data: str, image_data: str
    ) -> None:
        numbers = LineNumbers(sources)
        self._program = program
        self._configuration = configuration
        self._types_text = CppText("program_types.hpp", numbers)
        self._init_text = CppText("program_types.hpp", numbers)
        self._bodies = CppText("program_bodies.hpp", numbers)
        self._types = CppTypes(self._types_text, _extras(program))
        self._places = Places(self._types, globals_data, image_data)
        self._initial = Initialisers(self._types, self._init_text)
        self._pous = Pous(self._types, self._places, self._initial, self._bodies)
        self._globals: list[Variable] = []

    def write(self) -> Core:
        schedule = plan(self._configuration)
        self._collect_globals()
        self._places.collect_cells(self._program)
        self._write_bodies(schedule)
        self._write_data(schedule)
        return Core(
            schedule,
            self._types_text.render() + self._init_text.render(),
            self._bodies.render(),
            self._places,
            self._globals,
            list(self._links(schedule)),
        )

    def _collect_globals(self) -> None:
        tables = [self._program.globals, self._configuration.globals]
        for table in tables:
            self._places.add_globals(table.values())
            self._globals += table.values()
        for number, resource in enumerate(self._configuration.resources):
            self._places.add_globals(resource.globals.values(), f"resource{number}_")
            self._globals += resource.globals.values()

    def _called(self, schedule: Schedule) -> list[Pou]:
        """The POUs whose bodies can run, in the program's order: callees before callers."""
        found: set[Pou] = set()
        waiting = [planned.instance.pou for planned in schedule.instances]
        while waiting:
            pou = waiting.pop()
            if pou in found or pou.declaration is None:
                continue
            found.add(pou)
            calls = self._program.analyses[pou.key].calls.values()
            waiting += [call.callee for call in calls if isinstance(call.callee, Pou)]
        return [pou for pou in self._program.pous.values() if pou in found]

    def _write_bodies(self, schedule: Schedule) -> None:
        called = self._called(schedule)
        for pou in called:
            self._bodies.add(f"{self._pous.prototype(pou)};")
        for pou in called:
            self._pous.body(pou, self._program.analyses[pou.key])
        for planned in schedule.instances:
            self._write_instance(planned)

    def _write_instance(self, planned: PlannedInstance) -> None:
        """Write the function that runs one program instance: its inputs, its body, its outputs (ed. 3, 6.8.2)."""
        pou = planned.instance.pou
        data = names.instance(planned.number)

        def place(variable: Variable) -> str:
            return self._places.of(variable) or f"{data}.{names.variable(variable.key)}"

        connections = planned.instance.connections
        arguments = ["t", data]
        for parameter in pou.variables.values():
            if parameter.section is SectionKind.VAR_IN_OUT:
                actual = next(
                    (c.variable for c in connections if c.parameter is parameter and c.variable is not None), None
                )
                arguments.append(place(parameter if actual is None else actual))
        self._bodies.open(f"static void run_{data}(Task &t)")
        for connection in connections:
            if connection.output or connection.parameter.section is SectionKind.VAR_IN_OUT:
                continue
            target = place(connection.parameter)
            if connection.constant is not None:
                self._bodies.add(" ".join(self._initial.assign(target, connection.parameter.type, connection.constant)))
            elif connection.variable is not None:
                self._bodies.add(f"SET({target}, {place(connection.variable)});")
        self._bodies.add(f"{names.body(pou.key)}({', '.join(arguments)});")
        for connection in connections:
            if connection.output and connection.variable is not None:
                self._bodies.add(f"SET({place(connection.variable)}, {place(connection.parameter)});")
        self._bodies.close()

    def _write_data(self, schedule: Schedule) -> None:
        members = [(v, self._places.members[v]) for v in self._globals if v in self._places.members]
        declared = [f"{self._types.name(variable.type)} {member};" for variable, member in members]
        for planned in schedule.instances:
            self._types.block(planned.instance.pou)
            self._initial.block(planned.instance.pou)
        self._types.finish()
        text = self._types_text
        cells = self._places.image.cells
        self._struct("Globals", declared + [self._cell(address) for address in cells if not exchanged(address)])
        self._struct("Image", [self._cell(address) for address in cells if exchanged(address)])
        set_, zero = self._global_values(members)
        self._function("set_globals(Globals &self)", [*set_, *self._cell_values(False)])
        self._function("init_globals(Globals &self)", [*zero, "set_globals(self);"])
        self._function("init_image(Image &self)", self._cell_values(True))
        sizes = " ".join(f"char s{number}[sizeof({name})];" for number, name in enumerate(self._types.reachable))
        text.add(f"union Spare {{ {'int64_t aligned;' if sizes else 'char nothing;'} {sizes} }};")
        text.add("struct Task : Scan { Globals *globals; Image *image; };")

    def _global_values(self, members: Sequence[tuple[Variable, str]]) -> tuple[list[str], list[str]]:
        """Return the statements that initialise globals, apart from those, after them, that only matter where memory is not all zeros."""
        set_: list[str] = []
        zero: list[str] = []
        for variable, member in members:
            needed = self._initial.assign(f"self.{member}", variable.type, variable.initial, cleared=True)
            lines = self._initial.assign(f"self.{member}", variable.type, variable.initial)
            (set_ if needed else zero).extend(lines)
        return set_, zero

    def _struct(self, name: str, members: list[str]) -> None:
        self._types_text.open(f"struct {name}")
        for member in members or ["uint8_t nothing;"]:
            self._types_text.add(member)
        self._types_text.close("};")

    def _cell(self, address: Located) -> str:
        kinds = list(self._places.image.cells[address])
        if len(kinds) == 1:
            return f"{kinds[0]} {names.cell(address)};"
        return f"union {{ {' '.join(f'{kind} {names.view(kind)};' for kind in kinds)} }} {names.cell(address)};"

    def _function(self, head: str, lines: Sequence[str]) -> None:
        self._init_text.open(f"static void {head}")
        for line in [*lines, "(void)self;"]:
            self._init_text.add(line)
        self._init_text.close()

    def _cell_values(self, in_image_: bool) -> list[str]:
        """Outputs and memory start at their declared values, unless somebody has written them already."""
        lines: list[str] = []
        for address, users in self._places.image.cells.items():
            if address.area == "I" or exchanged(address) is not in_image_:
                continue
            for cpp, variable in users.items():
                if variable is not None and not is_zero(variable.type, variable.initial):
                    place = f"self.{self._places.image.member(address, cpp)}"
                    lines.append(f"if ({place} == {cpp}()) {place} = {_initial_literal(variable)};")
        return lines

    def _links(self, schedule: Schedule) -> Iterator[Link]:
        """Find the variables of VAR_CONFIG by their paths INSTANCE.VARIABLE or INSTANCE.BLOCK.VARIABLE."""
        by_path = {planned.path: planned for planned in schedule.instances}
        for path, address in self._configuration.addresses.items():
            parts = path.split(".")
            start = next((n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in by_path), None)
            if start is None:
                continue
            planned = by_path[".".join(parts[:start])]
            data = names.instance(planned.number)
            for row in block_rows(planned.path, data, planned.instance.pou, self._places):
                if row.paths[0] == f"{planned.path}.{'.'.join(parts[start:])}":
                    yield Link(address, row.place, row.kind, planned)


def _extras(program: Program) -> Extras:
    """Find the uses of blocks that make their instances hold more than is declared."""
    watched: set[Pou] = set()
    copies: set[Variable] = set()
    for analysis in program.analyses.values():
        for expr, symbol in analysis.symbols.items():
            if not isinstance(expr, Member) or not isinstance(symbol, Variable):
                continue
            kind = strip(analysis.types[expr.base])
            if symbol in (IMPLICIT_EN, IMPLICIT_ENO) and isinstance(kind, Block):
                watched.add(kind.pou)
            elif symbol.section is SectionKind.VAR_IN_OUT:
                copies.add(symbol)
        for call in analysis.calls.values():
            if isinstance(call.callee, Pou) and call.callee.kind is PouKind.FUNCTION_BLOCK:
                given = {argument.parameter for argument in call.arguments}
                copies |= {
                    v for v in call.callee.variables.values() if v.section is SectionKind.VAR_IN_OUT and v not in given
                }
    for instance in _instances(program):
        given = {connection.parameter for connection in instance.connections}
        copies |= {v for v in instance.pou.variables.values() if v.section is SectionKind.VAR_IN_OUT and v not in given}
    return Extras(frozenset(watched), frozenset(copies))


def _instances(program: Program) -> Iterator[ProgramInstance]:
    if program.configuration is not None:
        for resource in program.configuration.resources:
            yield from resource.instances


def _initial_literal(variable: Variable) -> str:
    return literal(variable.type, default_value(variable.type) if variable.initial is None else variable.initial)
