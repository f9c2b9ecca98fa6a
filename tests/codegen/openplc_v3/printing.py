"""Prints small programs for OpenPLC Runtime v3, so that a test can look at the lines that a construct became."""

from __future__ import annotations

from textwrap import dedent

from codegen.probes import checked
from rung.codegen.openplc_v3.printed import Printed
from rung.codegen.openplc_v3.program import print_program


def printed(text: str) -> Printed:
    """Return the print of a program that has no errors."""
    return print_program(*checked(dedent(text)))


def body(variables: str, statements: str, around: str = "") -> list[str]:
    """Return the statements that those of a program `Main` became, without indentation."""
    text = printed(f"{around}\nPROGRAM Main\nVAR {variables} END_VAR\n{statements}\nEND_PROGRAM\n").text
    program = text[text.index("PROGRAM Main") : text.index("END_PROGRAM")]
    return [line.strip() for line in program[program.rindex("END_VAR") :].splitlines()[1:]]
