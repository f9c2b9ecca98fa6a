"""Lines and columns in the units that editors count in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.syntax.lines import LineIndex, Units

UNITS: tuple[Units, ...] = ("utf-8", "utf-16", "utf-32")


def test_each_unit_counts_in_its_own_way() -> None:
    index = LineIndex("é😀x")
    assert [index.position(2, units) for units in UNITS] == [(0, 6), (0, 3), (0, 2)]
    assert [index.offset(0, column, units) for column, units in zip((6, 3, 2), UNITS, strict=True)] == [2, 2, 2]


def test_every_line_end_counts_once() -> None:
    index = LineIndex("a\r\nb\rc\nd")
    assert [index.position(offset) for offset in (0, 3, 5, 7)] == [(0, 0), (1, 0), (2, 0), (3, 0)]
    assert index.count == 4
    assert [(index.line_start(line), index.line_end(line)) for line in range(4)] == [(0, 1), (3, 4), (5, 6), (7, 8)]


@pytest.mark.parametrize(("line", "column", "offset"), [(0, 99, 2), (99, 0, 5), (-1, 5, 0), (0, -3, 0), (1, 99, 5)])
def test_a_place_outside_gives_the_nearest_inside(line: int, column: int, offset: int) -> None:
    assert LineIndex("ab\ncd").offset(line, column) == offset


def test_half_a_character_is_its_beginning() -> None:
    assert LineIndex("😀").offset(0, 1, "utf-16") == 0


@given(st.text(alphabet="ab\n\ré😀", max_size=40), st.sampled_from(UNITS))
def test_there_and_back(text: str, units: Units) -> None:
    index = LineIndex(text)
    for offset in range(len(text) + 1):
        line, column = index.position(offset, units)
        inside_line_end = text[offset - 1 : offset + 1] == "\r\n"
        assert index.offset(line, column, units) == offset - inside_line_end


@given(st.text(max_size=40), st.integers(-5, 50), st.sampled_from(UNITS))
def test_any_offset_has_a_position(text: str, offset: int, units: Units) -> None:
    index = LineIndex(text)
    line, column = index.position(offset, units)
    assert 0 <= line < index.count
    assert column >= 0
