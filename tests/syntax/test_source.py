"""Bytes to text."""

from __future__ import annotations

import pytest

from rung.syntax.source import decode


@pytest.mark.parametrize(
    "data", [b"", b"PROGRAM", "größe 😀".encode(), b"\xef\xbb\xbfPROGRAM", "größe".encode("utf-16")]
)
def test_unicode_is_read_without_a_word(data: bytes) -> None:
    text, problems = decode(data)
    assert text in ("", "PROGRAM", "größe 😀", "größe")
    assert problems == []


def test_latin_1_is_read_and_said() -> None:
    text, (problem,) = decode("(* Füllstand *)".encode("latin-1"))
    assert text == "(* Füllstand *)"
    assert (problem.code, text[problem.start : problem.end]) == ("SYN033", "ü")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x7fELF\0\0", "binary file"),
        (b"PROGRAM\0", "binary file"),
        (b"\xff\xfea", "UTF-16"),
        (b"\xff\xfe\x00\xd8", "UTF-16"),
    ],
)
def test_what_is_no_text_is_not_read(data: bytes, words: str) -> None:
    text, (problem,) = decode(data)
    assert (text, problem.code) == ("", "SYN032")
    assert words in problem.message


def test_a_file_beyond_all_measure_is_not_read() -> None:
    text, (problem,) = decode(b" " * (64 * 1024 * 1024 + 1))
    assert (text, problem.code) == ("", "SYN032")
