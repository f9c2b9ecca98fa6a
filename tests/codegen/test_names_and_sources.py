"""Names that users choose become C++ names that cannot clash; offsets become lines; constants keep their values."""

from __future__ import annotations

import math

import pytest

from rung.codegen import names
from rung.codegen.cpp_text import CppText
from rung.codegen.sources import FileUnits, LineNumbers, SourceFile
from rung.codegen.values import literal
from rung.semantics.model import Located
from rung.semantics.types import BOOL, INT, LINT, LREAL, REAL, ULINT, Constant, Type, string_type
from rung.syntax.parser import parse_file


def test_names_of_different_things_never_meet() -> None:
    keys = ["A", "_A", "A_", "INT", "CLASS", "Ä", "_UC4_", "Ω", "V_A", "RUN_A"]
    made = [
        kind(key)
        for key in keys
        for kind in (names.variable, names.structure, names.block, names.body, names.edge, names.edge_memory)
    ]
    assert len(set(made)) == len(made)
    assert all(name.isascii() and name.isidentifier() for name in made)


def test_cells_are_named_after_their_address() -> None:
    assert names.cell(Located("Q", "X", 1, 7)) == "QX1_7"
    assert names.cell(Located("M", "L", 12, None)) == "ML12"


def test_lines_are_counted_in_the_file_not_in_the_unit() -> None:
    text = "PROGRAM A\nEND_PROGRAM\n\nPROGRAM B\nVAR n : INT; END_VAR\nn := 1;\nEND_PROGRAM\n"
    units = [unit for _, unit in parse_file(text)]
    numbers = LineNumbers(FileUnits.of([(SourceFile("main.st", "/x/main.st", text), units)]))
    assert numbers.locate(units[1], units[1].text.index("n :=")) == ("main.st", 6)
    (stranger,) = (unit for _, unit in parse_file("PROGRAM C END_PROGRAM"))
    assert numbers.locate(stranger, 0) is None


def test_line_directives_appear_only_where_the_compiler_would_be_wrong() -> None:
    text = "PROGRAM P\nVAR n : INT; END_VAR\nn := 1;\nn := 2;\nEND_PROGRAM\n"
    (unit,) = (unit for _, unit in parse_file(text))
    cpp = CppText("bodies.hpp", LineNumbers(FileUnits.of([(SourceFile('a "b".st', "x", text), [unit])])))
    cpp.add("ours();")
    cpp.source(unit, text.index("n := 1"))
    cpp.add("one();")
    cpp.source(unit, text.index("n := 2"))
    cpp.add("two();")
    cpp.generated()
    cpp.add("ours_again();")
    assert cpp.render().splitlines() == [
        "ours();",
        "#line 3 \"a 'b'.st\"",
        "one();",
        "two();",
        '#line 6 "bodies.hpp"',
        "ours_again();",
    ]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (BOOL, True, "true"),
        (INT, -5, "int16_t(-5)"),
        (LINT, -(1 << 63), "int64_t((-9223372036854775807LL - 1))"),
        (ULINT, (1 << 64) - 1, "uint64_t(18446744073709551615ULL)"),
        (REAL, 0.1, "0.100000001f"),
        (REAL, 3.0, "3.0f"),
        (REAL, 1e300, "__builtin_inff()"),
        (LREAL, math.nan, '__builtin_nan("")'),
        (LREAL, -math.inf, "-__builtin_inf()"),
        (string_type(False, 9), 'a"\n?7', 'StringView{"a\\042\\012\\0777", 5}'),
        (string_type(False, 9), "ü€", 'StringView{"\\374\\077", 2}'),
        (string_type(True, 9), "aü€", 'WStringView{u"a\\x00fc" u"\\x20ac" u"", 3}'),
    ],
)
def test_constants(kind: Type, value: Constant, text: str) -> None:
    assert literal(kind, value) == text
