"""The outline of a file."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rung.ide.symbols import SymbolNode, document_symbols
from rung.project.snapshot import make_file

WHOLE = """TYPE
    Phase : (Idle, Done);
    Report : STRUCT
        Level : REAL;
    END_STRUCT;
    Percent : INT (0..100);
END_TYPE
VAR_GLOBAL CONSTANT
    Limit : INT := 5;
END_VAR
FUNCTION Twice : INT
    VAR_INPUT X : INT; END_VAR
END_FUNCTION
PROGRAM Main
    VAR
        a, b AT %QX0.0 : BOOL;
    END_VAR
END_PROGRAM
CONFIGURATION Plant
    RESOURCE One ON PLC
        TASK Fast(INTERVAL := T#20ms, PRIORITY := 1);
        PROGRAM Cell WITH Fast : Main;
    END_RESOURCE
END_CONFIGURATION
"""


def outline(text: str) -> list[str]:
    """One line for each symbol, indented as deep as it lies."""
    file = make_file(Path("/x.st"), text, None)

    def rows(nodes: list[SymbolNode], depth: int) -> list[str]:
        found = []
        for node in nodes:
            assert text[node.name_start : node.name_end].upper() == node.name.upper()
            assert 0 <= node.start <= node.name_start <= node.name_end <= node.end <= len(text)
            found.append(f"{'  ' * depth}{node.kind} {node.name}")
            found += rows(node.children, depth + 1)
        return found

    return rows(document_symbols(file), 0)


def test_everything_that_is_declared_is_in_the_outline() -> None:
    assert outline(WHOLE) == [
        "enumeration Phase", "  enumerator Idle", "  enumerator Done", "type Report", "  field Level", "type Percent", "constant Limit",
        "function Twice", "  variable X", "program Main", "  variable a", "  variable b", "configuration Plant", "  resource One",
        "    task Fast", "    program Cell",
    ]  # fmt: skip


def test_a_broken_file_shows_what_can_be_read() -> None:
    broken = (
        "PROGRAM One\nVAR\n  a : INT;\n  b : ;\nEND_VAR\nIF a THEN\nFUNCTION_BLOCK Two\nVAR_INPUT c : BOOL; END_VAR\n"
    )
    shown = outline(broken)
    assert "program One" in shown
    assert "  variable a" in shown
    assert "block Two" in shown
    assert "  variable c" in shown


@given(st.integers(0, len(WHOLE)), st.integers(0, 60))
def test_whatever_is_missing_the_outline_stays_well_formed(at: int, length: int) -> None:
    outline(WHOLE[:at] + WHOLE[at + length :])
