"""What the runtime behind an address is and can do: one value that everything else asks.

Invariant: a version is read here and in `recognise` only; nobody else compares version strings or names of generations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

_VERSION: Final = re.compile(r"v?(\d{1,4})((?:\.\d{1,4}){0,3})(?:[-+.][0-9A-Za-z.+-]{1,24})?")
_TELLS: Final = (4, 1, 10)
"""The first version with `/api/capabilities` and the hardware mode switch."""


class Line(str, Enum):
    """The lines of OpenPLC runtimes that differ in what they take and answer."""

    V3_WEB = "v3-web"
    """Runtime v3 reached through its web pages (plain HTTP), because it has no REST interface or that is closed."""
    V3 = "v3"
    V4_0 = "v4.0"
    V4_1 = "v4.1"
    """Runtime v4.1 and newer, 4.2 included."""


class DebugWay(str, Enum):
    """How variables and the program's MD5 are read back."""

    ARRAYS = "arrays"
    """Socket.IO, variables by (array, element): runtime protocol, section 3.1."""
    FLAT = "flat"
    """Socket.IO, variables by one flat index: section 3.2."""
    MODBUS = "modbus"
    """Function codes 0x41 to 0x45 over Modbus TCP: runtime v3, section 5.2."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one runtime is and can do. Only what is True here is ever asked of it or sent to it.

    Attributes:
        line: its line.
        version: what it calls itself, as `v4.1.4`; `v3` and `v4` where it says no more.
        target: what a program must be built for.
        debug: how its variables are read.
        encrypted: whether what is sent to it, passwords included, is encrypted.
        statistics: it measures scan times.
        log_records: its log has numbers, times and levels; otherwise it is one plain text that is gone after a stop.
        starts_by_itself: it starts a program that it has compiled, without being told to.
        users: its accounts can be listed, created, deleted, and their passwords changed.
        roles: accounts are administrators or users, and some things need an administrator.
        snapshots: it keeps the project's source and gives it back.
        clean_build: it can be told to compile without its cache.
        mode_switch: it tells the position of a hardware mode switch.
        retain: it takes `retain.conf` and keeps RETAIN variables.
        image_conf: it takes `image.conf`, so its tables of located variables are as large as the program needs.
    """

    line: Line
    version: str
    target: str
    debug: DebugWay
    encrypted: bool = True
    statistics: bool = False
    log_records: bool = False
    starts_by_itself: bool = False
    users: bool = False
    roles: bool = False
    snapshots: bool = False
    clean_build: bool = False
    mode_switch: bool = False
    retain: bool = False
    image_conf: bool = False

    @property
    def takes(self) -> frozenset[str]:
        """The files beside the program that not every runtime of its target takes."""
        wanted = {"retain.conf": self.retain, "image.conf": self.image_conf}
        return frozenset(name for name, taken in wanted.items() if taken)

    @property
    def name(self) -> str:
        """The runtime in words, as `OpenPLC Runtime v4.1.4`."""
        return f"OpenPLC Runtime {'v4.0' if self.line is Line.V4_0 and self.version == 'v4' else self.version}"


_LINES: Final = {
    Line.V3_WEB: Capabilities(Line.V3_WEB, "v3", "openplc-v3", DebugWay.MODBUS, encrypted=False),
    Line.V3: Capabilities(Line.V3, "v3", "openplc-v3", DebugWay.MODBUS, users=True),
    Line.V4_0: Capabilities(
        Line.V4_0,
        "v4",
        "openplc-v4.0",
        DebugWay.FLAT,
        statistics=True,
        log_records=True,
        starts_by_itself=True,
        users=True,
    ),
    Line.V4_1: Capabilities(
        Line.V4_1,
        "v4.1",
        "openplc-v4",
        DebugWay.ARRAYS,
        statistics=True,
        log_records=True,
        users=True,
        clean_build=True,
    ),
}


def of_line(line: Line, version: str | None = None) -> Capabilities:
    """What every runtime of a line can do, by the version that it tells (runtime protocol, sections 1 and 6)."""
    known = _LINES[line]
    known = known if version is None else replace(known, version=version)
    numbers = version_numbers(known.version)
    if line is not Line.V4_1 or numbers is None:
        return known
    # What the release notes of these versions brought; a capability that the runtime itself tells is added by `recognise`. Which patch
    # brought `image.conf` is not certain; a runtime that does not know the file leaves it unread.
    return replace(
        known,
        roles=numbers >= (4, 1, 9),
        mode_switch=numbers >= _TELLS,
        retain=numbers >= (4, 2),
        image_conf=numbers >= (4, 2, 3),
    )


def of_version(version: str) -> Capabilities | None:
    """What a runtime can do that calls itself so in its version header; None for a version that Rung does not serve.

    Headers are read by their beginning, for newer runtimes send full tags (runtime protocol v3, section 2.6).
    """
    if version == "dev":  # only the 4.1 line can say so: a build from its source tree
        return of_line(Line.V4_1, version)
    numbers = version_numbers(version)
    if numbers is None:
        return None
    if numbers[0] == 3:
        return of_line(Line.V3, version)
    if numbers[0] == 4:
        return of_line(Line.V4_0 if numbers < (4, 1) else Line.V4_1, version)
    return None


def tells_capabilities(found: Capabilities) -> bool:
    """Whether a runtime can be asked what else it can do: from 4.1.10 on, and a build from the source tree."""
    numbers = version_numbers(found.version)
    return found.line is Line.V4_1 and (numbers is None or numbers >= _TELLS)


def with_told(found: Capabilities, told: Mapping[str, object]) -> Capabilities:
    """The capabilities with what the runtime has answered to `/api/capabilities` (runtime protocol, section 6).

    Only a runtime of 4.1.10 or newer answers it at all, so one whose version says nothing (`dev`) can do what they can.
    """
    version = told.get("runtimeVersion")
    numbers = version_numbers(version) if isinstance(version, str) else None
    if found.version == "dev" and isinstance(version, str) and numbers is not None and numbers >= _TELLS:
        return with_told(of_line(Line.V4_1, version), told)
    return replace(found, roles=True, mode_switch=True, snapshots=told.get("projectSnapshot") is True)


def version_numbers(version: str) -> tuple[int, ...] | None:
    """The numbers in a version such as `v4.1.4` or `4.2.0-rc1`; None when it is none."""
    match = _VERSION.fullmatch(version)
    return tuple(int(number) for number in (match[1] + match[2]).split(".")) if match else None
