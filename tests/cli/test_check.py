"""`rung check`: the same findings for people, for programs, for code scanning and for pull requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import rung

WRONG = """PROGRAM Main
    VAR
        Lamp AT %QX0.0 : BOOL;
        Level : INT;
    END_VAR
    Lamp := Levle > 3;
    (* größer 𝄞 *) Level = 3;
END_PROGRAM
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "main.st"
    path.write_text(WRONG, encoding="utf-8")
    return path


def test_text_names_the_place_the_code_and_the_word_that_was_meant(program: Path) -> None:
    ran = rung("check", program)
    assert ran.code == 1
    assert ran.out.startswith(f"{program}:6:13: error[NAM")
    assert "Level" in ran.out


def test_json_is_one_document_with_positions_as_editors_count_them(program: Path) -> None:
    ran = rung("check", "--format", "json", program)
    assert ran.err == ""
    document = ran.json
    assert document["version"] == 1
    assert document["summary"] == {"files": 1, "errors": 1, "warnings": 1}
    error = next(item for item in document["diagnostics"] if item["severity"] == "error")
    assert set(error) == {"file", "range", "severity", "code", "message", "related"}
    assert error["range"] == {"start": {"line": 5, "character": 12}, "end": {"line": 5, "character": 17}}
    # the clef counts as two UTF-16 units in front of this name
    warning = next(item for item in document["diagnostics"] if item["severity"] == "warning")
    assert warning["range"]["start"] == {"line": 6, "character": 20}


def test_sarif_has_a_rule_for_each_result(program: Path) -> None:
    run = rung("check", "--format", "sarif", program).json["runs"][0]
    known = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {result["ruleId"] for result in run["results"]} == known
    error = next(result for result in run["results"] if result["level"] == "error")
    assert error["locations"][0]["physicalLocation"]["region"]["startLine"] == 6


def test_github_puts_the_finding_on_its_line(program: Path) -> None:
    ran = rung("check", "--format", "github", program)
    assert ran.out.startswith(f"::error file={program},line=6,col=13,")


def test_what_is_implied_is_said_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "main.st"
    path.write_text(
        "PROGRAM Main\n VAR Lamp AT %QX0.0 : BOOL; END_VAR\n Lamp := NOT Lamp;\nEND_PROGRAM\n", encoding="utf-8"
    )
    assert rung("check", path).out == ""
    said = rung("check", "--info", path).out
    assert "20" in said
    assert "Config0" in said


def test_a_folder_is_one_program(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "double.st").write_text(
        "FUNCTION Double : INT\n VAR_INPUT x : INT; END_VAR\n Double := 2 * x;\nEND_FUNCTION\n", encoding="utf-8"
    )
    main = tmp_path / "main.st"
    main.write_text(
        "PROGRAM Main\n VAR y AT %QW0 : INT; END_VAR\n y := Double(x := y);\nEND_PROGRAM\n", encoding="utf-8"
    )
    assert rung("check", tmp_path).code == 0
    assert rung("check", main).code == 1


def test_every_code_has_a_page(program: Path) -> None:
    code = rung("check", "--format", "json", program).json["diagnostics"][0]["code"]
    page = rung("explain", code)
    assert page.code == 0
    assert code in page.out
    assert code in rung("explain").out


def test_help_names_every_command() -> None:
    ran = rung("--help")
    assert ran.code == 0
    for name in (
        "check",
        "explain",
        "build",
        "run",
        "simulate",
        "connection",
        "deploy",
        "status",
        "start",
        "stop",
        "logs",
        "lsp",
        "demo",
    ):
        assert f"\n  {name} " in ran.out
