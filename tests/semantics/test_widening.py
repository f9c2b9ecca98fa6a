"""The standard's implicit conversions (ed. 3 figures 11 and 12)."""

from __future__ import annotations

from itertools import product

import pytest

from rung.semantics.types import ELEMENTARY, Elementary, Family
from rung.semantics.widening import COMMON, INTEGERS, ROUNDS, WIDENS, least_integer

ALL = sorted(set(WIDENS), key=lambda kind: kind.name)


def test_every_elementary_type_is_in_the_table() -> None:
    assert set(ALL) == set(ELEMENTARY.values())


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        ("SINT", "SINT INT DINT LINT REAL LREAL"),
        ("UINT", "UINT UDINT ULINT DINT LINT REAL LREAL"),
        ("DINT", "DINT LINT LREAL"),
        ("ULINT", "ULINT"),
        ("REAL", "REAL LREAL"),
        ("BOOL", "BOOL BYTE WORD DWORD LWORD"),
        ("WORD", "WORD DWORD LWORD"),
        ("TIME", "TIME LTIME"),
        ("DATE_AND_TIME", "DATE_AND_TIME LDATE_AND_TIME"),
    ],
)
def test_a_type_widens_to_these(source: str, targets: str) -> None:
    assert {kind.name for kind in WIDENS[ELEMENTARY[source]]} == set(targets.split())


def test_widening_is_transitive_and_loses_nothing() -> None:
    for source in ALL:
        for middle in WIDENS[source]:
            assert WIDENS[middle] <= WIDENS[source]
            if middle in INTEGERS:
                assert middle.low <= source.low
                assert source.high <= middle.high


def test_the_common_type_is_the_least_to_which_both_widen() -> None:
    for left, right in product(ALL, ALL):
        kind = COMMON[left].get(right)
        assert kind is COMMON[right].get(left)
        if kind is not None:
            assert kind in WIDENS[left] & WIDENS[right]
        if left in WIDENS[right]:
            assert kind is left


def test_only_integers_are_rounded() -> None:
    for source, targets in ROUNDS.items():
        assert source.family in (Family.SIGNED, Family.UNSIGNED)
        assert not targets & WIDENS[source]


@pytest.mark.parametrize(
    ("value", "name"),
    [(0, "INT"), (-32768, "INT"), (32768, "DINT"), (-(1 << 63), "LINT"), ((1 << 64) - 1, "ULINT"), (1 << 64, None)],
)
def test_an_integer_literal_has_the_least_usual_type(value: int, name: str | None) -> None:
    kind: Elementary | None = least_integer(value)
    assert (kind.name if kind else None) == name
