"""`[opcua]`: the runtime's OPC UA server (runtime protocol, section 4.4).

Its nodes are addressed as the debug channel addresses variables, so the file belongs to one build and is made together with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

from rung.codegen.artefact import Leaf
from rung.codegen.plugins.settings_table import SettingsTable

_PROFILES: Final = {
    "none": ("insecure", "None", "None"),
    "sign": ("signed", "Basic256Sha256", "Sign"),
    "sign_and_encrypt": ("signed_encrypted", "Basic256Sha256", "SignAndEncrypt"),
}
_ROLES: Final = ("viewer", "operator", "engineer")
_RIGHTS: Final = {"viewer": "r", "operator": "r", "engineer": "rw"}
_BCRYPT: Final = re.compile(r"\$2[aby]\$\d{2}\$[./A-Za-z0-9]{53}")
_TYPES: Final = frozenset((
    "BOOL", "SINT", "INT", "DINT", "LINT", "USINT", "UINT", "UDINT", "ULINT", "REAL", "LREAL",
    "BYTE", "WORD", "DWORD", "LWORD", "STRING", "TIME", "DATE", "TOD", "DT",
))  # fmt: skip
_SHORT: Final = {"TIME_OF_DAY": "TOD", "DATE_AND_TIME": "DT"}
_NAMESPACE: Final = "urn:openplc:opcua:namespace"


def opcua(table: SettingsTable, leaves: Sequence[Leaf] | None, flat: bool) -> list[dict[str, object]]:
    """Return the content of `opcua.json` for the program that has these variables; None: they are not known yet. A `flat` runtime knows
    a variable by one index."""
    security = table.texts("security", tuple(_PROFILES), ("sign_and_encrypt",))
    anonymous = table.flag("anonymous", False)
    users = [_user(entry) for entry in table.tables("users")]
    if anonymous and security != ["none"]:
        table.flaw("anonymous", 'an anonymous client can only use security = ["none"]')
    if not anonymous and not users:
        table.flaw(None, 'nobody could log in: give it [[opcua.users]], or anonymous = true with security = ["none"]')
    host, port = table.text("host", "0.0.0.0", longest=253), table.number("port", 1, 65535, 4840)  # noqa: S104 - a server
    methods = ["Anonymous"] if anonymous else ["Username"]
    server = {
        "name": table.text("name", "OpenPLC OPC UA Server", longest=100),
        "application_uri": table.text("application_uri", "urn:freeopcua:python:server", longest=200),
        "product_uri": table.text("product_uri", "urn:openplc:runtime:product", longest=200),
        "endpoint_url": f"opc.tcp://{host}:{port}/openplc/opcua",
        "security_profiles": [_profile(name, methods) for name in security],
    }
    space = _address_space(table, leaves, flat)
    config = {
        "server": server,
        "security": {
            "server_certificate_strategy": "auto_self_signed",
            "server_certificate_custom": None,
            "server_private_key_custom": None,
            "trusted_client_certificates": [],
        },
        "users": users,
        "cycle_time_ms": table.number("cycle_time_ms", 10, 10_000, 100),
        "address_space": space,
    }
    table.close()
    return [{"name": "opcua_server", "protocol": "OPC-UA", "config": config}]


def _profile(name: str, methods: list[str]) -> dict[str, object]:
    title, policy, mode = _PROFILES[name]
    return {"name": title, "enabled": True, "security_policy": policy, "security_mode": mode, "auth_methods": methods}


def _user(table: SettingsTable) -> dict[str, object]:
    if "password" in table:
        table.flaw("password", "a password must not stand in a file; write its bcrypt hash as password_hash")
    digest = table.text("password_hash", longest=60)
    if digest and not _BCRYPT.fullmatch(digest):
        table.flaw("password_hash", "this is not a bcrypt hash, which begins with $2b$ and has 60 characters")
    user: dict[str, object] = {
        "type": "password",
        "username": table.text("username", longest=64),
        "password_hash": digest,
        "role": table.text("role", "viewer", _ROLES),
    }
    table.close(("password",))
    return user


def _address_space(table: SettingsTable, leaves: Sequence[Leaf] | None, flat: bool) -> dict[str, object]:
    variables: list[dict[str, object]] = []
    structures: list[dict[str, object]] = []
    arrays: list[dict[str, object]] = []
    taken: set[tuple[int, int]] = set()
    named = False
    for entry in table.tables("nodes"):
        named = True
        path = entry.text("variable", longest=400).upper()
        rights = _rights(entry.table("permissions"))
        node = {"node_id": f"PLC.{path}", "browse_name": path.rpartition(".")[2]}
        node["display_name"] = entry.text("display_name", node["browse_name"], longest=100) if path else ""
        description = entry.text("description", longest=200) if "description" in entry else ""
        entry.close(("description",))
        if leaves is None:
            continue
        found = [leaf for leaf in leaves if path and _is_below(leaf.path, path)]
        bad = next((leaf for leaf in found if _type(leaf) not in _TYPES), None)
        if not found or bad is not None:
            _unfit(entry, path, bad)
        elif taken & {(leaf.array, leaf.element) for leaf in found}:
            entry.flaw("variable", f"{path}, or a part of it, is a node already", "CFG004")
        elif len(found) == 1 and found[0].path == path:
            variables.append({**node, "description": description, **_leaf(found[0], rights, flat)})
        elif _is_array(found, path):
            arrays.append({**node, **_leaf(found[0], rights, flat), "length": len(found)})
        else:
            fields = _fields(found, path, rights, flat)
            structures.append({**node, "description": description, "fields": fields})
        taken |= {(leaf.array, leaf.element) for leaf in found}
    if not named:
        table.flaw(None, "the server would show nothing: name variables with [[opcua.nodes]]")
    namespace = table.text("namespace_uri", _NAMESPACE, longest=200)
    return {"namespace_uri": namespace, "variables": variables, "structures": structures, "arrays": arrays}


def _unfit(entry: SettingsTable, path: str, bad: Leaf | None) -> None:
    if bad is not None:
        entry.flaw(
            "variable", f"{bad.path} is of type {bad.type}, which the runtime's OPC UA server does not know", "CFG005"
        )
    elif path:
        entry.flaw(
            "variable",
            f"the program has no variable {path}: write it as INSTANCE.VARIABLE, a global by its name",
            "CFG005",
        )


def _rights(table: SettingsTable) -> dict[str, str]:
    rights = {role: table.text(role, default, ("r", "w", "rw")) for role, default in _RIGHTS.items()}
    table.close()
    return rights


def _leaf(leaf: Leaf, rights: Mapping[str, str], flat: bool) -> dict[str, object]:
    return {"datatype": _type(leaf), **_address(leaf, flat), "permissions": dict(rights)}


def _address(leaf: Leaf | None, flat: bool) -> dict[str, object]:
    """How the runtime finds a variable; a structure's member that has members has no place of its own."""
    if flat:  # and it asks what a node shows until its first look at the variable
        return (
            {"index": None, "initial_value": None}
            if leaf is None
            else {"index": leaf.element, "initial_value": _unset(leaf)}
        )
    return {"arr": None, "elem": None} if leaf is None else {"arr": leaf.array, "elem": leaf.element}


def _fields(leaves: Sequence[Leaf], path: str, rights: Mapping[str, str], flat: bool) -> list[dict[str, object]]:
    """The members below a path, members of members nested in them."""
    fields: list[dict[str, object]] = []
    for name, group in groupby(leaves, key=lambda leaf: _member(leaf.path, path)):
        below = list(group)
        inner = f"{path}{name}" if name.startswith("[") else f"{path}.{name}"
        if len(below) == 1 and below[0].path == inner:
            fields.append({"name": name, **_leaf(below[0], rights, flat)})
        else:
            nested = _fields(below, inner, rights, flat)
            fields.append(
                {
                    "name": name,
                    "datatype": "STRUCT",
                    **_address(None, flat),
                    "permissions": dict(rights),
                    "fields": nested,
                }
            )
    return fields


def _member(path: str, above: str) -> str:
    rest = path[len(above) :]
    match = re.match(r"\[[^\]]*\]|\.[^.\[]+", rest)
    return match[0].removeprefix(".") if match else rest


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith((f"{above}.", f"{above}["))


def _is_array(leaves: Sequence[Leaf], path: str) -> bool:
    """Whether these are the elements of an array of elementary type, one after the other."""
    first = leaves[0]
    return all(
        leaf.path.startswith(f"{path}[")
        and leaf.path.endswith("]")
        and leaf.path.count("]") == path.count("]") + 1
        and (leaf.array, leaf.element, leaf.type) == (first.array, first.element + step, first.type)
        for step, leaf in enumerate(leaves)
    )


def _unset(leaf: Leaf) -> bool | int | float | str:
    """The value that says nothing, of a variable's type."""
    known: dict[str, bool | int | float | str] = {"BOOL": False, "REAL": 0.0, "LREAL": 0.0, "STRING": ""}
    return known.get(_type(leaf), 0)


def _type(leaf: Leaf) -> str:
    name = leaf.type.upper().partition("[")[0].partition("(")[0]
    return _SHORT.get(name, name)
