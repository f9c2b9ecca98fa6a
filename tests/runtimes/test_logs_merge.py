"""Runtime v3's plain log, made into numbered entries with times, so that it can stand beside the records of v4."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from rung.runtimes.logs_merge import DROPPED, FIRST_LINE, STARTED_ANEW, STOPPED, PlainLog

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=timezone.utc)
BEGIN = f"{FIRST_LINE}\nPersistent Storage is empty\n"


def messages(log: PlainLog, after: int = 0) -> list[str]:
    return [entry.message for entry in log.page(after).entries]


def test_lines_are_numbered_and_stamped_when_they_were_first_read() -> None:
    log = PlainLog()
    log.feed(BEGIN, NOON)
    log.feed(BEGIN + "Server: Listening on port 502\n", NOON + timedelta(seconds=2))
    rows = [(entry.id, entry.timestamp, entry.message) for entry in log.page().entries]
    assert rows == [
        (1, "2026-11-22T12:00:00+0000", FIRST_LINE),
        (2, "2026-11-22T12:00:00+0000", "Persistent Storage is empty"),
        (3, "2026-11-22T12:00:02+0000", "Server: Listening on port 502"),
    ]


def test_only_what_follows_a_number_is_given() -> None:
    log = PlainLog()
    log.feed(BEGIN)
    assert messages(log, 1) == ["Persistent Storage is empty"]
    assert log.page(2).entries == ()
    assert not log.page(2).restarted


def test_a_number_that_was_never_given_gets_everything() -> None:
    log = PlainLog()
    log.feed(BEGIN)
    assert log.page(7).restarted
    assert len(log.page(7).entries) == 2


def test_a_stop_is_marked_once_and_what_was_said_before_it_stays() -> None:
    log = PlainLog()
    log.feed(BEGIN)
    log.feed("")
    log.feed("")
    assert messages(log) == [FIRST_LINE, "Persistent Storage is empty", STOPPED]


def test_a_program_started_anew_is_marked() -> None:
    log = PlainLog()
    log.feed(BEGIN + "Connected\n")
    log.feed(BEGIN)
    assert messages(log, 3) == [STARTED_ANEW, FIRST_LINE, "Persistent Storage is empty"]


def test_a_log_that_was_wiped_after_a_thousand_messages_is_marked() -> None:
    log = PlainLog()
    log.feed(BEGIN)
    log.feed("Connected\n")
    assert messages(log, 2) == [DROPPED, "Connected"]


def test_a_large_log_that_was_cut_on_its_way_is_no_restart() -> None:
    log = PlainLog()
    whole = BEGIN + "".join(f"message {n}\n" for n in range(2000))
    log.feed(whole)
    log.feed(whole[:20_000])
    log.feed(whole + "one more\n")
    assert messages(log, 2002) == ["one more"]


def test_half_a_line_is_taken_when_its_end_has_come() -> None:
    log = PlainLog()
    log.feed(BEGIN + "Server: Liste")
    assert messages(log, 2) == []
    log.feed(BEGIN + "Server: Listening\n")
    assert messages(log, 2) == ["Server: Listening"]
    log.feed(BEGIN + "Server: Listening\nlast wor")
    log.feed("")
    assert messages(log, 3) == ["last wor", STOPPED]


def test_control_characters_and_carriage_returns_do_not_reach_the_reader() -> None:
    log = PlainLog()
    log.feed("one\r\n\x1b[31mtwo\x1b[0m\n\n")
    assert messages(log) == ["one", "two"]


def test_lines_that_speak_of_errors_have_that_level() -> None:
    log = PlainLog()
    log.feed("Server: error binding socket => Address already in use\nServer: waiting\n")
    assert [entry.level for entry in log.page().entries] == ["ERROR", "INFO"]


def test_no_more_is_kept_than_anybody_reads() -> None:
    log = PlainLog()
    log.feed("".join(f"message {n}\n" for n in range(6000)))
    kept = log.page().entries
    assert len(kept) == 5000
    assert kept[-1].id == 6000


@given(st.lists(st.text(st.sampled_from("ab\n"), max_size=30), max_size=8))
def test_whatever_a_machine_says_the_numbers_only_rise(texts: list[str]) -> None:
    log = PlainLog()
    for text in texts:
        log.feed(text)
    numbers = [entry.id for entry in log.page().entries]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_log_of_millions_of_lines_is_read_at_once() -> None:
    log, began = PlainLog(), time.monotonic()
    log.feed("a\n" * 2_000_000 + "the end\n")
    assert time.monotonic() - began < 3
    assert log.page().entries[-1].message == "the end"
