"""Types as the text for OpenPLC Runtime v3 spells and declares them, and initial values.

Invariants: enumerations and subranges are their base types, aliases what they stand for, so that every variable is one that v3's
debugger can show; every array shape has one declared type, so that v3's compiler sees equal ones as equal; an array of arrays is an
array of structures with one member, which v3's compiler does take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, product
from typing import Final

from rung.codegen.openplc_v3.library import Library
from rung.codegen.openplc_v3.literals import elementary_name, literal, scalar
from rung.codegen.openplc_v3.naming import Names
from rung.codegen.openplc_v3.refusals import Refusals
from rung.codegen.openplc_v3.text import Text, Where
from rung.semantics.model import Program
from rung.semantics.types import (
    Alias,
    Array,
    Block,
    Constant,
    Elementary,
    Family,
    Reference,
    StringType,
    Structure,
    Type,
    default_value,
    strip,
)

ROW: Final = "ROW"
_STRING: Final = 126


class Types:
    """Spells types, and declares those it meets in `text`, each after what it is made of."""

    __slots__ = ("_arrays", "_library", "_names", "_program", "_refusals", "_rows", "_structures", "text")

    def __init__(self, program: Program, names: Names, library: Library, refusals: Refusals, text: Text) -> None:
        self._program = program
        self._names = names
        self._library = library
        self._refusals = refusals
        self.text = text
        self._arrays: dict[tuple[object, ...], str] = {}
        self._rows: dict[str, str] = {}
        self._structures: dict[Structure, str] = {}

    def spell(self, kind: Type, where: Where = (None, 0), what: str = "This variable") -> str:
        """Return the printed name of a type. Raises BuildError for one that v3 does not have; `what` names who wants it."""
        base = scalar(kind)
        if isinstance(base, StringType):
            if base.wide:
                self._refusals.refuse("wide text", what, *where)
            return "STRING"
        if isinstance(base, Elementary):
            if base.family is Family.CHAR:
                self._refusals.refuse("character" if base.bits == 8 else "wide text", what, *where)
            return elementary_name(base)
        match strip(kind):
            case Array() as array:
                return self._array(array, where, what)
            case Structure() as structure:
                return self._structure(structure, where, what)
            case Block() as block:
                declared = block.pou.declaration is not None
                return self._names.pou(block.pou) if declared else self._library.block(block.pou.key)
            case Reference():
                self._refusals.refuse("reference", what, *where)
        raise TypeError(f"{kind!r} has no printed name")

    def declared(self, kind: Type, where: Where, what: str) -> str:
        """As `spell`, for a variable that is declared: its string must hold what it says."""
        base = scalar(kind)
        if isinstance(base, StringType) and not base.wide and base.length > _STRING:
            self._refusals.refuse("long string", f"{what}: STRING[{base.length}]", *where)
        return self.spell(kind, where, what)

    def _array(self, kind: Array, where: Where, what: str) -> str:
        if None in kind.dimensions:
            self._refusals.refuse("open array", what, *where)
        element = strip(kind.element)
        if isinstance(element, Block):
            self._refusals.refuse("array of blocks", what, *where)
        if len(kind.dimensions) > 1 and isinstance(element, Structure | Array):
            self._refusals.refuse("array of structures", what, *where)
        spelled = self.declared(kind.element, where, what)
        if isinstance(element, Array):
            spelled = self._row(spelled)
        key = (kind.dimensions, spelled)
        if key not in self._arrays:
            written = kind.name.upper() in self._program.type_declarations
            fresh = written and self._names.type(kind.name.upper()) not in self._arrays.values()
            name = (
                self._names.type(kind.name.upper()) if fresh else self._names.own("", f"ARRAY_{len(self._arrays) + 1}")
            )
            bounds = ", ".join(f"{low}..{high}" for low, high in (d for d in kind.dimensions if d is not None))
            self._declaration(kind.name, [f"{name} : ARRAY [{bounds}] OF {spelled};"])
            self._arrays[key] = name
        return self._arrays[key]

    def _row(self, spelled: str) -> str:
        if spelled not in self._rows:
            name = self._names.own("", f"ROW_{len(self._rows) + 1}")
            self._declaration("", [f"{name} : STRUCT", f"  {ROW} : {spelled};", "END_STRUCT;"])
            self._rows[spelled] = name
        return self._rows[spelled]

    def _structure(self, kind: Structure, where: Where, what: str) -> str:
        if kind not in self._structures:
            named = kind.name.upper() in self._program.type_declarations
            own = self._program.type_declarations.get(kind.name.upper())
            place: Where = where if own is None else (own[0], own[1].name.start)
            lines: list[str] = []
            for key, member in kind.fields.items():
                label = f"Member {member.name} of {kind.name}"
                if isinstance(strip(member.type), Block):
                    self._refusals.refuse("array of blocks", label, *place)
                spelled = self.declared(member.type, place, label)
                with self._refusals.at(*place):
                    initial = self.initial_text(member.type, _field_default(kind, key)) if scalar(member.type) else ""
                lines.append(f"  {self._names.field(kind, key)} : {spelled}{initial};")
            name = self._names.type(kind.name.upper()) if named else self._names.own("", "STRUCTURE")
            self._declaration(kind.name, [f"{name} : STRUCT", *lines, "END_STRUCT;"])
            self._structures[kind] = name
        return self._structures[kind]

    def _declaration(self, name: str, lines: Sequence[str]) -> None:
        own = self._program.type_declarations.get(name.upper())
        if own is None:
            self.text.generated()
        else:
            self.text.source(own[0], own[1].name.start)
        self.text.open("TYPE")
        for line in lines:
            self.text.add(line)
        self.text.close("END_TYPE")
        self.text.add("")

    # ----------------------------------------------------------------------------------------- initial values

    def initial_text(self, kind: Type, value: Constant | None) -> str:
        """Return ` := ...` for a declaration, empty where v3's own initial value is right or statements must set it."""
        base = scalar(kind)
        if base is not None:
            wanted = default_value(kind) if value is None else value
            return (
                ""
                if wanted == default_value(base) and not str(wanted).startswith("-")
                else f" := {literal(kind, wanted)}"
            )
        array, wanted = _aggregate(kind, value)
        if isinstance(array, Array) and scalar(array.element) is not None and isinstance(wanted, tuple):
            return self._array_text(array, wanted)
        return ""

    def _array_text(self, kind: Array, values: Sequence[Constant]) -> str:
        base = scalar(kind.element)
        assert base is not None
        zero = default_value(base)
        if all(value == zero for value in values):
            return ""
        parts = []
        for text, group in groupby(literal(kind.element, value) for value in values):
            count = len(list(group))
            parts.append(text if count == 1 else f"{count}({text})")
        return f" := [{', '.join(parts)}]"

    def assignments(self, place: str, kind: Type, value: Constant | None) -> Iterator[str]:
        """Yield the statements that give a variable the rest of its initial value: what no declaration can say to v3."""
        inner = strip(kind)
        is_open = isinstance(inner, Array) and None in inner.dimensions
        if scalar(kind) is not None or is_open or self.initial_text(kind, value):
            return
        yield from self._differences(place, kind, value, _printed(kind))

    def _differences(self, place: str, kind: Type, value: Constant | None, printed: Constant) -> Iterator[str]:
        base = scalar(kind)
        if base is not None:
            wanted = default_value(kind) if value is None else value
            if wanted != printed:
                yield f"{place} := {literal(kind, wanted)};"
            return
        inner, aggregate = _aggregate(kind, value)
        if isinstance(inner, Array) and isinstance(aggregate, tuple) and isinstance(printed, tuple):
            bounds = [bound for bound in inner.dimensions if bound is not None]
            row = f".{ROW}" if isinstance(strip(inner.element), Array) else ""
            indices = product(*(range(low, high + 1) for low, high in bounds))
            for index, item, known in zip(indices, aggregate, printed, strict=True):
                yield from self._differences(f"{place}[{', '.join(map(str, index))}]{row}", inner.element, item, known)
        elif isinstance(inner, Structure) and isinstance(aggregate, Mapping) and isinstance(printed, Mapping):
            for key, member in inner.fields.items():
                given = aggregate.get(key, _field_default(inner, key))
                yield from self._differences(
                    f"{place}.{self._names.field(inner, key)}", member.type, given, printed[key]
                )


def _field_default(kind: Structure, key: str) -> Constant | None:
    member = kind.fields[key]
    given = kind.default if isinstance(kind.default, Mapping) else {}
    return given.get(key, member.default)


def _aggregate(kind: Type, value: Constant | None) -> tuple[Type, Constant]:
    while isinstance(kind, Alias):
        value = kind.default if value is None else value
        kind = kind.target
    return kind, default_value(kind) if value is None else value


def _printed(kind: Type) -> Constant:
    """The value that the printed types alone give: of structures their scalar members' own, of all else zero."""
    base = scalar(kind)
    if base is not None:
        return default_value(base)
    match strip(kind):
        case Array() as array:
            return (_printed(array.element),) * array.size
        case Structure() as structure:
            return {key: _member_printed(structure, key) for key in structure.fields}
    return 0


def _member_printed(kind: Structure, key: str) -> Constant:
    member = kind.fields[key]
    if scalar(member.type) is None:
        return _printed(member.type)
    given = _field_default(kind, key)
    return default_value(member.type) if given is None else given
