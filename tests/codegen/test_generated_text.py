"""Properties of the generated C++ that every target relies on: it leads back to the source, and it compiles where it must."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import zipfile
from pathlib import Path

import pytest

from codegen.probes import checked
from codegen.test_language import ALL as LANGUAGE
from codegen.test_semantic_corner_cases import ALL as CORNER_CASES
from rung.codegen import names
from rung.codegen.archive import pack
from rung.codegen.artefact import Artefact
from rung.codegen.build import build_artefact
from rung.codegen.compile_check import check_artefact
from rung.codegen.cpp_head import PLAIN_MACROS, support_files, support_includes
from rung.codegen.program import build_core
from rung.codegen.sources import FileUnits, SourceFile
from rung.codegen.toolchain import find_toolchain
from rung.semantics.analysis import analyse
from rung.syntax.parser import parse_file

SOURCE = """(* two lines
of comment *)
FUNCTION Twice : INT
VAR_INPUT x : INT; END_VAR
Twice := 2 * x;
END_FUNCTION

PROGRAM Main
VAR n : INT; END_VAR
IF n > 3 THEN
  n := Twice(n);
ELSE
  n := n
    + 1;
END_IF;
END_PROGRAM
"""


def broken(artefact: Artefact, good: str, bad: str) -> Artefact:
    """The same artefact with a defect in its bodies."""
    archive = zipfile.ZipFile(io.BytesIO(artefact.data))
    files = {name: archive.read(name) for name in archive.namelist()}
    text = files["program_bodies.hpp"].decode()
    assert good in text
    files["program_bodies.hpp"] = text.replace(good, bad).encode()
    return dataclasses.replace(artefact, data=pack(files))


def build(text: str) -> Artefact:
    program, sources = checked(text, "main.st")
    return build_artefact(program, "openplc-v4", sources)


class TestSourceLines:
    def test_generated_code_compiles(self) -> None:
        assert check_artefact(build(SOURCE)) == ""

    def test_without_a_compiler_nothing_is_held_against_a_program(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bad = broken(build(SOURCE), "SET(v_TWICE,", "undeclared_thing; SET(v_TWICE,")
        assert check_artefact(bad) != ""
        monkeypatch.setattr("rung.codegen.compile_check.find_toolchain", lambda: None)
        assert check_artefact(bad) == ""

    @pytest.mark.parametrize(
        ("good", "line"),
        [
            ("SET(v_TWICE,", 5),
            ("if ((self.v_N >", 10),
            ("SET(self.v_N, run_TWICE", 11),
            ("SET(self.v_N, int16_t(unsigned", 13),
        ],
    )
    def test_a_compiler_message_names_the_line_of_the_source(self, good: str, line: int) -> None:
        message = check_artefact(broken(build(SOURCE), good, f"undeclared_thing; {good}"))
        assert f"main.st:{line}:" in message

    def test_code_of_our_own_is_not_blamed_on_the_source(self) -> None:
        message = check_artefact(broken(build(SOURCE), "run_MAIN(t, instance_0);\n", "undeclared_thing;\n"))
        assert "program_bodies.hpp:" in message
        assert "main.st" not in message

    def test_several_files_keep_their_names(self) -> None:
        texts = {
            "lib/f.st": "\n\nFUNCTION F : INT F := 1; END_FUNCTION",
            "main.st": "PROGRAM P VAR n : INT; END_VAR n := F(); END_PROGRAM",
        }
        parsed = [
            (SourceFile(name, f"/home/me/{name}", text), [u for _, u in parse_file(text)])
            for name, text in texts.items()
        ]
        program = analyse([unit for _, units in parsed for unit in units])
        artefact = build_artefact(program, "openplc-v4", FileUnits.of(parsed))
        assert artefact.sources == {"lib/f.st": "/home/me/lib/f.st", "main.st": "/home/me/main.st"}
        assert "lib/f.st:3:" in check_artefact(broken(artefact, "SET(v_F,", "undeclared_thing; SET(v_F,"))
        assert b"/home/me" not in b"".join(
            zipfile.ZipFile(io.BytesIO(artefact.data)).read(n) for n in ("program_bodies.hpp", "program.cpp")
        )


@pytest.mark.parametrize("standard", ["gnu++11", "gnu++14", "c++17"])
def test_the_core_compiles_for_old_and_new_compilers_without_warnings(standard: str, tmp_path: Path) -> None:
    """Microcontrollers' compilers know C++11 only, and have neither a heap nor exceptions nor run-time types."""
    compiler = find_toolchain()
    assert compiler is not None
    probes = [*CORNER_CASES, *LANGUAGE]
    texts = [probe.text(f"P{number}") for number, probe in enumerate(probes)]
    instances = "".join(f"PROGRAM I{number} WITH T : P{number};\n" for number in range(len(probes)))
    task = "TASK T(INTERVAL := T#20ms, PRIORITY := 0);"
    text = "\n".join([*texts, f"CONFIGURATION C RESOURCE R ON PLC {task}\n{instances} END_RESOURCE END_CONFIGURATION"])
    core = build_core(*checked(text), "globals", "image")
    data = [f"{core.places.types.block(p.instance.pou)} {names.instance(p.number)};" for p in core.schedule.instances]
    head = "#include <stdint.h>\nnamespace rung { static uint32_t faults; static inline int64_t now() { return 0; } }\n"
    main = [
        head,
        support_includes(),
        PLAIN_MACROS,
        "namespace {\nusing namespace rung;",
        '#include "program_types.hpp"',
    ]
    main += ["Globals globals; Image image;", *data, '#include "program_bodies.hpp"', "}"]
    main += ["void scan(Task &t) {", *(f"run_{names.instance(p.number)}(t);" for p in core.schedule.instances), "}"]
    for name, content in (
        support_files()
        | {"main.cpp": "\n".join(main), "program_types.hpp": core.types, "program_bodies.hpp": core.bodies}
    ).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    flags = [
        f"-std={standard}",
        "-fsyntax-only",
        "-fno-exceptions",
        "-fno-rtti",
        "-Wall",
        "-Wno-unused",
        "-Werror",
        "-Wno-parentheses",
    ]
    done = subprocess.run(
        [*compiler.command, *flags, "main.cpp"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[:2000]
