"""The dispatch table of expressions: one handler for each kind of node.

Invariant: every member of `tree.Expr` has its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rung.semantics import access, calls, names, operators
from rung.semantics.checker import Handler
from rung.syntax.tree import (
    ArrayInitial,
    Binary,
    BitAccess,
    Call,
    Dereference,
    DirectAddress,
    EnumLiteral,
    ErrorExpr,
    Index,
    Literal,
    Member,
    NameExpr,
    Repetition,
    StructInitial,
    Unary,
)

HANDLERS: Final[Mapping[type, Handler]] = {
    Literal: names.literal,
    NameExpr: names.name,
    EnumLiteral: names.enum_literal,
    DirectAddress: names.direct_address,
    Member: access.member,
    BitAccess: access.bit_access,
    Index: access.index,
    Dereference: access.dereference,
    Unary: operators.unary,
    Binary: operators.binary,
    Call: calls.call,
    ArrayInitial: names.misplaced_initial,
    StructInitial: names.misplaced_initial,
    Repetition: names.misplaced_initial,
    ErrorExpr: names.error,
}
