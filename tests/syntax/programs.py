"""Texts for the properties of the syntax layer: correct programs made at random, and soup made of the same words."""

from __future__ import annotations

from hypothesis import strategies as st

WORDS = [
    "IF",
    "THEN",
    "ELSIF",
    "ELSE",
    "END_IF",
    "CASE",
    "OF",
    "END_CASE",
    "FOR",
    "TO",
    "BY",
    "DO",
    "END_FOR",
    "WHILE",
    "END_WHILE",
    "REPEAT",
    "UNTIL",
    "END_REPEAT",
    "EXIT",
    "RETURN",
    "PROGRAM",
    "END_PROGRAM",
    "FUNCTION",
    "END_FUNCTION",
    "FUNCTION_BLOCK",
    "END_FUNCTION_BLOCK",
    "TYPE",
    "END_TYPE",
    "STRUCT",
    "END_STRUCT",
    "ARRAY",
    "CONFIGURATION",
    "END_CONFIGURATION",
    "RESOURCE",
    "END_RESOURCE",
    "TASK",
    "WITH",
    "ON",
    "VAR",
    "VAR_INPUT",
    "VAR_GLOBAL",
    "VAR_ACCESS",
    "VAR_CONFIG",
    "END_VAR",
    "AT",
    "CONSTANT",
    "RETAIN",
    "NOT",
    "AND",
    "OR",
    "XOR",
    "MOD",
    "TRUE",
    "a",
    "b",
    "Motor",
    "INT",
    "BOOL",
    "STRING",
    "REF_TO",
    "LD",
    "ST",
    "METHOD",
    "END",
    "JMP",
    "IFF",
    "INITIAL_STEP",
    "STEP",
    ":=",
    "=>",
    ";",
    ":",
    ",",
    ".",
    "..",
    "(",
    ")",
    "[",
    "]",
    "^",
    "+",
    "-",
    "*",
    "/",
    "**",
    "=",
    "<>",
    "<",
    ">",
    "<=",
    ">=",
    "&",
    "==",
    "!=",
    "&&",
    "||",
    "%",
    "!",
    "{",
    "}",
    "{{",
    "}}",
    "(*",
    "*)",
    "//",
    "/*",
    "*/",
    "'",
    '"',
    "$",
    "#",
    "@",
    "1",
    "2",
    "1.5",
    "16#FF",
    "T#5s",
    "T#",
    "INT#5",
    "Colour#Red",
    "%IX0.0",
    "%X3",
    "'text'",
    '"wide"',
    "(*DBG:",
    "(*FILE:",
    "é",
    "😀",
]

soup = st.lists(st.sampled_from([*WORDS, "\n", "\r\n", "\r", "\t", " "]), max_size=60).map(" ".join)
dense_soup = st.lists(st.sampled_from([*WORDS, "\n"]), max_size=60).map("".join)
anything = st.one_of(soup, dense_soup, st.text(max_size=80))

names = st.sampled_from(["a", "Motor", "en", "on", "step", "len", "_x1", "at", "task"])
values = st.sampled_from(
    ["1", "16#F_F", "TRUE", "1.5e-3", "T#1d2h3m4s5ms", "'it$'s'", '"w"', "Colour#Red", "%IX0.0", "INT#-5", "a", "en"]
)
binaries = st.sampled_from(["+", "-", "*", "/", "MOD", "**", "=", "<>", "<", ">", "<=", ">=", "AND", "&", "OR", "XOR"])


def _larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, binaries, inner).map(" ".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"NOT {text}"),
        inner.map(lambda text: f"-({text})"),
        st.tuples(names, inner, inner).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"),
        st.tuples(names, inner).map(lambda parts: f"{parts[0]}[{parts[1]}].m.3"),
    )


expressions = st.recursive(st.one_of(values, names), _larger, max_leaves=8)


def _blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("\n".join)
    return st.one_of(
        st.tuples(expressions, body, expressions, body, body).map(
            lambda p: f"IF {p[0]} THEN\n{p[1]}\nELSIF {p[2]} THEN\n{p[3]}\nELSE\n{p[4]}\nEND_IF;"
        ),
        st.tuples(expressions, body, body).map(
            lambda p: f"CASE {p[0]} OF\n1, 3..5:\n{p[1]}\nColour#Red:\n;\nELSE\n{p[2]}\nEND_CASE;"
        ),
        st.tuples(names, expressions, expressions, body).map(
            lambda p: f"FOR {p[0]} := {p[1]} TO {p[2]} BY 2 DO\n{p[3]}\nEND_FOR;"
        ),
        st.tuples(expressions, body).map(lambda p: f"WHILE {p[0]} DO\n{p[1]}\nEND_WHILE;"),
        st.tuples(body, expressions).map(lambda p: f"REPEAT\n{p[0]}\nUNTIL {p[1]} END_REPEAT;"),
    )


statements = st.recursive(
    st.one_of(
        st.tuples(names, expressions).map(lambda p: f"{p[0]} := {p[1]};"),
        st.tuples(names, expressions).map(lambda p: f"{p[0]}(IN := {p[1]}, NOT Q => b);"),
        st.sampled_from(["EXIT;", "RETURN;", "CONTINUE;", ";", "(* note; *)", "// END_IF", "{attribute 'x'}"]),
    ),
    _blocks,
    max_leaves=6,
)

_declarations = st.sampled_from(
    [
        "a : INT;", "b, c : ARRAY[1..3, 0..2] OF REAL := [1, 2(0), 3(1, 2)];", "d AT %QX0.0 : BOOL := TRUE;", "e : BOOL AT %IX0.1;",
        "f : INT (0..100) := 5;", "g : (Red, Green := 5) := Red;", "h : STRING[20] := 'x';", "i : Point := (x := 1, y := (z := 2));",
        "j : REF_TO INT;", "k : BOOL R_EDGE;", "t1 : TON := (PT := T#5s);",
    ]
)  # fmt: skip
_sections = st.tuples(
    st.sampled_from(["VAR", "VAR_INPUT", "VAR_OUTPUT RETAIN", "VAR CONSTANT", "VAR_TEMP"]),
    st.lists(_declarations, max_size=3),
).map(lambda p: "\n".join([p[0], *p[1], "END_VAR"]))


@st.composite
def pous(draw: st.DrawFn) -> str:
    keyword = draw(st.sampled_from(["PROGRAM", "FUNCTION_BLOCK", "FUNCTION"]))
    head = f"{keyword} {draw(names)}" + (" : INT" if keyword == "FUNCTION" else "")
    parts = [*draw(st.lists(_sections, max_size=2)), *draw(st.lists(statements, max_size=3))]
    return "\n".join([head, *parts, f"END_{keyword}"])


_others = st.sampled_from(
    [
        "TYPE Point : STRUCT\n x : INT;\n y : REAL := 1.5;\nEND_STRUCT;\nColour : (Red, Green) := Green;\nEND_TYPE",
        "VAR_GLOBAL CONSTANT\n limit : INT := 5;\nEND_VAR",
        "CONFIGURATION Config0\nVAR_GLOBAL x : INT; END_VAR\nRESOURCE Res0 ON PLC\nTASK t(INTERVAL := T#20ms, PRIORITY := 0);\n"
        "PROGRAM p WITH t : Main(a := x, b => y);\nEND_RESOURCE\nEND_CONFIGURATION",
        "(*DBG: it's (* one *) comment *)",
    ]
)
units = st.one_of(pous(), pous(), _others)
files = st.lists(units, max_size=4).map("\n\n".join)
