"""Over the statements of a body."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rung.syntax.tree import Case, For, If, Repeat, Statement, While


def lists(body: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    """Yield a body and every list of statements inside it. Nesting costs no recursion."""
    pending = [body]
    while pending:
        current = pending.pop()
        yield current
        for statement in current:
            match statement:
                case If():
                    pending += [branch.body for branch in statement.branches]
                    pending += [statement.otherwise] if statement.otherwise else []
                case Case():
                    pending += [branch.body for branch in statement.branches]
                    pending += [statement.otherwise] if statement.otherwise else []
                case For() | While() | Repeat():
                    pending.append(statement.body)
                case _:
                    pass


def statements(body: Sequence[Statement]) -> Iterator[Statement]:
    """Yield every statement of a body, those inside others too."""
    for items in lists(body):
        yield from items
