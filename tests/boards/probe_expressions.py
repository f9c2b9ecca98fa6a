"""Random programs that compute the same on every target, if the generated C++ depends on no width of C's own `int`.

Invariant: a seed always gives the same text.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_SIGNED = {"SINT": 8, "INT": 16, "DINT": 32}
_UNSIGNED = {"USINT": 8, "UINT": 16, "UDINT": 32}
_BITS = {"BYTE": 8, "WORD": 16, "DWORD": 32}
_INTEGERS = _SIGNED | _UNSIGNED
_ALL = _INTEGERS | _BITS
_EACH = 3  # variables of each type


class ExpressionWriter:
    """Writes expressions of a given type from variables of all types."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def program(self, statements: int) -> str:
        """Return a program of so many assignments, each to a variable of its own."""
        variables = [f"{self._name(kind, n)} : {kind} := {self._start(kind)};" for kind in _ALL for n in range(_EACH)]
        variables += [
            "f : BOOL := TRUE;",
            "v : ARRAY[-3..8] OF INT := [5, -7, 300, 32767, -32768, 1, 0, 2, 9, -100, 77, 4];",
            "k, n : INT;",
        ]
        lines = []
        for number in range(statements):
            kind = self._random.choice([*_ALL, "BOOL", "LINT"])
            variables.append(f"r{number} : {kind};")
            lines.append(self._statement(number, kind))
            if number % 4 == 3:
                changed = self._random.choice(list(_ALL))
                lines.append(f"{self._variable(changed)} := {self._any(changed, 2)};")
        return f"PROGRAM Main\nVAR\n{chr(10).join(variables)}\nEND_VAR\n{chr(10).join(lines)}\nEND_PROGRAM\n"

    def _statement(self, number: int, kind: str) -> str:
        target = f"r{number}"
        form = self._random.randrange(12)
        if kind == "LINT":
            return f"{target} := {self._any(self._random.choice(list(_SIGNED)), 2)};"
        if form == 0 and kind in _INTEGERS:
            first, last = self._any("INT", 1), self._any("INT", 1)
            step = self._random.choice([1, 2, 300, -1, -300])
            return f"n := 0; FOR k := {first} TO {last} BY {step} DO n := n + 1; IF n > 50 THEN EXIT; END_IF; END_FOR; {target} := TO_{kind}(n + k);"
        if form == 1 and kind in _INTEGERS:
            other = self._random.choice(list(_INTEGERS))
            low = self._start(other)
            branches = f"{low}: {target} := {self._any(kind, 1)}; ELSE {target} := {self._any(kind, 1)};"
            return f"CASE {self._any(other, 2)} OF {branches} END_CASE;"
        if form == 2:
            return f"v[{self._any(self._random.choice(list(_INTEGERS)), 1)}] := {self._any('INT', 2)}; {target} := {self._any(kind, 2)};"
        narrower = [k for k, bits in (_SIGNED if kind in _SIGNED else _UNSIGNED).items() if bits <= _ALL.get(kind, 0)]
        source = self._random.choice(narrower) if kind in _INTEGERS and form == 3 else kind
        return f"{target} := {self._any(source, 3)};"

    def _start(self, kind: str) -> int:
        bits = _ALL[kind]
        low = -(1 << bits - 1) if kind in _SIGNED else 0
        high = (1 << bits - 1) - 1 if kind in _SIGNED else (1 << bits) - 1
        choices = [
            low,
            low + 1,
            high,
            high - 1,
            high // 2 + 1,
            1,
            2,
            3,
            7,
            self._random.randint(low, high),
            min(40000, high),
        ]
        return self._random.choice(choices)

    def _name(self, kind: str, number: int) -> str:
        return f"{kind.lower()}{number}"

    def _variable(self, kind: str) -> str:
        if kind == "BOOL":
            return self._random.choice(["f", "byte0.3", "word1.15", "dword2.31", "dword0.0"])
        return self._name(kind, self._random.randrange(_EACH))

    def _any(self, kind: str, depth: int) -> str:
        """An expression of exactly the type `kind`."""
        if depth == 0 or self._random.random() < 0.15:
            return self._variable(kind)
        forms: list[Callable[[str, int], str]] = [self._selected, self._converted]
        if kind == "BOOL":
            forms = [self._compared, self._compared, self._logical]
        elif kind in _BITS:
            forms += [self._logical, self._shifted, self._shifted, self._negated]
        else:
            forms += [self._arithmetic, self._arithmetic, self._arithmetic, self._limited]
            if kind in _SIGNED:
                forms.append(self._negated)
            if kind == "INT":
                forms.append(self._element)
        return self._random.choice(forms)(kind, depth - 1)

    def _right(self, kind: str, depth: int) -> str:
        """A right operand, sometimes constant; never a constant zero, by which nothing may be divided."""
        if kind == "BOOL" or self._random.random() < 0.6:
            return self._any(kind, depth)
        return f"{kind}#{self._start(kind) or 1}"

    def _arithmetic(self, kind: str, depth: int) -> str:
        return f"({self._any(kind, depth)} {self._random.choice(['+', '-', '*', '/', 'MOD', '*'])} {self._right(kind, depth)})"

    def _logical(self, kind: str, depth: int) -> str:
        return f"({self._any(kind, depth)} {self._random.choice(['AND', 'OR', 'XOR'])} {self._right(kind, depth)})"

    def _compared(self, kind: str, depth: int) -> str:
        other = self._random.choice(list(_ALL))
        return f"({self._any(other, depth)} {self._random.choice(['<', '>', '<=', '>=', '=', '<>'])} {self._right(other, depth)})"

    def _negated(self, kind: str, depth: int) -> str:
        return f"(NOT {self._any(kind, depth)})" if kind in _BITS else f"(-{self._variable(kind)})"

    def _shifted(self, kind: str, depth: int) -> str:
        count = self._random.choice(list(_INTEGERS))
        amount = self._variable(count) if self._random.random() < 0.4 else f"{self._random.randint(0, _BITS[kind] + 1)}"
        return f"{self._random.choice(['SHL', 'SHR', 'ROL', 'ROR'])}({self._any(kind, depth)}, {amount})"

    def _limited(self, kind: str, depth: int) -> str:
        a, b, c = (self._any(kind, depth) for _ in range(3))
        return self._random.choice([f"LIMIT({a}, {b}, {c})", f"MAX({a}, {b})", f"MIN({a}, {b})", f"ABS({a})"])

    def _selected(self, kind: str, depth: int) -> str:
        if self._random.random() < 0.5:
            return f"SEL({self._any('BOOL', depth)}, {self._any(kind, depth)}, {self._any(kind, depth)})"
        index = self._random.choice(list(_INTEGERS))
        return (
            f"MUX({self._any(index, 0)}, {self._any(kind, depth)}, {self._any(kind, depth)}, {self._any(kind, depth)})"
        )

    def _converted(self, kind: str, depth: int) -> str:
        other = self._random.choice([name for name in _ALL if name != kind])
        return f"{other}_TO_{kind}({self._any(other, depth)})"

    def _element(self, kind: str, depth: int) -> str:
        return f"v[{self._any(self._random.choice(list(_INTEGERS)), depth)}]"
