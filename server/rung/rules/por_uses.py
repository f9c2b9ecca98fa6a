"""Where a program names addresses, for the POR rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rung.rules.por_walk import configuration_of, configured_variable, global_sections, global_variable
from rung.semantics.located import parse_address
from rung.semantics.model import Analysis, Located, Program, Symbol, Variable
from rung.semantics.types import Type
from rung.syntax.tree import DirectAddress, Expr, SectionKind, Unit, VariableDecl


@dataclass(slots=True, frozen=True)
class Use:
    """An address, where it is named, and the type it is used as."""

    address: Located
    start: int
    end: int
    type: Type


def used_in_pou(analysis: Analysis) -> Iterator[Use]:
    """Yield every address that a POU's declarations or body name."""
    declaration, variables = analysis.pou.declaration, analysis.pou.variables
    for section in () if declaration is None else declaration.sections:
        for item in section.declarations:
            if item.address is not None and item.names:
                yield from _declared(item, variables.get(item.names[0].key))
    yield from _direct(analysis.symbols)


def used_outside(found: Program) -> Iterator[tuple[Unit, Use]]:
    """Yield every address that stands outside of POUs."""
    for unit, section in global_sections(found):
        for item in section.declarations:
            yield from ((unit, use) for use in _declared(item, global_variable(found, item)))
    for unit, tables in found.declarations.items():
        yield from ((unit, use) for use in _direct(tables.symbols))
    written = configuration_of(found)
    for section in () if written is None else written[1].sections:
        if section.kind is SectionKind.VAR_CONFIG and written is not None:
            yield from ((written[0], use) for item in section.declarations for use in _configured(found, item))


def _configured(found: Program, item: VariableDecl) -> Iterator[Use]:
    address = None if item.address is None else parse_address(item.address.text)[0]
    variable = configured_variable(found, item)
    if address is not None and item.address is not None and variable is not None:
        yield Use(address, item.address.start, item.address.end, variable.type)


# Of the program looked at last, so that an edit costs the bodies it touched; analyses that no program holds any more are let go.
_known: dict[Analysis, tuple[Use, ...]] = {}


def used_everywhere(found: Program) -> Iterator[tuple[Unit, Use]]:
    """Yield every address that a program names."""
    global _known
    known, _known = _known, {}
    yield from used_outside(found)
    for analysis in found.analyses.values():
        uses = known.get(analysis)
        _known[analysis] = uses = tuple(used_in_pou(analysis)) if uses is None else uses
        if analysis.pou.unit is not None:
            yield from ((analysis.pou.unit, use) for use in uses)


def _declared(item: VariableDecl, variable: Variable | None) -> Iterator[Use]:
    if item.address is not None and variable is not None and variable.address is not None:
        yield Use(variable.address, item.address.start, item.address.end, variable.type)


def _direct(symbols: Mapping[Expr, Symbol]) -> Iterator[Use]:
    for node, symbol in symbols.items():
        if node.__class__ is DirectAddress and isinstance(symbol, Variable) and symbol.address is not None:
            yield Use(symbol.address, node.start, node.end, symbol.type)
