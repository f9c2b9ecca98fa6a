"""All feature probes in one table."""

from __future__ import annotations

from codegen.feature_bodies import CONFIGURATION, FUNCTIONS, NAMES, STANDARD_BLOCKS, STATEMENTS
from codegen.feature_probe import CYCLES, TICK_NS, FeatureProbe, program_set
from codegen.feature_values import CONVERSIONS, DERIVED, NUMBERS, STRINGS, TIMES

__all__ = ["CYCLES", "PROBES", "TICK_NS", "FeatureProbe", "program_set"]

PROBES: tuple[FeatureProbe, ...] = (
    *NUMBERS,
    *CONVERSIONS,
    *TIMES,
    *STRINGS,
    *DERIVED,
    *STATEMENTS,
    *FUNCTIONS,
    *STANDARD_BLOCKS,
    *CONFIGURATION,
    *NAMES,
)
