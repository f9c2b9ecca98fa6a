"""The later stage of the device's compiler: types. It converts nothing by itself (section 3.3 rule 8).

Rung's own analysis says where a value is converted silently and where types do not fit; here that becomes the compiler's message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.project.snapshot import Snapshot
from rung.rules.registry import find
from rung.semantics.model import Analysis, Pou, StandardFunction, Variable
from rung.semantics.types import Array, Elementary, Family, StringType, Type, same_type, storage, strip
from rung.simulator.v3.complaints import Complaint, Places
from rung.simulator.v3.tree_walk import Node, walk
from rung.syntax.problem import Problem
from rung.syntax.tree import (
    Argument,
    Assign,
    Binary,
    Call,
    Expr,
    For,
    If,
    IfBranch,
    Index,
    Literal,
    LiteralKind,
    Member,
    NameExpr,
    PouDecl,
    Repeat,
    StringSpec,
    Unary,
    VariableDecl,
    While,
)

_ASSIGN: Final = "Incompatible data types for ':=' operation."
_INITIAL: Final = "Initial value has incompatible data type."
_UNKNOWN_NAME: Final = "Ambiguous enumerate value or Variable not declared in this scope."
_UNKNOWN_MEMBER: Final = "Undeclared structured (or FB) variable, or non-existant field (variable) in structure (FB)."
_CONSTANT: Final = "Assignment to CONSTANT variables is not allowed."
_WIDTH: Final = "Bit size of data type is incompatible with bit size of location."
_EXTERNAL: Final = "Declaration error. The external variable does not match with any global variable."
_EXTERNAL_TYPE: Final = "Declaration error.  Data type mismatch between external and global variable declarations."
_SUBSCRIPT: Final = "Invalid data type for array subscript field."
_LOST_NAME: Final = "Variable not declared in this scope."
_NAMES: Final = frozenset({"NAM001", "NAM006", "NAM007", "NAM010", "NAM011"})
_MISMATCH: Final = frozenset({"TYP001", "TYP002", "TYP003", "TYP019", "TYP022", "CAL012"})
_OPERATORS: Final = frozenset({"TYP004", "TYP005", "TYP017"})
# What the device does not look at, or says itself at another stage.
_PASSED: Final = frozenset({
    "LOC001", "LOC002", "LOC003", "LOC007", "LOC009", "LOC010", "LOC011", "NAM002", "NAM004", "TSK001", "TSK003", "TSK008",
    "CTL002", "CTL003", "CTL005", "CTL009", "CAL003", "CAL013",
})  # fmt: skip
_INTEGERS: Final = (Family.SIGNED, Family.UNSIGNED, Family.BITS, Family.BOOL)


def type_complaints(places: Places, snapshot: Snapshot) -> list[Complaint]:
    """What is said of types, in the order of the text."""
    found: dict[tuple[int, int, str], Complaint] = {}
    for complaint in _all(places, snapshot):
        found.setdefault((complaint.start, complaint.end, complaint.text), complaint)
    inner = [complaint for complaint in found.values() if complaint.text != _ASSIGN]
    kept = [
        complaint
        for complaint in found.values()
        if complaint.text != _ASSIGN
        or not any(complaint.start <= other.start and other.end <= complaint.end for other in inner)
    ]  # a value that is no good has no type, so nothing is said of its assignment
    return sorted(kept, key=lambda complaint: (places.line(complaint.start), complaint.end))


def _all(places: Places, snapshot: Snapshot) -> Iterator[Complaint]:
    program = snapshot.program
    known = {id(problem) for analysis in program.analyses.values() for problem in analysis.problems}
    for unit, problem in program.problems:
        if problem.code == "NAM008" and (program.configuration is None or program.configuration.implied):
            continue  # without a configuration nobody can say which globals there are
        if id(problem) not in known:
            yield from _declared(places, snapshot.place(unit).offset, problem)
    for analysis in program.analyses.values():
        own, decl = analysis.pou.unit, analysis.pou.declaration
        if own is not None and decl is not None:
            yield from _Body(snapshot.place(own).offset, analysis, decl).complaints()


def _declared(places: Places, offset: int, problem: Problem) -> Iterator[Complaint]:
    """A finding about a declaration."""
    if find(problem.code).severity != "error" or problem.code in _PASSED:
        return
    start, end = offset + problem.start, offset + problem.end
    if problem.code in ("LOC005", "LOC006"):
        first = places.token_at(places.text.rfind("\n", 0, start) + 1)
        yield Complaint(places.token_span(first)[0], places.next_of(start, (";", ":=")) - 1, _WIDTH)
    elif problem.code in ("NAM008", "NAM009"):
        line = places.text.rfind("\n", 0, start) + 1
        kind = places.token_at(places.next_of(line, (":",)))
        text = _EXTERNAL if problem.code == "NAM008" else _EXTERNAL_TYPE
        yield Complaint(places.tokens.starts[kind], places.next_of(start, (";",)) - 1, text)
    elif problem.code.startswith("TYP"):
        yield Complaint(start, end, _INITIAL)
    else:
        yield Complaint(start, end, "Declaration error.")


class _Body:
    """The findings of one POU."""

    def __init__(self, offset: int, analysis: Analysis, decl: PouDecl) -> None:
        self._offset = offset
        self._analysis = analysis
        self._decl = decl
        self._nodes = list(walk(decl.body))

    def complaints(self) -> Iterator[Complaint]:
        yield from self._initials()
        for node, above in self._nodes:
            if self._is_refused_conversion(node):
                yield from self._mismatch(node, above)
            if isinstance(node, For):
                yield from self._bounds(node)
        yield from self._unknown_names()
        for problem in self._analysis.problems:
            if find(problem.code).severity == "error" and problem.code not in _PASSED:
                yield from self._problem(problem)

    # -- what Rung converts and this compiler does not ------------------------------------------------------------

    def _is_refused_conversion(self, node: Node) -> bool:
        types = self._analysis.types
        if isinstance(node, Literal) and node.kind is LiteralKind.INTEGER and node.prefix is None:
            kind = types.get(node)
            used = self._analysis.converted.get(node) or kind
            return used is not None and not _takes_integer(used)
        target = self._analysis.converted.get(node)  # type: ignore[call-overload]  # only expressions are keys, any node may ask
        if target is None:
            return False
        source = types[node]  # type: ignore[index]  # what is converted is an expression
        if _is_bare_number(node):
            return not _takes_numbers(
                target, {literal.kind for literal, _ in walk([node]) if isinstance(literal, Literal)}
            )
        return not _same(source, target)

    def _mismatch(self, node: Node, above: tuple[Node, ...]) -> Iterator[Complaint]:
        """The message about a value, by what stands around it."""
        inner = node
        for outer in reversed(above):
            match outer:
                case Unary():
                    inner = outer
                    continue
                case Binary():
                    if _is_bare_number(outer) and outer.op in "+-*/":
                        inner = outer
                        continue
                    yield self._at(outer, f"Data type mismatch for '{outer.op}' expression.")
                case Assign():
                    yield self._at(outer, _ASSIGN)
                case Argument():
                    yield from self._argument(outer, inner, above)
            return

    def _bounds(self, loop: For) -> Iterator[Complaint]:
        """Begin, end and step must be of the loop variable's own type."""
        types = self._analysis.types
        for word, bound in (("begin", loop.first), ("end", loop.last), ("by", loop.step)):
            if bound is None or bound not in types or loop.variable not in types or _is_bare_number(bound):
                continue
            if not _same(types[bound], types[loop.variable]):
                yield self._at(bound, f"Invalid data type for 'FOR' {word} expression.")

    def _argument(self, argument: Argument, value: Node, above: tuple[Node, ...]) -> Iterator[Complaint]:
        call = above[above.index(argument) - 1]
        if not isinstance(call, Call):
            return
        resolved = self._analysis.calls.get(call)
        callee = resolved.callee if resolved is not None else None
        name = _text_of(call.callee)
        if isinstance(callee, Pou):
            kind = "FB" if callee.result is None and not isinstance(callee, StandardFunction) else "function"
            kind = "function" if callee.kind.value == "FUNCTION" else kind
            parameter = argument.name.text if argument.name is not None else ""
            if parameter:
                text = f"Data type incompatibility between parameter '{parameter}' and value being passed, when invoking {kind} '{name}'"
            else:
                position = call.arguments.index(argument) + 1
                text = (
                    f"Data type incompatibility for value passed in position {position} when invoking {kind} '{name}'"
                )
            yield self._at(value, text)
            return
        for position, other in enumerate(call.arguments, 1):
            if other.value is not None:
                text = (
                    f"Data type incompatibility for value passed in position {position} when invoking function '{name}'"
                )
                yield self._at(other.value, text)
        if "_TO_" not in name.upper():
            yield self._at(call, f"Unable to resolve which overloaded function '{name}' is being invoked.")

    def _initials(self) -> Iterator[Complaint]:
        lost: set[str] = set()
        for section in self._decl.sections:
            for decl in section.declarations:
                if isinstance(decl.type, StringSpec) and decl.type.length is not None:
                    lost.update(name.key for name in decl.names)
                if decl.initial is not None and decl.names:
                    variable = self._analysis.pou.variables.get(decl.names[0].key)
                    yield from self._initial(decl, variable)
        for node, _ in self._nodes:
            if isinstance(node, NameExpr) and node.key in lost:
                yield self._at(node, _LOST_NAME)

    def _initial(self, decl: VariableDecl, variable: Variable | None) -> Iterator[Complaint]:
        value = decl.initial.operand if isinstance(decl.initial, Unary) else decl.initial
        if variable is None or decl.initial is None or not isinstance(value, Literal):
            return
        if value.kind is LiteralKind.INTEGER and value.prefix is None and not _takes_integer(variable.type):
            yield self._at(decl.initial, _INITIAL)

    # -- what Rung refuses, too ----------------------------------------------------------------------------------

    def _problem(self, problem: Problem) -> Iterator[Complaint]:
        around = [node for node, _ in self._nodes if node.start <= problem.start and problem.end <= node.end]
        code = problem.code
        start, end = self._offset + problem.start, self._offset + problem.end
        if code in _NAMES:
            yield Complaint(start, end, _UNKNOWN_NAME)
        elif code in ("NAM005", "TYP011"):
            member = next((node for node in reversed(around) if isinstance(node, Member)), None)
            yield self._at(member, _UNKNOWN_MEMBER) if member else Complaint(start, end, _UNKNOWN_MEMBER)
        elif code == "TYP021":
            yield Complaint(start, end, _CONSTANT)
        elif code == "CTL001":
            yield from self._condition(start, end, around)
        elif code == "CTL007":
            yield Complaint(start, end, "'CASE' quantity not an integer or enumerated.")
        elif code == "CTL004":
            yield Complaint(start, end, "Invalid data type for 'FOR' control variable.")
        elif code == "TYP007":
            yield Complaint(start, end, _SUBSCRIPT)
        elif code == "TYP008":
            yield from self._out_of_bounds(problem, around)
        elif code == "CAL005":
            call = next((node for node in reversed(around) if isinstance(node, Call)), None)
            name = _text_of(call.callee) if call is not None else ""
            word = next((node.name.text for node in around if isinstance(node, Argument) and node.name), "")
            yield Complaint(start, start + len(word), f"Invalid parameter '{word}' when invoking FB '{name}'")
        elif code in _OPERATORS:
            yield from self._operator(around, start, end)
        elif code in _MISMATCH or code.startswith("CAL"):
            exact = [
                (node, above) for node, above in self._nodes if (node.start, node.end) == (problem.start, problem.end)
            ]
            shown = list(self._mismatch(*exact[-1])) if exact else []
            assign = next((node for node in reversed(around) if isinstance(node, Assign)), None)
            yield from shown or [self._at(assign, _ASSIGN) if assign else Complaint(start, end, _ASSIGN)]
        else:
            yield Complaint(start, end, _ASSIGN)

    def _unknown_names(self) -> Iterator[Complaint]:
        """Every place of a name that is not declared; Rung tells of the first only."""
        wrong = [(problem.start, problem.end) for problem in self._analysis.problems if problem.code in _NAMES]
        keys = {node.key for node, _ in self._nodes if isinstance(node, NameExpr) and (node.start, node.end) in wrong}
        for node, above in self._nodes:
            if not isinstance(node, NameExpr) or node.key not in keys:
                continue
            yield self._at(node, _UNKNOWN_NAME)
            if isinstance(above[-1], Argument):
                yield from self._argument(above[-1], node, above)

    def _condition(self, start: int, end: int, around: list[Node]) -> Iterator[Complaint]:
        holder = next((node for node in reversed(around) if isinstance(node, IfBranch | While | Repeat)), None)
        if isinstance(holder, While | Repeat):
            yield Complaint(start, end, f"Invalid data type for '{type(holder).__name__.upper()}' condition.")
            return
        outer = next((node for node in reversed(around) if isinstance(node, If)), None)
        word = "IF" if outer is None or outer.branches[0] is holder else "ELSIF"
        yield Complaint(start, end, f"Invalid data type for '{word}' condition (should be BOOL).")

    def _operator(self, around: list[Node], start: int, end: int) -> Iterator[Complaint]:
        for node in reversed(around):
            if isinstance(node, Binary):
                yield self._at(node, f"Data type mismatch for '{node.op}' expression.")
                return
            if isinstance(node, Unary):
                word = "NOT" if node.op == "NOT" else "NEG"
                yield self._at(node, f"Invalid data type for '{word}' expression.")
                return
        yield Complaint(start, end, _ASSIGN)

    def _out_of_bounds(self, problem: Problem, around: list[Node]) -> Iterator[Complaint]:
        index = next((node for node in reversed(around) if isinstance(node, Index)), None)
        if index is None:
            return
        for expr in index.indices:
            value = self._analysis.constants.get(expr)
            if expr.start <= problem.start < expr.end and isinstance(value, int):
                limit, sign = self._limit(index, index.indices.index(expr), value)
                text = f"Array access out of bounds (using constant value of {value}, should be {sign} {limit})."
                yield self._at(index, text)

    def _limit(self, index: Index, position: int, value: int) -> tuple[int, str]:
        kind = strip(self._analysis.types[index.base])
        bound = kind.dimensions[position] if isinstance(kind, Array) else None
        low, high = bound if bound is not None else (0, 0)
        return (low, ">=") if value < low else (high, "<=")

    def _at(self, node: Node, text: str) -> Complaint:
        end = node.end
        if isinstance(node, Assign):
            end = node.value.end
        return Complaint(self._offset + node.start, self._offset + end, text)


def _takes_integer(kind: Type) -> bool:
    """Whether an integer literal may stand for a value of this type."""
    base = storage(kind)
    return not isinstance(base, Elementary) or base.family in _INTEGERS


def _takes_numbers(kind: Type, literals: set[LiteralKind]) -> bool:
    """Whether untyped literals of these kinds may stand for a value of this type."""
    base = storage(kind)
    if not isinstance(base, Elementary):
        return True
    return base.family is Family.REAL if LiteralKind.REAL in literals else base.family in _INTEGERS


def _same(source: Type, target: Type) -> bool:
    left, right = storage(source), storage(target)
    return (isinstance(left, StringType) and isinstance(right, StringType)) or same_type(left, right)


def _is_bare_number(node: Node) -> bool:
    """An expression of untyped literals alone, which takes its type from where it stands."""
    if isinstance(node, Literal):
        return node.prefix is None
    if isinstance(node, Unary):
        return isinstance(node.operand, Node) and _is_bare_number(node.operand)
    return isinstance(node, Binary) and _is_bare_number(node.left) and _is_bare_number(node.right)


def _text_of(callee: Expr) -> str:
    return callee.text if isinstance(callee, NameExpr) else callee.name.text if isinstance(callee, Member) else ""
