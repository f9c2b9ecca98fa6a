"""DAT: what a program does with its variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.registry import PouRule, Rule
from rung.rules.snippets import program
from rung.semantics.model import Analysis, Variable
from rung.semantics.types import Block, StringType, storage
from rung.syntax.problem import Problem
from rung.syntax.tree import Literal, Member, NameExpr, SectionKind

_OWN: Final = frozenset({SectionKind.VAR, SectionKind.VAR_TEMP, SectionKind.VAR_EXTERNAL})


def unused_variable(analysis: Analysis) -> Iterator[Problem]:
    """DAT001: declared, and mentioned nowhere. Parameters are part of an interface, so they are left alone."""
    misspelt = any(problem.code == "NAM001" for problem in analysis.problems)
    if analysis.pou.unit is None or analysis.pou.unit.problems or misspelt:
        return  # what the parser skipped, or a misspelt name, may have meant it
    used = {symbol for symbol in analysis.symbols.values() if isinstance(symbol, Variable)}
    seen = used | {variable.target for variable in used if variable.target is not None}
    for variable in analysis.pou.variables.values():
        name = variable.identifier
        if variable.section in _OWN and name is not None and variable not in seen and variable.target not in used:
            yield Problem("DAT001", name.start, name.end, f"'{variable.name}' is declared but never used.")


def never_called(analysis: Analysis) -> Iterator[Problem]:
    """DAT002: an instance whose outputs are read though nothing in this POU ever calls it."""
    read: dict[Variable, Member] = {}
    others: set[Variable] = set()
    bases = set()
    for node in analysis.types:
        if isinstance(node, Member) and isinstance(node.base, NameExpr):
            bases.add(node.base)
            symbol, member = analysis.symbols.get(node.base), analysis.symbols.get(node)
            if (
                isinstance(symbol, Variable)
                and isinstance(member, Variable)
                and member.section is SectionKind.VAR_OUTPUT
            ):
                read.setdefault(symbol, node)
    for node, symbol in analysis.symbols.items():
        if isinstance(symbol, Variable) and node not in bases:
            others.add(symbol)  # called, handed on, or used in some other way that this rule does not follow
    for variable, node in read.items():
        if variable.section is SectionKind.VAR and isinstance(variable.type, Block) and variable not in others:
            yield Problem(
                "DAT002", node.start, node.end,
                f"'{variable.name}' is never called, so its outputs keep their initial values. Call it: {variable.name}(...);",
            )  # fmt: skip


def lost_character(analysis: Analysis) -> Iterator[Problem]:
    """DAT003: a character that a STRING cannot hold."""
    for node, kind in analysis.types.items():
        if node.__class__ is not Literal:
            continue
        assert isinstance(node, Literal)
        base = storage(analysis.converted.get(node, kind))
        if isinstance(node.value, str) and isinstance(base, StringType) and not base.wide:
            lost = next((letter for letter in node.value if ord(letter) > 0xFF), None)
            if lost is not None:
                text = f"A STRING holds ISO 8859-1, which has no '{lost}': it becomes '?'. Use a WSTRING, or another character."
                yield Problem("DAT003", node.start, node.end, text)


POU_RULES: Final[tuple[PouRule, ...]] = (unused_variable, never_called, lost_character)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "DAT001", "unused-variable", "hint", "Variable is never used",
        "Nothing reads or writes the variable. Often it is left over, or another name was used by mistake.",
        "Remove the declaration, or use the variable.",
        program("Level, Old : INT;", "Level := Level + 1;"),
        program("Level : INT;", "Level := Level + 1;"),
        tags=("unnecessary",),
    ),
    Rule(
        "DAT002", "never-called", "warning", "Function block is read but never called",
        "A function block works only when it is called. Without a call a timer does not run and a counter does not count, and its outputs "
        "keep their initial values.",
        "Call the instance in every scan.",
        program("t1 : TON;\nq : BOOL;", "q := t1.Q;"),
        program("t1 : TON;\nq : BOOL;", "t1(IN := NOT q, PT := T#1s);\nq := t1.Q;"),
        ("IEC 61131-3, 6.6.3.4",),
    ),
    Rule(
        "DAT003", "lost-character", "warning", "Character that a STRING cannot hold",
        "A STRING has one byte for each character and holds ISO 8859-1. Any other character becomes a question mark in the machine.",
        'Use a WSTRING, whose literals stand in double quotes, or a character that ISO 8859-1 has.',
        program("text : STRING;", "text := '5 €';"),
        program("text : STRING;", "text := '5 EUR';"),
        ("IEC 61131-3, 6.3.3",),
    ),
)  # fmt: skip
