"""Modbus TCP of a running PLC: frames in, frames out (section 5).

Invariant: a request is answered only when it is whole; no client can make another one wait or fail. The answers to the debug codes keep
the length field of their request, which a standard client cannot read, because the real server forgets to set it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable
from typing import Final

from rung.simulator.v3.memory import Memory
from rung.simulator.v3.modbus_debug import DEBUG_CODES, answer_debug
from rung.simulator.v3.modbus_standard import answer_standard

_HEADER: Final = struct.Struct(">HHHB")
_LONGEST: Final = 1024
_CUT: Final = 3


class ModbusServer:
    """A listening port and its clients."""

    def __init__(self, memory: Memory, amend: Callable[[bytes], bytes]) -> None:
        """A server for `memory`; `amend` gets each debug answer without its header and returns the one to send."""
        self._memory = memory
        self._amend = amend
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: the port is taken or not allowed.
        """
        self._server = await asyncio.start_server(self._serve, host, port)

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
            for client in tuple(self._clients):
                client.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._converse(reader, writer)
        except asyncio.CancelledError:
            pass  # the server closes; asyncio would report a cancelled handler as an error
        finally:
            self._clients.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            header = await reader.readexactly(_HEADER.size)
            transaction, protocol, length, unit = _HEADER.unpack(header)
            if protocol != 0 or not 2 <= length <= _LONGEST:
                return
            request = await reader.readexactly(length - 1)
            if request[0] in DEBUG_CODES:
                answer = await answer_debug(self._memory, request)
                if answer is None:
                    writer.write(header[:_CUT])  # all that the real server sends for an index that does not exist
                else:
                    writer.write(header + self._amend(answer))
            else:
                answer = await answer_standard(self._memory, request)
                writer.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)
            await writer.drain()
