"""Whatever is put in, the answer is a sentence and an exit code, never a traceback and never a hung prompt."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from command import rung
from rung.cli.program import load_program, print_diagnostics
from rung.ide.diagnostics import diagnostics, flat
from simulated import free_port

GOOD = "PROGRAM Main\n    VAR\n        Lamp AT %QX0.0 : BOOL;\n    END_VAR\n    Lamp := NOT Lamp;\nEND_PROGRAM\n"


def write(folder: Path, content: bytes | str, name: str = "main.st") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return write(tmp_path, GOOD)


def test_a_good_program_is_fine(good: Path) -> None:
    ran = rung("check", good)
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "1 file: 0 errors, 0 warnings\n"


def test_an_empty_file_is_no_mistake_but_nothing_to_build(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    assert rung("check", path).code == 0
    built = rung("build", path, "--target", "openplc-v4", folder=tmp_path)
    assert built.code == 1
    assert "no PROGRAM" in built.err
    assert list(tmp_path.iterdir()) == [path]


def test_a_binary_file_is_named_as_one(tmp_path: Path) -> None:
    ran = rung("check", write(tmp_path, b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)) * 40))
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 1
    assert "binary" in ran.out


def test_latin_1_is_read_and_said(tmp_path: Path) -> None:
    ran = rung("check", write(tmp_path, GOOD.replace("Lamp :=", "(* Lüfter *) Lamp :=").encode("latin-1")))
    assert ran.code == 0
    assert "UTF-8" in ran.out


def test_a_line_of_ten_megabytes_is_answered_soon(tmp_path: Path) -> None:
    body = "Lamp := NOT Lamp; " * (10_000_000 // 18)
    ran = rung("check", write(tmp_path, GOOD.replace("Lamp := NOT Lamp;", body)), within=120)
    assert ran.code == 0
    endless = rung("check", write(tmp_path, "x" * 10_000_000), within=120)
    assert endless.code == 1
    assert len(endless.out) < 2000


UNCLOSED = [
    "(* comment",
    "PROGRAM p\nVAR x : INT;",
    "PROGRAM p IF x THEN WHILE",
    "'text",
    "{ pragma",
    "TYPE t : STRUCT",
    "((((((((",
    "CONFIGURATION c RESOURCE",
]


@pytest.mark.parametrize("text", UNCLOSED)
def test_what_is_not_closed_is_an_error_at_its_opener(tmp_path: Path, text: str) -> None:
    ran = rung("check", "--format", "json", write(tmp_path, text))
    assert ran.code == 1
    assert ran.json["summary"]["errors"] >= 1


def test_unclosed_everything_at_once(tmp_path: Path) -> None:
    ran = rung("check", write(tmp_path, "\n".join(UNCLOSED[::-1])))
    assert ran.code == 1
    assert 0 < len(ran.out.splitlines()) < 30


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    ran = rung("check", tmp_path / "nowhere.st")
    assert ran.code == 2
    assert "there is no" in ran.err
    assert "nowhere.st" in ran.err


def test_a_folder_without_structured_text(tmp_path: Path) -> None:
    write(tmp_path, "hello", "notes.txt")
    ran = rung("check", tmp_path)
    assert ran.code == 2
    assert "no Structured Text" in ran.err


def test_two_programs_and_no_configuration_are_named(tmp_path: Path) -> None:
    write(tmp_path, GOOD, "a.st")
    write(tmp_path, GOOD.replace("Main", "Second").replace("QX0.0", "QX0.1"), "b.st")
    ran = rung("check", tmp_path)
    assert ran.code == 1
    assert "Main" in ran.out
    assert "Second" in ran.out
    assert "CONFIGURATION" in ran.out


@pytest.mark.parametrize(
    "words", [[], ["chekc"], ["check", "--format", "yaml"], ["run"], ["explain", "XYZ999"], ["deploy"]]
)
def test_wrong_words_are_a_usage_error(words: list[str]) -> None:
    assert rung(*words).code == 2


def deploy(path: Path, port: int, tmp_path: Path, *words: str) -> tuple[int, str, str]:
    ran = rung("deploy", path, "--to", f"127.0.0.1:{port}", "--json", *words, RUNG_CONFIG_DIR=str(tmp_path / "config"))
    assert ran.json["ok"] is False
    return ran.code, ran.json["error"]["kind"], ran.json["error"]["message"]


def test_a_closed_port(good: Path, tmp_path: Path) -> None:
    code, kind, message = deploy(good, free_port(), tmp_path)
    assert (code, kind) == (3, "refused")
    assert message.endswith(".")


@pytest.fixture
def web_server() -> Iterator[int]:
    """An ordinary web server without TLS."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def test_a_web_server_that_is_not_openplc(good: Path, tmp_path: Path, web_server: int) -> None:
    code, kind, _ = deploy(good, web_server, tmp_path)
    assert (code, kind) == (3, "not-openplc")


def test_a_name_that_does_not_resolve(good: Path, tmp_path: Path) -> None:
    ran = rung("status", "--to", "no-such-machine.invalid", "--json", RUNG_CONFIG_DIR=str(tmp_path))
    assert ran.code == 3
    assert ran.json["error"]["kind"] == "dns"


def test_a_program_with_errors_never_reaches_the_machine(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("NOT Lamp", "NOT Lmap"))
    ran = rung("deploy", path, "--to", "127.0.0.1:1", "--json", RUNG_CONFIG_DIR=str(tmp_path))
    assert ran.code == 1
    assert (ran.json["stage"], ran.json["error"]["kind"]) == ("check", "program")
    assert [item["message"] for item in ran.json["diagnostics"] if "Lamp" in item["message"]]


def test_a_program_without_a_program_says_so_and_reaches_no_machine(tmp_path: Path) -> None:
    path = write(tmp_path, "FUNCTION Double : INT\nVAR_INPUT x : INT; END_VAR\nDouble := 2 * x;\nEND_FUNCTION\n")
    ran = rung("deploy", path, "--to", "127.0.0.1:1", "--json", RUNG_CONFIG_DIR=str(tmp_path))
    assert (ran.code, ran.json["stage"], ran.json["error"]["kind"]) == (1, "build", "program")
    assert "no PROGRAM" in ran.json["error"]["message"]


def test_json_is_one_document_even_when_there_is_nothing_to_read(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.st"
    assert "nowhere.st" in rung("check", "--format", "json", nowhere).json["error"]
    assert rung("deploy", nowhere, "--to", "127.0.0.1:1", "--json").json["error"]["kind"] == "program"
    assert "nowhere.st" in rung("run", nowhere, "--cycles", 1, "--json").json["error"]


def test_a_target_that_can_be_none_is_wrong_usage(tmp_path: Path) -> None:
    ran = rung("status", "--to", "bad name!", RUNG_CONFIG_DIR=str(tmp_path))
    assert ran.code == 2
    assert "bad name!" in ran.err or "address" in ran.err


def test_a_setting_that_comes_too_late_is_refused(good: Path) -> None:
    ran = rung("run", good, "--cycles", 2, "--set", "MAIN.LAMP=TRUE@9")
    assert ran.code == 2
    assert "only 2 scans" in ran.err


def test_a_fingerprint_that_is_none_is_wrong_usage(tmp_path: Path) -> None:
    assert rung("status", "--to", "127.0.0.1:1", "--trust", "zz", RUNG_CONFIG_DIR=str(tmp_path)).code == 2


def test_a_build_makes_no_folders(good: Path, tmp_path: Path) -> None:
    ran = rung("build", good, "--target", "openplc-v4", "-o", tmp_path / "typo" / "out.zip")
    assert ran.code == 2
    assert not (tmp_path / "typo").exists()


def test_nothing_in_a_program_steers_the_terminal(tmp_path: Path) -> None:
    path = write(
        tmp_path, "PROGRAM Main\n  VAR i : INT; END_VAR\n  (* \x1b]0;title\x07\x1b[2J *) i := j;\nEND_PROGRAM\n"
    )
    snapshot = load_program([path])
    shown = StringIO()
    shown.isatty = lambda: True  # type: ignore[method-assign]
    print_diagnostics(snapshot, flat(diagnostics(snapshot)), shown)
    assert "\x1b]" not in shown.getvalue()
    assert "\x1b[2J" not in shown.getvalue()
    assert "^" in shown.getvalue()


def test_nothing_in_a_projects_settings_steers_the_terminal(good: Path, tmp_path: Path) -> None:
    write(tmp_path, '[modbus_slave]\n"\\u001b]0;title\\u0007" = 1\n', "rung.toml")
    ran = rung("check", tmp_path)
    assert "modbus_slave." in ran.out + ran.err
    assert "\x1b" not in ran.out + ran.err


def test_nothing_is_written_half(good: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    ran = rung("build", good, "--target", "openplc-v4", "-o", target)
    assert ran.code == 2
    assert "cannot be written" in ran.err
    assert list(target.iterdir()) == []
