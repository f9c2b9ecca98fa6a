"""The value of every literal of IEC 61131-3 ed. 3, 6.3, and what is said about malformed ones."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.syntax.literals import days_since_1970, read_number, read_string, read_typed
from rung.syntax.parser import parse_unit
from rung.syntax.tree import Assign, EnumLiteral, Expr, Literal, LiteralKind, PouDecl

MS = 1_000_000
S = 1_000 * MS
DAY = 86_400 * S


def value_of(text: str) -> Expr:
    unit = parse_unit(f"PROGRAM Main\nx := {text};\nEND_PROGRAM")
    assert unit.problems == []
    (pou,) = unit.declarations
    assert isinstance(pou, PouDecl)
    (statement,) = pou.body
    assert isinstance(statement, Assign)
    return statement.value


@pytest.mark.parametrize(
    ("text", "kind", "prefix", "value"),
    [
        ("0", LiteralKind.INTEGER, None, 0),
        ("1_000", LiteralKind.INTEGER, None, 1000),
        ("2#1010_0101", LiteralKind.INTEGER, None, 0xA5),
        ("8#17", LiteralKind.INTEGER, None, 15),
        ("16#FFFF_ffff", LiteralKind.INTEGER, None, 0xFFFF_FFFF),
        ("INT#16#FF", LiteralKind.INTEGER, "INT", 255),
        ("lint#-1", LiteralKind.INTEGER, "LINT", -1),
        ("WORD#2#11", LiteralKind.INTEGER, "WORD", 3),
        ("1.5", LiteralKind.REAL, None, 1.5),
        ("1.5e-3", LiteralKind.REAL, None, 1.5e-3),
        ("1_0.5E+2", LiteralKind.REAL, None, 1050.0),
        ("1e3", LiteralKind.REAL, None, 1000.0),
        ("REAL#5", LiteralKind.REAL, "REAL", 5.0),
        ("LREAL#-1.5E2", LiteralKind.REAL, "LREAL", -150.0),
        ("TRUE", LiteralKind.BOOL, None, True),
        ("BOOL#1", LiteralKind.BOOL, "BOOL", True),
        ("BOOL#false", LiteralKind.BOOL, "BOOL", False),
        ("'a$'b$$$L$0A$N$R$T$P'", LiteralKind.STRING, None, "a'b$\n\n\n\r\t\f"),
        ("STRING#'x'", LiteralKind.STRING, "STRING", "x"),
        ('"wide $00E9"', LiteralKind.WSTRING, None, "wide é"),
        ('WSTRING#""', LiteralKind.WSTRING, "WSTRING", ""),
        ("T#14.7s", LiteralKind.TIME, "T", 14_700 * MS),
        ("T#1d2h3m4s5ms6us7ns", LiteralKind.TIME, "T", DAY + 2 * 3600 * S + 3 * 60 * S + 4 * S + 5 * MS + 6_007),
        ("T#1d_2h", LiteralKind.TIME, "T", DAY + 7200 * S),
        ("TIME#-5ms", LiteralKind.TIME, "TIME", -5 * MS),
        ("T#-1.5s", LiteralKind.TIME, "T", -1500 * MS),
        ("LTIME#1_000us", LiteralKind.TIME, "LTIME", MS),
        ("t#0.000000001s", LiteralKind.TIME, "T", 1),
        ("T#0", LiteralKind.TIME, "T", 0),
        ("T#25h", LiteralKind.TIME, "T", 25 * 3600 * S),
        ("D#1970-01-02", LiteralKind.DATE, "D", DAY),
        ("DATE#1969-12-31", LiteralKind.DATE, "DATE", -DAY),
        ("LD#2024-02-29", LiteralKind.DATE, "LD", 19_782 * DAY),
        ("TOD#12:30:15.5", LiteralKind.TIME_OF_DAY, "TOD", (12 * 3600 + 30 * 60 + 15) * S + 500 * MS),
        ("LTIME_OF_DAY#23:59:59.999999999", LiteralKind.TIME_OF_DAY, "LTIME_OF_DAY", DAY - 1),
        ("DT#1970-01-01-00:00:01", LiteralKind.DATE_AND_TIME, "DT", S),
        ("DATE_AND_TIME#2000-01-01-12:00:00.25", LiteralKind.DATE_AND_TIME, "DATE_AND_TIME", 946_728_000 * S + 250 * MS),
    ],
)  # fmt: skip
def test_values(text: str, kind: LiteralKind, prefix: str | None, value: object) -> None:
    literal = value_of(text)
    assert isinstance(literal, Literal)
    assert (literal.kind, literal.prefix, literal.value) == (kind, prefix, value)
    assert type(literal.value) is type(value)


def test_a_name_before_the_mark_makes_an_enumerator() -> None:
    literal = value_of("Colour#Red")
    assert isinstance(literal, EnumLiteral)
    assert (literal.type_name.key, literal.name.key) == ("COLOUR", "RED")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("3#1", "SYN015", "bases are 2, 8 and 16"),
        ("2#12", "SYN015", "`2` is no digit of base 2"),
        ("16#", "SYN015", "no digits"),
        ("1__0", "SYN015", "between two digits"),
        ("0b11", "SYN015", "Write `2#11`"),
        ("12abc", "SYN015", "cannot begin with a digit"),
        ("9" * 500, "SYN015", "500 digits"),
        ("1e999", "SYN015", "greatest LREAL"),
        ("INT#1.5", "SYN015", "INT takes a whole one"),
        ("BOOL#2", "SYN015", "no BOOL"),
        ("REAL#x1", "SYN015", "not a real number"),
        ("STRING#5", "SYN015", "in quotes"),
        ("T#5", "SYN016", "no unit"),
        ("T#5m10h", "SYN016", "cannot follow m"),
        ("T#5min", "SYN016", "no unit of time"),
        ("T#1.5h3m", "SYN016", "only the last part"),
        ("T#200000d", "SYN016", "longest"),
        ("T#9999999999999999999999999999999999d", "SYN016", "longest"),
        ("D#2026-13-01", "SYN017", "no month 13"),
        ("D#2026-02-29", "SYN017", "has no day 29"),
        ("D#1600-01-01", "SYN017", "1678 to 2261"),
        ("D#20261231", "SYN017", "does not begin with a date"),
        ("D#2026-01-01-12:00:00", "SYN017", "`DT#"),
        ("DT#2026-01-01", "SYN017", "no time of day"),
        ("TOD#24:00:00", "SYN017", "00:00:00 to 23:59:59"),
        ("TOD#12", "SYN017", "not a time of day"),
    ],
)
def test_malformed_literals(text: str, code: str, words: str) -> None:
    reading = read_typed(text) if text[0].isalpha() else read_number(text)
    assert reading.code == code
    assert words in reading.message


def test_a_wrong_character_code_is_shown_inside_the_string() -> None:
    reading = read_string("'ab$q'")
    assert (reading.code, reading.at, reading.length) == ("SYN018", 3, 2)


@given(st.integers(0, 10**6), st.integers(0, 999_999_999))
def test_fractions_of_a_second_are_exact(seconds: int, nanoseconds: int) -> None:
    reading = read_typed(f"T#{seconds}.{nanoseconds:09}s")
    assert reading.value == Fraction(seconds * S + nanoseconds)


@given(st.dates())
def test_days_agree_with_the_calendar(day: object) -> None:
    from datetime import date

    assert isinstance(day, date)
    assert days_since_1970(day.year, day.month, day.day) == (day - date(1970, 1, 1)).days


@given(st.text(max_size=20))
def test_any_text_in_quotes_is_read(text: str) -> None:
    for quote in "'\"":
        read_string(f"{quote}{text}{quote}")


@given(
    st.from_regex(r"[0-9][0-9A-Za-z_#.:+-]*", fullmatch=True),
    st.sampled_from(["INT", "BOOL", "REAL", "T", "D", "TOD", "DT", "STRING"]),
)
def test_anything_that_looks_like_a_literal_is_read(text: str, prefix: str) -> None:
    read_number(text)
    read_typed(f"{prefix}#{text}")
