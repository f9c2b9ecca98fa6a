"""Programs that Rung runs end when they should, with all that they started, and see of this computer only what they need."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from rung.boards import process

# A compiler's driver with a compiler below it; both would run for a minute.
SLEEPER = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "open(sys.argv[1], 'w').write(str(child.pid))\n"
    "time.sleep(60)\n"
)


async def written(path: Path) -> None:
    for _ in range(500):
        if path.exists() and path.read_text():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} was not written")


async def ended(pid_file: Path) -> bool:
    """Whether a process has ended, within two seconds; one that nobody has asked for its end yet has ended, too."""
    stat = Path("/proc", pid_file.read_text(), "stat")
    for _ in range(100):
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_a_compiler_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await process.run_tool([sys.executable, "-c", SLEEPER, "pid"], tmp_path, limit=0.7)
    assert time.monotonic() - began < 5
    assert await ended(tmp_path / "pid")


async def test_a_cancelled_compilation_ends_its_compiler(tmp_path: Path) -> None:
    task = asyncio.ensure_future(process.run_tool([sys.executable, "-c", SLEEPER, "pid"], tmp_path, limit=60))
    await written(tmp_path / "pid")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ended(tmp_path / "pid")


async def test_a_compiler_sees_nothing_of_our_environment_but_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNG_PASSWORD", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy")
    monkeypatch.setenv("CPLUS_INCLUDE_PATH", "/elsewhere")
    output = await process.run_tool([sys.executable, "-c", "import os; print(dict(os.environ))"], tmp_path, limit=20)
    assert "secret" not in output.stdout
    assert "elsewhere" not in output.stdout
    assert "'PATH'" in output.stdout
    assert "'LC_ALL': 'C'" in output.stdout


async def test_what_a_program_leaves_behind_is_ended_too(tmp_path: Path) -> None:
    """It has ended itself, and what it started goes on and keeps its outputs open."""
    leaves = SLEEPER.rpartition("time.sleep")[0]
    with pytest.raises(TimeoutError):
        await process.run_tool([sys.executable, "-c", leaves, "pid"], tmp_path, limit=0.7)
    assert await ended(tmp_path / "pid")


async def test_a_program_that_does_not_let_itself_be_stopped_is_killed(tmp_path: Path) -> None:
    deaf = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}"
    task = asyncio.ensure_future(process.run_tool([sys.executable, "-c", deaf, "pid"], tmp_path, limit=60))
    await written(tmp_path / "pid")
    for _ in range(3):  # somebody who is impatient
        task.cancel()
        await asyncio.sleep(0.02)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ended(tmp_path / "pid")


async def test_programs_end_when_rung_itself_is_killed(tmp_path: Path) -> None:
    rung = (
        "import asyncio, sys, pathlib\nfrom rung.boards.process import run_tool\n"
        "asyncio.run(run_tool([sys.executable, '-c', sys.argv[1], 'pid'], pathlib.Path(sys.argv[2]), limit=60))\n"
    )
    running = await asyncio.create_subprocess_exec(sys.executable, "-c", rung, SLEEPER, str(tmp_path))
    await written(tmp_path / "pid")
    running.kill()
    await running.wait()
    assert await ended(tmp_path / "pid")


def test_a_question_that_is_not_answered_in_time_leaves_nothing_running(tmp_path: Path) -> None:
    began = time.monotonic()
    assert process.ask_tool([sys.executable, "-c", SLEEPER, str(tmp_path / "pid")], limit=0.7) is None
    assert time.monotonic() - began < 5
    assert asyncio.run(ended(tmp_path / "pid"))


async def test_how_a_program_ended_is_said_in_words(tmp_path: Path) -> None:
    for word, ending in (("exit 3", "ended with the code 3"), ("kill -KILL $$", "was ended by the system (signal 9)")):
        output = await process.run_tool(["/bin/sh", "-c", f"echo out; echo err >&2; {word}"], tmp_path, limit=20)
        assert output.ending == ending
        assert output.text == "out\n\nerr\n"
