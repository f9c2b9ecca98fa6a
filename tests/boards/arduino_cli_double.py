"""A stand-in for arduino-cli, which cannot be had where these tests run: arduino-cli itself was not run.

It speaks JSON as arduino-cli's documentation and source say (version 1.5, and the shapes before 1.0), and nothing behind that is pretended: `compile`
runs arduino-builder, the ancestor of arduino-cli's own builder, with Debian's Arduino core, and `upload` runs avrdude. Where these
fail, it fails with what they said.

A test puts it on the PATH with `install`; `double.json` beside it says what is installed and how old it is. Compiled cores are kept for the
whole run of the tests, as arduino-cli keeps them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import platformdirs

UPLOADS = {
    "arduino:avr:uno": ("atmega328p", "arduino", "115200"),
    "arduino:avr:nano": ("atmega328p", "arduino", "115200"),
    "arduino:avr:nano:cpu=atmega328old": ("atmega328p", "arduino", "57600"),
    "arduino:avr:mega": ("atmega2560", "wiring", "115200"),
}
FIRST_OPTIONS = {"arduino:avr:mega": ":cpu=atmega2560", "arduino:avr:nano": ":cpu=atmega328"}
"""Which option of a menu counts where none is chosen: arduino-cli takes the first, arduino-builder must be told."""
BUILDER = (
    "arduino-builder", "-compile", "-hardware", "/usr/share/arduino/hardware", "-hardware", "/usr/share/arduino-builder", "-ide-version=10819",
    "-prefs=compiler.cpp.extra_flags=-DDECIMAL_DIG=__DECIMAL_DIG__",
)  # fmt: skip


def install(
    folder: Path, *, old: bool = False, cores: dict[str, str] | None = None, says: dict[str, object] | None = None
) -> Path:
    """Put the stand-in into a folder, to be put on the PATH.

    Args:
        folder: where; it exists.
        old: answer as the versions before 1.0 did.
        cores: the installed cores, by default `arduino:avr`.
        says: by command, an exit code and a message with which it fails: `{"compile": [5, "..."]}`.
    """
    script = folder / "arduino-cli"
    script.write_text(f"#!{sys.executable}\nexec(compile(open({__file__!r}).read(), {__file__!r}, 'exec'))\n")
    script.chmod(0o755)
    cache = Path(platformdirs.user_cache_dir("rung"), "arduino-builder")
    cache.mkdir(exist_ok=True)
    state = {
        "cache": str(cache),
        "old": old,
        "cores": {"arduino:avr": "1.8.6"} if cores is None else cores,
        "says": says or {},
    }
    (folder / "double.json").write_text(json.dumps(state))
    return script


def fail(code: int, message: str, stdout: str = "", stderr: str = "") -> int:
    """End as arduino-cli does when it cannot go on: an object on the standard error."""
    output = {"output": {"stdout": stdout, "stderr": stderr}} if stdout or stderr else {}
    print(json.dumps({"error": message, **output}), file=sys.stderr)
    return code


def main() -> int:
    """Do what the command line says."""
    state = json.loads((Path(sys.argv[0]).parent / "double.json").read_text())
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="+")
    parser.add_argument("--format", choices=("text", "json", "jsonmini"))
    if not state["old"]:
        parser.add_argument("--json", action="store_true")
    for flag in ("-b", "-p", "--build-path", "--input-dir", "--warnings"):
        parser.add_argument(flag)
    try:
        chosen = parser.parse_intermixed_args()
    except SystemExit:  # argparse has said what it does not know
        return 7
    command = chosen.words[0]
    if command in state["says"]:
        code, message = state["says"][command]
        return fail(code, message)
    if command == "version":
        print(
            json.dumps(
                {
                    "Application": "arduino-cli",
                    "VersionString": "0.32.2" if state["old"] else "1.5.1",
                    "Commit": "double",
                }
            )
        )
        return 0
    if command == "core":
        return cores(state)
    if command == "compile":
        return build(state, chosen)
    return write(chosen)


def cores(state: dict[str, object]) -> int:
    """`core list`."""
    installed = state["cores"]
    assert isinstance(installed, dict)
    if state["old"]:
        rows: object = [
            {"id": core, "installed": version, "latest": version, "name": core} for core, version in installed.items()
        ]
    else:
        releases = {core: {version: {"name": core, "installed": True}} for core, version in installed.items()}
        rows = {
            "platforms": [
                {"id": core, "installed_version": version, "latest_version": version, "releases": releases[core]}
                for core, version in installed.items()
            ]
        }
    print(json.dumps(rows))
    return 0


def build(state: dict[str, object], chosen: argparse.Namespace) -> int:
    """`compile`, with arduino-builder; sizes by avr-size, as the core's recipe does it."""
    core = ":".join(chosen.b.split(":")[:2])
    installed = state["cores"]
    assert isinstance(installed, dict)
    if core not in installed:
        return fail(1, f"Error during build: Platform '{core}' not found: platform not installed")
    sketch = Path(chosen.words[1])
    empty = Path(chosen.build_path, "..", "tools").resolve()
    empty.mkdir(exist_ok=True)
    ino = sketch / f"{sketch.name}.ino"
    done = subprocess.run(
        [
            *BUILDER,
            "-tools",
            str(empty),
            "-fqbn",
            chosen.b + FIRST_OPTIONS.get(chosen.b, ""),
            "-build-path",
            chosen.build_path,
            "-build-cache",
            str(state["cache"]),
            str(ino),
        ],
        capture_output=True,
        text=True,
    )
    failed = done.returncode != 0
    result: dict[str, object] = {
        "compiler_out": done.stdout,
        "compiler_err": done.stderr,
        "builder_result": {"build_path": chosen.build_path},
    }
    if not failed:
        elf = Path(chosen.build_path, f"{sketch.name}.ino.elf")
        result["builder_result"] = {
            "build_path": chosen.build_path,
            "executable_sections_size": sections(elf, done.stdout),
            "build_properties": [f"build.fqbn={chosen.b}", "build.arch=AVR"],
            "board_platform": {"id": core, "version": installed[core]},
        }
        result["success"] = True
    else:
        result |= {"success": False, "error": "Error during build: exit status 1"}
        if state["old"]:
            result["compiler_err"] = ""
            print(done.stderr, file=sys.stderr)
    print(json.dumps(result))
    return int(failed)


def sections(elf: Path, log: str) -> list[dict[str, object]]:
    """The sizes by the patterns of the core's `recipe.size`, and the limits that the builder told."""
    table = subprocess.run(["avr-size", "-A", str(elf)], capture_output=True, text=True, check=True).stdout
    limits = [int(number) for number in re.findall(r"Maximum is (\d+) bytes", log)]
    patterns = {"text": r"^(?:\.text|\.data|\.bootloader)\s+([0-9]+)", "data": r"^(?:\.data|\.bss|\.noinit)\s+([0-9]+)"}
    return [
        {"name": name, "size": sum(map(int, re.findall(pattern, table, re.MULTILINE))), "max_size": limit}
        for (name, pattern), limit in zip(patterns.items(), limits, strict=False)
    ]


def write(chosen: argparse.Namespace) -> int:
    """`upload`, with avrdude."""
    images = sorted(Path(chosen.input_dir).glob("*.ino.hex"))
    if not images:
        return fail(1, f"Error during Upload: no compiled sketch in {chosen.input_dir}")
    part, protocol, baud = UPLOADS[chosen.b]
    command = [
        "avrdude",
        "-q",
        "-q",
        "-p",
        part,
        "-c",
        protocol,
        "-P",
        chosen.p,
        "-b",
        baud,
        "-D",
        "-U",
        f"flash:w:{images[0]}:i",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return fail(1, "Failed uploading: uploading error: exit status 1", done.stdout, done.stderr)
    port = {"address": chosen.p, "label": chosen.p, "protocol": "serial"}
    print(json.dumps({"stdout": done.stdout, "stderr": done.stderr, "updated_upload_port": port}))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    sys.exit(main())
