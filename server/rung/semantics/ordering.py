"""The order in which types and POUs build on each other, and the cycles that forbid one: recursion (ed. 3 6.6.1.2.2, 6.6.3.1).

Invariant: a program without recursion has every POU after all that it calls or contains, and otherwise in the order of the units.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rung.semantics.environment import Environment
from rung.semantics.model import Analysis, Pou, Variable
from rung.semantics.types import Alias, Array, Block, Structure, Type
from rung.syntax.problem import Problem, Related
from rung.syntax.tree import PouKind, SectionKind, Unit

# An instance elsewhere: used here, but not contained.
_ELSEWHERE = frozenset({SectionKind.VAR_IN_OUT, SectionKind.VAR_EXTERNAL})


def ordered_types(types: Mapping[str, Type]) -> dict[str, Type]:
    """Return declared types so that each stands after those it is made of."""
    names = {kind: key for key, kind in types.items()}
    done: dict[str, Type] = {}

    def add(kind: Type) -> None:
        key = names.get(kind)
        if key is not None and key in done:
            return
        for part in _parts(kind):
            add(part)
        if key is not None:
            done[key] = kind

    for key, kind in types.items():
        add(kind)
        done.setdefault(key, kind)
    return done


def _parts(kind: Type) -> Iterator[Type]:
    if isinstance(kind, Array):
        yield kind.element
    elif isinstance(kind, Alias):
        yield kind.target
    elif isinstance(kind, Structure):
        for member in kind.fields.values():
            yield member.type


def contained_blocks(kind: Type) -> Iterator[Pou]:
    """Yield the function blocks of which a variable of this type holds instances."""
    if isinstance(kind, Block):
        yield kind.pou
    else:
        for part in _parts(kind):
            yield from contained_blocks(part)


_Edge = tuple[str, int, int, str]
"""The POU used, the place of its use, and how."""


def _edges(pou: Pou, analysis: Analysis | None) -> Iterator[_Edge]:
    for variable in pou.variables.values():
        kind = variable.type
        if not isinstance(kind, (Block, Array, Structure, Alias)):
            continue
        for block in contained_blocks(kind):
            yield block.key, *_declared(variable), "uses" if variable.section in _ELSEWHERE else "contains"
    if analysis is None:
        return
    for node, call in analysis.calls.items():
        callee = call.callee
        if isinstance(callee, Pou) and callee.kind is PouKind.FUNCTION:
            yield callee.key, node.callee.start, node.callee.end, "calls"


def _declared(variable: Variable) -> tuple[int, int]:
    name = variable.identifier
    return (0, 0) if name is None else (name.start, name.end)


def ordered_pous(
    environment: Environment, analyses: Mapping[str, Analysis]
) -> tuple[dict[str, Pou], list[tuple[Unit, Problem]]]:
    """Return the POUs, each after those it uses, and one error for every circle of calls or instances."""
    pous = environment.current
    done: dict[str, Pou] = {}
    problems: list[tuple[Unit, Problem]] = []
    path: list[tuple[str, Iterator[_Edge], _Edge | None]] = []
    active: dict[str, int] = {}
    for start in pous:
        if start in done:
            continue
        active[start] = 0
        path.append((start, _edges(pous[start], analyses.get(start)), None))
        while path:
            key, edges, _ = path[-1]
            edge = next(edges, None)
            if edge is None:
                path.pop()
                del active[key]
                done[key] = pous[key]
            elif edge[0] in active:
                if edge[3] != "uses":
                    problems.append(_recursion(pous, [*path[active[edge[0]] + 1 :]], key, edge))
            elif edge[0] in pous and edge[0] not in done:
                active[edge[0]] = len(path)
                path.append((edge[0], _edges(pous[edge[0]], analyses.get(edge[0])), edge))
    return done, _distinct(problems)


def _distinct(problems: list[tuple[Unit, Problem]]) -> list[tuple[Unit, Problem]]:
    """Several calls that close the same circle are one mistake."""
    seen: set[str] = set()
    return [entry for entry in problems if not (entry[1].message in seen or seen.add(entry[1].message))]  # type: ignore[func-returns-value]  # add returns None


def _recursion(
    pous: Mapping[str, Pou], between: list[tuple[str, Iterator[_Edge], _Edge | None]], last: str, edge: _Edge
) -> tuple[Unit, Problem]:
    pou = pous[last]
    target, start, end, how = edge
    verb = "calls" if how == "calls" else "contains"
    chain = [key for key, _, _ in between]
    if not chain:
        sentence = f"{pous[target].name} {verb} itself."
    else:
        names = [pous[target].name, *(pous[key].name for key in chain), pous[target].name]
        steps = [found[3] if found is not None else "uses" for _, _, found in between] + [how]
        sentence = f"{names[0]} {steps[0]} {names[1]}"
        for step, name in zip(steps[1:], names[2:], strict=True):
            sentence += f", which {step} {name}"
        sentence += "."
    code, why = ("CAL014", "A PLC program must end in bounded time and memory: use a loop.") if how == "calls" else (
        "CAL015", "Such an instance would need endless memory.")  # fmt: skip
    related = []
    source = target
    for key, _, found in between:
        if found is not None and pous[source].unit is not None:
            related.append(
                Related(found[1], found[2], f"{pous[source].name} {found[3]} {pous[key].name} here.", pous[source].unit)
            )
        source = key
    unit = pou.unit
    assert unit is not None
    return unit, Problem(code, start, end, f"{sentence} {why}", tuple(related))
