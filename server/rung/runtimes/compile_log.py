"""A device's compile log read back into places in the user's program.

Generated C++ carries `#line N "name.st"`, so g++ names our files and lines. For Runtime v3 we print Structured Text, and the line
map of the artefact leads back from the lines that its compiler names. Columns count in what was generated and would point nowhere
(and those of Runtime v3 are one too high in places), so a diagnostic on a user's line has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rung.runtimes.device_text import clean

_PREFIX = re.compile(r"(?:\[(?:ERROR|WARNING|INFO|DEBUG)\] ?)+")
_PLACED = re.compile(
    r"(?P<file>(?:[A-Za-z]:)?[^:\n]+):(?P<line>\d{1,9})(?::(?P<column>\d{1,9}))?: "
    r"(?P<severity>fatal error|error|warning|note): (?P<message>.*)"
)
_UNPLACED = re.compile(
    r"(?:[^:\s]+: )?(?:fatal error|internal compiler error|error): .*|.*undefined reference to .*"
    r"|Internal compiler error in file .*|Parsing failed because of .*|[^:\s]+:\d+-\d+\.\.\d+-\d+: error: .*"
)
_TEXT_PLACED = re.compile(
    r"\./st_files/[^:]+:(?P<line>\d{1,9})-\d{1,9}\.\.\d{1,9}-\d{1,9}: (?P<severity>error|warning): (?P<message>.*)"
)
"""An error in the text that was sent to Runtime v3; any other file in this form is the device's own library (section 3.5 of v3)."""
_SCRIPT = re.compile(
    r"(?:\[ERROR\] ){2}\s*(?P<message>.*)|(?P<stage>Error (?:generating|moving|compiling)\b.*|mv: cannot stat .*|\(The compiler .*\))"
)
_SEVERITY = {"fatal error": "error", "error": "error", "warning": "warning", "note": "info"}
_MOST = 200


@dataclass(frozen=True, slots=True)
class DeviceDiagnostic:
    """What a compiler said.

    `file` is the user's path, or None where the place is not in the user's program; then `message` is the raw text.
    `line` counts from 1 and is 0 where there is none; `column` is None where it would not be a column of the user's text.
    `severity` is `error`, `warning` or `info`.
    """

    file: str | None
    line: int
    column: int | None
    severity: str
    message: str


def parse_compile_log(
    lines: Iterable[str], sources: Mapping[str, str], text: Sequence[tuple[str, int] | None] = ()
) -> tuple[DeviceDiagnostic, ...]:
    """Find errors (and, in the user's own lines, warnings and notes) in a log of g++, Runtime v3's compiler, or the build script.

    Runtime v3's compiler says many things of one mistake, so what follows its first error is only `info`.

    Args:
        lines: the log, with or without the device's `[ERROR]` prefixes; order does not matter.
        sources: `Artefact.sources`, from the file names in the log to the user's paths.
        text: `Artefact.lines`, from the lines of the text that was sent to the user's.
    """
    found: dict[DeviceDiagnostic, None] = {}
    script: dict[DeviceDiagnostic, None] = {}
    follows = False
    for line in lines:
        shown = clean(line)
        bare = _PREFIX.sub("", shown, count=1).strip()
        if match := _TEXT_PLACED.fullmatch(bare):
            found[_in_text(match, text, follows)] = None
            follows = follows or match["severity"] == "error"
            continue
        diagnostic = _diagnostic(bare, sources)
        if diagnostic is not None:
            found[diagnostic] = None
        elif match := _SCRIPT.fullmatch(shown.rstrip()):
            script[DeviceDiagnostic(None, 0, None, "error", match["message"] or match["stage"])] = None
    # What the build script says of itself matters only when the compiler had nothing to say.
    has_error = any(diagnostic.severity == "error" for diagnostic in found)
    return tuple(found if has_error else {**found, **script})[:_MOST]


def _in_text(match: re.Match[str], text: Sequence[tuple[str, int] | None], follows: bool) -> DeviceDiagnostic:
    line = int(match["line"])
    place = text[line - 1] if 0 < line <= len(text) else None
    severity, message = match["severity"], match["message"]
    if follows and severity == "error":
        severity, message = "info", f"Perhaps a consequence of the first error: {message}"
    if place is None:
        return DeviceDiagnostic(None, 0, None, severity, f"line {line} of the generated text: {message}")
    return DeviceDiagnostic(place[0], place[1], None, severity, message)


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
