"""A command's connection to one machine: what was given in words, what is asked on a terminal, what is refused in a pipe.

Invariant: a password enters through standard input, a hidden prompt or the system's keyring, and leaves through the connection only.
"""

from __future__ import annotations

import getpass
import json
import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, TypeVar

from rung.cli import WrongUsage
from rung.runtimes.errors import Kind, RuntimeFailure

if TYPE_CHECKING:
    from rung.runtimes.connection import Connection, Outcome
    from rung.runtimes.profiles import Profile

UNREACHED = frozenset({Kind.REFUSED, Kind.UNREACHABLE, Kind.DNS, Kind.TIMEOUT, Kind.LOST, Kind.NOT_OPENPLC})
INSECURE = frozenset({Kind.UNTRUSTED, Kind.CERTIFICATE_CHANGED, Kind.CREDENTIALS, Kind.NO_USERS})

_Result = TypeVar("_Result")


def target_arguments(parser: ArgumentParser, json_output: bool = True) -> None:
    """Add the options that every command about one machine has."""
    parser.add_argument(
        "--to", required=True, metavar="NAME|URL", help="a saved connection, or an address such as 192.168.0.10"
    )
    parser.add_argument("--user", metavar="U", help="who logs in; default: the saved connection's user")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--trust", metavar="SHA256", help="accept this certificate if the machine shows exactly it")
    if json_output:
        parser.add_argument("--json", action="store_true", help="one JSON document on standard output, nothing else")


def exit_code(kind: Kind) -> int:
    """Return the exit code of a failure: 3 could not reach, 4 refused for security, 1 the machine said no."""
    return 3 if kind in UNREACHED else 4 if kind in INSECURE else 1


def report(failure: RuntimeFailure, as_json: bool = False) -> int:
    """Tell the user of a failure and return the exit code."""
    if as_json:
        print(json.dumps({"error": error_json(failure)}))
    else:
        print(f"error[{failure.kind.value}]: {failure.message}\n  {failure.hint}", file=sys.stderr)
    return exit_code(failure.kind)


def error_json(failure: RuntimeFailure | None) -> dict[str, str] | None:
    """Return the error object of the JSON contracts."""
    return None if failure is None else {"kind": failure.kind.value, "message": failure.message, "hint": failure.hint}


def run_async(work: Coroutine[object, object, _Result]) -> _Result:
    """Run one command's asynchronous work to its end."""
    import asyncio

    return asyncio.run(work)


def find_profile(text: str) -> Profile:
    """Return the machine that `--to` names.

    Raises:
        WrongUsage: it is neither a saved name nor an address.
        RuntimeFailure: the saved connections cannot be read.
    """
    from rung.runtimes.profiles import ProfileStore, resolve_target

    try:
        return resolve_target(text, ProfileStore())
    except ValueError as error:
        raise WrongUsage(f"{error} `rung connection list` shows the saved connections.") from None


def on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> bool:
    """Ask a yes-or-no question on the terminal; anything but yes is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    with _interruptible():
        return sys.stdin.readline().strip().lower() in ("y", "yes")


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question at once: the event loop's own handler would wait for the answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@asynccontextmanager
async def connected(options: Namespace, create_first_user: bool = False) -> AsyncIterator[Connection]:
    """Connect to the machine that the options name and disconnect at the end.

    Asks on a terminal for what is missing (trust, user, password); elsewhere what is missing is a failure.

    Raises:
        RuntimeFailure: no connection; the message says why.
    """
    from rung.runtimes.certificate import normalise_fingerprint
    from rung.runtimes.connection import Connection

    try:
        trust = normalise_fingerprint(options.trust) if options.trust else None
    except ValueError as error:
        raise WrongUsage(f"--trust {options.trust}: {error}") from None
    profile = find_profile(options.to)
    connection = Connection(profile)
    user: str | None = options.user or profile.username
    password = read_password_line() if options.password_stdin else None
    try:
        outcome = await connection.connect(user, password, trust)
        if outcome.state == "needs-trust":
            outcome = await connection.connect(user, password, _accept(profile, outcome))
        if outcome.state == "needs-first-user":
            outcome = await _first_user(connection, outcome, user, password, create_first_user)
        elif outcome.state == "needs-login":
            outcome = await _log_in(connection, outcome, user, password)
        if outcome.state != "connected":
            raise RuntimeFailure(outcome.kind or Kind.INTERNAL, outcome.message, outcome.hint)
        yield connection
    finally:
        await connection.disconnect()


def read_password_line() -> str:
    """Return the password from standard input, without its line end."""
    return sys.stdin.readline().rstrip("\r\n")


def _accept(profile: Profile, outcome: Outcome) -> str:
    """Return the fingerprint that the user accepts."""
    seen = outcome.certificate
    if seen is None or outcome.pinned is not None or not on_terminal():
        kind = Kind.CERTIFICATE_CHANGED if outcome.pinned else Kind.UNTRUSTED
        hint = outcome.hint
        if seen is not None and not outcome.pinned:
            hint = f"Compare it on the device, then give it with --trust {seen.fingerprint}"
        shown = (
            f" Its SHA-256 is {seen.fingerprint}."
            if seen is not None and seen.fingerprint not in outcome.message
            else ""
        )
        raise RuntimeFailure(kind, outcome.message + shown, hint)
    print(
        f"First connection to {profile.address}. The machine shows this certificate:\n"
        f"  SHA-256  {seen.fingerprint}\n  subject  {seen.subject}\n  valid to {seen.not_after}\n"
        "Compare it on the device: openssl x509 -noout -fingerprint -sha256 -in webserver/certOPENPLC.pem",
        file=sys.stderr,
    )
    if not ask("Trust it from now on?"):
        raise RuntimeFailure(
            Kind.UNTRUSTED, "The certificate was not trusted. Nothing was sent.", "Connect again to be asked again."
        )
    return seen.fingerprint


async def _first_user(
    connection: Connection, outcome: Outcome, user: str | None, password: str | None, allowed: bool
) -> Outcome:
    if not allowed and not (on_terminal() and ask("The machine has no user yet. Create the first one now?")):
        raise RuntimeFailure(
            Kind.NO_USERS, outcome.message, "Create it with --create-first-user --user NAME --password-stdin."
        )
    if user is None:
        user = _prompt_user()
    if password is None:
        password = _prompt_password(f"New password for {user}: ")
        if _prompt_password("The same again: ") != password:
            raise RuntimeFailure(Kind.CREDENTIALS, "The two passwords differ. No user was created.", "Try again.")
    return await connection.create_first_user(user, password)


async def _log_in(connection: Connection, outcome: Outcome, user: str | None, password: str | None) -> Outcome:
    if password is not None:
        raise RuntimeFailure(Kind.CREDENTIALS, outcome.message, outcome.hint or "Give the user with --user.")
    user = user or _prompt_user()
    saved = saved_password(connection.profile, user)
    if saved is not None:
        outcome = await connection.connect(user, saved)
        if outcome.state == "connected" or (outcome.state == "error" and outcome.kind is not Kind.CREDENTIALS):
            return outcome  # only a refused password is worth another one
    return await connection.connect(user, _prompt_password(f"Password of {user} on {connection.profile.name}: "))


def saved_password(profile: Profile, user: str) -> str | None:
    """Return the password that the system's keyring has, None where it has none or there is no keyring."""
    from rung.runtimes.credentials import get_password

    try:
        return get_password(profile.address, user)
    except RuntimeFailure:
        return None  # no store on this computer: the prompt follows, or says that nobody is there


def _prompt_user() -> str:
    if not on_terminal():
        raise RuntimeFailure(
            Kind.CREDENTIALS, "The machine asks for a user and none was given.", "Give --user and --password-stdin."
        )
    print("User: ", end="", file=sys.stderr, flush=True)
    with _interruptible():
        return sys.stdin.readline().strip()


def _prompt_password(question: str) -> str:
    if not on_terminal():
        raise RuntimeFailure(
            Kind.CREDENTIALS, "The machine asks for a password and none was given.", "Give it with --password-stdin."
        )
    with _interruptible():
        return getpass.getpass(question)
