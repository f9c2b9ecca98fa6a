"""What a program is for comes from `--target`, or from `rung.toml`, or is the current runtime."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import rung

# fine everywhere but on v3
LONG = "PROGRAM Main\nVAR\n    text : STRING[200];\n    q AT %QX0.0 : BOOL;\nEND_VAR\ntext := 'a';\nq := LEN(text) > 0;\nEND_PROGRAM\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "main.st").write_text(LONG, encoding="utf-8")
    return tmp_path


def test_check_says_what_the_target_cannot_do(project: Path) -> None:
    for target in ("openplc-v4", "openplc-v4.0", "host"):
        assert rung("check", project, "--target", target).code == 0
    ran = rung("check", project, "--target", "openplc-v3")
    assert ran.code == 1
    assert ran.out.startswith(f"{project / 'main.st'}:3:12: error[POR002]: A STRING of OpenPLC Runtime v3 holds 126")


def test_the_project_names_its_target(project: Path) -> None:
    (project / "rung.toml").write_text('target = "openplc-v3"\n', encoding="utf-8")
    for path in (project, project / "main.st"):
        assert "POR002" in rung("check", path).out
        assert rung("check", path, "--target", "openplc-v4").code == 0
    refused = rung("build", project, folder=project)
    assert refused.code == 1
    assert "POR002" in refused.err
    assert not (project / "program.st").exists()


def test_build_takes_the_current_runtime_when_nothing_is_said(project: Path) -> None:
    ran = rung("build", project, folder=project)
    assert ran.code == 0, ran.err
    assert "bytes for openplc-v4, MD5 " in ran.out
    assert (project / "program.zip").stat().st_size > 0


def test_files_of_projects_for_different_targets_are_no_program(project: Path) -> None:
    other = project / "other"
    other.mkdir()
    (other / "rung.toml").write_text('target = "openplc-v4.0"\n', encoding="utf-8")
    (other / "more.st").write_text("FUNCTION F : INT\nF := 1;\nEND_FUNCTION\n", encoding="utf-8")
    ran = rung("check", project / "main.st", other / "more.st")
    assert ran.code == 2
    assert "--target" in ran.err
    assert rung("check", project / "main.st", other / "more.st", "--target", "openplc-v4").code == 0


def test_an_unknown_target_in_rung_toml_is_named(project: Path) -> None:
    (project / "rung.toml").write_text('target = "openplc-v9"\n', encoding="utf-8")
    ran = rung("check", project / "main.st")
    assert ran.code == 2
    assert "'target' must be one of openplc-v4, openplc-v4.0, openplc-v3, host" in ran.err


def test_every_limit_has_a_page() -> None:
    page = rung("explain", "POR002")
    assert page.code == 0
    assert "STRING is longer than the target's" in page.out


def test_run_minds_no_limit_of_a_runtime(tmp_path: Path) -> None:
    (tmp_path / "main.st").write_text(
        "PROGRAM Main\nVAR\n    i : INT;\nEND_VAR\ni := i + 1;\nEND_PROGRAM\nCONFIGURATION Config0\nRESOURCE Res0 ON PLC\n"
        "TASK slow(INTERVAL := T#5s, PRIORITY := 1);\nPROGRAM instance0 WITH slow : Main;\nEND_RESOURCE\nEND_CONFIGURATION\n",
        encoding="utf-8",
    )
    assert "POR016" in rung("check", tmp_path).out
    ran = rung("run", tmp_path, "--cycles", "3")
    assert ran.code == 0, ran.err


def test_check_says_what_a_board_cannot_do(project: Path) -> None:
    assert rung("check", project, "--target", "uno").code == 0
    (project / "main.st").write_text(LONG.replace("q AT %QX0.0", "q AT %QX0.7"), encoding="utf-8")
    ran = rung("check", project, "--target", "uno")
    assert ran.code == 1
    assert "error[POR033]: Arduino Uno has no pin at %QX0.7: its digital outputs are %QX0.0 to %QX0.3." in ran.out


def test_a_project_may_be_for_a_board(project: Path) -> None:
    (project / "rung.toml").write_text('target = "uno"\n[board.pins]\n"%QX0.0" = "99"\n', encoding="utf-8")
    ran = rung("check", project)
    assert ran.code == 1
    assert "rung.toml:3:1: error[CFG007]: Arduino Uno has no pin '99'" in ran.out


@pytest.mark.parametrize("command", ["check", "build"])
def test_an_unknown_target_gets_the_nearest_names(project: Path, command: str) -> None:
    ran = rung(command, project, "--target", "unno")
    assert ran.code == 2
    said = "must be one of openplc-v4, openplc-v4.0, openplc-v3, host, or a board that `rung boards` lists, not 'unno'. Did you mean uno"
    assert f"argument --target: {said}" in ran.err
