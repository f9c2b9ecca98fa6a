"""The pins that a project gives its board count in what is found about its program, and in what is built."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from rung.ide.build import build
from rung.ide.diagnostics import Diagnostic, Findings, diagnostics, flat, retargeted
from rung.project.settings import settings_from
from rung.project.snapshot import EMPTY, Snapshot

MAIN = Path("main.st")
TEXT = """
PROGRAM Main
VAR start AT %IX1.0 : BOOL; lamp AT %QX0.0 : BOOL; END_VAR
lamp := start;
END_PROGRAM
"""
PINS = '[board.pins]\n"%IX1.0" = "A3"\n'
WRONG = '[board]\nbaud = 9600\npins = { "%IX1.0" = "A3", "%QX0.0" = "A9" }\n'


def project(toml: str) -> Snapshot:
    return EMPTY.changed({MAIN: TEXT}).with_settings(settings_from(toml))


def codes(items: list[Diagnostic]) -> list[str]:
    return [item.code for item in items if item.severity == "error"]


def sketch(snapshot: Snapshot, target: str) -> str:
    built = build(snapshot, target)
    assert built.artefact is not None, built.failure
    return zipfile.ZipFile(io.BytesIO(built.artefact.data)).read("rung/program.cpp").decode()


def test_an_address_that_the_project_gives_a_pin_is_one_of_the_board() -> None:
    assert codes(flat(diagnostics(project(""), "uno"))) == ["POR033"]
    assert codes(flat(diagnostics(project(PINS), "uno"))) == []


def test_findings_follow_the_settings() -> None:
    findings, without = Findings(), project("")
    assert codes(flat(findings.of(without, "uno"))) == ["POR033"]
    with_pins = without.with_settings(settings_from(PINS))
    assert codes(flat(findings.of(with_pins, "uno"))) == []
    assert codes(flat(findings.of(with_pins.with_settings(settings_from("")), "uno"))) == ["POR033"]


def test_a_wrong_pin_is_found_at_its_key() -> None:
    found = [item for item in flat(diagnostics(project(WRONG), "uno")) if item.code == "CFG007"]
    assert [(item.file.name, item.start[0]) for item in found] == [("rung.toml", 2)]
    line = WRONG.splitlines()[2]
    assert line[found[0].start[1] : found[0].end[1]] == '"%QX0.0"'
    assert "Arduino Uno has no pin 'A9'" in found[0].message


@pytest.mark.parametrize("checked_for", ["uno", "openplc-v4", None])
def test_nothing_is_built_with_a_wrong_pin(checked_for: str | None) -> None:
    snapshot = project(WRONG)
    built = build(snapshot, "uno", None if checked_for is None else diagnostics(snapshot, checked_for))
    assert built.artefact is None
    assert built.failure is None
    assert "CFG007" in codes(built.diagnostics)
    assert len(built.diagnostics) == len(set(built.diagnostics))


def test_pins_matter_to_boards_alone() -> None:
    assert codes(flat(diagnostics(project(WRONG), "openplc-v4"))) == []
    assert build(project(WRONG), "openplc-v4").artefact is not None


@pytest.mark.parametrize("before", ["uno", "mega", "openplc-v4"])
@pytest.mark.parametrize("after", ["uno", "mega", "openplc-v4"])
def test_findings_change_their_target_with_the_pins(before: str, after: str) -> None:
    snapshot = project(f"{WRONG}[modbus_slave]\nport = 1502\n")
    assert retargeted(snapshot, diagnostics(snapshot, before), after) == diagnostics(snapshot, after)


def test_the_firmware_has_the_project_s_pin_and_speed() -> None:
    text = sketch(project(f"[board]\nbaud = 57600\nslave = 7\n{PINS}"), "uno")
    assert "#define RUNG_BAUD 57600UL" in text
    assert "#define RUNG_SLAVE 7\n" in text
    assert "digitalRead(A3)" in text


def test_what_the_project_s_pins_say_of_one_board_another_does_not_mind() -> None:
    assert "digitalRead(53)" in sketch(project('[board.pins]\n"%IX1.0" = "53"\n'), "mega")


def test_tables_for_a_runtime_have_no_effect_on_a_board() -> None:
    snapshot = project(f"{PINS}[modbus_slave]\nport = 1502\n")
    built = build(snapshot, "uno")
    assert built.artefact is not None
    ignored = [item for item in built.diagnostics if item.code == "CFG006"]
    assert [item.message for item in ignored] == [
        "[modbus_slave] has no effect: a board's firmware has no such plug-in."
    ]
