"""Parts of a value: members, elements, bits, what a reference points at (ed. 3 6.4.4, 6.5.5.2).

Invariant: constant indices and bit numbers are checked here; those that are computed are checked when the program runs.
"""

from __future__ import annotations

from typing import Final

from rung.semantics.checker import Checker
from rung.semantics.model import IMPLICIT_EN, IMPLICIT_ENO, Variable
from rung.semantics.names import enumeration, enumerator
from rung.semantics.spelling import closest
from rung.semantics.types import (
    BOOL,
    BYTE,
    CHAR,
    DWORD,
    UNKNOWN,
    WCHAR,
    WORD,
    Alias,
    Array,
    Block,
    Elementary,
    Reference,
    StringType,
    Structure,
    Type,
    storage,
    strip,
)
from rung.semantics.widening import BIT_STRINGS, INTEGERS
from rung.semantics.wording import bounds_text, counted, described, type_name
from rung.syntax.problem import Related
from rung.syntax.tree import BitAccess, Dereference, Index, Member, NameExpr, SectionKind

_PART: Final = {"X": (BOOL, 1), "B": (BYTE, 8), "W": (WORD, 16), "D": (DWORD, 32)}
_IMPLICIT: Final = {"EN": IMPLICIT_EN, "ENO": IMPLICIT_ENO}
# What members of a block can be seen from outside (ed. 3 6.6.3.4).
_VISIBLE: Final = (SectionKind.VAR_INPUT, SectionKind.VAR_OUTPUT, SectionKind.VAR_IN_OUT)


def member(c: Checker, node: Member, hint: Type | None) -> Type:
    """`base.name`: a structure's member, a block's variable, or `Colour.Red`."""
    base, key = node.base, node.name.key
    if base.__class__ is NameExpr and base.key not in c.scope:
        values = enumeration(c, base.key)
        if values is not None:
            c.types[node] = UNKNOWN
            return enumerator(c, node, values, key, node.name.text)
    holder = c.value(base)
    kind = strip(holder) if holder.__class__ is Alias else holder
    if kind.__class__ is Block:
        assert isinstance(kind, Block)
        variable = kind.pou.variables.get(key) or _IMPLICIT.get(key)
        if variable is not None:
            c.symbols[node] = variable
            c.types[node] = variable.type
            if variable.section not in _VISIBLE:
                c.report(
                    "NAM013",
                    node.name,
                    f"'{variable.name}' is internal to {kind.name}. Make it a VAR_OUTPUT if others shall read it, "
                    "or a VAR_INPUT if others shall write it.",
                )
            return variable.type
    elif isinstance(kind, Structure):
        found = kind.fields.get(key)
        if found is not None:
            c.types[node] = found.type
            return found.type
    c.types[node] = UNKNOWN
    return UNKNOWN if kind is UNKNOWN else _no_member(c, node, kind)


def _no_member(c: Checker, node: Member, kind: Type) -> Type:
    text = node.name.text
    if isinstance(kind, Structure):
        names = {key: found.name for key, found in kind.fields.items()}
        holder = f"Structure {type_name(kind)}"
    elif isinstance(kind, Block):
        names = {key: found.name for key, found in kind.pou.variables.items() if found.section in _VISIBLE}
        holder = f"Function block {kind.name}"
    elif isinstance(kind, Reference):
        return c.fail(
            "TYP011", node.name, f"This is a reference. Write ^ before the dot to reach what it points at: ^.{text}"
        )
    else:
        return c.fail("TYP011", node.name, f"{described(kind)} has no members, so '.{text}' means nothing here.")
    guess = closest(node.name.key, names)
    remedy = f"Did you mean '{names[guess]}'?" if guess else f"It has {', '.join(names.values()) or 'none'}."
    return c.fail(
        "NAM005", node.name, f"{holder} has no member '{text}'. {remedy}", data=names[guess] if guess else None
    )


def bit_access(c: Checker, node: BitAccess, hint: Type | None) -> Type:
    """`base.3`, `base.%B1`."""
    part, width = _PART.get(node.size, (BOOL, 1))
    kind = storage(c.value(node.base))
    c.types[node] = UNKNOWN
    if kind is UNKNOWN:
        return UNKNOWN
    if not isinstance(kind, Elementary) or not (kind in BIT_STRINGS or kind in INTEGERS) or kind.bits < width:
        return c.fail(
            "TYP012", node, f"{described(kind)} has no bits to name: only BYTE, WORD, DWORD, LWORD and integers have."
        )
    count = kind.bits // width
    if not 0 <= node.index < count:
        return c.fail(
            "TYP012",
            node,
            f"{kind.name} has no .{node.index}: its parts of {counted(width, 'bit')} are .0 to .{count - 1}.",
        )
    c.types[node] = part
    return part


def index(c: Checker, node: Index, hint: Type | None) -> Type:
    """`base[i, j]`."""
    holder = c.value(node.base)
    array = strip(holder)
    if not isinstance(array, Array):
        return _index_text(c, node, array)
    for position, subscript in enumerate(node.indices):
        kind = storage(c.value(subscript))
        if kind not in INTEGERS:
            if kind is not UNKNOWN:
                c.report("TYP007", subscript, f"An index is an integer, not {described(kind)}.")
            continue
        bounds = array.dimensions[position] if position < len(array.dimensions) else None
        value = c.constants.get(subscript)
        if bounds is not None and isinstance(value, int) and not bounds[0] <= value <= bounds[1]:
            c.report("TYP008", subscript, f"Index {value} lies outside {bounds_text(bounds)}.", _declared_at(c, node))
    if len(node.indices) != len(array.dimensions):
        element = array.element
        if isinstance(strip(element), Array) and len(node.indices) > len(array.dimensions):
            remedy = " Write a pair of brackets for each array: a[i][j]."
        else:
            remedy = ""
        c.report("TYP009", node, f"This array has {counted(len(array.dimensions), 'dimension')}, but {len(node.indices)} "
                 f"{'index is' if len(node.indices) == 1 else 'indices are'} given.{remedy}")  # fmt: skip
        c.types[node] = UNKNOWN
        return UNKNOWN
    c.types[node] = array.element
    return array.element


def _declared_at(c: Checker, node: Index) -> tuple[Related, ...]:
    symbol = c.symbols.get(node.base)
    if not isinstance(symbol, Variable) or symbol.identifier is None:
        return ()
    unit = None if symbol.unit is c.unit else symbol.unit
    return (Related(symbol.identifier.start, symbol.identifier.end, f"'{symbol.name}' is declared here.", unit),)


def _index_text(c: Checker, node: Index, kind: Type) -> Type:
    """ed. 3 6.3.3: `text[i]` is the i-th character, counted from 1."""
    subscripts = [storage(c.value(subscript)) for subscript in node.indices]
    c.types[node] = UNKNOWN
    if kind is UNKNOWN:
        return UNKNOWN
    if not isinstance(kind, StringType) or len(subscripts) != 1:
        return c.fail("TYP010", node, f"{described(kind)} is not an array, so it takes no index.")
    if subscripts[0] not in INTEGERS and subscripts[0] is not UNKNOWN:
        c.report("TYP007", node.indices[0], f"An index is an integer, not {described(subscripts[0])}.")
    value = c.constants.get(node.indices[0])
    if isinstance(value, int) and not 1 <= value <= kind.length:
        c.report("TYP008", node.indices[0], f"Index {value} lies outside 1..{kind.length}.")
    c.types[node] = WCHAR if kind.wide else CHAR
    return c.types[node]


def dereference(c: Checker, node: Dereference, hint: Type | None) -> Type:
    """`base^`."""
    kind = strip(c.value(node.base))
    c.types[node] = UNKNOWN
    if isinstance(kind, Reference):
        c.types[node] = kind.target
        return kind.target
    return (
        UNKNOWN
        if kind is UNKNOWN
        else c.fail("TYP020", node, f"{described(kind)} is not a reference, so ^ means nothing here.")
    )
