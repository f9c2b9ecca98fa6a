"""Located addresses: `%IX0.0`, `%QW3`, `%MD12`, `%I*` (ed. 3 6.5.5), as OpenPLC's process image understands them.

Invariant: the image is flat. An address has one index, and a bit number where its size is X; nothing else is made of it silently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from rung.semantics.model import Located, Variable
from rung.semantics.types import BOOL, BYTE, DWORD, LWORD, WORD, Elementary, Enumeration, Family, Type, storage
from rung.semantics.wording import described
from rung.syntax.tree import SectionKind

_SHAPE: Final = re.compile(r"%([IQM])([XBWDL]?)([0-9]+)((?:\.[0-9]+)*)")
_BITS: Final = {"X": 1, "B": 8, "W": 16, "D": 32, "L": 64}
_LETTERS: Final = {bits: letter for letter, bits in _BITS.items()}
_DIRECT: Final = {"X": BOOL, "B": BYTE, "W": WORD, "D": DWORD, "L": LWORD}
# No image of any target is larger, and a longer number would not fit the C++ tables.
_MAX_INDEX: Final = 65535


@dataclass(slots=True, frozen=True)
class Flaw:
    """What is wrong with an address: the diagnostic's code and its sentence."""

    code: str
    message: str


def parse_address(text: str) -> tuple[Located | None, Flaw | None]:
    """Read an address in upper case without blanks.

    Returns the address, and what is wrong with it; an address can be usable (given) and still deserve a warning (flaw). `%I*` is
    (None, None): it is still to be given.
    """
    if text in ("%I*", "%Q*", "%M*") or (text[:2] in ("%I", "%Q", "%M") and text[2:3] in _BITS and text[3:] == "*"):
        return None, None
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return None, Flaw(
            "LOC001",
            f"{text} is not an address: write %, one of I Q M, one of X B W D L, and a number, as in %IX0.0 or %QW3.",
        )
    area, size, index, rest = shape[1], shape[2] or "X", int(shape[3][:9]), shape[4].split(".")[1:]
    if index > _MAX_INDEX or len(shape[3]) > 9:
        return None, Flaw("LOC003", f"{text} lies outside every process image: the greatest index is {_MAX_INDEX}.")
    if size != "X":
        located = Located(area, size, index, None)
        return located, _hierarchy(text, located) if rest else None
    bit = int(rest[0][:9]) if rest else 0
    if bit > 7:
        return None, Flaw(
            "LOC002", f"{text} has no bit {bit}: a byte's bits are 0 to 7, so this is {_carried(area, index, bit)}."
        )
    located = Located(area, "X", index, bit)
    return located, _hierarchy(text, located) if len(rest) > 1 else None


def _carried(area: str, index: int, bit: int) -> str:
    return f"%{area}X{index + bit // 8}.{bit % 8}"


def _hierarchy(text: str, located: Located) -> Flaw:
    if located.area == "M":
        return Flaw(
            "LOC004",
            f"{text} has more numbers than an OpenPLC address, so the variable gets memory of its own, which no Modbus client sees. "
            f"Write {located.text} if it is to be that place of the process image.",
        )
    return Flaw(
        "LOC004",
        f"{text} has more numbers than an OpenPLC address: the runtime reads it as {located.text}, so that addresses which differ only in the "
        f"numbers behind share one place. Write {located.text}.",
    )


def check_type(located: Located, kind: Type) -> Flaw | None:
    """Return what is wrong with a variable of this type at this address, or None."""
    base = storage(kind)
    if isinstance(base, Enumeration):
        base = base.base
    if not isinstance(base, Elementary):
        return Flaw(
            "LOC006",
            f"A variable of type {described(kind)} cannot have an address: locate variables of elementary types only, one by one.",
        )
    wanted = _BITS[located.size]
    if base.bits != wanted:
        letter = _LETTERS[base.bits]
        if located.area == "M":
            return Flaw(
                "LOC012",
                f"{located.text} is {wanted} {_bits(wanted)} wide, but {described(kind)} has {base.bits}: the variable gets memory of its own, "
                f"which no Modbus client sees. Write %M{letter}{located.index}, or leave the address out.",
            )
        fix = f"%{located.area}{letter}{located.index}" + (".0" if letter == "X" else "")
        return Flaw(
            "LOC005",
            f"{located.text} is {wanted} {_bits(wanted)} wide, but {described(kind)} has {base.bits}: write {fix}, or another type.",
        )
    return None


def _bits(count: int) -> str:
    return "bit" if count == 1 else "bits"


@cache
def direct_variable(located: Located, kind: Elementary) -> Variable:
    """Return the variable that a direct address in an expression stands for; the same one for the same address and type."""
    return Variable(located.text, located.text, kind, SectionKind.VAR_GLOBAL, address=located)


def direct_type(located: Located) -> Elementary:
    """Return the type of a direct address whose context does not ask for another of its width."""
    return _DIRECT[located.size]


def may_hold(located: Located, kind: Type) -> bool:
    """Whether a direct address may be read and written as this type: a number or bit string of its width, `i := %IW0`."""
    return isinstance(kind, Elementary) and kind.bits == _BITS[located.size] and kind.family in (
        Family.BOOL, Family.BITS, Family.SIGNED, Family.UNSIGNED, Family.REAL,
    )  # fmt: skip
