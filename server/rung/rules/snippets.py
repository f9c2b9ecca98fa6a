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


def configured(body: str, variables: str = "", resource: str = "") -> str:
    """Return a PROGRAM with this text inside, and a CONFIGURATION with these declarations that runs it, or with this RESOURCE."""
    inside = resource or "TASK fast(INTERVAL := T#20ms, PRIORITY := 1);\nPROGRAM instance0 WITH fast : Main;"
    return (
        f"PROGRAM Main\n{body}\nEND_PROGRAM\n\nCONFIGURATION Config0\n{variables}\nRESOURCE Res0 ON PLC\n{inside}\n"
        "END_RESOURCE\nEND_CONFIGURATION\n"
    )
