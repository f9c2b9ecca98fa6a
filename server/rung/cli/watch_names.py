"""Variables as `rung watch` names them: by the whole path, by its end (`LAMP`), or by an instance or array for all that is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rung.cli import WrongUsage

if TYPE_CHECKING:
    from rung.codegen.artefact import Leaf
    from rung.runtimes.debug_values import Value


def find(leaves: Sequence[Leaf], name: str) -> list[Leaf]:
    """Return the variables that a name means: those whose path begins with it, or else those in whose path it stands.

    Raises:
        WrongUsage: there is none.
    """
    wanted = name.strip().upper()
    first = [leaf for leaf in leaves if _begins(leaf.path, wanted)]
    found = first or [leaf for leaf in leaves if any(_begins(part, wanted) for part in _ends(leaf.path))]
    if not wanted or not found:
        from difflib import get_close_matches

        near = get_close_matches(wanted, [end for leaf in leaves for end in (leaf.path, *_ends(leaf.path))], n=1)
        raise WrongUsage(f"the program has no variable {name!r}.{f' Did you mean {near[0]}?' if near else ''}")
    return found


def find_one(leaves: Sequence[Leaf], name: str) -> Leaf:
    """Return the one variable that a name means.

    Raises:
        WrongUsage: there is none, or more than one.
    """
    found = find(leaves, name)
    wanted = name.strip().upper()
    exact = [leaf for leaf in found if leaf.path == wanted or leaf.path.endswith(f".{wanted}")]
    if len(exact) == 1:
        return exact[0]
    shown = ", ".join(leaf.path for leaf in (exact or found)[:8])
    raise WrongUsage(f"{name!r} is not one variable. Say which: {shown}.")


def forced_value(leaves: Sequence[Leaf], text: str) -> tuple[Leaf, Value]:
    """Return the variable and the value of `--force NAME=VALUE`.

    Raises:
        WrongUsage: there is no such variable, or it cannot hold the value or not be forced.
    """
    from rung.boards.value_text import value_of
    from rung.boards.variables import check_forced

    name, equals, value = text.partition("=")
    if not equals:
        raise WrongUsage(f"--force {text}: write NAME=VALUE.")
    leaf = find_one(leaves, name)
    try:
        read = value_of(leaf, value)
        check_forced(leaf, read)  # whether it fits shows before anything is opened
    except ValueError as error:
        raise WrongUsage(str(error)) from None
    return leaf, read


def without_health(leaves: Sequence[Leaf]) -> list[Leaf]:
    """Return the variables without those that the firmware has for itself, whose values are told otherwise."""
    from rung.boards.connection import HEALTH

    return [leaf for leaf in leaves if leaf.path not in HEALTH]


def _begins(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _ends(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[number:]) for number in range(1, len(parts))]
