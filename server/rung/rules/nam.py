"""NAM: names and scopes. All of these are found by the checker; here they are explained."""

from __future__ import annotations

from typing import Final

from rung.rules.registry import Rule
from rung.rules.snippets import block, configured, program

_COLOURS: Final = "TYPE Colour : (Red, Green); Light : (Off, Red); END_TYPE\n"
_POINT: Final = "TYPE Point : STRUCT x, y : INT; END_STRUCT; END_TYPE\n"
_LEVEL: Final = "VAR_GLOBAL Level : INT; END_VAR"
_EXTERNAL: Final = "VAR_EXTERNAL Level : INT; END_VAR\nLevel := Level + 1;"
_DOUBLE: Final = "FUNCTION Double : INT\nVAR_INPUT Value : INT; END_VAR\nDouble := Value * 2;\nEND_FUNCTION\n"
_MOTOR: Final = block(
    "VAR_OUTPUT\n    Speed : INT;\nEND_VAR\nVAR\n    Turns : INT;\nEND_VAR", "Turns := Turns + 1;\nSpeed := Turns;"
)

RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "NAM001", "undeclared", "error", "Name is not declared",
        "Nothing of this name is declared where it is used. Upper and lower case do not matter.",
        "Correct the name, or declare it in a VAR section.",
        program("Level : INT;", "Levl := 5;"),
        program("Level : INT;", "Level := 5;"),
        ("IEC 61131-3, 6.5.2",),
    ),
    Rule(
        "NAM002", "duplicate", "error", "Name is declared twice in one scope",
        "Two declarations of one name leave open which of them is meant. Upper and lower case do not make names different.",
        "Rename or remove one of them.",
        program("Level : INT;\nLEVEL : REAL;", "Level := 1;"),
        program("Level : INT;\nLevel2 : REAL;", "Level := 1;\nLevel2 := 1.0;"),
        ("IEC 61131-3, 6.1.2",),
    ),
    Rule(
        "NAM003", "global-duplicate", "error", "Global name is declared twice",
        "Types, functions, function blocks, programs and global variables share one space of names, over all files of a program.",
        "Rename or remove one of them.",
        _DOUBLE + _DOUBLE + program("i : INT;", "i := i + 1;"),
        _DOUBLE + program("i : INT;", "i := Double(i);"),
    ),
    Rule(
        "NAM004", "unknown-type", "error", "Unknown type",
        "Neither the standard nor the program declares a type or function block of this name.",
        "Correct the name, or declare the type.",
        program("Level : INTT;", "Level := 1;"),
        program("Level : INT;", "Level := 1;"),
    ),
    Rule(
        "NAM005", "unknown-member", "error", "Unknown member",
        "The structure or function block has no member of this name.",
        "Correct the name, or add the member to the declaration.",
        _POINT + program("p : Point;", "p.z := 1;"),
        _POINT + program("p : Point;", "p.y := 1;"),
    ),
    Rule(
        "NAM006", "unknown-enumerator", "error", "Unknown value of an enumeration",
        "The enumeration has no value of this name.",
        "Correct the name, or add the value to the enumeration.",
        _COLOURS + program("c : Colour;", "c := Colour#Blue;"),
        _COLOURS + program("c : Colour;", "c := Colour#Green;"),
        ("IEC 61131-3, 6.4.4.2",),
    ),
    Rule(
        "NAM007", "ambiguous-enumerator", "error", "Enumeration value is ambiguous",
        "Several enumerations have a value of this name, and nothing here says which one is meant.",
        "Write the type in front: `Colour#Red`.",
        _COLOURS + program("i : INT;", "i := Red;"),
        _COLOURS + program("c : Colour;", "c := Red;"),
        ("IEC 61131-3, 6.4.4.2",),
    ),
    Rule(
        "NAM008", "external-without-global", "error", "VAR_EXTERNAL without a global variable",
        "A VAR_EXTERNAL stands for a VAR_GLOBAL of the same name, and there is none.",
        "Declare the VAR_GLOBAL in the CONFIGURATION or RESOURCE, or correct the name.",
        f"PROGRAM Main\n{_EXTERNAL}\nEND_PROGRAM\n",
        configured(_EXTERNAL, _LEVEL),
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "NAM009", "external-type", "error", "VAR_EXTERNAL has another type than the global variable",
        "Both declare the same variable, so their types have to be the same.",
        "Write the type of the VAR_GLOBAL.",
        configured("VAR_EXTERNAL Level : REAL; END_VAR\nVAR r : REAL; END_VAR\nr := ABS(Level);", _LEVEL),
        configured(_EXTERNAL, _LEVEL),
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "NAM010", "global-without-external", "error", "Global variable is used without VAR_EXTERNAL",
        "A POU says in a VAR_EXTERNAL section which global variables it uses, so that its declarations tell all that it depends on.",
        "Declare the name in a VAR_EXTERNAL section.",
        configured("Level := 5;", _LEVEL),
        configured(_EXTERNAL, _LEVEL),
        ("IEC 61131-3, 6.5.2.2",),
    ),
    Rule(
        "NAM011", "name-is-no-variable", "error", "Name of a type, function or program is used as a variable",
        "The name belongs to a type or a POU, which has no value of its own.",
        "Use the variable or instance that was meant.",
        _POINT + program("i : INT;", "i := Point;"),
        _POINT + program("i : INT;\np : Point;", "i := p.x;"),
    ),
    Rule(
        "NAM012", "depends-on-itself", "error", "Declaration depends on itself",
        "The declaration needs itself to be complete, so it would have no end.",
        "Break the circle; a structure that refers to its own kind uses an index into an array.",
        "TYPE Node : STRUCT Next : Node; END_STRUCT; END_TYPE\n" + program("i : INT;", "i := i + 1;"),
        "TYPE Node : STRUCT Next : INT; END_STRUCT; END_TYPE\n" + program("n : Node;", "n.Next := 1;"),
        ("IEC 61131-3, 6.4.4.6",),
    ),
    Rule(
        "NAM013", "internal-variable", "warning", "Internal variable of a function block is used from outside",
        "The variables in a block's VAR section are its own business; whoever changes the block may change them. Programs in the field "
        "read and write them, so it is allowed.",
        "Make it an output or an input of the block.",
        _MOTOR + program("m : Motor;\ni : INT;", "m();\ni := m.Turns;"),
        _MOTOR + program("m : Motor;\ni : INT;", "m();\ni := m.Speed;"),
        ("IEC 61131-3, 6.6.3.2",),
    ),
    Rule(
        "NAM014", "section-not-here", "error", "Variable section does not belong here",
        "Each kind of POU has the variable sections that the standard gives it.",
        "Use a section that fits: VAR_EXTERNAL in a POU for what VAR_GLOBAL declares in the CONFIGURATION.",
        "FUNCTION Sum : INT\nVAR_GLOBAL Level : INT; END_VAR\nSum := Level;\nEND_FUNCTION\n",
        configured(_EXTERNAL, _LEVEL),
        ("IEC 61131-3, figure 7",),
    ),
)  # fmt: skip
