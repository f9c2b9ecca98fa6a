"""The debug protocol with one index for an address, against the frames that the real runtimes 4.0 and v3 answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.codegen.artefact import Leaf
from rung.runtimes import flat_frames as frames
from rung.runtimes.debug_values import OUT_OF_BOUNDS, TOO_LARGE, BadAnswer, to_bytes

FLAG = Leaf(0, 1, "FLAG", "BOOL", 1)
COUNT = Leaf(0, 0, "COUNT", "INT", 2)
TICK = Leaf(0, 5, "TICK", "DINT", 4)


def test_the_probe_says_that_our_values_are_little_endian() -> None:
    assert bytes.fromhex("45adde0000") == frames.MD5_REQUEST


def test_the_recorded_md5_is_read_without_a_byte_order_behind_it() -> None:
    digits = "ffeeddccbbaa99887766554433221100"
    assert frames.md5_answer(b"\x45\x7e" + digits.encode()) == digits
    for answer in ("4581", "457e", "457e" + "67" * 32, "457e" + "66" * 34):
        with pytest.raises(BadAnswer):
            frames.md5_answer(bytes.fromhex(answer))


def test_the_recorded_number_of_variables_is_read() -> None:
    assert frames.info_answer(bytes.fromhex("410010")) == 16


def test_the_recorded_list_is_asked_for_and_read() -> None:
    assert frames.list_request([COUNT, FLAG]) == bytes.fromhex("44000200000001")
    assert frames.list_answer([COUNT, FLAG], bytes.fromhex("447e00010000010700 03000701".replace(" ", ""))) == (
        2,
        bytes.fromhex("000701"),
    )


def test_a_list_that_stops_early_says_at_which_index() -> None:
    answer = bytes.fromhex("447e000000000107 0002 0007".replace(" ", ""))
    assert frames.list_answer([COUNT, FLAG], answer) == (1, b"\x00\x07")


@pytest.mark.parametrize(
    "answer",
    [
        "447e000900000107 0003 000701",  # an index that was not asked for
        "447e000100000107 0002 0007",  # fewer bytes than the variables that it says it served
    ],
)
def test_a_list_of_other_variables_is_refused(answer: str) -> None:
    assert frames.list_answer([COUNT, FLAG], bytes.fromhex(answer.replace(" ", ""))) == OUT_OF_BOUNDS


@pytest.mark.parametrize("status", [OUT_OF_BOUNDS, TOO_LARGE])
def test_a_refused_list_is_its_status(status: int) -> None:
    assert frames.list_answer([COUNT], bytes((0x44, status))) == status


def test_the_recorded_force_and_unforce_are_made() -> None:
    assert frames.force_request(TICK, to_bytes(TICK, 1000, frames.ORDER)) == bytes.fromhex("420005010004e8030000")
    assert frames.force_request(TICK, None) == bytes.fromhex("42000500000100")
    assert frames.force_answer(b"\x42\x7e") == 0x7E


@given(st.binary(max_size=64))
def test_no_bytes_at_all_break_the_readers(data: bytes) -> None:
    readers = (frames.md5_answer, frames.info_answer, frames.force_answer, lambda x: frames.list_answer([COUNT], x))
    for read in readers:
        try:
            read(data)
        except BadAnswer:
            continue
