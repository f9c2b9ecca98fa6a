"""Initial values: C++ functions that give every variable of a structure, block or program its declared value.

Invariant: variables are set in declaration order, each from its own initial value, or its type's (ed. 3, 6.5.1.4 and table 10).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Final

from rung.codegen import names
from rung.codegen.cpp_text import CppText
from rung.codegen.cpp_types import CppTypes
from rung.codegen.values import literal
from rung.semantics.model import Pou
from rung.semantics.types import (
    Alias,
    Array,
    Block,
    Constant,
    Elementary,
    Enumeration,
    Family,
    Reference,
    Structure,
    Subrange,
    Type,
    default_value,
    strip,
)

_RUN: Final = 4  # so many equal elements are set by a loop
_TABLE: Final = 16  # so many different ones are copied from a table


class Initialisers:
    """Writes statements that initialise variables, and, into `text`, the functions that they call."""

    __slots__ = ("_done", "_text", "_types")

    def __init__(self, types: CppTypes, text: CppText) -> None:
        self._types = types
        self._text = text
        self._done: dict[Structure | Pou, str] = {}

    def assign(self, place: str, kind: Type, value: Constant | None, depth: int = 0) -> list[str]:
        """Return statements that set `place`, a variable of type `kind`, to `value`, or to its type's default for None."""
        while isinstance(kind, Alias):
            value = kind.default if value is None else value
            kind = kind.target
        match kind:
            case Array():
                return self._array(place, kind, kind.default if value is None else value, depth)
            case Structure():
                return self._members(place, kind, value, depth)
            case Block():
                return self._members(place, kind.pou, value, depth)
            case Reference():
                return [f"{place} = nullptr;"]
            case _:
                return [f"{place} = {literal(kind, default_value(kind) if value is None else value)};"]

    def block(self, pou: Pou) -> str:
        """Return the name of the function that initialises a user's block or program."""
        return self._function(pou)

    def _members(self, place: str, owner: Structure | Pou, value: Constant | None, depth: int) -> list[str]:
        spell: Callable[[str], str]
        if isinstance(owner, Pou) and owner.declaration is None:
            # Every variable of a standard block starts at zero, and none of its C++ types has a constructor.
            lines = [f"__builtin_memset(&{place}, 0, sizeof({place}));"]
            if owner in self._types.extras.watched:
                lines.append(f"{place}.EN = {place}.ENO = true;")
            kinds = {key: variable.type for key, variable in owner.variables.items()}
            spell = str
        else:
            lines = [f"{self._function(owner)}({place});"]
            table = owner.variables if isinstance(owner, Pou) else owner.fields
            kinds = {key: member.type for key, member in table.items()}
            spell = names.variable
        if isinstance(value, Mapping):
            for key, given in value.items():
                lines += self.assign(f"{place}.{spell(key)}", kinds[key], given, depth)
        return lines

    def _function(self, owner: Structure | Pou) -> str:
        known = self._done.get(owner)
        if known is not None:
            return known
        cpp = self._types.block(owner) if isinstance(owner, Pou) else self._types.name(owner)
        name = self._done[owner] = f"init_{cpp}"
        lines: list[str] = []
        if isinstance(owner, Pou):
            if owner in self._types.extras.watched:
                lines.append(f"self.{names.variable('EN')} = self.{names.variable('ENO')} = true;")
            for variable in owner.variables.values():
                if self._types.holds(variable):
                    lines += self.assign(f"self.{names.variable(variable.key)}", variable.type, variable.initial)
                    if variable.edge is not None:
                        # The edge blocks' own memory: an input that is TRUE in the first call is a rising edge (ed. 3, 6.6.3.5.3).
                        lines.append(
                            f"self.{names.edge_memory(variable.key)} = {'true' if variable.edge == 'F' else 'false'};"
                        )
        else:
            given = owner.default if isinstance(owner.default, Mapping) else {}
            for key, member in owner.fields.items():
                lines += self.assign(f"self.{names.variable(key)}", member.type, given.get(key, member.default))
        self._text.open(f"static void {name}({cpp} &self)")
        for line in lines or ["self.nothing = 0;"]:
            self._text.add(line)
        self._text.close()
        return name

    def _array(self, place: str, kind: Array, value: Constant | None, depth: int) -> list[str]:
        element = strip(kind.element)
        if not isinstance(value, Sequence) or isinstance(value, str):
            return self._loop(f"{place}.e", 0, kind.size, kind.element, None, depth)
        if len(value) >= _TABLE and isinstance(element, Elementary | Enumeration | Subrange) and len(set(value)) > 2:
            return self._table(place, kind, value, depth)
        lines: list[str] = []
        start = 0
        for _, group in groupby(value, key=_same):
            items = list(group)
            if len(items) >= _RUN:
                lines += self._loop(f"{place}.e", start, start + len(items), kind.element, items[0], depth)
            else:
                for offset, item in enumerate(items):
                    lines += self.assign(f"{place}.e[{start + offset}]", kind.element, item, depth)
            start += len(items)
        return lines

    def _loop(self, elements: str, start: int, stop: int, kind: Type, value: Constant | None, depth: int) -> list[str]:
        if start >= stop:
            return []
        index = f"i{depth}"
        inner = self.assign(f"{elements}[{index}]", kind, value, depth + 1)
        return [f"for (Position {index} = {start}; {index} < {stop}; ++{index}) {{", *inner, "}"]

    def _table(self, place: str, kind: Array, value: Sequence[Constant], depth: int) -> list[str]:
        cpp = self._types.name(kind.element)
        items = ", ".join(literal(kind.element, item) for item in value)
        index = f"i{depth}"
        return [
            "{",
            f"static const {cpp} table[] = {{{items}}};",
            f"for (Position {index} = 0; {index} < {len(value)}; ++{index}) {place}.e[{index}] = table[{index}];",
            "}",
        ]


def is_zero(kind: Type, value: Constant | None) -> bool:
    """Whether the initial value is all zeros, as memory is at the start."""
    kind_ = strip(kind)
    chosen = default_value(kind) if value is None else value
    if isinstance(kind_, Elementary) and kind_.family is Family.REAL:
        return chosen == 0 and not str(chosen).startswith("-")
    return not isinstance(chosen, Mapping | tuple) and not chosen


def _same(value: Constant) -> object:
    """A key that is equal for values that are set alike: by type too, because 1, 1.0 and TRUE are equal in Python."""
    return (type(value).__name__, repr(value))
