"""What a runtime of one version says and takes: one value that routes, builder and machine ask.

Invariant: a version is read here only; nothing else in the simulator compares versions. What is new in a version is from
the protocol's sections 1 and 6; where only a patch number is not known, it is the earliest that the sources allow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

DEFAULT_VERSION: Final = "v4.1.4"


class Layout(Enum):
    """What the files of an uploaded program are, and so what the device compiles and runs."""

    MATIEC = "C of MatIEC's layout, one cyclic program"
    THREADED = "C++ of the 4.1 layout, a thread per task"


@dataclass(frozen=True, slots=True)
class Personality:
    """One version of Runtime v4.

    Attributes:
        version: what the version header says.
        name: the line in words, as `v4.1`.
        layout: what a program is made of.
        tells_version: `/api/version` exists.
        discovery: answers on UDP, and has the fieldbus discovery routes and plugin commands.
        clean_build: an upload may ask for a compile without cache.
        shows_roles: accounts are listed with a role.
        administrators: roles mean something; accounts are managed by administrators (4.1.9).
        capabilities: `/api/capabilities` exists (4.1.10).
        mode_switch: there is a hardware mode switch, and `/api/switch` (4.1.10).
        located_globals: located global variables are copied, too (4.1.10).
        retain: takes `retain.conf`, and compiles against the headers of 4.2.
        snapshots: keeps the project's source that an upload carries (4.2).
        checks_each_command: the debug channel looks at the token with every command (4.2).
        image_conf: takes `image.conf`; tables are as large as the program needs (4.2.3).
        device_info: `/api/device-info` exists (4.2.3).
    """

    version: str
    name: str
    layout: Layout = Layout.THREADED
    tells_version: bool = True
    discovery: bool = True
    clean_build: bool = True
    shows_roles: bool = False
    administrators: bool = False
    capabilities: bool = False
    mode_switch: bool = False
    located_globals: bool = False
    retain: bool = False
    snapshots: bool = False
    checks_each_command: bool = False
    image_conf: bool = False
    device_info: bool = False


V4_0: Final = Personality(
    version="v4",
    name="v4.0",
    layout=Layout.MATIEC,
    tells_version=False,
    discovery=False,
    clean_build=False,
    shows_roles=True,
)


def personality_of(version: str) -> Personality:
    """The personality of a version of Runtime v4.

    Args:
        version: `v4`, which is what 4.0 calls itself, or `v4.0.x`, or `v4.1.0` and newer; the `v` may be missing.

    Raises:
        ValueError: no such version is known; the text is for the user.
    """
    match = re.fullmatch(r"v?4(?:\.(\d{1,3})(?:\.(\d{1,3}))?)?(?:-[\w.]+)?", version)
    if match is None:
        raise ValueError(f"'{version}' is not a version of OpenPLC Runtime v4. Write for instance v4.1.4 or v4.2.3.")
    if match[1] is None or int(match[1]) == 0:
        return V4_0
    numbers = (int(match[1]), int(match[2] or 0))
    if numbers[0] not in (1, 2):
        raise ValueError(f"OpenPLC Runtime {version} is not known to the simulator, which plays v4.0, v4.1 and v4.2.")
    return Personality(
        version=version if version.startswith("v") else f"v{version}",
        name=f"v4.{numbers[0]}",
        shows_roles=numbers >= (1, 9),
        administrators=numbers >= (1, 9),
        capabilities=numbers >= (1, 10),
        mode_switch=numbers >= (1, 10),
        located_globals=numbers >= (1, 10),
        retain=numbers >= (2, 0),
        snapshots=numbers >= (2, 0),
        checks_each_command=numbers >= (2, 0),
        image_conf=numbers >= (2, 3),
        device_info=numbers >= (2, 3),
    )
