"""Reads the files of recorded answers, and compares an answer with a recorded one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ANY = "…"


@dataclass
class Exchange:
    """One recorded request and its answer."""

    label: str
    title: str
    method: str = ""
    path: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    request_body: str = ""
    status: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    shape_only: bool = False

    @property
    def upload(self) -> tuple[str, str] | None:
        """Field and file name of an upload."""
        field_name, at, name = self.request_body.partition("=@")
        return (field_name, name) if at else None


def sections(name: str) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of each section of a file."""
    for block in re.split(r"(?m)^=== ", (HERE / name).read_text("utf-8"))[1:]:
        title, *lines = block.rstrip("\n").split("\n")
        yield title, lines


def exchanges(name: str) -> list[Exchange]:
    """The recorded requests of a file in their order."""
    return [_exchange(title, lines) for title, lines in sections(name)]


def _exchange(title: str, lines: list[str]) -> Exchange:
    found = Exchange(title.split()[0], title)
    body: list[str] = []
    for line in lines:
        if line == "~ shape":
            found.shape_only = True
        elif line.startswith("> ") and not found.method:
            found.method, found.path = line[2:].split(" ", 1)
        elif line.startswith("> "):
            name, colon, value = line[2:].partition(": ")
            if colon and re.fullmatch(r"[A-Za-z-]+", name):
                found.request_headers[name] = value
            else:
                found.request_body = line[2:]
        elif line.startswith("< ") and not found.status:
            found.status = line[2:]
        elif line.startswith("< "):
            name, _, value = line[2:].partition(": ")
            found.headers[name] = value
        else:
            body.append(line)
    found.body = "\n".join(body).strip("\n")
    return found


def same_json(recorded: Any, answered: Any) -> bool:
    """Whether an answer is the recorded one; see the head of the file for the wildcard."""
    if recorded == ANY:
        return True
    if isinstance(recorded, dict) and isinstance(answered, dict):
        return recorded.keys() == answered.keys() and all(same_json(recorded[key], answered[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(answered, list):
        if recorded and recorded[-1] == ANY:
            recorded, answered = recorded[:-1], answered[: len(recorded) - 1]
        return len(recorded) == len(answered) and all(map(same_json, recorded, answered))
    return type(recorded) is type(answered) and bool(recorded == answered)


def same_shape(recorded: Any, answered: Any) -> bool:
    """Whether an answer has the keys and types of the recorded one; every list element like the first recorded one."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        return recorded.keys() == answered.keys() and all(same_shape(recorded[key], answered[key]) for key in recorded)
    if isinstance(recorded, list) and isinstance(answered, list):
        return not recorded or all(same_shape(recorded[0], element) for element in answered)
    return type(recorded) is type(answered)


def same_bytes(recorded: str, answered: str) -> bool:
    """Whether hex text is the recorded one; `..` is any byte."""
    pattern = "".join("[0-9a-f]{2}" if part == ".." else re.escape(part) for part in re.split(r"(\.\.)", recorded))
    return re.fullmatch(pattern, answered) is not None
