"""POR008 to POR014: addresses that a target's process image does not have, and memory that it does not keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from rung.rules.por_targets import TITLES, V3, V4, V4_0, PouRule, ProgramRule, Targets
from rung.rules.por_uses import Use, used_everywhere, used_in_pou, used_outside
from rung.rules.por_walk import global_sections, retained_names
from rung.rules.registry import Rule
from rung.rules.snippets import block, configured, program
from rung.semantics.model import Analysis, Located, Program
from rung.semantics.types import Elementary, Enumeration, Family, Type, storage
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import PouKind, Unit, VariableDecl, VarSection

_SLOTS: Final = 1024  # of each width, in every OpenPLC runtime before 4.2
_WHOLE: Final = frozenset({Family.SIGNED, Family.UNSIGNED, Family.BITS})


# -------------------------------------------------------------------------------------------- what the image does not have


def addresses_of_pou(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR008 to POR010, POR013: addresses in a POU's declarations and body."""
    return (problem for use in used_in_pou(analysis) if (problem := _judge(use, target)) is not None)


def addresses_outside(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR008 to POR010, POR013: addresses of global variables and in the configuration."""
    return ((unit, problem) for unit, use in used_outside(found) if (problem := _judge(use, target)) is not None)


def _judge(use: Use, target: str) -> Problem | None:
    title, address, start, end = TITLES[target], use.address, use.start, use.end
    text = address.text
    memory = address.area == "M"
    if target == V3 and (address.area, address.size) == ("Q", "L"):
        message = (
            f"{title} connects {text} to its inputs by mistake, so nothing would be put out: use %QD, or four %QW."
        )
        return Problem("POR010", start, end, message)
    if address.index >= _SLOTS:
        if target == V4:
            message = (
                f"{text} is connected to nothing on {title} before 4.2: it has 1024 places of each width, 0 to 1023."
            )
            return Problem("POR009", start, end, message)
        if not memory:
            message = (
                f"{text} lies outside the process image of {title}, which has 1024 places of each width: use 0 to 1023."
            )
            return Problem("POR008", start, end, message)
    unlinked = "XB" if target == V3 else "B"
    special = target == V3 and address.size == "L" and address.index < 2 * _SLOTS  # its clock and counters
    if memory and not special and (address.index >= _SLOTS or address.size in unlinked):
        message = (
            f"{title} has no place {text} in its process image: the variable keeps its value, but no Modbus client sees it. "
            "Use %MW, %MD or %ML from 0 to 1023 for what others shall see."
        )
        return Problem("POR013", start, end, message)
    return None


# -------------------------------------------------------------------------------------------------- one place, two types


def one_place_two_types(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR011: an address that is used as two types which have not the same bits' meaning."""
    first: dict[Located, tuple[str, Unit, int, int]] = {}
    for unit, use in used_everywhere(found):
        address, start, end, meaning = use.address, use.start, use.end, _meaning(use.type)
        known, there, there_start, there_end = first.setdefault(address, (meaning, unit, start, end))
        if known != meaning:
            related = Related(there_start, there_end, f"Here it is {known}.", there)
            text = (
                f"{address.text} is used as {meaning} here and as {known} elsewhere, but {TITLES[target]} has one type for one "
                "address: locate it once, and convert."
            )
            yield unit, Problem("POR011", start, end, text, (related,))


def _meaning(kind: Type) -> str:
    base = storage(kind)
    if isinstance(base, Enumeration):
        base = base.base
    if isinstance(base, Elementary) and base.family in _WHOLE:
        return f"an integer of {base.bits} bits"
    return base.name


# ------------------------------------------------------------------------------------ addresses that the configuration gives


def late_address_in_block(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR012: `AT %I*` in a function block."""
    if analysis.pou.kind is PouKind.FUNCTION_BLOCK:
        for item in _late(analysis):
            assert item.address is not None
            text = (
                f"{TITLES[target]} cannot give each instance of '{analysis.pou.name}' an address of its own: locate the variable in "
                "the PROGRAM, and pass it as an input or output."
            )
            yield Problem("POR012", item.address.start, item.address.end, text)


def late_address_in_instances(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR012: `AT %I*` in a program that has several instances."""
    configuration = found.configuration
    if configuration is None or not configuration.addresses:
        return
    counts = Counter(instance.pou.key for resource in configuration.resources for instance in resource.instances)
    for key, count in counts.items():
        analysis = found.analyses.get(key)
        if count < 2 or analysis is None or analysis.pou.unit is None:
            continue
        for item in _late(analysis):
            assert item.address is not None
            text = (
                f"{TITLES[target]} cannot give each of the {count} instances of '{analysis.pou.name}' an address of its own: "
                "write a PROGRAM for each, or make it a function block with parameters."
            )
            yield analysis.pou.unit, Problem("POR012", item.address.start, item.address.end, text)


def _late(analysis: Analysis) -> Iterator[VariableDecl]:
    declaration = analysis.pou.declaration
    for section in () if declaration is None else declaration.sections:
        for item in section.declarations:
            if item.address is not None and item.address.text.endswith("*"):
                yield item


# ---------------------------------------------------------------------------------------------------------------- retain


def retain_in_pou(analysis: Analysis, target: str) -> Iterator[Problem]:
    """POR014: RETAIN variables of a POU."""
    declaration = analysis.pou.declaration
    if declaration is not None:
        yield from _retained(declaration.sections, target)


def retain_outside(found: Program, target: str) -> Iterator[tuple[Unit, Problem]]:
    """POR014: RETAIN variables among the globals."""
    for unit, section in global_sections(found):
        yield from ((unit, problem) for problem in _retained([section], target))


def _retained(sections: Sequence[VarSection], target: str) -> Iterator[Problem]:
    for name in retained_names(sections):
        instead = (
            "With its persistent storage switched on it keeps %MW, %MD and %ML, until the next download."
            if target == V3
            else "It keeps nothing over a restart."
        )
        yield Problem("POR014", name.start, name.end, f"{TITLES[target]} does not keep '{name.text}'. {instead}")


_OPENPLC: Final = (V3, V4_0, V4)
POU_RULES: Final[tuple[tuple[Targets, PouRule], ...]] = (
    (_OPENPLC, addresses_of_pou),
    ((V3,), late_address_in_block),
    ((V3, V4_0), retain_in_pou),
)
PROGRAM_RULES: Final[tuple[tuple[Targets, ProgramRule], ...]] = (
    (_OPENPLC, addresses_outside),
    ((V3,), one_place_two_types),
    ((V3,), late_address_in_instances),
    ((V3, V4_0), retain_outside),
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "POR008", "address-outside-target", "error", "Address outside the target's process image",
        "The runtime has 1024 places of each width, 0 to 1023, and looks at no others: on v3 a larger number even overwrites other memory. "
        "What the program reads there never changes, and what it writes there never reaches a terminal.",
        "Use a number from 0 to 1023.",
        program("lamp AT %QX2000.0 : BOOL;", "lamp := NOT lamp;"),
        program("lamp AT %QX200.0 : BOOL;", "lamp := NOT lamp;"),
        targets=(V3, V4_0),
    ),
    Rule(
        "POR009", "address-outside-older-runtimes", "warning", "Address that older runtimes connect to nothing",
        "OpenPLC Runtime v4 before 4.2 has 1024 places of each width, 0 to 1023. It leaves a larger number unconnected without a word: what "
        "is read there never changes, and what is written there goes nowhere.",
        "Use a number from 0 to 1023.",
        program("lamp AT %QX2000.0 : BOOL;", "lamp := NOT lamp;"),
        program("lamp AT %QX200.0 : BOOL;", "lamp := NOT lamp;"),
        targets=(V4,),
    ),
    Rule(
        "POR010", "output-lost-on-target", "error", "Target does not put out %QL",
        "OpenPLC Runtime v3 connects 64-bit outputs to the table of its inputs, so they never reach a terminal or a Modbus client.",
        "Use %QD or %QW, and split the value.",
        program("total AT %QL0 : LINT;", "total := total + 1;"),
        program("total AT %QD0 : DINT;", "total := total + 1;"),
        targets=(V3,),
    ),
    Rule(
        "POR011", "one-address-two-types", "error", "One address with two types",
        "The compiler on OpenPLC Runtime v3 takes one declaration for one address. Integers and bit strings of one width can share it, "
        "a REAL and a DWORD cannot.",
        "Locate the place once, and convert its value.",
        program("a AT %ID0 : REAL;\nb AT %ID0 : DWORD;\nc AT %QD0 : DWORD;\nr : REAL;", "r := r + a;\nc := b;"),
        program("a AT %ID0 : REAL;\nb AT %ID1 : DWORD;\nc AT %QD0 : DWORD;\nr : REAL;", "r := r + a;\nc := b;"),
        targets=(V3,),
    ),
    Rule(
        "POR012", "address-per-instance", "error", "Target has no addresses for single instances",
        "OpenPLC Runtime v3 has located variables in programs and among the globals. It cannot give the variables of one POU different "
        "addresses in different instances.",
        "Locate the variables in the program, and pass them to the block.",
        block("VAR\n    Lamp AT %QX* : BOOL;\nEND_VAR", "Lamp := NOT Lamp;"),
        block("VAR_OUTPUT\n    Lamp : BOOL;\nEND_VAR", "Lamp := NOT Lamp;"),
        ("IEC 61131-3, 6.5.5.3",),
        targets=(V3,),
    ),
    Rule(
        "POR013", "memory-not-shared", "warning", "Memory address that the target does not share",
        "The runtime has no table for this part of the memory. The variable works, but Modbus and other protocols do not see it. "
        "v3 shares %MW, %MD and %ML, v4 also %MX.",
        "Use %MW, %MD or %ML for what others shall see; leave the address out otherwise.",
        program("flags AT %MB0 : BYTE;", "flags := flags OR 16#01;"),
        program("flags AT %MW0 : WORD;", "flags := flags OR 16#01;"),
        targets=(V3, V4_0, V4),
    ),
    Rule(
        "POR014", "retain-not-kept", "warning", "Target does not keep RETAIN variables",
        "After a restart the variable begins with its initial value. OpenPLC Runtime v3 can keep %MW, %MD and %ML, which its settings switch "
        "on; a download clears them. v4.0 keeps nothing.",
        "On v3 locate what has to last at %MW, %MD or %ML. On v4.0 ask for it again after a restart.",
        configured("VAR RETAIN\n    hours : DINT;\nEND_VAR\nhours := hours + 1;"),
        configured("VAR\n    hours AT %MD0 : DINT;\nEND_VAR\nhours := hours + 1;"),
        ("IEC 61131-3, 6.5.6",),
        targets=(V3, V4_0),
    ),
)  # fmt: skip
