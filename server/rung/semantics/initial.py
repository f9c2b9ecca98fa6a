"""Initial values: what a variable, member or type starts with (ed. 3 6.5.1.5, 6.4.4).

Invariant: the folded value has the declared type's shape in full: an array has all its elements, a structure all its members. A function
block has only the members that are given, as its POU holds the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from rung.semantics.checker import Checker
from rung.semantics.model import Variable
from rung.semantics.spelling import closest
from rung.semantics.types import (
    UNKNOWN,
    Array,
    Block,
    Constant,
    Reference,
    Structure,
    Type,
    default_value,
    strip,
)
from rung.semantics.widening import INTEGERS
from rung.semantics.wording import counted, described
from rung.syntax.problem import Related
from rung.syntax.tree import ArrayInitial, Call, Expr, FieldInitial, Literal, Repetition, SectionKind, StructInitial

# A repetition beyond this is a slip of the pen, and would only fill the memory.
MAX_ELEMENTS = 1 << 24


def initial_value(c: Checker, node: Expr, kind: Type) -> Constant | None:
    """Return the folded value of `node` as an initial value of `kind`; None where there is none, which has been reported."""
    shape = strip(kind)
    if isinstance(node, ArrayInitial):
        c.types[node] = kind
        return _array(c, node, kind, shape)
    if isinstance(node, StructInitial):
        c.types[node] = kind
        return _members(c, node, kind, shape)
    if shape is UNKNOWN:
        c.value(node)
        return None
    if not c.expect(node, kind):
        return None
    value = c.constant(node)
    if value is None and c.types.get(node) is not UNKNOWN and not isinstance(shape, Reference):
        what = "A call" if isinstance(node, Call) else "This"
        c.report(
            "TYP013",
            node,
            f"{what} is not constant. An initial value is made of literals, CONSTANT variables and operators; assign the rest in the body.",
        )
    return value


def _array(c: Checker, node: ArrayInitial, kind: Type, shape: Type) -> Constant | None:
    if not isinstance(shape, Array):
        if shape is not UNKNOWN:
            c.report("TYP016", node, f"{described(kind)} takes one value, not a list in brackets.")
        return None
    values: list[Constant] = []
    sound = _elements(c, node.values, shape, values)
    size = shape.size
    if len(values) > size and None not in shape.dimensions:
        place = node.values[size] if size < len(node.values) else node
        c.report(
            "TYP015",
            place,
            f"{counted(len(values), 'value')} {'is' if len(values) == 1 else 'are'} given, but the array has {counted(size, 'element')}.",
        )
        return None
    if not sound:
        return None
    if len(values) < size:
        # An array type's own default fills what is not given.
        rest = default_value(shape)
        assert isinstance(rest, tuple)
        values.extend(rest[len(values) :])
    return tuple(values)


def _elements(c: Checker, nodes: Sequence[Expr], shape: Array, values: list[Constant]) -> bool:
    sound = True
    for node in nodes:
        if isinstance(node, Repetition):
            sound = _repeated(c, node, shape, values) and sound
        elif (
            isinstance(node, ArrayInitial) and not isinstance(strip(shape.element), Array) and len(shape.dimensions) > 1
        ):
            # [[1, 2], [3, 4]] for ARRAY[0..1, 0..1]: rows of a matrix
            c.types[node] = shape
            sound = _elements(c, node.values, shape, values) and sound
        else:
            value = initial_value(c, node, shape.element)
            sound = sound and value is not None
            values.append(default_value(shape.element) if value is None else value)
    return sound


def _repeated(c: Checker, node: Repetition, shape: Array, values: list[Constant]) -> bool:
    c.types[node] = shape
    kind = c.value(node.count)
    count = c.constants.get(node.count)
    if kind not in INTEGERS or not isinstance(count, int) or count < 0:
        if kind is not UNKNOWN:
            c.report(
                "TYP013",
                node.count,
                "The number before the parenthesis says how often the values are repeated: a constant integer.",
            )
        return False
    piece: list[Constant] = []
    sound = _elements(c, node.values, shape, piece) if node.values else True
    if not node.values:
        piece.append(default_value(shape.element))
    if count * len(piece) > MAX_ELEMENTS:
        c.report(
            "TYP015",
            node,
            f"{count * len(piece)} values are given, but the array has {counted(shape.size, 'element')}.",
        )
        return False
    values.extend(piece * count)
    return sound


def _members(c: Checker, node: StructInitial, kind: Type, shape: Type) -> Constant | None:
    if isinstance(shape, Structure):
        given = _fields(
            c, node.fields, {key: (found.name, found.type) for key, found in shape.fields.items()}, described(kind)
        )
        value = default_value(kind)
        assert isinstance(value, dict)
        return value | given
    if isinstance(shape, Block):
        variables = c.environment.interface(shape.pou).variables
        members = {key: (found.name, found.type) for key, found in variables.items() if _settable(found)}
        return _fields(c, node.fields, members, described(kind))
    if shape is not UNKNOWN:
        c.report("TYP016", node, f"{described(kind)} takes one value, not members in parentheses.")
    return None


def _settable(variable: Variable) -> bool:
    return variable.section not in (SectionKind.VAR_IN_OUT, SectionKind.VAR_EXTERNAL, SectionKind.VAR_TEMP)


def _fields(
    c: Checker, nodes: Sequence[FieldInitial], members: dict[str, tuple[str, Type]], holder: str
) -> dict[str, Constant]:
    given: dict[str, Constant] = {}
    seen: dict[str, FieldInitial] = {}
    for node in nodes:
        key = node.name.key
        member = members.get(key)
        if member is None:
            guess = closest(key, members)
            names = ", ".join(name for name, _ in members.values())
            remedy = f"Did you mean '{members[guess][0]}'?" if guess else f"It has {names or 'none'}."
            c.report(
                "NAM005",
                node.name,
                f"{holder} has no member '{node.name.text}'. {remedy}",
                data=members[guess][0] if guess else None,
            )
            c.value(node.value) if isinstance(node.value, Literal) else None
            continue
        if key in seen:
            first = Related(seen[key].start, seen[key].end, "The first value.")
            c.report("NAM002", node.name, f"'{member[0]}' is given twice.", (first,))
        seen[key] = node
        value = initial_value(c, node.value, member[1])
        if value is not None:
            given[key] = value
    return given
