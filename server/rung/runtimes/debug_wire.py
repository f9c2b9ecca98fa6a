"""One Socket.IO connection to the debug namespace, for one worker thread. It runs over a TLS socket whose pin was compared
before this file saw it; the Socket.IO library never opens a connection itself, and the token travels in the connect packet only.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket

from rung.runtimes.address import Address
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.tls import open_pinned_socket

_NAMESPACE = "/api/debug"


class TokenRefused(Exception):
    """The runtime does not accept the token: at the door, or (newer runtimes) for a command."""


class DebugWire:
    """A blocking connection. Not for two threads at a time: the protocol has no way to tell whose answer is whose.

    Args:
        address: the machine.
        pin: SHA-256 of its certificate.
        token: from a login; taken into memory only.
        timeout: seconds to connect, and for each answer.

    Raises:
        TokenRefused: log in again.
        RuntimeFailure: it cannot be reached, is not the pinned machine, or has no debug channel.
    """

    def __init__(self, address: Address, pin: str, token: str, timeout: float) -> None:
        # Loading it takes long; here, in the worker thread, nobody waits for it who only wants to connect.
        import socketio  # type: ignore[import-untyped]  # python-socketio ships no type information

        self._broken: type[Exception] = socketio.exceptions.SocketIOError
        self._address = address
        self._timeout = timeout
        self._answers: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._sock = open_pinned_socket(address, pin, timeout)
        self._client = socketio.Client(
            reconnection=False,
            handle_sigint=False,
            logger=_silent(),
            engineio_logger=_silent(),
            request_timeout=timeout,
            # The prepared socket is the only one ever used: without redirects there is no second connection.
            websocket_extra_options={"socket": self._sock, "redirect_limit": 0},
        )
        self._client.on("debug_response", self._answers.put, namespace=_NAMESPACE)
        self._client.on("disconnect", lambda *reason: self._answers.put(None), namespace=_NAMESPACE)
        refused: list[object] = []
        self._client.on("connect_error", refused.append, namespace=_NAMESPACE)
        try:
            self._client.connect(
                f"wss://{address.authority}",
                auth={"token": token},
                transports=["websocket"],
                namespaces=[_NAMESPACE],
                wait_timeout=timeout,
            )
        except (self._broken, OSError, ValueError, TypeError, KeyError, AttributeError):
            # The library reads the peer's first packets without checking their form.
            self.close()
            if any(isinstance(reason, dict) and "rejected" in str(reason.get("message")) for reason in refused):
                raise TokenRefused from None
            raise RuntimeFailure(
                Kind.LOST,
                f"The debug channel of {address} could not be opened, so it is not known which program runs there.",
                "Try again; if it stays so, restart the runtime service on the device.",
            ) from None

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return bool(self._client.connected)

    def ask(self, command: str) -> object:
        """Send one command (hex digits only) and return the `data` of its answer, unchecked.

        Raises:
            TokenRefused: log in again.
            RuntimeFailure: the connection broke, or the runtime has no answer. The wire is then of no more use,
                because a late answer would be taken for that to the next command.
        """
        while not self._answers.empty():
            self._answers.get_nowait()
        try:
            self._client.emit("debug_command", {"command": command}, namespace=_NAMESPACE)
            answer = self._answers.get(timeout=self._timeout)
        except (queue.Empty, self._broken):
            answer = None
        if isinstance(answer, dict):
            if answer.get("success") is True:
                return answer.get("data")
            error = answer.get("error")
            if error == "Unauthorized":
                raise TokenRefused
            raise RuntimeFailure(
                Kind.LOST,
                f"The runtime on {self._address} does not answer about its variables "
                f"({clean(error, 100) if isinstance(error, str) else 'it does not say why'}).",
                "Look at the state of the machine (rung status); if it stays so, restart the runtime service on the device.",
            )
        self.close()
        raise RuntimeFailure(
            Kind.LOST,
            f"The debug channel of {self._address} broke or did not answer in time.",
            "Check that the runtime still runs on the device and the network is steady, then try again.",
        )

    def close(self) -> None:
        """Hang up; as often as one likes. At once, without the farewell that a dead peer would never answer."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        reader = self._client.eio.read_loop_task
        if reader is not None:
            reader.join(1.0)
        self._sock.close()


def _silent() -> logging.Logger:
    """A logger outside the tree of loggers: the library would log the token on the levels INFO and below."""
    return logging.Logger("debug-channel", logging.CRITICAL + 1)
