"""The serial ports of this computer, which board may be behind each, and the one way to open them.

Invariant: listing opens no port, because opening one restarts many boards. A port's name comes from settings and is checked before it is
opened: a serial device of this computer, or an address of the schemes rfc2217 and socket; pyserial knows others, which write files.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import sys
import time
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import serial
from serial.tools import list_ports as system_ports
from serial.tools.list_ports_common import ListPortInfo

from rung.boards.busy import Holder, holders, suspicion
from rung.boards.permission import remedy
from rung.runtimes.device_text import clean
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import all_boards, boards_of_usb


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port. `device` is what opens it (`/dev/ttyACM0`, `COM3`), `title` what users read; `vid` and `pid` are its USB numbers. `boards` are
    the names of the boards that show these numbers, the likeliest first; `exact` says that they name the board and not only a USB chip that many boards use. `problem` and `hint` say why it cannot be used now, and what to do."""

    device: str
    title: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str = ""
    boards: tuple[str, ...] = ()
    exact: bool = False
    problem: str = ""
    hint: str = ""

    @property
    def identity(self) -> str:
        """What stays the same of a board that is plugged in elsewhere: its USB numbers and serial number; without these, the port's name."""
        if self.serial_number and self.vid is not None and self.pid is not None:
            return f"usb:{self.vid:04x}:{self.pid:04x}:{self.serial_number}"
        return self.device


@dataclass(frozen=True, slots=True)
class _Chip:
    """A USB serial chip that many boards have: its name, and the boards that are sold with it, the likeliest first."""

    name: str
    boards: tuple[str, ...]


# The makers' numbers, as in the public list of USB ids. Which boards carry which chip is common knowledge, not a promise.
_CHIPS: Final = {
    (0x1A86, 0x7523): _Chip("CH340", ("nano", "nano-old", "uno", "mega", "nodemcu", "d1-mini", "esp32")),
    (0x1A86, 0x5523): _Chip("CH341", ("nano", "nano-old", "uno", "mega")),
    (0x1A86, 0x55D3): _Chip("CH343", ("esp32-s3", "esp32")),
    (0x1A86, 0x55D4): _Chip("CH9102", ("esp32", "nodemcu", "d1-mini")),
    (0x0403, 0x6001): _Chip("FTDI FT232R", ("nano", "nano-old")),
    (0x0403, 0x6010): _Chip("FTDI FT2232", ()),
    (0x0403, 0x6015): _Chip("FTDI FT231X", ("nano",)),
    (0x10C4, 0xEA60): _Chip("CP210x", ("esp32", "nodemcu")),
    (0x067B, 0x2303): _Chip("PL2303", ()),
    (0x303A, 0x1001): _Chip("Espressif's own USB", ("esp32-c3", "esp32-s3")),
}
_SCHEMES: Final = ("rfc2217", "socket")
_OPTIONS: Final = ("ign_set_control", "poll_modem", "timeout")
_LONGEST_TIMEOUT: Final = 30
_LISTINGS: Final = 3
_COM = re.compile(r"(?:\\\\\.\\)?COM[0-9]{1,3}", re.IGNORECASE)
_NO_LINES = (errno.ENOTTY, errno.EINVAL)


def list_ports() -> list[Port]:
    """Return the serial ports of this computer, in the order of their names, without opening any.

    Raises:
        RuntimeFailure: the system does not tell them.
    """
    found = [_described(row) for row in _system_list()]
    taken = holders(port.device for port in found)
    return sorted((_with_problem(port, taken.get(port.device)) for port in found), key=lambda port: _order(port.device))


def port_at(device: str) -> Port:
    """Return the port of a name that a user gave, whether or not the system lists it: a link to a port, or an address. Nothing is opened."""
    port, problem = _looked_up(device)
    return port if problem is None else replace(port, problem=problem.message, hint=problem.hint)


def check_name(device: str) -> None:
    """See whether a name can be that of a port, which need not be there now.

    Raises:
        RuntimeFailure: DNS, with what a port is called.
    """
    if "://" in device:
        _checked_url(device)
    elif not (_COM.fullmatch(device) if sys.platform == "win32" else os.path.isabs(device)):
        raise RuntimeFailure(
            Kind.DNS,
            f"{_shown(device)} is not the name of a serial port.",
            "Write it as the system does, /dev/ttyUSB0 or COM3, or as rfc2217://host:port or socket://host:port.",
        )


def check_port(device: str) -> str:
    """Return the name of a port that can be handed to a program as an argument: it is there, may be opened, and nobody else has it open.

    Raises:
        RuntimeFailure: DNS, CREDENTIALS or BUSY, or DNS for an address whose scheme or options are not allowed.
    """
    problem = _looked_up(device)[1]
    if problem is not None:
        raise problem
    return device


def _looked_up(device: str) -> tuple[Port, RuntimeFailure | None]:
    """The port of a name, and what speaks against using it."""
    plain = Port(device, _shown(device))
    try:
        if "://" in device:
            _checked_url(device)
            return plain, None
        _checked_path(device)
    except RuntimeFailure as failure:
        return plain, failure
    real = os.path.realpath(device)
    row = next((row for row in _system_list() if row.device == device or os.path.realpath(row.device) == real), None)
    port = plain if row is None else replace(_described(row), device=device)
    return port, _problem(port, holders([device]).get(device))


def _system_list() -> list[ListPortInfo]:
    """What the system lists. pyserial stumbles over a device that is unplugged while it reads what that says of itself."""
    for attempt in range(_LISTINGS):
        try:
            return list(system_ports.comports())
        except (OSError, TypeError, ValueError) as error:
            reason = clean(str(error), 200)
            time.sleep(0.05 * attempt)
    raise RuntimeFailure(
        Kind.INTERNAL,
        f"The list of this computer's serial ports cannot be read: {reason}",
        "Unplug what was plugged in last, and try again.",
    )


def open_port(device: str, baud: int, *, exclusive: bool = True, timeout: float = 0.2) -> serial.SerialBase:
    """Open a serial port, 8N1. On many boards this restarts the program.

    Args:
        device: `/dev/...`, `COMn`, `rfc2217://host:port` or `socket://host:port`.
        baud: bits per second; a `socket://` has its own.
        exclusive: nobody else may open it meanwhile (only for devices of this computer).
        timeout: seconds that a read waits.

    Raises:
        RuntimeFailure: DNS (no such port), CREDENTIALS, BUSY, UNREACHABLE (an address that does not answer).
    """
    url = "://" in device
    checked = _checked_url(device) if url else _checked_path(device)
    try:
        if url:
            return serial.serial_for_url(
                checked, baudrate=baud, timeout=timeout
            )  # its writes have a limit of their own
        port = serial.Serial(checked, baudrate=baud, timeout=timeout, write_timeout=5.0, exclusive=exclusive or None)
    except (serial.SerialException, OSError, ValueError) as error:
        raise _not_opened(device, error) from None
    if exclusive:
        _keep_others_out(port)
    return port


def set_lines(port: serial.SerialBase, *, dtr: bool, rts: bool) -> bool:
    """Set the lines DTR and RTS; return False where the port has none (a pseudo terminal, `socket://`)."""
    try:
        port.dtr = dtr
        port.rts = rts
    except OSError as error:
        if error.errno in _NO_LINES:
            return False
        raise
    return True


def hang_up_on_close(port: serial.SerialBase) -> None:
    """Let the line hang up when this port is closed, whatever was asked of it before, so that the next opening restarts the board.

    A port with a line DTR need not be closed for that; a pseudo terminal (an emulated board, socat) has no other way.
    """
    if sys.platform != "win32":
        import termios

        with contextlib.suppress(OSError, termios.error):
            settings = termios.tcgetattr(port.fileno())
            settings[2] |= termios.HUPCL
            termios.tcsetattr(port.fileno(), termios.TCSANOW, settings)


def is_pseudo_terminal(device: str) -> bool:
    """Whether a device is the Unix98 pseudo terminal of another program."""
    return os.path.realpath(device).startswith("/dev/pts/")


def _keep_others_out(port: serial.SerialBase) -> None:
    """pyserial's own lock is seen only by programs that ask for it; this one makes their open fail (tty_ioctl(4), TIOCEXCL)."""
    if sys.platform != "win32":
        import fcntl
        import termios

        with contextlib.suppress(OSError):
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)


def _described(row: ListPortInfo) -> Port:
    device, vid, pid = row.device, row.vid, row.pid
    number, product = clean(row.serial_number or "", 80), clean(row.product or "", 80)
    if vid is None or pid is None:
        return Port(device, product or _shown(device))
    chip = _CHIPS.get((vid, pid))
    named = [board.name for board in boards_of_usb(vid, pid)]
    if chip is not None:
        likely = [name for name in (*chip.boards, *named) if name in all_boards()]
        return Port(device, f"USB serial chip {chip.name}", vid, pid, number, tuple(dict.fromkeys(likely)))
    title = all_boards()[named[0]].title if named else product or f"USB device {vid:04x}:{pid:04x}"
    return Port(device, title, vid, pid, number, tuple(named), exact=bool(named))


def _with_problem(port: Port, holder: Holder | None) -> Port:
    problem = _problem(port, holder)
    return port if problem is None else replace(port, problem=problem.message, hint=problem.hint)


def _problem(port: Port, holder: Holder | None) -> RuntimeFailure | None:
    """What speaks against opening a port, as far as that shows without opening it."""
    if os.name == "posix" and not os.access(port.device, os.R_OK | os.W_OK):
        if not os.path.exists(port.device):
            return _gone(port.device)
        message = f"You have no permission to open {_shown(port.device)}."
        return RuntimeFailure(Kind.CREDENTIALS, message, remedy(port.device, port.vid, port.pid))
    return None if holder is None else _busy(port.device, holder)


def _gone(device: str) -> RuntimeFailure:
    return RuntimeFailure(
        Kind.DNS, f"The port {_shown(device)} is gone.", "Plug the board in again. rung boards --ports lists the ports."
    )


def _busy(device: str, holder: Holder | None) -> RuntimeFailure:
    if holder is not None:
        message = f"{_shown(device)} is in use by {holder.name} (process {holder.pid})."
        return RuntimeFailure(Kind.BUSY, message, holder.remedy)
    return RuntimeFailure(
        Kind.BUSY,
        f"{_shown(device)} is in use by another program.",
        f"Close the program that has the port open (a serial monitor?), then try again.{suspicion()}",
    )


def _order(device: str) -> tuple[str, int]:
    """COM10 after COM9."""
    match = re.fullmatch(r"(.*?)(\d*)", device, re.DOTALL)
    return (match[1], int(match[2] or 0)) if match and len(match[2]) < 10 else (device, 0)


def _checked_path(device: str) -> str:
    if sys.platform == "win32":
        if _COM.fullmatch(device):
            return device
        raise RuntimeFailure(
            Kind.DNS,
            f"{_shown(device)} is not the name of a serial port.",
            "Ports are called COM1, COM2, and so on: rung boards --ports lists them.",
        )
    try:
        kind = os.stat(device).st_mode if os.path.isabs(device) and "\0" not in device else None
    except PermissionError:
        raise RuntimeFailure(
            Kind.CREDENTIALS, f"You have no permission to look for {_shown(device)}.", "Check the name of the port."
        ) from None
    except OSError:
        raise RuntimeFailure(
            Kind.DNS,
            f"There is no port {_shown(device)} on this computer: the board is not plugged in, or it has another port now.",
            "Plug the board in with a cable that carries data, not only power. rung boards --ports lists the ports.",
        ) from None
    if kind is None or not stat.S_ISCHR(kind):
        raise RuntimeFailure(
            Kind.DNS, f"{_shown(device)} is not a serial port.", "rung boards --ports lists the ports."
        )
    return device


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        number = parts.port
        plain = url.isascii() and url.isprintable() and " " not in url  # urlsplit drops what pyserial would take
    except ValueError:
        plain = False
    if not plain:
        raise RuntimeFailure(
            Kind.DNS,
            f"{_shown(url)} is no address of a port.",
            "Write it as rfc2217://host:port or socket://host:port.",
        )
    if parts.scheme.lower() not in _SCHEMES:
        raise RuntimeFailure(
            Kind.DNS,
            f"{_shown(url)} is not a port that Rung opens.",
            "Use rfc2217://host:port, socket://host:port, or a port of this computer.",
        )
    if (
        not parts.hostname
        or number is None
        or parts.username is not None
        or parts.path not in ("", "/")
        or parts.fragment
    ):
        raise RuntimeFailure(
            Kind.DNS,
            f"{_shown(url)} does not name a host and a port.",
            f"Write it as {parts.scheme.lower()}://host:port.",
        )
    unknown = next((name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if name not in _OPTIONS), None)
    if unknown is not None:
        raise RuntimeFailure(
            Kind.DNS,
            f"The address of the port has the option {_shown(unknown)}, which Rung does not pass on.",
            f"Allowed are {', '.join(_OPTIONS)}.",
        )
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name == "timeout" and not (value.isdecimal() and 0 < int(value[:9]) <= _LONGEST_TIMEOUT):
            raise RuntimeFailure(
                Kind.DNS,
                f"The time limit {_shown(value)} in the address of the port is not one.",
                f"Write whole seconds, at most {_LONGEST_TIMEOUT}: rfc2217://host:port?timeout=5.",
            )
    return url


def _not_opened(device: str, error: Exception) -> RuntimeFailure:
    shown, text = _shown(device), clean(str(error), 300)
    number = getattr(error, "errno", None)
    if "://" in device:
        return RuntimeFailure(
            Kind.UNREACHABLE,
            f"Nothing answers as a serial port at {shown}: {text}",
            "Check host and port, and that the server for the port runs there.",
        )
    if number in (errno.EACCES, errno.EPERM):
        port = port_at(device)
        return RuntimeFailure(Kind.CREDENTIALS, f"You have no permission to open {shown}.", port.hint or remedy(device))
    # Windows refuses a port that is open elsewhere with "access denied", and gives no number.
    if number in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in text or "xclusively lock" in text:
        return _busy(device, holders([device]).get(device))
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.EIO) or "FileNotFoundError" in text:
        return _gone(device)
    return RuntimeFailure(
        Kind.UNREACHABLE,
        f"The port {shown} could not be opened: {text}",
        "Unplug the board, plug it in again, and try again.",
    )


def _shown(device: str) -> str:
    return re.sub(r"//[^/@]*@", "//...@", clean(device, 200)) or "the port"  # a password is not for messages
