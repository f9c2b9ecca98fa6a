"""Variable sections: from a POU's header, or a VAR_GLOBAL, to variables (ed. 3 6.5).

Invariant: variables stand in declaration order, though CONSTANT sections are read first, so that bounds and initial values may use a
constant that is declared further down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rung.semantics.checker import Checker
from rung.semantics.environment import Recursive
from rung.semantics.initial import initial_value
from rung.semantics.located import check_type, parse_address
from rung.semantics.model import Located, Variable
from rung.semantics.spelling import closest
from rung.semantics.types import (
    BOOL,
    UNKNOWN,
    Array,
    Constant,
    Elementary,
    Enumeration,
    StringType,
    Type,
    default_value,
    same_type,
    storage,
    strip,
)
from rung.semantics.typespecs import resolve
from rung.semantics.wording import described, type_name
from rung.syntax.problem import Related
from rung.syntax.tree import Address, Identifier, PouDecl, PouKind, SectionKind, VariableDecl, VarSection

_SIMPLE: Final = (Elementary, StringType, Enumeration)
_MISPLACED: Final = frozenset({SectionKind.VAR_GLOBAL, SectionKind.VAR_CONFIG, SectionKind.VAR_ACCESS})
_NO_INITIAL: Final = {
    SectionKind.VAR_IN_OUT: "An in-out is the caller's variable and has no initial value of its own.",
    SectionKind.VAR_EXTERNAL: "VAR_EXTERNAL names a global variable; its initial value stands in VAR_GLOBAL.",
}


def header(c: Checker, declaration: PouDecl, variables: dict[str, Variable]) -> Type | None:
    """Read a POU's header into `variables`, and return the type of a FUNCTION's result."""
    sections = declaration.sections
    result: Type | None = None
    if declaration.result is not None:
        result = resolve(c, declaration.result)
        if declaration.kind is PouKind.FUNCTION:
            name = declaration.name
            variables[name.key] = Variable(
                name.text, name.key, result, SectionKind.VAR_OUTPUT, identifier=name, unit=c.unit
            )
    constants_first = sorted(sections, key=lambda section: "CONSTANT" not in section.qualifiers)
    for section in constants_first:
        kind = section.kind
        if kind is SectionKind.VAR_ACCESS and declaration.kind is PouKind.PROGRAM:
            continue  # access paths of a program (6.5.2.1) declare no variables
        if kind in _MISPLACED:
            c.report(
                "NAM014",
                section,
                f"{kind.value} does not belong in a {declaration.kind.value}: move it into the CONFIGURATION.",
            )
            kind = SectionKind.VAR
        for item in section.declarations:
            variable_group(c, item, kind, section.qualifiers, variables, declaration)
    if constants_first != sections:
        _restore_order(sections, variables)
    return result


def _restore_order(sections: Sequence[VarSection], variables: dict[str, Variable]) -> None:
    declared = [name.key for section in sections for item in section.declarations for name in item.names]
    ordered = {key: variables[key] for key in dict.fromkeys([*variables]) if key not in set(declared)}
    ordered |= {key: variables[key] for key in declared if key in variables}
    variables.clear()
    variables.update(ordered)


def variable_group(
    c: Checker,
    item: VariableDecl,
    section: SectionKind,
    qualifiers: frozenset[str],
    variables: dict[str, Variable],
    pou: PouDecl | None,
) -> None:
    """Read `a, b : T := value;` and add its variables."""
    kind = resolve(c, item.type)
    value = _initial(c, item, section, kind)
    address = None if item.address is None else _address(c, item, item.address, kind, section, pou)
    constant = "CONSTANT" in qualifiers
    retain = "RETAIN" in qualifiers or "PERSISTENT" in qualifiers
    if (
        constant
        and item.initial is None
        and section is not SectionKind.VAR_EXTERNAL
        and isinstance(storage(kind), _SIMPLE)
    ):
        value = default_value(kind)
    if item.edge is not None and strip(kind) is not BOOL:
        c.report("TYP028", item, f"{item.edge}_EDGE watches a BOOL, not {described(kind)}.")
    for name in item.names:
        key = name.key
        earlier = variables.get(key)
        if earlier is not None:
            _duplicate(c, name, earlier)
            continue
        variable = Variable(
            name.text, key, kind, section, constant, retain, item.edge, value, address, None, name, c.unit
        )
        variables[key] = variable
        if section is SectionKind.VAR_EXTERNAL:
            _external(c, name, variable)
        elif section is not SectionKind.VAR_IN_OUT and section is not SectionKind.VAR_INPUT and _open(kind):
            c.report(
                "TYP014",
                item.type,
                "ARRAY[*] takes its bounds from the caller's variable, so it can only be an in-out or an input.",
            )


def _open(kind: Type) -> bool:
    array = strip(kind) if kind.__class__ is not Elementary else kind
    return isinstance(array, Array) and None in array.dimensions


def _initial(c: Checker, item: VariableDecl, section: SectionKind, kind: Type) -> Constant | None:
    if item.initial is None:
        return None
    refused = _NO_INITIAL.get(section)
    if refused is not None:
        c.report("TYP006", item.initial, refused)
        return None
    return initial_value(c, item.initial, kind)


def _address(
    c: Checker, item: VariableDecl, node: Address, kind: Type, section: SectionKind, pou: PouDecl | None
) -> Located | None:
    located, flaw = parse_address(node.text)
    if flaw is not None:
        c.report(flaw.code, node, flaw.message)
    if section is SectionKind.VAR_EXTERNAL:
        c.report("LOC007", node, "VAR_EXTERNAL names a global variable; its address stands in VAR_GLOBAL.")
        return None
    if pou is not None and pou.kind is PouKind.FUNCTION:
        c.report(
            "LOC007",
            node,
            "A variable of a FUNCTION lives during one call only and cannot have an address. Pass the value as an input.",
        )
        return None
    if located is None or (flaw is not None and located.area == "M"):
        # Programs number their flags `%MW0.0`, `%MW0.1`, ... and mean different variables: one place for all would mix them up.
        return None
    if pou is not None and pou.kind is PouKind.FUNCTION_BLOCK:
        c.report(
            "LOC008",
            node,
            f"Every instance of {pou.name.text} shares {located.text}. Pass the value as a parameter, or locate a variable of the PROGRAM.",
        )
    wrong = None if kind is UNKNOWN else check_type(located, kind)
    if wrong is not None:
        c.report(wrong.code, node, wrong.message)
        return None
    if len(item.names) > 1:
        c.report(
            "LOC009",
            node,
            f"'{item.names[0].text}' and '{item.names[1].text}' cannot both be at {located.text}: declare them one by one.",
        )
    return located


def _duplicate(c: Checker, name: Identifier, earlier: Variable) -> None:
    related = (
        ()
        if earlier.identifier is None
        else (Related(earlier.identifier.start, earlier.identifier.end, "The first declaration."),)
    )
    if earlier.key == c.pou.key and earlier.section is SectionKind.VAR_OUTPUT and c.pou.kind is PouKind.FUNCTION:
        c.report(
            "NAM002", name, f"'{name.text}' is the name of the FUNCTION, which stands for its result here.", related
        )
        return
    c.report("NAM002", name, f"'{name.text}' is already declared in {c.pou.name or 'this section'}.", related)


def _external(c: Checker, name: Identifier, variable: Variable) -> None:
    """Tie a VAR_EXTERNAL to the global variable of its name (6.5.2.2)."""
    c.dependencies.add(name.key)
    try:
        found = c.environment.find_global(name.key)
    except Recursive:
        found = None
    if found is None:
        guess = closest(name.key, c.environment.globals)
        spelling = c.environment.globals[guess].name if guess else None
        remedy = (
            f"Did you mean '{spelling}'?"
            if spelling
            else "Declare it in VAR_GLOBAL of the CONFIGURATION or of a RESOURCE."
        )
        c.report("NAM008", name, f"There is no global variable '{name.text}'. {remedy}", data=spelling)
        return
    variable.target = found
    variable.constant = variable.constant or found.constant
    if found.constant:
        variable.initial = found.initial
    declared = () if found.identifier is None else (
        Related(found.identifier.start, found.identifier.end, "The global variable.", None if found.unit is c.unit else found.unit),
    )  # fmt: skip
    if not _same_shape(found.type, variable.type):
        c.report("NAM009", name, f"The global variable '{found.name}' is {described(found.type)}, not {described(variable.type)}. "
                 f"Write VAR_EXTERNAL {found.name} : {type_name(found.type)}; END_VAR", declared, type_name(found.type))  # fmt: skip
        variable.type = found.type


def _same_shape(have: Type, declared: Type) -> bool:
    return have is UNKNOWN or declared is UNKNOWN or same_type(have, declared) or _same_text(have, declared)


def _same_text(have: Type, declared: Type) -> bool:
    """Two anonymous types that read alike (an enumeration or structure written in place) are two objects of one shape."""
    return bool(type_name(have)) and type_name(have) == type_name(declared)
