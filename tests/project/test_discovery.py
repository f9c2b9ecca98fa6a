"""Which files make a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from rung.project.discovery import is_part, project_folder, sources_below


def write(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("", encoding="utf-8")


def below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in sources_below(folder)]


def test_a_folder_is_its_structured_text_sorted(tmp_path: Path) -> None:
    write(tmp_path, "b.st", "a.ST", "lib/c.iecst", "notes.txt", ".git/x.st", "node_modules/y.st")
    assert below(tmp_path) == ["a.ST", "b.st", "lib/c.iecst"]


def test_rung_toml_leaves_files_and_folders_out(tmp_path: Path) -> None:
    write(tmp_path, "main.st", "old/main.st", "try_this.st")
    (tmp_path / "rung.toml").write_text('exclude = ["old", "try_*.st"]', encoding="utf-8")
    assert below(tmp_path) == ["main.st"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("exclude = 1", "must be a list"), ("exlude = []", "'exlude' is unknown"), ("exclude = [", "cannot be read")],
)
def test_a_wrong_rung_toml_is_named_and_not_ignored(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rung.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=said) as error:
        sources_below(tmp_path)
    assert "rung.toml" in str(error.value)


def test_a_file_belongs_to_the_highest_folder_with_sources_in_its_workspace(tmp_path: Path) -> None:
    write(tmp_path, "plant/main.st", "plant/lib/deep/block.st", "other/main.st", "outside.st")
    plant = tmp_path / "plant"
    assert project_folder(plant / "lib/deep/block.st", [plant]) == plant
    assert project_folder(tmp_path / "other/main.st", [tmp_path / "other"]) == tmp_path / "other"


def test_neighbouring_programs_in_one_workspace_stay_apart(tmp_path: Path) -> None:
    write(tmp_path, "one/main.st", "two/main.st")
    assert project_folder(tmp_path / "one/main.st", [tmp_path]) == tmp_path / "one"


def test_rung_toml_marks_the_program_folder(tmp_path: Path) -> None:
    write(tmp_path, "main.st", "cell/src/block.st")
    (tmp_path / "cell" / "rung.toml").write_text("", encoding="utf-8")
    assert project_folder(tmp_path / "cell/src/block.st", [tmp_path]) == tmp_path / "cell"


def test_a_file_outside_every_workspace_has_its_own_folder(tmp_path: Path) -> None:
    write(tmp_path, "a/b/main.st", "a/top.st")
    assert project_folder(tmp_path / "a/b/main.st", []) == tmp_path / "a/b"


def test_a_program_of_its_own_further_down_is_not_part_of_the_one_above(tmp_path: Path) -> None:
    write(tmp_path, "main.st", "cell/main.st", "cell/rung.toml", "lib/block.st")
    assert below(tmp_path) == ["lib/block.st", "main.st"]
    assert below(tmp_path / "cell") == ["main.st"]


def test_a_file_is_part_of_the_program_that_lists_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        "main.st",
        "lib/block.st",
        "old/main.st",
        "build/out.st",
        ".git/x.st",
        "cell/main.st",
        "cell/rung.toml",
        "notes.txt",
    )
    (tmp_path / "rung.toml").write_text('exclude = ["old"]', encoding="utf-8")
    listed = set(sources_below(tmp_path))
    for path in tmp_path.rglob("*.*"):
        assert is_part(path, tmp_path) == (path in listed), path
    assert is_part(tmp_path / "lib" / "not yet.st", tmp_path)
    assert not is_part(tmp_path.parent / "other.st", tmp_path)
