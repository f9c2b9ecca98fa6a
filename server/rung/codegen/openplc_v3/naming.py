"""Names of the user's as the text for OpenPLC Runtime v3 spells them.

Invariants: the same program gives the same names; a name changes only where it would not compile; two things that meet never get
the same name, whatever the case; data types and POUs give way to variables, because variables are what users watch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import count
from typing import Final

from rung.codegen.openplc_v3.printed import CONFIGURATION, RESOURCE
from rung.codegen.openplc_v3.reserved import is_reserved, is_reserved_for_types
from rung.semantics.model import Pou, Program, Variable
from rung.semantics.types import Structure

_RUNS: Final = re.compile(r"_{2,}")


def legal(name: str) -> str:
    """Return `name` in the letters that v3's compiler takes: ASCII, no two underscores in a row, none at the end."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c == "_") else f"u{ord(c):x}" for c in name)
    name = _RUNS.sub("_", plain).rstrip("_") or "X"
    return f"X_{name}" if name.upper().startswith("RUNG_") else name  # that beginning is ours


class Names:
    """The printed names of a program. `changed` holds each that differs from what the user wrote, by its path."""

    __slots__ = ("_fields", "_members", "_types", "_variables", "changed")

    def __init__(self, program: Program) -> None:
        self.changed: list[tuple[str, str]] = []
        self._variables: dict[Variable, str] = {}
        self._fields: dict[tuple[Structure, str], str] = {}
        self._members: dict[str, set[str]] = {}
        self._types: dict[str, str] = {}
        self._name_types(program)

    # ----------------------------------------------------------------------------------------- types and POUs

    def _name_types(self, program: Program) -> None:
        taken = {CONFIGURATION.upper(), RESOURCE.upper()}
        taken |= {key for pou in program.pous.values() for key in pou.variables if key != pou.key}
        configuration = program.configuration
        taken |= set(program.globals)
        if configuration is not None:
            taken |= set(configuration.globals)
            for resource in configuration.resources:
                taken |= set(resource.globals) | {instance.name.upper() for instance in resource.instances}
                taken |= {task.name.upper() for task in resource.tasks}
        spelled = {pou.key: pou.name for pou in program.pous.values()}
        spelled |= {key: declaration.name.text for key, (_, declaration) in program.type_declarations.items()}
        for key, name in spelled.items():
            wanted = legal(name)
            if wanted.upper() in taken or is_reserved_for_types(wanted.upper()):
                wanted = _numbered(wanted, lambda n: n.upper() in taken or is_reserved_for_types(n.upper()))
            taken.add(wanted.upper())
            self._types[key] = wanted
            if wanted != name:
                self.changed.append((name, wanted))

    def pou(self, pou: Pou) -> str:
        """Return the printed name of a user's POU."""
        return self._types[pou.key]

    def type(self, key: str) -> str:
        """Return the printed name of a declared type, by its upper-case name."""
        return self._types[key]

    def _is_type(self, name: str) -> bool:
        return any(name == taken.upper() for taken in self._types.values())

    # ---------------------------------------------------------------------------------------------- variables

    def declare(self, scope: str, variables: Iterable[Variable]) -> None:
        """Name the variables of one scope (a POU's name, empty for globals), all at once."""
        waiting = [variable for variable in variables if variable not in self._variables]
        for variable in waiting:
            self._variables[variable] = self.allocate(scope, variable.name)

    def allocate(self, scope: str, name: str) -> str:
        """Return `name`, or one like it, that is free in a scope."""
        taken = self._members.setdefault(scope.upper(), set())

        def is_bad(candidate: str) -> bool:
            key = candidate.upper()
            return key in taken or is_reserved(key) or self._is_type(key)

        wanted = legal(name)
        if is_bad(wanted):
            wanted = _numbered(wanted, is_bad)
        taken.add(wanted.upper())
        if wanted != name:
            self.changed.append((f"{scope}.{name}" if scope else name, wanted))
        return wanted

    def own(self, scope: str, stem: str) -> str:
        """Return a free name of ours, which begins with RUNG_ and so never meets one of the user's."""
        taken = self._members.setdefault(scope.upper(), set())
        name = f"RUNG_{stem}"
        number = 0
        while name.upper() in taken:
            number += 1
            name = f"RUNG_{stem}_{number}"
        taken.add(name.upper())
        return name

    def give(self, variable: Variable, name: str) -> None:
        """Fix the printed name of a variable."""
        self._variables[variable] = name

    def variable(self, variable: Variable) -> str:
        """Return the printed name of a variable that was declared before."""
        return self._variables[variable]

    def member(self, pou: Pou, key: str) -> str:
        """Return the printed name of a POU's variable; a library block's are as they are."""
        variable = pou.variables[key]
        return key if pou.declaration is None else self._variables[variable]

    def field(self, structure: Structure, key: str) -> str:
        """Return the printed name of a structure's member."""
        known = self._fields.get((structure, key))
        if known is None:
            for other, member in structure.fields.items():
                self._fields[structure, other] = self.allocate(f"TYPE {structure.name}", member.name)
            known = self._fields[structure, key]
        return known


def _numbered(stem: str, is_bad: Callable[[str], bool]) -> str:
    """Return the first name like `stem` that is not bad. Some words are bad whatever follows them, hence the second form."""
    for number in count(1):
        for name in (f"{stem}_{number}", f"X_{stem}_{number}"):
            if not is_bad(name):
                return name
    raise AssertionError("there is always a free number")
