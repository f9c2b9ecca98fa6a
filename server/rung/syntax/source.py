"""The bytes of a file to text.

Invariant: any bytes give a text and never an exception; what is doubtful about the result is among the findings.
"""

from __future__ import annotations

from typing import Final

from rung.syntax.problem import Problem

_LARGEST: Final = 64 * 1024 * 1024


def decode(data: bytes) -> tuple[str, list[Problem]]:
    """Decode the bytes of a source file.

    UTF-8 with or without a byte order mark, UTF-16 with one, else Latin-1 with finding SYN033. What is no text at all gives an
    empty text and finding SYN032.
    """
    if len(data) > _LARGEST:
        return "", [
            _not_text(f"This file has {len(data) // (1024 * 1024)} MB, more than a program can have. It was not read.")
        ]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), []
        except UnicodeDecodeError:
            return "", [_not_text("This file begins like UTF-16 text but is none. Save it again as UTF-8.")]
    if b"\0" in data:
        return "", [_not_text("This is a binary file, not Structured Text. Nothing in it was read.")]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        text = data.decode("latin-1")
        return text, [
            Problem(
                "SYN033",
                error.start,
                error.start + 1,
                f"This file is not UTF-8: byte {data[error.start]:#04x} was read as the Latin-1 character "
                f"`{text[error.start]}`. Save the file as UTF-8, so that every tool reads the same characters.",
            )
        ]


def _not_text(message: str) -> Problem:
    return Problem("SYN032", 0, 0, message)
