"""The state of one pass over a body or over a declaration's expressions, and how a value meets the type its context expects.

Invariants: an expression's handler returns the type of its value. That is `ANY_INTEGER`, `ANY_REAL` or `ANY_ENUMERATION` as long as
literals alone make it up: then only its constant is known, and whoever knows the context settles it (`settle`). All other types
are final and already in `types`. `UNKNOWN` says that a mistake has been reported, and silences what would follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from rung.semantics import constants as folding
from rung.semantics.environment import Environment
from rung.semantics.located import direct_variable, may_hold
from rung.semantics.model import Analysis, EnumValueSymbol, Pou, Symbol, Variable
from rung.semantics.types import (
    BOOL,
    LREAL,
    REAL,
    UNKNOWN,
    Array,
    Block,
    Constant,
    Elementary,
    Enumeration,
    Family,
    Reference,
    StringType,
    Subrange,
    Type,
    same_type,
    storage,
    strip,
)
from rung.semantics.widening import ANY_INTEGER, ANY_REAL, INTEGERS, RANGES, ROUNDS, WIDENS, least_integer
from rung.semantics.wording import described, type_name, value_text
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import Binary, BitAccess, Call, DirectAddress, Expr, Literal, NameExpr, Unary, Unit

Handler = Callable[..., Type]

# A bare enumerator that several enumerations have, until the context names one.
ANY_ENUMERATION: Final = Enumeration("enumerator", BOOL, {}, {}, 0)
PENDING: Final[frozenset[Type]] = frozenset({ANY_INTEGER, ANY_REAL, ANY_ENUMERATION})


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
        local_enumerators: Mapping[str, EnumValueSymbol],
        unit: Unit | None,
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
        if goal.__class__ is not Elementary:
            self.settle_alone(node, kind)
            if goal is not UNKNOWN:
                self._refuse(node, kind, target)
            return goal is UNKNOWN
        assert isinstance(goal, Elementary)
        if goal.family is Family.REAL:
            self._settle_real(node, kind, goal)
            return True
        bounds = RANGES.get(goal)
        if kind is ANY_REAL or bounds is None or not isinstance(value, int):
            self.settle_alone(node, kind)
            self._refuse(node, kind, target)
            return False
        ranged = strip(target)
        low, high = (ranged.low, ranged.high) if isinstance(ranged, Subrange) else bounds
        self._force(node, goal)
        if low <= value <= high:
            return True
        if goal is BOOL:
            self._refuse(node, kind, target)
        else:
            self.report("TYP003", node, f"{value} does not fit {described(target)}, which holds {low} to {high}.")
        return False

    def _settle_enumerator(self, node: Expr, goal: Type, target: Type) -> bool:
        assert isinstance(node, NameExpr)
        if isinstance(goal, Enumeration) and node.key in goal.values:
            self.resolve_enumerator(node, EnumValueSymbol(goal, node.key, goal.values[node.key]))
            return True
        if goal is UNKNOWN:
            self.types[node] = UNKNOWN
            return True
        if isinstance(goal, Enumeration):
            self.types[node] = UNKNOWN
            self.report("NAM006", node, f"{type_name(target)} has no value '{node.text}'.")
        else:
            self.settle_alone(node, ANY_ENUMERATION)
        return False

    def _settle_real(self, node: Expr, kind: Type, goal: Elementary) -> None:
        """A literal becomes a REAL; integers that are computed from literals stay integers until they are done (1/2 is 0)."""
        value = self.constants[node]
        assert isinstance(value, (int, float))
        plain = node.operand if isinstance(node, Unary) else node
        if kind is ANY_INTEGER and not isinstance(plain, Literal):
            self.settle_alone(node, kind)
            self.converted[node] = goal
            return
        self._force(node, goal)

    def _force(self, node: Expr, kind: Type) -> None:
        """Write the type into a pending expression and all its parts."""
        if kind is not UNKNOWN:
            self.constants[node] = folding.converted(self.constants[node], kind)
            if kind is BOOL:
                self.constants[node] = bool(self.constants[node])
        self.types[node] = kind
        if isinstance(node, Unary):
            self._force(node.operand, kind)
        elif isinstance(node, Binary) and node.left not in self.types:
            self._force(node.left, kind)
            self._force(node.right, kind)
        elif isinstance(node, Binary) and node.right not in self.types:
            self._force(node.right, kind)

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
        if have.__class__ is Elementary and goal.__class__ is Elementary:
            return self._fit_elementary(node, have, goal, target)
        if isinstance(have, StringType) and isinstance(goal, StringType) and have.wide == goal.wide:
            self.converted[node] = goal
            self._warn_truncated(node, goal)
            return True
        if isinstance(have, Elementary) and isinstance(goal, StringType) and have.family is Family.CHAR:
            if (have.bits == 16) == goal.wide:
                self.converted[node] = goal
                return True
        elif assignable(have, goal):
            return True
        self._refuse(node, source, target)
        return False

    def _fit_elementary(self, node: Expr, have: Type, goal: Type, target: Type) -> bool:
        assert isinstance(have, Elementary)
        assert isinstance(goal, Elementary)
        if goal in WIDENS[have]:
            self.converted[node] = goal
            return not isinstance(strip(target), Subrange) or self._in_subrange(node, target)
        if goal in ROUNDS.get(have, ()):
            self.converted[node] = goal
            digits = 7 if goal is REAL else 15
            if node not in self.constants:
                self.report(
                    "TYP018", node, f"{goal.name} keeps about {digits} digits, so a large {have.name} loses its last ones here. "
                    f"Write {have.name}_TO_{goal.name}(...) if that is meant.", data=f"{have.name}_TO_{goal.name}",
                )  # fmt: skip
            return True
        if self.retype_direct(node, goal):
            return True
        value = self.constants.get(node)
        if value is not None and self._constant_fits(value, have, goal, target):
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
        """Read a direct address as a type of its width, which is all that an address knows of itself: `i := %IW0`."""
        if not self.is_direct(node, goal):
            return False
        symbol = self.symbols[node]
        assert isinstance(symbol, Variable)
        assert symbol.address is not None
        self.symbols[node] = direct_variable(symbol.address, goal)
        self.types[node] = goal
        return True

    def _constant_fits(self, value: Constant, have: Elementary, goal: Elementary, target: Type) -> bool:
        """A constant may narrow within its kind (integers, bit strings, reals) where nothing of it is lost."""
        if have in INTEGERS and goal in INTEGERS:
            ranged = strip(target)
            low, high = (ranged.low, ranged.high) if isinstance(ranged, Subrange) else RANGES[goal]
            return isinstance(value, int) and low <= value <= high
        if have.family is Family.BITS and goal.family is Family.BITS:
            return isinstance(value, int) and value <= goal.high
        return have.family is Family.REAL and goal.family is Family.REAL

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


def assignable(have: Type, goal: Type) -> bool:
    """Whether a value that is neither elementary nor text may be copied without conversion."""
    if isinstance(have, Array) and isinstance(goal, Array):
        if None in goal.dimensions and len(have.dimensions) == len(goal.dimensions):
            return same_type(have.element, goal.element)
        shape = [d and d[1] - d[0] for d in have.dimensions] == [d and d[1] - d[0] for d in goal.dimensions]
        return shape and same_type(have.element, goal.element)
    if isinstance(have, Reference) and isinstance(goal, Reference):
        return have.target is UNKNOWN or same_type(have.target, goal.target)
    return same_type(have, goal)


def refusal(node: Expr, source: Type, target: Type, value: Constant | None) -> tuple[str, str, str | None]:
    """Return code, sentence and fix for a value of a wrong type."""
    have, goal = storage(source), storage(target)
    if isinstance(goal, Enumeration):
        names = ", ".join(goal.spelling.values())
        return (
            "TYP019",
            f"{_called(node, source, value)} is no value of {type_name(target)}. Its values are {names}.",
            None,
        )
    if isinstance(have, Enumeration) and isinstance(goal, Elementary):
        return (
            "TYP001",
            f"{type_name(source)} is an enumeration, not {described(target)}. Choose the number with a CASE.",
            None,
        )
    if goal is BOOL and (have is ANY_INTEGER or have in INTEGERS):
        return (
            "TYP001",
            f"{_called(node, source, value)} is not BOOL. Compare it, as in x <> 0, or write TRUE or FALSE.",
            None,
        )
    if isinstance(goal, Elementary) and goal.family is Family.DURATION and source in (ANY_INTEGER, ANY_REAL):
        return (
            "TYP001",
            f"{_called(node, source, value)} is not {goal.name}. Write a duration with its unit, as in T#{value}ms.",
            None,
        )
    if isinstance(have, Block) or isinstance(goal, Block):
        return (
            "TYP001",
            f"A function block instance cannot be copied: {described(source)} to {described(target)}.",
            None,
        )
    if source is ANY_REAL and isinstance(goal, Elementary) and goal in INTEGERS:
        return (
            "TYP002",
            f"{value} is not {described(target)}: an integer has no decimals. Round it with LREAL_TO_{goal.name}(...).",
            None,
        )
    if (
        isinstance(have, (Elementary, StringType))
        and isinstance(goal, (Elementary, StringType))
        and source not in PENDING
    ):
        function = f"{conversion_word(have)}_TO_{conversion_word(goal)}"
        narrow = isinstance(have, Elementary) and isinstance(goal, Elementary) and have.family is goal.family
        if narrow:
            return (
                "TYP002",
                f"{described(source)} does not fit {described(target)}: it may be too large. Write {function}(...) if it is not.",
                function,
            )
        return (
            "TYP001",
            f"{described(target)} is expected here, not {described(source)}. Convert it with {function}(...).",
            function,
        )
    return "TYP001", f"{described(target)} is expected here, not {_called(node, source, value)}.", None


def _called(node: Expr, source: Type, value: Constant | None) -> str:
    if value is not None and isinstance(node, (Literal, Unary)):
        return value_text(value, source)
    if isinstance(node, (Call, Binary, BitAccess)) and source in PENDING:
        return "a number"
    return described(source)


def conversion_word(kind: Elementary | StringType) -> str:
    """Return a type's name as the conversion functions spell it."""
    if isinstance(kind, StringType):
        return "WSTRING" if kind.wide else "STRING"
    return {"TIME_OF_DAY": "TOD", "DATE_AND_TIME": "DT", "LTIME_OF_DAY": "LTOD", "LDATE_AND_TIME": "LDT"}.get(
        kind.name, kind.name
    )
