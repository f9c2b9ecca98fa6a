"""IEC types as C++ types, each declared once, after those it is made of.

Invariant: every structure is plain data without constructors; its initial values are set by the functions of `initial`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rung.codegen import names
from rung.codegen.cpp_text import CppText
from rung.codegen.standard_calls import block_class, value_type
from rung.semantics.model import Pou, Variable
from rung.semantics.types import (
    Array,
    Block,
    Elementary,
    Enumeration,
    Reference,
    StringType,
    Structure,
    Subrange,
    Type,
    Unknown,
    storage,
    strip,
)
from rung.syntax.tree import SectionKind

_KEPT: Final = frozenset({SectionKind.VAR, SectionKind.VAR_INPUT, SectionKind.VAR_OUTPUT})


@dataclass(slots=True, frozen=True)
class Extras:
    """What instances hold because of how they are used. `watched` blocks have an implicit EN and ENO that somebody reads or writes
    as `instance.ENO`; `copies` are VAR_IN_OUT of blocks that are left out in a call, or looked at from outside."""

    watched: frozenset[Pou] = frozenset()
    copies: frozenset[Variable] = frozenset()


def in_image(variable: Variable) -> bool:
    """Whether the variable is a cell of the process image. One that VAR_CONFIG locates is not: its address differs by instance."""
    return variable.address is not None and isinstance(storage(variable.type), Elementary | Enumeration)


def is_member(variable: Variable) -> bool:
    """Whether a block's or program's data hold the variable from call to call by its declaration."""
    return variable.section in _KEPT and not in_image(variable)


_ANONYMOUS: Final = "0"  # no IEC name begins with a digit


class CppTypes:
    """Names C++ types and declares the structures among them in `text`."""

    __slots__ = ("_names", "_pending", "_text", "extras", "reachable")

    def __init__(self, text: CppText, extras: Extras) -> None:
        self._text = text
        self._names: dict[Structure | Pou, str] = {}
        self._pending: list[Structure | Pou] = []
        # What an access may wrongly reach for: elements of arrays, targets of references. An ordered set.
        self.reachable: dict[str, None] = {}
        self.extras = extras

    def name(self, kind: Type) -> str:
        """Return the C++ type of variables of type `kind`."""
        match strip(kind):
            case Elementary() | StringType() as plain:
                return value_type(plain)
            case Enumeration() | Subrange() as derived:
                return value_type(derived.base)
            case Array() as array:
                element = self.name(array.element)
                self.reachable[element] = None
                if None in array.dimensions:
                    return f"OpenArray<{element}, {len(array.dimensions)}>"
                return f"Array<{element}, {array.size}>"
            case Structure() as structure:
                return self._declared(structure)
            case Block() as block:
                return self.block(block.pou)
            case Reference() as reference:
                target = self._target(reference.target)
                self.reachable[target] = None
                return f"{target} *"
            case Unknown():
                raise TypeError("a program with errors has no code")
        raise TypeError(f"no C++ type for {kind!r}")

    def block(self, pou: Pou) -> str:
        """Return the C++ type that holds a block's or program's variables."""
        plain = pou.declaration is None and pou not in self.extras.watched
        return block_class(pou.key) if plain else self._declared(pou)

    def holds(self, variable: Variable) -> bool:
        """Whether an instance of the variable's block or program keeps it from call to call."""
        return is_member(variable) or variable in self.extras.copies

    def finish(self) -> None:
        """Declare what has only been pointed to so far."""
        while self._pending:
            self._define(self._pending.pop())

    def _declared(self, owner: Structure | Pou) -> str:
        known = self._names.get(owner)
        if known is None:
            known = self._give_name(owner)
            self._define(owner)
        elif owner in self._pending:
            self._pending.remove(owner)
            self._define(owner)
        return known

    def _give_name(self, owner: Structure | Pou) -> str:
        if isinstance(owner, Pou):
            name = names.block(owner.key)
        else:
            name = names.structure(owner.name.upper() or f"{_ANONYMOUS}{len(self._names)}")
        if name in self._names.values():
            name = f"{name}_{_ANONYMOUS}{len(self._names)}"
        self._names[owner] = name
        return name

    def _target(self, kind: Type) -> str:
        """Return the type a pointer points to; a structure may point to itself, so it need not be complete."""
        target = strip(kind)
        owner = target if isinstance(target, Structure) else target.pou if isinstance(target, Block) else None
        if owner is None or (isinstance(owner, Pou) and owner.declaration is None and owner not in self.extras.watched):
            return self.name(kind)
        known = self._names.get(owner)
        if known is None:
            known = self._give_name(owner)
            self._text.add(f"struct {known};")
            self._pending.append(owner)
        return known

    def _define(self, owner: Structure | Pou) -> None:
        if isinstance(owner, Pou) and owner.declaration is None:
            self._text.add(f"struct {self._names[owner]} : {block_class(owner.key)} {{ bool EN, ENO; }};")
            return
        if isinstance(owner, Pou):
            rows = [(v.key, v.type, v.edge) for v in owner.variables.values() if self.holds(v)]
        else:
            rows = [(member.key, member.type, None) for member in owner.fields.values()]
        members = []
        for key, kind, edge in rows:
            members.append(f"{self.name(kind)} {names.variable(key)};")
            if edge is not None:
                members.append(f"{self.name(kind)} {names.edge_memory(key)};")
        if isinstance(owner, Pou) and owner in self.extras.watched:
            members.append(f"bool {names.variable('EN')}, {names.variable('ENO')};")
        self._text.open(f"struct {self._names[owner]}")
        for member in members or ["uint8_t nothing;"]:
            self._text.add(member)
        self._text.close("};")
