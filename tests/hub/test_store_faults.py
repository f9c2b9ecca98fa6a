"""A database that is locked, full, gone or restarted: what users are told, and that it is true."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from hub.postgres import Postgres
from hub.stocked import admin, directly, now
from rung.hub.records import AuditRow
from rung.hub.roles import Role
from rung.hub.store import Store
from rung.hub.store import database as database_module
from rung.hub.store.failures import failure_of
from rung.hub.store.url import place_of
from rung.runtimes.errors import Kind, RuntimeFailure


def row(detail: str = "", outcome: str = "ok") -> AuditRow:
    return AuditRow(now(), "Bottling", "chief", "program.start", None, None, outcome, detail)


@pytest.fixture
def restartable() -> Iterator[Postgres]:
    """A server of one test's own."""
    server = Postgres()
    yield server
    server.close()


async def test_a_locked_database_is_busy_within_seconds_for_everybody_and_blocks_nothing(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 0.5)
    store = await Store.open(database)
    chief = await admin(store)
    engine = create_engine(place_of(database).url)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    with engine.begin() as other:
        other.execute(text("UPDATE users SET role = 'viewer'"))  # and does not commit
        ticking = asyncio.create_task(tick())
        began = time.monotonic()
        calls = 4 if database.startswith("postgresql") else 150
        answers = await asyncio.gather(
            *(store.set_role(chief, Role.OWNER) for _ in range(calls)), return_exceptions=True
        )
        took = time.monotonic() - began
        ticking.cancel()
        assert await store.users() == [chief]
        other.rollback()
    assert [answer.kind for answer in answers if isinstance(answer, RuntimeFailure)] == [Kind.BUSY] * calls
    assert all("locked by something else; nothing was changed" in str(answer) for answer in answers)
    assert 0.4 < took < 3
    assert ticks > 10
    assert await store.users() == [chief]
    assert (await store.set_role(chief, Role.OWNER)).role is Role.OWNER
    engine.dispose()
    await store.aclose()


async def test_a_lock_that_is_let_go_in_time_is_waited_for(database: str) -> None:
    store = await Store.open(database)
    chief = await admin(store)
    engine = create_engine(place_of(database).url)
    with engine.begin() as other:
        other.execute(text("UPDATE users SET role = 'viewer'"))
        waiting = asyncio.create_task(store.set_role(chief, Role.OWNER))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        other.rollback()
    assert (await waiting).role is Role.OWNER
    engine.dispose()
    await store.aclose()


async def test_a_write_that_fails_does_not_undo_those_that_were_asked_for_with_it(store: Store) -> None:
    await admin(store, name="taken")
    answers = await asyncio.gather(
        *(store.note(row(str(number), "perhaps" if number % 5 == 0 else "ok")) for number in range(50)),
        *(admin(store, name="taken" if number % 2 else f"user {number}") for number in range(10)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, RuntimeFailure) for answer in answers) == 10
    assert sum(isinstance(answer, ValueError) for answer in answers) == 5
    assert {int(noted.detail) for noted in await store.audit("Bottling")} == {n for n in range(50) if n % 5}
    assert len(await store.users()) == 6


async def test_nobody_hears_that_it_is_done_before_it_is_committed(store: Store) -> None:
    let_go = threading.Event()

    def hold(_: Connection) -> None:
        let_go.wait(10)

    event.listen(Engine, "commit", hold)
    try:
        noting = [asyncio.create_task(store.note(row())) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in noting)
    finally:
        let_go.set()
        await asyncio.gather(*noting)
        event.remove(Engine, "commit", hold)
    assert len(await store.audit("Bottling")) == 3


async def test_a_write_that_waited_for_too_long_is_not_done_any_more(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "QUEUE_PATIENCE", -1.0)
    with pytest.raises(RuntimeFailure, match="more to write than its database takes in; nothing was changed"):
        await store.note(row())
    assert await store.audit("Bottling") == []


async def test_whoever_gives_up_waiting_leaves_the_store_working(store: Store) -> None:
    noting = [asyncio.create_task(store.note(row(str(number)))) for number in range(200)]
    await asyncio.sleep(0)
    for task in noting[::2]:
        task.cancel()
    await asyncio.gather(*noting, return_exceptions=True)
    noted = {int(noted.detail) for noted in await store.audit("Bottling", limit=1000)}
    assert noted >= set(range(1, 200, 2))


async def test_a_closed_store_finishes_what_was_asked_and_refuses_the_rest(database: str) -> None:
    store = await Store.open(database)
    noting = [asyncio.create_task(store.note(row(str(number)))) for number in range(20)]
    await asyncio.sleep(0)
    await store.aclose()
    await asyncio.gather(*noting)
    for attempt in (store.users(), store.note(row())):
        with pytest.raises(RuntimeFailure, match="being stopped"):
            await attempt
    again = await Store.open(database)
    assert len(await again.audit("Bottling")) == 20
    await again.aclose()


async def test_a_server_that_restarts_is_unreachable_meanwhile_and_used_again_by_itself(restartable: Postgres) -> None:
    store = await Store.open(restartable.database())
    chief = await admin(store)
    await asyncio.gather(*(store.users() for _ in range(8)))
    restartable.stop()
    for attempt in (store.users(), store.set_role(chief, Role.OWNER), store.ping()):
        with pytest.raises(RuntimeFailure) as failure:
            await attempt
        assert failure.value.kind is Kind.UNREACHABLE
        assert "nothing was changed. vPLCs keep running" in failure.value.message
    restartable.start()
    assert await store.users() == [chief]
    assert (await store.set_role(chief, Role.OWNER)).role is Role.OWNER
    await store.aclose()


async def test_what_was_noted_is_there_after_the_server_was_killed_in_the_middle(restartable: Postgres) -> None:
    store = await Store.open(restartable.database())
    noted: list[str] = []
    plenty = asyncio.Event()

    async def note_on() -> None:
        while True:
            detail = str(len(noted))
            await store.note(row(detail))
            noted.append(detail)
            if len(noted) == 50:
                plenty.set()

    noting = asyncio.create_task(note_on())
    await plenty.wait()
    await asyncio.to_thread(restartable.kill)
    with pytest.raises(RuntimeFailure) as failure:
        await noting
    assert failure.value.kind in (Kind.UNREACHABLE, Kind.LOST)
    restartable.start()
    assert {noted.detail for noted in await store.audit("Bottling", limit=1000)} >= set(noted)
    await store.aclose()


async def test_a_connection_that_breaks_during_the_commit_leaves_the_outcome_open(restartable: Postgres) -> None:
    address = restartable.database()
    store = await Store.open(address)
    directly(
        address,
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$",
        "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION cut()",
    )
    with pytest.raises(RuntimeFailure) as failure:
        await store.note(row())
    assert failure.value.kind is Kind.LOST
    assert "is not known" in failure.value.message
    await store.aclose()


@pytest.mark.parametrize(
    ("words", "kind", "sentence"),
    [
        ("database is locked", Kind.BUSY, "locked by something else; nothing was changed"),
        ("database or disk is full", Kind.INTERNAL, "disk of the hub's database is full; nothing was changed"),
        ("disk I/O error", Kind.INTERNAL, "refused; nothing was changed"),
    ],
)
def test_what_sqlite_says_becomes_a_sentence_and_its_words_go_to_the_log(
    words: str, kind: Kind, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    place = place_of("sqlite:////srv/hub.sqlite")
    failure = failure_of(OperationalError("INSERT", {"token": "geheim"}, sqlite3.OperationalError(words)), place, False)
    assert failure.kind is kind
    assert sentence in failure.message
    assert "/srv" not in failure.message + failure.hint
    assert f"(SQLite file /srv/hub.sqlite): {words}" in caplog.text
    assert "geheim" not in caplog.text


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("disk I/O error", Kind.LOST),
        ("database or disk is full", Kind.INTERNAL),
        ("database is locked", Kind.BUSY),
    ],
)
def test_only_a_commit_of_which_nobody_can_tell_is_called_unknown(words: str, kind: Kind) -> None:
    error = OperationalError("COMMIT", {}, sqlite3.OperationalError(words))
    failure = failure_of(error, place_of("sqlite:////srv/hub.sqlite"), committing=True)
    assert failure.kind is kind
    assert ("not known" in failure.message) == (kind is Kind.LOST)


def test_no_password_of_the_address_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    place = place_of("postgresql://hub:geheim@server/hub?sslpassword=heimlich")
    failure_of(OperationalError("", {}, Exception("bad geheim and heimlich\nDETAIL: values")), place, False)
    assert "bad *** and ***" in caplog.text
    assert "DETAIL" not in caplog.text
