"""A command's connection to one machine: what was given in words, what is asked on a terminal, what is refused in a pipe.

Invariant: a password enters through standard input, a hidden prompt or the system's keyring, and leaves through the connection only.
"""

from __future__ import annotations

import getpass
import json
import re
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
        "--to",
        required=True,
        metavar="NAME|URL|ORCHESTRATOR/VPLC",
        help="a saved connection, an address such as 192.168.0.10, or a vPLC behind a hub (HUB/ORCHESTRATOR/VPLC with several hubs)",
    )
    parser.add_argument("--user", metavar="U", help="who logs in; default: the saved connection's user")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--trust", metavar="SHA256", help="accept this certificate if the machine shows exactly it")
    parser.add_argument(
        "--plain",
        action="store_true",
        help="log in although the machine has only web pages that are not encrypted (older OpenPLC Runtime v3)",
    )
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


@contextmanager
def stopped_by_signals() -> Iterator[list[int]]:
    """Have Ctrl-C, an end from outside and a terminal that is closed cancel the running task, so that it says what it leaves behind.

    Yields the signals that came. A second one of a kind does what it did before. This must be the main thread.
    """
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    came: list[int] = []
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def stop(number: int, _frame: object) -> None:
        came.append(number)
        signal.signal(number, before[number])
        if task is not None:
            loop.call_soon_threadsafe(task.cancel)

    for number in numbers:
        signal.signal(number, stop)
    try:
        yield came
    finally:
        for number in numbers:
            signal.signal(number, before[number])


def find_profile(text: str) -> Profile:
    """Return the machine that `--to` names.

    Raises:
        WrongUsage: it is neither a saved name nor an address.
        RuntimeFailure: the saved connections or hubs cannot be read.
    """
    from rung.runtimes.profiles import ProfileStore, resolve_target

    if text.startswith("serial:"):
        raise WrongUsage(
            f"{text} is a board on a serial port, which always runs its program: put one on it with `rung flash`, look at it with `rung watch`, "
            "`rung status` and `rung logs`."
        )
    if _names_a_port(text):
        raise WrongUsage(f"{text} is a serial port. A board on it is named serial:{text}.")
    try:
        return resolve_target(text, ProfileStore())
    except ValueError as error:
        raise WrongUsage(f"{error} `rung connection list` shows the saved connections.") from None


def _names_a_port(text: str) -> bool:
    """Whether a user who means a board has left `serial:` out: a device file, or a port of Windows."""
    return text.startswith("/dev/") or re.fullmatch(r"COM[0-9]{1,3}", text, re.IGNORECASE) is not None


def on_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str) -> bool:
    """Ask a yes-or-no question on the terminal; anything but yes is no."""
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    with _interruptible():
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def ask_text(question: str) -> str:
    """Ask for a line of text on the terminal."""
    print(question, end="", file=sys.stderr, flush=True)
    with _interruptible():
        return sys.stdin.readline().strip()


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
    if not profile.address.is_encrypted and not options.plain:
        print(
            f"note: {profile.address} is not encrypted: everybody in its network can read the password.",
            file=sys.stderr,
        )
    connection = Connection(profile)
    user: str | None = options.user or profile.username
    password = read_password_line() if options.password_stdin else None
    try:
        outcome = await connection.connect(user, password, trust, plain=options.plain)
        if outcome.state == "needs-trust":
            outcome = await connection.connect(user, password, _accept(profile, outcome))
        if outcome.state == "needs-first-user":
            outcome = await _first_user(connection, outcome, user, password, create_first_user)
        elif outcome.state == "needs-login":
            outcome = await _log_in(connection, outcome, user, password, options.plain)
        if outcome.state != "connected":
            raise RuntimeFailure(outcome.kind or Kind.INTERNAL, outcome.message, outcome.hint)
        yield connection
    finally:
        await connection.disconnect()


def read_password_line() -> str:
    """Return the next password from standard input, without its line end.

    Raises:
        WrongUsage: there is no further line.
    """
    line = sys.stdin.readline()
    if not line.rstrip("\r\n"):
        raise WrongUsage("standard input ended, or has an empty line, where a password was to be. Nothing was changed.")
    return line.rstrip("\r\n")


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
            Kind.NO_USERS,
            outcome.message,
            "Create it with the first download: rung deploy --create-first-user --user NAME --password-stdin.",
        )
    if user is None:
        user = _prompt_user()
    if password is None:
        password = new_password(user)
    return await connection.create_first_user(user, password)


async def _log_in(
    connection: Connection, outcome: Outcome, user: str | None, password: str | None, plain: bool
) -> Outcome:
    if not outcome.encrypted and not plain:
        _accept_plain(connection.profile, outcome)
        if password is not None and user is not None:
            return await connection.connect(user, password, plain=True)
    if password is not None:
        raise RuntimeFailure(Kind.CREDENTIALS, outcome.message, outcome.hint or "Give the user with --user.")
    unencrypted = not outcome.encrypted
    user = user or _prompt_user()
    saved = saved_password(connection.profile, user)
    if saved is not None:
        outcome = await connection.connect(user, saved, plain=unencrypted)
        if outcome.state == "connected" or (outcome.state == "error" and outcome.kind is not Kind.CREDENTIALS):
            return outcome  # only a refused password is worth another one
    question = f"Password of {user} on {connection.profile.name}: "
    return await connection.connect(user, prompt_password(question), plain=unencrypted)


def _accept_plain(profile: Profile, outcome: Outcome) -> None:
    """Tell the user that everybody can read the password, before one is typed or sent."""
    if profile.address.is_encrypted and not on_terminal():
        raise RuntimeFailure(
            Kind.UNTRUSTED, outcome.message, f"{outcome.hint} Give --plain to do so without a question."
        )
    print(f"{outcome.message}\n  {outcome.hint}", file=sys.stderr)
    if profile.address.is_encrypted and not ask("Log in all the same?"):
        raise RuntimeFailure(
            Kind.UNTRUSTED, "Nobody was logged in; no password was sent.", "Connect again to be asked again."
        )


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
    return ask_text("User: ")


def new_password(user: str) -> str:
    """Ask twice for a password that a user is to have.

    Raises:
        RuntimeFailure: the two differ, or nobody is there to be asked.
    """
    password = prompt_password(f"New password for {user}: ")
    if prompt_password("The same again: ") != password:
        raise RuntimeFailure(Kind.CREDENTIALS, "The two passwords differ. Nothing was changed.", "Try again.")
    return password


def prompt_password(question: str) -> str:
    """Ask for a password on the terminal, without showing it.

    Raises:
        RuntimeFailure: nobody is there to be asked.
    """
    if not on_terminal():
        raise RuntimeFailure(
            Kind.CREDENTIALS, "The machine asks for a password and none was given.", "Give it with --password-stdin."
        )
    with _interruptible():
        return getpass.getpass(question)
