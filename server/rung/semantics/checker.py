"""The state of one pass over a body or over a declaration's expressions, and how a value meets the type its context expects.

Invariants: an expression's handler returns the type of its value. That is `ANY_INTEGER`, `ANY_REAL` or `ANY_ENUMERATION` as long as
literals alone make it up: then only its constant is known, and whoever knows the context settles it (`settle`). All other types
are final and already in `types`. `UNKNOWN` says that a mistake has been reported, and silences what would follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from rung.semantics import constants as folding
from rung.semantics.environment import Environment
from rung.semantics.located import direct_variable, may_hold
from rung.semantics.model import Analysis, EnumValueSymbol, Pou, Symbol, Variable
from rung.semantics.refusals import assignable, refusal
from rung.semantics.types import (
    BOOL,
    LREAL,
    REAL,
    UNKNOWN,
    Constant,
    Elementary,
    Enumeration,
    Family,
    StringType,
    Subrange,
    Type,
    storage,
    strip,
)
from rung.semantics.widening import (
    ANY_ENUMERATION,
    ANY_INTEGER,
    ANY_REAL,
    INTEGERS,
    PENDING,
    RANGES,
    ROUNDS,
    WIDENS,
    least_integer,
)
from rung.semantics.wording import described, type_name
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import Binary, Call, DirectAddress, Expr, Literal, NameExpr, Unary, Unit

Handler = Callable[..., Type]


class Spot(Protocol):
    """Anything with a place in the text: every node of the tree."""

    start: int
    end: int


class Checker:
    """One pass. `scope` are the variables that bodies name without a prefix; `handlers` is the dispatch table of expressions."""

    __slots__ = (
        "calls",
        "constants",
        "converted",
        "dependencies",
        "doubtful",
        "environment",
        "handlers",
        "local_enumerators",
        "loop_depth",
        "loop_variables",
        "pou",
        "problems",
        "reported_names",
        "result_written",
        "scope",
        "statement_call",
        "symbols",
        "types",
        "unit",
        "written_in_outs",
    )

    def __init__(
        self,
        environment: Environment,
        handlers: Mapping[type, Handler],
        analysis: Analysis,
        scope: Mapping[str, Variable],
        local_enumerators: dict[str, EnumValueSymbol],
        unit: Unit,
    ) -> None:
        self.environment = environment
        self.handlers = handlers
        self.pou: Pou = analysis.pou
        self.scope = scope
        self.local_enumerators = local_enumerators
        self.unit = unit
        self.types: dict[Expr, Type] = analysis.types
        self.converted: dict[Expr, Type] = analysis.converted
        self.constants: dict[Expr, Constant] = analysis.constants
        self.symbols: dict[Expr, Symbol] = analysis.symbols
        self.calls = analysis.calls
        self.problems: list[Problem] = analysis.problems
        self.dependencies: set[str] = set()
        # A header with syntax errors may have lost declarations, so names missing from it are not reported again.
        self.doubtful = False
        self.reported_names: set[str] = set()
        self.loop_depth = 0
        self.loop_variables: list[Variable] = []
        self.result_written = False
        # The call that stands as a statement, and so need not give a value.
        self.statement_call: Call | None = None
        # In-outs that were given a value from outside before the call, as `sorter.list := values; sorter();`: instance and parameter.
        self.written_in_outs: set[tuple[Symbol | None, Variable]] = set()

    # ------------------------------------------------------------------------------------------------ problems

    def report(
        self, code: str, place: Spot, message: str, related: tuple[Related, ...] = (), data: str | None = None
    ) -> None:
        """Add a finding on the range of a node."""
        self.problems.append(Problem(code, place.start, place.end, message, related, data))

    def fail(self, code: str, place: Spot, message: str, data: str | None = None) -> Type:
        """Report a mistake that leaves the expression without a type, and return the type that silences what follows."""
        self.problems.append(Problem(code, place.start, place.end, message, (), data))
        return UNKNOWN

    # ------------------------------------------------------------------------------------------------- visiting

    def visit(self, node: Expr, hint: Type | None = None) -> Type:
        """Type an expression. `hint` is the type that the context would like, which only literals and enumerators heed."""
        return self.handlers[node.__class__](self, node, hint)

    def value(self, node: Expr, hint: Type | None = None) -> Type:
        """Type an expression whose context accepts several types; literals get the type that they have by themselves."""
        kind = self.handlers[node.__class__](self, node, hint)
        return self.settle_alone(node, kind) if kind in PENDING else kind

    def expect(self, node: Expr, target: Type) -> bool:
        """Type an expression and make its value one of `target`. False: it cannot be, which has been reported."""
        source = self.handlers[node.__class__](self, node, target)
        return True if source is target else self.fit(node, source, target)

    def constant(self, node: Expr) -> Constant | None:
        """Return what an expression is worth where it stands, implicit conversion included; None if it is not constant."""
        value = self.constants.get(node)
        if value is None:
            return None
        target = self.converted.get(node)
        return value if target is None else folding.converted(value, target)

    # -------------------------------------------------------------------------------------------- literals settle

    def settle_alone(self, node: Expr, kind: Type) -> Type:
        """Give a pending expression the type that it has without a context, and return that."""
        if kind is ANY_REAL:
            self._force(node, LREAL)
            return LREAL
        if kind is ANY_INTEGER:
            value = self.constants[node]
            integer = least_integer(value) if isinstance(value, int) else None
            if integer is None:
                self._force(node, UNKNOWN)
                return self.fail("TYP003", node, f"{value} is too large for every integer type.")
            self._force(node, integer)
            return integer
        assert isinstance(node, NameExpr)
        self.types[node] = UNKNOWN
        owners = ", ".join(f"{type_name(s.type)}#{node.text}" for s in self.environment.find_enumerators(node.key))
        return self.fail("NAM007", node, f"Several enumerations have a value '{node.text}'. Write which one: {owners}.")

    def settle(self, node: Expr, kind: Type, target: Type) -> bool:
        """Give a pending expression the type that its context expects. False: its value cannot have it, which has been reported."""
        goal = storage(target)
        if kind is ANY_ENUMERATION:
            return self._settle_enumerator(node, goal, target)
        value = self.constants[node]
        if not isinstance(goal, Elementary):
            self.settle_alone(node, kind)
            if goal is not UNKNOWN:
                self._refuse(node, kind, target)
            return goal is UNKNOWN
        if goal.family is Family.REAL:
            self._settle_real(node, kind, goal)
            return True
        bounds = RANGES.get(goal)
        if kind is ANY_REAL or bounds is None or not isinstance(value, int) or (goal is BOOL and value not in (0, 1)):
            self.settle_alone(node, kind)
            self._refuse(node, kind, target)
            return False
        ranged = strip(target)
        low, high = (ranged.low, ranged.high) if isinstance(ranged, Subrange) else bounds
        self._force(node, goal)
        if not low <= value <= high:
            self.report("TYP003", node, f"{value} does not fit {described(target)}, which holds {low} to {high}.")
        return low <= value <= high

    def _settle_enumerator(self, node: Expr, goal: Type, target: Type) -> bool:
        assert isinstance(node, NameExpr)
        if isinstance(goal, Enumeration) and node.key in goal.values:
            self.resolve_enumerator(node, EnumValueSymbol(goal, node.key, goal.values[node.key]))
            return True
        if isinstance(goal, Enumeration):
            self.types[node] = UNKNOWN
            self.report("NAM006", node, f"{type_name(target)} has no value '{node.text}'.")
        elif goal is UNKNOWN:
            self.types[node] = UNKNOWN
        else:
            self.settle_alone(node, ANY_ENUMERATION)
        return goal is UNKNOWN

    def _settle_real(self, node: Expr, kind: Type, goal: Elementary) -> None:
        """A literal becomes a REAL; integers that are computed from literals stay integers until they are done (1/2 is 0)."""
        plain = node.operand if isinstance(node, Unary) else node
        if kind is ANY_INTEGER and not isinstance(plain, Literal):
            if self.settle_alone(node, kind) is not UNKNOWN:
                self.converted[node] = goal
            return
        self._force(node, goal)

    def _force(self, node: Expr, kind: Type) -> None:
        """Write the type into a pending expression and all its parts."""
        if kind is not UNKNOWN:
            value = folding.converted(self.constants[node], kind)
            self.constants[node] = bool(value) if kind is BOOL else value
        self.types[node] = kind
        if isinstance(node, Unary):
            parts = [node.operand]
        elif isinstance(node, Binary):
            parts = [node.left, node.right]
        else:
            return
        for part in parts:
            if part not in self.types:
                self._force(part, kind)

    def resolve_enumerator(self, node: Expr, symbol: EnumValueSymbol) -> Type:
        """Enter what an enumerator stands for."""
        self.symbols[node] = symbol
        self.types[node] = symbol.type
        self.constants[node] = symbol.value
        return symbol.type

    # ------------------------------------------------------------------------------------------------ conversion

    def fit(self, node: Expr, source: Type, target: Type) -> bool:
        """Make an expression's value, whose type is `source`, one of `target`. False: it cannot be, which has been reported."""
        if source in PENDING:
            return self.settle(node, source, target)
        if source is UNKNOWN or target is UNKNOWN:
            return True
        have, goal = storage(source), storage(target)
        if have is goal:
            return not isinstance(strip(target), Subrange) or self._in_subrange(node, target)
        if isinstance(have, Elementary) and isinstance(goal, Elementary):
            return self._fit_elementary(node, have, goal, target)
        if isinstance(goal, StringType):
            if isinstance(have, StringType) and have.wide == goal.wide:
                self.converted[node] = goal
                self._warn_truncated(node, goal)
                return True
            if isinstance(have, Elementary) and have.family is Family.CHAR and (have.bits == 16) == goal.wide:
                self.converted[node] = goal
                return True
        if not isinstance(have, (Elementary, StringType)) and assignable(have, goal):
            return True
        self._refuse(node, source, target)
        return False

    def _fit_elementary(self, node: Expr, have: Elementary, goal: Elementary, target: Type) -> bool:
        if goal in WIDENS[have]:
            self.converted[node] = goal
            return not isinstance(strip(target), Subrange) or self._in_subrange(node, target)
        if goal in ROUNDS.get(have, ()):
            self.converted[node] = goal
            if node not in self.constants:
                function = f"{have.name}_TO_{goal.name}"
                message = (
                    f"{goal.name} keeps about {7 if goal is REAL else 15} digits, so a large {have.name} loses its last ones here. "
                    f"Write {function}(...) if that is meant."
                )
                self.report("TYP018", node, message, data=function)
            return True
        if self.retype_direct(node, goal):
            return True
        value = self.constants.get(node)
        if value is not None and _constant_fits(value, have, goal, target):
            self.converted[node] = goal
            return True
        self._refuse(node, have, target)
        return False

    def is_direct(self, node: Expr, goal: Elementary) -> bool:
        """Whether an expression is a direct address of the width of `goal`."""
        symbol = self.symbols.get(node)
        if not isinstance(node, DirectAddress) or not isinstance(symbol, Variable) or symbol.address is None:
            return False
        return may_hold(symbol.address, goal)

    def retype_direct(self, node: Expr, goal: Elementary) -> bool:
        """Read a direct address as another type of its width, which is all that an address knows of itself: `i := %IW0`."""
        if self.types[node] is goal or not self.is_direct(node, goal):
            return False
        symbol = self.symbols[node]
        assert isinstance(symbol, Variable)
        assert symbol.address is not None
        self.symbols[node] = direct_variable(symbol.address, goal)
        self.types[node] = goal
        return True

    def _in_subrange(self, node: Expr, target: Type) -> bool:
        kind, value = strip(target), self.constants.get(node)
        assert isinstance(kind, Subrange)
        if isinstance(value, int) and not kind.low <= value <= kind.high:
            self.report(
                "TYP003", node, f"{value} does not fit {described(target)}, which holds {kind.low} to {kind.high}."
            )
            return False
        return True

    def _warn_truncated(self, node: Expr, goal: StringType) -> None:
        value = self.constants.get(node)
        if isinstance(value, str) and len(value) > goal.length:
            self.report(
                "TYP026",
                node,
                f"This text has {len(value)} characters, but {goal.name} keeps only the first {goal.length}.",
            )

    def _refuse(self, node: Expr, source: Type, target: Type) -> None:
        code, message, data = refusal(node, source, target, self.constants.get(node))
        self.report(code, node, message, data=data)


def _constant_fits(value: Constant, have: Elementary, goal: Elementary, target: Type) -> bool:
    """A constant may narrow within its kind (integers, bit strings, reals) where nothing of it is lost."""
    if have in INTEGERS and goal in INTEGERS:
        ranged = strip(target)
        low, high = (ranged.low, ranged.high) if isinstance(ranged, Subrange) else RANGES[goal]
        return isinstance(value, int) and low <= value <= high
    if have.family is Family.BITS and goal.family is Family.BITS:
        return isinstance(value, int) and value <= goal.high
    return have.family is Family.REAL and goal.family is Family.REAL
