"""The DBG block of an upload: which variables it makes visible, and what g++ says where it does not fit the program.

A real v3 compiles the block as `debug.cpp`. Here its table is read instead, the editors' (`{&(RES0__INSTANCE0.TMR.Q), BOOL_ENUM}`) or
Rung's own (`{&RES0__INSTANCE0.TMR.Q.value, flags, held, first, size, shape, reach}`), and led
to the variables that run. Nothing of the block is ever executed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rung.codegen.artefact import Leaf
from rung.semantics.model import Pou, Program, Variable
from rung.semantics.types import Array, Block, Structure, Type, strip
from rung.simulator.v3.binary import BLANK_MD5, SIZES, DebugVariable
from rung.syntax.tree import SectionKind

_MD5: Final = re.compile(r'\bchar\s+md5\s*\[\s*\w*\s*\]\s*=\s*"([^"\\]*)"')
_ENTRY: Final = re.compile(r"\{\s*&\s*\(?\s*([A-Za-z_][\w.\[\]]*)\s*\)?\s*,\s*(?:([A-Z]+?)(?:_[PO])?_ENUM|\d+)\s*\}")
_ROW: Final = re.compile(
    r"\{\s*(?:&\s*([A-Za-z_][\w.\[\]]*)|nullptr)\s*,\s*(&[\w.\[\]]+|nullptr)\s*,\s*(?:&[\w.\[\]]+|nullptr)\s*,"
    r"\s*(\d+)\s*,\s*(\d+)\s*,\s*\w+\s*,\s*\w+\s*\}"
)
_STEP: Final = re.compile(r"\.?([A-Za-z_]\w*)|\[(\d+)\]")
_EXTERN: Final = re.compile(r"\s*extern\s+(?P<type>[A-Za-z_]\w*)\s+(?P<name>[A-Za-z_]\w*)\s*;")
_FUNCTIONS: Final = {
    "get_var_count": "()", "set_trace": "(unsigned long, bool, void*)", "get_var_size": "(unsigned long)",
    "get_var_addr": "(unsigned long)", "set_endianness": "(unsigned char)", "md5": "",
}  # fmt: skip
_BY_SIZE: Final = {1: "BOOL", 2: "INT", 4: "DINT", 127: "STRING"}
_MOST: Final = 0xFFFF  # the channel counts variables in 16 bits
_C_ONLY: Final = frozenset({"value", "table", "flags", "fvalue"})  # members that matiec's own structures add
_LONG_NAMES: Final = {"TIME_OF_DAY": "TOD", "DATE_AND_TIME": "DT"}


@dataclass(frozen=True, slots=True)
class ReadBlock:
    """What a DBG block says: the MD5, the variables in their order, and the lines that g++ would print; no lines, no mistake."""

    md5: str
    variables: tuple[DebugVariable, ...]
    errors: tuple[str, ...] = ()


class _NoSuchMember(Exception):
    def __init__(self, message: str, column: int, length: int, hint: str) -> None:
        super().__init__(message)
        self.column, self.length, self.hint = column, length, hint


def read_debug_block(lines: Sequence[str], program: Program, leaves: Sequence[Leaf]) -> ReadBlock:
    """Hold a DBG block against the program that it was uploaded with.

    Args:
        lines: the lines of debug.cpp; none means the built-in empty block.
        program: the program as it was compiled.
        leaves: its elementary variables with their addresses.
    """
    if not lines:
        return ReadBlock(BLANK_MD5, ())
    names = _Names(program, leaves)
    variables: list[DebugVariable] = []
    errors: list[str] = []
    for entry in _entries(lines):
        errors += names.check_extern(entry) if entry.place is None else []
        if entry.place is not None and len(variables) < _MOST:
            try:
                variables += names.variables(entry)
            except _NoSuchMember as problem:
                errors += _gcc(entry, problem)
    text = "\n".join(lines)
    if not errors:
        errors += _undefined(text)
    found = _MD5.search(text)
    return ReadBlock(found[1] if found else "", tuple(variables[:_MOST]), tuple(errors))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the block that names something; `place` is the C lvalue in it, None: no entry of the table.

    `type` is "" where the table does not tell it but for the `size`; `count` variables of one type stand side by side.
    """

    number: int
    line: str
    place: str | None = None
    column: int = 0
    type: str = ""
    size: int = 0
    count: int = 1
    forceable: bool = True


def _entries(lines: Sequence[str]) -> Iterator[_Entry]:
    """The entries of either kind of table, and the other lines."""
    rows = [(number, line, row) for number, line in enumerate(lines, 1) for row in _ROW.finditer(line)]
    firsts = [int(row[3]) for _, _, row in rows]
    counts = {id(row): later - int(row[3]) for (_, _, row), later in zip(rows, firsts[1:], strict=False)}
    for number, line in enumerate(lines, 1):
        yield _Entry(number, line)
        for found in _ENTRY.finditer(line):
            kind = _LONG_NAMES.get(found[2] or "", found[2] or "")
            yield _Entry(number, line, found[1], found.start(1), kind if kind in SIZES else "INT")
        for other, _, row in rows:
            if other == number and row[1] is not None:
                forceable = row[2] != "nullptr"
                yield _Entry(number, line, row[1], row.start(1), "", int(row[4]), counts.get(id(row), 1), forceable)


def _undefined(text: str) -> Iterator[str]:
    missing = [name for name in _FUNCTIONS if not re.search(rf"\b{name}\b", text)]
    for name in missing:
        yield f"/usr/bin/ld: modbus.cpp:(.text): undefined reference to `{name}{_FUNCTIONS[name]}'"
    if missing:
        yield "collect2: error: ld returned 1 exit status"


def _gcc(entry: _Entry, problem: _NoSuchMember) -> Iterator[str]:
    """The message in g++'s form: place, text, the line, carets, the suggestion."""
    blank = " " * problem.column
    yield f"debug.cpp:{entry.number}:{problem.column + 1}: error: {problem}"
    yield f"{entry.number:5} | {entry.line}"
    yield f"      | {blank}^{'~' * (problem.length - 1)}"
    if problem.hint:
        yield f"      | {blank}{problem.hint}"


def _suggest(name: str, known: Sequence[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, 1, 0.7)), "")


class _Names:
    """The C names of a program's variables, as matiec makes them: RESOURCE__INSTANCE.MEMBER, CONFIG__GLOBAL, all upper case."""

    def __init__(self, program: Program, leaves: Sequence[Leaf]) -> None:
        self._leaves = leaves
        self._order = {leaf.path: number for number, leaf in enumerate(leaves)}
        self._pous = {key.upper() for key in program.pous} | {key.upper() for key in program.types}
        self._instances: dict[str, tuple[str, Pou]] = {}
        self._globals: dict[str, tuple[str, Type]] = {}
        configuration = program.configuration
        assert configuration is not None, "only a program with a configuration gets as far as its debug block"
        for key, variable in [*program.globals.items(), *configuration.globals.items()]:
            self._globals[f"{configuration.name.upper()}__{key}"] = (key, variable.type)
        for resource in configuration.resources:
            for key, variable in resource.globals.items():
                self._globals[f"{resource.name.upper()}__{key}"] = (key, variable.type)
            for instance in resource.instances:
                name = instance.name.upper()
                self._instances[f"{resource.name.upper()}__{name}"] = (name, instance.pou)

    def check_extern(self, entry: _Entry) -> Iterator[str]:
        """What g++ says of an `extern` declaration whose type the program does not have."""
        found = _EXTERN.match(entry.line)
        if found is None or found["name"] not in self._instances or found["type"].upper() in self._pous:
            return
        message = f"‘{found['type']}’ does not name a type"
        yield from _gcc(entry, _NoSuchMember(message, found.start("type"), len(found["type"]), ""))

    def variables(self, entry: _Entry) -> Iterator[DebugVariable]:
        """The variables of one entry.

        Raises:
            _NoSuchMember: the program has none of that name.
        """
        assert entry.place is not None
        first = self._variable(entry, list(_STEP.finditer(entry.place)))
        yield first
        at = self._order.get(first.path, len(self._leaves))
        for leaf in self._leaves[at + 1 : at + entry.count]:
            yield DebugVariable(leaf.path, first.type, leaf.array, leaf.element, leaf.size, forceable=entry.forceable)

    def _variable(self, entry: _Entry, steps: list[re.Match[str]]) -> DebugVariable:
        root = steps[0][1]
        if root in self._globals:
            path, kind = self._globals[root]
            return self._member(path, kind, "", steps[1:], entry)
        if root in self._instances:
            path, pou = self._instances[root]
            return self._member(path, Block(pou), pou.key, steps[1:], entry)
        hint = _suggest(root, [*self._instances, *self._globals])
        message = f"‘{root}’ was not declared in this scope" + (f"; did you mean ‘{hint}’?" if hint else "")
        raise _NoSuchMember(message, entry.column, len(root), hint)

    def _member(self, path: str, kind: Type, owner: str, steps: list[re.Match[str]], entry: _Entry) -> DebugVariable:
        indices: list[int] = []
        for step in steps:
            if step[1] in _C_ONLY:
                continue
            kind = strip(kind)
            if step[2] is not None:
                indices.append(int(step[2]))
                if isinstance(kind, Array) and len(indices) == len(kind.dimensions):
                    path += _subscript(kind, indices)
                    kind, indices = kind.element, []
                continue
            at = entry.column + step.start(1)
            if isinstance(kind, Block):
                variable = kind.pou.variables.get(step[1].upper())
                if variable is None or not _has_leaf(kind.pou, variable):
                    return self._hidden(kind.pou, variable, step[1], entry, at)
                if variable.section is SectionKind.VAR_EXTERNAL:
                    path, kind, owner = variable.key, variable.type, ""
                    continue
                path, kind, owner = f"{path}.{variable.key}", variable.type, ""
            elif isinstance(kind, Structure):
                member = kind.fields.get(step[1].upper())
                if member is None:
                    raise _missing(kind.name.upper(), step[1], list(kind.fields), at)
                path, kind = f"{path}.{member.key}", member.type
            else:
                raise _missing(owner or entry.type, step[1], [], at)
        if path not in self._order:
            return DebugVariable(path, entry.type or _BY_SIZE.get(entry.size, "LINT"), None, 0)
        leaf = self._leaves[self._order[path]]
        type_name = entry.type or (leaf.type if leaf.type in SIZES else "INT")
        return DebugVariable(path, type_name, leaf.array, leaf.element, leaf.size, forceable=entry.forceable)

    @staticmethod
    def _hidden(pou: Pou, variable: Variable | None, name: str, entry: _Entry, column: int) -> DebugVariable:
        """A member that only the C code has: EN and ENO, what standard blocks keep inside, what is no storage of its own."""
        standard = pou.declaration is None
        if variable is None and not standard and name not in ("EN", "ENO"):
            raise _missing(pou.key, name, [*pou.variables], column)
        return DebugVariable(
            f"{pou.key}.{name}",
            entry.type or _BY_SIZE.get(entry.size, "LINT"),
            None,
            0,
            constant=int(name in ("EN", "ENO")),
        )


def _has_leaf(pou: Pou, variable: Variable) -> bool:
    if variable.section in (SectionKind.VAR_TEMP, SectionKind.VAR_IN_OUT):
        return False
    return not (pou.declaration is None and variable.section is SectionKind.VAR)


def _missing(owner: str, name: str, known: Sequence[str], column: int) -> _NoSuchMember:
    hint = _suggest(name, known)
    message = f"‘struct {owner}’ has no member named ‘{name}’" + (f"; did you mean ‘{hint}’?" if hint else "")
    return _NoSuchMember(message, column, len(name), hint)


def _subscript(kind: Array, indices: Sequence[int]) -> str:
    """The subscript of the language: C counts from 0, the declaration from its own lower bounds."""
    lows = [bound[0] if bound is not None else 0 for bound in kind.dimensions]
    return f"[{','.join(str(low + index) for low, index in zip(lows, indices, strict=True))}]"
