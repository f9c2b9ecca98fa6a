"""The interfaces of the standard function blocks and of the functions with outputs."""

from __future__ import annotations

import pytest

from rung.semantics.stdlib import (
    block_names,
    describe,
    lookup_block,
    lookup_function,
    lookup_procedure,
    procedure_names,
)
from rung.semantics.types import Block, default_value
from rung.syntax.tree import PouKind, SectionKind

# Name: inputs / outputs, with types where they are not BOOL.
INTERFACES = """
SR: S1 R / Q1
RS: S R1 / Q1
R_TRIG: CLK / Q
F_TRIG: CLK / Q
CTU: CU R PV:INT / Q CV:INT
CTD: CD LD PV:INT / Q CV:INT
CTUD: CU CD R LD PV:INT / QU QD CV:INT
CTU_INT: CU R PV:INT / Q CV:INT
CTU_UDINT: CU R PV:UDINT / Q CV:UDINT
CTD_LINT: CD LD PV:LINT / Q CV:LINT
CTUD_ULINT: CU CD R LD PV:ULINT / QU QD CV:ULINT
CTUD_DINT: CU CD R LD PV:DINT / QU QD CV:DINT
TON: IN PT:TIME / Q ET:TIME
TOF: IN PT:TIME / Q ET:TIME
TP: IN PT:TIME / Q ET:TIME
TON_TIME: IN PT:TIME / Q ET:TIME
TP_LTIME: IN PT:LTIME / Q ET:LTIME
RTC: IN PDT:DATE_AND_TIME / Q CDT:DATE_AND_TIME
INTEGRAL: RUN R1 XIN:REAL X0:REAL CYCLE:TIME / Q XOUT:REAL
DERIVATIVE: RUN XIN:REAL CYCLE:TIME / XOUT:REAL
PID: AUTO PV:REAL SP:REAL X0:REAL KP:REAL TR:REAL TD:REAL CYCLE:TIME / XOUT:REAL
RAMP: RUN X0:REAL X1:REAL TR:TIME CYCLE:TIME / BUSY XOUT:REAL
HYSTERESIS: XIN1:REAL XIN2:REAL EPS:REAL / Q
SEMA: CLAIM RELEASE / BUSY
"""


@pytest.mark.parametrize("row", INTERFACES.strip().split("\n"), ids=lambda row: row.split(":")[0])
def test_a_block_has_the_interface_of_its_table(row: str) -> None:
    name, _, rest = row.partition(": ")
    pou = lookup_block(name)
    assert pou is not None
    assert (pou.kind, pou.name, pou.key, pou.result, pou.declaration) == (
        PouKind.FUNCTION_BLOCK,
        name,
        name,
        None,
        None,
    )
    inputs, _, outputs = rest.partition(" / ")
    for section, words in ((SectionKind.VAR_INPUT, inputs), (SectionKind.VAR_OUTPUT, outputs)):
        declared = [
            f"{v.key}:{v.type.name}".removesuffix(":BOOL") for v in pou.variables.values() if v.section is section
        ]
        assert declared == words.split()


def test_counters_and_timers_exist_in_all_their_types() -> None:
    counters = {
        f"{stem}{suffix}"
        for stem in ("CTU", "CTD", "CTUD")
        for suffix in ("", "_INT", "_DINT", "_LINT", "_UDINT", "_ULINT")
    }
    timers = {f"{stem}{suffix}" for stem in ("TP", "TON", "TOF") for suffix in ("", "_TIME", "_LTIME")}
    others = {row.partition(":")[0] for row in INTERFACES.strip().split("\n")}
    assert set(block_names()) == counters | timers | others


@pytest.mark.parametrize("name", block_names())
def test_a_block_is_one_shared_object_that_starts_from_zero(name: str) -> None:
    pou = lookup_block(name)
    assert pou is not None
    assert lookup_block(name) is pou
    assert list(pou.variables) == [variable.key for variable in pou.variables.values()]
    for variable in pou.variables.values():
        assert variable.initial is None
        assert isinstance(variable.type, Block) or not default_value(variable.type)


def test_the_parts_of_pid_are_standard_blocks_themselves() -> None:
    pid = lookup_block("PID")
    assert pid is not None
    integral = pid.variables["ITERM"].type
    assert isinstance(integral, Block)
    assert integral.pou is lookup_block("INTEGRAL")


def test_split_functions_have_outputs_and_no_result() -> None:
    assert procedure_names() == ("SPLIT_DATE", "SPLIT_DT", "SPLIT_LDT", "SPLIT_LTOD", "SPLIT_TOD")
    split = lookup_procedure("SPLIT_DT")
    assert split is not None
    assert (split.kind, split.result) == (PouKind.FUNCTION, None)
    assert list(split.variables) == ["IN", "YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "MILLISECOND"]
    assert lookup_procedure("SPLIT_FROB") is None


def test_names_of_blocks_and_functions_do_not_clash() -> None:
    assert not any(lookup_function(name) or lookup_procedure(name) for name in block_names())
    assert lookup_block("FROB") is None


@pytest.mark.parametrize("name", [*block_names(), *procedure_names()])
def test_every_block_is_described_with_its_table(name: str) -> None:
    assert "ed. " in describe(name)


def test_descriptions_say_what_was_decided_where_the_standard_leaves_a_choice() -> None:
    assert "nearest" in describe("REAL_TO_INT")
    assert "milliseconds" in describe("TIME_TO_DINT")
    assert "milliseconds" in describe("DWORD_TO_TIME")
    assert "nanoseconds" in describe("LTIME_TO_LINT")
    assert "counts a fault" in describe("DIV")
    assert "otherwise DINT" in describe("TRUNC")
    assert describe("ADD_INT") == describe("ADD")
    assert describe("CTU_DINT").endswith("It counts in DINT.")
    assert describe("FROB") == ""
