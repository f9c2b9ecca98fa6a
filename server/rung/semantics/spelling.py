"""Did you mean: the nearest known name to a misspelt one.

Invariant: asked only once an error is certain, so its cost never falls on a correct program.
"""

from __future__ import annotations

from collections.abc import Iterable


def closest(key: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that is most probably meant by `key`, or None where nothing is near enough.

    Both sides are upper case. Near enough is one slip in a name of up to five letters, two in up to nine, else three; a slip is a
    letter added, dropped, replaced, or swapped with its neighbour.
    """
    limit = 1 if len(key) <= 5 else 2 if len(key) <= 9 else 3
    best: str | None = None
    for candidate in candidates:
        if abs(len(candidate) - len(key)) > limit or candidate == key:
            continue
        distance = _slips(key, candidate, limit)
        if distance <= limit and (best is None or distance < limit):
            best, limit = candidate, distance
            if distance == 0:
                break
    # A name of one or two letters is one slip away from every other.
    return None if best is None or len(key) < 3 else best


def _slips(left: str, right: str, limit: int) -> int:
    """Return the number of slips between two names (restricted Damerau-Levenshtein), or any number above `limit`."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        following = [i]
        for j, other in enumerate(right, 1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        if min(following) > limit:
            return limit + 1
        before, row = row, following
    return row[-1]
