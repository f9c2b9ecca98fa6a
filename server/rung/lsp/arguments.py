"""What stands in a command's argument: one JSON object from the editor, of which nothing is taken for granted."""

from __future__ import annotations

from collections.abc import Mapping

from rung.runtimes.errors import Kind, RuntimeFailure

Given = Mapping[str, object]


def text(given: Given, key: str) -> str:
    """Return a member that must be a text.

    Raises:
        RuntimeFailure: it is missing or something else.
    """
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise unusable(f"The command's argument has no text '{key}'.")
    return value


def optional(given: Given, key: str) -> str | None:
    """Return a member that may be missing."""
    return text(given, key) if given.get(key) is not None else None


def unusable(sentence: str) -> RuntimeFailure:
    """Return the failure for an argument that no extension of ours sends."""
    return RuntimeFailure(
        Kind.INTERNAL, f"{sentence} Nothing was done.", "The editor's extension and Rung do not fit together."
    )
