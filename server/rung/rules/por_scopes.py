"""POR020 to POR023, POR025, POR027: what the compiler on OpenPLC Runtime v3 takes in some places only: instances, globals, arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.por_targets import TITLES, V3, PouRule, ProgramRule, Targets
from rung.rules.por_walk import global_sections, global_variable
from rung.rules.registry import Rule
from rung.rules.snippets import configured, function, program
from rung.rules.walk import statements
from rung.semantics.model import IMPLICIT_EN, IMPLICIT_ENO, Analysis, Program, StandardFunction
from rung.semantics.types import UNKNOWN, Array, Block, Structure, Type, same_type, strip
from rung.semantics.wording import bounds_text
from rung.syntax.problem import Problem
from rung.syntax.tree import Assign, DirectAddress, Expr, Member, PouKind, SectionKind, StructInitial, Unit


def global_instance(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR020: a function block's instance among the globals."""
    for unit, section in global_sections(found):
        for item in section.declarations:
            variable = global_variable(found, item)
            kind = None if variable is None else strip(variable.type)
            if isinstance(kind, Block):
                text = (
                    f"{TITLES[target]} cannot compile a global instance of a function block: declare the instance of {kind.name} in the "
                    "PROGRAM that calls it, and make global what others need of it."
                )
                yield unit, Problem("POR020", item.type.start, item.type.end, text)


def instance_in_function(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR021: a function block's instance in a FUNCTION."""
    declaration, pou = analysis.pou.declaration, analysis.pou
    if declaration is None or pou.kind is not PouKind.FUNCTION:
        return
    for section in declaration.sections:
        for item in section.declarations:
            variable = pou.variables.get(item.names[0].key) if item.names else None
            kind = None if variable is None else strip(variable.type)
            if isinstance(kind, Block) and section.kind is not SectionKind.VAR_EXTERNAL:
                text = (
                    f"{TITLES[target]} takes no instance of {kind.name} in a FUNCTION: make '{pou.name}' a FUNCTION_BLOCK, or pass in what "
                    "it needs of the instance."
                )
                yield Problem("POR021", item.type.start, item.type.end, text)


def global_in_function(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR022: a global variable or an address in a FUNCTION."""
    declaration, pou = analysis.pou.declaration, analysis.pou
    if declaration is None or pou.kind is not PouKind.FUNCTION:
        return
    # What is constant is written as its value.
    used = {symbol for node, symbol in analysis.symbols.items() if node not in analysis.constants}
    for variable in pou.variables.values():
        name = variable.identifier
        if variable.section is SectionKind.VAR_EXTERNAL and variable in used and name is not None:
            text = f"{TITLES[target]} gives a FUNCTION no global variables: pass '{name.text}' as a parameter."
            yield Problem("POR022", name.start, name.end, text)
    for node in analysis.symbols:
        if isinstance(node, DirectAddress):
            text = f"{TITLES[target]} gives a FUNCTION no addresses: pass {node.text} as a parameter."
            yield Problem("POR022", node.start, node.end, text)


def other_bounds(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR023: a whole array given to one whose bounds are others."""
    for node, kind in _given(analysis):
        source, goal = strip(analysis.types.get(node, UNKNOWN)), strip(kind)
        if not isinstance(source, Array) or not isinstance(goal, Array) or same_type(source, goal):
            continue
        if None not in goal.dimensions:  # of those POR004 has said something
            text = (
                f"{TITLES[target]} copies arrays of the same bounds only, not [{_bounds(source)}] to [{_bounds(goal)}]: copy the elements in "
                "a FOR loop, or declare both alike."
            )
            yield Problem("POR023", node.start, node.end, text)


def _given(analysis: Analysis) -> Iterator[tuple[Expr, Type]]:
    """Yield each value, or place of an output, that is handed to a place of a type."""
    declaration = analysis.pou.declaration
    for statement in statements(declaration.body if declaration else ()):
        if isinstance(statement, Assign):
            yield statement.value, analysis.types.get(statement.target, UNKNOWN)
    for resolved in analysis.calls.values():
        fixed = resolved.callee.parameters if isinstance(resolved.callee, StandardFunction) else ()
        for number, argument in enumerate(resolved.arguments):
            if argument.parameter is not None:
                yield argument.expr, argument.parameter.type
            elif number < len(fixed):
                yield argument.expr, fixed[number]


def _bounds(kind: Array) -> str:
    return ", ".join(bounds_text(dimension) for dimension in kind.dimensions)


def initial_internal(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR025: an initial value for an array, structure or instance inside an instance; those of its inputs can be assigned."""
    declaration, pou = analysis.pou.declaration, analysis.pou
    for section in () if declaration is None else declaration.sections:
        for item in section.declarations:
            variable = pou.variables.get(item.names[0].key) if item.names else None
            kind = None if variable is None else strip(variable.type)
            if not isinstance(item.initial, StructInitial) or not isinstance(kind, Block):
                continue
            for field in item.initial.fields:
                member = kind.pou.variables.get(field.name.key)
                whole = member is not None and isinstance(strip(member.type), Array | Structure | Block)
                if whole and member is not None and member.section is not SectionKind.VAR_INPUT:
                    text = (
                        f"{TITLES[target]} gives no array, structure or instance inside an instance another initial value: write that of "
                        f"'{member.name}' in {kind.name}, or set it in the first scan."
                    )
                    yield Problem("POR025", field.start, field.end, text)


def assigned_enable(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR027: EN of an instance is written other than by a call."""
    for node, kind in _given_places(analysis):
        if isinstance(node, Member) and analysis.symbols.get(node) in (IMPLICIT_EN, IMPLICIT_ENO):
            text = f"{TITLES[target]} cannot assign {kind} of an instance: write it in the call, as in `instance({kind} := condition)`."
            yield Problem("POR027", node.start, node.end, text)


def _given_places(analysis: Analysis) -> Iterator[tuple[Expr, str]]:
    """Yield each place that is written, with the last name in it."""
    declaration = analysis.pou.declaration
    places: list[Expr] = [
        statement.target
        for statement in statements(declaration.body if declaration else ())
        if isinstance(statement, Assign)
    ]
    for resolved in analysis.calls.values():
        places += [argument.expr for argument in resolved.arguments if argument.output]
        places += [resolved.eno.expr] if resolved.eno is not None else []
    return ((place, place.name.key if isinstance(place, Member) else "") for place in places)


POU_RULES: Final[tuple[tuple[Targets, PouRule], ...]] = (
    ((V3,), instance_in_function),
    ((V3,), global_in_function),
    ((V3,), other_bounds),
    ((V3,), initial_internal),
    ((V3,), assigned_enable),
)
PROGRAM_RULES: Final[tuple[tuple[Targets, ProgramRule], ...]] = (((V3,), global_instance),)

_COUNTED: Final = (
    "FUNCTION_BLOCK Counted\nVAR_OUTPUT\n    number : INT;\nEND_VAR\nVAR\n    limits : ARRAY[0..1] OF INT;\nEND_VAR\n"
    "number := number + limits[0];\nEND_FUNCTION_BLOCK\n"
)
RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "POR020", "global-instance", "error", "Target takes no global function block",
        "The C that OpenPLC Runtime v3 makes of a global instance of a function block does not compile, so the machine would go without a "
        "program.",
        "Declare the instance in a PROGRAM, and make global what others need of it.",
        configured("VAR_EXTERNAL t : TON; END_VAR\nt(IN := NOT t.Q, PT := T#1s);", "VAR_GLOBAL t : TON; END_VAR"),
        configured("VAR t : TON; END_VAR\nt(IN := NOT t.Q, PT := T#1s);"),
        ("IEC 61131-3, 6.5.2",),
        targets=(V3,),
    ),
    Rule(
        "POR021", "instance-in-function", "error", "Target takes no function block in a FUNCTION",
        "The compiler on OpenPLC Runtime v3 takes only plain variables in a FUNCTION. An instance there would forget its state with every "
        "call anyway.",
        "Make it a FUNCTION_BLOCK.",
        "FUNCTION Rises : BOOL\nVAR_INPUT\n    clk : BOOL;\nEND_VAR\nVAR\n    edge : R_TRIG;\nEND_VAR\nedge(CLK := clk);\nRises := edge.Q;\n"
        "END_FUNCTION\n",
        "FUNCTION_BLOCK Rises\nVAR_INPUT\n    clk : BOOL;\nEND_VAR\nVAR_OUTPUT\n    q : BOOL;\nEND_VAR\nVAR\n    edge : R_TRIG;\nEND_VAR\n"
        "edge(CLK := clk);\nq := edge.Q;\nEND_FUNCTION_BLOCK\n",
        ("IEC 61131-3, 6.6.2",),
        targets=(V3,),
    ),
    Rule(
        "POR022", "global-in-function", "error", "Target gives a FUNCTION no globals",
        "The compiler on OpenPLC Runtime v3 lets a FUNCTION work on its parameters only: VAR_EXTERNAL and addresses are for programs and "
        "function blocks.",
        "Pass the value as a parameter, or make it a FUNCTION_BLOCK.",
        function("i : INT;", "Sum := i + %IW0;"),
        function("i, offset : INT;", "Sum := i + offset;"),
        ("IEC 61131-3, 6.6.2",),
        targets=(V3,),
    ),
    Rule(
        "POR023", "array-bounds-differ", "error", "Target copies arrays of the same bounds only",
        "To the compiler on OpenPLC Runtime v3 arrays with other bounds are other types, even if they have as many elements.",
        "Declare both arrays alike, or copy the elements in a FOR loop.",
        program("a : ARRAY[0..2] OF INT;\nb : ARRAY[1..3] OF INT;", "a := b;"),
        program("a : ARRAY[0..2] OF INT;\nb : ARRAY[0..2] OF INT;", "a := b;"),
        targets=(V3,),
    ),
    Rule(
        "POR025", "initial-value-inside", "error", "Target cannot initialise an array inside an instance",
        "On OpenPLC Runtime v3 the declaration of an instance can give its elementary variables and its inputs other initial values, but not "
        "the arrays, structures and instances that it puts out or keeps inside.",
        "Write the initial value where the function block declares the variable.",
        _COUNTED + program("c : Counted := (limits := [2, 3]);", "c();"),
        _COUNTED + program("c : Counted := (number := 2);", "c();"),
        targets=(V3,),
    ),
    Rule(
        "POR027", "assigned-enable", "error", "Target takes EN in a call only",
        "On OpenPLC Runtime v3 the EN of an instance is an argument of its call and no variable that an assignment could set.",
        "Write the condition in the call.",
        program("t : TON;\nb : BOOL;", "t.EN := b;\nt(IN := NOT t.Q, PT := T#1s);\nb := t.Q;"),
        program("t : TON;\nb : BOOL;", "t(EN := b, IN := NOT t.Q, PT := T#1s);\nb := t.Q;"),
        ("IEC 61131-3, 6.6.1.5",),
        targets=(V3,),
    ),
)  # fmt: skip
