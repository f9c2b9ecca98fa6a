"""The values of variables as bytes, the same for every way in which the debug protocol is carried."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.codegen.artefact import Leaf
from rung.runtimes.debug_values import ByteOrder, Value, batches, to_bytes, to_value


def leaf(kind: str, size: int) -> Leaf:
    return Leaf(1, 5, "I.X", kind, size)


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        ("BOOL", "01", True),
        ("SINT", "ff", -1),
        ("USINT", "ff", 255),
        ("INT", "d204", 1234),
        ("UDINT", "ffffffff", 4294967295),
        ("LINT", "feffffffffffffff", -2),
        ("WORD", "3412", 0x1234),
        ("REAL", "0000c03f", 1.5),
        ("LREAL", "000000000000f83f", 1.5),
        ("TIME", "0065cd1d00000000", 500_000_000),
        ("DT", "ffffffffffffffff", -1),
        ("STRING", "0568656c6c6f" + "00" * 121, "hello"),
        ("STRING[10]", "02e4c400000000000000000", "äÄ"),
        ("WSTRING", "0141262c2600", "\u2641"),
    ],
)
def test_values_are_read_by_their_type(kind: str, data: str, value: Value) -> None:
    raw = bytes.fromhex(data if len(data) % 2 == 0 else data + "0")
    assert to_value(leaf(kind, len(raw)), raw, "little") == value


def test_a_big_endian_device_is_read_the_other_way_round() -> None:
    assert to_value(leaf("INT", 2), b"\x04\xd2", "big") == 1234
    assert to_value(leaf("REAL", 4), b"\x3f\xc0\x00\x00", "big") == 1.5


def test_a_type_that_is_not_known_is_shown_as_its_bytes() -> None:
    assert to_value(leaf("MYSTERY", 3), b"\x01\x02\x03", "little") == "010203"


SIZES = {"BOOL": 1, "SINT": 1, "UINT": 2, "DINT": 4, "ULINT": 8, "LREAL": 8, "TIME": 8, "STRING": 127, "WSTRING": 253}


@given(st.sampled_from(sorted(SIZES)), st.data(), st.sampled_from(["little", "big"]))
def test_what_is_forced_is_what_is_read(kind: str, data: st.DataObject, order: ByteOrder) -> None:
    values: dict[str, st.SearchStrategy[Value]] = {
        "BOOL": st.booleans(),
        "SINT": st.integers(-128, 127),
        "UINT": st.integers(0, 65535),
        "DINT": st.integers(-(2**31), 2**31 - 1),
        "ULINT": st.integers(0, 2**64 - 1),
        "LREAL": st.floats(allow_nan=False),
        "TIME": st.integers(-(2**63), 2**63 - 1),
        "STRING": st.text(st.characters(max_codepoint=255), max_size=126),
        "WSTRING": st.text(st.characters(max_codepoint=0xD7FF), max_size=126),
    }
    value = data.draw(values[kind])
    variable = leaf(kind, SIZES[kind])
    raw = to_bytes(variable, value, order)
    assert len(raw) == variable.size
    assert to_value(variable, raw, order) == value


@pytest.mark.parametrize(
    ("kind", "size", "value"),
    [
        ("BOOL", 1, 2),
        ("BOOL", 1, "TRUE"),
        ("SINT", 1, 128),
        ("UINT", 2, -1),
        ("INT", 2, 1.5),
        ("INT", 2, True),
        ("REAL", 4, 1e300),
        ("STRING", 127, "x" * 127),
        ("STRING", 127, "\u20ac"),
        ("TIME", 8, "T#1s"),
        ("MYSTERY", 4, 1),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_variables_name(kind: str, size: int, value: Value) -> None:
    with pytest.raises(ValueError, match=r"I\.X is of type"):
        to_bytes(leaf(kind, size), value, "little")


def test_a_variable_that_the_runtime_does_not_force_is_not_asked_to_be() -> None:
    with pytest.raises(ValueError, match="cannot be forced"):
        to_bytes(dataclasses.replace(leaf("INT", 2), forceable=False), 1, "little")


def test_a_nan_is_read_as_one() -> None:
    value = to_value(leaf("REAL", 4), b"\x00\x00\xc0\x7f", "little")
    assert isinstance(value, float)
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("kind", "data", "nanoseconds"),
    [
        ("TIME", "000000000065cd1d", 500_000_000),  # recorded: T#500ms
        ("TIME", "01000000002a7515", 1_360_000_000),
        ("TIME", "feffffff009b32e2", -2_500_000_000),
        ("DT", "8096980000000000", 10_000_000 * 1_000_000_000),
    ],
)
def test_times_of_two_numbers_are_seconds_and_nanoseconds(kind: str, data: str, nanoseconds: int) -> None:
    raw = bytes.fromhex(data)
    assert to_value(leaf(kind, 8), raw, "little", time_pairs=True) == nanoseconds
    assert to_bytes(leaf(kind, 8), nanoseconds, "little", time_pairs=True) == raw


@given(st.integers(-(2**31) * 10**9, (2**31 - 1) * 10**9), st.sampled_from(["little", "big"]))
def test_a_time_of_two_numbers_is_read_as_it_was_forced(nanoseconds: int, order: ByteOrder) -> None:
    raw = to_bytes(leaf("TIME", 8), nanoseconds, order, time_pairs=True)
    assert to_value(leaf("TIME", 8), raw, order, time_pairs=True) == nanoseconds


def test_a_time_that_two_numbers_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        to_bytes(leaf("TIME", 8), 2**31 * 10**9, "little", time_pairs=True)


def test_a_list_is_cut_by_number_and_by_size() -> None:
    leaves = [leaf("STRING", 127), leaf("STRING", 127), leaf("BOOL", 1), leaf("BOOL", 1), leaf("BOOL", 1)]
    assert [len(batch) for batch in batches(leaves, 3, 243)] == [1, 3, 1]
    assert list(batches([], 3, 243)) == []
