"""Uploads: which archives are refused, where unpacked files may land, and what a build leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.probes import checked
from rung.codegen.build import build_artefact
from rung.codegen.toolchain import MISSING
from rung.simulator import Simulator
from rung.simulator.upload import Verdict, check, read_archive
from simulator.minimal_program import Program, make_zip
from simulator.runtime_client import RuntimeClient

UNSAFE = {"CompilationStatus": "FAILED", "UploadFileFail": "Uploaded ZIP file failed safety checks"}
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("/etc/passwd", None),
        ("../up.cpp", None),
        ("a/../b.cpp", None),
        ("a..b.txt", None),
        ("C:/x.cpp", None),
        ("tool.EXE", "Disallowed extension: tool.EXE"),
        ("a/run.sh", "Disallowed extension: a/run.sh"),
    ],
)
def test_a_name_that_could_do_harm_refuses_the_archive(name: str, warning: str | None) -> None:
    verdict = check(zipfile.ZipFile(io.BytesIO(make_zip({"good.cpp": "", name: "x"}))))
    assert not verdict.safe
    assert verdict.warnings == tuple(filter(None, (warning, "ZIP file failed safety checks.")))


@pytest.mark.parametrize(
    ("files", "compression", "safe"),
    [
        ({"a": bytes(10 * MIB)}, zipfile.ZIP_STORED, True),
        ({"a": bytes(10 * MIB + 1)}, zipfile.ZIP_STORED, False),
        ({str(n): bytes(10 * MIB) for n in range(5)}, zipfile.ZIP_STORED, True),
        ({**{str(n): bytes(10 * MIB) for n in range(5)}, "last": b"1"}, zipfile.ZIP_STORED, False),
        ({"a": bytes(9 * MIB)}, zipfile.ZIP_DEFLATED, False),
        ({}, zipfile.ZIP_STORED, True),
    ],
    ids=["10 MiB", "a byte more", "50 MiB", "a byte more in all", "ratio over 1000", "empty"],
)
def test_sizes_are_limited(files: dict[str, bytes], compression: int, safe: bool) -> None:
    assert check(zipfile.ZipFile(io.BytesIO(make_zip(files, compression)))).safe is safe


NAMES = st.lists(
    st.sampled_from(["a", "b", "..", ".", "", "/", "\\", "C:", "x.cpp", "__MACOSX", ".DS_Store", "ä", " ", "~"]),
    max_size=6,
).map("/".join)


@settings(max_examples=60, deadline=None)
@given(names=st.lists(NAMES, max_size=5, unique=True), damage=st.integers(0, 400))
def test_nothing_is_ever_written_outside_the_folder(names: list[str], damage: int) -> None:
    data = bytearray(make_zip({name or "x": b"content" for name in names}))
    if damage < len(data):
        data[damage] ^= 0xFF
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "outer" / "generated"
        folder.mkdir(parents=True)
        with contextlib.suppress(OSError, zipfile.BadZipFile, RuntimeError, EOFError, ValueError, zlib.error):
            read_archive(io.BytesIO(bytes(data)), folder)
        outside = [path for path in Path(scratch).rglob("*") if folder not in (path, *path.parents)]
        assert outside == [folder.parent]


OWN = """
VAR_GLOBAL RETAIN total : DINT; END_VAR
PROGRAM Main
VAR_EXTERNAL total : DINT; END_VAR
VAR many : ARRAY[0..20000] OF INT; END_VAR
many[0] := many[0] + 1; total := total + 1;
END_PROGRAM
"""


@pytest.mark.parametrize("target", ["openplc-v4", "openplc-v4.0"])
def test_a_program_of_rungs_own_keeps_every_rule_of_the_device(target: str, tmp_path: Path) -> None:
    program, sources = checked(OWN)
    data = build_artefact(program, target, sources, lambda _: {"conf/modbus_slave.json": b"{}"}).data
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert read_archive(io.BytesIO(data), tmp_path / "generated") == Verdict(True)
    found = {path.relative_to(tmp_path / "generated").as_posix() for path in (tmp_path / "generated").rglob("*.*")}
    assert found == set(names), "nothing is left out and no top folder is stripped"


def test_one_top_folder_is_left_out_and_litter_is_skipped(tmp_path: Path) -> None:
    data = make_zip({"top/a.cpp": "1", "top/conf\\b.json": "2", "__MACOSX/top/a.cpp": "3", "top/.DS_Store": "4"})
    assert read_archive(io.BytesIO(data), tmp_path / "generated").safe
    found = {str(path.relative_to(tmp_path / "generated")) for path in (tmp_path / "generated").rglob("*.*")}
    assert found == {"a.cpp", "conf/b.json"}


def test_a_link_becomes_a_plain_file(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a.cpp", "")
    read_archive(buffer, tmp_path / "generated")
    assert not (tmp_path / "generated" / "link").is_symlink()
    assert (tmp_path / "generated" / "link").read_text() == "/etc/passwd"


async def test_the_reason_of_a_refusal_is_in_the_runtime_log(client: RuntimeClient) -> None:
    assert await client.upload(make_zip({"run.sh": ""})) == UNSAFE
    assert (await client.logs("WARNING"))[-2:] == ["Disallowed extension: run.sh", "ZIP file failed safety checks."]


async def test_a_damaged_archive_is_told_and_not_compiled(client: RuntimeClient) -> None:
    data = bytearray(make_zip({"a.cpp": "x" * 50}, zipfile.ZIP_STORED))
    data[40] ^= 0xFF
    answer = await client.upload(bytes(data))
    assert answer["CompilationStatus"] == "FAILED"
    assert answer["UploadFileFail"].startswith("Unexpected error: ")


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Content-Type": "text/plain"}, b"x"),
        ({"Content-Type": "multipart/form-data"}, b"x"),
        (MULTIPART, b"garbage"),
        (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n'),
        (MULTIPART, b"--b--\r\n"),
    ],
    ids=["plain", "no boundary", "no part", "a field that is no file", "empty"],
)  # fmt: skip
async def test_a_request_without_a_file_is_refused(client: RuntimeClient, headers: dict[str, str], body: bytes) -> None:
    answer = await client.request("POST", "/api/upload-file", headers=headers, content=body)
    assert answer.json() == {"CompilationStatus": "FAILED", "UploadFileFail": "No file part in the request"}


async def test_a_part_that_says_it_is_too_large_is_refused_unread(client: RuntimeClient) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="p.zip"\r\nContent-Length: 10485761\r\n\r\nx\r\n--b--\r\n'
    answer = await client.request("POST", "/api/upload-file", headers=MULTIPART, content=body)
    assert answer.json() == {"CompilationStatus": "FAILED", "UploadFileFail": "File is too large"}


async def test_a_request_beyond_all_limits_is_cut_off(client: RuntimeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rung.simulator.routes_plc._LARGEST_UPLOAD", 100_000)
    files = {"file": ("p.zip", bytes(300_000), "application/zip")}
    assert (await client.request("POST", "/api/upload-file", files=files)).status_code == 413
    assert (await client.get("/api/compilation-status"))["status"] == "IDLE"


async def test_two_uploads_at_once_do_not_mix(simulator: Simulator, client: RuntimeClient) -> None:
    other = RuntimeClient(simulator.address)
    other.token = client.token
    answers = await asyncio.gather(client.upload(Program().zip()), other.upload(Program().zip()))
    assert sorted(answer["UploadFileFail"] for answer in answers) == [
        "",
        "Runtime is compiling another program, please wait",
    ]
    assert (await client.compiled())["status"] == "SUCCESS"
    await other.close()


async def test_warnings_do_not_fail_a_build(client: RuntimeClient) -> None:
    await client.upload(Program(files={"more.cpp": "static int unused() { return 1; }\n"}).zip(), "?clean=1")
    build = await client.compiled()
    assert build["status"] == "SUCCESS"
    assert any(line.startswith("[ERROR] core/generated/more.cpp:1:12: warning: ") for line in build["logs"])


async def test_compiler_messages_follow_the_line_marks_of_the_generated_code(client: RuntimeClient) -> None:
    await client.upload(Program(files={"more.cpp": '#line 7 "MAIN.st"\nint broken( {\n'}).zip())
    build = await client.compiled()
    assert (build["status"], build["exit_code"]) == ("FAILED", 1)
    assert any(line.startswith("[ERROR] MAIN.st:7:14: error: ") for line in build["logs"]), build["logs"]


async def test_a_failed_build_stops_and_erases_the_old_program(client: RuntimeClient) -> None:
    await client.run(Program().zip())
    await client.upload(Program(files={"more.cpp": "#error no\n"}).zip())
    assert await client.status() == "RUNNING", "while the compiler works the old program runs"
    await client.compiled()
    assert await client.status() == "STOPPED"
    await client.get("/api/start-plc")
    assert await client.reaches("EMPTY", "RUNNING") == "EMPTY"


async def test_leavings_of_a_build_that_was_cut_off_are_never_run(client: RuntimeClient, tmp_path: Path) -> None:
    (tmp_path / "device" / "runtime" / "build" / "new_libplc.so").write_bytes(b"half")
    await client.upload(make_zip({}))
    assert (await client.compiled())["status"] == "FAILED"
    assert list((tmp_path / "device" / "runtime" / "build").glob("*.so")) == []


async def test_without_a_compiler_the_build_fails_and_says_what_to_install(
    client: RuntimeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.simulator.build.find_toolchain", lambda: None)
    await client.upload(Program().zip())
    build = await client.compiled()
    assert build["status"] == "FAILED"
    assert f"[ERROR] {MISSING}\n" in build["logs"]


async def test_plugin_configurations_are_reported_and_nothing_is_opened(client: RuntimeClient) -> None:
    await client.upload(Program(files={"conf/modbus_slave.json": "{}"}).zip())
    logs = (await client.compiled())["logs"]
    assert "[INFO] Found 1 config files in core/generated/conf: ['modbus_slave']\n" in logs
    target = "./core/src/drivers/plugins/python/modbus_slave/modbus_slave.json"
    assert f"[INFO] Copied config file from core/generated/conf/modbus_slave.json to {target}\n" in logs
    assert f"[INFO] Enabled plugin 'modbus_slave' with config: {target}\n" in logs
    assert "[INFO] Plugin summary: 1/7 enabled (3 Python, 4 Native)\n" in logs
    said = [message for message in await client.logs("WARNING") if "does not run plugins" in message]
    assert len(said) == 1
    await client.upload(Program().zip())
    logs = (await client.compiled())["logs"]
    assert "[INFO] Disabled plugin 'modbus_slave' (no conf directory found)\n" in logs
