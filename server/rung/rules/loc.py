"""LOC: located variables and addresses. The checker finds LOC001 to LOC012, which are explained here; the others are found here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rung.rules.registry import PouRule, ProgramRule, Rule
from rung.rules.snippets import block, configured, function, program
from rung.rules.walk import statements
from rung.rules.writers import bodies, written_by
from rung.semantics.model import Analysis, Located, Program, ProgramInstance, Variable
from rung.semantics.types import Array, strip
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import Assign, DirectAddress, Expr, NameExpr, Unit


def write_to_input(analysis: Analysis) -> Iterator[Problem]:
    """LOC014: an assignment to a place of the input image."""
    declaration = analysis.pou.declaration
    for statement in statements(declaration.body if declaration else ()):
        if not isinstance(statement, Assign) or not isinstance(statement.target, NameExpr | DirectAddress):
            continue
        variable = analysis.symbols.get(statement.target)
        address = variable.address if isinstance(variable, Variable) else None
        if address is not None and address.area == "I":
            text = f"{address.text} is an input: what is written here holds until the next scan reads it anew from the machine."
            yield Problem("LOC014", statement.target.start, statement.target.end, text)


def same_place(found: Program) -> Iterator[tuple[Unit, Problem]]:
    """LOC013: two variables at one place of the output or memory image.

    Only places of the same width are compared: in OpenPLC's image each width has a table of its own, so `%QW0` and `%QX0.0` are
    different places. Several variables may read one input.
    """
    taken: dict[tuple[str, str, int, int | None], Variable] = {}
    for variable in _located(found):
        address, name = variable.address, variable.identifier
        if address is None or name is None or variable.unit is None or address.area == "I":
            continue
        kind = strip(variable.type)
        size = kind.size if isinstance(kind, Array) else 1
        for key in _places(address, size):
            first = taken.setdefault(key, variable)
            one_declaration = first.address is address  # LOC009 has said so
            if first is not variable and first.identifier is not None and not one_declaration:
                there = Related(first.identifier.start, first.identifier.end, f"'{first.name}' is here", first.unit)
                text = (
                    f"'{variable.name}' and '{first.name}' are both at {_text(key)}: what one writes, the other reads."
                )
                yield variable.unit, Problem("LOC013", name.start, name.end, text, (there,))
                break


def _located(found: Program) -> Iterator[Variable]:
    configuration = found.configuration
    yield from found.globals.values()
    if configuration is not None:
        yield from configuration.globals.values()
        for resource in configuration.resources:
            yield from resource.globals.values()
    for pou in found.pous.values():
        yield from (variable for variable in pou.variables.values() if variable.target is None)


def _places(address: Located, size: int) -> Iterator[tuple[str, str, int, int | None]]:
    for step in range(size):
        if address.bit is None:
            yield address.area, address.size, address.index + step, None
        else:
            at = address.index * 8 + address.bit + step
            yield address.area, address.size, at // 8, at % 8


def _text(key: tuple[str, str, int, int | None]) -> str:
    return Located(*key).text


POU_RULES: Final[tuple[PouRule, ...]] = (write_to_input,)


def double_coil(found: Program) -> Iterator[tuple[Unit, Problem]]:
    """LOC015: one output that several programs write.

    Several writes in one program are its own business: a default that a later line overrides is good style.
    """
    configuration = found.configuration
    if configuration is None or configuration.implied:
        return
    known = bodies(found)
    first: dict[Variable, tuple[ProgramInstance, Unit, Expr]] = {}
    told: set[Variable] = set()
    for instance in (instance for resource in configuration.resources for instance in resource.instances):
        for variable, (unit, place) in written_by(instance.pou, known).items():
            other, there, where = first.setdefault(variable, (instance, unit, place))
            located = variable.address is not None and variable.address.area == "Q"
            if not located or other.pou is instance.pou or place is where or variable in told:
                continue
            told.add(variable)
            related = Related(where.start, where.end, f"'{other.name}' writes it here.", there)
            text = f"The output '{variable.name}' is also written by '{other.name}'. Whichever runs last in a scan wins, whatever the first wanted."
            yield unit, Problem("LOC015", place.start, place.end, text, (related,))


PROGRAM_RULES: Final[tuple[ProgramRule, ...]] = (same_place, double_coil)

_LAMP: Final = "VAR_EXTERNAL Lamp : BOOL; END_VAR\n"


def _two_programs(second: str) -> str:
    """Return two programs in one task; the first writes the lamp."""
    return (
        f"PROGRAM First\n{_LAMP}Lamp := NOT Lamp;\nEND_PROGRAM\n"
        f"PROGRAM Second\n{_LAMP}VAR own : BOOL; END_VAR\nown := NOT own;\n{second}\nEND_PROGRAM\n"
        "CONFIGURATION Config0\nVAR_GLOBAL Lamp AT %QX0.0 : BOOL; END_VAR\nRESOURCE Res0 ON PLC\n"
        "TASK fast(INTERVAL := T#10ms, PRIORITY := 1);\n"
        "PROGRAM one WITH fast : First;\nPROGRAM two WITH fast : Second;\nEND_RESOURCE\nEND_CONFIGURATION\n"
    )


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "LOC001", "unusable-address", "error", "Malformed address",
        "An address is `%`, then I, Q or M, then X, B, W, D or L for its width, then numbers: `%IX0.3`, `%QW5`, `%MD10`.",
        "Write the address in that form.",
        program("b : BOOL;", "%IX* := b;"),
        program("b : BOOL;", "b := %IX0.0;"),
        ("IEC 61131-3, 6.5.5, table 16",),
    ),
    Rule(
        "LOC002", "bit-number", "error", "Bit number above 7",
        "A bit's address is byte and bit, and a byte has the bits 0 to 7. `%IX0.8` would be `%IX1.0`.",
        "Write byte and bit.",
        program("b AT %IX0.8 : BOOL;\nq AT %QX0.0 : BOOL;", "q := b;"),
        program("b AT %IX1.0 : BOOL;\nq AT %QX0.0 : BOOL;", "q := b;"),
        ("IEC 61131-3, table 16",),
    ),
    Rule(
        "LOC003", "outside-image", "error", "Address outside of every process image",
        "No runtime has a place of this number, so the variable would never be connected to anything.",
        "Correct the number. OpenPLC Runtime v4 has 1024 places of each width.",
        program("b AT %IX70000.0 : BOOL;\nq AT %QX0.0 : BOOL;", "q := b;"),
        program("b AT %IX7.0 : BOOL;\nq AT %QX0.0 : BOOL;", "q := b;"),
    ),
    Rule(
        "LOC004", "extra-numbers", "warning", "Address has more numbers than the runtime reads",
        "OpenPLC reads one number for words and two for bits. The rest of this address is ignored, so two addresses that differ only "
        "there are the same place.",
        "Write the address with the numbers that count: `%IW1`.",
        program("i AT %IW1.2 : INT;\nq AT %QW0 : INT;", "q := i;"),
        program("i AT %IW1 : INT;\nq AT %QW0 : INT;", "q := i;"),
        ("IEC 61131-3, table 16",),
    ),
    Rule(
        "LOC005", "address-width", "error", "Address and type differ in width",
        "The letter in the address says how many bits it has: X one, B 8, W 16, D 32, L 64. The type has another width.",
        "Write the letter for the type's width, or use a type of the address's width.",
        program("i AT %QX0.0 : INT;", "i := 1;"),
        program("i AT %QW0 : INT;", "i := 1;"),
        ("IEC 61131-3, table 16",),
    ),
    Rule(
        "LOC006", "no-address-for-type", "error", "Type cannot have an address",
        "The process image holds bits, bytes and words. A STRING, a structure or a block has no place in it.",
        "Locate the single values and copy them.",
        program("s AT %QB0 : STRING;", "s := 'a';"),
        program("s AT %QB0 : BYTE;", "s := 16#41;"),
    ),
    Rule(
        "LOC007", "address-not-here", "error", "Address does not belong here",
        "A FUNCTION has no memory, so its variables cannot be places of the process image.",
        "Locate the variable in the program or globally and pass it as an input.",
        "FUNCTION F : INT\nVAR i AT %IW0 : INT; END_VAR\nF := i;\nEND_FUNCTION\n",
        function("i : INT;", "Sum := i;"),
        ("IEC 61131-3, 6.5.5",),
    ),
    Rule(
        "LOC008", "shared-by-instances", "warning", "All instances share one address",
        "An address inside a function block is the same place for every instance, so instances overwrite each other.",
        "Locate variables in the program and pass them as inputs and outputs.",
        block("VAR\n    Lamp AT %QX0.0 : BOOL;\nEND_VAR", "Lamp := NOT Lamp;"),
        block("VAR_OUTPUT\n    Lamp : BOOL;\nEND_VAR", "Lamp := NOT Lamp;"),
        ("IEC 61131-3, 6.5.5",),
    ),
    Rule(
        "LOC009", "several-at-one-address", "error", "Several variables at one address",
        "One declaration gives several names the same place; a write to one is a write to all.",
        "Give each variable its own address.",
        program("a, b AT %QW0 : INT;", "a := 1;\nb := 2;"),
        program("a AT %QW0 : INT;\nb AT %QW1 : INT;", "a := 1;\nb := 2;"),
    ),
    Rule(
        "LOC010", "var-config", "error", "VAR_CONFIG names no variable or gives no address",
        "VAR_CONFIG gives an address to a variable that a program has declared `AT %I*`, `AT %Q*` or `AT %M*`.",
        "Name instance and variable, and declare the variable with `*`.",
        configured("", "VAR_CONFIG instance0.Lamp AT %QX0.0 : BOOL; END_VAR"),
        configured("VAR Lamp AT %QX* : BOOL; END_VAR\nLamp := NOT Lamp;", "VAR_CONFIG instance0.Lamp AT %QX0.0 : BOOL; END_VAR"),
        ("IEC 61131-3, 6.5.5.3",),
    ),
    Rule(
        "LOC011", "address-never-given", "error", "Address is never given",
        "The variable is declared with `*`, to be located by VAR_CONFIG, and no VAR_CONFIG does it.",
        "Give the address in VAR_CONFIG, or here.",
        program("b AT %IX* : BOOL;\nq AT %QX0.0 : BOOL;", "q := b;"),
        program("b AT %IX0.0 : BOOL;\nq AT %QX0.0 : BOOL;", "q := b;"),
        ("IEC 61131-3, 6.5.5.3",),
    ),
    Rule(
        "LOC012", "memory-width", "warning", "Memory address and type differ in width",
        "The letter in the address says another width than the type has. In the %M area the type's width is used, as OpenPLC's own "
        "compiler does, so the place may not be the one that a Modbus client reads.",
        "Write the letter for the type's width: `%MW0` for an INT.",
        program("i AT %MX0.0 : INT;", "i := i + 1;"),
        program("i AT %MW0 : INT;", "i := i + 1;"),
        ("IEC 61131-3, table 16",),
    ),
    Rule(
        "LOC013", "same-place", "warning", "Two variables at one address",
        "Both names are one place of the process image, so a write to one changes the other. In OpenPLC places of different width never "
        "overlap (`%QW0` and `%QX0.0` are different places), and several variables may read one input.",
        "Give each its own address, or declare the place once, globally, and use it by VAR_EXTERNAL.",
        program("a AT %QW0 : INT;\nb AT %QW0 : INT;", "a := 1;\nb := 2;"),
        program("a AT %QW0 : INT;\nb AT %QW1 : INT;", "a := 1;\nb := 2;"),
        ("IEC 61131-3, 6.5.5", "PLCopen CP4", "CODESYS SA0028"),
    ),
    Rule(
        "LOC014", "write-to-input-image", "warning", "Write to an input of the machine",
        "The runtime reads the inputs anew before every scan, so the value lasts only until then. A real input cannot be set by a program.",
        "Write to an output (`%Q`) or to a variable of the program's own.",
        program("a AT %IX0.0 : BOOL;", "a := TRUE;"),
        program("a AT %QX0.0 : BOOL;", "a := TRUE;"),
        ("IEC 61131-3, 6.5.5",),
    ),
    Rule(
        "LOC015", "double-coil", "warning", "Output is written by two programs",
        "Both programs write the same output in every scan. The one that runs last wins, so what the other one wants never reaches the "
        "machine, or only now and then.",
        "Let one program write the output and give it the wishes of the other through a variable.",
        _two_programs("Lamp := own;"),
        _two_programs("own := Lamp;"),
        ("CODESYS SA0004",),
    ),
)  # fmt: skip
