"""What OpenPLC Runtime v3 cannot take: one table, and the error that names construct and place.

Invariant: whatever is not refused is printed as text that its compiler accepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from rung.codegen.openplc_v3.literals import NoLiteral
from rung.codegen.openplc_v3.text import Places
from rung.codegen.program import BuildError
from rung.syntax.tree import Unit

TARGET_NAME: Final = "OpenPLC Runtime v3"

# Construct -> why, as the end of a sentence.
REFUSED: Final = {
    "wide text": "has no WSTRING and no WCHAR",
    "character": "has no type CHAR: use a STRING",
    "long string": "holds 126 characters in a STRING at most",
    "reference": "has no references or pointers",
    "open array": "has no ARRAY[*]: give the array bounds",
    "array of blocks": "has no arrays or structures of function block instances: declare each instance by itself",
    "array of structures": "cannot compile an array of several dimensions whose elements are structures or arrays",
    "global block": "cannot compile a function block as a global variable: declare the instance in a PROGRAM",
    "block in function": "has no function block instances in a FUNCTION",
    "global in function": "has no globals in a FUNCTION: pass the value as a parameter",
    "address": "has no such address: its process image holds 1024 entries of each size, and no %QL",
    "shared address": "can give one address one type only",
    "located aggregate": "can locate elementary variables only",
    "instance address": "can locate the variables of a program with one instance only",
    "text of number": "writes real numbers, times and dates as text in another way than the other runtimes",
    "number of text": "reads numbers, times and dates from text in another way than the other runtimes",
    "function": "does not have this standard function",
    "conversion": "does not have this conversion",
    "array bounds": "cannot assign arrays whose bounds differ",
    "event interval": "cannot run a task at an interval and on an event as well",
    "enable": "cannot assign EN or ENO of an instance: pass EN in the call",
    "large number": "takes no number beyond 3.4E38 or below 1.2E-38",
    "initial output": "cannot give an array, structure or instance inside a function block instance another initial value",
}  # fmt: skip


class Refusals:
    """Raises the build error for a construct."""

    __slots__ = ("_places",)

    def __init__(self, places: Places) -> None:
        self._places = places

    def refuse(self, key: str, construct: str, unit: Unit | None = None, offset: int = 0) -> NoReturn:
        """Raise the BuildError for `construct`, as the user would call it; `key` is a row of `REFUSED`."""
        raise self.error(key, construct, unit, offset)

    @contextmanager
    def at(self, unit: Unit | None, offset: int) -> Iterator[None]:
        """Refuse, as standing at a place, the numbers without a literal that are met meanwhile."""
        try:
            yield
        except NoLiteral as number:
            raise self.error("large number", str(number), unit, offset) from number

    def error(self, key: str, construct: str, unit: Unit | None = None, offset: int = 0) -> BuildError:
        """Return the BuildError for `construct`."""
        found = self._places.find(unit, offset)
        where = "" if found is None else f" ({found[0]}:{found[1]})"
        return BuildError(f"{construct}{where} cannot be built for {TARGET_NAME}, which {REFUSED[key]}.")
