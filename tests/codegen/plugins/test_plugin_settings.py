"""Tables of `rung.toml` become the files of the runtime's plug-ins, or complaints that say where and why."""

from __future__ import annotations

import json
import re
import sys

import pytest

from codegen.probes import checked
from rung.codegen.artefact import Leaf
from rung.codegen.openplc_v4 import build_openplc_v4
from rung.codegen.plugins import Flaw, device_files

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROGRAM = """
TYPE Pair : STRUCT a : INT; b : REAL; END_STRUCT END_TYPE
PROGRAM Main
VAR
  start AT %IX0.0 : BOOL;
  level AT %IW3 : INT;
  motor AT %QX0.1 : BOOL;
  speed AT %QW2 : INT;
  total AT %MD5 : DINT;
  count : INT;
  pair : Pair;
  row : ARRAY [1..3] OF INT;
  wide : WSTRING;
END_VAR
count := count + 1;
END_PROGRAM
"""


def read(toml: str) -> tuple[dict[str, object], list[Flaw]]:
    """The files as JSON values, and the flaws, of settings that go with PROGRAM."""
    program, sources = checked(PROGRAM)
    leaves = build_openplc_v4(program, sources).leaves
    files, flaws = device_files(tomllib.loads(toml), program, leaves)
    return {name: json.loads(content) for name, content in files.items() if name.endswith(".json")}, flaws


def flaws(toml: str) -> list[str]:
    return [f"{flaw.code} {flaw.message}" for flaw in read(toml)[1]]


def test_an_empty_modbus_slave_table_is_a_server_with_the_runtimes_own_defaults() -> None:
    files, wrong = read("[modbus_slave]")
    assert not wrong
    assert files["conf/modbus_slave.json"] == {
        "network_configuration": {"host": "0.0.0.0", "port": 502},
        "buffer_mapping": {
            "holding_registers": {"qw_count": 1024, "mw_count": 1024, "md_count": 1024, "ml_count": 1024},
            "coils": {"qx_bits": 8192, "mx_bits": 0},
            "discrete_inputs": {"ix_bits": 8192},
            "input_registers": {"iw_count": 1024},
        },
        "word_order": "high_word_first",
    }


REMOTE = """
[[modbus_master]]
name = "valves"
host = "10.0.0.7"
[[modbus_master.io_points]]
fc = 2
offset = 16
iec_location = "%IX0.0"
len = 8
cycle_time_ms = 100
[[modbus_master.io_points]]
fc = 16
offset = 0
iec_location = "%QW2"
len = 1
"""


def test_remote_io_is_written_as_the_runtime_reads_it() -> None:
    files, wrong = read(REMOTE)
    assert not wrong
    assert files["conf/modbus_master.json"] == [
        {
            "name": "valves",
            "protocol": "MODBUS",
            "config": {
                "type": "SLAVE",
                "transport": "tcp",
                "host": "10.0.0.7",
                "port": 502,
                "slave_id": 1,
                "timeout_ms": 1000,
                "io_points": [
                    {"fc": 2, "offset": "0x0010", "iec_location": "%IX0.0", "len": 8, "cycle_time_ms": 100},
                    {"fc": 16, "offset": "0x0000", "iec_location": "%QW2", "len": 1, "cycle_time_ms": 1000},
                ],
            },
        }
    ]


def point(fc: int, at: str, length: int = 1, name: str = "valves") -> str:
    return (
        f'[[modbus_master]]\nname = "{name}"\nhost = "{name}.local"\n[[modbus_master.io_points]]\n'
        f'fc = {fc}\noffset = 0\niec_location = "{at}"\nlen = {length}\n'
    )


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("[modbus_slave]\nport = 0", ["CFG001 modbus_slave.port: a whole number from 1 to 65535 is needed."]),
        ("[modbus_slave]\nport = true", ["CFG001 modbus_slave.port: a whole number from 1 to 65535 is needed."]),
        (
            "[modbus_slave]\nqw_counts = 4",
            [
                "CFG001 modbus_slave.qw_counts: this key is unknown; known are host, iw_count, ix_bits, md_count, ml_count, "
                "mw_count, mx_bits, port, qw_count, qx_bits, word_order."
            ],
        ),
        ("modbus_slave = 5", ["CFG001 modbus_slave: a table is needed here."]),
        ("[modbus_master]\nname = 'x'", ["CFG001 modbus_master: a list of tables is needed here: write [[ ]] around its name."]),
        (point(2, "%IX0.3"), ["CFG003 modbus_master[1].io_points[1].iec_location: no variable of the program is at %IX0.3."]),
        (point(2, "%IX0.3", 16), ["CFG003 modbus_master[1].io_points[1].iec_location: no variable of the program is at %IX0.3 to %IX2.2."]),
        (
            point(4, "%IW1020", 8),
            [
                "CFG002 modbus_master[1].io_points[1].iec_location: %IW1027 lies outside the runtime's image, which ends at index 1023."
            ],
        ),
        (
            point(4, "%IX0.0"),
            [
                "CFG002 modbus_master[1].io_points[1].iec_location: function code 4 exchanges words (W), double words (D) or long "
                "words (L), %IX0.0 is none."
            ],
        ),
        (point(4, "%IW9.9"), ["CFG002"]),
        (
            point(1, "%QX0.1"),
            [
                "CFG004 modbus_master[1].io_points[1].iec_location: what is read from valves would go to %QX0.1, an output that "
                "the program writes: use %I or %M."
            ],
        ),
        (
            point(4, "%IW3") + point(4, "%IW3", 1, "pumps"),
            ["CFG004 modbus_master[2].io_points[1].iec_location: %IW3 is read from valves already."],
        ),
        (point(5, "%QX0.1", 2), ["CFG001 modbus_master[1].io_points[1].len: function code 5 writes a single value: use 15 for several."]),
        (point(3, "%MD5", 63), ["CFG001 modbus_master[1].io_points[1].len: one request carries 125 registers at most."]),
        ("[s7comm]\npdu_size = 100", ["CFG001 s7comm.pdu_size: a whole number from 240 to 960 is needed."]),
        (
            "[[s7comm.data_blocks]]\ndb_number = 1\nsize_bytes = 4\ntype = 'byte_output'",
            ["CFG001 s7comm.data_blocks[1].type: 'byte_output' is not one of bool_input, "],
        ),
        (
            "[[s7comm.data_blocks]]\ndb_number = 1\nsize_bytes = 4\ntype = 'int_output'\nstart_buffer = 10",
            ["CFG003 s7comm.data_blocks[1].start_buffer: no variable of the program is at %QW10 to %QW11."],
        ),
        (
            "[[s7comm.data_blocks]]\ndb_number = 1\nsize_bytes = 4\ntype = 'int_output'\nstart_buffer = 1023",
            ["CFG002 s7comm.data_blocks[1].start_buffer: %QW1024 lies outside"],
        ),
        (
            "[opcua]\nanonymous = true\nsecurity = ['none']\n[[opcua.nodes]]\nvariable = 'MAIN.NOTHING'",
            ["CFG005 opcua.nodes[1].variable: the program has no variable MAIN.NOTHING: write it as INSTANCE.VARIABLE"],
        ),
        (
            "[opcua]\nanonymous = true\nsecurity = ['none']\n[[opcua.nodes]]\nvariable = 'Main.wide'",
            ["CFG005 opcua.nodes[1].variable: MAIN.WIDE is of type WSTRING"],
        ),
        (
            "[opcua]\n[[opcua.users]]\nusername = 'u'\npassword = 'secret'\npassword_hash = 'secret'\n[[opcua.nodes]]\nvariable = 'Main.count'",
            [
                "CFG001 opcua.users[1].password: a password must not stand in a file; write its bcrypt hash as password_hash.",
                "CFG001 opcua.users[1].password_hash: this is not a bcrypt hash, which begins with $2b$ and has 60 characters.",
            ],
        ),
        ("[opcua]\n[[opcua.nodes]]\nvariable = 'Main.count'", ["CFG001 opcua: nobody could log in:"]),
    ],
)  # fmt: skip
def test_a_flaw_is_told_with_its_place(toml: str, expected: list[str]) -> None:
    said = flaws(toml)
    assert len(said) == len(expected)
    for text, beginning in zip(said, expected, strict=True):
        assert text.startswith(beginning)


def test_no_flaw_repeats_a_password() -> None:
    said = " ".join(flaws("[opcua]\n[[opcua.users]]\nusername = 'u'\npassword = 'hunter2'\npassword_hash = 'hunter2'"))
    assert "hunter2" not in said


def test_nodes_are_addressed_as_the_debug_channel_addresses_variables() -> None:
    program, sources = checked(PROGRAM)
    leaves = {leaf.path: leaf for leaf in build_openplc_v4(program, sources).leaves}
    instance = next(path for path in leaves if path.endswith(".COUNT")).rpartition(".")[0]
    files, wrong = read(
        "[opcua]\nanonymous = true\nsecurity = ['none']\n"
        + "".join(f"[[opcua.nodes]]\nvariable = '{instance}.{name}'\n" for name in ("count", "pair", "row"))
    )
    assert not wrong
    content = files["conf/opcua.json"]
    assert isinstance(content, list)
    space = content[0]["config"]["address_space"]
    count, first, part = leaves[f"{instance}.COUNT"], leaves[f"{instance}.ROW[1]"], leaves[f"{instance}.PAIR.B"]
    assert [(v["node_id"], v["datatype"], v["arr"], v["elem"]) for v in space["variables"]] == [
        (f"PLC.{instance}.COUNT", "INT", count.array, count.element)
    ]
    assert [(a["length"], a["arr"], a["elem"]) for a in space["arrays"]] == [(3, first.array, first.element)]
    fields = space["structures"][0]["fields"]
    assert [(f["name"], f["datatype"], f["elem"]) for f in fields] == [
        ("A", "INT", leaves[f"{instance}.PAIR.A"].element),
        ("B", "REAL", part.element),
    ]


def test_nothing_is_a_node_twice() -> None:
    program, sources = checked(PROGRAM)
    path = next(leaf.path for leaf in build_openplc_v4(program, sources).leaves if leaf.path.endswith("PAIR.A"))
    whole = path.removesuffix(".A")
    said = flaws(
        f"[opcua]\nanonymous = true\nsecurity = ['none']\n[[opcua.nodes]]\nvariable = '{whole}'\n[[opcua.nodes]]\nvariable = '{path}'\n"
    )
    assert [re.sub(r"RES.*PAIR", "PAIR", text) for text in said] == [
        f"CFG004 opcua.nodes[2].variable: {path}, or a part of it, is a node already."
    ]


def test_variables_are_not_missed_while_only_the_settings_are_checked() -> None:
    program, _ = checked(PROGRAM)
    toml = tomllib.loads("[opcua]\nanonymous = true\nsecurity = ['none']\n[[opcua.nodes]]\nvariable = 'X.Y'\n")
    assert device_files(toml, program, None)[1] == []
    assert device_files(toml, program, [Leaf(0, 1, "X.Y", "INT", 2)])[1] == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("retain.bin", "absolute path"),
        ("/var/lib/../../etc/shadow", "without '..'"),
        ("//etc/shadow", "doubled"),
        ("/etc/cron.d/x", "device's system"),
        ("/data\\nenabled=1", "a text of 1 to 500"),
    ],
)
def test_retained_values_are_stored_where_no_harm_is_done(path: str, said: str) -> None:
    assert any(said in flaw for flaw in flaws(f'[retain]\npath = "{path}"'))
    assert not flaws('[retain]\npath = "/var/lib/openplc/retain.bin"')
