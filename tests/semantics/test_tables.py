"""What the code generator relies on: in a program without errors the tables of every body are complete and agree with each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from rung.semantics.analysis import analyse
from rung.semantics.codes import CODES
from rung.semantics.model import Analysis, EnumValueSymbol, Pou, Program, Variable
from rung.semantics.types import BOOL, UNKNOWN, Array, Elementary, Enumeration, Family, StringType, same_type, storage
from rung.semantics.widening import PENDING
from rung.syntax.parser import parse_file
from rung.syntax.tree import (
    Assign,
    Binary,
    Call,
    DirectAddress,
    EnumLiteral,
    ExprStatement,
    If,
    Literal,
    Member,
    NameExpr,
    PouDecl,
    Unary,
    While,
)
from semantics.test_programs_that_pass import PASSES

EXAMPLES = sorted(path for path in (Path(__file__).parents[2] / "examples").iterdir() if path.is_dir())
TIMES = {Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME}


def nodes_in(value: object) -> Iterator[object]:
    """Every node of a tree, parents first."""
    if isinstance(value, list):
        for item in value:
            yield from nodes_in(item)
    elif is_dataclass(value) and hasattr(value, "start"):
        yield value
        for part in fields(value):
            yield from nodes_in(getattr(value, part.name))


def sources() -> Iterator[tuple[str, str]]:
    yield from PASSES.items()
    for folder in EXAMPLES:
        yield folder.name, "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.st")))


ALL = dict(sources())


def typed(name: str) -> Program:
    program = analyse([unit for _, unit in parse_file(ALL[name])])
    assert not [problem for _, problem in program.problems if CODES[problem.code][0] == "error"]
    return program


def bodies(name: str) -> Iterator[tuple[Analysis, list[object]]]:
    for analysis in typed(name).analyses.values():
        declaration = analysis.pou.declaration
        assert isinstance(declaration, PouDecl)
        yield analysis, list(nodes_in(declaration.body))


@pytest.mark.parametrize("name", ALL)
def test_every_expression_has_a_final_type(name: str) -> None:
    for analysis, nodes in bodies(name):
        functions = {node.callee for node, call in analysis.calls.items() if isinstance(node.callee, NameExpr)}
        alone = {node.expr for node in nodes if isinstance(node, ExprStatement)}
        for node in nodes:
            if isinstance(node, (Literal, NameExpr, Member, Binary, Unary, Call, DirectAddress, EnumLiteral)):
                if isinstance(node, NameExpr) and node not in analysis.types:
                    assert any(
                        isinstance(m, Member) and m.base is node and isinstance(analysis.symbols[m], EnumValueSymbol)
                        for m in nodes
                    )
                    continue
                kind = analysis.types[node]
                assert kind not in PENDING
                assert kind is not UNKNOWN or node in functions or node in alone
                assert analysis.used_type(node) not in PENDING


@pytest.mark.parametrize("name", ALL)
def test_what_meets_has_one_type(name: str) -> None:
    for analysis, nodes in bodies(name):
        used = analysis.used_type
        for node in nodes:
            if isinstance(node, Assign):
                target, value = analysis.types[node.target], used(node.value)
                one, two = storage(target), storage(value)
                assert same_type(target, value) or isinstance(one, Array), (target, value)
                if isinstance(one, StringType):
                    assert one is two
            elif isinstance(node, Binary):
                left, right = storage(used(node.left)), storage(used(node.right))
                if (
                    isinstance(left, Elementary)
                    and isinstance(right, Elementary)
                    and {left.family, right.family} & TIMES
                ):
                    continue
                assert same_type(left, right), (node.op, left, right)
            elif isinstance(node, While):
                assert storage(used(node.condition)) is BOOL
            elif isinstance(node, If):
                assert all(storage(used(branch.condition)) is BOOL for branch in node.branches)


@pytest.mark.parametrize("name", ALL)
def test_constants_are_values_of_their_type(name: str) -> None:
    for analysis, _ in bodies(name):
        parts = {
            part
            for node in analysis.types
            if isinstance(node, (Binary, Unary))
            for part in nodes_in(node)
            if part is not node
        }
        for node, value in analysis.constants.items():
            kind = storage(analysis.types[node])
            if isinstance(kind, Enumeration):
                assert value in kind.values.values()
            elif isinstance(kind, Elementary):
                assert isinstance(value, bool) == (kind is BOOL)
                assert isinstance(value, float) == (kind.family is Family.REAL)
                # A part of a folded expression may lie outside: 300 - 100 is a BYTE.
                if isinstance(value, int) and node not in parts:
                    assert kind.low <= value <= kind.high


@pytest.mark.parametrize("name", ALL)
def test_calls_are_bound(name: str) -> None:
    for analysis, nodes in bodies(name):
        for node in nodes:
            if isinstance(node, Call):
                call = analysis.calls[node]
                if isinstance(call.callee, Pou):
                    order = list(call.callee.variables)
                    places = [
                        order.index(argument.parameter.key)
                        for argument in call.arguments
                        if argument.parameter is not None
                    ]
                    assert places == sorted(places)
                else:
                    assert len(call.callee.parameters) == len(call.arguments)
                    for argument, kind in zip(call.arguments, call.callee.parameters, strict=True):
                        have = storage(analysis.used_type(argument.expr))
                        assert same_type(have, kind) or isinstance(have, (StringType, Array)), (
                            call.callee.name,
                            have,
                            kind,
                        )


@pytest.mark.parametrize("name", ALL)
def test_pous_stand_after_what_they_use(name: str) -> None:
    program = typed(name)
    seen: set[str] = set()
    for key, pou in program.pous.items():
        seen.add(key)
        for call in program.analyses[key].calls.values():
            assert not isinstance(call.callee, Pou) or call.callee.declaration is None or call.callee.key in seen
        assert all(isinstance(variable, Variable) for variable in pou.variables.values())
