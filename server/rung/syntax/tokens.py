"""The kinds of token, and the words of the language that have one of their own.

Invariant: a word has a kind of its own only where reading it as a name would be unsound. `ON`, `STEP`, `TASK`, `LEN`, `EN` and
all type and function names are plain names; the parser recognises those that matter by their text where the grammar asks for them.
"""

from __future__ import annotations

from typing import Final

# Trivia: what the parser never sees.
COMMENT: Final = -1
PRAGMA: Final = -2
BLANK: Final = 0

EOF: Final = 1
IDENT: Final = 2
INTEGER: Final = 3  # decimal digits only
NUMBER: Final = 4  # every other number without a type before it: 16#FF, 1.5, 1_000
TYPED: Final = 5  # a literal with a type before it: INT#5, T#1s
STRING: Final = 6
ENUM: Final = 7  # Colour#Red
ADDRESS: Final = 8  # %IX0.0, and %X3 after a point
BAD: Final = 9  # characters that no token begins with
OPEN_STRING: Final = 10  # a string without its closing quote

ASSIGN: Final = 11
ARROW: Final = 12
SEMICOLON: Final = 13
COLON: Final = 14
COMMA: Final = 15
DOT: Final = 16
DOTDOT: Final = 17
LPAREN: Final = 18
RPAREN: Final = 19
LBRACKET: Final = 20
RBRACKET: Final = 21
CARET: Final = 22

PLUS: Final = 23
MINUS: Final = 24
STAR: Final = 25
SLASH: Final = 26
POWER: Final = 27
EQUAL: Final = 28
UNEQUAL: Final = 29
LESS: Final = 30
GREATER: Final = 31
LESS_EQUAL: Final = 32
GREATER_EQUAL: Final = 33
AND: Final = 34
XOR: Final = 35
OR: Final = 36
MOD: Final = 37
NOT: Final = 38

# Operators of C. The parser takes each for the operator of ST that was meant, and says so.
C_EQUAL: Final = 39
C_UNEQUAL: Final = 40
C_AND: Final = 41
C_OR: Final = 42
C_MOD: Final = 43
C_NOT: Final = 44
C_COMPOUND: Final = 45  # += and its like

TRUE: Final = 46
FALSE: Final = 47

IF: Final = 50
CASE: Final = 51
FOR: Final = 52
WHILE: Final = 53
REPEAT: Final = 54
EXIT: Final = 55
RETURN: Final = 56

THEN: Final = 57
OF: Final = 58
DO: Final = 59
TO: Final = 60
BY: Final = 61

ELSIF: Final = 62
ELSE: Final = 63
UNTIL: Final = 64
END_IF: Final = 65
END_CASE: Final = 66
END_FOR: Final = 67
END_WHILE: Final = 68
END_REPEAT: Final = 69

VAR: Final = 70
VAR_INPUT: Final = 71
VAR_OUTPUT: Final = 72
VAR_IN_OUT: Final = 73
VAR_TEMP: Final = 74
VAR_EXTERNAL: Final = 75
VAR_GLOBAL: Final = 76
VAR_CONFIG: Final = 77
VAR_ACCESS: Final = 78
END_VAR: Final = 79

ARRAY: Final = 80
STRUCT: Final = 81
END_STRUCT: Final = 82

FUNCTION: Final = 83
FUNCTION_BLOCK: Final = 84
PROGRAM: Final = 85
TYPE: Final = 86
CONFIGURATION: Final = 87
END_FUNCTION: Final = 88
END_FUNCTION_BLOCK: Final = 89
END_PROGRAM: Final = 90
END_TYPE: Final = 91
END_CONFIGURATION: Final = 92
END_RESOURCE: Final = 93

KINDS: Final = 94

KEYWORDS: Final[dict[str, int]] = {
    "AND": AND, "XOR": XOR, "OR": OR, "MOD": MOD, "NOT": NOT, "TRUE": TRUE, "FALSE": FALSE,
    "IF": IF, "CASE": CASE, "FOR": FOR, "WHILE": WHILE, "REPEAT": REPEAT, "EXIT": EXIT, "RETURN": RETURN,
    "THEN": THEN, "OF": OF, "DO": DO, "TO": TO, "BY": BY, "ELSIF": ELSIF, "ELSE": ELSE, "UNTIL": UNTIL,
    "END_IF": END_IF, "END_CASE": END_CASE, "END_FOR": END_FOR, "END_WHILE": END_WHILE, "END_REPEAT": END_REPEAT,
    "VAR": VAR, "VAR_INPUT": VAR_INPUT, "VAR_OUTPUT": VAR_OUTPUT, "VAR_IN_OUT": VAR_IN_OUT, "VAR_TEMP": VAR_TEMP,
    "VAR_EXTERNAL": VAR_EXTERNAL, "VAR_GLOBAL": VAR_GLOBAL, "VAR_CONFIG": VAR_CONFIG, "VAR_ACCESS": VAR_ACCESS,
    "END_VAR": END_VAR, "ARRAY": ARRAY, "STRUCT": STRUCT, "END_STRUCT": END_STRUCT,
    "FUNCTION": FUNCTION, "FUNCTION_BLOCK": FUNCTION_BLOCK, "PROGRAM": PROGRAM, "TYPE": TYPE, "CONFIGURATION": CONFIGURATION,
    "END_FUNCTION": END_FUNCTION, "END_FUNCTION_BLOCK": END_FUNCTION_BLOCK, "END_PROGRAM": END_PROGRAM,
    "END_TYPE": END_TYPE, "END_CONFIGURATION": END_CONFIGURATION, "END_RESOURCE": END_RESOURCE,
}  # fmt: skip

OPERATORS: Final[dict[str, int]] = {
    ":=": ASSIGN, "=>": ARROW, ";": SEMICOLON, ":": COLON, ",": COMMA, ".": DOT, "..": DOTDOT, "(": LPAREN, ")": RPAREN,
    "[": LBRACKET, "]": RBRACKET, "^": CARET, "+": PLUS, "-": MINUS, "*": STAR, "/": SLASH, "**": POWER,
    "=": EQUAL, "<>": UNEQUAL, "<": LESS, ">": GREATER, "<=": LESS_EQUAL, ">=": GREATER_EQUAL, "&": AND,
    "==": C_EQUAL, "!=": C_UNEQUAL, "&&": C_AND, "||": C_OR, "%": C_MOD, "!": C_NOT,
    "+=": C_COMPOUND, "-=": C_COMPOUND, "*=": C_COMPOUND, "/=": C_COMPOUND,
}  # fmt: skip

# How each operator binds (ed. 3 table 71); 0 is no operator. All of them associate to the left.
RANK: Final[list[int]] = [0] * KINDS
for _kind, _rank in (
    (OR, 1), (C_OR, 1), (XOR, 2), (AND, 3), (C_AND, 3), (EQUAL, 4), (UNEQUAL, 4), (C_EQUAL, 4), (C_UNEQUAL, 4),
    (LESS, 5), (GREATER, 5), (LESS_EQUAL, 5), (GREATER_EQUAL, 5), (PLUS, 6), (MINUS, 6), (STAR, 7), (SLASH, 7), (MOD, 7),
    (C_MOD, 7), (POWER, 8),
):  # fmt: skip
    RANK[_kind] = _rank

# What the tree calls each operator.
SYMBOL: Final[list[str]] = [""] * KINDS
for _text, _kind in (
    ("OR", OR), ("OR", C_OR), ("XOR", XOR), ("AND", AND), ("AND", C_AND), ("=", EQUAL), ("=", C_EQUAL), ("<>", UNEQUAL),
    ("<>", C_UNEQUAL), ("<", LESS), (">", GREATER), ("<=", LESS_EQUAL), (">=", GREATER_EQUAL), ("+", PLUS), ("-", MINUS),
    ("*", STAR), ("/", SLASH), ("MOD", MOD), ("MOD", C_MOD), ("**", POWER), ("NOT", NOT), ("NOT", C_NOT),
):  # fmt: skip
    SYMBOL[_kind] = _text

SPELLING: Final[dict[int, str]] = {kind: word for word, kind in {**OPERATORS, **KEYWORDS}.items()}

SECTIONS: Final = frozenset(range(VAR, END_VAR))
POU_OPENERS: Final = frozenset({FUNCTION, FUNCTION_BLOCK, PROGRAM})
TOP_OPENERS: Final = frozenset({FUNCTION, FUNCTION_BLOCK, PROGRAM, TYPE, CONFIGURATION})
POU_CLOSERS: Final = frozenset({END_FUNCTION, END_FUNCTION_BLOCK, END_PROGRAM})
TOP_CLOSERS: Final = frozenset(
    {END_FUNCTION, END_FUNCTION_BLOCK, END_PROGRAM, END_TYPE, END_CONFIGURATION, END_RESOURCE}
)
BLOCK_CLOSERS: Final = frozenset({END_IF, END_CASE, END_FOR, END_WHILE, END_REPEAT, ELSIF, ELSE, UNTIL})
STATEMENT_OPENERS: Final = frozenset({IF, CASE, FOR, WHILE, REPEAT, EXIT, RETURN})

# Words before `#` that make a literal; any other word there is an enumeration's name.
LITERAL_PREFIXES: Final = frozenset({
    "BOOL", "SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT", "BYTE", "WORD", "DWORD", "LWORD",
    "REAL", "LREAL", "T", "TIME", "LT", "LTIME", "D", "DATE", "LD", "LDATE", "TOD", "TIME_OF_DAY", "LTOD",
    "LTIME_OF_DAY", "DT", "DATE_AND_TIME", "LDT", "LDATE_AND_TIME", "STRING", "WSTRING", "CHAR", "WCHAR",
})  # fmt: skip
