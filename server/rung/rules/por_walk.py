"""Over what a program declares, for the POR rules: what stands outside of POUs, and every type that is written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rung.semantics.model import Analysis, Program, Variable
from rung.semantics.types import UNKNOWN, Alias, Block, Type, strip
from rung.syntax.tree import ConfigurationDecl, Identifier, SectionKind, TypeSpec, Unit, VariableDecl, VarSection


def configuration_of(found: Program) -> tuple[Unit, ConfigurationDecl] | None:
    """Return the CONFIGURATION that is written, with its unit; None where the target makes one up."""
    environment = found.environment
    return environment.configurations[0] if environment is not None and environment.configurations else None


def global_sections(found: Program) -> Iterator[tuple[Unit, VarSection]]:
    """Yield every VAR_GLOBAL section, at top level, of the configuration, and of its resources."""
    if found.environment is None:
        return
    for unit, _ in found.environment.records:
        for node in unit.declarations:
            sections: list[VarSection] = []
            if isinstance(node, VarSection):
                sections = [node]
            elif isinstance(node, ConfigurationDecl):
                sections = [*node.sections, *(section for resource in node.resources for section in resource.sections)]
            yield from ((unit, section) for section in sections if section.kind is SectionKind.VAR_GLOBAL)


def global_variable(found: Program, item: VariableDecl) -> Variable | None:
    """Return the variable that a declaration in a VAR_GLOBAL section makes; None where it is broken."""
    return found.environment.globals.get(item.names[0].key) if found.environment is not None and item.names else None


def types_in_pou(analysis: Analysis) -> Iterator[tuple[TypeSpec, Type]]:
    """Yield the types that a POU's declarations write down, its result's first, each with what it describes."""
    declaration, pou = analysis.pou.declaration, analysis.pou
    if declaration is None:
        return
    if declaration.result is not None:
        yield declaration.result, pou.result or UNKNOWN
    for section in declaration.sections:
        if section.kind is SectionKind.VAR_EXTERNAL:
            continue  # said where the global variable is declared
        for item in section.declarations:
            variable = pou.variables.get(item.names[0].key) if item.names else None
            yield item.type, UNKNOWN if variable is None else variable.type


def types_in_type_blocks(found: Program) -> Iterator[tuple[Unit, TypeSpec, Type]]:
    """Yield the types that TYPE blocks write down, each with what it describes."""
    for key, (unit, node) in found.type_declarations.items():
        kind = found.types.get(key, UNKNOWN)
        yield unit, node.spec, kind.target if isinstance(kind, Alias) else kind


def types_in_globals(found: Program) -> Iterator[tuple[Unit, TypeSpec, Type]]:
    """Yield the types that VAR_GLOBAL sections write down, each with what it describes."""
    for unit, section in global_sections(found):
        for item in section.declarations:
            variable = global_variable(found, item)
            yield unit, item.type, UNKNOWN if variable is None else variable.type


def configured_variable(found: Program, item: VariableDecl) -> Variable | None:
    """Return the variable that a line of VAR_CONFIG locates; None where its path leads nowhere, which is reported."""
    if found.configuration is None:
        return None
    instances = {
        instance.name.upper(): instance.pou
        for resource in found.configuration.resources
        for instance in resource.instances
    }
    path = [name.key for name in item.path]
    pou = instances.get(path[0]) if path else None
    if pou is None and len(path) > 2:  # the resource's name stands first
        path = path[1:]
        pou = instances.get(path[0])
    variable: Variable | None = None
    for key in path[1:]:
        variable = None if pou is None else pou.variables.get(key)
        kind = None if variable is None else strip(variable.type)
        pou = kind.pou if isinstance(kind, Block) else None
    return variable


def retained_names(sections: Sequence[VarSection]) -> Iterator[Identifier]:
    """Yield the name of every variable that is to last over a restart."""
    for section in sections:
        if section.kind is not SectionKind.VAR_EXTERNAL and section.qualifiers & {"RETAIN", "PERSISTENT"}:
            yield from (name for item in section.declarations for name in item.names)
