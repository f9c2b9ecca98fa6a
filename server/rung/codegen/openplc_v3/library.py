"""Functions and blocks of ours that stand before the user's, so that v3 computes what the other targets compute.

Invariants: only what the program uses is printed, each after what it uses; every body means the same to v3's compiler and to Rung.
v3's own arithmetic dies at a division by zero, leaves a conversion out of range to chance, compares strings by their shorter one,
multiplies durations with 32 bits and knows TIME as a number in seconds: hence the scales that are measured with T#1s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rung.codegen.openplc_v3.literals import literal
from rung.semantics.types import ELEMENTARY, LREAL, Elementary, Family

_UNSIGNED_OF: Final = {8: "USINT", 16: "UINT", 32: "UDINT", 64: "ULINT"}
_EXACT: Final = 1 << 52  # from here on a LREAL has no decimals
_TINY: Final = "T#0.001ms"
# v3's TON is the stopwatch in ours: started by IN, put back without it, never at its end.
_TIMERS: Final = {
    "TON": """\
IF NOT IN THEN
  Q := FALSE;
  ET := T#0s;
  WATCH(IN := FALSE);
ELSIF NOT Q THEN
  WATCH(IN := TRUE, PT := T#10000d);
  ET := MAX(MIN(WATCH.ET, PT), T#0s);
  Q := ET >= PT;
END_IF;""",
    "TOF": """\
IF IN THEN
  Q := TRUE;
  ET := T#0s;
  WATCH(IN := FALSE);
ELSIF Q THEN
  WATCH(IN := TRUE, PT := T#10000d);
  ET := MAX(MIN(WATCH.ET, PT), T#0s);
  Q := ET < PT;
END_IF;""",
    "TP": """\
IF IN AND NOT M AND NOT Q THEN
  Q := TRUE;
  WATCH(IN := FALSE);
END_IF;
IF Q THEN
  WATCH(IN := TRUE, PT := T#10000d);
  ET := MAX(MIN(WATCH.ET, PT), T#0s);
  Q := ET < PT;
END_IF;
IF NOT Q AND NOT IN THEN
  ET := T#0s;
END_IF;
M := IN;""",
}


class Library:
    """Collects the helpers that a program uses."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: dict[str, Sequence[str]] = {}

    def texts(self) -> Sequence[Sequence[str]]:
        """Return the lines of each helper, callees before callers."""
        return list(self._texts.values())

    def _function(
        self, name: str, result: str, inputs: Sequence[tuple[str, str]], body: Sequence[str], local: Sequence[str] = ()
    ) -> str:
        if name not in self._texts:
            lines = [
                f"FUNCTION {name} : {result}",
                "VAR_INPUT",
                *(f"  {key} : {kind};" for key, kind in inputs),
                "END_VAR",
            ]
            if local:
                lines += ["VAR", *(f"  {declaration};" for declaration in local), "END_VAR"]
            self._texts[name] = [*lines, *body, "END_FUNCTION", ""]
        return name

    # ------------------------------------------------------------------------------------------------ numbers

    def division(self, kind: Elementary, remainder: bool) -> str:
        """A / B or A MOD B: 0 if B is 0; the lowest value divided by -1 wraps."""
        name = f"RUNG_{'MOD' if remainder else 'DIV'}_{kind.name}"
        zero, minus = literal(kind, 0, typed=True), f"{kind.name}#-1"
        body = [f"IF B = {zero} THEN", f"  {name} := {zero};"]
        if kind.family is Family.SIGNED:
            body += [f"ELSIF B = {minus} THEN", f"  {name} := {zero if remainder else f'{zero} - A'};"]
        body += ["ELSE", f"  {name} := A {'MOD' if remainder else '/'} B;", "END_IF;"]
        return self._function(name, kind.name, [("A", kind.name), ("B", kind.name)], body)

    def rounding(self, kind: Elementary, cut: bool) -> str:
        """A LREAL as an integer: the nearest, ties to even, or with `cut` towards zero; what does not fit is the nearest that does."""
        name = f"RUNG_{'TRUNC' if cut else 'ROUND'}_{kind.name}"
        convert = "TRUNC(A)" if cut else f"LREAL_TO_{kind.name}(A)"
        body = [
            f"IF A >= {literal(LREAL, float(kind.high), typed=True)} THEN",
            f"  {name} := {literal(kind, kind.high, typed=True)};",
            f"ELSIF A <= {literal(LREAL, float(kind.low), typed=True)} THEN",
            f"  {name} := {literal(kind, kind.low, typed=True)};",
        ]
        local: list[str] = []
        if kind.bits == 64:
            if kind.low == 0:
                local = ["HALF : LINT"]
                body += [
                    f"ELSIF A >= {literal(LREAL, float(1 << 63), typed=True)} THEN",
                    "  HALF := TRUNC(A / LREAL#2.0);",
                    f"  {name} := LINT_TO_ULINT(HALF) * ULINT#2;",
                ]
            body += [f"ELSIF ABS(A) >= {literal(LREAL, float(_EXACT), typed=True)} THEN", f"  {name} := TRUNC(A);"]
        body += ["ELSIF A = A THEN", f"  {name} := {convert};", "ELSE", f"  {name} := {literal(kind, 0)};", "END_IF;"]
        return self._function(name, kind.name, [("A", "LREAL")], body, local)

    def shift(self, operation: str, kind: Elementary) -> str:
        """SHL, SHR, ROL or ROR by any count: a negative one does nothing, shifting by the width or more leaves 0."""
        name, width = f"RUNG_{operation}_{kind.name}", max(8, kind.bits)
        rotates = operation.startswith("RO")
        count = f"N MOD LINT#{width}" if rotates else "N"
        body = ["IF N <= LINT#0 THEN", f"  {name} := A;"]
        if rotates:
            body += [f"ELSIF {count} = LINT#0 THEN", f"  {name} := A;"]
        else:
            body += [f"ELSIF N >= LINT#{width} THEN", f"  {name} := {literal(kind, 0, typed=True)};"]
        body += ["ELSE", f"  {name} := {operation}(A, LINT_TO_INT({count}));", "END_IF;"]
        return self._function(name, kind.name, [("A", kind.name), ("N", "LINT")], body)

    # -------------------------------------------------------------------------------------------------- times

    def nanoseconds(self) -> str:
        """A TIME as a number of nanoseconds."""
        name = "RUNG_TIME_TO_NS"
        body = [
            "WHOLE := TIME_TO_LINT(A) / TIME_TO_LINT(T#1s);",
            "REST := A - LINT_TO_TIME(WHOLE * TIME_TO_LINT(T#1s));",
            f"{name} := WHOLE * LINT#1000000000 + LREAL_TO_LINT(TIME_TO_LREAL(REST) / TIME_TO_LREAL(T#1s) * LREAL#1000000000.0);",
        ]
        return self._function(name, "LINT", [("A", "TIME")], body, ["WHOLE : LINT", "REST : TIME"])

    def duration(self) -> str:
        """A number of nanoseconds as a TIME. v3 cuts a fraction: a quarter of a nanosecond more keeps the last one."""
        name = "RUNG_NS_TO_TIME"
        body = [
            "WHOLE := NS / LINT#1000000000;",
            "PART := LINT_TO_LREAL(NS MOD LINT#1000000000);",
            "IF PART > LREAL#0.0 THEN",
            "  PART := PART + LREAL#0.25;",
            "ELSIF PART < LREAL#0.0 THEN",
            "  PART := PART - LREAL#0.25;",
            "END_IF;",
            f"{name} := LINT_TO_TIME(WHOLE * TIME_TO_LINT(T#1s));",
            f"{name} := {name} + LREAL_TO_TIME(PART / LREAL#1000000000.0 * TIME_TO_LREAL(T#1s));",
        ]
        return self._function(name, "TIME", [("NS", "LINT")], body, ["WHOLE : LINT", "PART : LREAL"])

    def time_sum(self, operator: str) -> str:
        """The sum or difference of two durations. v3 leaves 1000000000 ns standing beside the seconds, which then compares wrongly."""
        name = f"RUNG_TIME_{'ADD' if operator == '+' else 'SUB'}"
        body = [
            f"{name} := A {operator} B;",
            f"IF {name} < T#0s THEN",
            f"  {name} := ({name} - {_TINY}) + {_TINY};",
            "ELSE",
            f"  {name} := ({name} + {_TINY}) - {_TINY};",
            "END_IF;",
        ]
        return self._function(name, "TIME", [("A", "TIME"), ("B", "TIME")], body)

    def moment_sum(self, operator: str) -> str:
        """A date and time, a duration later or earlier."""
        name = f"RUNG_DT_{'ADD' if operator == '+' else 'SUB'}_TIME"
        body = [f"{name} := A {operator} B;", f"{name} := ({name} + {_TINY}) - {_TINY};"]
        return self._function(name, "DT", [("A", "DT"), ("B", "TIME")], body)

    def clock_sum(self, operator: str) -> str:
        """A time of day, a duration later or earlier; after midnight it begins anew."""
        name = f"RUNG_TOD_{'ADD' if operator == '+' else 'SUB'}_TIME"
        to_ns, to_time = self.nanoseconds(), self.duration()
        body = [
            f"NS := {to_ns}(A - TOD#00:00:00) {operator} {to_ns}(B);",
            "NS := NS MOD LINT#86400000000000;",
            "IF NS < LINT#0 THEN",
            "  NS := NS + LINT#86400000000000;",
            "END_IF;",
            f"{name} := TOD#00:00:00 + {to_time}(NS);",
        ]
        return self._function(name, "TOD", [("A", "TOD"), ("B", "TIME")], body, ["NS : LINT"])

    # ------------------------------------------------------------------------------------------------ strings

    def length(self) -> str:
        """The length of a string as an INT, whatever stands around the call."""
        return self._function("RUNG_LEN", "INT", [("TXT", "STRING")], ["RUNG_LEN := LEN(TXT);"])

    def string(self, operation: str) -> str:
        """LEFT, RIGHT, MID, INSERT, DELETE, REPLACE or FIND, with any count and position."""
        return {
            "LEFT": self._left, "RIGHT": self._right, "MID": self._mid, "INSERT": self._insert, "DELETE": self._delete,
            "REPLACE": self._replace, "FIND": self._find,
        }[operation]()  # fmt: skip

    def _left(self) -> str:
        name = "RUNG_LEFT"
        body = [
            "IF L <= LINT#0 THEN",
            f"  {name} := '';",
            f"ELSIF L >= INT_TO_LINT({self.length()}(TXT)) THEN",
            f"  {name} := TXT;",
            "ELSE",
            f"  {name} := LEFT(TXT, LINT_TO_INT(L));",
            "END_IF;",
        ]
        return self._function(name, "STRING", [("TXT", "STRING"), ("L", "LINT")], body)

    def _right(self) -> str:
        name = "RUNG_RIGHT"
        body = [
            "IF L <= LINT#0 THEN",
            f"  {name} := '';",
            f"ELSIF L >= INT_TO_LINT({self.length()}(TXT)) THEN",
            f"  {name} := TXT;",
            "ELSE",
            f"  {name} := RIGHT(TXT, LINT_TO_INT(L));",
            "END_IF;",
        ]
        return self._function(name, "STRING", [("TXT", "STRING"), ("L", "LINT")], body)

    def _mid(self) -> str:
        name = "RUNG_MID"
        body = [
            f"ROOM := INT_TO_LINT({self.length()}(TXT)) - P + LINT#1;",
            "IF (P < LINT#1) OR (ROOM <= LINT#0) OR (L <= LINT#0) THEN",
            f"  {name} := '';",
            "ELSIF L < ROOM THEN",
            f"  {name} := MID(TXT, LINT_TO_INT(L), LINT_TO_INT(P));",
            "ELSE",
            f"  {name} := MID(TXT, LINT_TO_INT(ROOM), LINT_TO_INT(P));",
            "END_IF;",
        ]
        return self._function(name, "STRING", [("TXT", "STRING"), ("L", "LINT"), ("P", "LINT")], body, ["ROOM : LINT"])

    def _insert(self) -> str:
        name = "RUNG_INSERT"
        body = [
            "AFTER := P;",
            "IF AFTER < LINT#0 THEN",
            "  AFTER := 0;",
            "END_IF;",
            f"{name} := CONCAT({self._left()}(TXT, AFTER), BY_TXT, {self._mid()}(TXT, LINT#126, AFTER + LINT#1));",
        ]
        inputs = [("TXT", "STRING"), ("BY_TXT", "STRING"), ("P", "LINT")]
        return self._function(name, "STRING", inputs, body, ["AFTER : LINT"])

    def _replace(self) -> str:
        name = "RUNG_REPLACE"
        body = [
            f"IF (P < LINT#1) OR (P > INT_TO_LINT({self.length()}(TXT))) THEN",
            f"  {name} := TXT;",
            "ELSIF L < LINT#0 THEN",
            f"  {name} := CONCAT({self._left()}(TXT, P - LINT#1), BY_TXT, {self._mid()}(TXT, LINT#126, P));",
            "ELSE",
            f"  {name} := CONCAT({self._left()}(TXT, P - LINT#1), BY_TXT, {self._mid()}(TXT, LINT#126, P + L));",
            "END_IF;",
        ]
        inputs = [("TXT", "STRING"), ("BY_TXT", "STRING"), ("L", "LINT"), ("P", "LINT")]
        return self._function(name, "STRING", inputs, body)

    def _delete(self) -> str:
        body = [f"RUNG_DELETE := {self._replace()}(TXT, '', L, P);"]
        return self._function("RUNG_DELETE", "STRING", [("TXT", "STRING"), ("L", "LINT"), ("P", "LINT")], body)

    def _find(self) -> str:
        name = "RUNG_FIND"
        length, mid, equal = self.length(), self._mid(), self.comparison("=")
        body = [
            f"{name} := 0;",
            f"LAST := {length}(TXT) - {length}(SOUGHT) + INT#1;",
            f"IF {length}(SOUGHT) > INT#0 THEN",
            "  AT_I := 1;",
            "  WHILE AT_I <= LAST DO",
            f"    IF {equal}({mid}(TXT, INT_TO_LINT({length}(SOUGHT)), INT_TO_LINT(AT_I)), SOUGHT) THEN",
            f"      {name} := AT_I;",
            "      EXIT;",
            "    END_IF;",
            "    AT_I := AT_I + INT#1;",
            "  END_WHILE;",
            "END_IF;",
        ]
        return self._function(
            name, "INT", [("TXT", "STRING"), ("SOUGHT", "STRING")], body, ["AT_I : INT", "LAST : INT"]
        )

    def comparison(self, operator: str) -> str:
        """A = B or A < B of strings: v3 itself looks at the shorter one's characters only."""
        length = self.length()
        if operator == "=":
            body = [f"RUNG_SAME := ({length}(A) = {length}(B)) AND (A = B);"]
            return self._function("RUNG_SAME", "BOOL", [("A", "STRING"), ("B", "STRING")], body)
        left = self._left()
        body = [
            f"COMMON := INT_TO_LINT(MIN({length}(A), {length}(B)));",
            f"IF {left}(A, COMMON) = {left}(B, COMMON) THEN",
            f"  RUNG_BEFORE := {length}(A) < {length}(B);",
            "ELSE",
            f"  RUNG_BEFORE := {left}(A, COMMON) < {left}(B, COMMON);",
            "END_IF;",
        ]
        return self._function("RUNG_BEFORE", "BOOL", [("A", "STRING"), ("B", "STRING")], body, ["COMMON : LINT"])

    # ------------------------------------------------------------------------------------------------- blocks

    def block(self, key: str) -> str:
        """Return the name of the block that stands for a standard one: ours where v3's own does something else."""
        stem, _, suffix = key.partition("_")
        if stem in ("TON", "TOF", "TP"):
            return self._timer(stem)
        if key == "F_TRIG":
            return self._falling()
        if stem in ("CTU", "CTD", "CTUD"):
            return self._counter(stem, ELEMENTARY[suffix or "INT"])
        return key

    def _block(
        self, name: str, inputs: Sequence[str], outputs: Sequence[str], local: Sequence[str], body: Sequence[str]
    ) -> str:
        if name not in self._texts:
            sections = (("VAR_INPUT", inputs), ("VAR_OUTPUT", outputs), ("VAR", local))
            lines = [f"FUNCTION_BLOCK {name}"]
            for head, declarations in sections:
                lines += [head, *(f"  {declaration};" for declaration in declarations), "END_VAR"]
            self._texts[name] = [*lines, *body, "END_FUNCTION_BLOCK", ""]
        return name

    def _falling(self) -> str:
        """v3's F_TRIG does not fire in its first call with CLK FALSE."""
        body = ["Q := NOT CLK AND NOT M;", "M := NOT CLK;"]
        return self._block("RUNG_F_TRIG", ["CLK : BOOL"], ["Q : BOOL"], ["M : BOOL"], body)

    def _timer(self, stem: str) -> str:
        """v3's timers take PT = T#0s one scan late."""
        memories = ["WATCH : TON"] + ["M : BOOL"] * (stem == "TP")
        outputs = ["Q : BOOL", "ET : TIME"]
        return self._block(f"RUNG_{stem}", ["IN : BOOL", "PT : TIME"], outputs, memories, _TIMERS[stem].splitlines())

    def _counter(self, stem: str, kind: Elementary) -> str:
        """v3's counters stop at PV and at 0, the standard's at the ends of their type."""
        name, value = f"RUNG_{stem}_{kind.name}", kind.name
        top, bottom, zero, one = (literal(kind, n, typed=True) for n in (kind.high, kind.low, 0, 1))
        up, down = stem != "CTD", stem != "CTU"
        inputs = (
            ["CU : BOOL"] * up + ["CD : BOOL"] * down + ["R : BOOL"] * up + ["LD : BOOL"] * down + [f"PV : {value}"]
        )
        both = up and down
        q_up, q_down = ("QU", "QD") if both else ("Q", "Q")
        outputs = [f"{q_up} : BOOL"] * up + [f"{q_down} : BOOL"] * (down and not up) + [f"{q_down} : BOOL"] * both
        rises = "CU AND NOT MU" + (" AND NOT (CD AND NOT MD)" if both else "")
        falls = "CD AND NOT MD" + (" AND NOT (CU AND NOT MU)" if both else "")
        steps: list[tuple[str, str]] = []
        steps += [("R", f"CV := {zero};")] * up + [("LD", "CV := PV;")] * down
        steps += [(f"{rises} AND (CV < {top})", f"CV := CV + {one};")] * up
        steps += [(f"{falls} AND (CV > {bottom})", f"CV := CV - {one};")] * down
        body: list[str] = []
        for number, (condition, statement) in enumerate(steps):
            body += [f"{'ELSIF' if number else 'IF'} {condition} THEN", f"  {statement}"]
        body += ["END_IF;"] + ["MU := CU;"] * up + ["MD := CD;"] * down
        body += [f"{q_up} := CV >= PV;"] * up + [f"{q_down} := CV <= {zero};"] * down
        memories = ["MU : BOOL"] * up + ["MD : BOOL"] * down
        return self._block(name, inputs, [*outputs, f"CV : {value}"], memories, body)


def unsigned_name(kind: Elementary) -> str:
    """Return the unsigned integer type of a bit string's width."""
    return _UNSIGNED_OF[max(8, kind.bits)]
