"""Walking a syntax tree with the way back to the root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Protocol, runtime_checkable


@runtime_checkable
class Node(Protocol):
    """What every node of the tree has."""

    start: int
    end: int


def children(node: object) -> Iterator[Node]:
    """The nodes directly below a node, in the order of its fields."""
    if not is_dataclass(node):
        return
    for entry in fields(node):
        value = getattr(node, entry.name)
        for item in value if isinstance(value, list) else (value,):
            if is_dataclass(item) and isinstance(item, Node):
                yield item


def walk(nodes: Sequence[Node], above: tuple[Node, ...] = ()) -> Iterator[tuple[Node, tuple[Node, ...]]]:
    """Every node below and including `nodes` with those above it, outermost first."""
    stack: list[tuple[Node, tuple[Node, ...]]] = [(node, above) for node in reversed(nodes)]
    while stack:
        node, parents = stack.pop()
        yield node, parents
        below = (*parents, node)
        stack += [(child, below) for child in reversed(list(children(node)))]
