"""`rung simulate`: the simulator in the foreground, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import platformdirs

from rung.simulator.personality import DEFAULT_VERSION, V4_0, Personality, personality_of
from rung.simulator.server import AddressError, Simulator
from rung.simulator.storage import DataFolderError

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8443
_WEB_PORT: Final = 8080
_MODBUS_PORT: Final = 502
_UNPRIVILEGED_MODBUS_PORT: Final = 5020
_NO_VERSIONS: Final = "--runtime-version chooses a version of v4.1 or newer; it goes with --as v4.1 only."


class WrongUsage(Exception):
    """What was asked for cannot be had by any simulator; the text is for the user."""


class _Runtime(Protocol):
    """What the simulators of all generations have."""

    @property
    def address(self) -> tuple[str, int]: ...
    @property
    def fingerprint(self) -> str: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def parse_listen(listen: str) -> tuple[str, int]:
    """Host and port of "host:port", "[ipv6]:port", "host", ":port" or "port".

    Raises:
        WrongUsage: it is none of these, or a host of that name is not known.
    """
    text = listen.strip()
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise WrongUsage(_not_an_address(listen))
        port = rest[1:]
    elif text.isdecimal():
        host, port = "", text
    elif text.count(":") > 1:
        host, port = text, ""
    else:
        host, _, port = text.partition(":")
    if port and (not port.isdecimal() or int(port) > 65535):
        raise WrongUsage(_not_an_address(listen))
    if host:
        try:
            socket.getaddrinfo(host, None)
        except (OSError, UnicodeError):
            raise WrongUsage(_not_an_address(listen)) from None
    return host or DEFAULT_HOST, int(port) if port else DEFAULT_PORT


def run(listen: str, data: Path | None, generation: str, version: str | None) -> int:
    """See `rung.simulator.serve`."""
    folder = data or platformdirs.user_data_path("rung") / ("simulator" if generation == "v4.1" else generation)
    try:
        host, port = parse_listen(listen)
        if generation == "v3":
            if version is not None:
                raise WrongUsage(_NO_VERSIONS)
            return asyncio.run(_serve_v3(folder, host, port))
        return asyncio.run(_serve_v4(folder, host, port, _personality(generation, version)))
    except WrongUsage as error:
        _complain(str(error))
        return 2
    except (AddressError, DataFolderError) as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 0


def _personality(generation: str, version: str | None) -> Personality:
    """What to play.

    Raises:
        WrongUsage: there is no such version in that generation.
    """
    if generation == "v4.0":
        if version is not None:
            raise WrongUsage(_NO_VERSIONS)
        return V4_0
    try:
        personality = personality_of(version or DEFAULT_VERSION)
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    if personality is V4_0:
        raise WrongUsage("--runtime-version chooses a version of v4.1 or newer; use --as v4.0 for the older line.")
    return personality


async def _serve_v4(folder: Path, host: str, port: int, personality: Personality) -> int:
    return await _serve(Simulator(folder, host, port, personality=personality), personality.name, folder)


async def _serve_v3(folder: Path, host: str, port: int) -> int:
    from rung.simulator.v3 import V3Simulator

    modbus_port = _MODBUS_PORT if _may_listen(host, _MODBUS_PORT) else _UNPRIVILEGED_MODBUS_PORT
    # Whoever takes any port for REST wants to disturb nobody with the others either.
    others = (0, 0) if port == 0 else (_WEB_PORT, modbus_port)
    runtime = V3Simulator(folder, host, port, web_port=others[0], modbus_port=others[1])

    def more() -> list[str]:
        modbus = runtime.modbus_address
        return [
            f"Web pages on http://{_joined(runtime.web_address)}, which is not encrypted",
            f"Modbus TCP on {_joined(modbus)} while a program runs"
            if modbus
            else "Modbus TCP is disabled in the settings",
        ]

    return await _serve(runtime, "v3", folder, more)


async def _serve(runtime: _Runtime, name: str, folder: Path, more: Callable[[], list[str]] = list) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C arrives as KeyboardInterrupt
            loop.add_signal_handler(number, ended.set)
    await runtime.start()
    try:
        _say(f"Listening on https://{_joined(runtime.address)} (OpenPLC Runtime {name} protocol)")
        _say(f"Certificate SHA-256 {runtime.fingerprint}")
        for line in more():
            _say(line)
        _say(f"Data folder {folder}. Stop with Ctrl-C.")
        if not ipaddress.ip_address(runtime.address[0]).is_loopback:
            _say("Everybody who reaches this address may create the first user, and a user runs code on this computer.")
        await ended.wait()
    finally:
        await runtime.stop()
    _say("Stopped.")
    return 0


def _joined(address: tuple[str, int]) -> str:
    host, port = address
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _may_listen(host: str, port: int) -> bool:
    """Whether this user may take a privileged port; a port that is merely taken is another matter."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        try:
            probe.bind((host, port))
        except PermissionError:
            return False
        except OSError:
            return True
    return True


def _not_an_address(listen: str) -> str:
    return f"'{listen}' is not an address to listen on. Write host:port, for instance {DEFAULT_HOST}:{DEFAULT_PORT}."


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(text + "\n")
