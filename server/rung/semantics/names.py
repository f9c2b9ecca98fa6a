"""What stands for a value by itself: literals, names, members, elements, bits, direct addresses.

Invariant: a name that is not declared is reported once per body, where it first occurs.
"""

from __future__ import annotations

from math import isinf
from typing import Final

from rung.semantics import constants as folding
from rung.semantics.checker import Checker
from rung.semantics.environment import EVERY_NAME, Recursive
from rung.semantics.located import direct_type, direct_variable, parse_address
from rung.semantics.model import EnumValueSymbol, Variable
from rung.semantics.spelling import closest
from rung.semantics.types import (
    BOOL,
    CHAR,
    DEFAULT_STRING_LENGTH,
    ELEMENTARY,
    MAX_STRING_LENGTH,
    UNKNOWN,
    WCHAR,
    Alias,
    Block,
    Elementary,
    Enumeration,
    Family,
    Reference,
    StringType,
    Type,
    storage,
    string_type,
    strip,
)
from rung.semantics.widening import ANY_ENUMERATION, ANY_INTEGER, ANY_REAL, RANGES
from rung.semantics.wording import type_name
from rung.syntax.tree import (
    ArrayInitial,
    DirectAddress,
    EnumLiteral,
    ErrorExpr,
    Literal,
    LiteralKind,
    Member,
    NameExpr,
    PouKind,
    Repetition,
    SectionKind,
    StructInitial,
)

_SHORT_PREFIX: Final = {
    "T": "TIME", "LT": "LTIME", "D": "DATE", "LD": "LDATE", "TOD": "TIME_OF_DAY", "LTOD": "LTIME_OF_DAY",
    "DT": "DATE_AND_TIME", "LDT": "LDATE_AND_TIME",
}  # fmt: skip
NULL: Final = Reference("NULL", UNKNOWN)


def literal(c: Checker, node: Literal, hint: Type | None) -> Type:
    """A literal takes the type that the context wishes, if it is of that kind and fits."""
    kind = node.kind
    if node.prefix is not None:
        return _typed_literal(c, node, node.prefix)
    value = node.value
    if kind is LiteralKind.BOOL:
        c.types[node] = BOOL
        c.constants[node] = value
        return BOOL
    if hint is not None and hint.__class__ is Alias:
        hint = strip(hint)
    if kind is LiteralKind.INTEGER:
        assert isinstance(value, int)
        if hint.__class__ is Elementary:
            assert isinstance(hint, Elementary)
            bounds = RANGES.get(hint)
            if bounds is not None and bounds[0] <= value <= bounds[1]:
                c.types[node] = hint
                c.constants[node] = bool(value) if hint is BOOL else value
                return hint
        c.constants[node] = value
        return ANY_INTEGER
    if kind is LiteralKind.REAL:
        assert isinstance(value, float)
        if hint.__class__ is Elementary and hint.family is Family.REAL:
            assert hint is not None
            rounded = folding.round_real(value, hint)
            if isinf(rounded):
                c.types[node] = UNKNOWN
                return c.fail("TYP003", node, f"{value} is too large for {hint.name}.")
            c.types[node] = hint
            c.constants[node] = rounded
            return hint
        c.constants[node] = value
        return ANY_REAL
    assert isinstance(value, str)
    return _text(c, node, value, kind is LiteralKind.WSTRING, hint)


def _text(c: Checker, node: Literal, value: str, wide: bool, hint: Type | None) -> Type:
    c.constants[node] = value
    found: Type = string_type(wide)
    if isinstance(hint, StringType) and hint.wide == wide and len(value) <= hint.length:
        found = hint
    elif hint is (WCHAR if wide else CHAR) and len(value) == 1:
        found = WCHAR if wide else CHAR
    elif len(value) > MAX_STRING_LENGTH:
        c.report("TYP025", node, f"A text holds at most {MAX_STRING_LENGTH} characters; this one has {len(value)}.")
        found = UNKNOWN
    elif len(value) > DEFAULT_STRING_LENGTH:
        found = string_type(wide, len(value))
    c.types[node] = found
    return found


def _typed_literal(c: Checker, node: Literal, prefix: str) -> Type:
    value = node.value
    found: Type | None = ELEMENTARY.get(_SHORT_PREFIX.get(prefix, prefix))
    if prefix in ("STRING", "WSTRING"):
        assert isinstance(value, str)
        return _text(c, node, value, prefix == "WSTRING", None)
    if not isinstance(found, Elementary):
        c.types[node] = UNKNOWN
        return c.fail("NAM004", node, f"There is no type '{prefix}'.")
    c.types[node] = found
    if found.family is Family.REAL and isinstance(value, (int, float)):
        value = folding.round_real(float(value), found)
    elif found is BOOL and value in (0, 1):
        value = bool(value)
    elif isinstance(value, int) and not found.low <= value <= found.high:
        c.types[node] = UNKNOWN
        return c.fail("TYP003", node, f"{value} does not fit {found.name}, which holds {found.low} to {found.high}.")
    c.constants[node] = value
    return found


def name(c: Checker, node: NameExpr, hint: Type | None) -> Type:
    """A bare name: a variable of the POU, an enumerator, a global variable."""
    key = node.key
    variable = c.scope.get(key)
    if variable is None:
        return _outer_name(c, node, hint)
    kind = variable.type
    if hint is not None and hint.__class__ is not Elementary:
        wanted = strip(hint)
        if isinstance(wanted, Enumeration) and key in wanted.values and not isinstance(strip(kind), Enumeration):
            # A variable of another type cannot stand here, so the value of the same name is meant.
            return c.resolve_enumerator(node, EnumValueSymbol(wanted, key, wanted.values[key]))
    c.symbols[node] = variable
    c.types[node] = kind
    return _constant(c, node, variable) if variable.constant else kind


def _constant(c: Checker, node: NameExpr, variable: Variable) -> Type:
    """Fold a CONSTANT variable of a simple type; one without a value had a bad initial value, which has been reported."""
    value = variable.initial
    if variable.section is SectionKind.VAR_INPUT:
        return variable.type
    if value is None:
        if not isinstance(storage(variable.type), _FOLDED):
            return variable.type
        c.types[node] = UNKNOWN
        return UNKNOWN
    if value.__class__ in _SCALARS:
        c.constants[node] = value
    return variable.type


_SCALARS: Final = frozenset({bool, int, float, str})
_FOLDED: Final = (Elementary, StringType, Enumeration)


def _outer_name(c: Checker, node: NameExpr, hint: Type | None) -> Type:
    key = node.key
    wanted = strip(hint) if hint is not None else None
    if isinstance(wanted, Enumeration) and key in wanted.values:
        return c.resolve_enumerator(node, EnumValueSymbol(wanted, key, wanted.values[key]))
    local = c.local_enumerators.get(key)
    if local is not None:
        return c.resolve_enumerator(node, local)
    c.dependencies.add(key)
    try:
        variable = c.environment.find_global(key)
    except Recursive:
        c.types[node] = UNKNOWN
        return c.fail("NAM012", node, f"The value of '{node.text}' depends on itself.")
    if variable is not None:
        return _global(c, node, variable)
    found = c.environment.find_enumerators(key)
    if len(found) == 1:
        return c.resolve_enumerator(node, found[0])
    if found:
        return ANY_ENUMERATION
    if key == "NULL":
        # NULL is of the reference type that its context has (ed. 3 6.4.4.10.2).
        null = wanted if isinstance(wanted, Reference) else NULL
        c.types[node] = null
        return null
    c.types[node] = UNKNOWN
    return undeclared(c, node)


def _global(c: Checker, node: NameExpr, variable: Variable) -> Type:
    c.symbols[node] = variable
    c.types[node] = variable.type
    # A declaration outside every POU sees all globals; a body sees those of a CONFIGURATION through VAR_EXTERNAL (ed. 3 6.5.2.2).
    if c.pou.declaration is not None and node.key not in c.environment.top_globals and node.key not in c.reported_names:
        c.reported_names.add(node.key)
        c.report(
            "NAM010", node, f"'{variable.name}' is a global variable. Declare it in this POU before it is used here: "
            f"VAR_EXTERNAL {variable.name} : {type_name(variable.type)}; END_VAR", data=variable.name,
        )  # fmt: skip
    return _constant(c, node, variable) if variable.constant else variable.type


def undeclared(c: Checker, node: NameExpr) -> Type:
    """Report a name that nothing declares, with what may have been meant."""
    key = node.key
    if key in c.reported_names or c.doubtful:
        return UNKNOWN
    c.reported_names.add(key)
    kind = ELEMENTARY.get(key) or c.environment.find_type(key)
    if kind is not None and not (isinstance(kind, Block) and kind.pou.kind is not PouKind.FUNCTION_BLOCK):
        return c.fail(
            "NAM011",
            node,
            f"'{node.text}' is a type, not a variable. Declare a variable of this type and use its name here.",
        )
    function = c.environment.find_function(key)
    if function is not None and function.kind is PouKind.PROGRAM:
        return c.fail("NAM011", node, f"'{node.text}' is a PROGRAM, not a variable.")
    if function is not None:
        return c.fail(
            "NAM011", node, f"'{node.text}' is a function. A function is called with parentheses: {node.text}(...)."
        )
    # Whatever is found here by its spelling may be declared tomorrow under the very name, which is why `key` is a dependency.
    c.dependencies.add(EVERY_NAME)
    guess = closest(key, [*c.scope, *c.environment.globals, *c.local_enumerators, *c.environment.owners])
    if guess is None:
        return c.fail("NAM001", node, f"'{node.text}' is not declared. Declare it in a VAR section of {c.pou.name}.")
    spelling = _spelling(c, guess)
    return c.fail("NAM001", node, f"'{node.text}' is not declared. Did you mean '{spelling}'?", data=spelling)


def _spelling(c: Checker, key: str) -> str:
    variable = c.scope.get(key) or c.environment.globals.get(key)
    if variable is not None:
        return variable.name
    symbols = c.environment.find_enumerators(key) or [symbol for symbol in [c.local_enumerators.get(key)] if symbol]
    kind = symbols[0].type if symbols else None
    return kind.spelling[key] if isinstance(kind, Enumeration) else key


def enumeration(c: Checker, key: str) -> Enumeration | None:
    """Return the enumeration of this name, if there is one."""
    c.dependencies.add(key)
    try:
        kind = c.environment.find_type(key)
    except Recursive:
        return None
    base = None if kind is None else strip(kind)
    return base if isinstance(base, Enumeration) else None


def enum_literal(c: Checker, node: EnumLiteral, hint: Type | None) -> Type:
    """`Colour#Red`."""
    kind = enumeration(c, node.type_name.key)
    c.types[node] = UNKNOWN
    if kind is None:
        if c.environment.find_type(node.type_name.key) is not None:
            return c.fail("NAM006", node.type_name, f"'{node.type_name.text}' is not an enumeration.")
        c.dependencies.add(EVERY_NAME)
        guess = closest(node.type_name.key, (key for keys in c.environment.owners.values() for key in keys))
        remedy = f" Did you mean '{type_name(c.environment.types[guess])}'?" if guess in c.environment.types else ""
        return c.fail("NAM004", node.type_name, f"There is no type '{node.type_name.text}'.{remedy}")
    return enumerator(c, node, kind, node.name.key, node.name.text)


def enumerator(c: Checker, node: EnumLiteral | Member, kind: Enumeration, key: str, text: str) -> Type:
    """Resolve a value of a named enumeration."""
    if key in kind.values:
        return c.resolve_enumerator(node, EnumValueSymbol(kind, key, kind.values[key]))
    guess = closest(key, kind.values)
    remedy = (
        f"Did you mean '{kind.spelling[guess]}'?" if guess else f"Its values are {', '.join(kind.spelling.values())}."
    )
    return c.fail(
        "NAM006",
        node.name,
        f"{type_name(kind)} has no value '{text}'. {remedy}",
        data=kind.spelling[guess] if guess else None,
    )


def direct_address(c: Checker, node: DirectAddress, hint: Type | None) -> Type:
    """`%IX0.0` in an expression; a number of its width if the context asks for one."""
    c.types[node] = UNKNOWN
    located, flaw = parse_address(node.text)
    if flaw is not None:
        c.report(flaw.code, node, flaw.message)
    elif located is None:
        c.report(
            "LOC001",
            node,
            f"{node.text} has no number yet, so nothing can be read or written there: write a full address, as in %IX0.0.",
        )
    if located is None:
        return UNKNOWN
    kind = direct_type(located)
    c.symbols[node] = direct_variable(located, kind)
    c.types[node] = kind
    return kind


def misplaced_initial(c: Checker, node: ArrayInitial | StructInitial | Repetition, hint: Type | None) -> Type:
    """`[1, 2]` or `(a := 1)` where it is no initial value."""
    c.types[node] = UNKNOWN
    return c.fail(
        "TYP016",
        node,
        "A list of values may only stand as an initial value in a declaration. Assign the elements one by one.",
    )


def error(c: Checker, node: ErrorExpr, hint: Type | None) -> Type:
    """The parser has reported it."""
    c.types[node] = UNKNOWN
    return UNKNOWN
