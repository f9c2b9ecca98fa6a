"""What a build hands to a runtime client: bytes, the MD5 they must answer with, and the way back to the source.

This is the only type that `runtimes` knows of a program. It holds no tree and no types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Leaf:
    """One elementary variable as the debug channel addresses it (specification of the debug map, version 2).

    `array` 0 holds the configuration's globals, then one array per program instance. `path` is upper case with `.`
    between members and `[i]` for elements, `type` an elementary type's name, `size` the bytes on the wire. `forceable`: the
    runtime can hold the variable at a value; where not, it ignores a request to force it.
    """

    array: int
    element: int
    path: str
    type: str
    size: int
    forceable: bool = True


@dataclass(frozen=True, slots=True)
class Artefact:
    """A program built for one target.

    `md5` is what a runtime that runs exactly this program answers over its debug channel (32 lower-case hex digits).
    `sources` maps each file name that a device's compiler may print (our `#line` names) to the user's file path. Where the artefact
    is itself Structured Text, `lines[k]` says where its line k + 1 comes from: the user's file path and line, None for lines of ours.
    `plugins` names the runtime's plug-ins that are configured with the program (`modbus_slave`).
    """

    target: str
    file_name: str
    data: bytes
    md5: str
    leaves: tuple[Leaf, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[tuple[str, int] | None, ...] = ()
    plugins: tuple[str, ...] = ()


DeviceFiles = Callable[[Sequence[Leaf]], Mapping[str, bytes]]
"""Given a program's variables, the files that go to the device beside it, by their path in the archive (`conf/modbus_slave.json`)."""


def plugins_of(files: Iterable[str]) -> tuple[str, ...]:
    """The plug-ins that are configured by files beside a program."""
    return tuple(name[len("conf/") : -len(".json")] for name in sorted(files) if name.startswith("conf/"))
