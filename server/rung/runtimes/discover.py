"""Which OpenPLC runtimes are on this network: one question to everybody, answers that are read and not believed.

Invariant: a runtime is where its answer came from, whatever the answer says; nothing longer, stranger or more than expected gets
through, and nothing is sent but the fixed question (runtime protocol, section 1.7). Runtime v3 and v4.0 do not answer it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rung.runtimes.device_text import clean

DISCOVERY_PORT: Final = 33333
_QUESTION: Final = b"OPENPLC_DISCOVER_V1"
_LONGEST_ANSWER: Final = 1500
_MOST_FOUND: Final = 64
_MOST_DATAGRAMS: Final = 2000
_EVERYBODY: Final = "255.255.255.255"
_THIS_COMPUTER: Final = "127.0.0.1"
_RUNTIME: Final = "openplc-runtime"
_BOOTLOADER: Final = "openplc-bootloader"
_SIOCGIFADDR: Final = 0x8915
_SIOCGIFBRDADDR: Final = 0x8919


@dataclass(frozen=True, slots=True)
class Found:
    """What answered.

    Attributes:
        host: the IP address that the answer came from.
        port: where its REST interface listens, by its own word.
        version: the runtime's version, empty where it does not say one.
        hostname: its name for itself, empty where it has none.
        project: the name of the project whose source it keeps, None where it tells none.
        recovery: its bootloader answered in place of a runtime that does not run.
    """

    host: str
    port: int
    version: str
    hostname: str
    project: str | None = None
    recovery: bool = False


async def discover(
    seconds: float = 1.0, *, port: int = DISCOVERY_PORT, targets: Sequence[str] | None = None
) -> tuple[Found, ...]:
    """Ask for runtimes and gather the answers, in the order of their addresses; 64 at most.

    Args:
        seconds: how long to wait for answers.
        port: the UDP port to ask on.
        targets: whom to ask; by default this computer and every network that it is in.
    """
    found: dict[tuple[str, int], Found] = {}
    sockets = _sockets(targets)
    gathering = _Gathering(found)
    loop = asyncio.get_running_loop()
    transports = []
    try:
        for asking, hosts in sockets:
            transport, _ = await loop.create_datagram_endpoint(lambda: gathering, sock=asking)
            transports.append((transport, hosts))
        for part in (0.4, 0.6):  # twice, for a datagram may get lost; a runtime answers both, and is found once
            for transport, hosts in transports:
                for host in hosts:
                    transport.sendto(_QUESTION, (host, port))
            await asyncio.sleep(seconds * part)
    finally:
        for transport, _ in transports:
            transport.close()
    return tuple(sorted(found.values(), key=lambda one: (socket.inet_aton(one.host), one.port)))


async def ask_one(host: str, seconds: float, port: int = DISCOVERY_PORT) -> Found | None:
    """Ask one host only; None when it does not answer or its name has no IPv4 address."""
    try:
        rows = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        asked = str(rows[0][4][0])
        found = await discover(seconds, port=port, targets=[asked])
    except OSError:
        return None
    return next((one for one in found if one.host == asked), None)  # nobody else speaks for it


def read_answer(data: bytes, sender: str) -> Found | None:
    """What a datagram says, or None for one that no runtime sends.

    Args:
        data: the datagram, from anybody.
        sender: the IP address it came from.
    """
    if len(data) > _LONGEST_ANSWER:
        return None
    try:
        said = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("service") not in (_RUNTIME, _BOOTLOADER):
        return None
    boots = said["service"] == _BOOTLOADER
    port = said.get("bootloader_port" if boots and "api_port" not in said else "api_port")
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= 65535:
        return None
    project = _text(said.get("project_name"), 80) or None
    return Found(
        sender, port, _text(said.get("runtime_version"), 40), _text(said.get("hostname"), 64), project, recovery=boots
    )


class _Gathering(asyncio.DatagramProtocol):
    def __init__(self, found: dict[tuple[str, int], Found]) -> None:
        self._found = found
        self._left = _MOST_DATAGRAMS

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._left -= 1
        if self._left < 0 or len(self._found) >= _MOST_FOUND:
            return
        answer = read_answer(data, addr[0])
        if answer is not None:
            self._found.setdefault((answer.host, answer.port), answer)

    def error_received(self, exc: Exception) -> None:
        """A network that takes no broadcast, or a host where nobody listens, is one without a runtime."""


def _text(value: object, limit: int) -> str:
    return clean(value, limit).strip() if isinstance(value, str) else ""


def _sockets(targets: Sequence[str] | None) -> list[tuple[socket.socket, list[str]]]:
    """Sockets, each with whom to ask over it.

    The limited broadcast leaves a computer through one network only, so each network is asked by its own address, too.
    """
    if targets is not None:
        return [(_socket(""), list(targets))]
    sockets = [(_socket(""), [_THIS_COMPUTER, _EVERYBODY])]
    for address, broadcast in _networks():
        try:
            sockets.append((_socket(address), [broadcast]))
        except OSError:
            continue  # the interface went away between the two questions
    return sockets


def _socket(address: str) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.bind((address, 0))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _networks() -> list[tuple[str, str]]:
    """This computer's own IPv4 addresses, each with the address that reaches everybody in its network."""
    if sys.platform == "linux":
        return _linux_networks()
    try:
        rows = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_DGRAM)
    except OSError:
        return []
    # Without a portable way to the netmask: a limited broadcast from this address leaves through its interface.
    return [(address, _EVERYBODY) for address in dict.fromkeys(str(row[4][0]) for row in rows)]


if sys.platform == "linux":

    def _linux_networks() -> list[tuple[str, str]]:
        import fcntl

        networks: list[tuple[str, str]] = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            for _, name in socket.if_nameindex():
                request = struct.pack("256s", name.encode()[:15])
                try:
                    address, broadcast = (
                        socket.inet_ntoa(fcntl.ioctl(asking.fileno(), code, request)[20:24])
                        for code in (_SIOCGIFADDR, _SIOCGIFBRDADDR)
                    )
                except OSError:
                    continue  # an interface without an IPv4 address
                if not address.startswith("127.") and not broadcast.startswith("0."):  # nothing is set
                    networks.append((address, broadcast))
        return networks
