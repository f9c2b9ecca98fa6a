"""A finding about a setting leads to the key that it is about."""

from __future__ import annotations

import pytest

from rung.project.settings_places import place_of

TOML = """\
target = "openplc-v4"

[modbus_slave]
port = 502

[[modbus_master]]
name = "a"
[[modbus_master.io_points]]
fc = 1
[[modbus_master.io_points]]
fc = 2

[[modbus_master]]
name = "b"
io_points = [{fc = 3}]

[s7comm.system_areas.pe_area]
size_bytes = 4
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("target",), 'target = "openplc-v4"'),
        (("modbus_slave", "port"), "port = 502"),
        (("modbus_slave", "not there"), "[modbus_slave]"),
        (("modbus_master", 0, "io_points", 1, "fc"), "fc = 2"),
        (("modbus_master", 1, "name"), 'name = "b"'),
        (("modbus_master", 1, "io_points", 0, "fc"), "io_points = [{fc = 3}]"),
        (("s7comm", "system_areas", "pe_area", "size_bytes"), "size_bytes = 4"),
    ],
)
def test_a_path_leads_to_its_line(path: tuple[str | int, ...], line: str) -> None:
    start, end = place_of(TOML, path)
    assert TOML[TOML.rfind("\n", 0, start) + 1 :].splitlines()[0] == line
    assert start < end


def test_a_path_leads_into_a_table_within_a_line() -> None:
    text = 'x = 1\n[board]\npins = { "%IX0.0" = "A = 3", \'%QX0.0\' = "9" }\nslave = 1\n'
    for key, shown in (("%IX0.0", '"%IX0.0"'), ("%QX0.0", "'%QX0.0'"), ("A", "pins"), ("%QW0", "pins")):
        start, end = place_of(text, ("board", "pins", key))
        assert text[start:end] == shown


def test_what_cannot_be_found_is_the_files_beginning() -> None:
    assert place_of("", ("modbus_slave",)) == (0, 0)
