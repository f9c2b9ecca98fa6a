"""A device's compile log read back into places in the user's program.

Generated code carries `#line N "name.st"`, so g++ names our files and lines. Its columns count in generated code and would
point nowhere, so a diagnostic on a user's line has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rung.runtimes.device_text import clean

_PREFIX = re.compile(r"(?:\[(?:ERROR|WARNING|INFO|DEBUG)\] ?)+")
_PLACED = re.compile(
    r"(?P<file>(?:[A-Za-z]:)?[^:\n]+):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?: "
    r"(?P<severity>fatal error|error|warning|note): (?P<message>.*)"
)
_UNPLACED = re.compile(r"(?:[^:\s]+: )?(?:fatal error|internal compiler error|error): .*|.*undefined reference to .*")
_SCRIPT = re.compile(r"(?:\[ERROR\] ){2}\s*(?P<message>.*)")
_SEVERITY = {"fatal error": "error", "error": "error", "warning": "warning", "note": "info"}
_MOST = 200


@dataclass(frozen=True, slots=True)
class DeviceDiagnostic:
    """What a C++ compiler said.

    `file` is the user's path, or None where the place is not in the user's program; then `message` is the raw text.
    `line` counts from 1 and is 0 where there is none; `column` is None where it would not be a column of the user's text.
    `severity` is `error`, `warning` or `info`.
    """

    file: str | None
    line: int
    column: int | None
    severity: str
    message: str


def parse_compile_log(lines: Iterable[str], sources: Mapping[str, str]) -> tuple[DeviceDiagnostic, ...]:
    """Find errors (and, in the user's own lines, warnings and notes) in a log of g++ or the device's build script.

    Args:
        lines: the log, with or without the device's `[ERROR]` prefixes; order does not matter.
        sources: `Artefact.sources`, from the file names in the log to the user's paths.
    """
    found: dict[DeviceDiagnostic, None] = {}
    script: dict[DeviceDiagnostic, None] = {}
    for line in lines:
        text = clean(line)
        bare = _PREFIX.sub("", text, count=1).strip()
        diagnostic = _diagnostic(bare, sources)
        if diagnostic is not None:
            found[diagnostic] = None
        elif match := _SCRIPT.fullmatch(text.rstrip()):
            script[DeviceDiagnostic(None, 0, None, "error", match["message"])] = None
    # What the build script says of itself matters only when the compiler had nothing to say.
    has_error = any(diagnostic.severity == "error" for diagnostic in found)
    return tuple(found if has_error else {**found, **script})[:_MOST]


def _diagnostic(text: str, sources: Mapping[str, str]) -> DeviceDiagnostic | None:
    match = _PLACED.fullmatch(text)
    if match is None:
        return DeviceDiagnostic(None, 0, None, "error", text) if _UNPLACED.fullmatch(text) else None
    severity = _SEVERITY[match["severity"]]
    name = match["file"]
    path = sources.get(name) or sources.get(name.replace("\\", "/").rpartition("/")[2])
    if path is not None:
        return DeviceDiagnostic(path, int(match["line"]), None, severity, match["message"])
    return DeviceDiagnostic(None, 0, None, severity, text) if severity == "error" else None
