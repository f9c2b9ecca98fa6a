"""The text that comes from a board: kept by lines, made fit to be shown, and bounded."""

from __future__ import annotations

from datetime import datetime

from rung.boards.serial_log import SerialLog


def texts(log: SerialLog, after: int = 0) -> list[str]:
    return [line.text for line in log.after(after)]


def test_lines_are_kept_with_numbers_and_times() -> None:
    log = SerialLog()
    log.feed(b"one\r\ntw")
    assert texts(log) == ["one"]
    log.feed(b"o\nthree")
    assert texts(log, after=1) == ["two"]
    assert [line.id for line in log.after()] == [1, 2]
    assert datetime.fromisoformat(log.after()[0].timestamp).tzinfo is not None


def test_a_line_that_nobody_ends_is_ended_by_us() -> None:
    log = SerialLog()
    log.flush()
    log.feed(b"waiting")
    log.flush()
    log.flush()
    assert texts(log) == ["waiting"]


def test_what_steers_a_terminal_and_what_is_no_text_is_shown_as_text() -> None:
    log = SerialLog()
    log.feed(b"\x1b[2Jred\x07\n\xff\xfe\xc3\xa9\n")
    assert texts(log) == ["red", "\\xff\\xfeé"]


def test_a_device_that_never_stops_fills_no_memory() -> None:
    log = SerialLog()
    log.feed(b"x" * 100_000)
    log.feed(b"y\n" * 3000)
    kept = log.after()
    assert len(kept) == 2000
    assert (kept[-1].text, kept[0].id) == ("y", kept[-1].id - 1999)
    assert all(len(line.text) <= 500 for line in kept)
