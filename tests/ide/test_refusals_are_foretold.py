"""No adapter refuses a program without a finding that says so beforehand, with the place: an error of the editor, not of the build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from codegen.feature_probes import PROBES, FeatureProbe, program_set
from rung.codegen.build import BuildError, build_artefact
from rung.codegen.openplc_v3.refusals import REFUSED
from rung.ide.build import TARGETS, build, source_map
from rung.ide.diagnostics import diagnostics, flat
from rung.project.snapshot import EMPTY, Snapshot
from rung.rules.registry import rules
from rung.targets.board import find_board

FILE = Path("/plant/main.st").absolute()
BOARDS = ("uno", "mega", "esp32")  # an 8-bit chip with little memory, one with more, and one of 32 bits


@dataclass(frozen=True)
class Refusal:
    """A program that a target refuses, and the finding that foretells it."""

    code: str
    text: str


def main(variables: str, body: str, before: str = "") -> str:
    return f"{before}PROGRAM Main\nVAR\n{variables}\nEND_VAR\n{body}\nEND_PROGRAM\n"


def configured(program: str, inside: str, around: str = "") -> str:
    return (
        f"{program}CONFIGURATION Config0\n{around}\nRESOURCE Res0 ON PLC\nTASK fast(INTERVAL := T#10ms, PRIORITY := 1);\n{inside}\n"
        "END_RESOURCE\nEND_CONFIGURATION\n"
    )


# By row of the v3 adapter's table.
ON_V3 = {
    "wide text": Refusal("POR001", main("t : WSTRING;", 't := "abc";')),
    "character": Refusal("POR001", main("c : CHAR;", "c := 'a';")),
    "long string": Refusal("POR002", main("t : STRING[200];", "t := 'abc';")),
    "reference": Refusal("POR003", main("i : INT; r : REF_TO INT;", "r := REF(i); r^ := 1;")),
    "open array": Refusal(
        "POR004",
        main(
            "a : ARRAY[0..3] OF INT; i : INT;",
            "i := First(a);",
            "FUNCTION First : INT\nVAR_IN_OUT a : ARRAY[*] OF INT; END_VAR\nFirst := a[0];\nEND_FUNCTION\n",
        ),
    ),
    "array of blocks": Refusal("POR005", main("t : ARRAY[0..1] OF TON;", "t[0](IN := TRUE, PT := T#1s);")),
    "array of structures": Refusal(
        "POR029",
        main(
            "g : ARRAY[0..1, 0..2] OF Point;",
            "g[1, 2].x := 4;",
            "TYPE Point : STRUCT x : INT; END_STRUCT; END_TYPE\n",
        ),
    ),
    "global block": Refusal(
        "POR020",
        "VAR_GLOBAL t : TON; END_VAR\nPROGRAM Main\nVAR_EXTERNAL t : TON; END_VAR\nt(IN := TRUE, PT := T#1s);\nEND_PROGRAM\n",
    ),
    "block in function": Refusal(
        "POR021",
        main(
            "b : BOOL;",
            "b := Rises(b);",
            "FUNCTION Rises : BOOL\nVAR_INPUT c : BOOL; END_VAR\nVAR e : R_TRIG; END_VAR\ne(CLK := c);\nRises := e.Q;\nEND_FUNCTION\n",
        ),
    ),
    "global in function": Refusal(
        "POR022",
        main(
            "i : INT;",
            "i := Scaled(i);",
            "VAR_GLOBAL g : INT; END_VAR\nFUNCTION Scaled : INT\nVAR_INPUT a : INT; END_VAR\nVAR_EXTERNAL g : INT; END_VAR\n"
            "Scaled := a * g;\nEND_FUNCTION\n",
        ),
    ),
    "address": Refusal("POR008", main("lamp AT %QX2000.0 : BOOL;", "lamp := NOT lamp;")),
    "shared address": Refusal(
        "POR011", main("a AT %ID0 : REAL; b AT %ID0 : DWORD; r : REAL; d : DWORD;", "r := a; d := b;")
    ),
    "instance address": Refusal(
        "POR012",
        configured(
            main("lamp AT %QX* : BOOL;", "lamp := NOT lamp;"),
            "PROGRAM a WITH fast : Main;\nPROGRAM b WITH fast : Main;",
            "VAR_CONFIG a.lamp AT %QX0.0 : BOOL; b.lamp AT %QX0.1 : BOOL; END_VAR",
        ),
    ),
    "text of number": Refusal("POR007", main("r : REAL; s : STRING;", "s := REAL_TO_STRING(r);")),
    "number of text": Refusal("POR007", main("i : INT; s : STRING;", "i := STRING_TO_INT(s);")),
    "function": Refusal("POR006", main("r : REAL; b : BOOL;", "b := IS_VALID(r);")),
    "conversion": Refusal("POR006", main("d : DATE; moment : DT;", "moment := DATE_TO_DT(d);")),
    "enable": Refusal("POR027", main("t : TON; b : BOOL;", "t.EN := b; t(IN := TRUE, PT := T#1s);")),
    "array bounds": Refusal("POR023", main("a : ARRAY[0..2] OF INT; b : ARRAY[1..3] OF INT;", "a := b;")),
    "event interval": Refusal(
        "POR024",
        configured(
            main("i : INT;", "i := i + 1;"),
            "TASK both(INTERVAL := T#1s, SINGLE := go, PRIORITY := 1);\nPROGRAM a WITH both : Main;",
            "VAR_GLOBAL go : BOOL; END_VAR",
        ),
    ),
    "large number": Refusal("POR028", main("r : LREAL;", "r := 1.0E300;")),
    "initial output": Refusal(
        "POR025",
        main(
            "k : Keep := (list := [1, 2]);",
            "k();",
            "FUNCTION_BLOCK Keep\nVAR_OUTPUT list : ARRAY[0..1] OF INT; END_VAR\nlist[0] := list[1];\nEND_FUNCTION_BLOCK\n",
        ),
    ),
}
# The checker itself refuses these, whatever the target.
NEVER_REACHED = frozenset({"located aggregate"})
ON_V4_0 = {
    "common period": Refusal(
        "POR019",
        configured(
            main("i : INT;", "i := i + 1;"),
            "TASK odd(INTERVAL := T#10030us, PRIORITY := 1);\nPROGRAM a WITH odd : Main;",
        ),
    )
}


ON_BOARDS = {
    "interval": Refusal(
        "POR035",
        configured(
            main("i : INT;", "i := i + 1;"),
            "TASK odd(INTERVAL := T#10030us, PRIORITY := 1);\nPROGRAM a WITH odd : Main;",
        ),
    ),
    "no pin there": Refusal("POR033", main("q AT %QX7.7 : BOOL;", "q := NOT q;")),
    "no analog pin there": Refusal("POR033", main("q AT %IW31 : INT; i : INT;", "i := q;")),
    "no such width": Refusal("POR033", main("q AT %QB0 : BYTE;", "q := 1;")),
    "named in a body": Refusal("POR033", main("b : BOOL;", "%QX7.7 := b;")),
}


def snapshot_of(text: str) -> Snapshot:
    return EMPTY.with_text(FILE, text)


def errors(text: str, target: str) -> list[str]:
    return [item.code for item in flat(diagnostics(snapshot_of(text), target)) if item.severity == "error"]


def test_every_refusal_of_the_v3_adapter_has_a_program_here() -> None:
    assert set(ON_V3) | NEVER_REACHED == set(REFUSED)


@pytest.mark.parametrize("row", ON_V3)
def test_what_v3_refuses_is_foretold(row: str) -> None:
    _refused(ON_V3[row], "openplc-v3", REFUSED[row])


NO_TARGET_HAS = {
    "method": "FUNCTION_BLOCK Drive\nMETHOD Go : BOOL\nGo := TRUE;\nEND_METHOD\nEND_FUNCTION_BLOCK\n",
    "interface": "INTERFACE Drive\nMETHOD Go : BOOL\nEND_METHOD\nEND_INTERFACE\n",
    "namespace": "NAMESPACE Plant\nFUNCTION One : INT\nOne := 1;\nEND_FUNCTION\nEND_NAMESPACE\n",
    "block of a board": "FUNCTION_BLOCK Talker\nVAR m : MQTT_CONNECT; END_VAR\nm();\nEND_FUNCTION_BLOCK\n",
    "network block": "FUNCTION_BLOCK Talker\nVAR m : TCP_CONNECT; END_VAR\nm();\nEND_FUNCTION_BLOCK\n",
    "address left open": "PROGRAM Open\nVAR q AT %Q* : BOOL; END_VAR\nq := TRUE;\nEND_PROGRAM\n",
    "bit beyond a byte": "FUNCTION_BLOCK Wide\nVAR q AT %QX0.8 : BOOL; END_VAR\nq := TRUE;\nEND_FUNCTION_BLOCK\n",
}


@pytest.mark.parametrize("target", [*TARGETS, *BOARDS])
@pytest.mark.parametrize("row", NO_TARGET_HAS)
def test_what_no_target_has_is_an_error_and_nothing_is_built(row: str, target: str) -> None:
    text = NO_TARGET_HAS[row] + main("i : INT;", "i := i + 1;")
    assert errors(text, target)
    assert build(snapshot_of(text), target).artefact is None


@pytest.mark.parametrize("row", ON_V4_0)
def test_what_v4_0_refuses_is_foretold(row: str) -> None:
    _refused(ON_V4_0[row], "openplc-v4.0", "no common divisor")


@pytest.mark.parametrize("target", BOARDS)
@pytest.mark.parametrize("row", ON_BOARDS)
def test_what_a_board_refuses_is_foretold(row: str, target: str) -> None:
    _refused(ON_BOARDS[row], target, "board")


def _refused(refusal: Refusal, target: str, why: str) -> None:
    assert errors(refusal.text, "host") == []
    assert set(errors(refusal.text, target)) == {refusal.code}
    snapshot = snapshot_of(refusal.text)
    with pytest.raises(BuildError) as raised:
        build_artefact(snapshot.program, target, source_map(snapshot), board=find_board(target))
    assert why in str(raised.value)


@pytest.mark.parametrize("target", [*(target for target in TARGETS if target != "host"), *BOARDS])
def test_a_program_without_errors_is_built(target: str) -> None:
    """All that the rules' pages show as good, and all that is bad to another target only."""
    built = 0
    for rule in rules().values():
        for text in (rule.bad, rule.good):
            snapshot = snapshot_of(text)
            if snapshot.program.configuration is None or errors(text, target):
                continue
            if not any(resource.instances for resource in snapshot.program.configuration.resources):
                continue
            found = build(snapshot, target)
            assert found.failure is None, f"{rule.code}: {found.failure}\n{text}"
            assert found.artefact is not None
            built += 1
    assert built > 100


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "host"])
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_feature_is_built_or_an_error_says_why_not(probe: FeatureProbe, target: str) -> None:
    text = program_set([probe])
    snapshot = snapshot_of(text)
    if errors(text, target):
        with pytest.raises(BuildError):
            build_artefact(snapshot.program, target, source_map(snapshot))
    else:
        found = build(snapshot, target)
        assert found.failure is None
        assert found.artefact is not None


@pytest.mark.parametrize("target", BOARDS)
@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_every_feature_is_built_for_a_board_or_an_error_says_why_not(probe: FeatureProbe, target: str) -> None:
    text = program_set([probe])
    found = build(snapshot_of(text), target)
    assert found.failure is None
    assert (found.artefact is None) == bool(errors(text, target))
