"""The standard function blocks (ed. 3 tables 43 to 46, ed. 2 annex E) as the checker sees them.

Invariant: variables stand in the order in which `codegen/support/rung_blocks.hpp` declares the members: inputs, outputs, hidden
state. All of them start at their type's zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from rung.semantics.model import Pou, Variable
from rung.semantics.types import (
    BOOL,
    DATE_AND_TIME,
    DINT,
    INT,
    LINT,
    LTIME,
    REAL,
    TIME,
    UDINT,
    ULINT,
    Block,
    Elementary,
    Type,
)
from rung.syntax.tree import PouKind, SectionKind

_Row = Sequence[tuple[str, Type]]


def _block(name: str, inputs: _Row, outputs: _Row, hidden: _Row = ()) -> Pou:
    variables: dict[str, Variable] = {}
    for section, rows in (
        (SectionKind.VAR_INPUT, inputs),
        (SectionKind.VAR_OUTPUT, outputs),
        (SectionKind.VAR, hidden),
    ):
        for key, kind in rows:
            variables[key] = Variable(key, key, kind, section)
    return Pou(PouKind.FUNCTION_BLOCK, name, name, variables)


def _counters(suffix: str, value: Elementary) -> list[Pou]:
    """Table 45. The hidden state holds the count inputs of the call before, for their edges."""
    return [
        _block(f"CTU{suffix}", [("CU", BOOL), ("R", BOOL), ("PV", value)], [("Q", BOOL), ("CV", value)], [("M", BOOL)]),
        _block(
            f"CTD{suffix}", [("CD", BOOL), ("LD", BOOL), ("PV", value)], [("Q", BOOL), ("CV", value)], [("M", BOOL)]
        ),
        _block(
            f"CTUD{suffix}",
            [("CU", BOOL), ("CD", BOOL), ("R", BOOL), ("LD", BOOL), ("PV", value)],
            [("QU", BOOL), ("QD", BOOL), ("CV", value)],
            [("MU", BOOL), ("MD", BOOL)],
        ),
    ]


def _timers(suffix: str, time: Elementary) -> list[Pou]:
    """Table 46. The hidden state: IN at the call before, and when the timing began."""
    inputs: _Row = [("IN", BOOL), ("PT", time)]
    outputs: _Row = [("Q", BOOL), ("ET", time)]
    hidden: _Row = [("M", BOOL), ("START", time)]
    return [_block(f"{name}{suffix}", inputs, outputs, hidden) for name in ("TP", "TON", "TOF")]


def _process_control() -> list[Pou]:
    """Ed. 2 annex E, which OpenPLC ships as its additional function blocks."""
    integral = _block(
        "INTEGRAL",
        [("RUN", BOOL), ("R1", BOOL), ("XIN", REAL), ("X0", REAL), ("CYCLE", TIME)],
        [("Q", BOOL), ("XOUT", REAL)],
    )
    derivative = _block(
        "DERIVATIVE",
        [("RUN", BOOL), ("XIN", REAL), ("CYCLE", TIME)],
        [("XOUT", REAL)],
        [("X1", REAL), ("X2", REAL), ("X3", REAL)],
    )
    loop: _Row = [
        ("AUTO", BOOL),
        ("PV", REAL),
        ("SP", REAL),
        ("X0", REAL),
        ("KP", REAL),
        ("TR", REAL),
        ("TD", REAL),
        ("CYCLE", TIME),
    ]
    return [
        integral,
        derivative,
        _block(
            "PID", loop, [("XOUT", REAL)], [("ERROR", REAL), ("ITERM", Block(integral)), ("DTERM", Block(derivative))]
        ),
        _block(
            "RAMP",
            [("RUN", BOOL), ("X0", REAL), ("X1", REAL), ("TR", TIME), ("CYCLE", TIME)],
            [("BUSY", BOOL), ("XOUT", REAL)],
            [("XI", REAL), ("T", TIME)],
        ),
        _block("HYSTERESIS", [("XIN1", REAL), ("XIN2", REAL), ("EPS", REAL)], [("Q", BOOL)]),
        _block(
            "RTC",
            [("IN", BOOL), ("PDT", DATE_AND_TIME)],
            [("Q", BOOL), ("CDT", DATE_AND_TIME)],
            [("M", BOOL), ("LAST", TIME), ("CLOCK", DATE_AND_TIME)],
        ),
        _block("SEMA", [("CLAIM", BOOL), ("RELEASE", BOOL)], [("BUSY", BOOL)]),
    ]


@cache
def blocks() -> Mapping[str, Pou]:
    """Return every standard function block by upper-case name."""
    everything = [
        _block("SR", [("S1", BOOL), ("R", BOOL)], [("Q1", BOOL)]),
        _block("RS", [("S", BOOL), ("R1", BOOL)], [("Q1", BOOL)]),
        _block("R_TRIG", [("CLK", BOOL)], [("Q", BOOL)], [("M", BOOL)]),
        _block("F_TRIG", [("CLK", BOOL)], [("Q", BOOL)], [("M", BOOL)]),
        *_process_control(),
    ]
    for suffix, value in (
        ("", INT),
        ("_INT", INT),
        ("_DINT", DINT),
        ("_LINT", LINT),
        ("_UDINT", UDINT),
        ("_ULINT", ULINT),
    ):
        everything += _counters(suffix, value)
    for suffix, time in (("", TIME), ("_TIME", TIME), ("_LTIME", LTIME)):
        everything += _timers(suffix, time)
    return {pou.key: pou for pou in everything}
