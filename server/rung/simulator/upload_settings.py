"""`retain.conf` and `image.conf` of an upload: settings of the project that the device takes over (protocol section 6).

Invariant: what is not in the upload is not in force afterwards, and what is wrong is refused whole; an upload is never
refused for it. What is in force survives a restart of the device.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from rung.simulator.personality import Personality
from rung.simulator.storage import write_private

_RETAIN: Final = "retain.conf"
_IMAGE: Final = "image.conf"
_FLUSH_S: Final = range(1, 3601)
_DEFAULT_FLUSH_S: Final = 5
_IMAGE_FORMAT: Final = "2"
_MOST_ELEMENTS: Final = 65536
_BITS: Final = 8
_UNITS: Final = {
    "bool_input": "bits", "bool_output": "bits", "byte_input": "bytes", "byte_output": "bytes",
    "int_input": "words", "int_output": "words", "dint_input": "dwords", "dint_output": "dwords",
    "lint_input": "lwords", "lint_output": "lwords", "int_memory": "words", "dint_memory": "dwords",
    "lint_memory": "lwords", "bool_memory": "bits",
}  # fmt: skip


class _Refused(Exception):
    """A setting that the device cannot honour; the text says which."""


class Settings:
    """All that the project sets on one device, by what the device knows."""

    def __init__(self, personality: Personality, runtime: Path, default_store: Path) -> None:
        """Settings in the folder `runtime`; retained values are stored in `default_store` unless the project names a file."""
        self._parts: list[RetainConf | ImageConf] = []
        if personality.retain:
            self._parts.append(RetainConf(runtime, default_store))
        if personality.image_conf:
            self._parts.append(ImageConf(runtime))
        self._fixed = (
            *(("--located-globals",) if personality.located_globals else ()),
            *(("--task-clocks",) if personality.retain else ()),
        )

    @property
    def configurations(self) -> list[Callable[[Path], list[str]]]:
        """What reads an upload's settings, in the order of a device."""
        return [part.apply for part in self._parts]

    def host_options(self) -> tuple[str, ...]:
        """The words that the scan host is started with."""
        return (*self._fixed, *(word for part in self._parts for word in part.host_options()))


class RetainConf:
    """Whether, where and how often retained values are stored.

    A project that names a file of the device gets one of its own beside the default store: what it names may be the user's here.
    """

    def __init__(self, runtime: Path, default_store: Path) -> None:
        """Settings in the folder `runtime`; values are stored in `default_store` unless the project names a file."""
        self._path = runtime / _RETAIN
        self._default_store = default_store

    def apply(self, generated: Path) -> list[str]:
        """Take over the upload's settings; returns lines of the compile log."""
        uploaded = generated / _RETAIN
        if not uploaded.is_file():
            if not self._path.is_file():
                return []
            self._path.unlink()
            return [
                "[INFO] Retain: removed stale retain.conf (persistent storage not configured in this project)\n",
            ]
        pairs = _pairs(uploaded)
        enabled = pairs.get("enabled") in ("1", "true", "True")
        store = pairs.get("path") or str(self._default_store)
        flush = pairs.get("flush_seconds", "")
        flush_s = int(flush) if flush.lstrip("+-").isdecimal() else _DEFAULT_FLUSH_S
        try:
            if enabled:
                _check_store(store)
                if flush_s not in _FLUSH_S:
                    raise _Refused("The flush period must be between 1 and 3600 seconds.")
        except _Refused as refused:
            self._path.unlink(missing_ok=True)
            return [f"[ERROR] Retain: refusing retain.conf from upload: {refused}\n"]
        write_private(self._path, f"enabled={int(enabled)}\npath={store}\nflush_seconds={flush_s}\n".encode())
        state = "on" if enabled else "off"
        return [f"[INFO] Retain: installed retain.conf from upload (persistent storage {state})\n"]

    def host_options(self) -> tuple[str, ...]:
        """The words that tell the scan host."""
        pairs = _pairs(self._path)
        if pairs.get("enabled") != "1":
            return ()
        store = self._default_store
        if pairs["path"] != str(store):
            store = store.with_name(f"retain-{hashlib.sha256(pairs['path'].encode()).hexdigest()[:16]}.bin")
        return (f"--retain={store}", f"--flush={pairs['flush_seconds']}")


class ImageConf:
    """How large the tables of located variables are."""

    def __init__(self, runtime: Path) -> None:
        """Settings in the folder `runtime`."""
        self._path = runtime / _IMAGE

    def apply(self, generated: Path) -> list[str]:
        """Take over the upload's settings; returns lines of the compile log."""
        uploaded = generated / _IMAGE
        self._path.unlink(missing_ok=True)
        if not uploaded.is_file():
            return []
        try:
            elements = _largest_table(uploaded)
        except _Refused as refused:
            return [f"[ERROR] Image: refusing image.conf from upload: {refused}\n"]
        write_private(self._path, f"elements={elements}\n".encode())
        return ["[INFO] Image: installed image.conf from upload\n"]

    def host_options(self) -> tuple[str, ...]:
        """The words that tell the scan host; it takes more if the program needs more."""
        return (f"--tables={_pairs(self._path).get('elements', '0')}",)


def _pairs(path: Path) -> dict[str, str]:
    """The `key=value` lines of a file; nothing when there is no such file or it is no text."""
    pairs = {}
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for line in path.read_text("utf-8").splitlines():
            key, equals, value = line.partition("=")
            if equals and not line.lstrip().startswith("#"):
                pairs[key.strip()] = value.strip()
    return pairs


def _check_store(store: str) -> None:
    if not store.startswith("/"):
        raise _Refused("The storage path must be absolute.")
    normal = os.path.normpath(store)
    if normal != store.rstrip("/"):
        raise _Refused(f"The storage path must be given in normalised form (did you mean {normal}?).")
    if os.path.isdir(normal):
        raise _Refused("The storage path names a directory, not a file.")
    folder = os.path.dirname(normal)
    if not os.path.isdir(folder):
        raise _Refused(f"The directory {folder} does not exist, so nothing could be written there.")


def _largest_table(path: Path) -> int:
    """The number of elements of the largest table; a table of bits has eight in each element."""
    pairs = _pairs(path)
    if pairs.get("format_version") != _IMAGE_FORMAT:
        raise _Refused(f"format_version must be {_IMAGE_FORMAT} (got {pairs.get('format_version', 'none')}).")
    largest = 0
    for key, unit in _UNITS.items():
        if key not in pairs:
            continue
        count, _, given = pairs[key].partition(" ")
        if given.strip() != unit:
            raise _Refused(f"{key} must be given in {unit} (got '{pairs[key]}').")
        if not count.lstrip("-").isdecimal():
            raise _Refused(f"{key} must be a whole number of {unit}.")
        per_element = _BITS if unit == "bits" else 1
        if not 0 <= int(count) <= _MOST_ELEMENTS * per_element:
            raise _Refused(f"{key} must be between 0 and {_MOST_ELEMENTS * per_element} {unit} (got {count}).")
        largest = max(largest, -(-int(count) // per_element))
    return largest
