"""Notices boards that are plugged in and unplugged, by looking at the list of ports each second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable

from rung.boards.ports import Port, list_ports, port_at
from rung.runtimes.errors import RuntimeFailure

_log = logging.getLogger(__name__)


class PortWatch:
    """Calls back with the new list of ports whenever it changed, and once at the beginning.

    Args:
        changed: called in the watch's own thread.
        also: the names of ports that the user added; asked each time. They are in the list after the computer's own.
        every: seconds between two looks.
        look: gives the computer's ports.
    """

    def __init__(
        self,
        changed: Callable[[list[Port]], None],
        *,
        also: Callable[[], Iterable[str]] = tuple,
        every: float = 1.0,
        look: Callable[[], list[Port]] = list_ports,
    ) -> None:
        self._changed = changed
        self._also = also
        self._every = every
        self._look = look
        self._end = threading.Event()
        self._thread: threading.Thread | None = None
        self._ports: list[Port] | None = None

    @property
    def ports(self) -> list[Port]:
        """The list as it was last seen; empty before the first look."""
        return list(self._ports or ())

    def start(self) -> None:
        """Begin to look; a watch that runs goes on."""
        if self._thread is None:
            self._end.clear()
            self._thread = threading.Thread(target=self._run, name="serial ports", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more. Nothing is called after this has returned, unless it is called from `changed` itself."""
        self._end.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._thread = None
        self._ports = None

    def _run(self) -> None:
        while True:
            try:
                ports = self._now()
            except (OSError, RuntimeFailure) as error:  # a port that went away meanwhile; the next look is right
                _log.debug("The list of ports could not be read: %s", error)
            else:
                if ports != self._ports and not self._end.is_set():
                    self._ports = ports
                    self._tell(ports)
            if self._end.wait(self._every):
                return

    def _tell(self, ports: list[Port]) -> None:
        try:
            self._changed(list(ports))
        except Exception:  # whatever is wrong with who is told, the next change is to be told as well
            _log.exception("A change of the serial ports could not be told")

    def _now(self) -> list[Port]:
        ports = self._look()
        listed = {port.device for port in ports}
        return [*ports, *(port_at(device) for device in dict.fromkeys(self._also()) if device not in listed)]
