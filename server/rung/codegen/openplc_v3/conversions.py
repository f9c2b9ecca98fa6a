"""Type conversions as v3 has them, or helpers of ours where it has none that does what the other targets do.

TIME and TIME_OF_DAY count in milliseconds, DATE and DATE_AND_TIME in seconds, the long types in nanoseconds, when they become numbers
or come from them; v3 itself counts all in seconds.
"""

from __future__ import annotations

from typing import Final

from rung.codegen.openplc_v3.body import Body, operand
from rung.codegen.openplc_v3.library import unsigned_name
from rung.codegen.openplc_v3.literals import elementary_name, scalar
from rung.codegen.openplc_v3.text import Where
from rung.semantics.types import BOOL, ELEMENTARY, LINT, LREAL, Elementary, Family, StringType, Type

_MILLISECOND: Final = 1_000_000
_NUMBERS: Final = frozenset({Family.SIGNED, Family.UNSIGNED, Family.BITS})
_DURATIONS: Final = frozenset({Family.DURATION, Family.TIME_OF_DAY})
_MOMENTS: Final = frozenset({Family.DATE, Family.DATE_AND_TIME})


def convert(body: Body, text: str, source: Type, target: Type, where: Where) -> str:
    """Return `text`, a value of type `source`, as one of type `target`. Aggregates come back as they are."""
    have, goal = scalar(source), scalar(target)
    if have is None or goal is None or have is goal:
        return text
    if isinstance(goal, StringType):
        return _to_string(body, text, have, goal, where)
    if isinstance(have, StringType):
        body.shared.refusals.refuse("number of text", f"The conversion of a text to {goal.name}", *where)
    for kind in (have, goal):
        body.shared.types.spell(kind, where, "This conversion")
    if elementary_name(have) == elementary_name(goal):
        return text
    if goal is BOOL:
        return _to_bool(body, text, have)
    if have.family in _DURATIONS or have.family in _MOMENTS:
        return _from_time(body, text, have, goal, where)
    if goal.family in _DURATIONS or goal.family in _MOMENTS:
        return _to_time(body, text, have, goal)
    if have.family is Family.REAL and goal.family is not Family.REAL:
        return rounded(body, _named(text, have, LREAL), goal, cut=False)
    return _named(text, have, goal)


def _named(text: str, have: Elementary, goal: Elementary) -> str:
    return text if have is goal else f"{have.name}_TO_{goal.name}({text})"


def rounded(body: Body, text: str, goal: Elementary, cut: bool) -> str:
    """Return a LREAL as an integer or bit string, rounded or cut, the nearest value that fits."""
    if goal.family is Family.BITS:
        number = ELEMENTARY[unsigned_name(goal)]
        return _named(f"{body.shared.library.rounding(number, cut)}({text})", number, goal)
    return f"{body.shared.library.rounding(goal, cut)}({text})"


def _to_bool(body: Body, text: str, have: Elementary) -> str:
    if have.family is Family.DURATION:
        return f"{operand(text)} <> T#0s"
    return f"{elementary_name(have)}_TO_BOOL({text})"


def _to_string(body: Body, text: str, have: Elementary | StringType, goal: StringType, where: Where) -> str:
    body.shared.types.spell(goal, where, "This text")
    if isinstance(have, StringType):
        body.shared.types.spell(have, where, "This text")
        return _cut(body, text, goal.length) if goal.length < min(have.length, 126) else text
    longest = {Family.BOOL: 5, Family.SIGNED: 20, Family.UNSIGNED: 20, Family.BITS: 20}.get(have.family)
    if longest is None:
        body.shared.refusals.refuse("text of number", f"The conversion of {have.name} to text", *where)
    if have.family is Family.BITS:
        number = unsigned_name(have)
        made = f"{number}_TO_STRING({have.name}_TO_{number}({text}))"
    else:
        made = f"{have.name}_TO_STRING({text})"
    return _cut(body, made, goal.length) if goal.length < longest else made


def _cut(body: Body, text: str, length: int) -> str:
    return f"{body.shared.library.string('LEFT')}({text}, LINT#{length})"


def nanoseconds(body: Body, text: str, kind: Elementary) -> str:
    """Return a duration or time of day as a LINT of nanoseconds."""
    if kind.family is Family.TIME_OF_DAY:
        text = f"{operand(text)} - TOD#00:00:00"
    return f"{body.shared.library.nanoseconds()}({text})"


def _unit(kind: Elementary) -> int:
    return 1 if kind.name.startswith("L") else _MILLISECOND


def _from_time(body: Body, text: str, have: Elementary, goal: Elementary, where: Where) -> str:
    if goal.family is Family.DURATION and have.family is Family.TIME_OF_DAY:
        return f"{operand(text)} - TOD#00:00:00"
    if have.family is Family.DATE_AND_TIME and goal.family in (Family.DATE, Family.TIME_OF_DAY):
        return f"DT_TO_{elementary_name(goal)}({text})"
    if goal.family not in _NUMBERS and goal.family is not Family.REAL:
        body.shared.refusals.refuse("conversion", f"The conversion of {have.name} to {goal.name}", *where)
    if have.family in _DURATIONS:
        number, unit = nanoseconds(body, text, have), _unit(have)
        if goal.family is Family.REAL:
            exact = f"LINT_TO_LREAL({number})"
            return _named(exact if unit == 1 else f"{exact} / LREAL#1000000.0", LREAL, goal)
        return _named(number if unit == 1 else f"{number} / LINT#{unit}", LINT, goal)
    seconds = f"{elementary_name(have)}_TO_LINT({text})"
    if _unit(have) == 1:
        seconds = f"{seconds} * LINT#1000000000"
    return _named(seconds, LINT, goal)


def _to_time(body: Body, text: str, have: Elementary, goal: Elementary) -> str:
    library = body.shared.library
    if goal.family in _DURATIONS:
        unit = _unit(goal)
        if have.family is Family.REAL:
            exact = operand(_named(text, have, LREAL))
            scaled = exact if unit == 1 else f"{exact} * LREAL#1000000.0"
            number = f"{library.rounding(LINT, False)}({scaled})"
        else:
            number = operand(_named(text, have, LINT))
            number = number if unit == 1 else f"{number} * LINT#{unit}"
        time = f"{library.duration()}({number})"
        return time if goal.family is Family.DURATION else f"{library.clock_sum('+')}(TOD#00:00:00, {time})"
    whole = (
        rounded(body, _named(text, have, LREAL), LINT, False)
        if have.family is Family.REAL
        else _named(text, have, LINT)
    )
    if _unit(goal) == 1:
        whole = f"{operand(whole)} / LINT#1000000000"
    moment = f"LINT_TO_DT({whole})"
    return f"DT_TO_DATE({moment})" if goal.family is Family.DATE else moment
