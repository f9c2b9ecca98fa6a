"""The hub's log: JSON, one line per event, and nothing of what peers send."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from rung.hub.journal import Journal, take_over_logging
from rung.runtimes.errors import Kind, RuntimeFailure

SECRET = "rung_0123456789"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """A log that everything goes to; logging is as before afterwards."""
    names = ("aiohttp", "socketio", "engineio", "asyncio", "alembic", "sqlalchemy", "redis", "rung")
    before = {name: (logging.getLogger(name).handlers, logging.getLogger(name).level, logging.getLogger(name).propagate) for name in names}  # fmt: skip
    stream = io.StringIO()
    take_over_logging(Journal("process-1234", stream))
    yield stream
    for name, (handlers, level, propagate) in before.items():
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_an_event_is_one_line_whatever_is_in_it() -> None:
    stream = io.StringIO()
    Journal("process-1234", stream).note("request", route="a\nb\x1b[2J", status=200, missing=None)
    (line,) = lines(stream)
    assert (line["event"], line["process"], line["route"], line["status"]) == ("request", "process-", "ab", 200)
    assert str(line["at"]).endswith("+00:00")


def test_of_a_librarys_record_only_its_fixed_words_are_kept(log: io.StringIO) -> None:
    logging.getLogger("aiohttp.server").error("Error handling request from %s", SECRET)
    # Not one of the names whose level the library sets itself when a server is made.
    logging.getLogger("socketio.elsewhere").warning(f"received event {SECRET}")
    first, second = lines(log)
    assert first["words"] == "Error handling request from %s"
    assert second["words"] == "(no fixed words)"
    assert SECRET not in log.getvalue()


def test_an_exceptions_text_stays_out_and_its_place_goes_in(log: io.StringIO) -> None:
    try:
        raise ValueError(f"bad password {SECRET}")
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Unhandled exception")
    assert SECRET not in log.getvalue()
    mistake = lines(log)[1]
    assert (mistake["event"], mistake["type"]) == ("mistake", "ValueError")
    assert "test_journal.py:" in str(mistake["place"])


def test_our_own_records_are_kept_as_they_are(log: io.StringIO) -> None:
    logging.getLogger("rung.hub.agents").info("The session of agent %s ends.", "Line 1")
    logging.getLogger("socketio").info("packet with a password")
    (line,) = lines(log)
    assert line["words"] == "The session of agent Line 1 ends."


def test_a_failure_is_written_as_users_are_told_it() -> None:
    stream = io.StringIO()
    Journal("p", stream).failure("beat", RuntimeFailure(Kind.BUSY, "The database is locked.", "Wait."))
    assert lines(stream)[0]["message"] == "The database is locked."


def test_a_log_that_nobody_reads_any_more_stops_nothing() -> None:
    stream = io.StringIO()
    stream.close()
    Journal("p", stream).note("still here")
