"""Values of a board's variables are shown as the language writes them, and what is shown can be typed."""

from __future__ import annotations

import pytest

from rung.boards.value_text import value_of, value_text
from rung.codegen.artefact import Leaf
from rung.runtimes.debug_values import Value

_S = 1_000_000_000
_DAY = 86_400 * _S


def leaf(kind: str, size: int = 4) -> Leaf:
    return Leaf(0, 0, "MAIN.X", kind, size)


@pytest.mark.parametrize(
    ("kind", "size", "value", "shown"),
    [
        ("BOOL", 1, True, "TRUE"),
        ("INT", 2, -7, "-7"),
        ("BYTE", 1, 10, "16#0A"),
        ("WORD", 2, 255, "16#00FF"),
        ("REAL", 4, 0.10000000149011612, "0.1"),
        ("REAL", 4, 2.0, "2.0"),
        ("REAL", 4, 1e20, "1.0e+20"),
        ("LREAL", 8, 0.1, "0.1"),
        ("TIME", 8, 0, "T#0s"),
        ("TIME", 8, 61_500_000_000, "T#1m1s500ms"),
        ("TIME", 8, -250_000_000, "-T#250ms"),
        ("TOD", 8, 8 * 3600 * _S + 30 * 60 * _S, "TOD#08:30:00"),
        ("TOD", 8, 1_500_000_000, "TOD#00:00:01.5"),
        ("DATE", 8, 31 * _DAY, "D#1970-02-01"),
        ("DT", 8, _DAY + 3 * _S, "DT#1970-01-02-00:00:03"),
        ("STRING", 11, "it's $5", "'it$'s $$5'"),
        ("WSTRING", 11, 'a"b', '"a$"b"'),
    ],
)
def test_what_is_shown_can_be_typed(kind: str, size: int, value: Value, shown: str) -> None:
    assert value_text(leaf(kind, size), value) == shown
    again = value_of(leaf(kind, size), shown)
    assert again == pytest.approx(value) if kind == "REAL" else again == value


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("BOOL", "true", True),
        ("BOOL", "0", False),
        ("BOOL", "BOOL#1", True),
        ("INT", "INT#16#FF", 255),
        ("INT", "1_000", 1000),
        ("TIME", "1.5s", 1_500_000_000),
        ("TIME", "TIME#2m", 120 * _S),
        ("REAL", "3", 3.0),
        ("REAL", "-1.5e3", -1500.0),
        ("STRING", "plain", "plain"),
    ],
)
def test_values_may_be_typed_in_more_than_one_way(kind: str, typed: str, value: Value) -> None:
    assert value_of(leaf(kind), typed) == value


@pytest.mark.parametrize(
    ("kind", "typed"),
    [
        ("BOOL", "2"), ("BOOL", ""), ("INT", "T#1s"), ("INT", "1.5"), ("INT", "x"), ("INT", "--1"), ("TIME", "5"), ("TIME", "D#2026-01-01"),
        ("REAL", "T#1s"), ("REAL", "nan"), ("STRING", "'$Q'"), ("WORD", "16#"), ("INT", "²"), ("TOD", "8"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_the_type_is_refused_in_a_sentence(kind: str, typed: str) -> None:
    with pytest.raises(ValueError, match=r"^MAIN\.X") as refused:
        value_of(leaf(kind), typed)
    assert str(refused.value).endswith(".")
