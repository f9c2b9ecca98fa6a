"""What a program is for decides what is found in it; everything else about it stays the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings

from ide.test_incremental import LIBRARY, ONE, TWO, USER, edits, shown, whole
from rung.codegen import build as codegen
from rung.ide.build import TARGETS, build
from rung.ide.diagnostics import Diagnostic, Findings, diagnostics, flat, retargeted
from rung.project.snapshot import EMPTY, Snapshot
from rung.rules import check_pou_for

FILE = Path("/plant/main.st").absolute()
# an unused variable and a REAL compared for equality everywhere, a STRING that is too long and RETAIN on v3, RETAIN on v4.0
MIXED = (
    "PROGRAM Main\nVAR RETAIN\n    text : STRING[200];\nEND_VAR\nVAR\n    unused : INT;\n    b : BOOL;\n    r : REAL;\nEND_VAR\n"
    "text := 'a';\nb := r = 0.1;\nEND_PROGRAM\n"
)
EVERYWHERE = ["DAT001", "TYP029", "TSK011"]


def mixed() -> Snapshot:
    return EMPTY.with_text(FILE, MIXED)


def codes(found: Mapping[Path, Sequence[Diagnostic]]) -> list[str]:
    return [item.code for item in flat(found)]


@pytest.mark.parametrize(
    ("target", "more"),
    [
        ("openplc-v3", ["POR002", "POR014"]),
        ("openplc-v4.0", ["POR014"]),
        ("openplc-v4", []),
        ("host", []),
        ("uno", ["POR036"]),
    ],
)
def test_a_target_adds_what_it_cannot_do(target: str, more: list[str]) -> None:
    assert sorted(codes(diagnostics(mixed(), target))) == sorted(EVERYWHERE + more)


def test_without_a_target_it_is_the_current_runtime() -> None:
    assert diagnostics(mixed()) == diagnostics(mixed(), "openplc-v4")


@pytest.mark.parametrize("before", [*TARGETS, "uno", "esp32"])
@pytest.mark.parametrize("after", [*TARGETS, "uno", "esp32"])
def test_findings_change_their_target(before: str, after: str) -> None:
    snapshot, findings = mixed(), Findings()
    found = findings.of(snapshot, before)
    assert retargeted(snapshot, found, after) == diagnostics(snapshot, after)
    assert findings.of(snapshot, after) == diagnostics(snapshot, after)


def test_the_same_snapshot_is_asked_once_for_each_target() -> None:
    findings, snapshot = Findings(), mixed()
    assert findings.of(snapshot, "openplc-v3") is findings.of(snapshot, "openplc-v3")


def test_another_target_asks_only_what_depends_on_it() -> None:
    snapshot, findings = whole(), Findings()
    findings.of(snapshot)
    with patch("rung.ide.diagnostics.check_pou", side_effect=AssertionError("this is known")):
        findings.of(snapshot, "openplc-v3")


def test_an_edit_in_a_body_asks_for_one_body() -> None:
    before, findings = whole(), Findings()
    findings.of(before, "openplc-v3")
    with patch("rung.ide.diagnostics.check_pou_for", side_effect=check_pou_for) as asked:
        after = before.with_text(ONE, before.files[ONE].text.replace("a + 7;", "a * 7 + x;"))
        findings.of(after, "openplc-v3")
    assert [call.args[0].pou.name for call in asked.call_args_list] == ["B7"]


V3_USER = USER.replace(
    "r : ARRAY[1..Size] OF INT;", "r : ARRAY[1..Size] OF INT;\n    m AT %MX0.0 : BOOL;\n    c : STRING[200];"
)
V3_LIBRARY = LIBRARY.replace("b : Phase;", "b : Phase; c : CHAR;").replace("VAR n : INT;", "VAR RETAIN n : INT;")


@given(edits())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_any_edits_the_findings_are_those_of_the_texts(made: list[tuple[Path, int, int, str]]) -> None:
    snapshot, findings = EMPTY.changed({ONE: V3_LIBRARY, TWO: V3_USER}), Findings()
    assert "POR001" in codes(findings.of(snapshot, "openplc-v3"))
    for path, share, length, word in made:
        text = snapshot.files[path].text
        at = share * len(text) // 1000
        snapshot = snapshot.with_text(path, text[:at] + word + text[at + length :])
        fresh = EMPTY.changed({path: file.text for path, file in snapshot.files.items()})
        assert shown(findings.of(snapshot, "openplc-v3")) == shown(diagnostics(fresh, "openplc-v3"))


def test_nothing_is_built_for_a_target_that_cannot_take_it() -> None:
    built = build(mixed(), "openplc-v3")
    assert built.artefact is None
    assert built.failure is None
    assert "POR002" in [item.code for item in built.diagnostics]


def test_findings_for_one_target_do_not_hinder_another() -> None:
    snapshot = mixed()
    built = build(snapshot, "openplc-v4", diagnostics(snapshot, "openplc-v3"))
    assert built.artefact is not None
    assert not [item.code for item in built.diagnostics if item.code.startswith("POR")]


def test_what_can_be_named_can_be_built() -> None:
    assert set(TARGETS) == set(codegen.TARGETS)
