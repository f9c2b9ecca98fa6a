"""From a word to where it is declared."""

from __future__ import annotations

import pytest

from ide.cursor import declared, place
from rung.ide.definition import definition

LIBRARY = """TYPE
    Phase : (Idle, Done);
    Report : STRUCT
        Level : REAL;
        Inner : Detail;
    END_STRUCT;
    Detail : STRUCT
        Unit : INT;
    END_STRUCT;
END_TYPE
VAR_GLOBAL
    Limit : INT;
END_VAR
FUNCTION_BLOCK Filler
    VAR_INPUT Enable : BOOL; END_VAR
    VAR_OUTPUT Full : BOOL; END_VAR
    VAR Held : INT; END_VAR
    Held := Held + 1;
END_FUNCTION_BLOCK
FUNCTION Twice : INT
    VAR_INPUT X : INT; END_VAR
    Twice := 2 * X;
END_FUNCTION
"""


def main(variables: str, body: str) -> str:
    return f"PROGRAM Main\nVAR_EXTERNAL Limit : INT; END_VAR\nVAR\n{variables}\nEND_VAR\n{body}\nEND_PROGRAM\n"


@pytest.mark.parametrize(
    ("variables", "body", "where"),
    [
        ("x : INT;", "x$0 := 1;", "main:4: [x] : INT;"),
        ("x : INT;", "IF TRUE THEN x := 1 + x$0; END_IF;", "main:4: [x] : INT;"),
        ("f : Filler;", "f$0();", "main:4: [f] : Filler;"),
        ("f : Fill$0er;", "", "library:14: FUNCTION_BLOCK [Filler]"),
        ("f : Filler;", "f(Ena$0ble := TRUE);", "library:15: VAR_INPUT [Enable] : BOOL; END_VAR"),
        ("f : Filler; b : BOOL;", "f(Fu$0ll => b);", "library:16: VAR_OUTPUT [Full] : BOOL; END_VAR"),
        ("f : Filler; b : BOOL;", "b := f.Fu$0ll;", "library:16: VAR_OUTPUT [Full] : BOOL; END_VAR"),
        ("f : Filler;", "f.Ena$0ble := TRUE;", "library:15: VAR_INPUT [Enable] : BOOL; END_VAR"),
        ("x : INT;", "x := Twi$0ce(1);", "library:20: FUNCTION [Twice] : INT"),
        ("x : INT;", "x := Twice(X$0 := 1);", "library:21: VAR_INPUT [X] : INT; END_VAR"),
        ("r : Rep$0ort;", "", "library:3: [Report] : STRUCT"),
        ("r : Report;", "r.Lev$0el := 1.0;", "library:4: [Level] : REAL;"),
        ("r : Report;", "r.Inner.Un$0it := 1;", "library:8: [Unit] : INT;"),
        ("r : ARRAY[0..1] OF Report;", "r[0].Lev$0el := 1.0;", "library:4: [Level] : REAL;"),
        ("r : Report := (Lev$0el := 1.0);", "", "library:4: [Level] : REAL;"),
        ("p : Phase;", "p := Do$0ne;", "library:2: Phase : (Idle, [Done]);"),
        ("p : Phase;", "p := Phase#Do$0ne;", "library:2: Phase : (Idle, [Done]);"),
        ("p : Phase;", "p := Pha$0se#Done;", "library:2: [Phase] : (Idle, Done);"),
        ("p : Phase := Do$0ne;", "", "library:2: Phase : (Idle, [Done]);"),
        ("x : INT;", "x := Lim$0it;", "library:12: [Limit] : INT;"),
        ("x : ARRAY[0..3] OF Pha$0se;", "", "library:2: [Phase] : (Idle, Done);"),
    ],
)
def test_a_use_leads_to_its_declaration(variables: str, body: str, where: str) -> None:
    assert declared(main(variables, body), library=LIBRARY) == where


def test_an_external_variable_leads_to_the_global() -> None:
    text = main("", "").replace("Limit", "Lim$0it")
    assert declared(text, library=LIBRARY) == "library:12: [Limit] : INT;"


def test_a_declaration_leads_to_itself() -> None:
    assert declared(main("x$0 : INT;", "")) == "main:4: [x] : INT;"


def test_inside_the_library_its_own_names_count() -> None:
    assert (
        declared(main("", ""), library=LIBRARY.replace("Held := Held", "Held := He$0ld"))
        == "library:17: VAR [Held] : INT; END_VAR"
    )
    assert (
        declared(main("", ""), library=LIBRARY.replace("Twice := 2", "Twi$0ce := 2"))
        == "library:20: FUNCTION [Twice] : INT"
    )
    assert (
        declared(main("", ""), library=LIBRARY.replace("Inner : Detail", "Inner : Det$0ail"))
        == "library:7: [Detail] : STRUCT"
    )


CONFIGURATION = """CONFIGURATION Plant
    VAR_GLOBAL Shared : INT; END_VAR
    RESOURCE Main ON PLC
        VAR_GLOBAL Local : INT; END_VAR
        TASK Fast(INTERVAL := T#20ms, PRIORITY := 1);
        PROGRAM One WITH Fast : Cell(Speed := Shared);
    END_RESOURCE
END_CONFIGURATION
"""
CELL = "PROGRAM Cell\nVAR_INPUT Speed : INT; END_VAR\nVAR_EXTERNAL Shared, Local : INT; END_VAR\nShared := Local;\nEND_PROGRAM\n"


@pytest.mark.parametrize(
    ("line", "cursor", "where"),
    [
        ("WITH Fast", "WITH Fa$0st", "main:5: TASK [Fast](INTERVAL := T#20ms, PRIORITY := 1);"),
        (": Cell", ": Ce$0ll", "cell:1: PROGRAM [Cell]"),
        ("Speed :=", "Spe$0ed :=", "cell:2: VAR_INPUT [Speed] : INT; END_VAR"),
        (":= Shared", ":= Sha$0red", "main:2: VAR_GLOBAL [Shared] : INT; END_VAR"),
        ("TASK Fast", "TASK Fa$0st", "main:5: TASK [Fast](INTERVAL := T#20ms, PRIORITY := 1);"),
    ],
)
def test_a_configuration_leads_to_its_parts(line: str, cursor: str, where: str) -> None:
    assert declared(CONFIGURATION.replace(line, cursor, 1), cell=CELL) == where


def test_a_global_of_a_resource_is_found_from_a_program() -> None:
    assert (
        declared(CONFIGURATION, cell=CELL.replace(":= Local", ":= Loc$0al"))
        == "main:4: VAR_GLOBAL [Local] : INT; END_VAR"
    )


@pytest.mark.parametrize("body", ["t.Q$0 := TRUE;", "x := AB$0S(1);", "x := 5$0;", "unkn$0own := 1;", "// x$0"])
def test_the_language_itself_has_no_declaration(body: str) -> None:
    assert declared(main("x : INT; t : TON;", body)) is None


def test_after_an_edit_in_a_body_declarations_are_found_where_they_are_now() -> None:
    text = main("x : INT; f : Filler; b : BOOL;", "x := 1;\nb := f.Full;")
    snapshot, path, _ = place(text + "$0", library=LIBRARY)
    library = path.with_name("library.st")
    assert snapshot.program.pous
    edited = snapshot.with_text(library, "// one more line\n" + LIBRARY.replace("Held + 1", "Held + 2"))
    target = definition(edited, path, edited.files[path].text.index("Full") + 1)
    assert target is not None
    assert target.file is edited.files[library]
    assert target.file.text[target.start : target.end] == "Full"
    edited = edited.with_text(path, text.replace("x := 1", "x := 2"))
    target = definition(edited, path, edited.files[path].text.index("x := 2"))
    assert target is not None
    assert target.file is edited.files[path]
    assert target.start == text.index("x : INT")
