"""Runs calls of the standard library: resolves each, writes one C++ program of all, and reads what it prints.

A call is written as `call("DIV", INT(-7), INT(2), gives=INT(-3))`; arguments and result have exactly the types given.
"""

from __future__ import annotations

import math
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rung.codegen.standard_calls import standard_call, value_type
from rung.codegen.values import literal
from rung.semantics import types
from rung.semantics.model import StandardFunction
from rung.semantics.stdlib import lookup_function
from rung.semantics.stdlib.signature import Signature, TypeVariable
from rung.semantics.types import Constant, Elementary, Family, StringType, Type

SUPPORT: Final = Path(types.__file__).parent.parent / "codegen" / "support"
HEADERS: Final = (
    "rung_types",
    "rung_numeric",
    "rung_strings",
    "rung_decimal",
    "rung_convert",
    "rung_datetime",
    "rung_blocks",
)


@dataclass(frozen=True)
class Value:
    kind: Type
    value: Constant


def of(kind: Type) -> Callable[[Constant], Value]:
    """Return what makes values of one type: `INT(5)`."""
    return lambda value: Value(kind, value)


BOOL, BYTE, WORD, DWORD, LWORD = (of(k) for k in (types.BOOL, types.BYTE, types.WORD, types.DWORD, types.LWORD))
SINT, INT, DINT, LINT = (of(k) for k in (types.SINT, types.INT, types.DINT, types.LINT))
USINT, UINT, UDINT, ULINT = (of(k) for k in (types.USINT, types.UINT, types.UDINT, types.ULINT))
REAL, LREAL, TIME, LTIME = (of(k) for k in (types.REAL, types.LREAL, types.TIME, types.LTIME))
DATE, TOD, DT = (of(k) for k in (types.DATE, types.TIME_OF_DAY, types.DATE_AND_TIME))
LDATE, LTOD, LDT = (of(k) for k in (types.LDATE, types.LTIME_OF_DAY, types.LDATE_AND_TIME))
CHAR, WCHAR = of(types.CHAR), of(types.WCHAR)
STRING = of(types.string_type(False, types.MAX_STRING_LENGTH))
WSTRING = of(types.string_type(True, types.MAX_STRING_LENGTH))


@dataclass(frozen=True)
class StandardCase:
    """One call and what it must give; `faults` is how many errors it must count."""

    name: str
    arguments: tuple[Value, ...]
    gives: Value
    faults: int

    def __str__(self) -> str:
        return f"{self.name}({', '.join(str(argument.value) for argument in self.arguments)})"


def call(name: str, *arguments: Value, gives: Value, faults: int = 0) -> StandardCase:
    return StandardCase(name, arguments, gives, faults)


def resolve(name: str, arguments: Sequence[Type], result: Type) -> StandardFunction:
    """Pick the overload whose parameters have exactly these types."""
    for signature in lookup_function(name) or ():
        if _matches(signature, arguments, result):
            return StandardFunction(name, signature.operation, tuple(arguments), result)
    raise LookupError(f"{name}({', '.join(kind.name for kind in arguments)}) has no overload that gives {result.name}")


def _matches(signature: Signature, arguments: Sequence[Type], result: Type) -> bool:
    wanted = [parameter.type for parameter in signature.parameters]
    if len(arguments) > len(wanted) and signature.extensible:
        wanted += wanted[-1:] * (len(arguments) - len(wanted))
    if len(wanted) != len(arguments):
        return False
    bound: dict[TypeVariable, Type] = {}
    for want, have in zip([*wanted, signature.result], [*arguments, result], strict=True):
        if not isinstance(want, TypeVariable):
            if want is not have:
                return False
        elif bound.setdefault(want, have) is not have or not _admits(want, have):
            return False
    return True


def _admits(variable: TypeVariable, kind: Type) -> bool:
    if isinstance(kind, StringType):
        return variable.strings
    return kind.family in variable.families if isinstance(kind, Elementary) else variable.derived


_PRELUDE: Final = r"""
#include <stddef.h>
#include <stdio.h>
namespace rung {
int64_t clock_ns = 0;
int64_t now() { return clock_ns; }
uint32_t faults = 0;
}
template <class T> __attribute__((noinline)) T opaque(T value) { asm volatile("" : : "g"(&value) : "memory"); return value; }
inline void show(bool v) { printf("%d", int(v)); }
inline void show(char v) { printf("%d", int(uint8_t(v))); }
inline void show(char16_t v) { printf("%d", int(v)); }
inline void show(int8_t v) { printf("%d", int(v)); }
inline void show(uint8_t v) { printf("%d", int(v)); }
inline void show(int16_t v) { printf("%d", int(v)); }
inline void show(uint16_t v) { printf("%d", int(v)); }
inline void show(int32_t v) { printf("%ld", long(v)); }
inline void show(uint32_t v) { printf("%lu", (unsigned long)(v)); }
inline void show(int64_t v) { printf("%lld", (long long)(v)); }
inline void show(uint64_t v) { printf("%llu", (unsigned long long)(v)); }
inline void show(float v) { if (v != v) printf("nan"); else printf("%.9g", double(v)); }
inline void show(double v) { if (v != v) printf("nan"); else printf("%.17g", v); }
inline void show(rung::StringView v) { for (int i = 0; i < v.length; ++i) printf("%04x", unsigned(uint8_t(v.text[i]))); }
inline void show(rung::WStringView v) { for (int i = 0; i < v.length; ++i) printf("%04x", unsigned(v.text[i])); }
template <class C, int N> inline void show(const rung::Text<C, N>& v) { show(rung::View<C>(v)); }
template <class T, class U> struct Same { static const bool value = false; };
template <class T> struct Same<T, T> { static const bool value = true; };
"""


def _argument(value: Value) -> str:
    if isinstance(value.kind, StringType):
        units = "".join(f'\\x{ord(character):x}" u"' for character in str(value.value))
        view, prefix = ("WStringView", "u") if value.kind.wide else ("StringView", "")
        characters = units if value.kind.wide else units.replace('u"', '"')
        return f'opaque(rung::{view}{{{prefix}"{characters}", {len(str(value.value))}}})'
    text = literal(value.kind, value.value)
    return f"opaque<{value_type(value.kind)}>({text})"


def _shown(value: Value) -> str:
    kind, content = value.kind, value.value
    if isinstance(content, str):
        units = content.encode("utf-16-be")
        codes = [units[i : i + 2].hex() for i in range(0, len(units), 2)]
        return str(int(codes[0], 16)) if isinstance(kind, Elementary) else "".join(codes)
    if isinstance(kind, Elementary) and kind.family is Family.REAL:
        assert isinstance(content, int | float)
        if math.isnan(content):
            return "nan"
        if kind.bits == 32 and math.isfinite(content):
            (rounded,) = struct.unpack("f", struct.pack("f", content))
            return f"{rounded:.9g}"
        return f"{content:.17g}"
    assert isinstance(content, int)
    return str(int(content))


def write_main(statements: Sequence[str]) -> str:
    """Return a C++ program that runs `statements`."""
    return "\n".join(
        [*(f'#include "{header}.hpp"' for header in HEADERS), _PRELUDE, "int main() {", *statements, "}", ""]
    )


def write_calls(cases: Sequence[StandardCase]) -> str:
    """Return a C++ program that prints a line `faults result` for each case."""
    lines = ["uint32_t before;"]
    for case in cases:
        function = resolve(case.name, [argument.kind for argument in case.arguments], case.gives.kind)
        text = standard_call(function, [_argument(argument) for argument in case.arguments])
        result = value_type(case.gives.kind)
        if isinstance(case.gives.kind, Elementary):
            lines.append(f"static_assert(Same<decltype({text}), {result}>::value, {_quoted(str(case))});")
        lines.append(f"{{ before = rung::faults; {result} r = {text};")
        lines.append('printf("%u ", unsigned(rung::faults - before)); show(r); printf("\\n"); }')
    return write_main(lines)


def _quoted(text: str) -> str:
    return '"' + text.encode("ascii", "replace").decode().replace("\\", "/").replace('"', "'") + '"'


def compile_and_run(program: str, folder: Path, *flags: str) -> list[str]:
    """Compile with warnings as errors, run, and return the lines it printed."""
    source, binary = folder / "program.cpp", folder / "program"
    source.write_text(program, encoding="utf-8")
    command = ["g++", "-std=c++17", "-fno-exceptions", "-Wall", "-Wextra", "-Werror", f"-I{SUPPORT}", *flags]
    built = subprocess.run(
        [*command, "-o", str(binary), str(source), "-lm"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[:4000]
    ran = subprocess.run([str(binary)], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr[:4000]
    return ran.stdout.splitlines()


def expected_line(case: StandardCase) -> str:
    """Return the line that the program must print for `case`."""
    return f"{case.faults} {_shown(case.gives)}"
