"""Variables that get their address in the configuration: `AT %I*` and VAR_CONFIG (ed. 3 6.5.5.3, 6.8.1).

Invariant: in a program without errors every `AT %I*` of every instance has exactly one address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rung.semantics.checker import Checker
from rung.semantics.environment import Environment
from rung.semantics.located import check_type, parse_address
from rung.semantics.model import Configuration, Located, Pou, Resource, Variable
from rung.semantics.types import Block, strip
from rung.syntax.problem import Problem
from rung.syntax.tree import Address, Unit, VariableDecl, VarSection


def config_addresses(c: Checker, section: VarSection, resources: Sequence[Resource]) -> dict[str, Located]:
    """Return the addresses that a VAR_CONFIG gives, by upper-case path INSTANCE.VARIABLE."""
    addresses: dict[str, Located] = {}
    for item in section.declarations:
        if not item.names:
            continue  # a broken line, which the parser has reported
        path = [name.key for name in item.path]
        variable = _follow(path, resources)
        text = ".".join(name.text for name in item.path) or item.names[0].text
        place = item.path[0] if item.path else item.names[0]
        if variable is None:
            c.report(
                "LOC010",
                place,
                f"There is no variable '{text}'. Write instance.variable, with the program instance's name as in its PROGRAM line.",
            )
            continue
        if item.initial is not None:
            c.report(
                "TYP006",
                item.initial,
                f"VAR_CONFIG gives addresses. Write the initial value where '{variable.name}' is declared.",
            )
        if item.address is None:
            c.report("LOC010", place, f"VAR_CONFIG gives '{text}' no address: write {text} AT %IX0.0 : type.")
            continue
        located, flaw = parse_address(item.address.text)
        flaw = flaw or (None if located is None else check_type(located, variable.type))
        if flaw is not None:
            c.report(flaw.code, item.address, flaw.message)
        if located is not None:
            resource_names = {resource.name.upper() for resource in resources}
            addresses[".".join(path[1:] if path[0] in resource_names and len(path) > 2 else path)] = located
    return addresses


def _follow(path: Sequence[str], resources: Sequence[Resource]) -> Variable | None:
    instances = {instance.name.upper(): instance.pou for resource in resources for instance in resource.instances}
    if len(path) > 2 and path[0] not in instances:
        path = path[1:]
    if len(path) < 2 or path[0] not in instances:
        return None
    pou: Pou | None = instances[path[0]]
    variable = None
    for key in path[1:]:
        variable = None if pou is None else pou.variables.get(key)
        if variable is None:
            return None
        kind = strip(variable.type)
        pou = kind.pou if isinstance(kind, Block) else None
    return variable


def unplaced(environment: Environment, configuration: Configuration) -> Iterator[tuple[Unit, Problem]]:
    """Yield an error for each `AT %I*` that some instance has and that VAR_CONFIG gives no address."""
    waiting = {key: found for key, pou in environment.current.items() if (found := list(_waiting(pou)))}
    if not waiting:
        return
    reported: set[Address] = set()
    for resource in configuration.resources:
        for instance in resource.instances:
            for path, owner, address in _instances(environment, instance.name.upper(), instance.pou, waiting, 0):
                if path in configuration.addresses or address in reported or owner.unit is None:
                    continue
                reported.add(address)
                message = f"{address.text} is no complete address. Give one in VAR_CONFIG, as in {path} AT %{address.text[1:2]}X0.0 : BOOL, or write it here."
                yield owner.unit, Problem("LOC011", address.start, address.end, message)


def _waiting(pou: Pou) -> Iterator[tuple[VariableDecl, Address]]:
    if pou.declaration is not None:
        for section in pou.declaration.sections:
            for item in section.declarations:
                if item.address is not None and item.address.text.endswith("*"):
                    yield item, item.address


def _instances(
    environment: Environment, path: str, pou: Pou, waiting: Mapping[str, list[tuple[VariableDecl, Address]]], depth: int
) -> Iterator[tuple[str, Pou, Address]]:
    now = environment.current.get(pou.key, pou)
    for item, address in waiting.get(pou.key, ()):
        for name in item.names:
            yield f"{path}.{name.key}", now, address
    if depth > 20:
        return
    for variable in pou.variables.values():
        kind = strip(variable.type)
        if isinstance(kind, Block) and kind.pou.declaration is not None:
            yield from _instances(environment, f"{path}.{variable.key}", kind.pou, waiting, depth + 1)
