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
PROTOCOL = "orchestrator protocol"
SECTION = re.compile(PROTOCOL + r", sections? (\d(?:\.\d)?)(?: and (\d(?:\.\d)?))?")
SECTIONS = ("1.1", "1.2", "2", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "3", "4.1", "4.2", "4.3", "4.4", "5")
AGENT_CONTRACT = TESTS / "hub" / "agent_contract.py"
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


# -- the orchestrator protocol ---------------------------------------------------------------------------------------


def protocol_tables() -> dict[str, list[str]]:
    """The rows of each section of the orchestrator protocol, by its number."""
    found: dict[str, list[str]] = {}
    rows: list[str] | None = None
    for line in (DOCS / "protocol-coverage.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            number = SECTION.search(line)
            rows = found.setdefault(number[1], []) if number else None
        elif rows is not None and NAMED.search(line):
            rows.append(line)
    return found


def test_every_section_of_the_orchestrator_protocol_that_code_or_tests_speak_of_has_rows() -> None:
    spoken = {
        number
        for file in (*(TESTS.parent / "server").rglob("*.py"), *TESTS.rglob("*.py"))
        for pair in SECTION.findall(file.read_text(encoding="utf-8"))
        for number in pair
        if number
    }
    rows = protocol_tables()
    assert spoken >= {"1.2", "2.2", "2.4", "2.5", "2.6"}
    assert sorted(spoken - {number for number in rows if rows[number]}) == []


@pytest.mark.parametrize("number", SECTIONS)
def test_no_section_of_the_orchestrator_protocol_is_left_out(number: str) -> None:
    assert protocol_tables()[number] != []


def test_every_topic_of_agents_is_in_a_row_of_the_orchestrator_protocol() -> None:
    """Those of the recorded agents: a topic that the tests' agent learns is to be claimed here, too."""
    topics = {
        key.value
        for node in _tree(AGENT_CONTRACT.relative_to(TESTS).as_posix()).body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and node.target.id in ("CONTRACTS", "NEWER_CONTRACTS")
        and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    claimed = " ".join(row for rows in protocol_tables().values() for row in rows)
    assert len(topics) > 10
    assert sorted(topic for topic in topics if f"`{topic}`" not in claimed) == []


def test_no_row_of_the_orchestrator_protocol_rests_on_a_test_that_never_runs() -> None:
    """One that is marked to be skipped, or to fail, proves nothing."""
    files = {file for rows in protocol_tables().values() for row in rows for file, _, _ in NAMED.findall(row)}
    marked = {
        file
        for file in files
        for node in ast.walk(_tree(file))
        if isinstance(node, ast.Attribute) and node.attr in ("skip", "xfail")
    }
    assert marked == set()


def test_no_row_is_written_twice() -> None:
    rows = [row for rows in protocol_tables().values() for row in rows]
    assert len(rows) == len(set(rows)) > 100
