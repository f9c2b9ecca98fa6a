"""The house keeps its floors: a package imports from its own floor's packages below, never from above or beside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import rung

HOUSE = Path(rung.__file__).parent

# Floors from the top. A package may import itself and every package on a floor below its own.
FLOORS = (
    ("cli",),
    ("lsp", "hub", "simulator"),
    ("boards",),
    ("ide", "runtimes"),
    ("rules", "codegen", "project"),
    ("semantics",),
    ("syntax", "targets"),
)
# What a package needs from the outside world, when it needs more than the standard library.
GUESTS = {
    "cli": {"rich"},
    "lsp": {"pygls", "lsprotocol"},
    "hub": {
        *("aiohttp", "alembic", "cryptography", "platformdirs", "prometheus_client", "redis", "socketio", "sqlalchemy"),
        *("tomli", "tomllib"),
    },
    "simulator": {"aiohttp", "cryptography", "jwt", "platformdirs", "socketio"},
    "boards": {"platformdirs", "serial"},
    "runtimes": {"cryptography", "anyio", "httpcore", "httpx", "keyring", "platformdirs", "socketio"},
    "codegen": {"platformdirs"},
    "project": {"tomli", "tomllib"},
    "targets": {"tomli", "tomllib"},
}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, at its top or inside a function, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are written in full"
            yield node.lineno, node.module or ""


def floor_of(package: str) -> int:
    return next(number for number, packages in enumerate(FLOORS) if package in packages)


def rooms() -> list[Path]:
    return sorted(path for path in HOUSE.rglob("*.py") if path.parent != HOUSE)


@pytest.mark.parametrize("path", rooms(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_arrows_point_down(path: Path) -> None:
    package = path.relative_to(HOUSE).parts[0]
    for line, module in imports(path):
        parts = module.split(".")
        if parts[0] != "rung" or len(parts) == 1 or parts[1] == package:
            continue
        assert floor_of(parts[1]) > floor_of(package), f"{path}:{line}: {package} must not import {module}"


@pytest.mark.parametrize("path", rooms(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_only_the_rooms_that_need_a_library_import_it(path: Path) -> None:
    import sys

    package = path.relative_to(HOUSE).parts[0]
    allowed = GUESTS.get(package, set()) | {"rung"} | sys.stdlib_module_names
    for line, module in imports(path):
        assert module.split(".")[0] in allowed, f"{path}:{line}: {package} must not import {module}"


def test_every_package_has_a_floor() -> None:
    packages = {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages == {package for floor in FLOORS for package in floor}
