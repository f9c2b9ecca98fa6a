"""Checking a program again after an edit: what it says is what a fresh check says, and what did not change is not checked again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from rung.semantics.analysis import analyse
from rung.semantics.model import Analysis, Pou, Program, StandardFunction, Variable
from rung.semantics.types import Block, Type
from rung.semantics.wording import type_name
from rung.syntax.parser import parse_unit
from rung.syntax.tree import Unit

# Pieces of programs that use each other; every one comes in several versions.
PIECES: dict[str, Sequence[str]] = {
    "types": (
        "TYPE Colour : (Red, Green); Size : INT := 5; Row : ARRAY[0..LAST] OF Size; END_TYPE",
        "TYPE Colour : (Red, Green, Blue); Size : INT := 5; Row : ARRAY[0..LAST] OF Size; END_TYPE",
        "TYPE Colour : (Red); Size : DINT; Row : ARRAY[0..3] OF Size; END_TYPE",
        "",
    ),
    "globals": (
        "VAR_GLOBAL CONSTANT LAST : INT := 9; END_VAR",
        "VAR_GLOBAL CONSTANT LAST : INT := 4; END_VAR",
        "VAR_GLOBAL LAST : REAL; Red : INT; END_VAR",
    ),
    "double": (
        "FUNCTION Double : Size VAR_INPUT v : Size; END_VAR Double := v * 2; END_FUNCTION",
        "FUNCTION Double : Size VAR_INPUT v : Size; END_VAR Double := v + v; END_FUNCTION",
        "FUNCTION Double : REAL VAR_INPUT v : REAL; END_VAR Double := v * 2.0; END_FUNCTION",
        "FUNCTION Double : Size VAR_INPUT v : Size; END_VAR Double := Twice(v); END_FUNCTION",
    ),
    "valve": (
        "FUNCTION_BLOCK Valve VAR_INPUT c : Colour; END_VAR VAR_OUTPUT s : Size; END_VAR s := Double(s); IF c = Red THEN s := 0; END_IF; "
        "END_FUNCTION_BLOCK",
        "FUNCTION_BLOCK Valve VAR_INPUT c : Colour; END_VAR VAR_OUTPUT s : Size; END_VAR s := 3; END_FUNCTION_BLOCK",
        "FUNCTION_BLOCK Valve VAR_INPUT c : INT; END_VAR VAR_OUTPUT t : Size; END_VAR VAR inner : Plant; END_VAR t := 1; END_FUNCTION_BLOCK",
    ),
    "plant": (
        "FUNCTION_BLOCK Plant VAR v : ARRAY[0..1] OF Valve; r : Row; END_VAR v[0](c := Green); r[LAST] := v[1].s; END_FUNCTION_BLOCK",
        "FUNCTION_BLOCK Plant VAR v : ARRAY[0..1] OF Valve; r : Row; END_VAR v[0](c := Blue); r[7] := Double(1); END_FUNCTION_BLOCK",
    ),
    "main": (
        "PROGRAM Main VAR p : Plant; v : Valve; END_VAR p(); v(); END_PROGRAM",
        "PROGRAM Main VAR p : Plant; v : Valve; x : INT := LAST; END_VAR v(c := Red); END_PROGRAM",
        "(* a comment before it *) PROGRAM Main VAR p : Plant; v : Valve; END_VAR p(); v(); lost := 1; END_PROGRAM",
    ),
    "other": (
        "",
        "FUNCTION Double : INT Double := 1; END_FUNCTION",
        "PROGRAM Second END_PROGRAM",
        "TYPE Lamp : (Red, Off); END_TYPE",
    ),
}

_CACHE: dict[str, Unit] = {}


def unit_of(text: str) -> Unit:
    """Equal text is the identical unit, as the project layer has it."""
    if text not in _CACHE:
        _CACHE[text] = parse_unit(text)
    return _CACHE[text]


def units_of(version: Sequence[int], fresh: bool = False) -> list[Unit]:
    texts = [choices[number % len(choices)] for choices, number in zip(PIECES.values(), version, strict=True)]
    return [parse_unit(text) if fresh else unit_of(text) for text in texts if text]


def findings(program: Program, units: Sequence[Unit]) -> list[tuple[object, ...]]:
    place = {unit: number for number, unit in enumerate(units)}
    return [
        (
            place[unit],
            item.code,
            item.start,
            item.end,
            item.message,
            [(r.start, r.end, r.message, r.unit and place[r.unit]) for r in item.related],
        )
        for unit, item in program.problems
    ]


def described(analysis: Analysis) -> Iterator[tuple[object, ...]]:
    """Everything that an analysis says about its tree, without the identity of anything."""
    for node, kind in analysis.types.items():
        symbol = analysis.symbols.get(node)
        name = symbol.key if symbol is not None else None
        converted = analysis.converted.get(node)
        yield (
            node.start,
            node.end,
            type_name(kind),
            converted and type_name(converted),
            str(analysis.constants.get(node)),
            name,
        )
    for call in analysis.calls.values():
        name = call.callee.name
        yield (
            name,
            [type_name(kind) for kind in call.callee.parameters] if isinstance(call.callee, StandardFunction) else None,
        )


def blocks_in(kind: Type) -> Iterator[Pou]:
    if isinstance(kind, Block):
        yield kind.pou


VERSIONS = st.lists(st.integers(0, 3), min_size=len(PIECES), max_size=len(PIECES))


@settings(max_examples=30, deadline=None)
@given(st.lists(VERSIONS, min_size=2, max_size=5))
def test_an_edited_program_is_checked_as_if_it_were_new(history: list[list[int]]) -> None:
    program: Program | None = None
    for version in history:
        units = units_of(version)
        program = analyse(units, program)
        fresh_units = units_of(version, fresh=True)
        fresh = analyse(fresh_units)
        assert findings(program, units) == findings(fresh, fresh_units)
        assert list(program.pous) == list(fresh.pous)
        assert list(program.types) == list(fresh.types)
        for key, analysis in program.analyses.items():
            assert sorted(map(str, described(analysis))) == sorted(map(str, described(fresh.analyses[key])))


@settings(max_examples=30, deadline=None)
@given(st.lists(VERSIONS, min_size=2, max_size=4))
def test_what_is_taken_over_agrees_with_what_is_new(history: list[list[int]]) -> None:
    """Every symbol that a body names is the one that the program declares."""
    program: Program | None = None
    for version in history:
        program = analyse(units_of(version), program)
        for key, analysis in program.analyses.items():
            assert analysis.pou is program.pous[key]
            for symbol in analysis.symbols.values():
                if (
                    isinstance(symbol, Variable)
                    and symbol.key in program.globals
                    and symbol.key not in analysis.pou.variables
                ):
                    owner = [pou for pou in program.pous.values() if pou.variables.get(symbol.key) is symbol]
                    assert owner or symbol is program.globals[symbol.key]
            for call in analysis.calls.values():
                if isinstance(call.callee, Pou) and call.callee.key in program.pous:
                    assert call.callee.variables is program.pous[call.callee.key].variables
            for variable in analysis.pou.variables.values():
                for pou in blocks_in(variable.type):
                    assert pou.variables is program.pous[pou.key].variables


def reused(before: Program, after: Program) -> set[str]:
    return {key for key, analysis in after.analyses.items() if before.analyses.get(key) is analysis}


def test_an_edit_in_a_body_checks_that_body_only() -> None:
    before = analyse(units_of([0] * len(PIECES)))
    after = analyse(units_of([0, 0, 1, 0, 0, 0, 0]), before)
    assert reused(before, after) == {"VALVE", "PLANT", "MAIN"}


def test_an_edit_of_a_signature_checks_its_users_again() -> None:
    before = analyse(units_of([0] * len(PIECES)))
    after = analyse(units_of([0, 0, 2, 0, 0, 0, 0]), before)
    assert reused(before, after) == {"PLANT", "MAIN"}


def test_an_edit_of_a_constant_checks_again_what_is_built_on_it() -> None:
    before = analyse(units_of([0] * len(PIECES)))
    after = analyse(units_of([0, 1, 0, 0, 0, 0, 0]), before)
    assert reused(before, after) == set()


def test_a_body_that_missed_a_name_is_checked_when_the_name_appears() -> None:
    before = analyse([unit_of("FUNCTION Half : INT Half := Third(6); END_FUNCTION")])
    third = unit_of("FUNCTION Third : INT VAR_INPUT v : INT; END_VAR Third := v / 3; END_FUNCTION")
    after = analyse([unit_of("FUNCTION Half : INT Half := Third(6); END_FUNCTION"), third], before)
    assert [problem.code for _, problem in before.problems] == ["CAL003"]
    assert after.problems == []


def test_the_place_of_a_declaration_is_found_in_the_unit_of_today() -> None:
    first = units_of([0] * len(PIECES))
    before = analyse(first)
    second = units_of([0, 0, 1, 0, 0, 0, 0])
    after = analyse(second, before)
    parameter = after.pous["DOUBLE"].variables["V"]
    assert after.environment is not None
    assert parameter.unit is not None
    now = after.environment.unit_now(parameter.unit)
    assert now in second
    assert parameter.identifier is not None
    assert now.text[parameter.identifier.start : parameter.identifier.end] == "v"


def test_a_suggestion_goes_with_the_name_that_it_suggests() -> None:
    library = "FUNCTION Pressure : INT\nVAR_INPUT x : INT; END_VAR\nPressure := x;\nEND_FUNCTION\n"
    main = "PROGRAM Main\nVAR i : INT; END_VAR\ni := Presure(i);\nEND_PROGRAM\n"
    units = [parse_unit(library), parse_unit(main)]
    before = analyse(units)
    assert "Pressure" in before.problems[0][1].message
    after = analyse([parse_unit(library.replace("Pressure", "Level")), units[1]], before)
    assert "Pressure" not in after.problems[0][1].message
