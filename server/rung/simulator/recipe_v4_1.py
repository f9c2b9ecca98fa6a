"""Compiling for Runtime v4.1 and newer: C++ with the program's own support headers (protocol sections 4.1 and 6)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rung.simulator.recipe import GENERATED, LIBRARIES, NEW_LIBRARY, Recipe, Refusal, Step, missing_files

_SHIM: Final = Path("core/strucpp_runtime/runtime_v4_entry.cpp")
_PROBE: Final = Path("core/strucpp_runtime/retain_probe.cpp")
_PLC_APP: Final = Path("core/src/plc_app/include")
_HEADERS: Final = GENERATED / "strucpp_runtime" / "include"
_FOLDERS: Final = ("-I", str(GENERATED), "-I", str(_HEADERS), "-I", str(_PLC_APP))
_MATIEC: Final = (
    "[ERROR] core/generated contains MatIEC files (Config0.c / glueVars.c).",
    "        This runtime no longer supports MatIEC programs.",
    "        Re-export the project from a STruC++-aware editor build.",
)


class ThreadedRecipe(Recipe):
    """What `Makefile.strucpp` does."""

    by_make = True
    starts_by_itself = False

    def __init__(self, *, keeps_values: bool, unmaps: bool) -> None:
        """Choose the version.

        Args:
            keeps_values: the runtime's own part is that of 4.2, with its further demands on the program's headers.
            unmaps: compiled so that a stopped program leaves the memory (4.1.10).
        """
        self._keeps_values = keeps_values
        shim = "runtime_v4_2_entry.cpp" if keeps_values else _SHIM.name
        self.contributed = {shim: _SHIM, "iec_python.h": _PLC_APP / "iec_python.h"}
        if keeps_values:
            self.contributed[_PROBE.name] = _PROBE
        self._flags = (
            "-std=c++17", "-O1", "-pipe", "-fPIC", "-Wall", "-DSTRUCPP_THREADED",
            *(("-fno-gnu-unique",) if unmaps else ()),
            "-MMD", "-MP", "-Wno-unknown-pragmas", "-Wno-deprecated-declarations", *_FOLDERS,
        )  # fmt: skip

    def refusal(self, folder: Path) -> Refusal | None:
        """A MatIEC layout is refused by name; otherwise what is missing is."""
        generated = folder / GENERATED
        if (generated / "Config0.c").is_file() or (generated / "glueVars.c").is_file():
            return Refusal(_MATIEC, 2)
        return missing_files(
            [
                (f"{GENERATED}/generated.hpp", (generated / "generated.hpp").is_file()),
                (f"{GENERATED}/*.cpp (at least one)", any(generated.glob("*.cpp"))),
                (f"{_HEADERS} (directory)", (folder / _HEADERS).is_dir()),
            ]
        )

    def probe(self, folder: Path) -> tuple[str, ...] | None:
        """Whether the headers can pack and unpack retained values; asked only where the header for it is there."""
        if not self._keeps_values or not (folder / _HEADERS / "iec_retain.hpp").is_file():
            return None
        return ("-std=c++17", "-DSTRUCPP_THREADED", *_FOLDERS, "-fsyntax-only", str(_PROBE))

    def steps(self, folder: Path, *, capable: bool) -> list[Step]:
        """Every C++ file in the upload's root, then the runtime's own part."""
        sources = sorted(path.relative_to(folder) for path in (folder / GENERATED).glob("*.cpp"))
        steps = [Step(source, (*self._flags, "-include", "iec_python.h"), str(source)) for source in sources]
        own = ("-DSTRUCPP_SHIM_HAS_RETAIN",) if capable else ()
        return [*steps, Step(_SHIM, (*self._flags, *own), _SHIM.name)]

    def link(self, objects: list[str]) -> tuple[str, ...]:
        """The link step of the makefile."""
        return ("-shared", "-fPIC", "-o", str(NEW_LIBRARY), *objects, *LIBRARIES)
