"""CONFIGURATION, RESOURCE, TASK and program instances (ed. 3, 6.8).

Invariant: tasks and programs that stand directly in a CONFIGURATION belong to one nameless resource.
"""

from __future__ import annotations

from rung.syntax.declarations import section
from rung.syntax.expressions import arguments, close, expression
from rung.syntax.stream import Stream
from rung.syntax.tokens import (
    ASSIGN,
    COLON,
    COMMA,
    CONFIGURATION,
    END_CONFIGURATION,
    END_RESOURCE,
    EOF,
    FUNCTION,
    FUNCTION_BLOCK,
    IDENT,
    LPAREN,
    PROGRAM,
    RPAREN,
    SECTIONS,
    SEMICOLON,
    TOP_CLOSERS,
    TYPE,
)
from rung.syntax.tree import (
    Argument,
    ConfigurationDecl,
    FieldInitial,
    Identifier,
    ProgramConfig,
    ResourceDecl,
    TaskDecl,
    VarSection,
)

_FOREIGN = frozenset({EOF, CONFIGURATION, FUNCTION, FUNCTION_BLOCK, TYPE})
_RETAINS = ("RETAIN", "NON_RETAIN")


def configuration(p: Stream) -> ConfigurationDecl:
    """Read a CONFIGURATION from its keyword to END_CONFIGURATION."""
    opener = p.pos
    start = p.starts[opener]
    p.pos += 1
    name = _name(p, "the name of the configuration")
    sections: list[VarSection] = []
    resources: list[ResourceDecl] = []
    direct = ResourceDecl(start, start, None, None, [], [], [])
    while True:
        pos = p.pos
        kind = p.kinds[pos]
        if kind == END_CONFIGURATION:
            p.pos = pos + 1
            break
        if kind in _FOREIGN or (kind in TOP_CLOSERS and kind != END_RESOURCE):
            _unclosed(p, opener, "END_CONFIGURATION")
            break
        if kind == IDENT and p.word() == "RESOURCE":
            resources.append(_resource(p))
        elif kind in SECTIONS:
            sections.append(section(p))
        elif kind == END_RESOURCE:
            p.fail("SYN006", p.start(), p.end(), "END_RESOURCE closes nothing: there is no RESOURCE open.")
            p.pos += 1
        else:
            _item(p, direct)
        if p.pos == pos:
            p.pos = pos + 1
    if direct.tasks or direct.programs:
        first = min([task.start for task in direct.tasks] + [program.start for program in direct.programs])
        last = max([task.end for task in direct.tasks] + [program.end for program in direct.programs])
        resources.insert(0, ResourceDecl(first, last, None, None, [], direct.tasks, direct.programs))
    p.accept(SEMICOLON)
    return ConfigurationDecl(start, p.last_end(), name, sections, resources)


def _name(p: Stream, what: str) -> Identifier:
    found = p.name(what)
    end = p.last_end()
    return found if found is not None else Identifier(end, end, "", "")


def _unclosed(p: Stream, opener: int, closer: str) -> None:
    if p.unclosed is not None and p.kinds[p.pos] == EOF:
        return
    start = p.starts[opener]
    word = p.texts[opener]
    p.fail(
        "SYN007",
        start,
        start + len(word),
        f"This {word.upper()} is never closed. Write {closer} where it ends.",
        data=closer,
    )


def _resource(p: Stream) -> ResourceDecl:
    opener = p.pos
    start = p.starts[opener]
    p.pos += 1
    name = _name(p, "the name of the resource")
    processor: Identifier | None = None
    if p.kinds[p.pos] == IDENT and p.word() == "ON":
        p.pos += 1
        processor = _name(p, "the type of the processor, such as PLC,")
    found = ResourceDecl(start, start, name, processor, [], [], [])
    while True:
        pos = p.pos
        kind = p.kinds[pos]
        if kind == END_RESOURCE:
            p.pos = pos + 1
            p.accept(SEMICOLON)
            break
        if kind in _FOREIGN or kind in TOP_CLOSERS or (kind == IDENT and p.word() == "RESOURCE"):
            _unclosed(p, opener, "END_RESOURCE")
            break
        if kind in SECTIONS:
            found.sections.append(section(p))
        else:
            _item(p, found)
        if p.pos == pos:
            p.pos = pos + 1
    found.end = p.last_end()
    return found


def _item(p: Stream, resource: ResourceDecl) -> None:
    """Read a TASK or a PROGRAM instance."""
    kind = p.kinds[p.pos]
    if kind == IDENT and p.word() == "TASK":
        resource.tasks.append(_task(p))
    elif kind == PROGRAM:
        resource.programs.append(_program(p))
    elif kind == SEMICOLON:
        p.pos += 1
    else:
        p.expected("a TASK, a PROGRAM or a VAR_GLOBAL section")
        _skip(p)


def _skip(p: Stream) -> None:
    while p.kinds[p.pos] not in _FOREIGN and p.kinds[p.pos] not in TOP_CLOSERS and p.kinds[p.pos] not in SECTIONS:
        if p.accept(SEMICOLON):
            return
        p.pos += 1
        if p.kinds[p.pos] == PROGRAM or (p.kinds[p.pos] == IDENT and p.word() in ("TASK", "RESOURCE")):
            return


def _finish(p: Stream) -> int:
    if p.accept(SEMICOLON):
        return p.last_end()
    if p.failed_at != p.pos and (p.on_new_line() or p.kinds[p.pos] in TOP_CLOSERS or p.kinds[p.pos] == EOF):
        if p.kinds[p.pos] != EOF:
            p.note("SYN002", *p.before(), "A `;` is missing at the end of this declaration.", data=";")
        return p.last_end()
    p.expected("`;`")
    _skip(p)
    return p.last_end()


def _task(p: Stream) -> TaskDecl:
    start = p.start()
    p.pos += 1
    name = _name(p, "the name of the task")
    properties: list[FieldInitial] = []
    opener = p.start()
    if p.accept(LPAREN):
        while p.kinds[p.pos] != RPAREN:
            key = p.name("SINGLE, INTERVAL or PRIORITY")
            if key is None:
                break
            if not p.accept(ASSIGN):
                p.expected("`:=` and a value")
                break
            value = expression(p)
            properties.append(FieldInitial(key.start, max(value.end, p.last_end()), key, value))
            if not p.accept(COMMA):
                break
        close(p, RPAREN, opener)
    else:
        p.expected("`(`, followed by INTERVAL and PRIORITY,")
    return TaskDecl(start, _finish(p), name, properties)


def _program(p: Stream) -> ProgramConfig:
    start = p.start()
    p.pos += 1
    if p.kinds[p.pos] == IDENT and p.word() in _RETAINS and p.kinds[p.pos + 1] == IDENT:
        p.pos += 1
    name = _name(p, "the name of the program instance")
    task: Identifier | None = None
    if p.kinds[p.pos] == IDENT and p.word() == "WITH":
        p.pos += 1
        task = p.name("the name of a task")
    if not p.accept(COLON):
        p.expected("`:` and the name of a PROGRAM")
    kind_name = _name(p, "the name of a PROGRAM")
    connections: list[Argument] = []
    if p.kinds[p.pos] == LPAREN:
        opener = p.start()
        p.pos += 1
        connections, _, _ = arguments(p, opener)
    return ProgramConfig(start, _finish(p), name, task, kind_name, connections)
