"""`rung simulate`: the simulator in the foreground, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import sys
from pathlib import Path
from typing import Final

import platformdirs

from rung.simulator.server import AddressError, Simulator
from rung.simulator.storage import DataFolderError

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8443


class BadAddress(Exception):
    """What was given is not an address to listen on."""


def parse_listen(listen: str) -> tuple[str, int]:
    """Host and port of "host:port", "[ipv6]:port", "host", ":port" or "port".

    Raises:
        BadAddress: it is none of these.
    """
    text = listen.strip()
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise BadAddress(_not_an_address(listen))
        port = rest[1:]
    elif text.isdecimal():
        host, port = "", text
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if port and (not port.isdecimal() or int(port) > 65535):
        raise BadAddress(_not_an_address(listen))
    return host or DEFAULT_HOST, int(port) if port else DEFAULT_PORT


def run(listen: str, data: Path | None) -> int:
    """See `rung.simulator.serve`."""
    try:
        host, port = parse_listen(listen)
    except BadAddress as error:
        _complain(str(error))
        return 2
    try:
        return asyncio.run(_serve(host, port, data or platformdirs.user_data_path("rung") / "simulator"))
    except (AddressError, DataFolderError) as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 0


async def _serve(host: str, port: int, data: Path) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, ended.set)
    simulator = Simulator(data, host, port)
    await simulator.start()
    try:
        host, port = simulator.address
        _say(f"Listening on https://{f'[{host}]' if ':' in host else host}:{port} (OpenPLC Runtime v4.1 protocol)")
        _say(f"Certificate SHA-256 {simulator.fingerprint}")
        _say(f"Data folder {data}. Stop with Ctrl-C.")
        if not ipaddress.ip_address(host).is_loopback:
            _say("Everybody who reaches this address may create the first user, and a user runs code on this computer.")
        await ended.wait()
    finally:
        await simulator.stop()
    _say("Stopped.")
    return 0


def _not_an_address(listen: str) -> str:
    return f"'{listen}' is not an address to listen on. Write host:port, for instance {DEFAULT_HOST}:{DEFAULT_PORT}."


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
