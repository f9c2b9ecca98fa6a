"""The pages are true: each bad example gives exactly its code, each good one nothing; no code without a page, no page without a code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rung
from rung.ide.build import build
from rung.ide.diagnostics import diagnostics, flat
from rung.project.settings import settings_from
from rung.project.snapshot import EMPTY
from rung.rules.explain import explain, overview
from rung.rules.por_targets import BOARD, EXAMPLE_BOARD
from rung.rules.registry import find, rules
from rung.semantics.codes import CODES

ALWAYS = "TSK011"  # a lone PROGRAM is told what it gets; that is no mistake
HOUSE = Path(rung.__file__).parent


def codes(text: str, encoding: str = "utf-8", target: str = "openplc-v4") -> list[str]:
    """The codes of all findings in a file with this text, for a program that is built for `target`."""
    text, _, settings = text.partition("# rung.toml\n")
    snapshot = EMPTY.changed({Path("main.st"): text.encode(encoding)}).with_settings(settings_from(settings))
    if settings:  # some of what they say shows only when the files for the device are made
        return [item.code for item in build(snapshot, target).diagnostics]
    return [item.code for item in flat(diagnostics(snapshot, target))]


def targets_of(code: str) -> tuple[str, ...]:
    targets = find(code).targets or ("openplc-v4",)
    return tuple(EXAMPLE_BOARD if target == BOARD else target for target in targets)


def encoding_of(code: str) -> str:
    return "latin-1" if code == "SYN033" else "utf-8"


@pytest.mark.parametrize("code", rules())
def test_the_bad_example_gives_this_finding_and_no_other(code: str) -> None:
    for target in targets_of(code):
        found = {item for item in codes(find(code).bad, encoding_of(code), target) if item != ALWAYS or code == ALWAYS}
        assert found == {code}, target


@pytest.mark.parametrize("code", rules())
def test_the_good_example_gives_nothing(code: str) -> None:
    for target in targets_of(code):
        assert [item for item in codes(find(code).good, target=target) if item != ALWAYS] == [], target


@pytest.mark.parametrize("code", rules())
def test_a_page_says_why_and_what_to_do(code: str) -> None:
    row = find(code)
    page = explain(code)
    assert page is not None
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.slug)
    for part in (row.why, row.fix):
        assert part[0].isupper() or part[0] == "`"
        assert part.endswith(".")
    assert f"\n{code}  {row.severity}" in f"\n{overview()}"


def test_slugs_are_unique() -> None:
    slugs = [row.slug for row in rules().values()]
    assert len(slugs) == len(set(slugs))


def test_severity_and_title_are_those_that_the_checker_declares() -> None:
    declared = {code: (find(code).severity, find(code).title) for code in CODES}
    assert declared == dict(CODES)


def test_every_code_that_is_reported_has_a_row_and_every_row_is_reported() -> None:
    pages = {
        "codes.py",
        *(f"{family.lower()}.py" for family in ("SYN", "NAM", "TYP", "CAL", "CTL", "DAT", "LOC", "TSK")),
    }
    families = "|".join(sorted({code[:3] for code in rules()}))
    named: set[str] = set()
    for path in HOUSE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name in pages and path.parent.name in ("rules", "syntax", "semantics"):
            text = "".join(re.findall(r"Problem\(\s*\"[A-Z]{3}\d{3}\"", text))
        named |= set(re.findall(rf'"((?:{families})\d{{3}})"', text))
    assert named == set(rules())


def test_an_unknown_code_has_no_page() -> None:
    assert explain("XYZ999") is None
