"""The checker's front door: units in, typed program out.

Three steps, each a pure function of its inputs: `declare` (all signatures), `check_body` (one body), `assemble` (order, recursion,
configuration). `analyse` runs them all, and with the program of an earlier call takes over every analysis that still holds:

- `declare(units, previous.environment)` keeps the identical symbols for all declarations whose text, and whose dependencies, are the
  same; see `environment`.
- An analysis holds on if its POU is the identical object (same tree, same interface) and every name in `Analysis.dependencies` has the
  fingerprint that it had. It is then taken over as it is.

Invariant: `analyse(units, previous)` finds the same problems, in the same order, as `analyse(units)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rung.semantics.checker import Checker
from rung.semantics.configuration import configure
from rung.semantics.declarations import declare, header_is_doubtful
from rung.semantics.environment import Environment, Tables, agree
from rung.semantics.expressions import HANDLERS
from rung.semantics.interfaces import header
from rung.semantics.model import Analysis, Pou, Program
from rung.semantics.ordering import ordered_pous, ordered_types
from rung.semantics.statements import body, missing_result
from rung.syntax.tree import Unit


def analyse(units: Sequence[Unit], previous: Program | None = None) -> Program:
    """Return all that a program means, and all that is wrong with it beyond its syntax.

    `units` is the whole program, in a stable order. `previous` is the result for an earlier state of it, from which everything that
    is still true is taken over.
    """
    before = None if previous is None else previous.environment
    environment = declare(units, before)
    analyses: dict[str, Analysis] = {}
    for key, pou in environment.current.items():
        old = None if previous is None else previous.analyses.get(key)
        if old is not None and before is not None and still_holds(old, pou, before, environment):
            analyses[key] = old
        else:
            analyses[key] = check_body(pou, environment)
    return assemble(environment, analyses)


def still_holds(analysis: Analysis, pou: Pou, before: Environment, environment: Environment) -> bool:
    """Whether an analysis made in `before` is what `check_body(pou, environment)` would make."""
    return analysis.pou is pou and agree(analysis.dependencies, before, environment)


def check_body(pou: Pou, environment: Environment) -> Analysis:
    """Type one body. `pou` is one of `environment.current`, whose tree and unit are today's."""
    declaration, unit = pou.declaration, pou.unit
    assert declaration is not None, "a standard block has no body"
    assert unit is not None
    record = environment.home[pou.key]
    analysis = Analysis(pou)
    enumerators = record.local_enumerators.get(pou.key, {})
    checker = Checker(environment, HANDLERS, analysis, pou.variables, enumerators, unit)
    checker.doubtful = header_is_doubtful(unit, declaration)
    if record.unit is unit:
        tables = record.tables
        analysis.types.update(tables.types)
        analysis.converted.update(tables.converted)
        analysis.constants.update(tables.constants)
        analysis.symbols.update(tables.symbols)
    else:
        # The header was resolved in an earlier tree: its nodes of today get their entries, its problems are known.
        scratch = Checker(environment, HANDLERS, analysis, pou.variables, dict(enumerators), unit)
        scratch.problems = []
        header(scratch, declaration, {})
    body(checker, declaration.body)
    missing_result(checker)
    analysis.dependencies = frozenset(checker.dependencies)
    return analysis


def assemble(environment: Environment, analyses: dict[str, Analysis]) -> Program:
    """Put the parts together: order POUs and types, find recursion, read the configuration, gather the problems."""
    problems = list(environment.problems)
    for analysis in analyses.values():
        unit = analysis.pou.unit
        assert unit is not None
        problems += [(unit, environment.located_now(unit, problem)) for problem in analysis.problems]
    pous, recursion = ordered_pous(environment, analyses)
    configuration, flaws, tables = configure(environment)
    problems += recursion
    problems += flaws
    rank = {unit: place for place, (unit, _) in enumerate(environment.records)}
    problems.sort(key=lambda entry: (rank[entry[0]], entry[1].start, entry[1].end, entry[1].code))
    return Program(
        types=ordered_types(environment.types),
        type_declarations=environment.type_declarations,
        pous=pous,
        globals=environment.top_globals,
        configuration=configuration,
        analyses=analyses,
        problems=problems,
        environment=environment,
        declarations=_declaration_tables(environment, tables),
    )


def _declaration_tables(environment: Environment, configuration: Mapping[Unit, Tables]) -> dict[Unit, Tables]:
    """Return what the expressions outside of POUs mean; those of the configuration are read anew each time."""
    found: dict[Unit, Tables] = {}
    for unit, record in environment.records:
        if record.pous and not record.types and not record.globals:
            continue
        own, more = record.tables, configuration.get(unit)
        found[unit] = (
            own
            if more is None
            else Tables(
                own.types | more.types,
                own.converted | more.converted,
                own.constants | more.constants,
                own.symbols | more.symbols,
            )
        )
    return found
