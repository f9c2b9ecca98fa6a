"""The standard functions that have outputs instead of a result: taking dates and times apart (ed. 3 table 36)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from rung.semantics.model import Pou, Variable
from rung.semantics.types import DATE, DATE_AND_TIME, INT, LDATE_AND_TIME, LTIME_OF_DAY, TIME_OF_DAY, Type
from rung.syntax.tree import PouKind, SectionKind

_CALENDAR = ("YEAR", "MONTH", "DAY")
_CLOCK = ("HOUR", "MINUTE", "SECOND", "MILLISECOND")


def _procedure(name: str, source: Type, outputs: tuple[str, ...]) -> Pou:
    variables = {"IN": Variable("IN", "IN", source, SectionKind.VAR_INPUT)}
    for key in outputs:
        variables[key] = Variable(key, key, INT, SectionKind.VAR_OUTPUT)
    return Pou(PouKind.FUNCTION, name, name, variables)


@cache
def procedures() -> Mapping[str, Pou]:
    """Return each by upper-case name: one input `IN`, the parts as INT outputs, no result."""
    everything = (
        _procedure("SPLIT_DATE", DATE, _CALENDAR),
        _procedure("SPLIT_TOD", TIME_OF_DAY, _CLOCK),
        _procedure("SPLIT_LTOD", LTIME_OF_DAY, _CLOCK),
        _procedure("SPLIT_DT", DATE_AND_TIME, _CALENDAR + _CLOCK),
        _procedure("SPLIT_LDT", LDATE_AND_TIME, _CALENDAR + _CLOCK),
    )
    return {pou.key: pou for pou in everything}
