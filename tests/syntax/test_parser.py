"""The trees of correct programs."""

from __future__ import annotations

import pytest

from rung.syntax.parser import parse_file, parse_unit
from rung.syntax.tree import (
    Argument,
    ArrayInitial,
    ArraySpec,
    Assign,
    Binary,
    BitAccess,
    Call,
    Case,
    ConfigurationDecl,
    Continue,
    Dereference,
    DirectAddress,
    EnumLiteral,
    EnumSpec,
    Expr,
    ExprStatement,
    For,
    Index,
    LabelRange,
    Literal,
    Member,
    NamedType,
    NameExpr,
    PouDecl,
    ReferenceSpec,
    Repetition,
    Statement,
    StringSpec,
    StructInitial,
    StructSpec,
    SubrangeSpec,
    TypeBlock,
    TypeSpec,
    Unary,
    VariableDecl,
    VarSection,
)


def only(text: str) -> PouDecl:
    unit = parse_unit(text)
    assert unit.problems == []
    (declared,) = unit.declarations
    assert isinstance(declared, PouDecl)
    return declared


def statements(body: str) -> list[Statement]:
    return only(f"PROGRAM Main\n{body}\nEND_PROGRAM").body


def show(node: Expr | None) -> str:
    """An expression with every operation in parentheses."""
    match node:
        case None:
            return ""
        case NameExpr():
            return node.text
        case Literal():
            return str(node.value)
        case EnumLiteral():
            return f"{node.type_name.text}#{node.name.text}"
        case DirectAddress():
            return node.text
        case Unary():
            return f"({node.op} {show(node.operand)})"
        case Binary():
            return f"({show(node.left)} {node.op} {show(node.right)})"
        case Member():
            return f"{show(node.base)}.{node.name.text}"
        case BitAccess():
            return f"{show(node.base)}.%{node.size}{node.index}"
        case Index():
            return f"{show(node.base)}[{', '.join(map(show, node.indices))}]"
        case Dereference():
            return f"{show(node.base)}^"
        case Call():
            return f"{show(node.callee)}({', '.join(map(show_argument, node.arguments))})"
        case ArrayInitial():
            return f"[{', '.join(map(show, node.values))}]"
        case Repetition():
            return f"{show(node.count)}x({', '.join(map(show, node.values))})"
        case StructInitial():
            return "{" + ", ".join(f"{item.name.text}={show(item.value)}" for item in node.fields) + "}"
        case _:
            raise AssertionError(node)


def show_argument(item: Argument) -> str:
    if item.name is None:
        return show(item.value)
    return (
        f"{'NOT ' if item.negated else ''}{item.name.text} {'=>' if item.output else ':='} {show(item.value)}".rstrip()
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a OR b XOR c AND d = e < f + g * h ** i", "(a OR (b XOR (c AND (d = (e < (f + (g * (h ** i))))))))"),
        ("a ** b ** c", "((a ** b) ** c)"),
        ("-a ** 2.0", "((- a) ** 2.0)"),
        ("NOT a AND b", "((NOT a) AND b)"),
        ("1 < 2 = TRUE", "((1 < 2) = True)"),
        ("a - b - c", "((a - b) - c)"),
        ("a & b", "(a AND b)"),
        ("a--b", "(a - (- b))"),
        ("(a + b) * c MOD d", "(((a + b) * c) MOD d)"),
        ("a.b[1, i + 1].c^.d", "a.b[1, (i + 1)].c^.d"),
        ("w.3 OR w.%X4 OR w.%B1 = 5", "((w.%X3 OR w.%X4) OR (w.%B1 = 5))"),
        ("%IX0.0 AND Colour#Red = c", "(%IX0.0 AND (Colour#Red = c))"),
        ("f(1, 2)", "f(1, 2)"),
        ("f(EN := a, IN := , ENO => ok, NOT Q => x, y =>)", "f(EN := a, IN :=, ENO => ok, NOT Q => x, y =>)"),
        ("AND(a, b) + OR(IN1 := c, IN2 := d)", "(AND(a, b) + OR(IN1 := c, IN2 := d))"),
        ("NOT(IN := a)", "NOT(IN := a)"),
        ("NOT(a)", "(NOT a)"),
        ("blocks[i](IN := a).Q", "blocks[i](IN := a).Q"),
        ("(a)", "a"),
        ("((a)).b", "a.b"),
        ("T#5s-T#1s", "(5000000000 - 1000000000)"),
        ("INT#5-3", "(5 - 3)"),
    ],
)
def test_expressions(text: str, shown: str) -> None:
    (statement,) = statements(f"x := {text};")
    assert isinstance(statement, Assign)
    assert show(statement.value) == shown


def test_words_that_are_no_keywords_name_variables() -> None:
    words = "en on sel len r s step action task at with single interval priority continue read_only null set"
    pou = only(
        "PROGRAM Main\nVAR\n"
        + "".join(f"{word} : INT;\n" for word in words.split())
        + "END_VAR\n"
        + "".join(f"{word} := {word} + 1;\n" for word in words.split())
        + "continue;\nEND_PROGRAM"
    )
    assert [name.text for item in pou.sections[0].declarations for name in item.names] == words.split()
    assert [type(item) for item in pou.body] == [Assign] * len(words.split()) + [Continue]


def test_a_chain_of_assignments_runs_from_right_to_left() -> None:
    found = statements("a := b := c := 1;")
    assert [(show(item.target), show(item.value)) for item in found if isinstance(item, Assign)] == [
        ("c", "1"), ("b", "c"), ("a", "b"),
    ]  # fmt: skip


def test_case_labels() -> None:
    (case,) = statements("CASE x OF 1: a := 1; -2, 3..5, E#A, B: ; c.d: b(); T#1s: ; ELSE ; END_CASE;")
    assert isinstance(case, Case)
    labels = [
        [
            f"{show(label.low)}..{show(label.high)}" if isinstance(label, LabelRange) else show(label)
            for label in branch.labels
        ]
        for branch in case.branches
    ]
    assert labels == [["1"], ["(- 2)", "3..5", "E#A", "B"], ["c.d"], ["1000000000"]]
    assert case.otherwise is not None


def test_for_with_and_without_step() -> None:
    one, other = statements("FOR i := 10 TO 0 BY -2 DO ; END_FOR; FOR a.b := 0 TO n DO END_FOR;")
    assert isinstance(one, For)
    assert isinstance(other, For)
    assert (show(one.first), show(one.last), show(one.step)) == ("10", "0", "(- 2)")
    assert (show(other.variable), other.step) == ("a.b", None)


def test_a_comparison_as_statement_is_kept_for_a_rule() -> None:
    (statement,) = statements("a = 5;")
    assert isinstance(statement, ExprStatement)
    assert show(statement.expr) == "(a = 5)"


def test_what_a_semicolon_may_follow() -> None:
    text = "PROGRAM Main;\nVAR a : INT; END_VAR;\nREPEAT ;; UNTIL a > 1; END_REPEAT;\nEND_PROGRAM;"
    assert parse_unit(text).problems == []


# ---------------------------------------------------------------------------------------------------------- declarations


def declared(text: str, keyword: str = "VAR") -> VariableDecl:
    unit = parse_unit(f"PROGRAM Main\n{keyword}\n{text}\nEND_VAR\nEND_PROGRAM")
    assert unit.problems == []
    (pou,) = unit.declarations
    assert isinstance(pou, PouDecl)
    (item,) = pou.sections[0].declarations
    return item


def show_type(spec: TypeSpec) -> str:
    match spec:
        case NamedType():
            return spec.name.text
        case StringSpec():
            return f"{'W' if spec.wide else ''}STRING<{show(spec.length)}>"
        case SubrangeSpec():
            return f"{spec.base.text}({show(spec.low)}..{show(spec.high)})"
        case EnumSpec():
            values = ", ".join(item.name.text + (f"={show(item.value)}" if item.value else "") for item in spec.values)
            return f"{spec.base.text if spec.base else ''}({values})"
        case ArraySpec():
            bounds = ", ".join(f"{show(item.low)}..{show(item.high)}" if item.low else "*" for item in spec.dimensions)
            return f"ARRAY[{bounds}] OF {show_type(spec.element)}"
        case ReferenceSpec():
            return f"{spec.keyword} {show_type(spec.target)}"
        case StructSpec():
            return "STRUCT " + " ".join(f"{item.names[0].text}:{show_type(item.type)}" for item in spec.fields)
        case _:
            raise AssertionError(spec)


@pytest.mark.parametrize(
    ("text", "kind", "initial"),
    [
        ("x : INT;", "INT", ""),
        ("x : INT := 5 + 3;", "INT", "(5 + 3)"),
        ("x : INT (0..100) := 5;", "INT(0..100)", "5"),
        ("x : INT (-LIMIT1..MAX1);", "INT((- LIMIT1)..MAX1)", ""),
        ("x : (Red, Green := 5) := Green;", "(Red, Green=5)", "Green"),
        ("x : INT (A := 1, B);", "INT(A=1, B)", ""),
        ("x : (A, B) INT;", "INT(A, B)", ""),
        ("x : STRING[20] := 'a';", "STRING<20>", "a"),
        ("x : WSTRING(n + 1);", "WSTRING<(n + 1)>", ""),
        ("x : STRING;", "STRING<>", ""),
        ("x : ARRAY[0..n, -1..1] OF ARRAY[1..2] OF TON;", "ARRAY[0..n, (- 1)..1] OF ARRAY[1..2] OF TON", ""),
        ("x : ARRAY[1..6] OF INT := [1, 2(7), 3(1, 2)];", "ARRAY[1..6] OF INT", "[1, 2x(7), 3x(1, 2)]"),
        ("x : ARRAY[1..2] OF P := [(a := 1), 1((a := 2, b := [3]))];", "ARRAY[1..2] OF P", "[{a=1}, 1x({a=2, b=[3]})]"),
        ("x : REF_TO INT := REF(y);", "REF_TO INT", "REF(y)"),
        ("x : POINTER TO ARRAY[*] OF REAL;", "POINTER ARRAY[*] OF REAL", ""),
        ("x : Point := (x := 1, y := (z := 2));", "Point", "{x=1, y={z=2}}"),
        ("x : INT := (1 + 2) * 3;", "INT", "((1 + 2) * 3)"),
        ("x : STRUCT a : INT; b : REAL; END_STRUCT;", "STRUCT a:INT b:REAL", ""),
    ],
)
def test_types_and_initial_values(text: str, kind: str, initial: str) -> None:
    item = declared(text)
    assert show_type(item.type) == kind
    assert show(item.initial) == initial


@pytest.mark.parametrize(
    "text", ["x AT %qx0.1 : BOOL := TRUE;", "x : BOOL AT %QX0.1 := TRUE;", "x AT %QX0.1:BOOL:=TRUE;"]
)
def test_both_places_of_an_address(text: str) -> None:
    item = declared(text)
    assert item.address is not None
    assert (item.address.text, show(item.initial), [name.text for name in item.names]) == ("%QX0.1", "True", ["x"])


def test_an_address_without_a_name_and_one_to_be_given_later() -> None:
    nameless = declared("AT %IW3 : INT;")
    assert (nameless.names, nameless.address and nameless.address.text) == ([], "%IW3")
    later = declared("x AT %I* : BOOL;")
    assert later.address is not None
    assert later.address.text == "%I*"


def test_edges_and_lists_of_names() -> None:
    item = declared("a, b, C : BOOL R_EDGE;", "VAR_INPUT")
    assert ([name.key for name in item.names], item.edge) == (["A", "B", "C"], "R")


@pytest.mark.parametrize(
    ("keyword", "qualifiers"),
    [
        ("VAR CONSTANT", {"CONSTANT"}),
        ("VAR_OUTPUT RETAIN", {"RETAIN"}),
        ("VAR NON_RETAIN PUBLIC", {"NON_RETAIN", "PUBLIC"}),
        ("VAR PERSISTENT RETAIN", {"PERSISTENT", "RETAIN"}),
        ("var_external constant", {"CONSTANT"}),
    ],
)
def test_qualifiers(keyword: str, qualifiers: set[str]) -> None:
    (section,) = only(f"FUNCTION_BLOCK F\n{keyword}\nretain : INT;\nEND_VAR\nEND_FUNCTION_BLOCK").sections
    assert section.qualifiers == qualifiers
    assert section.kind.value == keyword.split()[0].upper()


def test_a_function_with_and_without_result() -> None:
    result = only("FUNCTION F : ARRAY[1..2] OF INT\nEND_FUNCTION").result
    assert result is not None
    assert show_type(result) == "ARRAY[1..2] OF INT"
    assert only("FUNCTION F\nVAR_INPUT a : INT; END_VAR\nEND_FUNCTION").result is None


def test_the_header_of_a_pou_ends_where_its_declarations_end() -> None:
    text = "PROGRAM Main\nVAR a : INT; END_VAR\nVAR_INPUT b : INT; END_VAR\n    a := b;\nEND_PROGRAM\n"
    assert text[: only(text).header_end].endswith("b : INT; END_VAR")


def test_type_blocks() -> None:
    unit = parse_unit(
        "TYPE\n A : INT := 5;\n B : (X, Y) := Y;\n C : INT (1..3) := 2;\n D : STRUCT p AT %B0 : INT := 1; q : A; END_STRUCT := (p := 2);\n"
        " E : ARRAY[1..2] OF D;\n F STRUCT a : INT; END_STRUCT\nEND_TYPE"
    )
    assert [problem.code for problem in unit.problems] == ["SYN019"]
    (block,) = unit.declarations
    assert isinstance(block, TypeBlock)
    assert [(item.name.text, show(item.initial)) for item in block.declarations] == [
        ("A", "5"), ("B", "Y"), ("C", "2"), ("D", "{p=2}"), ("E", ""), ("F", ""),
    ]  # fmt: skip


def test_a_configuration() -> None:
    unit = parse_unit(
        """CONFIGURATION Config0
            VAR_GLOBAL a : INT; END_VAR
            TASK early(PRIORITY := 1, INTERVAL := T#10ms);
            PROGRAM direct WITH early : Main;
            RESOURCE Res0 ON PLC
                VAR_GLOBAL CONSTANT b : INT := 1; END_VAR
                TASK late(SINGLE := start, PRIORITY := 2);
                PROGRAM RETAIN p1 WITH late : Main (x := a, y => b, z := 5);
                PROGRAM p2 : Main;
            END_RESOURCE
            VAR_CONFIG Res0.p1.lamp AT %QX0.0 : BOOL; Res0.p1.fb.n : INT := 5; END_VAR
            VAR_ACCESS out : Res0.p1.lamp : BOOL READ_ONLY; END_VAR
        END_CONFIGURATION"""
    )
    assert unit.problems == []
    (configuration,) = unit.declarations
    assert isinstance(configuration, ConfigurationDecl)
    direct, resource = configuration.resources
    assert direct.name is None
    assert [task.name.text for task in direct.tasks] == ["early"]
    assert [item.name.key for item in direct.tasks[0].properties] == ["PRIORITY", "INTERVAL"]
    assert resource.name is not None
    assert resource.name.text == "Res0"
    first, second = resource.programs
    assert ([show_argument(item) for item in first.connections], first.task and first.task.text) == (
        ["x := a", "y => b", "z := 5"],
        "late",
    )
    assert (second.task, second.type_name.text) == (None, "Main")
    config, access = configuration.sections[1:]
    assert [[part.text for part in item.path] for item in config.declarations] == [
        ["Res0", "p1", "lamp"],
        ["Res0", "p1", "fb", "n"],
    ]
    assert config.declarations[0].address is not None
    assert [(item.names[0].text, len(item.path)) for item in access.declarations] == [("out", 3)]


def test_programs_as_editors_write_them() -> None:
    text = """\ufeffTYPE
  LOGLEVEL : (CRITICAL, WARNING, INFO, DEBUG) := INFO;
END_TYPE\r
FUNCTION_BLOCK LOGGER
  VAR_INPUT TRIG : BOOL; LEVEL : LOGLEVEL := INFO; END_VAR
  IF TRIG AND LEVEL = LOGLEVEL#INFO THEN
    (* a note (* that was never closed *)
    TRIG := FALSE;
  END_IF;
END_FUNCTION_BLOCK
CONFIGURATION Config0
  RESOURCE Res0 ON PLC
    TASK task0(INTERVAL := T#20ms,PRIORITY := 0);
    PROGRAM instance0 WITH task0 : LOGGER;
  END_RESOURCE
END_CONFIGURATION
(*DBG:char *name[] = { "it's", "(*" }; /* *) */*)
(*FILE:don't*)
"""
    units = [unit for _, unit in parse_file(text)]
    assert [problem for unit in units for problem in unit.problems] == []
    assert [len(unit.declarations) for unit in units] == [1, 1, 1, 0]


# ---------------------------------------------------------------------------------------------------------------- limits


def deep(body: str) -> list[str]:
    return [problem.code for problem in parse_unit(f"PROGRAM Main\n{body}\nEND_PROGRAM").problems]


@pytest.mark.parametrize(
    "body",
    [
        "x := " + "(" * 10_000 + "1" + ")" * 10_000 + ";",
        "x := " + "f(" * 10_000 + "1" + ")" * 10_000 + ";",
        "x := " + "NOT " * 10_000 + "a;",
        "x := a" + " + a" * 10_000 + ";",
        "x" + ".a" * 10_000 + " := 1;",
        "x" + "[1]" * 10_000 + " := 1;",
    ],
    ids=["parentheses", "calls", "NOT", "sum", "members", "indices"],
)
def test_nesting_without_end_gives_one_error(body: str) -> None:
    assert deep(body + "\ny := 1;") == ["SYN026"]


def test_what_a_person_writes_is_not_too_deep() -> None:
    blocks = "IF a THEN\n" * 40 + "b := 1;\n" + "END_IF;\n" * 40
    terms = "x := " + " OR ".join(f"a{number}" for number in range(200)) + ";\n"
    brackets = "x := " + "(" * 30 + "a" + ")" * 30 + ";\n"
    assert deep(blocks + terms + brackets) == []


def test_blocks_without_end_are_no_cascade() -> None:
    assert deep("IF a THEN\n" * 5_000) == ["SYN003", "SYN026"]


def test_a_statement_of_180_kilobytes() -> None:
    (statement,) = statements("f(" + "1, " * 60_000 + "1);")
    assert isinstance(statement, ExprStatement)
    assert isinstance(statement.expr, Call)
    assert len(statement.expr.arguments) == 60_001


def test_globals_stand_outside_of_a_pou() -> None:
    unit = parse_unit("VAR_GLOBAL RETAIN\n a AT %MW0 : INT;\nEND_VAR\n")
    (section,) = unit.declarations
    assert isinstance(section, VarSection)
    assert unit.problems == []
