"""What arduino-cli answers, read: JSON of version 1 and of the versions before it. No process, no files.

Every field may be missing, for arduino-cli leaves out what is empty; what has another type than it should have counts as missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rung.boards.sizes import Usage

_LONGEST_PORT = 256


@dataclass(frozen=True, slots=True)
class Compiled:
    """The answer of `compile`: `log` holds the compiler's lines, `usage` what the program takes (None: not told), `limits` what there is,
    `properties` the board's build properties, `error` arduino-cli's own words."""

    success: bool
    log: tuple[str, ...]
    usage: Usage | None
    limits: Usage | None
    properties: Mapping[str, str]
    error: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """What arduino-cli says on its standard error when it fails: its own words, and what the program that it ran had written."""

    error: str
    output: tuple[str, ...]


def version_of(text: str) -> str | None:
    """The version, from `version`; None when this is not arduino-cli's answer."""
    answer = _object(_json(text))
    version = _text(answer.get("VersionString")) or _text(answer.get("version_string"))
    return version or None


def cores_of(text: str) -> dict[str, str]:
    """The installed cores and their versions, from `core list`."""
    answer = _json(text)
    rows = answer if isinstance(answer, list) else _list(_object(answer).get("platforms"))
    found: dict[str, str] = {}
    for row in map(_object, rows):
        name = _text(row.get("id")) or _text(row.get("ID"))
        version = _text(row.get("installed_version")) or _text(row.get("installed")) or _text(row.get("Installed"))
        if name and version:
            found[name] = version
    return found


def compiled_of(stdout: str, stderr: str) -> Compiled:
    """The answer of `compile`, of a failed one too."""
    answer = _object(_json(stdout))
    built = _object(answer.get("builder_result"))
    fatal = fatal_of(stderr)
    log = [
        *_text(answer.get("compiler_err")).splitlines(),
        *fatal.output,
        *(_diagnostic(item) for item in map(_object, _list(built.get("diagnostics")))),
    ]
    sections = {_text(item.get("name")): item for item in map(_object, _list(built.get("executable_sections_size")))}
    text, data = sections.get("text", {}), sections.get("data", {})
    told = _number(text.get("size")) > 0  # no program takes nothing
    properties = (_text(item).partition("=") for item in _list(built.get("build_properties")))
    return Compiled(
        answer.get("success") is True,
        tuple(dict.fromkeys(log)),
        Usage(_number(text.get("size")), _number(data.get("size"))) if told else None,
        Usage(_number(text.get("max_size")), _number(data.get("max_size"))) if told else None,
        {key: value for key, equals, value in properties if equals},
        _text(answer.get("error")) or fatal.error,
    )


def upload_port_of(text: str) -> str | None:
    """The serial port to open after an upload, from `upload`; None when it has not changed, or is not one of this computer's."""
    answer = _object(_json(text))
    port = _object(answer.get("updated_upload_port"))
    address = _text(port.get("address"))
    # An address in the network comes from whoever announces himself there.
    serial = port.get("protocol", "serial") == "serial" and "://" not in address
    return address if serial and address.isprintable() and 0 < len(address) <= _LONGEST_PORT else None


def fatal_of(stderr: str) -> Fatal:
    """What went wrong. Where it is no JSON, it is taken as it is."""
    answer = _json(stderr)
    if not isinstance(answer, dict):
        return Fatal("", tuple(stderr.splitlines()))
    output = _object(answer.get("output"))
    lines = f"{_text(output.get('stdout'))}\n{_text(output.get('stderr'))}".splitlines()
    return Fatal(_text(answer.get("error")), tuple(line for line in lines if line.strip()))


def _diagnostic(item: Mapping[str, object]) -> str:
    """A diagnostic as gcc would have written it."""
    severity = {"ERROR": "error", "FATAL": "fatal error", "WARNING": "warning"}.get(_text(item.get("severity")), "note")
    place = f"{_text(item.get('file'))}:{_number(item.get('line'))}"
    column = _number(item.get("column"))
    return f"{place}{f':{column}' if column else ''}: {severity}: {_text(item.get('message'))}"


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
