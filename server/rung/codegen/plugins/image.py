"""The process image as a plug-in sees it: which places a program uses, which a setting may name, and how large it has to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from rung.codegen.plugins.settings_table import SettingsTable
from rung.semantics.located import parse_address
from rung.semantics.model import Analysis, Located, Program, Variable
from rung.semantics.types import Array, strip

SLOTS: Final = 1024
"""How many places of each width a runtime's image has."""

_TABLES: Final = {
    "X": ("bool", "bits"),
    "B": ("byte", "bytes"),
    "W": ("int", "words"),
    "D": ("dint", "dwords"),
    "L": ("lint", "lwords"),
}
_AREAS: Final = {"I": "input", "Q": "output", "M": "memory"}

Place = tuple[str, str, int]
"""Area, size, and index; of bits the index is counted in bits, `%IX1.2` is 10."""

Uses = dict[Analysis, frozenset[tuple[Located, int]]]
"""The addresses that each body uses, and how many places from each on: kept from one version of a program to the next."""


class Image:
    """The places that a program's variables use, and those that plug-ins fill or read besides."""

    def __init__(self, program: Program, uses: Uses | None = None) -> None:
        self._used = {
            place for address, count in _used(program, {} if uses is None else uses) for place in places(address, count)
        }
        self._wanted = set(self._used)

    def use(self, table: SettingsTable, key: str, address: Located, count: int) -> None:
        """Check that a setting names places that exist and that the program uses at least one of them."""
        self._wanted |= set(places(address, count))
        last = list(places(address, count))[-1]
        if last[2] >= SLOTS * (8 if address.size == "X" else 1):
            table.flaw(
                key, f"{spelled(last)} lies outside the runtime's image, which ends at index {SLOTS - 1}", "CFG002"
            )
        elif not any(place in self._used for place in places(address, count)):
            what = address.text if count == 1 else f"{address.text} to {spelled(last)}"
            table.flaw(key, f"no variable of the program is at {what}", "CFG003")

    def conf(self) -> bytes:
        """Return `image.conf`: how large each table has to be, for runtimes whose tables are as large as the project needs."""
        lines = ["format_version=2"]
        for size, (table, unit) in _TABLES.items():
            for area, name in _AREAS.items():
                if (size, area) != ("B", "M"):  # no runtime has memory bytes
                    indexes = [place[2] + 1 for place in self._wanted if place[:2] == (area, size)]
                    lines.append(f"{table}_{name}={max(indexes, default=0)} {unit}")
        return "\n".join([*lines, ""]).encode()


def address_of(table: SettingsTable, key: str) -> Located | None:
    """The located address that a key holds; None where it holds none, which is then noted."""
    text = table.text(key)
    if not text:
        return None
    address, wrong = parse_address(text.strip().upper())
    if address is None or wrong is not None:
        table.flaw(key, wrong.message.rstrip(".") if wrong else f"{text} does not say which place", "CFG002")
        return None
    if address.area == "M" and address.size == "B":
        table.flaw(key, "no OpenPLC runtime has a table of memory bytes (%MB)", "CFG002")
        return None
    return address


def places(address: Located, count: int) -> Iterator[Place]:
    """`count` places from an address on."""
    first = address.index if address.bit is None else address.index * 8 + address.bit
    return ((address.area, address.size, first + step) for step in range(count))


def spelled(place: Place) -> str:
    """A place as an address."""
    area, size, index = place
    return f"%{area}X{index // 8}.{index % 8}" if size == "X" else f"%{area}{size}{index}"


def _used(program: Program, uses: Uses) -> Iterator[tuple[Located, int]]:
    """Every address that a declaration, a body or the configuration names, and how many places it takes. `uses` is brought up to date."""
    configuration = program.configuration
    variables = list(program.globals.values())
    if configuration is not None:
        yield from ((address, 1) for address in configuration.addresses.values())
        variables += configuration.globals.values()
        for resource in configuration.resources:
            variables += resource.globals.values()
            for instance in resource.instances:
                variables += [link.variable for link in instance.connections if link.variable is not None]
    variables += [variable for pou in program.pous.values() for variable in pou.variables.values()]
    yield from _places_of(variables)
    known = dict(uses)
    uses.clear()
    for analysis in program.analyses.values():
        found = known.get(analysis)
        if found is None:
            found = frozenset(
                _places_of(symbol for symbol in analysis.symbols.values() if isinstance(symbol, Variable))
            )
        uses[analysis] = found
        yield from found


def _places_of(variables: Iterable[Variable]) -> Iterator[tuple[Located, int]]:
    for variable in variables:
        if variable.address is not None:
            kind = strip(variable.type)
            yield variable.address, kind.size if isinstance(kind, Array) else 1
