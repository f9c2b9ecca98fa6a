"""The judge of uploaded programs: refuses what the device's own compiler refuses, with its messages (section 3.3 and 3.5).

It is strict where Rung's own front end is generous (comments, conversions, names, sections), and then hands over to that front end. Which
follow-up errors a mistake causes is told only as far as the recordings do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.project.snapshot import EMPTY, Snapshot
from rung.semantics.model import Program
from rung.semantics.types import StringType, Type, strip
from rung.simulator.v3.c_problems import c_problems
from rung.simulator.v3.complaints import TOO_MANY, Complaint, Places, summary
from rung.simulator.v3.iec2c_syntax import hopeless, syntax_complaints
from rung.simulator.v3.iec2c_types import type_complaints
from rung.syntax.tree import ConfigurationDecl, PouKind

_COMMON: Final = ("POUS.c", "POUS.h", "LOCATED_VARIABLES.h", "VARIABLES.csv")
_NO_TASK: Final = "error while generating C code: You must define at least one periodic task (to set cycle period)!"
_NO_PARAMETER: Final = "Internal compiler error in file function_param_iterator.cc at line 400."
_NO_WSTRING: Final = "Internal compiler error in file generate_c_base.cc at line 431."


@dataclass(frozen=True, slots=True)
class Judged:
    """What the compiler printed, the C files that it wrote, and the program; no `snapshot`: it was refused.

    `c_errors` is what the C++ compiler says of the written files.
    """

    lines: list[str]
    files: tuple[str, ...] = ()
    snapshot: Snapshot | None = None
    c_errors: tuple[str, ...] = ()


def judge(name: str, text: str) -> Judged:
    """Translate a program as the device does.

    Args:
        name: its file, as messages show it.
        text: the program without tool lines.
    """
    snapshot = EMPTY.with_text(Path(name), text)
    places = Places(name, text)
    end = hopeless(places, snapshot)
    if end is not None:
        return Judged(end)
    complaints = syntax_complaints(places, snapshot)
    if complaints:
        return Judged(list(_parse_failure(places, complaints)))
    complaints = type_complaints(places, snapshot)
    if complaints:
        shown = [places.show(complaint) for complaint in complaints]
        fatal = next(
            (n for n, complaint in enumerate(complaints, 1) if complaint.text.startswith("Invalid parameter")), 0
        )
        if fatal:
            return Judged([*shown[:fatal], "", _NO_PARAMETER])
        return Judged(shown + summary(len(complaints), blank=False))
    return _generate(places, snapshot)


def _parse_failure(places: Places, complaints: list[Complaint]) -> Iterator[str]:
    for complaint in complaints:
        yield places.show(complaint)
        if complaint.runaway:
            yield from ("", TOO_MANY)
            return
    yield from summary(max(1, sum(complaint.counted for complaint in complaints)), blank=True)


def _generate(places: Places, snapshot: Snapshot) -> Judged:
    program = snapshot.program
    if any(_holds_wide_string(kind) for kind in _variable_types(program)):
        return Judged([*_COMMON, "", _NO_WSTRING])
    declaration = _configuration(snapshot)
    configuration = program.configuration
    if declaration is None or configuration is None:
        return Judged(list(_COMMON), _COMMON, snapshot)
    start, decl = declaration
    if not any(task.interval_ns for resource in configuration.resources for task in resource.tasks):
        return Judged([*_COMMON, f"{places.span(start + decl.start, start + decl.end)}: {_NO_TASK}"])
    files = (*_COMMON, f"{decl.name.text}.c", f"{decl.name.text}.h", *_resource_files(decl))
    return Judged(list(files), files, snapshot, tuple(c_problems(places, snapshot)))


def _resource_files(decl: ConfigurationDecl) -> Iterator[str]:
    for resource in decl.resources:
        yield f"{resource.name.text if resource.name else 'RESOURCE'}.c"


def _configuration(snapshot: Snapshot) -> tuple[int, ConfigurationDecl] | None:
    for file in snapshot.files.values():
        for placed in file.units:
            for decl in placed.unit.declarations:
                if isinstance(decl, ConfigurationDecl):
                    return placed.offset, decl
    return None


def _variable_types(program: Program) -> Iterator[Type]:
    for pou in program.pous.values():
        if pou.kind is not PouKind.FUNCTION or pou.declaration is not None:
            yield from (variable.type for variable in pou.variables.values())
    if program.configuration is not None:
        yield from (variable.type for variable in program.configuration.globals.values())


def _holds_wide_string(kind: Type) -> bool:
    kind = strip(kind)
    return isinstance(kind, StringType) and kind.wide
