"""What a board answers on its serial line, whatever it is sent. The board is the Arduino firmware on this computer, with every access to
memory watched: a buffer that overflowed would end it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from codegen.board_machine import FakeBoard, board_named, build, checksum, compile_fake, framed
from rung.codegen.artefact import Artefact
from rung.codegen.board_tables import limits

PLANT = """
PROGRAM Main
VAR
  in0 AT %IX0.0 : BOOL; in3 AT %IX0.3 : BOOL; level AT %IW1 : UINT;
  out0 AT %QX0.0 : BOOL; out1 AT %QX0.1 : BOOL; out2 AT %QX0.2 : BOOL; valve AT %QW0 : UINT; signed AT %QW2 : INT;
  flag : BOOL; small : SINT; big : LINT; real : REAL := 1.5; wait : TIME := T#-1s500ms; clock : TOD := TOD#23:59:59.250;
  day : DATE := D#2026-11-22; stamp : DT := DT#2026-11-22-10:20:30;
  text : STRING[8] := 'pump'; long : STRING[150] := 'tank'; names : ARRAY[1..3] OF STRING[4] := ['a', 'bb', 'ccc'];
  table : ARRAY[0..40] OF INT; n : INT; scans : UDINT;
END_VAR
out1 := in0;
scans := scans + 1;
table[3] := 7;
END_PROGRAM
"""
MEMORY = """
PROGRAM Main
VAR
  a AT %MW0 : INT := -2; b AT %MW19 : WORD; q AT %QW0 : UINT; d AT %MD2 : DINT; bits AT %QX2.7 : BOOL; x AT %MX1.0 : BOOL;
END_VAR
END_PROGRAM
"""
# One board takes all examples of a test, one after the other.
ONE_BOARD = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def plant(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artefact, Path]:
    artefact = build(PLANT)
    return artefact, compile_fake(artefact, tmp_path_factory.mktemp("plant"))


@pytest.fixture
def board(plant: tuple[Artefact, Path]) -> Iterator[FakeBoard]:
    """An Uno with the plant's program, which has made some scans."""
    with FakeBoard(*plant) as running:
        running.wait(100)
        yield running


@pytest.fixture(scope="module")
def mega(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeBoard]:
    artefact = build(MEMORY, "mega")
    with FakeBoard(artefact, compile_fake(artefact, tmp_path_factory.mktemp("mega"))) as running:
        running.wait(100)
        yield running


def path(board: FakeBoard, name: str) -> str:
    """The whole path of one of the program's variables."""
    return next(p for p in board.leaves if p.endswith(f".{name}"))


# ------------------------------------------------------------------------------------------------------------------- Modbus


def test_inputs_are_read_from_their_pins(board: FakeBoard) -> None:
    board.drive(2, 1)
    board.drive(5, 1)
    board.drive(15, 1023)
    board.wait(40)
    assert board.ask(b"\x02\x00\x00\x00\x08") == b"\x02\x01\x09"
    assert board.ask(b"\x04\x00\x00\x00\x03") == b"\x04\x06\0\0\xff\xff\0\0", "full scale is 65535, unused inputs are 0"
    board.drive(15, 512)
    board.wait(40)
    assert board.ask(b"\x04\x00\x01\x00\x01") == b"\x04\x02\x80\x20"


def test_coils_and_registers_reach_the_pins(board: FakeBoard) -> None:
    assert board.ask(b"\x05\x00\x00\xff\x00") == b"\x05\x00\x00\xff\x00"
    assert board.ask(b"\x01\x00\x00\x00\x08") == b"\x01\x01\x01", "a write shows at once"
    assert board.pin(7) == 0, "and is at the pin after the next scan"
    board.wait(25)
    assert board.pin(7) == 1
    assert board.ask(b"\x06\x00\x00\x12\x34") == b"\x06\x00\x00\x12\x34"
    board.wait(25)
    assert board.ask(b"\x03\x00\x00\x00\x01") == b"\x03\x02\x12\x34"
    assert board.pin(9) == 0x12
    assert board.ask(b"\x0f\x00\x00\x00\x03\x01\x06") == b"\x0f\x00\x00\x00\x03"
    board.wait(25)
    assert board.ask(b"\x01\x00\x00\x00\x03") == b"\x01\x01\x04", (
        "the program's own value of out1 wins in the next scan"
    )
    assert board.ask(b"\x10\x00\x00\x00\x03\x06\xab\xcd\x11\x11\xff\xfe") == b"\x10\x00\x00\x00\x03"
    assert board.ask(b"\x03\x00\x00\x00\x03") == b"\x03\x06\xab\xcd\x00\x00\xff\xfe", (
        "a register that the program does not use keeps nothing"
    )


def test_the_map_has_the_standard_size_whatever_the_program_uses(board: FakeBoard, mega: FakeBoard) -> None:
    for running, coils, contacts, holding, inputs in ((board, 32, 8, 32, 6), (mega, 56, 56, 52, 32)):
        for code, count in ((1, coils), (2, contacts), (3, holding), (4, inputs)):
            last, beyond = struct.pack(">BHH", code, count - 1, 1), struct.pack(">BHH", code, count, 1)
            assert running.ask(last)[0] == code
            assert running.ask(beyond) == bytes([code | 0x80, 2])
            assert running.ask(struct.pack(">BHH", code, 1, count)) == bytes([code | 0x80, 2])
            assert running.ask(struct.pack(">BHH", code, 0, count))[0] == code


def test_memory_words_follow_the_output_words(mega: FakeBoard) -> None:
    assert mega.ask(struct.pack(">BHH", 3, 32, 1)) == b"\x03\x02\xff\xfe"
    assert mega.ask(struct.pack(">BHH", 6, 51, 0xBEEF)) == b"\x06\x00\x33\xbe\xef"
    assert mega.ask(struct.pack(">BHH", 3, 51, 1)) == b"\x03\x02\xbe\xef"
    assert mega.read(path(mega, "B")) == [b"\xef\xbe"]


@pytest.mark.parametrize(
    ("pdu", "exception"),
    [
        (b"\x07", 1), (b"\x08\0\0\0\0", 1), (b"\x17\0\0\0\1\0\0\0\1\2\0\0", 1), (b"\x2b\x0e\x01\x00", 1),
        (b"\x01\0\0\0\0", 3), (b"\x03\0\0\0\0", 3), (b"\x03\0\0\0\x7e", 3), (b"\x01\0\0\xff\xff", 3), (b"\x04\0\0\x80\x01", 3),
        (b"\x03\xff\xff\0\1", 2), (b"\x03\xff\xff\0\2", 2), (b"\x01\0\x1f\0\2", 2),
        (b"\x01\0\0\x07\xd0", 2), (b"\x02\0\0\x07\xd1", 3), (b"\x03\0\0\0\x7d", 2), (b"\x04\0\0\0\x7d", 2), (b"\x10\0\0\0\x7c\x00", 3),
        (b"\x10\0\0\0\x33\x66" + bytes(102), 2), (b"\x0f\0\0\x07\xb1\x01\0", 3), (b"\x0f\0\0\x00\x21\x05" + bytes(5), 2),
        (b"\x05\0\0\x12\x00", 3), (b"\x05\0\0\xff\x01", 3), (b"\x05\0\x20\xff\x00", 2), (b"\x06\0\x20\0\0", 2),
        (b"\x0f\0\0\0\x08\x02\0\0", 3), (b"\x10\0\0\0\x02\x02\0\0", 3), (b"\x10\0\0\0\0\0", 3), (b"\x10\0\x1f\0\2\4\0\0\0\0", 2),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_the_standards_numbers(board: FakeBoard, pdu: bytes, exception: int) -> None:
    assert board.ask(pdu) == bytes([pdu[0] | 0x80, exception])


def test_only_the_own_number_is_answered_and_a_broadcast_is_obeyed_in_silence(board: FakeBoard) -> None:
    assert board.ask(b"\x05\x00\x00\xff\x00", slave=2) == b""
    assert board.ask(b"\x01\x00\x00\x00\x01") == b"\x01\x01\x00"
    assert board.ask(b"\x05\x00\x00\xff\x00", slave=0) == b""
    assert board.ask(b"\x01\x00\x00\x00\x01") == b"\x01\x01\x01"
    assert board.ask(b"\x41\0\0", slave=0) == b""


def test_a_damaged_frame_is_dropped(board: FakeBoard) -> None:
    frame = bytearray(framed(b"\x05\x00\x00\xff\x00"))
    frame[-1] ^= 1
    assert board.exchange(bytes(frame), 20) == b""
    assert board.ask(b"\x01\x00\x00\x00\x01") == b"\x01\x01\x00"


def test_a_frame_in_pieces_is_one_frame_and_two_frames_in_one_piece_are_none(board: FakeBoard) -> None:
    frame = framed(b"\x10\x00\x00\x00\x02\x04\x00\x01\x00\x02")
    for byte in frame[:-1]:
        assert board.exchange(bytes([byte]), 3) == b""  # as USB may hand them over
    assert board.exchange(frame[-1:]) == framed(b"\x10\x00\x00\x00\x02")
    two = framed(b"\x01\x00\x00\x00\x01") + framed(b"\x02\x00\x00\x00\x01")
    assert board.exchange(two, 30) == b""
    assert board.ask(b"\x01\x00\x00\x00\x01") != b""


def test_half_a_frame_is_forgotten(board: FakeBoard) -> None:
    assert board.exchange(framed(b"\x01\x00\x00\x00\x01")[:5], 15) == b""
    assert board.ask(b"\x02\x00\x00\x00\x01") != b""


@pytest.mark.parametrize("length", [126, 127, 128, 129, 255, 256, 257, 700])
def test_a_frame_longer_than_the_buffer_is_dropped_whole(board: FakeBoard, length: int) -> None:
    write = framed(b"\x05\x00\x00\xff\x00")
    assert board.exchange(bytes(length - len(write)) + write, 30) == b""
    assert board.ask(b"\x01\x00\x00\x00\x01") == b"\x01\x01\x00"


def test_sending_does_not_hold_up_scans(board: FakeBoard) -> None:
    before = board.number(path(board, "SCANS"))
    board.room(0)
    board.send(framed(b"\x45\xde\xad\0\0"))
    board.wait(80)
    assert board.take() == b""
    board.room(3)
    board.wait(5)
    answer = board.take()
    assert answer == framed(b"\x45\x7e" + board.artefact.md5.encode())
    assert board.number(path(board, "SCANS")) >= before + 4


def test_a_port_that_cannot_say_what_it_takes_is_given_the_whole_answer(tmp_path: Path) -> None:
    """The native USB port of a Due is not the core's `Serial`, and tells nothing."""
    artefact = build("PROGRAM Main\nVAR n : UDINT; END_VAR\nn := n + 1;\nEND_PROGRAM", "due-native")
    with FakeBoard(artefact, compile_fake(artefact, tmp_path)) as board:
        board.room(0)
        assert board.ask(b"\x45\xde\xad\0\0") == b"\x45\x7e" + artefact.md5.encode()


@pytest.mark.parametrize("scan_us", [65_536, 65_700, 131_100, 1_048_600])
def test_scans_of_any_length_leave_time_to_answer(board: FakeBoard, scan_us: int) -> None:
    board.send(framed(b"\x41\0\0"))
    board.run_slowly(scan_us, 4)
    assert board.take() == framed(struct.pack(">BH", 0x41, len(board.artefact.leaves)))


def test_a_master_that_never_stops_does_not_keep_scans_from_their_turn(board: FakeBoard) -> None:
    before = board.number(path(board, "SCANS"))
    board.send(bytes(5000))
    board.run_slowly(20_000, 10)
    board.wait(200)
    board.take()
    assert board.number(path(board, "SCANS")) >= before + 19


def test_an_answer_that_nobody_takes_is_given_up(board: FakeBoard) -> None:
    board.room(0)
    board.send(framed(b"\x45\xde\xad\0\0"))
    board.wait(150)
    board.room(64)
    assert board.take() == b""
    assert board.ask(b"\x41\0\0") != b""


# ------------------------------------------------------------------------------------------------------------------- debug


def test_the_board_says_what_it_runs(board: FakeBoard) -> None:
    assert board.ask(b"\x45\xde\xad\0\0") == b"\x45\x7e" + board.artefact.md5.encode()
    assert board.ask(b"\x45\0\0\0\0") == b"\x45\x7e" + board.artefact.md5.encode(), "the probe has no meaning here"
    assert board.ask(b"\x41\0\0") == struct.pack(">BH", 0x41, len(board.artefact.leaves))


def test_codes_that_only_read_need_no_checksum(board: FakeBoard) -> None:
    for pdu in (b"\x41\0\0", b"\x45\xde\xad\0\0", b"\x44\0\1\0\0", b"\x43\0\0\0\0"):
        assert board.exchange(b"\x01" + pdu + b"\0\0") == framed(board.ask(pdu))
    number = board.leaves[path(board, "OUT0")].element
    force = struct.pack(">BHBHB", 0x42, number, 1, 1, 1)
    assert board.exchange(b"\x01" + force + b"\0\0", 20) == b"", "what moves an output does"
    assert board.ask(force) == b"\x42\x7e"


def test_values_have_the_bytes_of_the_chip_and_times_two_numbers(board: FakeBoard) -> None:
    names = ("REAL", "WAIT", "CLOCK", "DAY", "STAMP", "TEXT", "SMALL")
    real, wait, clock, day, stamp, text, small = board.read(*(path(board, name) for name in names))
    assert struct.unpack("<f", real) == (1.5,)
    assert struct.unpack("<ii", wait) == (-1, -500_000_000)
    assert struct.unpack("<ii", clock) == (86399, 250_000_000)
    assert struct.unpack("<ii", day) == (1795305600, 0)
    assert struct.unpack("<ii", stamp) == (1795305600 + 10 * 3600 + 20 * 60 + 30, 0)
    assert text[:5] == b"\x04pump"
    assert len(text) == 9
    assert small == b"\0"
    assert [value[: value[0] + 1] for value in board.read(*(p for p in board.leaves if ".NAMES" in p))] == [
        b"\x01a",
        b"\x02bb",
        b"\x03ccc",
    ]


def test_every_variable_is_where_its_number_says(board: FakeBoard) -> None:
    """A range from each to each: sizes add up, and an answer that is full says where to go on."""
    leaves = board.artefact.leaves
    room = limits(board_named("uno")).frame - 13
    start, seen = 0, 0
    while start < len(leaves):
        answer = board.ask(struct.pack(">BHH", 0x43, start, len(leaves) - 1))
        status, last, _, size = struct.unpack(">BHIH", answer[1:10])
        served = leaves[start : last + 1]
        assert status == 0x7E
        assert size == len(answer) - 10 == sum(leaf.size for leaf in served)
        assert last == len(leaves) - 1 or size + leaves[last + 1].size > room, "no room is left unused"
        start, seen = last + 1, seen + 1
    assert seen > 2
    table = [leaf.element for leaf in leaves if ".TABLE" in leaf.path]
    answer = board.ask(struct.pack(">BHH", 0x43, table[0], table[4]))
    assert answer[10:] == b"\0\0\0\0\0\0\x07\0\0\0"


def test_arrays_beyond_64_kib_are_read_and_forced_where_they_are(tmp_path: Path) -> None:
    text = "PROGRAM Main\nVAR big : ARRAY[0..9000] OF LINT; END_VAR\nbig[9000] := 1234567; big[808] := 77;\nEND_PROGRAM"
    artefact = build(text, "pico")
    with FakeBoard(artefact, compile_fake(artefact, tmp_path)) as board:
        board.wait(50)
        assert board.number("MAIN.BIG[9000]") == 1234567
        assert board.force("MAIN.BIG[8999]", (5).to_bytes(8, "little")) == 0x7E
        board.wait(50)
        assert [board.number(f"MAIN.BIG[{n}]") for n in (807, 808, 8999)] == [0, 77, 5]


def test_a_list_goes_on_where_its_answer_ended(board: FakeBoard) -> None:
    numbers = [board.leaves[path(board, name)].element for name in ("LONG", "TEXT", "N")]
    answer = board.ask(struct.pack(">BH3H", 0x44, 3, *numbers))
    assert struct.unpack(">BHIH", answer[1:10])[1] == numbers[0]
    assert answer[10:15] == b"\x04tank"
    answer = board.ask(struct.pack(">BH2H", 0x44, 2, *numbers[1:]))
    assert struct.unpack(">BHIH", answer[1:10])[1] == numbers[2]


def test_the_tick_counts_scans(board: FakeBoard) -> None:
    first = struct.unpack(">I", board.ask(b"\x44\0\1\0\0")[4:8])[0]
    board.wait(200)
    assert struct.unpack(">I", board.ask(b"\x44\0\1\0\0")[4:8])[0] == first + 10


def test_lists_that_ask_for_what_is_not_there(board: FakeBoard) -> None:
    count = len(board.artefact.leaves)
    assert board.ask(struct.pack(">BH20H", 0x44, 20, *range(20)))[:2] == b"\x44\x7e"
    assert board.ask(struct.pack(">BH21H", 0x44, 21, *range(21))) == b"\x44\x82"
    assert board.ask(b"\x44\xff\xff\0\0") == b"\x44\x82"
    assert board.ask(struct.pack(">BHHH", 0x44, 2, 0, count)) == b"\x44\x81"
    assert board.ask(b"\x44\0\0\0\0")[:2] == b"\x44\x7e"
    for start, end in ((0, count), (count, count), (5, 4), (0xFFFF, 0xFFFF)):
        assert board.ask(struct.pack(">BHH", 0x43, start, end)) == b"\x43\x81"
    assert board.ask(struct.pack(">BHBHB", 0x42, count, 1, 1, 1)) == b"\x42\x81"


# ----------------------------------------------------------------------------------------------------------------- anything


def _alive(board: FakeBoard) -> None:
    board.wait(40)
    board.take()
    assert board.ask(b"\x41\0\0") == struct.pack(">BH", 0x41, len(board.artefact.leaves))


@ONE_BOARD
@given(st.lists(st.tuples(st.binary(max_size=300), st.sampled_from((0, 0.3, 1, 12))), max_size=6))
def test_rubbish_on_the_line_does_no_harm(mega: FakeBoard, pieces: list[tuple[bytes, float]]) -> None:
    for data, pause in pieces:
        mega.send(data)
        mega.wait(pause)
    _alive(mega)


@ONE_BOARD
@given(
    st.sampled_from((1, 2, 3, 4, 5, 6, 15, 16, 0x41, 0x42, 0x43, 0x44, 0x45)),
    st.binary(max_size=30) | st.lists(st.sampled_from((0, 0, 1, 2, 0xFF)), min_size=4, max_size=260).map(bytes),
)
@example(0x44, b"\x00\x14")
@example(0x44, b"\x00\x78" + bytes(240))
@example(0x42, b"\0\0\1\0\xff" + bytes(8))
@example(0x10, b"\0\0\0\x7b\xf6" + bytes(246))
def test_any_request_with_a_right_checksum_is_answered_with_a_whole_frame_or_not_at_all(
    mega: FakeBoard, code: int, rest: bytes
) -> None:
    answer = mega.exchange(framed(bytes([code]) + rest), 30)
    if answer:
        assert len(answer) <= 255
        assert answer[:1] == b"\1"
        assert answer[1] & 0x7F == code
        assert answer[-2:] == checksum(answer[:-2])
    for leaf in mega.leaves:
        mega.release(leaf)
    _alive(mega)


@ONE_BOARD
@given(st.data())
def test_registers_are_as_a_model_has_them(mega: FakeBoard, data: st.DataObject) -> None:
    """Of 32 output words the program uses the first, of 20 memory words the first and the last."""
    used = {0, 32, 51}
    model: dict[int, int] = {}
    mega.ask(struct.pack(">BHHB", 16, 0, 52, 104) + bytes(104))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, 51))
        values = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=52 - start))
        body = struct.pack(f">BHHB{len(values)}H", 16, start, len(values), 2 * len(values), *values)
        assert mega.ask(body) == body[:5]
        model |= dict(enumerate(values, start))
        mega.wait(data.draw(st.sampled_from((0, 25))))
    answer = mega.ask(struct.pack(">BHH", 3, 0, 52))
    assert list(struct.unpack(">52H", answer[2:])) == [model.get(n, 0) if n in used else 0 for n in range(52)]
