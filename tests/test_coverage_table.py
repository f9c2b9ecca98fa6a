"""The tables in the documents that name tests name tests that exist, so that they cannot rot."""

from __future__ import annotations

import ast
import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
DOCS = TESTS.parent / "docs"
RECORDINGS = TESTS / "peers"
# Where the tests of a document lie, and the file of those that are named without one.
TABLES = {
    "protocol-coverage.md": (TESTS, None),
    "failed-deploys.md": (TESTS / "runtimes", "test_failed_deploys.py"),
}
NAMED = re.compile(r"`(?:([\w/]+\.py)::)?(test_\w+)(?:\[([^`]+)\])?`")
CODE = re.compile(r"`([^`]*\b(?:test_\w+|\w+\.py)\b[^`]*)`")

Named = tuple[str, str, str | None]


def named_in(document: str) -> list[Named]:
    """The tests that a document names: file, function, and the row of a table of cases."""
    folder, usual = TABLES[document]
    found: list[Named] = []
    for file, function, case in NAMED.findall((DOCS / document).read_text(encoding="utf-8")):
        assert file or usual, f"{document}: in which file is {function}?"
        path = folder / (file or str(usual))
        found.append((path.relative_to(TESTS).as_posix(), function, case or None))
    return found


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = _tree(file)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def texts_of(file: str) -> frozenset[str]:
    """All that can be the name of a case: the texts in a file, and the titles in the recordings that lie beside it."""
    found = {n.value for n in ast.walk(_tree(file)) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    if (TESTS / file).parent == RECORDINGS:
        for recording in RECORDINGS.glob("*.txt"):
            found.update(re.findall(r"^=== (\S+)", recording.read_text(encoding="utf-8"), re.MULTILINE))
    return frozenset(found)


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse((TESTS / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", TABLES)
def test_every_test_that_is_named_exists(document: str) -> None:
    named = named_in(document)
    missing = [
        f"{file}::{function}" + (f"[{case}]" if case else "")
        for file, function, case in named
        if not (TESTS / file).is_file()
        or function not in functions_of(file)
        or (case is not None and case not in texts_of(file))
    ]
    assert missing == []
    assert len(named) > 20


@pytest.mark.parametrize("document", TABLES)
def test_every_row_names_a_test(document: str) -> None:
    lines = (DOCS / document).read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| ") and not line.startswith("| ---")]
    heads = [line for line, after in pairwise(lines) if after.startswith("| ---")]
    bare = [row for row in rows if row not in heads and not NAMED.search(row.rsplit("|", 2)[1])]
    assert bare == []


@pytest.mark.parametrize("document", TABLES)
def test_no_name_of_a_test_is_written_so_that_it_would_be_overlooked(document: str) -> None:
    text = (DOCS / document).read_text(encoding="utf-8")
    folder, _ = TABLES[document]
    for code in CODE.findall(text):
        whole = any((place / code).is_file() for place in (folder, TESTS, TESTS.parent))
        assert NAMED.fullmatch(f"`{code}`") or whole, f"{document}: {code}"
    loose = re.sub(r"`[^`\n]*`", "", text)
    assert not re.search(r"\btest_\w+", loose)
