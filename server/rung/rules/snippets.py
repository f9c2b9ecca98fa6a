"""The frames around the examples on the rules' pages."""

from __future__ import annotations

from textwrap import indent


def program(variables: str, body: str) -> str:
    """Return a PROGRAM with these declarations and statements."""
    return f"PROGRAM Main\nVAR\n{indent(variables, '    ')}\nEND_VAR\n{indent(body, '    ')}\nEND_PROGRAM\n"


def block(variables: str, body: str) -> str:
    """Return a FUNCTION_BLOCK with these declarations, VAR keywords included, and statements."""
    return f"FUNCTION_BLOCK Motor\n{variables}\n{indent(body, '    ')}\nEND_FUNCTION_BLOCK\n"


def function(variables: str, body: str, result: str = "INT") -> str:
    """Return a FUNCTION named Sum with these inputs and statements."""
    return f"FUNCTION Sum : {result}\nVAR_INPUT\n{indent(variables, '    ')}\nEND_VAR\n{indent(body, '    ')}\nEND_FUNCTION\n"
