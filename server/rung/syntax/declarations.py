"""Variable sections and TYPE blocks (ed. 3, 6.5 and 6.4.4).

Invariant: a section that is never closed ends before the first token that cannot belong to it, and is reported at its keyword.
"""

from __future__ import annotations

from rung.syntax import foreign
from rung.syntax.literals import ADDRESS as ADDRESS_SHAPE
from rung.syntax.problem import Related
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    ADDRESS,
    ASSIGN,
    CARET,
    COLON,
    COMMA,
    DOT,
    END_STRUCT,
    END_TYPE,
    END_VAR,
    EOF,
    EQUAL,
    IDENT,
    LBRACKET,
    LPAREN,
    SECTIONS,
    SEMICOLON,
    SPELLING,
    STATEMENT_OPENERS,
    STRUCT,
    TOP_CLOSERS,
    TOP_OPENERS,
)
from rung.syntax.tree import (
    Address,
    ErrorType,
    Expr,
    Identifier,
    SectionKind,
    StructSpec,
    TypeBlock,
    TypeDecl,
    TypeSpec,
    VariableDecl,
    VarSection,
)
from rung.syntax.types import initial_value, specification
from rung.syntax.values import bad_address

_QUALIFIERS = frozenset(
    {"CONSTANT", "RETAIN", "NON_RETAIN", "PERSISTENT", "PUBLIC", "PRIVATE", "PROTECTED", "INTERNAL"}
)
_OUTSIDE = SECTIONS | STATEMENT_OPENERS | TOP_OPENERS | TOP_CLOSERS | {EOF}
_STATEMENT_SIGNS = frozenset({ASSIGN, LPAREN, DOT, LBRACKET, CARET})
_AFTER_NAME = frozenset({COLON, COMMA, ASSIGN})
_EDGES = {"R_EDGE": "R", "F_EDGE": "F"}
_DIRECTIONS = ("READ_ONLY", "READ_WRITE")


def section(p: Stream) -> VarSection:
    """Read a variable section from its keyword to END_VAR."""
    opener = p.pos
    start = p.starts[opener]
    kind = SectionKind(SPELLING[p.kinds[opener]])
    p.pos += 1
    qualifiers: list[str] = []
    while p.kinds[p.pos] == IDENT and p.word() in _QUALIFIERS and p.kinds[p.pos + 1] not in (COLON, COMMA):
        qualifiers.append(p.word())
        p.pos += 1
    with_paths = kind is SectionKind.VAR_CONFIG or kind is SectionKind.VAR_ACCESS
    found: list[VariableDecl] = []
    while True:
        pos = p.pos
        token = p.kinds[pos]
        if token == END_VAR:
            p.pos = pos + 1
            if p.kinds[p.pos] == SEMICOLON:
                p.pos += 1
            break
        if token == SEMICOLON:
            p.pos = pos + 1
            continue
        if token == IDENT and p.kinds[pos + 1] not in _AFTER_NAME and foreign.respell(p, ("END_VAR",)):
            continue
        if (token in _OUTSIDE and not _is_name(p, pos)) or _looks_like_statement(p, opener):
            _unclosed(p, opener, "END_VAR")
            break
        if with_paths:
            _path_declaration(p, kind, found)
        else:
            _declaration(p, found)
        if p.pos == pos:
            p.pos = pos + 1
    return VarSection(start, p.last_end(), kind, frozenset(qualifiers), found)


def _is_name(p: Stream, pos: int) -> bool:
    """Say whether a keyword stands where a name is declared."""
    return p.kinds[pos] != EOF and p.kinds[pos + 1] == COLON


def _looks_like_statement(p: Stream, opener: int) -> bool:
    """Say whether a statement begins here and no END_VAR comes before the next section or POU: then END_VAR is what is missing."""
    if p.kinds[p.pos] != IDENT or p.kinds[p.pos + 1] not in _STATEMENT_SIGNS or not p.on_new_line():
        return False
    pos = p.pos
    while p.kinds[pos] not in _OUTSIDE or p.kinds[pos] in STATEMENT_OPENERS:
        if p.kinds[pos] == END_VAR:
            return False
        pos += 1
    return pos > opener


def _unclosed(p: Stream, opener: int, closer: str) -> None:
    if p.unclosed is not None and p.kinds[p.pos] == EOF:
        return
    start = p.starts[opener]
    word = p.texts[opener].upper()
    here = p.start()
    related = () if p.kinds[p.pos] == EOF else (Related(here, p.end(), f"{closer} is missing before this."),)
    p.fail(
        "SYN008",
        start,
        start + len(word),
        f"This {word} is never closed. Write {closer} after its last line.",
        *related,
        data=closer,
    )


def _declaration(p: Stream, found: list[VariableDecl]) -> None:
    """Read `a, b AT %QX0.0 : BOOL := TRUE;`."""
    start = p.start()
    names: list[Identifier] = []
    address: Address | None = None
    if not (p.kinds[p.pos] == IDENT and p.word() == "AT" and p.kinds[p.pos + 1] == ADDRESS):
        while True:
            name = p.name("the name of a variable")
            if name is None:
                break
            names.append(name)
            if not p.accept(COMMA):
                break
            if p.kinds[p.pos] == COLON:
                p.fail("SYN029", *p.before(), "After this `,` another name is missing.")
                break
    if p.kinds[p.pos] == IDENT and p.word() == "AT":
        address = _address(p)
    if not p.accept(COLON):
        if names or address:
            _missing_type(p, names)
        if p.failed_at == p.pos:
            _skip(p)
            if names:
                found.append(
                    VariableDecl(start, p.last_end(), names, address, ErrorType(p.last_end(), p.last_end()), None)
                )
            return
    found.append(_rest(p, start, names, address, []))


def _missing_type(p: Stream, names: list[Identifier]) -> None:
    kind = p.kinds[p.pos]
    name = names[-1].text if names else "x"
    if kind == ASSIGN:
        p.fail("SYN027", p.start(), p.end(), f"Before the initial value the type is missing: `{name} : INT := …;`.")
    elif kind == IDENT and not p.on_new_line():
        p.fail(
            "SYN001",
            p.start(),
            p.end(),
            f"Between the name and the type stands a `:`, as in `{name} : {p.texts[p.pos]};`.",
            data=":",
        )
    else:
        p.expected("`:` and a type")


def _rest(
    p: Stream, start: int, names: list[Identifier], address: Address | None, path: list[Identifier]
) -> VariableDecl:
    """Read a declaration from its type on."""
    if p.kinds[p.pos] == STRUCT:
        p.nesting += 1
        spec: TypeSpec = structure(p)
        p.nesting -= 1
    else:
        spec = specification(p)
    edge: str | None = None
    initial: Expr | None = None
    if p.kinds[p.pos] == IDENT and p.failed_at != p.pos:
        word = p.word()
        if word in _EDGES:
            edge = _EDGES[word]
            p.pos += 1
            word = p.word()
        if word == "AT":
            address = _address(p)
        elif path and word in _DIRECTIONS:
            p.pos += 1
    if p.accept(ASSIGN):
        initial = initial_value(p)
    elif p.kinds[p.pos] == EQUAL:
        p.note("SYN001", p.start(), p.end(), "An initial value is given with `:=`.", data=":=")
        p.pos += 1
        initial = initial_value(p)
    _finish(p)
    return VariableDecl(start, p.last_end(), names, address, spec, initial, edge, path)


def _address(p: Stream) -> Address | None:
    p.pos += 1
    start, end = p.start(), p.end()
    text = p.texts[p.pos]
    if p.kinds[p.pos] != ADDRESS:
        p.expected("an address, such as %IX0.0,", "SYN019")
        return None
    p.pos += 1
    if not ADDRESS_SHAPE.fullmatch(text.upper()):
        bad_address(p, start, end, text)
        return None
    return Address(start, end, text.upper())


def _finish(p: Stream) -> None:
    """Step over the `;` of a declaration, or report that it is missing."""
    kind = p.kinds[p.pos]
    if kind == SEMICOLON:
        p.pos += 1
        return
    if p.failed_at == p.pos:
        _skip(p)
        return
    if p.on_new_line() or kind in _OUTSIDE or kind in (END_VAR, END_STRUCT, END_TYPE):
        if kind != EOF:
            start, end = p.before()
            p.note("SYN002", start, end, "A `;` is missing at the end of this declaration.", data=";")
        return
    if kind == COMMA:
        p.fail("SYN001", p.start(), p.end(), "Declarations end with `;`, not with `,`.", data=";")
        p.pos += 1
        return
    p.expected("`;`")
    _skip(p)


def _skip(p: Stream) -> None:
    """Skip to behind the next `;`, or to where the next declaration or the end of the section surely is."""
    kinds = p.kinds
    pos = p.pos
    while kinds[pos] not in _OUTSIDE and kinds[pos] not in (END_VAR, END_STRUCT, END_TYPE):
        if kinds[pos] == SEMICOLON:
            pos += 1
            break
        if (
            pos > p.pos
            and kinds[pos] == IDENT
            and p.starts_line(pos)
            and (kinds[pos + 1] in (COLON, COMMA) or kinds[pos + 1] == IDENT)
        ):
            break
        pos += 1
    p.pos = pos


def _path_declaration(p: Stream, kind: SectionKind, found: list[VariableDecl]) -> None:
    """Read a line of VAR_CONFIG, `res.prog.x AT %IX0.0 : BOOL;`, or of VAR_ACCESS, `name : res.prog.x : BOOL READ_ONLY;`."""
    start = p.start()
    names: list[Identifier] = []
    if kind is SectionKind.VAR_ACCESS:
        name = p.name("the name of an access path")
        if name is None or not p.accept(COLON):
            p.expected("`:` and the path")
            _skip(p)
            return
        names.append(name)
    path: list[Identifier] = []
    address: Address | None = None
    while True:
        if p.kinds[p.pos] == ADDRESS:
            address = Address(p.start(), p.end(), p.word())
            p.pos += 1
            break
        part = p.name("the name of a resource, program or variable")
        if part is None:
            break
        path.append(part)
        if not p.accept(DOT):
            break
    if kind is SectionKind.VAR_CONFIG and path:
        names.append(path[-1])
        if p.kinds[p.pos] == IDENT and p.word() == "AT":
            address = _address(p)
    if not p.accept(COLON):
        p.expected("`:` and a type")
        _skip(p)
        return
    found.append(_rest(p, start, names, address, path))


# ------------------------------------------------------------------------------------------------------------ TYPE blocks


def type_block(p: Stream) -> TypeBlock:
    """Read a TYPE block from its keyword to END_TYPE."""
    opener = p.pos
    start = p.starts[opener]
    p.pos += 1
    found: list[TypeDecl] = []
    while True:
        pos = p.pos
        kind = p.kinds[pos]
        if kind == END_TYPE:
            p.pos = pos + 1
            if p.kinds[p.pos] == SEMICOLON:
                p.pos += 1
            break
        if kind == SEMICOLON:
            p.pos = pos + 1
            continue
        if kind == END_STRUCT:
            p.fail("SYN006", p.start(), p.end(), "END_STRUCT closes nothing: there is no STRUCT open.")
            p.pos = pos + 1
            continue
        if kind == IDENT and p.kinds[pos + 1] not in _AFTER_NAME and foreign.respell(p, ("END_TYPE",)):
            continue
        if kind in _OUTSIDE and not _is_name(p, pos):
            if p.unclosed is None or kind != EOF:
                p.fail(
                    "SYN007",
                    start,
                    start + 4,
                    "This TYPE is never closed. Write END_TYPE after its last line.",
                    data="END_TYPE",
                )
            break
        declared = _type_declaration(p)
        if declared is not None:
            found.append(declared)
        if p.pos == pos:
            p.pos = pos + 1
    return TypeBlock(start, p.last_end(), found)


def _type_declaration(p: Stream) -> TypeDecl | None:
    name = p.name("the name of a type")
    if name is None:
        _skip(p)
        return None
    if not p.accept(COLON) and p.kinds[p.pos] not in (STRUCT, LPAREN):
        p.expected("`:` and a type")
        _skip(p)
        return TypeDecl(name.start, p.last_end(), name, ErrorType(p.last_end(), p.last_end()), None)
    initial: Expr | None = None
    if p.kinds[p.pos] == STRUCT:
        spec: TypeSpec = structure(p)
    else:
        spec = specification(p)
    if p.accept(ASSIGN):
        initial = initial_value(p)
    if not (isinstance(spec, StructSpec) and initial is None and p.kinds[p.pos] in (END_TYPE, IDENT)):
        _finish(p)
    return TypeDecl(name.start, p.last_end(), name, spec, initial)


def structure(p: Stream) -> TypeSpec:
    """Read a STRUCT from its keyword to END_STRUCT."""
    opener = p.pos
    start = p.starts[opener]
    if p.nesting > 20:
        p.fail("SYN026", start, p.end(), "Structures are nested too deeply here. Declare the inner ones by name.")
        return ErrorType(p.last_end(), p.last_end())
    p.pos += 1
    if p.kinds[p.pos] == IDENT and p.word() == "OVERLAP":
        p.note("SYN030", p.start(), p.end(), "Rung does not read overlapping structures yet.")
        p.pos += 1
    fields: list[VariableDecl] = []
    while True:
        pos = p.pos
        kind = p.kinds[pos]
        if kind == END_STRUCT:
            p.pos = pos + 1
            break
        if kind == SEMICOLON:
            p.pos = pos + 1
            continue
        if kind == IDENT and p.kinds[pos + 1] not in _AFTER_NAME and foreign.respell(p, ("END_STRUCT",)):
            continue
        if kind in (END_TYPE, END_VAR) or (kind in _OUTSIDE and not _is_name(p, pos)):
            _unclosed(p, opener, "END_STRUCT")
            break
        _declaration(p, fields)
        if p.pos == pos:
            p.pos = pos + 1
    return StructSpec(start, p.last_end(), fields)
