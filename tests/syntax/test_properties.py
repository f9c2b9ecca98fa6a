"""What holds for every text, however broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rung.syntax.lexer import lex
from rung.syntax.parser import parse_file, parse_unit
from rung.syntax.problem import Problem
from rung.syntax.source import decode
from rung.syntax.split import split
from rung.syntax.tree import Unit
from syntax import programs

quick = settings(max_examples=150, deadline=None)
slower = settings(max_examples=50, deadline=None)


def children(node: object) -> Iterator[object]:
    for item in dataclasses.fields(node):  # type: ignore[arg-type]  # every node is a dataclass
        value = getattr(node, item.name)
        for part in value if isinstance(value, list) else [value]:
            if dataclasses.is_dataclass(part) and not isinstance(part, Problem):
                yield part


def check_spans(node: object, low: int, high: int) -> None:
    stack = [(node, low, high)]
    while stack:
        here, low, high = stack.pop()
        start, end = getattr(here, "start"), getattr(here, "end")  # noqa: B009 - nodes share no base class
        assert low <= start <= end <= high, (here, low, high)
        stack += [(child, start, end) for child in children(here)]


@quick
@given(programs.anything)
@example("a : = ")
@example("(* (* *)")
@example("\ufeffPROGRAM a\r\nEND_PROGRAM")
def test_any_text_gives_a_tree_whose_spans_nest(text: str) -> None:
    for offset, unit in parse_file(text):
        assert text.startswith(unit.text, offset)
        for declaration in unit.declarations:
            check_spans(declaration, 0, len(unit.text))
        for problem in unit.problems:
            assert 0 <= problem.start <= problem.end <= len(unit.text)


@quick
@given(st.binary(max_size=200))
def test_any_bytes_give_a_text(data: bytes) -> None:
    text, problems = decode(data)
    parse_file(text)
    assert all(0 <= problem.start <= problem.end <= max(1, len(text)) for problem in problems)


@quick
@given(programs.anything)
def test_tokens_and_trivia_and_blanks_give_the_text_back(text: str) -> None:
    tokens = lex(text)
    pieces = sorted(
        [(start, start + len(word)) for start, word in zip(tokens.starts, tokens.texts, strict=True)]
        + [(start, end) for _, start, end in tokens.trivia]
    )
    place = 0
    for start, end in pieces:
        assert start >= place
        assert text[place:start].strip(" \t\r\n\f\v\ufeff\x1c\x1d\x1e\x1f\x85\xa0") == "" or text[place:start].isspace()
        place = max(place, end)
    for start, word in zip(tokens.starts, tokens.texts, strict=True):
        assert text.startswith(word, start)


@quick
@given(programs.anything)
def test_units_put_together_are_the_file(text: str) -> None:
    starts = split(text)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert "".join(unit.text for _, unit in parse_file(text)) == text


@slower
@given(programs.files)
def test_a_correct_file_has_no_problem_and_one_declaration_per_unit(text: str) -> None:
    units = [unit for _, unit in parse_file(text)]
    assert [problem.message for unit in units for problem in unit.problems] == []
    assert all(len(unit.declarations) <= 1 for unit in units)


@slower
@given(programs.files)
def test_a_correct_file_reads_the_same_in_one_piece_and_in_units(text: str) -> None:
    whole = parse_unit(text)
    parts = parse_file(text)
    assert whole.problems == []
    assert [shape(item, 0) for item in whole.declarations] == [
        shape(item, offset) for offset, unit in parts for item in unit.declarations
    ]


@slower
@given(programs.pous(), programs.anything)
def test_a_unit_reads_the_same_whatever_follows_it(pou: str, rest: str) -> None:
    text = f"{pou}\n{rest}"
    first = split(text)
    end = first[1] if len(first) > 1 else len(text)
    alone = parse_unit(text[:end])
    assert shape_of_unit(parse_file(text)[0][1]) == shape_of_unit(alone)


def shape(node: object, offset: int) -> object:
    """A tree as plain data, so that two trees can be compared."""
    if isinstance(node, list):
        return [shape(item, offset) for item in node]
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        values = [
            getattr(node, item.name) + offset
            if item.name in ("start", "end", "op_start", "header_end")
            else shape(getattr(node, item.name), offset)
            for item in dataclasses.fields(node)
        ]
        return (type(node).__name__, values)
    return node


def shape_of_unit(unit: Unit) -> object:
    return [shape(item, 0) for item in unit.declarations], unit.problems


@pytest.mark.parametrize("text", ["", " ", "\n", ";", "END_PROGRAM", "\0", "\ud800"])
def test_texts_of_almost_nothing(text: str) -> None:
    assert "".join(unit.text for _, unit in parse_file(text)) == text
