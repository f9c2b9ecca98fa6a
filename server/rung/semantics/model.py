"""What the checker decides and the code generator reads: symbols, the tables of one body, the whole typed program.

Invariant: everything here is final once made. The code generator takes types, conversions, constants and resolved calls from
these tables and never works one out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from rung.semantics.types import BOOL, Constant, Type
from rung.syntax.problem import Problem
from rung.syntax.tree import (
    Call,
    ConfigurationDecl,
    Expr,
    Identifier,
    PouDecl,
    PouKind,
    ProgramConfig,
    SectionKind,
    TaskDecl,
    TypeDecl,
    Unit,
)

if TYPE_CHECKING:
    from rung.semantics.environment import Environment, Tables


@dataclass(slots=True, frozen=True)
class Located:
    """A located address (6.5.5): `area` I, Q or M; `size` X, B, W, D or L; `index` the table index of that width; `bit` 0..7 for
    X, else None. `%IX1.2` is ("I", "X", 1, 2), `%QW3` ("Q", "W", 3, None)."""

    area: str
    size: str
    index: int
    bit: int | None

    @property
    def text(self) -> str:
        dot = "" if self.bit is None else f".{self.bit}"
        return f"%{self.area}{self.size}{self.index}{dot}"


@dataclass(slots=True, eq=False)
class Variable:
    """A declared variable, parameter, or function result.

    `section` is where it was declared; a function's result is a VAR_OUTPUT whose key is the function's name. `initial` is the
    folded initial value, None for the type's default. `target` of a VAR_EXTERNAL is the global it stands for. `identifier` and
    `unit` say where it was declared, both None for what the language itself declares. `address` of `AT %I*` stays None.
    """

    name: str
    key: str
    type: Type
    section: SectionKind
    constant: bool = False
    retain: bool = False
    edge: str | None = None
    initial: Constant | None = None
    address: Located | None = None
    target: Variable | None = None
    identifier: Identifier | None = None
    unit: Unit | None = None


@dataclass(slots=True, eq=False)
class Pou:
    """A POU's interface. `variables` by upper-case name in declaration order, parameters and locals alike; a FUNCTION's result is
    among them under the function's own name. `declaration` and `unit` are None for standard function blocks."""

    kind: PouKind
    name: str
    key: str
    variables: dict[str, Variable]
    result: Type | None = None
    declaration: PouDecl | None = None
    unit: Unit | None = None


@dataclass(slots=True, frozen=True)
class EnumValueSymbol:
    """An enumerator that a name stands for."""

    type: Type
    key: str
    value: int


@dataclass(slots=True, eq=False)
class StandardFunction:
    """A standard function resolved for one call, overloading done.

    `name` is the name the user wrote, upper case. `operation` is its canonical name in `semantics/stdlib`: overloaded names without
    types (`ADD`, `SEL`, `LEFT`), `CONVERT` for every `A_TO_B`/`TO_B`, and so on as that table says. `parameters` are the concrete
    types the arguments are converted to, `result` the concrete result.
    """

    name: str
    operation: str
    parameters: tuple[Type, ...]
    result: Type


# Every function block has EN and ENO, also where it does not declare them (6.6.1.5): `IF t1.ENO THEN`. All instances share these two
# symbols; whoever evaluates them keeps one value for each instance.
IMPLICIT_EN = Variable("EN", "EN", BOOL, SectionKind.VAR_INPUT, initial=True)
IMPLICIT_ENO = Variable("ENO", "ENO", BOOL, SectionKind.VAR_OUTPUT, initial=True)

Symbol = Union[Variable, Pou, EnumValueSymbol]


@dataclass(slots=True, eq=False)
class BoundArgument:
    """One argument after binding. `parameter` is None for the inputs of a standard function (bound by position).

    `expr` is the value of an input, or the target of an output or in-out. `output` marks `name => target`, `negated` a NOT there.
    """

    parameter: Variable | None
    expr: Expr
    output: bool = False
    negated: bool = False


@dataclass(slots=True, eq=False)
class ResolvedCall:
    """A call with its callee found and its arguments bound.

    `callee`: a user FUNCTION (`Pou`), a `StandardFunction`, or a FUNCTION_BLOCK (`Pou`) whose instance is the call's `callee`
    expression. `arguments` stand in the parameters' order, omitted ones left out. `en` is the expression of an EN input, `eno` the
    target of `ENO => target`, unless the callee declares such parameters itself. `result` None: the call yields no value.
    """

    callee: Pou | StandardFunction
    arguments: tuple[BoundArgument, ...]
    en: Expr | None
    eno: BoundArgument | None
    result: Type | None


@dataclass(slots=True, eq=False)
class Analysis:
    """The tables of one POU body (or of a declaration's initial values).

    `types` gives every expression the type of its value, never a generic or pending one in a program without errors. `converted`
    holds those whose value is implicitly converted where it stands, with the type it becomes (also a string's or array's). Both
    operands of an arithmetic operation or comparison have the same type after `converted`. `constants` folds every literal and
    every expression made of constants, already in the expression's type. `symbols` resolves `NameExpr`, `EnumLiteral`,
    `DirectAddress` and `Member` (a block's variable; a structure's member is found by name in its type). `dependencies` are the
    upper-case global names that were looked up, found or not.
    """

    pou: Pou
    types: dict[Expr, Type] = field(default_factory=dict)
    converted: dict[Expr, Type] = field(default_factory=dict)
    constants: dict[Expr, Constant] = field(default_factory=dict)
    symbols: dict[Expr, Symbol] = field(default_factory=dict)
    calls: dict[Call, ResolvedCall] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    dependencies: frozenset[str] = frozenset()

    def used_type(self, expr: Expr) -> Type:
        """Return the type that the context sees: after the implicit conversion, if there is one."""
        return self.converted.get(expr) or self.types[expr]


@dataclass(slots=True, eq=False)
class Task:
    """`interval_ns` None: no INTERVAL was given. `priority` 0 is the most urgent (6.8.2). `single` is the variable whose rising edge
    starts it."""

    name: str
    interval_ns: int | None
    priority: int
    single: Variable | None = None
    declaration: TaskDecl | None = None


@dataclass(slots=True, eq=False)
class Connection:
    """`parameter := source` or `parameter => target` of a program instance."""

    parameter: Variable
    output: bool
    constant: Constant | None
    variable: Variable | None


@dataclass(slots=True, eq=False)
class ProgramInstance:
    """A program in a configuration; `task` None: it runs in every scan, after the tasks, at lowest priority."""

    name: str
    pou: Pou
    task: Task | None
    connections: tuple[Connection, ...] = ()
    declaration: ProgramConfig | None = None


@dataclass(slots=True, eq=False)
class Resource:
    name: str
    processor: str
    globals: dict[str, Variable]
    tasks: list[Task]
    instances: list[ProgramInstance]


@dataclass(slots=True, eq=False)
class Configuration:
    """`implied` marks the `Config0`/`Res0` that a lone PROGRAM gets: one cyclic task of 20 ms. `addresses` holds what VAR_CONFIG
    gives to `AT %I*` variables, by upper-case path INSTANCE.VARIABLE."""

    name: str
    globals: dict[str, Variable]
    resources: list[Resource]
    addresses: Mapping[str, Located]
    implied: bool
    declaration: ConfigurationDecl | None = None


@dataclass(slots=True, eq=False)
class Program:
    """All that a set of units means.

    `types` holds the declared types by upper-case name, each after those it is made of. `pous` holds the user's POUs by upper-case
    name, each after those it uses (functions it calls, blocks it holds); `analyses` their bodies. `globals` are those declared at
    top level, outside a CONFIGURATION. `configuration` is None when there is no PROGRAM to run or when it is broken.
    `problems` pairs each finding, those of the declarations and of all `analyses` included, with the unit its offsets refer to; what the
    parser found stays in `Unit.problems`. `environment` is what a later `analyse` takes over.
    `declarations` holds, for each unit with declarations outside of POUs, what the expressions in it mean.
    """

    types: Mapping[str, Type]
    type_declarations: Mapping[str, tuple[Unit, TypeDecl]]
    pous: Mapping[str, Pou]
    globals: Mapping[str, Variable]
    configuration: Configuration | None
    analyses: Mapping[str, Analysis]
    problems: list[tuple[Unit, Problem]]
    environment: Environment | None = None
    declarations: Mapping[Unit, Tables] = field(default_factory=dict)
