"""The debug protocol's bytes, against the frames that a real Runtime 4.1.4 answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_frames as frames
from rung.runtimes.debug_frames import ListAnswer
from rung.runtimes.debug_link import decode, encode
from rung.runtimes.debug_values import OK, BadAnswer, to_bytes


def leaf(kind: str, size: int, array: int = 1, element: int = 5) -> Leaf:
    return Leaf(array, element, "I.X", kind, size)


def test_the_recorded_md5_and_byte_order_are_read() -> None:
    recorded = (
        "45 7e 36 65 66 65 34 38 32 34 33 34 31 62 61 31 65 30 32 32 34 31 30 37 65 64 35 32 36 32 62 34 35 32 ad de"
    )
    assert frames.md5_answer(decode(recorded)) == ("6efe4824341ba1e0224107ed5262b452", "little")
    assert frames.md5_answer(bytes.fromhex("4583")) is None


def test_the_recorded_list_is_asked_for_and_read() -> None:
    leaves = [leaf("DINT", 4, 0, 0), leaf("INT", 2, 1, 5)]
    assert encode(frames.list_request(leaves)) == "44 00 02 00 00 00 01 00 05"
    answer = frames.list_answer(decode("44 7e 00 01 00 00 0c 80 00 06 e4 0c 00 00 80 0c"))
    assert answer == ListAnswer(2, bytes.fromhex("e40c0000800c"))


def test_the_recorded_force_and_unforce_are_made() -> None:
    counter = leaf("INT", 2)
    assert encode(frames.force_request(counter, to_bytes(counter, 1234, "little"))) == ("42 01 00 05 01 00 02 D2 04")
    assert encode(frames.force_request(counter, None)) == "42 01 00 05 00 00 00"
    assert frames.force_answer(b"\x42\x7e") == OK


def test_the_recorded_info_is_read() -> None:
    assert frames.info_answer(decode("41 02 7e 00 01 00 11")) == (1, 17)
    assert frames.info_answer(b"\x41\x83") is None


@pytest.mark.parametrize(
    "text",
    ["ERROR_PARSING", "ERROR_PROCESSING", "", "4", "44 7", "447e", "44  7e", "44 7e\nSTATUS:RUNNING", None, 7, "zz"],
)
def test_words_in_the_place_of_a_frame_are_no_frame(text: object) -> None:
    with pytest.raises(BadAnswer):
        decode(text)


@given(st.binary(max_size=64))
def test_no_bytes_at_all_break_the_readers(data: bytes) -> None:
    for read in (frames.md5_answer, frames.info_answer, frames.list_answer, frames.force_answer):
        try:
            read(data)
        except BadAnswer:
            continue


@given(st.lists(st.sampled_from([1, 2, 4, 8, 127, 253]), max_size=3000))
def test_batches_keep_the_order_and_fit_into_the_frames(sizes: list[int]) -> None:
    leaves = [Leaf(1, n % 65536, f"V{n}", "X", size) for n, size in enumerate(sizes)]
    batches = list(frames.batches(leaves))
    assert [x for batch in batches for x in batch] == leaves
    for batch in batches:
        assert len(frames.list_request(batch)) <= 2728
        assert sum(x.size for x in batch) + 10 <= 4096
