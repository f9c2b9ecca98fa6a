"""What may be written: the target of an assignment, of an output, of an in-out argument, of a FOR (ed. 3 6.5.2, 6.6.1.2.2)."""

from __future__ import annotations

from rung.semantics.checker import Checker
from rung.semantics.model import Variable
from rung.semantics.types import UNKNOWN, Block, Type, strip
from rung.syntax.tree import (
    BitAccess,
    Call,
    Dereference,
    DirectAddress,
    ErrorExpr,
    Expr,
    Index,
    Member,
    NameExpr,
    PouKind,
    SectionKind,
)


def target(c: Checker, node: Expr) -> Type:
    """Type an expression that is written to, and report what must not be. Returns `UNKNOWN` for what is no place at all."""
    if node.__class__ is NameExpr:
        variable = c.scope.get(node.key)
        if (
            variable is not None
            and variable.section is SectionKind.VAR
            and not variable.constant
            and not c.loop_variables
        ):
            c.symbols[node] = variable
            c.types[node] = variable.type
            return variable.type
    kind = c.value(node)
    if kind is UNKNOWN:
        _mark_result(c, node)
        return kind
    return kind if _writable(c, node, node) else UNKNOWN


def _mark_result(c: Checker, node: Expr) -> None:
    """A result that is assigned wrongly is still assigned."""
    while isinstance(node, (Member, Index, BitAccess)):
        node = node.base
    if isinstance(node, NameExpr) and node.key == c.pou.key:
        c.result_written = True


def _writable(c: Checker, node: Expr, whole: Expr) -> bool:
    """Whether `node`, on the way to the place `whole`, may be written; reports it if not."""
    if isinstance(node, (Index, BitAccess)):
        return _writable(c, node.base, whole)
    if isinstance(node, Member):
        symbol = c.symbols.get(node)
        if isinstance(symbol, Variable):
            return _member_writable(c, node, symbol)
        return symbol is None and _writable(c, node.base, whole)
    if isinstance(node, (DirectAddress, Dereference, ErrorExpr)):
        return True
    symbol = c.symbols.get(node)
    if isinstance(node, NameExpr) and isinstance(symbol, Variable):
        return _variable_writable(c, node, symbol, whole)
    if isinstance(node, Call):
        c.report("TYP022", node, "The result of a call is a value, not a variable: nothing can be assigned to it.")
    elif isinstance(node, NameExpr):
        c.report("TYP022", node, f"'{node.text}' is a fixed value, not a variable: nothing can be assigned to it.")
    else:
        c.report(
            "TYP022",
            node,
            "Only a variable can be assigned. Write the variable on the left of := and the value on the right.",
        )
    return False


def _member_writable(c: Checker, node: Member, variable: Variable) -> bool:
    """Other POUs may write a block's inputs, not its outputs (ed. 3 6.6.3.4). Its internals were warned of where they were named."""
    if variable.section is SectionKind.VAR_OUTPUT:
        holder = strip(c.types[node.base])
        owner = holder.name if isinstance(holder, Block) else "its function block"
        c.report(
            "TYP023",
            node.name,
            f"'{variable.name}' is an output of {owner}, which alone may write it. Only inputs are written from outside.",
        )
        return False
    if variable.section is SectionKind.VAR_IN_OUT:
        c.written_in_outs.add((c.symbols.get(node.base), variable))
    return True


def _variable_writable(c: Checker, node: NameExpr, variable: Variable, whole: Expr) -> bool:
    if variable.key == c.pou.key:
        c.result_written = True
        return True
    if variable.constant:
        c.report(
            "TYP021",
            whole,
            f"'{variable.name}' is a CONSTANT and cannot be changed. Remove CONSTANT from its section if it shall vary.",
        )
        return False
    if isinstance(strip(variable.type), Block) and node is whole:
        c.report(
            "TYP022",
            node,
            f"'{variable.name}' is a function block instance and cannot be assigned. Call it, or write one of its inputs.",
        )
        return False
    if variable.section is SectionKind.VAR_INPUT and c.pou.kind is PouKind.FUNCTION_BLOCK:
        c.report(
            "TYP024", whole, f"'{variable.name}' is an input: what is written here is lost when the caller gives it a value. "
            "Use a variable of its own, or VAR_IN_OUT if the caller shall see the change.",
        )  # fmt: skip
    elif variable in c.loop_variables:
        c.report(
            "CTL006",
            whole,
            f"'{variable.name}' counts this FOR loop. Changing it inside makes the number of passes depend on the runtime; leave early with EXIT.",
        )
    return True
