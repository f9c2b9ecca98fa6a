"""Hover: what the word under the cursor is, as a declaration, and what its author or the standard says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rung.ide.definition import definition
from rung.ide.locate import Configured, DeclaredType, Found, StandardName, find
from rung.project.snapshot import Snapshot
from rung.semantics.model import EnumValueSymbol, Pou, Variable
from rung.semantics.stdlib import describe
from rung.semantics.types import Alias, Array, Enumeration, Field, Structure, Subrange, Type
from rung.syntax.tree import SectionKind

_PARAMETERS = (SectionKind.VAR_INPUT, SectionKind.VAR_IN_OUT, SectionKind.VAR_OUTPUT)
_COMMENT = re.compile(r"\(\*(?P<block>(?:(?!\*\)).)*)\*\)\s*$|(?P<lines>(?:[ \t]*//[^\n]*\n)+)[ \t]*$", re.DOTALL)
_MOST = 12
_FAR = 2000  # characters: a comment that begins further up is no help in a hover


@dataclass(slots=True, frozen=True)
class Hover:
    """Markdown, and the file offsets of the word that it is about."""

    markdown: str
    start: int
    end: int


def hover(snapshot: Snapshot, path: Path, offset: int) -> Hover | None:
    """Return what is to be said of the word at a file's offset."""
    found = find(snapshot, path, offset)
    if found is None:
        return None
    parts = [f"```st\n{_declaration(found)}\n```"]
    text = _documentation(snapshot, path, offset, found)
    if text:
        parts.append(text)
    return Hover("\n\n".join(parts), found.start, found.end)


def type_name(kind: Type) -> str:
    """Return a type as one would write it."""
    if isinstance(kind, Array) and not kind.name:
        bounds = ", ".join("*" if bound is None else f"{bound[0]}..{bound[1]}" for bound in kind.dimensions)
        return f"ARRAY[{bounds}] OF {type_name(kind.element)}"
    if isinstance(kind, Enumeration) and not kind.name:
        return f"({', '.join(kind.spelling.values())})"
    if isinstance(kind, Subrange) and not kind.name:
        return f"{kind.base.name} ({kind.low}..{kind.high})"
    return kind.name


def _declaration(found: Found) -> str:
    match found.thing:
        case Variable(target=target) as variable:
            return _variable(target or variable)
        case Pou() as pou:
            return _pou(pou)
        case EnumValueSymbol(type=Enumeration() as kind, key=key, value=value):
            return f"{kind.name}{'#' if kind.name else ''}{kind.spelling[key]}  (* {value} *)"
        case Field(name=name, type=kind):
            owner = f"{found.owner.name}." if found.owner else ""
            return f"{owner}{name} : {type_name(kind)}"
        case DeclaredType(key=key, type=kind):
            return _type(key, kind)
        case Configured(declaration=declaration):
            return declaration
        case StandardName(name=name, resolved=None):
            return f"FUNCTION {name}"
        case StandardName(name=name, resolved=resolved) if resolved is not None:
            return f"FUNCTION {name} ({', '.join(type_name(item) for item in resolved.parameters)}) : {type_name(resolved.result)}"
        case _:
            return ""


def _variable(variable: Variable) -> str:
    words = [variable.section.value]
    words += ["CONSTANT"] if variable.constant else []
    words += ["RETAIN"] if variable.retain else []
    at = f" AT {variable.address.text}" if variable.address else ""
    value = f" := {_constant(variable.initial)}" if isinstance(variable.initial, bool | int | float | str) else ""
    return f"{' '.join(words)} {variable.name}{at} : {type_name(variable.type)}{value}"


def _constant(value: bool | int | float | str) -> str:
    return str(value).upper() if isinstance(value, bool) else repr(value)


def _pou(pou: Pou) -> str:
    head = f"{pou.kind.value} {pou.name}" + (f" : {type_name(pou.result)}" if pou.result else "")
    shown = [
        variable for variable in pou.variables.values() if variable.section in _PARAMETERS and variable.key != pou.key
    ]
    return "\n".join([head, *(f"    {_variable(variable)}" for variable in shown)])


def _type(key: str, kind: Type) -> str:
    match kind:
        case Structure():
            rows = [f"    {field.name} : {type_name(field.type)};" for field in kind.fields.values()]
            return "\n".join(
                [f"{kind.name} : STRUCT", *rows[:_MOST], *(["    ..."] if len(rows) > _MOST else []), "END_STRUCT"]
            )
        case Enumeration():
            names = list(kind.spelling.values())
            return f"{kind.name} : ({', '.join(names[:_MOST])}{', ...' if len(names) > _MOST else ''})"
        case Alias():
            return f"{kind.name} : {type_name(kind.target)}"
        case Array():
            return f"{kind.name} : {type_name(Array('', kind.dimensions, kind.element))}"
        case Subrange():
            return f"{kind.name} : {kind.base.name} ({kind.low}..{kind.high})"
        case _:
            return key


def _documentation(snapshot: Snapshot, path: Path, offset: int, found: Found) -> str:
    """The comment right above the declaration or behind it on its line; for the standard library, what the library says."""
    if isinstance(found.thing, StandardName):
        return describe(found.thing.name)
    if isinstance(found.thing, Pou) and found.thing.unit is None:
        return describe(found.thing.key)
    target = definition(snapshot, path, offset)
    if target is None:
        return ""
    text = target.file.text
    line = text.rfind("\n", 0, target.start) + 1
    before = text[max(0, line - _FAR) : line]
    above = None if before.endswith("\n\n") else _COMMENT.search(before)
    if above is not None:
        return _prose(above["block"] or above["lines"] or "")
    end = text.find("\n", target.end)
    behind = re.search(r"//(.*)$|\(\*(.*)\*\)\s*$", text[target.end : end if end >= 0 else len(text)])
    return _prose(behind[1] or behind[2] or "") if behind else ""


def _prose(comment: str) -> str:
    lines = (line.strip().removeprefix("//").strip() for line in comment.strip().splitlines())
    return "\n".join(lines)
