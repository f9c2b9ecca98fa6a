"""Type specifications: from what is written after the colon to a type (ed. 3 6.4.4).

Invariants: one type specification gives one type object; bounds and lengths are folded integers; a type that cannot be made is `UNKNOWN`,
once reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from rung.semantics.checker import Checker
from rung.semantics.environment import Recursive
from rung.semantics.initial import MAX_ELEMENTS, initial_value
from rung.semantics.model import EnumValueSymbol
from rung.semantics.spelling import closest
from rung.semantics.types import (
    ELEMENTARY,
    INT,
    MAX_STRING_LENGTH,
    UNKNOWN,
    Alias,
    Array,
    Block,
    Elementary,
    Enumeration,
    Field,
    Reference,
    Structure,
    Subrange,
    Type,
    storage,
    string_type,
)
from rung.semantics.widening import BIT_STRINGS, INTEGERS
from rung.syntax.problem import Related
from rung.syntax.tree import (
    ArraySpec,
    Dimension,
    EnumSpec,
    ErrorType,
    Expr,
    Identifier,
    NamedType,
    PouKind,
    ReferenceSpec,
    StringSpec,
    StructSpec,
    SubrangeSpec,
    TypeDecl,
    TypeSpec,
)

_STRINGS: Final = {"STRING": string_type(False), "WSTRING": string_type(True)}


def resolve(c: Checker, spec: TypeSpec, name: str = "") -> Type:
    """Return the type that `spec` describes; `name` is that of the TYPE declaration it stands in, if it does."""
    return _SPECS[spec.__class__](c, spec, name)


def declared_type(c: Checker, node: TypeDecl) -> Type:
    """Return the type that a declaration in a TYPE block makes, with its default."""
    spec, name = node.spec, node.name.text
    kind = resolve(c, spec, name)
    value = None if node.initial is None else initial_value(c, node.initial, kind)
    if isinstance(spec, (NamedType, StringSpec)):
        return Alias(name, kind, value) if kind is not UNKNOWN else UNKNOWN
    if value is None:
        return kind
    # The object made above is known to nobody but its own members so far, so its default may still be entered.
    if (isinstance(kind, (Enumeration, Subrange)) and isinstance(value, int)) or isinstance(kind, (Array, Structure)):
        kind.default = value
    return kind


def constant_integer(c: Checker, node: Expr, what: str) -> int | None:
    """Fold an integer expression of a declaration; None where that fails, which has been reported."""
    kind = storage(c.value(node))
    value = c.constants.get(node)
    if kind is UNKNOWN:
        return None
    if not (kind in INTEGERS or kind in BIT_STRINGS) or not isinstance(value, int):
        c.report(
            "TYP013", node, f"{what} is a constant integer: a number, a CONSTANT variable, or a calculation with them."
        )
        return None
    return value


def _named(c: Checker, spec: NamedType, name: str) -> Type:
    key = spec.name.key
    found: Type | None = ELEMENTARY.get(key) or _STRINGS.get(key)
    if found is not None:
        return found
    c.dependencies.add(key)
    try:
        found = c.environment.find_type(key)
    except Recursive:
        return c.fail(
            "NAM012",
            spec.name,
            f"{spec.name.text} would contain itself. Use REF_TO {spec.name.text} to refer to another one.",
        )
    if found is not None:
        if isinstance(found, Block) and found.pou.kind is not PouKind.FUNCTION_BLOCK:
            word = (
                "a PROGRAM, which a task runs; it has no instances in other POUs"
                if found.pou.kind is PouKind.PROGRAM
                else "a function, not a type"
            )
            return c.fail("NAM011", spec.name, f"'{spec.name.text}' is {word}.")
        return found
    return _unknown_type(c, spec.name)


def _unknown_type(c: Checker, name: Identifier) -> Type:
    guess = closest(name.key, [*ELEMENTARY, *_STRINGS, *c.environment.type_names()])
    if guess is None:
        return c.fail("NAM004", name, f"There is no type or function block '{name.text}'.")
    spelling = guess
    if guess in c.environment.type_declarations:
        spelling = c.environment.type_declarations[guess][1].name.text
    elif guess in c.environment.pous:
        spelling = c.environment.pous[guess].name
    return c.fail(
        "NAM004", name, f"There is no type or function block '{name.text}'. Did you mean '{spelling}'?", data=spelling
    )


def _string(c: Checker, spec: StringSpec, name: str) -> Type:
    if spec.length is None:
        return string_type(spec.wide)
    length = constant_integer(c, spec.length, "The length of a STRING")
    if length is None:
        return string_type(spec.wide)
    if not 1 <= length <= MAX_STRING_LENGTH:
        c.report("TYP025", spec.length, f"A STRING holds 1 to {MAX_STRING_LENGTH} characters, not {length}.")
        return string_type(spec.wide)
    return string_type(spec.wide, length)


def _base(c: Checker, name: Identifier, what: str) -> Elementary | None:
    kind = ELEMENTARY.get(name.key)
    if kind is not None and (kind in INTEGERS or kind in BIT_STRINGS):
        return kind
    c.dependencies.add(name.key)
    try:
        found = storage(c.environment.find_type(name.key) or UNKNOWN) if kind is None else kind
    except Recursive:
        found = UNKNOWN
    if isinstance(found, Elementary) and found in INTEGERS:
        return found
    c.report("TYP027", name, f"{what} is built on an integer type, not on {name.text}.")
    return None


def _subrange(c: Checker, spec: SubrangeSpec, name: str) -> Type:
    base = _base(c, spec.base, "A subrange")
    bounds: list[int] = []
    for node in (spec.low, spec.high):
        if base is None:
            c.value(node)
        elif c.expect(node, base):
            value = c.constant(node)
            if isinstance(value, int):
                bounds.append(value)
            elif c.types.get(node) is not UNKNOWN:
                c.report("TYP013", node, "A bound of a subrange is a constant integer.")
    if base is None or len(bounds) < 2:
        return UNKNOWN if base is None else base
    low, high = bounds
    if low > high:
        c.report("TYP014", spec.low, f"The range {low}..{high} is empty. Write the smaller bound first.")
        return base
    # ed. 3 6.4.4.4.3: the initial value is the lower bound
    return Subrange(name, base, low, high, low)


def _enumeration(c: Checker, spec: EnumSpec, name: str) -> Type:
    base = INT if spec.base is None else _base(c, spec.base, "An enumeration") or INT
    kind = Enumeration(name, base, {}, {}, 0)
    first: dict[str, Identifier] = {}
    number = 0
    for item in spec.values:
        key = item.name.key
        if item.value is not None:
            if item.value not in c.types and c.expect(item.value, base):
                value = c.constant(item.value)
                if isinstance(value, int):
                    number = value
                else:
                    c.report("TYP013", item.value, "The number of an enumerator is a constant integer.")
        elif number > base.high:
            c.report("TYP003", item, f"{number} does not fit {base.name}, the type of this enumeration.")
        if key in first:
            c.report(
                "NAM002",
                item.name,
                f"'{item.name.text}' is already a value of this enumeration.",
                (_first(first[key]),),
            )
        else:
            first[key] = item.name
            kind.values[key] = number
            kind.spelling[key] = item.name.text
        number += 1
    kind.default = next(iter(kind.values.values()), 0)
    if not name:
        enumerators = c.local_enumerators
        assert isinstance(enumerators, dict)
        for key, value in kind.values.items():
            enumerators.setdefault(key, EnumValueSymbol(kind, key, value))
    return kind


def _first(name: Identifier) -> Related:
    return Related(name.start, name.end, "The first declaration.")


def _array(c: Checker, spec: ArraySpec, name: str) -> Type:
    dimensions = tuple(_dimension(c, dimension) for dimension in spec.dimensions)
    element = resolve(c, spec.element)
    if element is UNKNOWN or UNKNOWN in dimensions:
        return UNKNOWN
    kind = Array(name, dimensions, element)  # type: ignore[arg-type]  # no dimension is UNKNOWN here
    if kind.size > MAX_ELEMENTS:
        return c.fail(
            "TYP014", spec, f"This array has {kind.size} elements; {MAX_ELEMENTS} is the most that Rung makes room for."
        )
    return kind


def _dimension(c: Checker, node: Dimension) -> tuple[int, int] | Type | None:
    if node.low is None or node.high is None:
        return None
    low = constant_integer(c, node.low, "A bound of an array")
    high = constant_integer(c, node.high, "A bound of an array")
    if low is None or high is None:
        return UNKNOWN
    if low > high:
        c.report("TYP014", node, f"The range {low}..{high} is empty. Write the smaller bound first.")
        return UNKNOWN
    return low, high


def _structure(c: Checker, spec: StructSpec, name: str) -> Type:
    kind = Structure(name)
    if name:
        c.environment.shells[name.upper()] = kind
    first: dict[str, Identifier] = {}
    for declaration in spec.fields:
        field_type = resolve(c, declaration.type)
        value = None
        if declaration.initial is not None:
            value = initial_value(c, declaration.initial, field_type)
        if declaration.address is not None:
            c.report(
                "LOC007",
                declaration.address,
                "A member of a structure cannot have an address. Locate a variable, and assign it to the member.",
            )
        for identifier in declaration.names:
            if identifier.key in first:
                c.report(
                    "NAM002",
                    identifier,
                    f"'{identifier.text}' is already a member of this structure.",
                    (_first(first[identifier.key]),),
                )
                continue
            first[identifier.key] = identifier
            kind.fields[identifier.key] = Field(identifier.text, identifier.key, field_type, value)
    return kind


def _reference(c: Checker, spec: ReferenceSpec, name: str) -> Type:
    target = spec.target
    if isinstance(target, NamedType):
        c.dependencies.add(target.name.key)
        shell = c.environment.shells.get(target.name.key)
        if shell is not None:
            return Reference(name, shell)
    kind = resolve(c, target)
    return Reference(name, kind)


def _error(c: Checker, spec: ErrorType, name: str) -> Type:
    return UNKNOWN


_SPECS: Final[Mapping[type, Callable[..., Type]]] = {
    NamedType: _named,
    StringSpec: _string,
    SubrangeSpec: _subrange,
    EnumSpec: _enumeration,
    ArraySpec: _array,
    StructSpec: _structure,
    ReferenceSpec: _reference,
    ErrorType: _error,
}
