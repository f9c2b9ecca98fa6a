"""Text that came from a device, made fit to be shown: no control characters, no endless lines."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def clean(text: str, limit: int = 2000) -> str:
    """One line without terminal escapes, control characters or direction overrides, at most `limit` characters."""
    plain = _CONTROL.sub("", _ANSI.sub("", text[: 4 * limit]))
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."
