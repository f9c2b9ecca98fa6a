"""SARIF 2.1.0, what code-scanning services read."""

from __future__ import annotations

from collections.abc import Iterable

from rung import __version__
from rung.ide.diagnostics import Diagnostic
from rung.rules.registry import find

_LEVELS = {"error": "error", "warning": "warning", "info": "note", "hint": "note"}


def sarif(found: Iterable[Diagnostic]) -> dict[str, object]:
    """Return one SARIF log with one run; lines and columns count from 1 there."""
    items = list(found)
    rules = [
        {
            "id": code,
            "name": find(code).slug,
            "shortDescription": {"text": find(code).title},
            "fullDescription": {"text": find(code).why},
        }
        for code in sorted({item.code for item in items})
    ]
    driver = {"name": "rung", "version": __version__, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": driver}, "columnKind": "utf16CodeUnits", "results": [_result(item) for item in items]}
        ],
    }


def _result(item: Diagnostic) -> dict[str, object]:
    region = {
        "startLine": item.start[0] + 1, "startColumn": item.start[1] + 1,
        "endLine": item.end[0] + 1, "endColumn": item.end[1] + 1,
    }  # fmt: skip
    place = {"physicalLocation": {"artifactLocation": {"uri": item.file.as_posix()}, "region": region}}
    return {
        "ruleId": item.code,
        "level": _LEVELS[item.severity],
        "message": {"text": item.message},
        "locations": [place],
    }
