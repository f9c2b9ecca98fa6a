"""The server as a process: its streams, its log, its end.

Invariant: a process whose client has gone is gone within two seconds, whatever still computes.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, BinaryIO, Final

from lsprotocol import types

if TYPE_CHECKING:
    from rung.lsp.protocol import RungServer

_PATIENCE: Final = 1.5


class _Input:
    """Standard input, which tells when it ends."""

    def __init__(self, stream: BinaryIO, server: RungServer) -> None:
        self._stream = stream
        self._server = server

    def readline(self) -> bytes:
        return self._seen(self._stream.readline())

    def read(self, size: int) -> bytes:
        return self._seen(self._stream.read(size))

    def _seen(self, data: bytes) -> bytes:
        if not data:
            _leave_soon(self._server)
        return data


def serve_until_the_client_leaves(server: RungServer) -> int:
    """Serve on standard input and output; return the exit code, 0 after an orderly shutdown."""
    _log_to_standard_error()

    @server.feature(types.EXIT)
    def leaving(ls: RungServer, params: None) -> None:
        _leave_soon(ls)

    # The protocol keeps standard output for itself; what anything else prints goes to the log instead of between two messages.
    protocol = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server.start_io(_Input(sys.stdin.buffer, server), protocol)  # type: ignore[arg-type]  # lines and blocks are all it reads
    return 0 if server.closed else 1


def _log_to_standard_error() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # Our own logs hold no secrets. What other libraries say when they are talkative may, so they are not asked to be.
    logging.getLogger("rung").setLevel(os.environ.get("RUNG_LOG", "WARNING").upper())
    logging.getLogger("pygls").setLevel(logging.CRITICAL)


def _leave_soon(server: RungServer) -> None:
    """Leave even if a thread is in the middle of a compilation: nobody waits for its result any more."""

    def leave() -> None:
        os._exit(0 if server.closed else 1)

    guard = threading.Timer(_PATIENCE, leave)
    guard.daemon = True
    guard.start()
