"""What a database's errors mean to users: whether anything was changed, and what to do.

The driver's own words go to the log, never to users of the hub, and no word goes anywhere with a password in it.
"""

from __future__ import annotations

import logging

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from rung.hub.store.url import Place
from rung.runtimes.errors import Kind, RuntimeFailure

TROUBLE = (DBAPIError, PoolTimeout)
"""What is caught: the database's and its driver's own errors. Others of SQLAlchemy are mistakes in our code."""

_log = logging.getLogger(__name__)

_TRY_AGAIN = "Try again in a moment. If it stays so, look for another program that has the hub's database open."
# SQLSTATE classes and codes of PostgreSQL (manual, appendix A).
_BUSY_STATES = ("55P03", "57014", "40001", "40P01", "53300")
_LOST_STATES = ("08", "57P01", "57P02", "57P03")
_FULL_STATES = ("53100", "53200")


def busy() -> RuntimeFailure:
    """Somebody else holds the database for longer than we wait."""
    return RuntimeFailure(Kind.BUSY, "The hub's database is locked by something else; nothing was changed.", _TRY_AGAIN)


def overloaded() -> RuntimeFailure:
    """More is asked for than the database can do."""
    return RuntimeFailure(
        Kind.BUSY,
        "The hub has more to write than its database takes in; nothing was changed.",
        "Try again in a moment.",
    )


def closed() -> RuntimeFailure:
    """The hub is being stopped."""
    return RuntimeFailure(
        Kind.UNREACHABLE, "The hub is being stopped; nothing was changed.", "Try again when it is up."
    )


def failure_of(error: SQLAlchemyError, place: Place, committing: bool) -> RuntimeFailure:
    """The failure that an error of the database or its driver is.

    Args:
        error: what SQLAlchemy raised.
        place: the database, for the log.
        committing: whether it happened while the transaction was being committed; a connection that breaks there leaves
            open whether it was.
    """
    words = driver_words(error, place)
    if is_busy(error):
        _log.warning("The database is locked (%s): %s", place.shown, words)
        return busy()
    _log.error("The database failed (%s): %s", place.shown, words)
    is_full = "full" in words or _state(error) in _FULL_STATES
    # A server that says why it did not commit has not; nor has SQLite on a full disk.
    if committing and not is_full and (is_unreachable(error) or not _state(error)):
        return RuntimeFailure(
            Kind.LOST,
            "The hub's database failed while a change was being written; whether it was changed is not known.",
            "Read the state again before you repeat anything; the hub's log has the reason.",
        )
    if is_unreachable(error):
        return RuntimeFailure(
            Kind.UNREACHABLE,
            "The hub's database does not answer; nothing was changed. vPLCs keep running.",
            "The hub's operator should see to the database; the hub continues by itself when it is back.",
        )
    if is_full:
        return RuntimeFailure(
            Kind.INTERNAL,
            "The disk of the hub's database is full; nothing was changed. vPLCs keep running.",
            "The hub's operator should make room on it.",
        )
    return RuntimeFailure(
        Kind.INTERNAL,
        "The hub's database refused; nothing was changed. vPLCs keep running.",
        "The hub's operator finds the reason in its log.",
    )


def driver_words(error: SQLAlchemyError, place: Place) -> str:
    """The first line of what the driver says. Values are in later lines, and a password of the address is blackened."""
    text = str(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error)
    words = text.splitlines()[0][:300] if text else type(error).__name__
    secrets = [place.url.password, place.url.query.get("password"), place.url.query.get("sslpassword")]
    for secret in secrets:
        if isinstance(secret, str) and secret:
            words = words.replace(secret, "***")
    return words


def is_unreachable(error: SQLAlchemyError) -> bool:
    """Whether there is no connection to a database server (any more)."""
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if error.connection_invalidated or state.startswith(_LOST_STATES):
        return True
    return (
        not state and type(error.orig).__module__.startswith("psycopg") and "Operational" in type(error.orig).__name__
    )


def unusable(error: SQLAlchemyError, place: Place) -> RuntimeFailure:
    """Why the hub cannot start on this database, for its operator."""
    words, state = driver_words(error, place), _state(error)
    database = f"The hub's database ({place.shown})"
    if is_busy(error):
        return RuntimeFailure(Kind.BUSY, f"{database} is locked by another program; nothing was changed.", _TRY_AGAIN)
    if _refused_sign_in(error):
        return RuntimeFailure(
            Kind.CREDENTIALS,
            f"{database} does not accept the user or password of its address.",
            "Correct the database's address in the hub's settings.",
        )
    if state == "3D000" or ('FATAL:  database "' in words and "does not exist" in words):
        return RuntimeFailure(Kind.DNS, f"{database} does not exist on its server.", "Create it, empty, with UTF-8.")
    if is_unreachable(error):
        return RuntimeFailure(
            Kind.UNREACHABLE, f"{database} does not answer: {words}", "Check that its server runs and can be reached."
        )
    return RuntimeFailure(
        Kind.INTERNAL, f"{database} cannot be used: {words}", "Restore it from a backup, or name an empty one."
    )


def is_busy(error: SQLAlchemyError) -> bool:
    """Whether somebody else held a lock, or all connections, for too long; what was asked for has not been done."""
    if isinstance(error, PoolTimeout) or _state(error) in _BUSY_STATES:
        return True
    words = str(error.orig) if isinstance(error, DBAPIError) else ""
    return not _state(error) and words.startswith(("database is locked", "database table is locked"))


def _refused_sign_in(error: SQLAlchemyError) -> bool:
    words = str(error.orig) if isinstance(error, DBAPIError) else ""
    return _state(error).startswith("28") or "authentication failed" in words or "no password supplied" in words


def _state(error: SQLAlchemyError) -> str:
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state if isinstance(state, str) else ""
