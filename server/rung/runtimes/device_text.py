"""Text that came from a device, made fit to be shown and written: no control or invisible characters, no endless lines."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str, limit: int = 2000) -> str:
    """One line of valid Unicode without terminal escapes, control or invisible characters, at most `limit` long.

    Direction marks go, for they make a line read otherwise than it is; lone surrogates, for no file or peer takes them.
    """
    plain = _CONTROL.sub("", _ANSI.sub("", text[: 4 * limit]))
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."
