"""Initial values: C++ functions that give every variable of a structure, block or program its declared value: `init_...` whatever the
memory holds, and `set_...` where it is all zeros, as that of a chip is after a reset.

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

    def assign(
        self, place: str, kind: Type, value: Constant | None, depth: int = 0, cleared: bool = False
    ) -> list[str]:
        """Return statements that set `place`, a variable of type `kind`, to `value`, or to its type's default for None. `cleared`: its
        memory is all zeros already."""
        while isinstance(kind, Alias):
            value = kind.default if value is None else value
            kind = kind.target
        if cleared and self._zero(kind, value):
            return []
        match kind:
            case Array():
                return self._array(place, kind, kind.default if value is None else value, depth, cleared)
            case Structure():
                return self._members(place, kind, value, depth, cleared)
            case Block():
                return self._members(place, kind.pou, value, depth, cleared)
            case Reference():
                return [f"{place} = nullptr;"]
            case _:
                return [f"{place} = {literal(kind, default_value(kind) if value is None else value)};"]

    def block(self, pou: Pou) -> str:
        """Return the name of the function that initialises a user's block or program. The function `set_...` of the same name does it
        where the memory is all zeros already."""
        return f"init_{self._function(pou)}"

    def _zero(self, kind: Type, value: Constant | None) -> bool:
        """Whether the initial value is all zeros."""
        while isinstance(kind, Alias):
            value = kind.default if value is None else value
            kind = kind.target
        match kind:
            case Array():
                chosen = kind.default if value is None else value
                if not isinstance(chosen, Sequence) or isinstance(chosen, str):
                    return self._zero(kind.element, None)
                return all(self._zero(kind.element, item) for item in chosen)
            case Structure():
                given = {**_mapping(kind.default), **_mapping(value)}
                return all(self._zero(m.type, given.get(key, m.default)) for key, m in kind.fields.items())
            case Block():
                return self._zero_block(kind.pou, _mapping(value))
            case Reference():
                return True
        return is_zero(kind, value)

    def _zero_block(self, pou: Pou, given: Mapping[str, Constant]) -> bool:
        if pou in self._types.extras.watched:
            return False
        if pou.declaration is None:
            return all(self._zero(pou.variables[key].type, value) for key, value in given.items())
        return all(
            variable.edge != "F" and self._zero(variable.type, given.get(key, variable.initial))
            for key, variable in pou.variables.items()
            if self._types.holds(variable)
        )

    def _members(
        self, place: str, owner: Structure | Pou, value: Constant | None, depth: int, cleared: bool
    ) -> list[str]:
        spell: Callable[[str], str]
        if isinstance(owner, Pou) and owner.declaration is None:
            # Every variable of a standard block starts at zero, and none of its C++ types has a constructor.
            lines = [] if cleared else [f"__builtin_memset(&{place}, 0, sizeof({place}));"]
            if owner in self._types.extras.watched:
                lines.append(f"{place}.EN = {place}.ENO = true;")
            kinds = {key: variable.type for key, variable in owner.variables.items()}
            spell = str
        else:
            lines = [f"{'set' if cleared else 'init'}_{self._function(owner)}({place});"]
            table = owner.variables if isinstance(owner, Pou) else owner.fields
            kinds = {key: member.type for key, member in table.items()}
            spell = names.variable
        for key, given in _mapping(value).items():
            lines += self.assign(f"{place}.{spell(key)}", kinds[key], given, depth)
        return lines

    def _function(self, owner: Structure | Pou) -> str:
        known = self._done.get(owner)
        if known is not None:
            return known
        cpp = self._done[owner] = self._types.block(owner) if isinstance(owner, Pou) else self._types.name(owner)
        lines: list[str] = []

        def add(key: str, kind: Type, value: Constant | None) -> None:
            lines.extend(self.assign(f"self.{names.variable(key)}", kind, value, cleared=True))

        if isinstance(owner, Pou):
            if owner in self._types.extras.watched:
                lines.append(f"self.{names.variable('EN')} = self.{names.variable('ENO')} = true;")
            for variable in owner.variables.values():
                if self._types.holds(variable):
                    add(variable.key, variable.type, variable.initial)
                    if variable.edge == "F":
                        # The edge blocks' own memory: an input that is TRUE in the first call is a rising edge (ed. 3, 6.6.3.5.3).
                        lines.append(f"self.{names.edge_memory(variable.key)} = true;")
        else:
            given = _mapping(owner.default)
            for key, member in owner.fields.items():
                add(key, member.type, given.get(key, member.default))
        self._text.open(f"static void set_{cpp}({cpp} &self)")
        for line in lines or ["(void)self;"]:
            self._text.add(line)
        self._text.close()
        self._text.add(
            f"static void init_{cpp}({cpp} &self) {{ __builtin_memset(static_cast<void *>(&self), 0, sizeof self); set_{cpp}(self); }}"
        )
        return cpp

    def _array(self, place: str, kind: Array, value: Constant | None, depth: int, cleared: bool) -> list[str]:
        element = strip(kind.element)
        if not isinstance(value, Sequence) or isinstance(value, str):
            return self._loop(f"{place}.e", 0, kind.size, kind.element, None, depth, cleared)
        if len(value) >= _TABLE and isinstance(element, Elementary | Enumeration | Subrange) and len(set(value)) > 2:
            return self._table(place, kind, value)
        lines: list[str] = []
        start = 0
        for _, group in groupby(value, key=_same):
            items = list(group)
            if len(items) >= _RUN:
                lines += self._loop(f"{place}.e", start, start + len(items), kind.element, items[0], depth, cleared)
            else:
                for offset, item in enumerate(items):
                    lines += self.assign(f"{place}.e[{start + offset}]", kind.element, item, depth, cleared)
            start += len(items)
        return lines

    def _loop(
        self, elements: str, start: int, stop: int, kind: Type, value: Constant | None, depth: int, cleared: bool
    ) -> list[str]:
        if start >= stop:
            return []
        index = f"i{depth}"
        inner = self.assign(f"{elements}[{index}]", kind, value, depth + 1, cleared)
        if not inner:
            return []
        return [f"for (Position {index} = {start}; {index} < {stop}; ++{index}) {{", *inner, "}"]

    def _table(self, place: str, kind: Array, value: Sequence[Constant]) -> list[str]:
        cpp = self._types.name(kind.element)
        items = ", ".join(literal(kind.element, item) for item in value)
        return ["{", f"static const {cpp} table[] RUNG_FLASH = {{{items}}};", f"copy_table({place}.e, table);", "}"]


def is_zero(kind: Type, value: Constant | None) -> bool:
    """Whether the initial value is all zeros, as memory is at the start."""
    kind_ = strip(kind)
    chosen = default_value(kind) if value is None else value
    if isinstance(kind_, Elementary) and kind_.family is Family.REAL:
        return chosen == 0 and not str(chosen).startswith("-")
    return not isinstance(chosen, Mapping | tuple) and not chosen


def _mapping(value: Constant | None) -> Mapping[str, Constant]:
    return value if isinstance(value, Mapping) else {}


def _same(value: Constant) -> object:
    """A key that is equal for values that are set alike: by type too, because 1, 1.0 and TRUE are equal in Python."""
    return (type(value).__name__, repr(value))
