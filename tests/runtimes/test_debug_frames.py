"""The debug protocol's bytes, against the frames that a real Runtime 4.1.4 answered."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_frames as frames
from rung.runtimes.debug_frames import BadAnswer, ByteOrder, ListAnswer, Value


def leaf(kind: str, size: int, array: int = 1, element: int = 5) -> Leaf:
    return Leaf(array, element, "I.X", kind, size)


def test_the_recorded_md5_and_byte_order_are_read() -> None:
    recorded = (
        "45 7e 36 65 66 65 34 38 32 34 33 34 31 62 61 31 65 30 32 32 34 31 30 37 65 64 35 32 36 32 62 34 35 32 ad de"
    )
    assert frames.md5_answer(frames.decode(recorded)) == ("6efe4824341ba1e0224107ed5262b452", "little")
    assert frames.md5_answer(bytes.fromhex("4583")) is None


def test_the_recorded_list_is_asked_for_and_read() -> None:
    leaves = [leaf("DINT", 4, 0, 0), leaf("INT", 2, 1, 5)]
    assert frames.encode(frames.list_request(leaves)) == "44 00 02 00 00 00 01 00 05"
    answer = frames.list_answer(frames.decode("44 7e 00 01 00 00 0c 80 00 06 e4 0c 00 00 80 0c"))
    assert answer == ListAnswer(2, bytes.fromhex("e40c0000800c"))


def test_the_recorded_force_and_unforce_are_made() -> None:
    counter = leaf("INT", 2)
    assert frames.encode(frames.force_request(counter, frames.to_bytes(counter, 1234, "little"))) == (
        "42 01 00 05 01 00 02 D2 04"
    )
    assert frames.encode(frames.force_request(counter, None)) == "42 01 00 05 00 00 00"
    assert frames.force_answer(b"\x42\x7e") == frames.OK


def test_the_recorded_info_is_read() -> None:
    assert frames.info_answer(frames.decode("41 02 7e 00 01 00 11")) == (1, 17)
    assert frames.info_answer(b"\x41\x83") is None


@pytest.mark.parametrize(
    "text",
    ["ERROR_PARSING", "ERROR_PROCESSING", "", "4", "44 7", "447e", "44  7e", "44 7e\nSTATUS:RUNNING", None, 7, "zz"],
)
def test_words_in_the_place_of_a_frame_are_no_frame(text: object) -> None:
    with pytest.raises(BadAnswer):
        frames.decode(text)


@given(st.binary(max_size=64))
def test_no_bytes_at_all_break_the_readers(data: bytes) -> None:
    for read in (frames.md5_answer, frames.info_answer, frames.list_answer, frames.force_answer):
        try:
            read(data)
        except BadAnswer:
            continue


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
    assert frames.to_value(leaf(kind, len(raw)), raw, "little") == value


def test_a_big_endian_device_is_read_the_other_way_round() -> None:
    assert frames.to_value(leaf("INT", 2), b"\x04\xd2", "big") == 1234
    assert frames.to_value(leaf("REAL", 4), b"\x3f\xc0\x00\x00", "big") == 1.5


def test_a_type_that_is_not_known_is_shown_as_its_bytes() -> None:
    assert frames.to_value(leaf("MYSTERY", 3), b"\x01\x02\x03", "little") == "010203"


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
    raw = frames.to_bytes(variable, value, order)
    assert len(raw) == variable.size
    assert frames.to_value(variable, raw, order) == value


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
        frames.to_bytes(leaf(kind, size), value, "little")


def test_a_nan_is_read_as_one() -> None:
    value = frames.to_value(leaf("REAL", 4), b"\x00\x00\xc0\x7f", "little")
    assert isinstance(value, float)
    assert math.isnan(value)


@given(st.lists(st.sampled_from([1, 2, 4, 8, 127, 253]), max_size=3000))
def test_batches_keep_the_order_and_fit_into_the_frames(sizes: list[int]) -> None:
    leaves = [Leaf(1, n % 65536, f"V{n}", "X", size) for n, size in enumerate(sizes)]
    batches = list(frames.batches(leaves))
    assert [x for batch in batches for x in batch] == leaves
    for batch in batches:
        assert len(frames.list_request(batch)) <= 2728
        assert sum(x.size for x in batch) + 10 <= 4096
