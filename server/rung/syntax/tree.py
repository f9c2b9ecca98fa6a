"""The syntax tree of IEC 61131-3 Structured Text.

Invariants: every node knows the half-open range `[start, end)` it covers, in offsets into its unit's text; a tree is
never changed after the parser made it; a broken program still gives a tree, with `ErrorExpr` and `ErrorStatement`
where the parser gave up. Nodes compare and hash by identity, so they serve as keys of the tables that the semantic
layer fills. Parentheses leave no node: the tree's shape says what they said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Union

from rung.syntax.problem import Problem


class LiteralKind(Enum):
    """The literal families of IEC 61131-3 (ed. 3, 6.3)."""

    BOOL = "BOOL"
    INTEGER = "INTEGER"
    REAL = "REAL"
    STRING = "STRING"
    WSTRING = "WSTRING"
    TIME = "TIME"
    DATE = "DATE"
    TIME_OF_DAY = "TIME_OF_DAY"
    DATE_AND_TIME = "DATE_AND_TIME"


class PouKind(Enum):
    """Program organisation units (6.6)."""

    FUNCTION = "FUNCTION"
    FUNCTION_BLOCK = "FUNCTION_BLOCK"
    PROGRAM = "PROGRAM"


class SectionKind(Enum):
    """The keyword that opens a variable section (6.5.2)."""

    VAR = "VAR"
    VAR_INPUT = "VAR_INPUT"
    VAR_OUTPUT = "VAR_OUTPUT"
    VAR_IN_OUT = "VAR_IN_OUT"
    VAR_TEMP = "VAR_TEMP"
    VAR_EXTERNAL = "VAR_EXTERNAL"
    VAR_GLOBAL = "VAR_GLOBAL"
    VAR_CONFIG = "VAR_CONFIG"
    VAR_ACCESS = "VAR_ACCESS"


@dataclass(slots=True, eq=False)
class Identifier:
    """A name as written; compare `key`, which is upper case, because IEC names ignore case (6.1.2)."""

    start: int
    end: int
    text: str
    key: str


# --------------------------------------------------------------------------------------------------- expressions


@dataclass(slots=True, eq=False)
class Literal:
    """A literal.

    `value`: bool, int, float, str (escapes resolved), or int nanoseconds for TIME, TIME_OF_DAY (since midnight), DATE and
    DATE_AND_TIME (since 1970-01-01). `prefix` is the upper-case type before `#` (`INT`, `WORD`, `T`, `LTIME`, ...), or None.
    A negative literal such as `INT#-5` or `T#-5s` holds its sign; `-5` is a `Unary`.
    """

    start: int
    end: int
    kind: LiteralKind
    prefix: str | None
    value: bool | int | float | str


@dataclass(slots=True, eq=False)
class NameExpr:
    """A bare identifier in an expression."""

    start: int
    end: int
    text: str
    key: str


@dataclass(slots=True, eq=False)
class EnumLiteral:
    """`Colour#Red`: an enumerator named together with its type (6.3, 6.4.4.2)."""

    start: int
    end: int
    type_name: Identifier
    name: Identifier


@dataclass(slots=True, eq=False)
class DirectAddress:
    """A directly represented variable, `%IX0.0` (6.5.5). `text` is upper case, as in `Address.text`."""

    start: int
    end: int
    text: str


@dataclass(slots=True, eq=False)
class Member:
    """`base.name`."""

    start: int
    end: int
    base: Expr
    name: Identifier


@dataclass(slots=True, eq=False)
class BitAccess:
    """`base.3`, `base.%X3`, `base.%B1` (6.5.5.2): partial access to a bit string; `size` is one of X B W D."""

    start: int
    end: int
    base: Expr
    size: str
    index: int


@dataclass(slots=True, eq=False)
class Index:
    """`base[i, j]`."""

    start: int
    end: int
    base: Expr
    indices: list[Expr]


@dataclass(slots=True, eq=False)
class Dereference:
    """`base^` (6.4.4.10)."""

    start: int
    end: int
    base: Expr


@dataclass(slots=True, eq=False)
class Unary:
    """`op` is `-`, `+` or `NOT`."""

    start: int
    end: int
    op: str
    operand: Expr


@dataclass(slots=True, eq=False)
class Binary:
    """`op` is one of `OR XOR AND = <> < > <= >= + - * / MOD **` (`&` is read as AND). `op_start` is where it stands."""

    start: int
    end: int
    op: str
    op_start: int
    left: Expr
    right: Expr


@dataclass(slots=True, eq=False)
class Argument:
    """One argument of a call: `value`, `name := value`, or `[NOT] name => value` (then `output` is true).

    `value` is None in `name :=` and `name =>`, which leave the parameter alone.
    """

    start: int
    end: int
    name: Identifier | None
    value: Expr | None
    output: bool
    negated: bool


@dataclass(slots=True, eq=False)
class Call:
    """`callee(arguments)`: a function, or an invocation of a function-block instance."""

    start: int
    end: int
    callee: Expr
    arguments: list[Argument]


@dataclass(slots=True, eq=False)
class Repetition:
    """`count(value, ...)` inside an array initialiser."""

    start: int
    end: int
    count: Expr
    values: list[Expr]


@dataclass(slots=True, eq=False)
class ArrayInitial:
    """`[1, 2, 3(0)]`; occurs only as an initial value."""

    start: int
    end: int
    values: list[Expr]


@dataclass(slots=True, eq=False)
class FieldInitial:
    """`name := value` inside a structure or function-block initialiser."""

    start: int
    end: int
    name: Identifier
    value: Expr


@dataclass(slots=True, eq=False)
class StructInitial:
    """`(a := 1, b := 2)`; occurs only as an initial value."""

    start: int
    end: int
    fields: list[FieldInitial]


@dataclass(slots=True, eq=False)
class ErrorExpr:
    """Where an expression should have stood; already reported."""

    start: int
    end: int


Expr = Union[
    Literal, NameExpr, EnumLiteral, DirectAddress, Member, BitAccess, Index, Dereference, Unary, Binary, Call,
    ArrayInitial, StructInitial, Repetition, ErrorExpr,
]  # fmt: skip

# ---------------------------------------------------------------------------------------------------- statements


@dataclass(slots=True, eq=False)
class Assign:
    """`target := value;`"""

    start: int
    end: int
    target: Expr
    value: Expr


@dataclass(slots=True, eq=False)
class ExprStatement:
    """An expression that stands as a statement: a call, or (reported by a rule) anything without effect."""

    start: int
    end: int
    expr: Expr


@dataclass(slots=True, eq=False)
class IfBranch:
    """`IF`/`ELSIF condition THEN body`; `start` is where its keyword stands."""

    start: int
    end: int
    condition: Expr
    body: list[Statement]


@dataclass(slots=True, eq=False)
class If:
    start: int
    end: int
    branches: list[IfBranch]
    otherwise: list[Statement] | None


@dataclass(slots=True, eq=False)
class LabelRange:
    """`low..high` among the labels of a CASE."""

    start: int
    end: int
    low: Expr
    high: Expr


@dataclass(slots=True, eq=False)
class CaseBranch:
    start: int
    end: int
    labels: list[Expr | LabelRange]
    body: list[Statement]


@dataclass(slots=True, eq=False)
class Case:
    start: int
    end: int
    selector: Expr
    branches: list[CaseBranch]
    otherwise: list[Statement] | None


@dataclass(slots=True, eq=False)
class For:
    start: int
    end: int
    variable: Expr
    first: Expr
    last: Expr
    step: Expr | None
    body: list[Statement]


@dataclass(slots=True, eq=False)
class While:
    start: int
    end: int
    condition: Expr
    body: list[Statement]


@dataclass(slots=True, eq=False)
class Repeat:
    start: int
    end: int
    body: list[Statement]
    until: Expr


@dataclass(slots=True, eq=False)
class Exit:
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Continue:
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Return:
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Empty:
    """A lone `;`."""

    start: int
    end: int


@dataclass(slots=True, eq=False)
class ErrorStatement:
    """What the parser skipped to find its feet again; already reported."""

    start: int
    end: int


Statement = Union[
    Assign, ExprStatement, If, Case, For, While, Repeat, Exit, Continue, Return, Empty, ErrorStatement,
]  # fmt: skip

# ------------------------------------------------------------------------------------------------- type specifications


@dataclass(slots=True, eq=False)
class NamedType:
    """A type by its name, elementary or declared, also a function block's."""

    start: int
    end: int
    name: Identifier


@dataclass(slots=True, eq=False)
class StringSpec:
    """`STRING[80]`, `WSTRING(20)`; a bare `STRING` has `length` None."""

    start: int
    end: int
    wide: bool
    length: Expr | None


@dataclass(slots=True, eq=False)
class SubrangeSpec:
    """`INT (0..100)`."""

    start: int
    end: int
    base: Identifier
    low: Expr
    high: Expr


@dataclass(slots=True, eq=False)
class EnumValue:
    start: int
    end: int
    name: Identifier
    value: Expr | None


@dataclass(slots=True, eq=False)
class EnumSpec:
    """`(A, B := 5)`, also `INT (A := 1, B)`."""

    start: int
    end: int
    base: Identifier | None
    values: list[EnumValue]


@dataclass(slots=True, eq=False)
class Dimension:
    """`low..high`; both None in `ARRAY[*]`."""

    start: int
    end: int
    low: Expr | None
    high: Expr | None


@dataclass(slots=True, eq=False)
class ArraySpec:
    start: int
    end: int
    dimensions: list[Dimension]
    element: TypeSpec


@dataclass(slots=True, eq=False)
class StructSpec:
    start: int
    end: int
    fields: list[VariableDecl]


@dataclass(slots=True, eq=False)
class ReferenceSpec:
    """`REF_TO T`, `POINTER TO T`, `REFERENCE TO T`; `keyword` is `REF_TO`, `POINTER` or `REFERENCE`."""

    start: int
    end: int
    keyword: str
    target: TypeSpec


@dataclass(slots=True, eq=False)
class ErrorType:
    """Where a type should have stood; already reported."""

    start: int
    end: int


TypeSpec = Union[NamedType, StringSpec, SubrangeSpec, EnumSpec, ArraySpec, StructSpec, ReferenceSpec, ErrorType]

# ------------------------------------------------------------------------------------------------------ declarations


@dataclass(slots=True, eq=False)
class Address:
    """`AT %IX0.0`; `text` is upper case without blanks, `%I*` for an address still to be given (6.5.5)."""

    start: int
    end: int
    text: str


@dataclass(slots=True, eq=False)
class VariableDecl:
    """`a, b AT %QX0.0 : BOOL R_EDGE := TRUE;`. `edge` is `R` or `F`. In VAR_CONFIG and VAR_ACCESS `path` holds the dotted
    instance path and `names` its last part."""

    start: int
    end: int
    names: list[Identifier]
    address: Address | None
    type: TypeSpec
    initial: Expr | None
    edge: str | None = None
    path: list[Identifier] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class VarSection:
    """`qualifiers` holds upper-case words: CONSTANT RETAIN NON_RETAIN PERSISTENT PUBLIC PRIVATE PROTECTED INTERNAL."""

    start: int
    end: int
    kind: SectionKind
    qualifiers: frozenset[str]
    declarations: list[VariableDecl]


@dataclass(slots=True, eq=False)
class TypeDecl:
    """`Name : spec := initial;` in a TYPE block."""

    start: int
    end: int
    name: Identifier
    spec: TypeSpec
    initial: Expr | None


@dataclass(slots=True, eq=False)
class TypeBlock:
    start: int
    end: int
    declarations: list[TypeDecl]


@dataclass(slots=True, eq=False)
class PouDecl:
    """A FUNCTION, FUNCTION_BLOCK or PROGRAM. `header_end` is where the declarations end and the body begins: the text before
    it is all that other POUs depend on."""

    start: int
    end: int
    kind: PouKind
    name: Identifier
    result: TypeSpec | None
    sections: list[VarSection]
    body: list[Statement]
    header_end: int


@dataclass(slots=True, eq=False)
class TaskDecl:
    """`TASK t (INTERVAL := T#20ms, PRIORITY := 1);`"""

    start: int
    end: int
    name: Identifier
    properties: list[FieldInitial]


@dataclass(slots=True, eq=False)
class ProgramConfig:
    """`PROGRAM instance WITH task : Type (in := x, out => y);`"""

    start: int
    end: int
    name: Identifier
    task: Identifier | None
    type_name: Identifier
    connections: list[Argument]


@dataclass(slots=True, eq=False)
class ResourceDecl:
    """`RESOURCE r ON processor ... END_RESOURCE`. `name` is None for tasks and programs that stand directly in a
    CONFIGURATION (the single-resource form, 6.8.2)."""

    start: int
    end: int
    name: Identifier | None
    processor: Identifier | None
    sections: list[VarSection]
    tasks: list[TaskDecl]
    programs: list[ProgramConfig]


@dataclass(slots=True, eq=False)
class ConfigurationDecl:
    """`sections` holds VAR_GLOBAL, VAR_ACCESS and VAR_CONFIG."""

    start: int
    end: int
    name: Identifier
    sections: list[VarSection]
    resources: list[ResourceDecl]


Declaration = Union[PouDecl, TypeBlock, VarSection, ConfigurationDecl]


@dataclass(slots=True, eq=False)
class Unit:
    """One top-level declaration with its own text, the grain of all memoisation: an edit makes one new unit.

    `text` begins where the unit before it ended, so leading comments belong to the unit. `declarations` normally holds
    one item, none for a unit of mere comments, more only where the text is broken.
    """

    text: str
    declarations: list[Declaration]
    problems: list[Problem]
