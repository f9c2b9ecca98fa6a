"""What Runtime v3 says in JSON and in its logs, as it was recorded."""

from __future__ import annotations

import pytest

from rung.runtimes import v3_answers
from rung.runtimes.machine import Compilation, PlcState
from rung.runtimes.v3_answers import ModbusServer

RECORDED_LOG = (
    "OpenPLC Runtime starting...\nSkipping configuration of Slave Devices (mbconfig.cfg file not found)\n"
    "Interactive Server: Listening on port 43628\nPersistent Storage is empty\n"
    "Issued start_modbus() command to start on port: 502\n{modbus}Server: waiting for new client...\n"
    "Issued stop_dnp3() command\nIssued start_enip() command to start on port: 44818\n"
    "Server: Listening on port 44818\nServer: waiting for new client...\nIssued stop_pstorage() command\n"
)


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("STATUS:RUNNING", PlcState.RUNNING),
        ("STATUS:STOPPED", PlcState.STOPPED),
        ("STATUS:EMPTY", PlcState.COMPILING),
        ("STATUS:UNKNOWN", PlcState.UNKNOWN),
        ("START:OK", None),
        (None, None),
    ],
)
def test_empty_means_compiling(said: object, state: PlcState | None) -> None:
    assert v3_answers.plc_state({"status": said}) is state


def test_the_recorded_verdicts_are_read() -> None:
    good = ("Generating C files...", "Compilation finished successfully!")
    bad = ("Generating C files...", "Error moving files", "Compilation finished with errors!")
    assert v3_answers.verdict(good) == Compilation("SUCCESS", good, 0)
    assert v3_answers.verdict(bad) == Compilation("FAILED", bad, 1)
    assert v3_answers.verdict(good[:1]) is None
    assert v3_answers.verdict((*good, bad[-1])) == Compilation("FAILED", (*good, bad[-1]), 1)


def test_the_runtimes_own_status_and_exit_code_are_not_believed() -> None:
    answer: dict[str, object] = {
        "exit_code": 0,
        "logs": ["x \tCompilation finished successfully!"],
        "status": "SUCCESS",
    }
    lines = v3_answers.compile_lines(answer)
    assert lines == ("x  Compilation finished successfully!",)
    assert v3_answers.verdict(lines) is None


@pytest.mark.parametrize("answer", [{}, {"logs": []}, {"logs": "text", "status": "COMPILING"}])
def test_a_compile_status_of_another_form_is_none(answer: dict[str, object]) -> None:
    assert v3_answers.compile_lines(answer) is None


@pytest.mark.parametrize(
    ("modbus", "server"),
    [
        ("Server: Listening on port 502\n", ModbusServer(True, 502)),
        ("Server: error binding socket => Address already in use\n", ModbusServer(True, 502, taken=True)),
        ("", ModbusServer(True, 502)),
    ],
)
def test_the_recorded_logs_say_where_modbus_is(modbus: str, server: ModbusServer) -> None:
    assert v3_answers.modbus_server(RECORDED_LOG.format(modbus=modbus)) == server


def test_another_servers_taken_port_is_not_that_of_modbus() -> None:
    log = RECORDED_LOG.format(modbus="Server: Listening on port 502\n") + "Server: error binding socket => in use\n"
    assert not v3_answers.modbus_server(log).taken


@pytest.mark.parametrize(
    ("log", "server"),
    [
        ("Issued stop_modbus() command\n", ModbusServer(enabled=False)),
        (
            "Issued stop_modbus() command\nIssued start_modbus() command to start on port: 5020\n",
            ModbusServer(True, 5020),
        ),
        (
            "Issued start_modbus() command to start on port: 502\nIssued stop_modbus() command\n",
            ModbusServer(enabled=False),
        ),
        ("Issued start_modbus() command to start on port: 99999\n", ModbusServer()),
        ("nothing of the kind\n", ModbusServer()),
    ],
)
def test_the_last_word_on_modbus_counts(log: str, server: ModbusServer) -> None:
    assert v3_answers.modbus_server(log) == server
