"""From what g++ says on the device to the user's own lines."""

from __future__ import annotations

import pytest

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


# -- Runtime v3 ----------------------------------------------------------------------------------------------------

TEXT = (None, None, ("/plant/main.st", 3), ("/plant/main.st", 4), ("/plant/conveyor.st", 11))


def v3(*lines: str) -> list[tuple[str | None, int, str, str]]:
    found = parse_compile_log(lines, {}, TEXT)
    assert all(d.column is None for d in found)  # the device's columns are one too high in places
    return [(d.file, d.line, d.severity, d.message) for d in found]


@pytest.mark.parametrize("name", ["webserver_program", "949095"])
def test_an_error_in_the_text_for_v3_is_led_back_to_the_users_line(name: str) -> None:
    line = f"./st_files/{name}.st:5-4..5-12: error: Incompatible data types for ':=' operation."
    assert v3(line) == [("/plant/conveyor.st", 11, "error", "Incompatible data types for ':=' operation.")]


def test_what_follows_the_first_error_of_v3_is_dimmed() -> None:
    found = v3(
        "./st_files/a.st:3-5..3-11: warning: a warning.",
        "./st_files/a.st:3-5..3-11: error: invalid located variable declaration.",
        "./st_files/a.st:4-3..4-3: error: invalid variable before ':='.",
        "./st_files/a.st:5-3..5-3: warning: another warning.",
        "",
        "2 error(s) found. Bailing out!",
        "Error generating C files",
        "Compilation finished with errors!",
    )
    assert [(severity, line) for _, line, severity, _ in found] == [
        ("warning", 3),
        ("error", 3),
        ("info", 4),
        ("warning", 11),
    ]
    assert found[2][3] == "Perhaps a consequence of the first error: invalid variable before ':='."


@pytest.mark.parametrize("line", [1, 2, 6, 4711])
def test_an_error_in_a_line_of_ours_is_not_led_to_the_users(line: int) -> None:
    assert v3(f"./st_files/a.st:{line}-1..{line}-2: error: no.") == [
        (None, 0, "error", f"line {line} of the generated text: no.")
    ]


@pytest.mark.parametrize(
    "line",
    [
        "bistable.txt:58-5..58-16: error: invalid variable.",
        "Internal compiler error in file generate_c.cc at line 12.",
        "Parsing failed because of too many consecutive syntax errors. Bailing out!",
        "POUS.c:11:25: error: expected ';'",
        "debug.cpp:47:24: error: 'struct MAIN' has no member named 'TICK'",
    ],
)
def test_an_error_of_v3_outside_of_the_text_is_shown_as_it_is(line: str) -> None:
    assert v3(line, "Error generating C files", "Compilation finished with errors!") == [(None, 0, "error", line)]


def test_what_the_stages_of_v3_say_counts_when_its_compiler_said_nothing() -> None:
    recorded = [
        "Generating C files...",
        "Moving Files...",
        "mv: cannot stat 'Config0.c': No such file or directory",
        "Error moving files",
        "Compilation finished with errors!",
    ]
    assert [message for _, _, _, message in v3(*recorded)] == [
        "mv: cannot stat 'Config0.c': No such file or directory",
        "Error moving files",
    ]


def test_a_good_compile_of_v3_says_nothing() -> None:
    recorded = [
        "Generating C files...",
        "POUS.c",
        "varName: __IX0_0 varType: BOOL",
        "Compilation finished successfully!",
    ]
    assert v3(*recorded) == []
