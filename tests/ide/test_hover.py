"""What a word under the cursor is said to be."""

from __future__ import annotations

import pytest

from ide.cursor import hovered, place
from rung.ide.hover import hover

TYPES = """TYPE
    Phase : (Idle, Filling := 5, Done); // of the batch
    Other : (Idle, Busy);
    (* What the tank reports. *)
    Report : STRUCT
        Level : REAL; // metres
        Valid : BOOL;
    END_STRUCT;
    Percent : INT (0..100);
    Row : ARRAY[0..9] OF REAL;
END_TYPE
"""
BLOCK = """
// Fills a tank.
// Stops by itself.
FUNCTION_BLOCK Filler
    VAR_INPUT
        Enable : BOOL; // from the panel
    END_VAR
    VAR_OUTPUT
        Full : BOOL;
    END_VAR
    VAR
        Count : INT;
    END_VAR
END_FUNCTION_BLOCK
FUNCTION Twice : INT
    VAR_INPUT X : INT; END_VAR
    Twice := 2 * X;
END_FUNCTION
"""


def main(variables: str, body: str) -> str:
    return f"{TYPES}{BLOCK}PROGRAM Main\nVAR\n{variables}\nEND_VAR\n{body}\nEND_PROGRAM\n"


@pytest.mark.parametrize(
    ("variables", "body", "said"),
    [
        ("x : INT := 5;", "x$0 := 1;", "VAR x : INT := 5"),
        ("x AT %QX1.0 : BOOL;", "$0x := TRUE;", "VAR x AT %QX1.0 : BOOL"),
        ("x$0 : INT;", "", "VAR x : INT"),
        ("a, b : ARRAY[1..4] OF INT;", "b$0[1] := 2;", "VAR b : ARRAY[1..4] OF INT"),
        ("s : STRING[20];", "s$0 := '';", "VAR s : STRING[20]"),
        ("p : Percent;", "p$0 := 1;", "VAR p : Percent"),
        ("f : Filler;", "f$0(Enable := TRUE);", "VAR f : Filler"),
        ("f : Filler;", "f(Ena$0ble := TRUE);", "VAR_INPUT Enable : BOOL"),
        ("f : Filler; b : BOOL;", "f(Fu$0ll => b);", "VAR_OUTPUT Full : BOOL"),
        ("f : Filler; b : BOOL;", "b := f.Fu$0ll;", "VAR_OUTPUT Full : BOOL"),
        ("t : TON; b : BOOL;", "b := t.Q$0;", "VAR_OUTPUT Q : BOOL"),
        ("t : TON;", "t(I$0N := TRUE);", "VAR_INPUT IN : BOOL"),
        ("r : Report;", "r.Lev$0el := 1.0;", "Report.Level : REAL"),
        ("p$0 : (Left, Right);", "", "VAR p : (Left, Right)"),
        ("p : (Left, Right);", "p := Rig$0ht;", "Right  (* 1 *)"),
        ("p : Phase;", "p := Fill$0ing;", "Phase#Filling  (* 5 *)"),
        ("p : Phase;", "p := Phase#Do$0ne;", "Phase#Done  (* 6 *)"),
        ("p : Other;", "p := Other#Id$0le;", "Other#Idle  (* 0 *)"),
        ("p : Phase;", "CASE p OF Phase#Fill$0ing: ; END_CASE;", "Phase#Filling  (* 5 *)"),
        ("p : Phase;", "CASE p OF Fill$0ing: ; END_CASE;", "Phase#Filling  (* 5 *)"),
        ("p : Phase;", "p := Pha$0se#Done;", "Phase : (Idle, Filling, Done)"),
        ("p : Pha$0se;", "", "Phase : (Idle, Filling, Done)"),
        ("r : Rep$0ort;", "", "Report : STRUCT"),
        ("p : Per$0cent;", "", "Percent : INT (0..100)"),
        ("p : Ro$0w;", "", "Row : ARRAY[0..9] OF REAL"),
        ("f : Fill$0er;", "", "FUNCTION_BLOCK Filler"),
        ("t : TO$0N;", "", "FUNCTION_BLOCK TON"),
        ("x : INT;", "x := Twi$0ce(1);", "FUNCTION Twice : INT"),
        ("x : INT;", "x := Twice(X$0 := 1);", "VAR_INPUT X : INT"),
        ("x : REAL;", "x := SQ$0RT(x);", "FUNCTION SQRT (REAL) : REAL"),
        ("x : DINT;", "x := MA$0X(x, 1);", "FUNCTION MAX (DINT, DINT) : DINT"),
        ("x : REAL; i : INT;", "x := INT_TO$0_REAL(i);", "FUNCTION INT_TO_REAL (INT) : REAL"),
    ],
)  # fmt: skip
def test_a_name_is_shown_as_its_declaration(variables: str, body: str, said: str) -> None:
    shown = hovered(main(variables, body))
    assert shown is not None
    assert shown.splitlines()[:2] == ["```st", said]


def test_a_function_block_shows_its_parameters_and_not_its_locals() -> None:
    shown = hovered(main("f : Fill$0er;", ""))
    assert shown is not None
    assert "VAR_INPUT Enable : BOOL" in shown
    assert "VAR_OUTPUT Full : BOOL" in shown
    assert "Count" not in shown


@pytest.mark.parametrize(
    ("variables", "body", "documentation"),
    [
        ("f : Fill$0er;", "", "Fills a tank.\nStops by itself."),
        ("f : Filler;", "f(Ena$0ble := TRUE);", "from the panel"),
        ("r : Rep$0ort;", "", "What the tank reports."),
        ("r : Report;", "r.Lev$0el := 1.0;", "metres"),
        ("p : Pha$0se;", "", "of the batch"),
        ("(* How often\n   it was full. *)\nx : INT;", "x$0 := 1;", "How often\nit was full."),
    ],
)
def test_comments_at_the_declaration_are_its_documentation(variables: str, body: str, documentation: str) -> None:
    shown = hovered(main(variables, body))
    assert shown is not None
    assert shown.endswith(f"```\n\n{documentation}")


@pytest.mark.parametrize(
    ("variables", "body"), [("t : TO$0N;", ""), ("x : REAL;", "x := SQ$0RT(x);"), ("t : TON;", "t(P$0T := T#1s);")]
)
def test_the_standard_library_is_explained(variables: str, body: str) -> None:
    shown = hovered(main(variables, body))
    assert shown is not None
    explained = shown.rpartition("```")[2].strip()
    assert len(explained) > 10 or "PT" in shown


def test_a_global_is_shown_from_where_it_is_declared() -> None:
    shown = hovered(
        "PROGRAM Main\nVAR_EXTERNAL\n  Limit : INT;\nEND_VAR\nLim$0it := 1;\nEND_PROGRAM\n",
        globals="VAR_GLOBAL\n  Limit : INT := 7; // set by the operator\nEND_VAR\n",
    )
    assert shown == "```st\nVAR_GLOBAL Limit : INT := 7\n```\n\nset by the operator"


def test_a_comment_further_up_belongs_to_something_else() -> None:
    shown = hovered(main("// about y\ny : INT;\n\nx : INT;", "x$0 := 1;"))
    assert shown == "```st\nVAR x : INT\n```"


@pytest.mark.parametrize("body", ["x := 5$0;", "(* no$0te *)", "$0", "'te$0xt'", "unkn$0own := 1;"])
def test_what_names_nothing_has_no_hover(body: str) -> None:
    assert hovered(main("x : INT;", body)) is None


def test_the_hover_covers_the_word() -> None:
    snapshot, path, offset = place(main("Level : INT;", "Lev$0el := 1;"))
    found = hover(snapshot, path, offset)
    assert found is not None
    assert snapshot.files[path].text[found.start : found.end] == "Level"


def test_a_broken_body_still_has_hovers() -> None:
    assert hovered(main("x : INT;", "IF x$0 > THEN\n x := ;")) == "```st\nVAR x : INT\n```"


@pytest.mark.parametrize(
    ("word", "said"), [("Ma$0in", "PROGRAM Main"), ("Fa$0st", "TASK Fast"), ("One$0", "PROGRAM One : Main")]
)
def test_a_configuration_is_explained(word: str, said: str) -> None:
    text = (
        "PROGRAM Main\nEND_PROGRAM\nCONFIGURATION C\nRESOURCE R ON PLC\nTASK Fast(INTERVAL := T#20ms, PRIORITY := 1);\n"
    )
    text += "PROGRAM One WITH Fast : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n"
    line = "PROGRAM One WITH Fast : Main;"
    shown = hovered(text.replace(line, line.replace(word.replace("$0", ""), word)))
    assert shown is not None
    assert shown.splitlines()[1].startswith(said)
