"""The located variables of a program, in the order of their declaration, as the device's tools list them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rung.codegen.debug_table import type_name
from rung.semantics.model import Program, Variable
from rung.semantics.types import Block, Elementary, Enumeration, StringType, storage


@dataclass(frozen=True, slots=True)
class Placed:
    """A variable with an address; `path` is its leaf's path."""

    area: str
    size: str
    index: int
    bit: int
    type: str
    path: str

    @property
    def c_name(self) -> str:
        """The name that matiec gives it: `__QX0_1`, `__MD4`."""
        dot = f"_{self.bit}" if self.size == "X" else ""
        return f"__{self.area}{self.size}{self.index}{dot}"


def located_variables(program: Program) -> list[Placed]:
    """List the located variables of every instance and of the configuration."""
    configuration = program.configuration
    assert configuration is not None, "only a program with a configuration gets as far as its addresses"
    found = list(_placed("", [*program.globals.values(), *configuration.globals.values()]))
    for resource in configuration.resources:
        found += _placed("", resource.globals.values())
        for instance in resource.instances:
            found += _placed(f"{instance.name.upper()}.", instance.pou.variables.values())
    return found


def _placed(prefix: str, variables: Iterable[Variable]) -> Iterator[Placed]:
    for variable in variables:
        kind = storage(variable.type)
        if isinstance(kind, Block):
            yield from _placed(f"{prefix}{variable.key}.", kind.pou.variables.values())
        address = variable.address
        if address is None or not isinstance(kind, Elementary | Enumeration | StringType):
            continue
        path = f"{prefix}{variable.key}"
        yield Placed(address.area, address.size, address.index, address.bit or 0, type_name(kind), path)
