"""The main job as a user does it: the built extension in a real VS Code, in a real browser, against the simulator.

What happens step by step is in `story.mjs`, for virtual PLCs behind a hub in `orchestrators.mjs`, and for a board on a serial port in
`boards.mjs`; the pictures that they take are in `.dev/screenshots`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from e2e import rig

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXTENSION = ROOT / "vscode-extension"
SCREENSHOTS = ROOT / ".dev" / "screenshots"
SOURCES = (EXTENSION / "src", EXTENSION / "media", EXTENSION / "bundled", ROOT / "syntaxes", ROOT / "server")
NO_SOURCES = {"__pycache__", "libs"}


def node(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in Node and return what it said."""
    return subprocess.run(
        rig.command(script, *arguments),
        cwd=script.parent,
        env=rig.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def newest_source() -> float:
    """When a source of the package was last changed."""
    return max(
        path.stat().st_mtime
        for folder in SOURCES
        for path in folder.rglob("*")
        if path.is_file() and NO_SOURCES.isdisjoint(path.relative_to(folder).parts)
    )


def newest_package() -> Path | None:
    return max((EXTENSION / "dist").glob("*.vsix"), key=lambda path: path.stat().st_mtime, default=None)


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The extension's package, built anew when a source is newer."""
    built = newest_package()
    if built is None or built.stat().st_mtime < newest_source():
        assert (EXTENSION / "node_modules" / "esbuild").is_dir(), "Run 'npm ci' in vscode-extension first."
        made = node(EXTENSION / "build.mjs")
        assert made.returncode == 0, made.stdout
        built = newest_package()
    assert built is not None
    return built


@pytest.fixture(scope="session")
def workbench() -> None:
    """VS Code in the cache and a browser on this computer."""
    assert rig.ensure() == 0


def tell(story: str, vsix: Path, pictures: Path) -> str:
    """Have a story told; what it said, with how long each step took."""
    told = node(HERE / story, str(vsix), sys.executable, str(pictures))
    sys.stdout.write(told.stdout)
    assert told.returncode == 0, told.stdout
    return told.stdout


@pytest.mark.usefixtures("workbench")
def test_a_broken_program_is_mended_downloaded_run_stopped_and_its_machine_lost(vsix: Path) -> None:
    told = tell("story.mjs", vsix, SCREENSHOTS)
    assert "The password is in no file" in told, "the story was told to its end"


@pytest.mark.usefixtures("workbench")
def test_a_host_is_enrolled_and_a_vplc_on_it_created_programmed_run_lost_and_deleted(vsix: Path) -> None:
    told = tell("orchestrators.mjs", vsix, SCREENSHOTS / "orchestrators")
    assert "Token and password are in no file" in told, "the story was told to its end"


@pytest.mark.usefixtures("workbench")
def test_a_board_is_programmed_watched_forced_unplugged_and_connected_again(vsix: Path) -> None:
    told = tell("boards.mjs", vsix, SCREENSHOTS / "boards")
    assert "Disconnecting leaves the board alone" in told, "the story was told to its end"
