"""Bits and bytes of integers and bit strings, `x.3` and `x.%B1`, which v3's compiler does not know: masks and shifts."""

from __future__ import annotations

from typing import Final, Protocol

from rung.codegen.openplc_v3.body import Body, operand
from rung.codegen.openplc_v3.conversions import convert
from rung.codegen.openplc_v3.literals import literal, scalar
from rung.semantics.types import BYTE, DWORD, LWORD, WORD, Elementary, Family
from rung.syntax.tree import BitAccess, Expr

_SIZES: Final = {"X": 1, "B": 8, "W": 16, "D": 32}


class Writer(Protocol):
    """What expressions offer here."""

    body: Body

    def raw(self, expr: Expr, loose: bool = False, bare: bool = False) -> str:
        """Return the value of an expression in its own type."""

    def assign(self, target: Expr, text: str) -> None:
        """Write the statement that gives a place a value."""


def bit_string(kind: Elementary) -> Elementary:
    """Return the bit string of an integer's width; BOOL and bit strings are their own."""
    if kind.family in (Family.BOOL, Family.BITS):
        return kind
    return {8: BYTE, 16: WORD, 32: DWORD, 64: LWORD}[kind.bits]


def _kind(writer: Writer, expr: Expr) -> Elementary:
    kind = scalar(writer.body.analysis.types[expr])
    assert isinstance(kind, Elementary)
    return kind


def read_part(writer: Writer, expr: BitAccess) -> str:
    """Return the value of a bit, or of a byte, word or double word of something longer."""
    kind, size = _kind(writer, expr.base), _SIZES[expr.size]
    start, bits, where = expr.index * size, bit_string(kind), writer.body.where(expr)
    whole = convert(writer.body, writer.raw(expr.base), kind, bits, where)
    if bits.family is Family.BOOL:
        return whole
    if size == 1:
        return f"({operand(whole)} AND {literal(bits, 1 << start, typed=True)}) <> {literal(bits, 0, typed=True)}"
    shifted = f"SHR({whole}, INT#{start})" if start else whole
    return convert(writer.body, shifted, bits, _kind(writer, expr), where)


def write_part(writer: Writer, target: BitAccess, text: str) -> None:
    """Write the statements that give a bit or part a value and leave the others alone."""
    kind, size = _kind(writer, target.base), _SIZES[target.size]
    start, bits, where = target.index * size, bit_string(kind), writer.body.where(target)
    if bits.family is Family.BOOL:
        writer.assign(target.base, text)
        return

    def assign(value: str) -> None:
        writer.assign(target.base, convert(writer.body, value, bits, kind, where))

    whole = operand(convert(writer.body, writer.raw(target.base), kind, bits, where))
    mask = ((1 << size) - 1) << start
    kept = f"{whole} AND {literal(bits, ((1 << bits.bits) - 1) ^ mask, typed=True)}"
    if size == 1:
        out = writer.body.text
        out.open(f"IF {text} THEN")
        assign(f"{whole} OR {literal(bits, mask, typed=True)}")
        out.middle("ELSE")
        assign(kept)
        out.close("END_IF;")
        return
    new = convert(writer.body, text, _kind(writer, target), bits, where)
    assign(f"({kept}) OR {operand(f'SHL({new}, INT#{start})' if start else new)}")
