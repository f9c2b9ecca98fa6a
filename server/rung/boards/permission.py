"""Why a user may not open a serial port, and the exact command that changes it (Linux)."""

from __future__ import annotations

import os
import stat
import sys


def remedy(device: str, vid: int | None = None, pid: int | None = None) -> str:
    """Return what makes a port usable that the user has no permission for: joining the group that owns it, or a udev rule."""
    if sys.platform == "win32":
        return "Close other programs that may use the port, and try again."
    import grp

    group = ""
    try:
        info = os.stat(device)
        shared = stat.S_IRGRP | stat.S_IWGRP
        if info.st_gid != 0 and info.st_mode & shared == shared:
            group = grp.getgrgid(info.st_gid).gr_name
            joined = _user() in grp.getgrgid(info.st_gid).gr_mem
            if joined and info.st_gid not in os.getgroups():
                return f"You are in the group {group} since your last login: log out and in again (a remote server of VS Code has to be restarted)."
    except (OSError, KeyError):
        group = ""
    if group:
        return f"Run: sudo usermod -aG {group} $USER   Then log out and in again."
    return udev_hint("tty", vid, pid)


def udev_hint(subsystem: str, vid: int | None, pid: int | None) -> str:
    """Return the commands that let the user at the screen open a USB device, by a udev rule.

    The file's number is under 73, because udev hands out the tag `uaccess` there.

    Args:
        subsystem: `tty` for serial ports, `usb` for devices that are written without one (DFU).
        vid, pid: the device's USB numbers; without them, the command to look at them.
    """
    if vid is None or pid is None:
        return "Ask the administrator of this computer for permission to open the port."
    keys = "ATTR" if subsystem == "usb" else "ATTRS"  # a serial port's numbers stand at the USB device above it
    rule = f'SUBSYSTEM=="{subsystem}", {keys}{{idVendor}}=="{vid:04x}", {keys}{{idProduct}}=="{pid:04x}", MODE="0660", TAG+="uaccess"'
    return (
        f"Run: echo '{rule}' | sudo tee -a /etc/udev/rules.d/60-rung-boards.rules && sudo udevadm control --reload-rules   "
        "Then unplug the board and plug it in again."
    )


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
