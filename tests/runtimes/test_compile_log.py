"""From what g++ says on the device to the user's own lines."""

from __future__ import annotations

from rung.runtimes.compile_log import DeviceDiagnostic, parse_compile_log

SOURCES = {"main.st": "/plant/line3/main.st", "valves/valve.st": "/plant/line3/valves/valve.st"}


def test_an_error_in_a_users_line_is_placed_there_however_often_the_device_says_error() -> None:
    log = [
        "[ERROR] main.st:12:9: error: 'X' was not declared in this scope\n",
        "[ERROR] [ERROR] core/generated/main.st:13: fatal error: stop\n",
        "valves/valve.st:3:1: warning: unused",
    ]
    assert parse_compile_log(log, SOURCES) == (
        DeviceDiagnostic("/plant/line3/main.st", 12, None, "error", "'X' was not declared in this scope"),
        DeviceDiagnostic("/plant/line3/main.st", 13, None, "error", "stop"),
        DeviceDiagnostic("/plant/line3/valves/valve.st", 3, None, "warning", "unused"),
    )


def test_an_error_elsewhere_is_kept_as_it_is() -> None:
    recorded = "[ERROR] core/generated/program.cpp:28:14: error: expected primary-expression at end of input\n"
    assert parse_compile_log([recorded], SOURCES) == (
        DeviceDiagnostic(
            None,
            0,
            None,
            "error",
            "core/generated/program.cpp:28:14: error: expected primary-expression at end of input",
        ),
    )


def test_warnings_outside_the_users_program_and_lines_without_a_place_are_left_out() -> None:
    log = [
        "[ERROR] core/generated/x.hpp:1:2: warning: unused variable\n",
        "[ERROR]    28 | int broken( {\n",
        "[ERROR] make: *** [scripts/Makefile.strucpp:108: build/program.o] Error 1\n",
        "[INFO] Compiling core/generated/program.cpp...\n",
        "/usr/bin/ccache g++ -std=c++17 -c core/generated/program.cpp -o build/program.o\n",
    ]
    assert parse_compile_log(log, SOURCES) == ()


def test_terminal_colours_do_not_hide_an_error() -> None:
    line = "[ERROR] \x1b[01m\x1b[Kmain.st:5:1:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kno"
    assert parse_compile_log([line], SOURCES)[0].line == 5


def test_the_same_error_from_several_files_is_said_once() -> None:
    assert len(parse_compile_log(["[ERROR] main.st:12:9: error: no\n"] * 5, SOURCES)) == 1


def test_what_the_build_script_says_counts_when_the_compiler_said_nothing() -> None:
    recorded = [
        "[ERROR] [ERROR] Missing required source files:\n",
        "[ERROR]   core/generated/*.cpp (at least one)\n",
        "[ERROR] Build failed (exit=1)\n",
    ]
    assert [d.message for d in parse_compile_log(recorded, SOURCES)] == ["Missing required source files:"]


def test_a_linker_error_is_an_error() -> None:
    log = ["/usr/bin/ld: build/a.o: undefined reference to `f'\n", "collect2: error: ld returned 1 exit status\n"]
    assert [d.severity for d in parse_compile_log(log, SOURCES)] == ["error", "error"]


def test_a_flood_of_errors_is_cut() -> None:
    assert len(parse_compile_log((f"main.st:{n}:1: error: x" for n in range(5000)), SOURCES)) == 200
