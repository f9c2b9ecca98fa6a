"""The C++ headers stay light: nothing but <stdint.h>, little text, and each stands alone in the oldest dialect."""

from __future__ import annotations

import re
import subprocess

import pytest

from codegen.support.standard_driver import HEADERS, SUPPORT


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_includes_only_its_siblings(header: str) -> None:
    included = re.findall(r"#include\s+(\S+)", (SUPPORT / f"{header}.hpp").read_text(encoding="utf-8"))
    assert all(name == "<stdint.h>" or re.fullmatch(r'"rung_\w+\.hpp"', name) for name in included), included


@pytest.mark.parametrize("standard", ["gnu++11", "c++17", "c++20"])
@pytest.mark.parametrize("header", HEADERS)
def test_a_header_stands_alone_without_warnings(header: str, standard: str) -> None:
    command = [
        "g++",
        f"-std={standard}",
        "-fno-exceptions",
        "-fno-rtti",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-fsyntax-only",
    ]
    run = subprocess.run(
        [*command, "-x", "c++", "-include", str(SUPPORT / f"{header}.hpp"), "/dev/null"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr


def test_the_whole_library_is_little_to_read_for_a_compiler() -> None:
    text = "".join(f'#include "{SUPPORT / header}.hpp"\n' for header in HEADERS)
    run = subprocess.run(["g++", "-E", "-P", "-x", "c++", "-"], input=text, capture_output=True, text=True, check=True)
    assert len(run.stdout) < 80_000, "a device's compiler reads all of this for every program"
