"""How much of a board a program takes, and whether that is too much.

Invariant: firmware that would not fit, or would leave the stack no room, is refused before anything is sent to a board.
"""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen.artefact import Leaf
from rung.targets.board import Board, all_boards

STACK: Final = 300
"""Bytes of RAM that static data must leave for the stack: calls, and a bootloader's or interrupt's frames on top of them."""
_FULL: Final = 0.9
"""From this part on a warning is due."""
_LARGE_PART: Final = 0.25
_NAMED: Final = 5

_OUR_OWN: Final = "RUNG_"
"""Variables of the firmware's own, its counters of scans and faults."""

_HEADER: Final = struct.Struct("<16sHHIIIIIHHHHHH")  # System V ABI, chapter 4: the header of an ELF file of 32 bits
_SECTION: Final = struct.Struct("<10I")
_AVR: Final = 83
_PROGBITS: Final = 1
_ALLOC: Final = 2
_RAM: Final = range(0x800000, 0x810000)
"""Where avr-gcc links data to (avr-libc, section 4): flash below, EEPROM, fuses and signature above."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes that a program takes: `flash` with the initial values of its data, `ram` for static data, without the stack."""

    flash: int
    ram: int


def usage_of_elf(data: bytes) -> Usage:
    """Return what an executable for an AVR chip takes.

    Raises:
        ValueError: it is none.
    """
    try:
        ident, _, machine, *_, offset, _, _, _, _, entry, count, _ = _HEADER.unpack_from(data)
        sections = [_SECTION.unpack_from(data, offset + entry * number) for number in range(count)]
    except struct.error:
        raise ValueError("the file is cut short") from None
    if ident[:6] != b"\x7fELF\x01\x01" or machine != _AVR:
        raise ValueError("the file is no executable for an AVR chip")
    flash = ram = 0
    for _, kind, flags, address, _, size, *_ in sections:
        if not flags & _ALLOC:
            continue
        in_ram = address in _RAM
        ram += size if in_ram else 0
        flash += size if kind == _PROGBITS and (in_ram or address < _RAM.start) else 0
    return Usage(flash, ram)


def excess(board: Board, usage: Usage, leaves: Sequence[Leaf]) -> tuple[str, str] | None:
    """What to say, and what to do, of a program that is too large for a board; None of one that fits."""
    said: list[str] = []
    if usage.flash > board.flash:
        said.append(
            f"The program takes {usage.flash} bytes of flash, and {board.title} has {board.flash} for programs: {usage.flash - board.flash} too many."
        )
    room = board.ram - STACK
    if usage.ram > room:
        said.append(
            f"The program's data takes {usage.ram} bytes of RAM, and {board.title} has {board.ram}, of which {STACK} must be left for the stack: "
            f"{usage.ram - room} too many."
        )
    if not said:
        return None
    return refused(*said, largest_sentence(leaves)), advice(board, usage)


def refused(*sentences: str) -> str:
    """Sentences on a program that is too large, with the one that says what that means for the board."""
    return " ".join(sentence for sentence in (*sentences, "Nothing was sent to a board.") if sentence)


def advice(board: Board, usage: Usage) -> str:
    """What to do about a program that is too large, and takes at least so much."""
    larger = [
        other
        for other in all_boards().values()
        if other.family == board.family
        and other.flash >= board.flash
        and other.ram >= board.ram
        and (other.flash, other.ram) != (board.flash, board.ram)
        and usage.flash <= other.flash
        and usage.ram + STACK <= other.ram
    ]
    smallest = min(larger, key=lambda other: (other.ram, other.flash), default=None)
    take = f"Take a larger board ({smallest.name}: {smallest.title})" if smallest else "Take a larger board"
    if usage.ram + STACK <= board.ram:
        return f"{take}, or shorten the program: fewer different types of blocks, and REAL and 64-bit types only where they are needed."
    return f"{take}, or declare shorter strings (STRING[20]) and smaller arrays, and fewer instances of large blocks."


def at_least(leaves: Sequence[Leaf]) -> Usage:
    """What a program's variables take, when nothing else is known of it."""
    return Usage(0, _grouped(leaves, 1).total())


def warnings(board: Board, usage: Usage) -> tuple[str, ...]:
    """What to say of a program that only just fits."""
    found: list[str] = []
    if usage.flash > _FULL * board.flash:
        found.append(f"The program takes {share(usage.flash, board.flash)} of {board.title}'s flash.")
    if usage.ram + STACK > _FULL * board.ram:
        found.append(
            f"The program's data takes {share(usage.ram, board.ram)} of {board.title}'s RAM; with {STACK} bytes for the stack it is nearly full."
        )
    return tuple(found)


def share(used: int, whole: int) -> str:
    """`used` and `whole` bytes as users read them: `4752 of 32256 bytes (15 %)`."""
    return f"{used} of {whole} bytes ({100 * used // whole if whole else 0} %)"


def largest_sentence(leaves: Sequence[Leaf]) -> str:
    """A sentence that names the largest instances; empty when there are no variables."""
    named = [f"{name} {size}" for name, size in largest(leaves)]
    return f"Its largest parts take at least, in bytes: {', '.join(named)}." if named else ""


def largest(leaves: Sequence[Leaf], most: int = _NAMED) -> list[tuple[str, int]]:
    """Return the instances that take most, with their bytes: at least those of their variables, without a standard block's hidden state
    and without the end of a text that is too long for the wire.

    An instance that holds more than a quarter of everything is told by its parts, so that the name leads to a declaration.
    """
    whole = _grouped(leaves, 1)
    total = sum(whole.values())
    parts = _grouped(leaves, 2)
    found: Counter[str] = Counter()
    for name, size in whole.items():
        inner = {path: bytes_ for path, bytes_ in parts.items() if path.startswith(f"{name}.")}
        found.update(inner if size > _LARGE_PART * total and inner else {name: size})
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:most]


def _grouped(leaves: Iterable[Leaf], depth: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for leaf in leaves:
        if leaf.path.startswith(_OUR_OWN):
            continue
        path = re.sub(r"\[[^\]]*\]", "", leaf.path)
        found[".".join(path.split(".")[:depth])] += _memory(leaf)
    return found


def _memory(leaf: Leaf) -> int:
    """The bytes of a variable in a board's memory. Times are milliseconds there, and pairs of numbers on the wire."""
    return {"TIME": 4, "TOD": 4}.get(leaf.type, leaf.size)
