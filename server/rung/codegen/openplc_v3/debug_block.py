"""The `(*DBG:...*)` lines of a program for OpenPLC Runtime v3: C++ that gives the runtime's debug channel its variables.

Invariants: the device compiles and runs these lines with its own rights, which are root's, so nothing reaches them but names that
were checked letter by letter, numbers, and an MD5 of hex digits; no line holds a comment's end, so the program stays one text.
Forcing happens between scans, and only where v3's compiler lets a value be held: whole variables, not members or elements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, product
from typing import Final

from rung.codegen.artefact import Leaf
from rung.codegen.openplc_v3.printed import CONFIGURATION, RESOURCE, Printed, PrintedVariable, Step
from rung.codegen.program import BuildError

# Bytes on the wire (specification of the v3 debug channel). A time is two 32-bit integers, seconds and nanoseconds; a string its
# length and 126 characters. A boolean's and a number's bytes come in the device's order.
SIZES: Final = {
    "BOOL": 1, "SINT": 1, "USINT": 1, "BYTE": 1, "INT": 2, "UINT": 2, "WORD": 2, "DINT": 4, "UDINT": 4, "DWORD": 4, "REAL": 4,
    "LINT": 8, "ULINT": 8, "LWORD": 8, "LREAL": 8, "TIME": 8, "DATE": 8, "TOD": 8, "DT": 8, "STRING": 127,
}  # fmt: skip
_LONG_NAMES: Final = {"TIME_OF_DAY": "TOD", "DATE_AND_TIME": "DT"}
_SHAPES: Final = {"BOOL": "flag", "TIME": "moment", "DATE": "moment", "TOD": "moment", "DT": "moment", "STRING": "text"}
_MOST: Final = 0xFFFF  # the channel counts variables in 16 bits
_NAME: Final = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_MD5: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
# The printed text, in upper case, one statement or declaration a line.
_INPUT: Final = re.compile(r"^\s*(\w+) AT %I", re.ASCII | re.MULTILINE)
_INSTANCE: Final = re.compile(r"^\s*PROGRAM (\w+) WITH \w+ : (\w+)", re.ASCII | re.MULTILINE)
_POU: Final = re.compile(
    r"^(?:PROGRAM|FUNCTION_BLOCK) (\w+)$(.*?)^END_(?:PROGRAM|FUNCTION_BLOCK)$", re.ASCII | re.MULTILINE | re.DOTALL
)
_MEMBER: Final = re.compile(r"^\s*(\w+) : (\w+)", re.ASCII | re.MULTILINE)
_FOR: Final = re.compile(r"^\s*FOR (\w+) :=", re.ASCII | re.MULTILINE)
# A FOR loop that had to be written out: the step ends the part that every pass but the first begins with.
_STEPPED: Final = re.compile(r"^\s*(\w+) := .*;\n\s*END_IF;\n\s*RUNG_AGAIN\w* := TRUE;", re.ASCII | re.MULTILINE)


class _Reach(Enum):
    """How a variable is stored, which decides how it is read and whether it can be held."""

    PART = "a bare value in a structure or array: v3 tests one flag for the whole, so holding one part would freeze the others"
    KEPT = "a value with its flags"
    LOCATED = "a pointer into the process image, with flags and a value that its program reads instead while it is held"
    SHARED = (
        "a located global: programs read it past its flags, from the process image, and leave it alone while it is held"
    )
    INPUT = "a located global that the hardware writes in every scan, whatever its flags say: it cannot be held"


_HELD: Final = frozenset({_Reach.KEPT, _Reach.LOCATED, _Reach.SHARED})


@dataclass(frozen=True, slots=True)
class _Row:
    """Variables of one type that stand side by side. `place` is the C++ lvalue of the first: a bare value where `reach` is PART,
    else an object with `value` and `flags`. `held`: it can be forced."""

    place: str
    type: str
    count: int
    reach: _Reach
    held: bool = False


def debug_leaves(printed: Printed) -> tuple[Leaf, ...]:
    """Return the variables with their indexes on the debug channel: `element` is the index, `array` always 0."""
    text = _Text(printed.text)
    return tuple(
        Leaf(0, index, variable.path, _type(variable), SIZES[_type(variable)], text.forceable(variable.steps))
        for index, variable in enumerate(printed.variables[:_MOST])
    )


def debug_block(printed: Printed, md5: str) -> tuple[str, ...]:
    """Return the lines, without line ends, that go after the program's text.

    `md5` is what the device answers when it is asked for its program: 32 lower-case hex digits. Raises BuildError when a name is no
    plain identifier, which is a defect of the printer.
    """
    if not _MD5.fullmatch(md5):
        raise BuildError(f"{md5!r} is no MD5, so it cannot be written into the program for OpenPLC Runtime v3.")
    own = _Text(printed.text)
    rows = list(_rows(printed.variables[:_MOST], own))
    text = [
        *_HEAD.splitlines(),
        *_declarations(printed.variables, own),
        f'char md5[] = "{md5}";',
        *_TABLE_HEAD.splitlines(),
        *_table(rows),
        f"const uint16_t variables = {sum(row.count for row in rows)};",
        *_FUNCTIONS.splitlines(),
    ]
    return tuple(f"(*DBG:{line}*)" for line in text)


# ------------------------------------------------------------------------------------------------------------- places


def _checked(name: str) -> str:
    """Return the name as v3's compiler writes it in C: upper case. Anything but a plain identifier ends the build."""
    upper = name.upper()
    if not _NAME.fullmatch(upper) or "__" in upper:
        raise BuildError(f"{name!r} cannot be a name in a program for OpenPLC Runtime v3: it is no plain identifier.")
    return upper


def _type(variable: PrintedVariable) -> str:
    kind = _LONG_NAMES.get(variable.type, variable.type)
    if kind not in SIZES:
        raise BuildError(f"{variable.path} has the type {variable.type}, which OpenPLC Runtime v3 does not have.")
    return kind


class _Text:
    """What the printed text says of its names beyond the list of variables, all in upper case: the program of each instance, the
    globals at inputs, and in each POU the types of its variables and the control variables of its loops."""

    __slots__ = ("_counters", "_inputs", "_members", "instances")

    def __init__(self, text: str) -> None:
        _, _, configuration = text.upper().partition(f"CONFIGURATION {CONFIGURATION.upper()}\n")
        self.instances = dict(_INSTANCE.findall(configuration))
        self._inputs = frozenset(_INPUT.findall(configuration))
        pous = dict(_POU.findall(text.upper()))
        self._members = {name: dict(_MEMBER.findall(body)) for name, body in pous.items()}
        self._counters = {name: frozenset(_FOR.findall(body) + _STEPPED.findall(body)) for name, body in pous.items()}

    def reach(self, steps: Sequence[Step]) -> _Reach:
        """Return how the variable at the end of `steps` is stored."""
        last = steps[-1]
        if last.owner in ("structure", "array"):
            return _Reach.PART
        if last.located and last.owner == "configuration" and last.name.upper() in self._inputs:
            return _Reach.INPUT
        if not last.located:
            return _Reach.KEPT
        return _Reach.SHARED if last.owner == "configuration" else _Reach.LOCATED

    def forceable(self, steps: Sequence[Step]) -> bool:
        """Return whether the variable can be held. The control variable of a FOR loop must not be: v3 counts it like any variable,
        so the loop would never end."""
        return self.reach(steps) in _HELD and not self._counts(steps)

    def _counts(self, steps: Sequence[Step]) -> bool:
        """Whether the variable controls a FOR loop of the POU it belongs to, or, a global, of any."""
        name = steps[-1].name.upper()
        if steps[-1].owner == "configuration":
            return any(name in counters for counters in self._counters.values())
        pou = self.instances.get(steps[0].name.upper(), "") if steps[0].owner == "resource" else ""
        for step in steps[1:-1]:
            pou = self._members.get(pou, {}).get(step.name.upper(), "")
        return name in self._counters.get(pou, ())


def _place(steps: Sequence[Step]) -> str:
    """Return the C++ lvalue: of the object that holds value and flags, or, in a structure or array, of the bare value."""
    place = ""
    bare = False  # inside a structure or array, where members stand without flags
    for step in steps:
        match step.owner:
            case "configuration":
                place = f"{CONFIGURATION.upper()}__{_checked(step.name)}"
            case "resource":
                place = f"{RESOURCE.upper()}__{_checked(step.name)}"
            case "block":
                place = f"{place}.{_checked(step.name)}"
            case "structure" | "array":
                place = place if bare else f"{place}.value"
                bare = True
                if step.owner == "structure":
                    place = f"{place}.{_checked(step.name)}"
                else:
                    place = f"{place}.table{''.join(f'[{int(index)}]' for index in step.indices)}"
    return place


def _rows(variables: Sequence[PrintedVariable], text: _Text) -> Iterator[_Row]:
    """Yield the table's rows; the elements of a whole array make one."""

    def neighbours(variable: PrintedVariable) -> object:
        steps = variable.steps
        return (steps[:-1], _type(variable)) if steps[-1].owner == "array" else variable.path

    for _, run in groupby(variables, neighbours):
        group = list(run)
        if len(group) > 1 and _is_whole_array([variable.steps[-1].indices for variable in group]):
            yield _Row(_place(group[0].steps), _type(group[0]), len(group), _Reach.PART)
        else:
            for variable in group:
                place, reach = _place(variable.steps), text.reach(variable.steps)
                yield _Row(place, _type(variable), 1, reach, text.forceable(variable.steps))


def _is_whole_array(indices: Sequence[tuple[int, ...]]) -> bool:
    bounds = [range(last + 1) for last in indices[-1]]
    return list(product(*bounds)) == list(indices)


# --------------------------------------------------------------------------------------------------------------- text


def _declarations(variables: Sequence[PrintedVariable], text: _Text) -> Iterator[str]:
    """Declare what the table points to: v3's compiler puts program instances and globals into files without a header."""
    roots: dict[Step, PrintedVariable] = {}
    for variable in variables:
        roots.setdefault(variable.steps[0], variable)
    for step, variable in roots.items():
        name = _checked(step.name)
        if step.owner == "resource":
            if name not in text.instances:
                raise BuildError(f"The printed program has no instance {step.name}, but lists its variables.")
            yield f"extern {_checked(text.instances[name])} {RESOURCE.upper()}__{name};"
            continue
        target = f"decltype(__GET_GLOBAL_{name}())"
        block = len(variable.steps) > 1 and variable.steps[1].owner == "block"
        holder = "Block" if block else "Located" if step.located else "Kept"
        yield f"extern {holder}<{target}>::type {CONFIGURATION.upper()}__{name};"


def _table(rows: Sequence[_Row]) -> Iterator[str]:
    yield "const Row rows[] = {"
    first = 0
    for row in rows:
        numbers = f"{first}, {SIZES[row.type]}, {_SHAPES.get(row.type, 'number')}, {row.reach.name.lower()}"
        place = row.place if row.reach is _Reach.PART else f"{row.place}.value"
        flags = f"&{row.place}.flags" if row.held else "nullptr"
        held = f"&{row.place}.fvalue" if row.reach in (_Reach.LOCATED, _Reach.SHARED) else "nullptr"
        yield f"{{&{place}, {flags}, {held}, {numbers}}},"
        first += row.count
    yield f"{{nullptr, nullptr, nullptr, {first}, 0, number, part}}}};"
    yield f"const size_t row_count = {len(rows)};"


# pthread.h cannot be included with v3's own headers, which define another `tm`; the runtime's lock is known by its name alone.
# The names here are lower or mixed case: v3's compiler writes all of the user's in upper case.
_HEAD: Final = """\
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "POUS.h"
#include "Config0.h"
extern "C" { int pthread_mutex_lock(void *lock); int pthread_mutex_unlock(void *lock); }
extern char bufferLock;
template <class T> struct Kept;
template <class T> struct Kept<T *> { struct type { T value; IEC_BYTE flags; }; };
template <class T> struct Located;
template <class T> struct Located<T *> { struct type { T *value; IEC_BYTE flags; T fvalue; }; };
template <class T> struct Block;
template <class T> struct Block<T *> { typedef T type; };"""

_TABLE_HEAD: Final = """\
uint8_t endianness = 0;
namespace {
enum Shape { number, flag, moment, text };
enum Reach { part, kept, located, shared, input };
struct Row { const void *place; const void *flags; const void *held; uint16_t first; uint16_t size; uint8_t shape; uint8_t reach; };"""

# A scan holds `bufferLock`: what is done under it happens between scans. Values of more than one machine word are copied under it.
_FUNCTIONS: Final = """\
const Row &row_of(size_t index) {
  size_t low = 0, high = row_count;
  while (high - low > 1) { const size_t middle = (low + high) / 2; if (rows[middle].first <= index) low = middle; else high = middle; }
  return rows[low];
}
IEC_BYTE *flags_of(const Row &row) { return const_cast<IEC_BYTE *>(static_cast<const IEC_BYTE *>(row.flags)); }
void *image_of(const Row &row) { void *cell; memcpy(&cell, row.place, sizeof cell); return cell; }
void *value_of(const Row &row, size_t index) {
  if (row.reach <= kept) return const_cast<char *>(static_cast<const char *>(row.place)) + (index - row.first) * row.size;
  const bool held = row.reach == located && row.flags && (flags_of(row)[0] & __IEC_FORCE_FLAG);
  return held ? const_cast<void *>(row.held) : image_of(row);
}
void reverse(uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size / 2; ++i) { const uint8_t kept = bytes[i]; bytes[i] = bytes[size - 1 - i]; bytes[size - 1 - i] = kept; }
}
void into_order(uint8_t *bytes, const Row &row) {
  if (row.shape == number) reverse(bytes, row.size);
  if (row.shape == moment) { reverse(bytes, 4); reverse(bytes + 4, 4); }
}
void take(const Row &row, uint8_t *bytes) {
  if (row.shape == flag) bytes[0] = bytes[0] != 0;
  if (row.shape == text && bytes[0] > row.size - 1) bytes[0] = row.size - 1;
  memcpy(const_cast<void *>(row.held ? row.held : row.place), bytes, row.size);
  if (row.held) memcpy(image_of(row), bytes, row.size);
}
}
uint16_t get_var_count(void) { return variables; }
size_t get_var_size(size_t index) { return index < variables ? row_of(index).size : 0; }
void *get_var_addr(size_t index) {
  static __thread uint8_t copy[128];
  if (index >= variables) return copy;
  const Row &row = row_of(index);
  if (row.shape == number || row.shape == flag) return value_of(row, index);
  pthread_mutex_lock(&bufferLock);
  memcpy(copy, value_of(row, index), row.size);
  pthread_mutex_unlock(&bufferLock);
  return copy;
}
void force_var(size_t index, bool forced, void *value) {
  if (index >= variables) return;
  const Row &row = row_of(index);
  if (!row.flags) return;
  pthread_mutex_lock(&bufferLock);
  if (forced) { take(row, static_cast<uint8_t *>(value)); flags_of(row)[0] |= __IEC_FORCE_FLAG; }
  else flags_of(row)[0] &= ~__IEC_FORCE_FLAG;
  pthread_mutex_unlock(&bufferLock);
}
void set_trace(size_t index, bool forced, void *value) {
  if (index >= variables) return;
  const Row &row = row_of(index);
  uint8_t bytes[128];
  if (forced) memcpy(bytes, value, row.size);
  if (forced && endianness) into_order(bytes, row);
  force_var(index, forced, bytes);
}
void trace_reset(void) {}
void set_endianness(uint8_t value) { if (value < 2) endianness = value; }"""
