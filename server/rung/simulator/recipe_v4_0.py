"""Compiling for Runtime v4.0: C of MatIEC's layout, one file after the other (protocol section 4.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rung.simulator.recipe import GENERATED, LIBRARIES, NEW_LIBRARY, Recipe, Refusal, Step, missing_files

_HEADERS: Final = GENERATED / "lib"
_PLC_APP: Final = Path("core/src/plc_app")
_LOADER: Final = _PLC_APP / "python_loader.c"
_FLAGS: Final = ("-w", "-O3", "-fPIC")
_C: Final = ("-x", "c")
_PYTHON: Final = ("-I", str(_PLC_APP / "include"), "-include", "iec_python.h")


class MatiecRecipe(Recipe):
    """What `compile.sh` of a 4.0 does."""

    by_make = False
    starts_by_itself = True

    def __init__(self) -> None:
        self.contributed = {"iec_python.h": _PLC_APP / "include" / "iec_python.h", _LOADER.name: _LOADER}

    def refusal(self, folder: Path) -> Refusal | None:
        """Five of the six files are asked for; c_blocks_code.cpp is compiled without having been."""
        required = [(str(GENERATED / name), (folder / GENERATED / name).is_file()) for name in _REQUIRED]
        return missing_files([*required, (f"{_HEADERS} (directory)", (folder / _HEADERS).is_dir())])

    def steps(self, folder: Path, *, capable: bool) -> list[Step]:
        """Always the same six files, whatever else was uploaded."""
        headers = ("-I", str(_HEADERS))
        return [
            Step(GENERATED / "Config0.c", (*_C, *_FLAGS, *headers, *_PYTHON), "Config0.c"),
            Step(GENERATED / "Res0.c", (*_C, *_FLAGS, *headers, *_PYTHON), "Res0.c"),
            Step(GENERATED / "debug.c", (*_C, *_FLAGS, *headers), "debug.c"),
            Step(GENERATED / "glueVars.c", (*_C, *_FLAGS, *headers, "-DOPENPLC_V4"), "glueVars.c"),
            Step(GENERATED / "c_blocks_code.cpp", (*_FLAGS, *headers), "c_blocks_code.cpp"),
            Step(_LOADER, (*_C, *_FLAGS, "-I", str(_PLC_APP)), _LOADER.name),
        ]

    def link(self, objects: list[str]) -> tuple[str, ...]:
        """The link step of the script."""
        return (*_FLAGS, "-shared", "-o", str(NEW_LIBRARY), *objects, *LIBRARIES)


_REQUIRED: Final = ("Config0.c", "Res0.c", "debug.c", "glueVars.c")
