"""A project fetched back from a machine: all of its files below the named folder, or nothing at all."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from rung.project.archive import ArchiveError, unpack_project


def archive(*entries: tuple[str, bytes], mode: int = stat.S_IFREG | 0o644) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            file.writestr(info, content)
    return buffer.getvalue()


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    folder = tmp_path / "plant"
    names = unpack_project(archive(("main.st", b"PROGRAM"), ("lib/pump.st", b"FUNCTION_BLOCK")), folder)
    assert names == ["lib/pump.st", "main.st"]
    assert (folder / "lib" / "pump.st").read_bytes() == b"FUNCTION_BLOCK"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "plant").mkdir()
    unpack_project(archive(("main.st", b"x")), tmp_path / "plant")
    assert (tmp_path / "plant" / "main.st").is_file()


@pytest.mark.parametrize(
    "name",
    ["../escape.st", "/etc/cron.d/x", "a/../../b", "C:/x.st", "a\\..\\b.st", "con.st", "a//b", "./a", "x" * 201, "tail. /a", "new\nline"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_writes_nothing(tmp_path: Path, name: str) -> None:
    data = archive(("main.st", b"x"), (name, b"evil"))
    if "\\" in name:  # Python's own writer turns these round; a hostile one does not
        data = archive(("main.st", b"x"), (name.replace("\\", "!"), b"evil")).replace(b"a!..!b.st", b"a\\..\\b.st")
    with pytest.raises(ArchiveError):
        unpack_project(data, tmp_path / "plant")
    assert list(tmp_path.iterdir()) == []


def test_a_link_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no file of a project"):
        unpack_project(archive(("main.st", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777), tmp_path / "plant")
    assert list(tmp_path.iterdir()) == []


def test_two_names_that_differ_in_case_only_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="two files"):
        unpack_project(archive(("Main.st", b"a"), ("main.st", b"b")), tmp_path / "plant")


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "no zip"), (b"PK\x03\x04 but no more", "no zip"), (archive(), "holds no file")],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(ArchiveError, match=said):
        unpack_project(data, tmp_path / "plant")


def test_a_damaged_file_writes_nothing(tmp_path: Path) -> None:
    data = bytearray(archive(("main.st", b"PROGRAM Main END_PROGRAM" * 20)))
    data[45] ^= 0xFF
    with pytest.raises(ArchiveError):
        unpack_project(bytes(data), tmp_path / "plant")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_grows_without_end_is_refused_unread(tmp_path: Path) -> None:
    data = archive(*((f"{number}.bin", bytes(50_000_000)) for number in range(5)))
    with pytest.raises(ArchiveError, match="too large"):
        unpack_project(data, tmp_path / "plant")


@pytest.mark.parametrize(
    "name",
    [
        ".git/config",
        "lib/.git",
        ".vscode/settings.json",
        ".GIT/hooks/x",
        "a\x9b2J.st",
        "p\u202ets.st",
        ".g\u200cit/config",
    ],
)
def test_what_tells_other_programs_what_to_run_writes_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError, match="no file of a project") as caught:
        unpack_project(archive(("main.st", b"x"), (name, b"evil")), tmp_path / "plant")
    assert str(caught.value).isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_directory_of_millions_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="too large"):
        unpack_project(archive(("main.st", b"x")) + b"PK\x01\x02" * 20_001, tmp_path / "plant")


def test_what_is_file_and_folder_at_once_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="below what is a file"):
        unpack_project(archive(("lib", b"x"), ("LIB/a/b.st", b"y")), tmp_path / "plant")
    assert list(tmp_path.iterdir()) == []
