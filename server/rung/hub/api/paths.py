"""What of a runtime can be reached through the hub, and by whom: an allow-list. What is not in it is refused.

The port is not in a request at all: it is always 8443, the one that is encrypted. Nor is there a host, or a header of the client's choice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl

from rung.hub.api.answers import Refusal, bad
from rung.hub.roles import Role
from rung.runtimes.errors import Kind

PORT: Final = 8443
METHODS: Final = ("GET", "POST", "PUT", "DELETE")
"""Exactly what agents know (orchestrator protocol, section 2.5)."""


class Content(Enum):
    """What a request may carry."""

    NOTHING = "nothing"
    JSON = "json"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Allowed:
    """One request that may go to a runtime.

    Attributes:
        method: the HTTP method.
        pattern: the whole path, without a slash at its beginning.
        role: the least role that may.
        content: what it carries.
        parameters: the query's names, and what values they take.
        audited: it changes a machine or carries a secret, so it leaves rows in the audit log.
        moves: it may start, stop or replace the program.
        patience: seconds.
    """

    method: str
    pattern: re.Pattern[str]
    role: Role
    content: Content = Content.NOTHING
    parameters: Mapping[str, re.Pattern[str]] | None = None
    audited: bool = False
    moves: bool = False
    patience: float = 30.0


_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_LEVEL: Final = re.compile(r"[A-Za-z]{1,16}")
_YES: Final = re.compile(r"1|0|true|false")


def _row(
    method: str,
    path: str,
    role: Role,
    content: Content = Content.NOTHING,
    parameters: Mapping[str, re.Pattern[str]] | None = None,
    *,
    audited: bool = False,
    moves: bool = False,
    patience: float = 30.0,
) -> Allowed:
    pattern = re.compile(re.escape(path).replace("\\{id\\}", "[0-9]{1,9}"))
    return Allowed(method, pattern, role, content, parameters, audited, moves, patience)


ALLOWED: Final[tuple[Allowed, ...]] = (
    # what a machine is
    _row("GET", "api/version", Role.VIEWER),
    _row("GET", "api/capabilities", Role.VIEWER),
    _row("GET", "api/device-info", Role.VIEWER),
    _row("GET", "api/ping", Role.VIEWER),
    # its users: every user of the hub has to log in before the runtime answers at all
    _row("GET", "api/get-users-info", Role.VIEWER),
    _row("GET", "api/get-user-info/{id}", Role.VIEWER),
    _row("GET", "api/whoami", Role.VIEWER),
    _row("POST", "api/login", Role.VIEWER, Content.JSON, audited=True),
    _row("POST", "api/logout", Role.VIEWER, audited=True),
    _row("POST", "api/create-user", Role.ENGINEER, Content.JSON, audited=True),
    _row("PUT", "api/password-change/{id}", Role.ENGINEER, Content.JSON, audited=True),
    _row("PUT", "api/update-user/{id}", Role.ENGINEER, Content.JSON, audited=True),
    _row("DELETE", "api/delete-user/{id}", Role.ENGINEER, audited=True),
    # its state
    _row("GET", "api/status", Role.VIEWER, parameters={"include_stats": _YES}),
    _row("GET", "api/switch", Role.VIEWER),
    _row("GET", "api/runtime-logs", Role.VIEWER, parameters={"id": _NUMBER, "level": _LEVEL}),
    _row("GET", "api/compilation-status", Role.VIEWER),
    _row("GET", "api/serial-ports", Role.VIEWER),
    # its program
    _row("GET", "api/start-plc", Role.OPERATOR, audited=True, moves=True),
    _row("GET", "api/stop-plc", Role.OPERATOR, audited=True, moves=True),
    _row(
        "POST",
        "api/upload-file",
        Role.ENGINEER,
        Content.FORM,
        {"clean": _YES},
        audited=True,
        moves=True,
        patience=120.0,
    ),
    _row("GET", "api/project-snapshot/info", Role.VIEWER),
    _row("GET", "api/project-snapshot", Role.ENGINEER, audited=True, patience=120.0),
)


def allowed(method: str, path: str) -> Allowed:
    """The row for a request.

    Args:
        method: as it came.
        path: as it came, undecoded, below the vPLC's `http/`. No row's path has a sign that could be written in two ways, so a path
            with an escape, a dot segment, a second slash or a backslash equals none.

    Raises:
        Refusal: 403, there is none.
    """
    for row in ALLOWED:
        if row.method == method and row.pattern.fullmatch(path) is not None and path.isascii():
            return row
    raise Refusal(
        403,
        Kind.CREDENTIALS,
        "The hub passes only certain requests on to a runtime, and this is none of them. Nothing was sent to the machine.",
        "Use what Rung offers; for anything else connect to the machine directly.",
    )


def parameters(row: Allowed, query: str) -> dict[str, str]:
    """The query's parameters, if the row takes them.

    Raises:
        Refusal: 400.
    """
    if len(query) > 300:
        raise bad("The query is too long.")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=8)
    except ValueError:
        raise bad("The query cannot be read.") from None
    found = dict(pairs)
    known = row.parameters or {}
    if len(found) != len(pairs) or not all(
        name in known and value.isascii() and known[name].fullmatch(value) for name, value in pairs
    ):
        raise bad("The query has a parameter or a value that this request does not take.")
    return found
