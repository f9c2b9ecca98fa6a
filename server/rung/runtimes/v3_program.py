"""What is looked at before a text is sent to Runtime v3, because the machine would hang on it or say nothing of use."""

from __future__ import annotations

from rung.runtimes.errors import Kind, RuntimeFailure


def check_text(data: bytes) -> None:
    """Refuse a program that is not plain UTF-8 text.

    The machine would wait for ever for the compile of a text in another encoding, and takes the mark in front of one for a syntax
    error without a place (runtime protocol v3, sections 2.4 and 3.3).

    Raises:
        RuntimeFailure: `program`.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = "\ufeff"
    if text.startswith("\ufeff") or "\0" in text:
        raise RuntimeFailure(
            Kind.PROGRAM,
            "The program is not plain UTF-8 text, which OpenPLC Runtime v3 cannot compile. Nothing was sent; the machine is as it was.",
            "Build the program anew for the target openplc-v3.",
        )
