"""Opening a database: made, brought up to date, or refused by name, and no password in any sentence."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from hub.postgres import PASSWORD, shared_postgres
from hub.stocked import TESTS_IMPORTABLE, admin, directly
from rung.hub.store import Store
from rung.hub.store import database as database_module
from rung.hub.store.migrate import VERSION_TABLE
from rung.hub.store.tables import metadata
from rung.hub.store.url import place_of
from rung.runtimes.errors import Kind, RuntimeFailure

OPENER = """
import asyncio, sys
from hub.stocked import admin
from rung.hub.store import Store

async def opened(address, name):
    await asyncio.to_thread(sys.stdin.readline)
    store = await Store.open(address)
    await admin(store, "Bottling", name)
    await store.aclose()

print("ready", flush=True)
asyncio.run(opened(sys.argv[1], sys.argv[2]))
"""


async def refusal(address: str) -> RuntimeFailure:
    """Why a database cannot be opened."""
    with pytest.raises(RuntimeFailure) as failure:
        await Store.open(address)
    return failure.value


async def test_what_was_stored_is_there_after_opening_again(database: str) -> None:
    store = await Store.open(database)
    chief = await admin(store)
    await store.aclose()
    again = await Store.open(database)
    assert await again.users() == [chief]
    await again.ping()
    await again.aclose()


async def test_the_migrations_make_exactly_the_tables_that_the_code_uses(store: Store, database: str) -> None:
    engine = create_engine(place_of(database).url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_a_file_is_its_owners_alone_and_survives_losing_power(
    store: Store, database: str, tmp_path: Path
) -> None:
    if database.startswith("postgresql"):
        assert await store.users() == []  # its files are the server's matter
        return
    await admin(store)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert directly(database, "PRAGMA journal_mode") == [("wal",)]


async def test_processes_and_threads_may_open_a_new_database_at_once(database: str) -> None:
    pipe = asyncio.subprocess.PIPE
    openers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", OPENER, database, f"process {number}", stdin=pipe, stdout=pipe, env=TESTS_IMPORTABLE
        )
        for number in range(3)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert await opener.stdout.readline() == b"ready\n"
    stores, _ = await asyncio.gather(
        asyncio.gather(*(Store.open(database) for _ in range(3))),
        asyncio.gather(*(opener.communicate(b"go\n") for opener in openers)),
    )
    assert [opener.returncode for opener in openers] == [0, 0, 0]
    assert [user.name for user in await stores[0].users()] == ["process 0", "process 1", "process 2"]
    for store in stores:
        await store.aclose()


async def test_a_database_of_a_newer_rung_is_refused_by_name_and_left_as_it_is(database: str) -> None:
    await (await Store.open(database)).aclose()
    directly(database, f"UPDATE {VERSION_TABLE} SET version_num = '9042'")
    failure = await refusal(database)
    assert failure.kind is Kind.TOO_OLD
    assert "newer Rung: its tables are 9042, and this Rung knows them up to 0001" in failure.message
    assert directly(database, f"SELECT version_num FROM {VERSION_TABLE}") == [("9042",)]


async def test_another_programs_tables_are_not_touched(database: str) -> None:
    directly(database, "CREATE TABLE users (login TEXT)", "INSERT INTO users VALUES ('root')")
    failure = await refusal(database)
    assert "tables that are not of a hub: users" in failure.message
    assert directly(database, "SELECT * FROM users") == [("root",)]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "geheim",
        "mysql://hub:geheim@server/hub",
        "postgresql+asyncpg://hub:geheim@server/hub",
        "postgresql://hub:p@geheim@server/hub",
        "postgresql://hub:geheim@server:port/hub",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:geheim?uri=true",
    ],
)
async def test_an_address_that_cannot_be_used_is_refused_without_being_repeated(address: str) -> None:
    failure = await refusal(address)
    assert "geheim" not in failure.message + failure.hint
    assert "sqlite:///FOLDER/hub.sqlite" in failure.hint


async def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "hub.sqlite").write_bytes(b"not a database at all " * 100)
    failure = await refusal(f"sqlite:///{tmp_path}/hub.sqlite")
    assert failure.kind is Kind.INTERNAL
    assert f"{tmp_path}/hub.sqlite) cannot be used: file is not a database" in failure.message


async def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    failure = await refusal(f"sqlite:///{tmp_path}/absent/hub.sqlite")
    assert f"{tmp_path}/absent/hub.sqlite) cannot be opened: No such file" in failure.message


async def test_a_file_that_stays_locked_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 0.1)
    monkeypatch.setattr(database_module, "START_PATIENCE", 0.3)
    other = sqlite3.connect(tmp_path / "hub.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    failure = await refusal(f"sqlite:///{tmp_path}/hub.sqlite")
    assert failure.kind is Kind.BUSY
    assert "hub.sqlite) is locked by another program; nothing was changed" in failure.message
    other.close()


async def test_a_start_waits_for_another_process_that_changes_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 0.1)
    other = sqlite3.connect(tmp_path / "hub.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    opening = asyncio.create_task(Store.open(f"sqlite:///{tmp_path}/hub.sqlite"))
    await asyncio.sleep(0.4)
    assert not opening.done()
    other.close()
    await (await opening).aclose()


async def test_a_start_waits_for_another_process_that_changes_the_tables_of_a_server() -> None:
    address = shared_postgres().database()
    engine = create_engine(place_of(address).url)
    with engine.begin() as other:
        other.execute(text(f"SELECT pg_advisory_xact_lock({database_module.MIGRATION_LOCK})"))
        opening = asyncio.create_task(Store.open(address))
        await asyncio.sleep(0.4)
        assert not opening.done()
    await (await opening).aclose()
    engine.dispose()


async def test_a_password_with_any_characters_signs_in_and_a_wrong_one_is_not_repeated() -> None:
    server = shared_postgres()
    name = place_of(server.database()).url.database
    assert name is not None
    await (await Store.open(server.url(name, "keeper", PASSWORD))).aclose()
    failure = await refusal(server.url(name, "keeper", "geheim/@:%"))
    assert failure.kind is Kind.CREDENTIALS
    assert f"PostgreSQL database {name} on {server.folder}" in failure.message
    assert "geheim" not in failure.message + failure.hint
    assert (await refusal(server.url(name, "keeper"))).kind is Kind.CREDENTIALS


async def test_a_password_among_the_options_is_not_repeated_either() -> None:
    failure = await refusal("postgresql://hub@127.0.0.1:1/hub?password=geheim&options=geheim")
    assert failure.kind is Kind.UNREACHABLE
    assert "geheim" not in failure.message + failure.hint


async def test_a_database_that_does_not_exist_is_named() -> None:
    failure = await refusal(shared_postgres().url("absent"))
    assert failure.kind is Kind.DNS
    assert "PostgreSQL database absent on " in failure.message


async def test_a_server_that_does_not_run_is_unreachable(tmp_path: Path) -> None:
    failure = await refusal(f"postgresql://hub:geheim@/hub?host={tmp_path}")
    assert failure.kind is Kind.UNREACHABLE
    assert f"PostgreSQL database hub on {tmp_path}) does not answer" in failure.message
    assert "geheim" not in failure.message + failure.hint


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
async def test_a_database_that_cannot_hold_every_name_is_refused(encoding: str) -> None:
    failure = await refusal(shared_postgres().database(encoding=encoding))
    assert f"has the encoding {encoding}, which does not hold every name" in failure.message
