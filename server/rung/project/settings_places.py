"""Where a setting stands in the text of `rung.toml`, for findings about it. The TOML library gives values without places."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

Path = tuple[str | int, ...]

_NAME: Final = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_NAMES: Final = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({_NAMES})\s*\]")
_KEY: Final = re.compile(rf"\s*({_NAMES})\s*=")
_ONE_NAME: Final = re.compile(_NAME)
_INLINE: Final = re.compile(rf"({_NAMES})\s*=|{_NAME}")
"""A key of a table within a line, or a value."""


def place_of(text: str, path: Sequence[str | int]) -> tuple[int, int]:
    """Return the span (start, end), in characters of `text`, of the key or table header that a path leads to.

    Args:
        text: the file.
        path: keys, and numbers (from 0) of the tables in lists; as much of it as can be found counts.
    """
    wanted = tuple(path)
    best, span = 0, (0, 0)
    for found, start, end in _places(text):
        if len(found) > best and wanted[: len(found)] == found:
            best, span = len(found), (start, end)
    return span


def _places(text: str) -> Iterator[tuple[Path, int, int]]:
    """Every header and key with its full path. A line inside of a text over several lines may look like one: it is at worst a wrong place."""
    table: Path = ()
    lists: Counter[Path] = Counter()
    offset = 0
    for line in text.splitlines(keepends=True):
        if header := _HEADER.match(line):
            table = _header_path(_split(header[2]), header[1] == "[[", lists)
            yield table, offset + header.start(2), offset + header.end(2)
        elif key := _KEY.match(line):
            path = (*table, *_split(key[1]))
            yield path, offset + key.start(1), offset + key.end(1)
            if line[key.end() :].lstrip().startswith("{"):
                for inner in _INLINE.finditer(line, key.end()):
                    if inner[1] is not None:
                        yield (*path, *_split(inner[1])), offset + inner.start(1), offset + inner.end(1)
        offset += len(line)


def _header_path(names: Sequence[str], is_list: bool, lists: Counter[Path]) -> Path:
    """The path of a header: names that are lists of tables get the number of their latest table."""
    path: Path = ()
    for depth, name in enumerate(names, 1):
        path = (*path, name)
        if is_list and depth == len(names):
            lists[path] += 1
        if lists[path]:
            path = (*path, lists[path] - 1)
    return path


def _split(names: str) -> list[str]:
    return [name.strip("\"'") for name in _ONE_NAME.findall(names)]
