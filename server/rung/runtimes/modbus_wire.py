"""One Modbus TCP connection for the debug codes of OpenPLC Runtime v3 (runtime protocol v3, section 5.2).

The runtime does not set the length in the header of these answers, so each is read by what its function code promises. Whoever
answers otherwise is not this runtime, and is not asked again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from rung.runtimes.address import Address
from rung.runtimes.deadline import within
from rung.runtimes.debug_values import OK, BadAnswer
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.failures import Phase, describe

_LARGEST_DATA = 243
_AFTER_OK = {0x41: 0, 0x42: 0, 0x44: 8, 0x45: 32}
"""Bytes that follow a function code and a good status, without the values of a list."""


class WireBroken(Exception):
    """The peer has hung up: its program ended, or a new one was started."""


class ModbusWire:
    """An open connection, not for two requests at a time. After any failure it is closed: a late answer would be taken for the next."""

    def __init__(
        self, address: Address, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout: float
    ) -> None:
        self.address = address
        self._reader = reader
        self._writer = writer
        self._timeout = timeout
        self._transaction = 0
        self._pending = False

    @classmethod
    async def open(cls, address: Address, timeout: float) -> ModbusWire:
        """Connect.

        Raises:
            RuntimeFailure: nobody listens there, or it cannot be reached.
        """
        try:
            reader, writer = await within(timeout, _connect(address))
        except ConnectionRefusedError:
            raise RuntimeFailure(
                Kind.REFUSED,
                f"{address.host} refuses connections to Modbus TCP port {address.port}, so it cannot be verified which program runs "
                "there, nor can its variables be read.",
                "Switch Modbus on in the runtime's settings and see that its port is the one above; in a container the port must be "
                "published.",
            ) from None
        except TimeoutError:
            raise RuntimeFailure(
                Kind.TIMEOUT,
                f"{address.host} does not answer on Modbus TCP port {address.port}, so it cannot be verified which program runs "
                "there, nor can its variables be read.",
                "See that a firewall lets the port through and that Modbus is switched on in the runtime's settings.",
            ) from None
        except OSError as error:
            raise describe(error, address, Phase.CONNECT) from None
        return cls(address, reader, writer, timeout)

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return not self._writer.is_closing() and not self._reader.at_eof()

    async def ask(self, frame: bytes) -> bytes:
        """Send a debug frame and return the one that answers it, without headers.

        Raises:
            WireBroken: the peer has hung up.
            BadAnswer: it is the runtime's, but malformed.
            RuntimeFailure: no answer in time, or a stranger's.
        """
        self._transaction = self._transaction % 0xFFFF + 1
        try:
            return await within(self._timeout, self._exchange(frame))
        except TimeoutError:
            raise RuntimeFailure(
                Kind.TIMEOUT,
                f"What listens on Modbus TCP port {self.address.port} of {self.address.host} did not answer in time.",
                "Try again; if it stays so, see in the runtime's log whether its Modbus server could start (rung logs).",
            ) from None
        finally:
            if self._pending:
                self.close()

    def close(self) -> None:
        """Hang up; as often as one likes."""
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.transport.abort()

    async def _exchange(self, frame: bytes) -> bytes:
        self._pending = True
        head = struct.pack(">HHHB", self._transaction, 0, len(frame) + 1, 0)
        try:
            self._writer.write(head + frame)
            await self._writer.drain()
            answer = await self._answer(frame[0])
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise self._stranger() from None
            raise WireBroken from None
        except OSError:
            raise WireBroken from None
        self._pending = False
        return answer

    async def _answer(self, code: int) -> bytes:
        transaction, protocol, _, _, answered = struct.unpack(">HHHBB", await self._reader.readexactly(8))
        if transaction != self._transaction or protocol != 0 or answered != code:
            raise self._stranger()
        frame = bytes((code,))
        if code == 0x41:
            return frame + await self._reader.readexactly(2)
        status = await self._reader.readexactly(1)
        frame += status
        if status[0] != OK:
            return frame
        frame += await self._reader.readexactly(_AFTER_OK[code])
        if code == 0x44:
            size = int.from_bytes(frame[-2:], "big")
            if size > _LARGEST_DATA:
                raise BadAnswer("the answer to the question for values says that it is larger than any frame")
            frame += await self._reader.readexactly(size)
        return frame

    def _stranger(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.NOT_OPENPLC,
            f"What listens on Modbus TCP port {self.address.port} of {self.address.host} is not the program of an OpenPLC "
            "Runtime v3, so it cannot be verified which program runs there.",
            "Another program of the device may have the port: give the runtime another Modbus port in its settings.",
        )


async def _connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Try the addresses of a name in turn. The library would do so, too, but melt their failures into one that says nothing."""
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    failures: list[OSError] = []
    for *_, place in found:
        try:
            return await asyncio.open_connection(str(place[0]), address.port)
        except OSError as error:
            failures.append(error)
    # A host that answered, if only to refuse, is better news than one that did not.
    raise next((error for error in failures if isinstance(error, ConnectionRefusedError)), failures[0])
