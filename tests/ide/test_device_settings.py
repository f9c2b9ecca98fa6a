"""The device's tables in `rung.toml` are checked with the program that they go with, while it is edited and when it is built."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from rung.ide.build import build
from rung.ide.diagnostics import Diagnostic, Findings, flat
from rung.project.settings import settings_from
from rung.project.snapshot import EMPTY, Snapshot

MAIN = Path("main.st")
TEXT = """
PROGRAM Main
VAR lamp AT %QX0.0 : BOOL; END_VAR
VAR RETAIN hours : UDINT; END_VAR
lamp := NOT lamp; hours := hours + 1;
END_PROGRAM
"""
SLAVE = "[modbus_slave]\nport = 1502\n"
READS = """\
[[modbus_master]]
name = "io"
host = "10.0.0.1"

[[modbus_master.io_points]]
fc = 2
offset = 0
iec_location = "%IX0.0"
len = 1
"""


def project(toml: str, text: str = TEXT) -> Snapshot:
    return EMPTY.changed({MAIN: text}).with_settings(settings_from(toml))


def marked(items: list[Diagnostic], toml: str) -> list[tuple[str, str]]:
    """The code of each finding about the settings, with the text that it underlines."""
    lines = toml.splitlines()
    return [(i.code, lines[i.start[0]][i.start[1] : i.end[1]]) for i in items if i.file == Path("rung.toml")]


def archive(snapshot: Snapshot, target: str = "openplc-v4", takes: tuple[str, ...] = ()) -> zipfile.ZipFile:
    built = build(snapshot, target, takes=takes)
    assert built.artefact is not None, built.failure
    return zipfile.ZipFile(io.BytesIO(built.artefact.data))


def test_a_finding_stands_on_the_key_that_it_is_about() -> None:
    snapshot = project(READS)
    assert marked(flat(Findings().of(snapshot)), READS) == [("CFG003", "iec_location")]


def test_a_finding_goes_when_the_program_gets_the_variable() -> None:
    findings = Findings()
    before = project(READS)
    assert marked(flat(findings.of(before)), READS)
    after = before.with_text(MAIN, TEXT.replace("lamp := NOT lamp", "lamp := %IX0.0"))
    assert marked(flat(findings.of(after)), READS) == []
    assert marked(flat(findings.of(after.with_text(MAIN, TEXT))), READS) == [("CFG003", "iec_location")]


def test_a_setting_with_an_error_is_not_built() -> None:
    built = build(project("[modbus_slave]\nport = 0\n"), "openplc-v4")
    assert built.artefact is None
    assert [item.code for item in built.diagnostics if item.severity == "error"] == ["CFG001"]


def test_a_node_without_variable_is_found_by_the_build() -> None:
    toml = '[opcua]\nanonymous = true\nsecurity = ["none"]\n[[opcua.nodes]]\nvariable = "Main.lamps"\n'
    built = build(project(toml), "openplc-v4")
    assert built.artefact is None
    assert marked(built.diagnostics, toml) == [("CFG005", "variable")]


def test_both_lines_of_runtime_4_get_the_file_and_version_3_is_told_that_it_has_no_effect() -> None:
    for target in ("openplc-v4", "openplc-v4.0"):
        content = json.loads(archive(project(SLAVE), target).read("conf/modbus_slave.json"))
        assert content["network_configuration"]["port"] == 1502
    found = build(project(SLAVE), "openplc-v3")
    assert found.artefact is not None
    assert marked(found.diagnostics, SLAVE) == [("CFG006", "modbus_slave")]


def test_opcua_nodes_have_one_index_and_a_first_value_on_runtime_4_0() -> None:
    toml = '[opcua]\nanonymous = true\nsecurity = ["none"]\n[[opcua.nodes]]\nvariable = "Main.lamp"\n'
    for target, keys in (("openplc-v4", {"arr", "elem"}), ("openplc-v4.0", {"index", "initial_value"})):
        content = json.loads(archive(project(toml), target).read("conf/opcua.json"))
        (node,) = content[0]["config"]["address_space"]["variables"]
        assert keys <= set(node)


def test_what_only_newer_runtimes_take_is_sent_to_them_alone() -> None:
    snapshot = project("[retain]\nflush_seconds = 30\n")
    assert {"retain.conf", "image.conf"}.isdisjoint(archive(snapshot).namelist())
    newer = archive(snapshot, takes=("retain.conf", "image.conf"))
    assert newer.read("retain.conf") == b"enabled=true\npath=\nflush_seconds=30\n"
    assert b"bool_output=1 bits\n" in newer.read("image.conf")


def test_the_md5_depends_on_the_settings_and_not_on_what_the_runtime_takes() -> None:
    def md5(toml: str, takes: tuple[str, ...] = ()) -> str:
        built = build(project(toml), "openplc-v4", takes=takes)
        assert built.artefact is not None
        return built.artefact.md5

    assert md5("") == md5("", ("retain.conf", "image.conf"))
    assert md5("") != md5(SLAVE)
    assert md5("") != md5("[retain]\nflush_seconds = 30\n")
