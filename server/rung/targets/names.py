"""The names of everything that a program can be built for."""

from __future__ import annotations

from typing import Final

from rung.targets.board import all_boards

RUNTIME_TARGETS: Final = ("openplc-v4", "openplc-v4.0", "openplc-v3", "host")
DEFAULT_TARGET: Final = "openplc-v4"


def target_names() -> tuple[str, ...]:
    """Return every target, runtimes first, then the boards."""
    return (*RUNTIME_TARGETS, *all_boards())


def is_target(name: str) -> bool:
    """Whether a program can be built for something of this name."""
    # Most programs are for runtimes, and the table is not read for them.
    return name in RUNTIME_TARGETS or name in all_boards()


def known_targets(wrong: str) -> str:
    """Return what a message about a target that does not exist, `wrong`, says of those that do: all runtimes, and the nearest names."""
    from difflib import get_close_matches

    near = get_close_matches(wrong.lower(), target_names(), n=3)
    ask = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"must be one of {', '.join(RUNTIME_TARGETS)}, or a board that `rung boards` lists, not {wrong!r}.{ask}"
