"""Tokens, comments and pragmas."""

from __future__ import annotations

import pytest

from rung.syntax.lexer import lex


def words(text: str) -> list[str]:
    return [word for word in lex(text).texts if word]


def trivia(text: str) -> list[str]:
    return [text[start:end] for _, start, end in lex(text).trivia]


@pytest.mark.parametrize(
    ("text", "comments", "rest"),
    [
        ("a (* b *) c", ["(* b *)"], ["a", "c"]),
        ("a // b (* c\nd", ["// b (* c"], ["a", "d"]),
        ("a /* b (* */ c", ["/* b (* */"], ["a", "c"]),
        ("(* a (* b *) c *) d", ["(* a (* b *) c *)"], ["d"]),
        ("(* a (* b (* c *) *) d *) e (* f *)", ["(* a (* b (* c *) *) d *)", "(* f *)"], ["e"]),
        ("(* a (* b *) x (* c *)", ["(* a (* b *)", "(* c *)"], ["x"]),
        ("(* a (* b *) don't *) x", ["(* a (* b *) don't *)"], ["x"]),
        ("(* a (* b *) x {{ (char *)p }} y", ["(* a (* b *)", "{{ (char *)p }}"], ["x", "y"]),
        ("(***) x (*)*) y", ["(***)", "(*)*)"], ["x", "y"]),
        ("(*DBG: it's *) (* \" *)\nx", ["(*DBG: it's *) (* \" *)"], ["x"]),
        ("x (*DBG: a *) b *)", ["(*DBG: a *)"], ["x", "b", "*", ")"]),
        ("(* a (* b *) x\n(*FILE: *) *) *)\ny", ["(* a (* b *)", "(*FILE: *) *) *)"], ["x", "y"]),
        ("'(* a *)' (* ' *) b", ["(* ' *)"], ["'(* a *)'", "b"]),
        ("{attribute 'x'} a {{ if (x) { y; } }} b", ["{attribute 'x'}", "{{ if (x) { y; } }}"], ["a", "b"]),
        ("{ f(); { g(); } } a", ["{ f(); { g(); } }"], ["a"]),
        ("(* a (* b *) STRING#'x' (* (* *) *) c", ["(* a (* b *)", "(* (* *) *)"], ["STRING#'x'", "c"]),
    ],
)
def test_where_comments_and_pragmas_end(text: str, comments: list[str], rest: list[str]) -> None:
    assert trivia(text) == comments
    assert words(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "a . b .. 1 .. 5 ** c <> d <= e >= f => g := h",
        "T#1d2h3m4s5ms DT#2020-01-01-12:00:00.5 - t INT#5 - 3 T#-5ms REAL#1.5E-3 16#FF .. 20 1.5 .. 2",
        "%IX0.0 %QW3 %I* w . %X3 a . 3 E#A STRING#'a$'b' WSTRING#\"x\"",
        "größe := Füllstand + 1 ;",
        "a && b || ! c != d == e += 1 % f",
    ],
)
def test_tokens_need_no_blanks_between_them(text: str) -> None:
    tight = "".join(
        word if not (word[-1].isalnum() and following[:1].isalnum()) else word + " " for word, following in _pairs(text)
    )
    assert words(text) == text.split(" ")
    assert words(tight) == text.split(" ")


def _pairs(text: str) -> list[tuple[str, str]]:
    parts = text.split(" ")
    return list(zip(parts, [*parts[1:], ""], strict=True))


def test_an_unclosed_comment_is_said_once_and_takes_the_rest() -> None:
    tokens = lex("a (* b\nc")
    assert [problem.code for problem in tokens.problems] == ["SYN013"]
    assert tokens.unclosed == 2


@pytest.mark.parametrize(
    "text",
    ["(*" * 50_000, "(*(**)" * 20_000, "{" * 100_000, "{{ } " * 20_000, "'" * 50_001, "*)" * 50_000, "(*DBG:" * 20_000],
)
def test_openers_without_end_cost_no_more_than_their_length(text: str) -> None:
    lex(text)  # a quadratic search would take minutes


def test_names_seen_once_are_not_kept_for_ever() -> None:
    from rung.syntax import lexer

    for number in range(120):
        lex(" ".join(f"name_{number}_{index}" for index in range(1000)))
    assert len(lexer._KNOWN) <= 101_000
    assert words("a := IF;") == ["a", ":=", "IF", ";"]
