"""A serial port over the network (RFC 2217) in front of an emulated board, with pyserial's own server side.

    with EmulatedBoard("uno", tmp_path, reset_on_open=False) as board, Rfc2217Server(board) as server:
        serial.serial_for_url(server.url, 115200)

Invariant: the client's DTR, and nothing else, resets the board; one client at a time.
"""

from __future__ import annotations

import select
import socket
import threading
from typing import cast

import serial
import serial.rfc2217

from boards.emulated import EmulatedBoard


class _Port(serial.Serial):
    """The board's pseudo terminal, with a DTR line by way of the control socket; the other lines are as on an open port."""

    def __init__(self, board: EmulatedBoard) -> None:
        super().__init__()
        self._board = board
        self.port = board.port
        self.timeout = 0
        self.dtr = False
        self.open()

    def _update_dtr_state(self) -> None:
        self._board.dtr(bool(self.dtr))

    def _update_rts_state(self) -> None:
        pass

    cts = dsr = cd = property(lambda self: True)
    ri = property(lambda self: False)


class _Connection:
    """What `PortManager` writes its answers to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


class Rfc2217Server:
    """Serves a board's port at `url` within its `with` block."""

    def __init__(self, board: EmulatedBoard) -> None:
        self._board = board
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Rfc2217Server:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            with connection, _Port(self._board) as port:
                try:
                    self._relay(connection, port)
                except (ConnectionError, serial.SerialException):
                    continue  # the client or the board has gone

    def _relay(self, connection: socket.socket, port: _Port) -> None:
        # The stubs want a client's port for both; any port, and anything that can be written to, is meant.
        client = cast(serial.rfc2217.Serial, _Connection(connection))
        manager = serial.rfc2217.PortManager(cast(serial.rfc2217.Serial, port), client)
        try:
            while not self._stopping.is_set():
                ready, _, _ = select.select([connection.fileno(), port.fileno()], [], [], 0.05)
                if connection.fileno() in ready:
                    received = connection.recv(4096)
                    if not received:
                        return
                    port.write(b"".join(manager.filter(received)))
                if port.fileno() in ready:
                    connection.sendall(b"".join(manager.escape(port.read(4096))))
                manager.check_modem_lines()
        finally:
            port.dtr = False
