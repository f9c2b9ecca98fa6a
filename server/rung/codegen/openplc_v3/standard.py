"""Operators and standard functions as v3's compiler has them, or as helpers of ours.

Invariant: each argument's text appears once, except where it is a plain name.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from rung.codegen.openplc_v3.body import Body, is_primary, operand
from rung.codegen.openplc_v3.conversions import convert, nanoseconds, rounded
from rung.codegen.openplc_v3.literals import literal, scalar
from rung.codegen.openplc_v3.text import Where
from rung.semantics.types import (
    BOOL,
    INT,
    LINT,
    LREAL,
    Elementary,
    Family,
    StringType,
    Type,
)

_INTEGERS: Final = frozenset({Family.SIGNED, Family.UNSIGNED})
_SIGNS: Final = {"EQ": "=", "NE": "<>", "LT": "<", "GT": ">", "LE": "<=", "GE": ">="}
_INFIX: Final = {"ADD": "+", "SUB": "-", "MUL": "*", "AND": "AND", "OR": "OR", "XOR": "XOR"}
_REAL: Final = frozenset({"SQRT", "LN", "LOG", "EXP", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN"})
_STRINGS: Final = frozenset({"LEFT", "RIGHT", "MID", "INSERT", "DELETE", "REPLACE", "FIND"})


class Standard:
    """Writes operations of one body."""

    __slots__ = ("_body", "where")

    def __init__(self, body: Body) -> None:
        self._body = body
        self.where: Where = (body.pou.unit, 0)

    def operation(self, operation: str, kinds: Sequence[Type], result: Type, texts: Sequence[str]) -> str:
        """Return the text of an operation by its canonical name, its operands' types, and their texts."""
        first, goal = scalar(kinds[0]) if kinds else None, scalar(result)
        if operation in _SIGNS:
            return self._comparison(operation, first, texts)
        if operation in _INFIX:
            return self._infix(operation, kinds, goal, texts)
        if operation in ("DIV", "MOD"):
            return self._division(operation, kinds, goal, texts)
        if operation in _REAL:
            return f"{operation}({texts[0]})"
        if operation in _STRINGS:
            return self._string(operation, kinds, goal, texts)
        if operation in ("SHL", "SHR", "ROL", "ROR"):
            return self._shift(operation, first, kinds[1], texts)
        if operation in ("MAX", "MIN", "LIMIT", "SEL", "MUX"):
            return self._selection(operation, kinds, first, texts)
        return self._single(operation, kinds, first, goal, texts)

    # ------------------------------------------------------------------------------------------ arithmetic

    def _infix(self, operation: str, kinds: Sequence[Type], goal: object, texts: Sequence[str]) -> str:
        sign = _INFIX[operation]
        families = [kind.family if isinstance(kind, Elementary) else None for kind in map(scalar, kinds)]
        if any(
            family in (Family.DURATION, Family.DATE, Family.TIME_OF_DAY, Family.DATE_AND_TIME) for family in families
        ):
            return self._time(operation, kinds, families, texts)
        made = texts[0]
        for text in texts[1:]:
            made = f"{operand(made)} {sign} {operand(text)}"
        return made

    def _time(
        self, operation: str, kinds: Sequence[Type], families: Sequence[Family | None], texts: Sequence[str]
    ) -> str:
        library = self._body.shared.library
        if operation == "MUL":
            duration = families.index(Family.DURATION)
            return self._scaled(kinds, texts, duration, multiply=True)
        sign = _INFIX[operation]
        made = texts[0]
        for family, text in zip(families[1:], texts[1:], strict=True):
            match families[0], family:
                case Family.DURATION, _:
                    made = f"{library.time_sum(sign)}({made}, {text})"
                case Family.TIME_OF_DAY, Family.DURATION:
                    made = f"{library.clock_sum(sign)}({made}, {text})"
                case Family.DATE_AND_TIME, Family.DURATION:
                    made = f"{library.moment_sum(sign)}({made}, {text})"
                case _:
                    made = f"{operand(made)} - {operand(text)}"
        return made

    def _scaled(self, kinds: Sequence[Type], texts: Sequence[str], duration: int, multiply: bool) -> str:
        """A duration times or divided by a number, computed in nanoseconds."""
        factor = scalar(kinds[1 - duration])
        time = scalar(kinds[duration])
        assert isinstance(factor, Elementary)
        assert isinstance(time, Elementary)
        library, sign = self._body.shared.library, "*" if multiply else "/"
        number = nanoseconds(self._body, texts[duration], time)
        scale = texts[1 - duration]
        if factor.family is Family.REAL:
            real = convert(self._body, scale, factor, LREAL, self.where)
            exact = f"{library.rounding(LINT, not multiply)}(LINT_TO_LREAL({number}) {sign} {operand(real)})"
            return f"{library.duration()}({exact})"
        whole = convert(self._body, scale, factor, LINT, self.where)
        if multiply:
            return f"{library.duration()}({number} * {operand(whole)})"
        return f"{library.duration()}({library.division(LINT, False)}({number}, {whole}))"

    def _division(self, operation: str, kinds: Sequence[Type], goal: object, texts: Sequence[str]) -> str:
        assert isinstance(goal, Elementary)
        if goal.family is Family.DURATION:
            return self._scaled(kinds, texts, 0, multiply=False)
        if goal.family is Family.REAL:
            return f"{operand(texts[0])} / {operand(texts[1])}"
        return f"{self._body.shared.library.division(goal, operation == 'MOD')}({texts[0]}, {texts[1]})"

    # ------------------------------------------------------------------------------- comparison, selection

    def _comparison(self, operation: str, kind: object, texts: Sequence[str]) -> str:
        if len(texts) > 2:
            texts = [self._name(text, kind) for text in texts]
        pairs = [self._pair(operation, kind, left, right) for left, right in pairwise(texts)]
        return pairs[0] if len(pairs) == 1 else " AND ".join(operand(pair) for pair in pairs)

    def _pair(self, operation: str, kind: object, left: str, right: str) -> str:
        if not isinstance(kind, StringType):
            if not isinstance(kind, Elementary):
                self._body.shared.refusals.refuse("function", "This comparison of structures or arrays", *self.where)
            return f"{operand(left)} {_SIGNS[operation]} {operand(right)}"
        same, before = (self._body.shared.library.comparison(sign) for sign in "=<")
        return {
            "EQ": f"{same}({left}, {right})", "NE": f"NOT {same}({left}, {right})", "LT": f"{before}({left}, {right})",
            "GT": f"{before}({right}, {left})", "LE": f"NOT {before}({right}, {left})", "GE": f"NOT {before}({left}, {right})",
        }[operation]  # fmt: skip

    def _name(self, text: str, kind: object) -> str:
        if (is_primary(text) and "(" not in text) or not isinstance(kind, Elementary | StringType):
            return text
        return self._body.hoist(text, kind)

    def _selection(self, operation: str, kinds: Sequence[Type], first: object, texts: Sequence[str]) -> str:
        if operation == "SEL":
            return self._choice(kinds[1], texts[0], texts[2], texts[1])
        if operation == "MUX":
            return self._multiplexed(kinds, texts)
        if isinstance(first, StringType):
            self._body.shared.refusals.refuse("function", f"{operation} of texts", *self.where)
        if first is BOOL:
            made = {"MAX": "OR", "MIN": "AND"}
            if operation == "LIMIT":
                return f"({operand(texts[1])} OR {operand(texts[0])}) AND {operand(texts[2])}"
            return f" {made[operation]} ".join(operand(text) for text in texts)
        if operation == "LIMIT":
            return f"MIN(MAX({texts[1]}, {texts[0]}), {texts[2]})"
        return f"{operation}({', '.join(texts)})"

    def _choice(self, kind: Type, gate: str, then: str, otherwise: str) -> str:
        if scalar(kind) is not None:
            return f"SEL({gate}, {otherwise}, {then})"
        name = self._body.fresh(kind)
        out = self._body.text
        out.open(f"IF {gate} THEN")
        out.add(f"{name} := {then};")
        out.middle("ELSE")
        out.add(f"{name} := {otherwise};")
        out.close("END_IF;")
        return name

    def _multiplexed(self, kinds: Sequence[Type], texts: Sequence[str]) -> str:
        """MUX: an index outside of the inputs takes the nearest one."""
        name = self._body.fresh(kinds[1])
        selector = scalar(kinds[0])
        assert isinstance(selector, Elementary)
        key = texts[0] if "(" not in texts[0] and is_primary(texts[0]) else self._body.hoist(texts[0], selector)
        out = self._body.text
        out.add(f"{name} := {texts[-1]};")
        for number in range(len(texts) - 3, -1, -1):
            out.open(f"IF {key} <= {literal(selector, number, typed=True)} THEN")
            out.add(f"{name} := {texts[number + 1]};")
            out.close("END_IF;")
        return name

    # --------------------------------------------------------------------------------------- bits, strings

    def _shift(self, operation: str, kind: object, count: Type, texts: Sequence[str]) -> str:
        assert isinstance(kind, Elementary)
        number = texts[1].rpartition("#")[2]
        width = max(8, kind.bits)
        if kind is not BOOL and number.isdigit() and 0 < int(number) < width:
            return f"{operation}({texts[0]}, INT#{number})"
        if kind is BOOL:
            self._body.shared.refusals.refuse("function", f"{operation} of a BOOL", *self.where)
        by = scalar(count)
        assert isinstance(by, Elementary)
        return f"{self._body.shared.library.shift(operation, kind)}({texts[0]}, {self._count(texts[1], by)})"

    def _count(self, text: str, kind: Elementary) -> str:
        if kind.name == "ULINT":
            text = f"MIN({text}, ULINT#9223372036854775807)"
        return convert(self._body, text, kind, LINT, self.where)

    def _string(self, operation: str, kinds: Sequence[Type], goal: object, texts: Sequence[str]) -> str:
        arguments = []
        for kind, text in zip(map(scalar, kinds), texts, strict=True):
            arguments.append(self._count(text, kind) if isinstance(kind, Elementary) else text)
        made = f"{self._body.shared.library.string(operation)}({', '.join(arguments)})"
        if operation == "FIND" and isinstance(goal, Elementary):
            return convert(self._body, made, INT, goal, self.where)
        return made

    def _single(self, operation: str, kinds: Sequence[Type], first: object, goal: object, texts: Sequence[str]) -> str:
        """The functions that are like no other."""
        match operation:
            case "MOVE":
                return texts[0]
            case "CONVERT":
                assert isinstance(goal, Elementary | StringType)
                return convert(self._body, texts[0], kinds[0], goal, self.where)
            case "NOT":
                return f"NOT {operand(texts[0])}"
            case "ABS":
                return (
                    texts[0] if isinstance(goal, Elementary) and goal.family is Family.UNSIGNED else f"ABS({texts[0]})"
                )
            case "EXPT":
                return f"EXPT({texts[0]}, {texts[1]})"
            case "LEN":
                assert isinstance(goal, Elementary)
                return convert(self._body, f"{self._body.shared.library.length()}({texts[0]})", INT, goal, self.where)
            case "CONCAT":
                return f"CONCAT({', '.join(texts)})"
            case "TRUNC" | "ROUND" if isinstance(goal, Elementary) and isinstance(first, Elementary):
                real = convert(self._body, texts[0], first, LREAL, self.where)
                if goal.family is not Family.REAL:
                    return rounded(self._body, real, goal, cut=operation == "TRUNC")
                whole = rounded(self._body, real, LINT, cut=operation == "TRUNC")
                return convert(self._body, whole, LINT, goal, self.where)
            case "CONCAT_DATE_TOD":
                return f"CONCAT_DATE_TOD({texts[0]}, {texts[1]})"
        raise self._body.shared.refusals.error("function", f"The standard function {operation}", *self.where)
