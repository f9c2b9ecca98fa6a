"""An edit costs what it touches, and what is taken over is what would have been found anew."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rung.ide.diagnostics import Diagnostic, Findings, diagnostics
from rung.project.snapshot import EMPTY, Snapshot
from rung.syntax.parser import parse_unit

ONE, TWO = Path("/plant/one.st").absolute(), Path("/plant/two.st").absolute()
BLOCKS = "".join(
    f"FUNCTION_BLOCK B{n}\nVAR_INPUT a : INT; END_VAR\nVAR\n    x : INT;\nEND_VAR\nx := a + {n};\nEND_FUNCTION_BLOCK\n"
    for n in range(20)
)
MAIN = "PROGRAM Main\nVAR\n    b : B7;\n    y : INT;\nEND_VAR\nb(a := y);\ny := y + 1;\nEND_PROGRAM\n"


def whole() -> Snapshot:
    return EMPTY.with_text(ONE, BLOCKS).with_text(TWO, MAIN)


def test_an_edit_in_a_body_parses_one_unit_and_checks_one_body() -> None:
    before, findings = whole(), Findings()
    findings.of(before)
    with (
        patch("rung.project.snapshot.parse_unit", side_effect=parse_unit) as parsed,
        patch("rung.ide.diagnostics.check_pou", return_value=[]) as checked,
    ):
        after = before.with_text(ONE, BLOCKS.replace("a + 7;", "a * 7 + x;"))
        findings.of(after)
    assert parsed.call_count == 1
    assert [call.args[0].pou.name for call in checked.call_args_list] == ["B7"]
    same = [key for key in before.program.analyses if before.program.analyses[key] is after.program.analyses[key]]
    assert len(same) == len(before.program.analyses) - 1
    assert "B7" not in same
    assert after.files[TWO] is before.files[TWO]


def test_an_edit_in_an_interface_checks_its_users_too() -> None:
    before = whole()
    assert before.program
    after = before.with_text(ONE, BLOCKS.replace("B7\nVAR_INPUT a : INT", "B7\nVAR_INPUT a : BOOL"))
    new = {key for key in after.program.analyses if before.program.analyses[key] is not after.program.analyses[key]}
    assert new == {"B7", "MAIN"}


def test_the_same_text_again_checks_nothing() -> None:
    before = whole()
    assert before.program
    after = before.with_text(TWO, MAIN + "\n// a note\n").with_text(TWO, MAIN)
    assert all(before.program.analyses[key] is after.program.analyses[key] for key in before.program.analyses)


def test_the_same_snapshot_is_asked_once() -> None:
    findings, snapshot = Findings(), whole()
    assert findings.of(snapshot) is findings.of(snapshot)


LIBRARY = (
    "TYPE\n    Phase : (Idle, Busy);\n    Pair : STRUCT a : INT; b : Phase; END_STRUCT;\nEND_TYPE\n"
    "VAR_GLOBAL CONSTANT\n    Size : INT := 4;\nEND_VAR\n"
    "FUNCTION_BLOCK Worker\nVAR_INPUT go : BOOL; END_VAR\nVAR_OUTPUT done : BOOL; END_VAR\nVAR n : INT; t : TON; END_VAR\n"
    "t(IN := go, PT := T#1s);\nIF t.Q THEN n := n + 1; END_IF;\ndone := n > Size;\nEND_FUNCTION_BLOCK\n"
    "FUNCTION Twice : INT\nVAR_INPUT x : INT; END_VAR\nTwice := 2 * x;\nEND_FUNCTION\n"
)
USER = (
    "PROGRAM Main\nVAR\n    w : Worker;\n    p : Pair;\n    q AT %QX0.0 : BOOL;\n    r : ARRAY[1..Size] OF INT;\nEND_VAR\n"
    "w(go := TRUE, done => q);\np.a := Twice(x := p.a);\nr[Size] := p.a;\n"
    "CASE p.b OF\n    Idle: p.b := Busy;\n    Phase#Busy: p.b := Idle;\nEND_CASE;\nEND_PROGRAM\n"
)
WORDS = (
    "INT", "BOOL", "REAL", "Size", "Phase", "Pair", "Worker", "Twice", "Idle", "p", "w", "x", "1", "9", ":=", ";", "END_VAR", "END_IF;",
    "END_FUNCTION", "PROGRAM Other\nEND_PROGRAM\n", "(*", "*)", "{", "}", "'", "VAR z : INT; END_VAR", " ", "\n", "AT %QX0.0", "CONSTANT", "",
)  # fmt: skip


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[Path, int, int, str]]:
    """Some edits: a file, where (as a share of its length in thousandths), how much goes, and what comes."""
    one = st.tuples(st.sampled_from((ONE, TWO)), st.integers(0, 1000), st.integers(0, 12), st.sampled_from(WORDS))
    return draw(st.lists(one, min_size=1, max_size=6))


@given(edits())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_any_edits_the_findings_are_those_of_the_texts(made: list[tuple[Path, int, int, str]]) -> None:
    snapshot, findings = EMPTY.changed({ONE: LIBRARY, TWO: USER}), Findings()
    findings.of(snapshot)
    for path, share, length, word in made:
        text = snapshot.files[path].text
        at = share * len(text) // 1000
        snapshot = snapshot.with_text(path, text[:at] + word + text[at + length :])
        fresh = EMPTY.changed({path: file.text for path, file in snapshot.files.items()})
        assert shown(findings.of(snapshot)) == shown(diagnostics(fresh))


def shown(found: dict[Path, list[Diagnostic]]) -> list[tuple[object, ...]]:
    """The findings without the advice after their first sentence: what it suggests may be what was there when it was given."""
    return sorted(
        (
            item.file,
            item.start,
            item.end,
            item.code,
            item.message.partition(". ")[0].rstrip("."),
            item.related,
            item.tags,
        )
        for items in found.values()
        for item in items
    )
