"""Cutting a text into units again after an edit, in time that depends on the edit and not on the file.

Invariant: `resplit(old, starts, new)` is `split(new)` whenever `starts` is `split(old)`; where that cannot be told from the text around
the edit, everything is cut again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from rung.syntax.split import split

# A boundary may hang on a few words after it; two units before the edit there is nothing that an edit could reach.
_BEFORE = 2
_AFTER = 2


def resplit(old: str, starts: Sequence[int], new: str) -> list[int]:
    """Return where the units of `new` begin.

    Args:
        old: the text before the edit.
        starts: where its units begin.
        new: the text after it.
    """
    same_start = _common_start(old, new)
    same_end = _common_end(old, new, same_start)
    shift = len(new) - len(old)
    first = max(0, bisect_right(starts, same_start) - 1 - _BEFORE)
    last = bisect_left(starts, len(old) - same_end) + _AFTER
    if last >= len(starts):
        return split(new)
    low, high = starts[first], starts[last] + shift
    window = new[low:high]
    if not _is_tame(window):
        return split(new)
    found = [low + start for start in split(window)]
    # Where a new boundary meets an old one behind the edit, all that follows is as it was.
    met = next((at for at in found if at >= len(new) - same_end and _holds(starts, at - shift)), None)
    if met is None:
        return split(new)
    rest = bisect_left(starts, met - shift)
    return [*starts[:first], *(at for at in found if at < met), *(start + shift for start in starts[rest:])]


def _is_tame(window: str) -> bool:
    """Whether nothing in a part of a text reaches beyond it: pragmas and unbalanced comments may do so in both directions."""
    return (
        "{" not in window
        and "}" not in window
        and window.count("(*") == window.count("*)")
        and window.count("/*") == window.count("*/")
    )


def _holds(starts: Sequence[int], at: int) -> bool:
    index = bisect_left(starts, at)
    return index < len(starts) and starts[index] == at


def _common_start(one: str, other: str) -> int:
    """Return how many characters two texts have in common from their beginning, by halving: comparing slices runs at C speed."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_end(one: str, other: str, least: int) -> int:
    """Return how many characters two texts have in common at their end, without the first `least` of either."""
    low, high = 0, min(len(one), len(other)) - least
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
