"""The one table of the editors' interface. The application is made from it alone, and so are the tests of who may do what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aiohttp import web

from rung.hub.api import audit, debug_relay, enrolments, events, me, orchestrators, proxy, users, vplcs
from rung.hub.api.call import Call
from rung.hub.roles import Role

PREFIX: Final = "/api/v1"

Handler = Callable[[Call], Awaitable[web.StreamResponse]]


class Audit(Enum):
    """Whether a request leaves rows in the audit log."""

    NO = "no"
    YES = "yes"
    """Always: one row when it begins, one with its outcome."""
    BY_CONTENT = "by content"
    """The handler decides from what is asked for, before it does it."""


@dataclass(frozen=True, slots=True)
class Route:
    """One request that editors can make.

    Attributes:
        method: the HTTP method; `*` for those that a runtime knows.
        path: below the prefix. `{o}` and `{v}` are an orchestrator and a vPLC: the doors look them up in the user's tenant, and no
            handler sees one of another.
        name: what the audit log and the metrics call it.
        role: the least role that may; of the proxy, to begin with, for each path of the runtime has its own.
        audit: whether it leaves rows in the audit log.
        destroys: it takes something away for good, and asks to have a name typed first.
    """

    method: str
    path: str
    name: str
    role: Role
    handler: Handler
    audit: Audit = Audit.YES
    destroys: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.role, Role):
            raise TypeError(f"{self.method} {self.path} has no role.")
        if self.audit is Audit.NO and self.method != "GET":
            raise ValueError(f"{self.method} {self.path} changes something and must be in the audit log.")


_O: Final = "/orchestrators/{o}"
_V: Final = "/orchestrators/{o}/vplcs/{v}"

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", "/me", "me", Role.VIEWER, me.show, Audit.NO),
    Route("GET", "/orchestrators", "orchestrator.list", Role.VIEWER, orchestrators.list_all, Audit.NO),
    Route("GET", _O, "orchestrator.show", Role.VIEWER, orchestrators.show, Audit.NO),
    Route("PATCH", _O, "orchestrator.rename", Role.ADMIN, orchestrators.rename),
    Route("DELETE", _O, "orchestrator.delete", Role.OWNER, orchestrators.delete, destroys=True),
    Route("POST", f"{_O}/revoke", "orchestrator.revoke", Role.OWNER, orchestrators.revoke, destroys=True),
    Route("POST", f"{_O}/enrolments", "orchestrator.enrol", Role.OWNER, enrolments.create_anew),
    Route("GET", f"{_O}/interfaces", "orchestrator.interfaces", Role.ADMIN, orchestrators.interfaces, Audit.NO),
    Route("GET", f"{_O}/serial-devices", "orchestrator.serial", Role.ADMIN, orchestrators.serial_devices, Audit.NO),
    Route("GET", f"{_O}/consumption", "orchestrator.consumption", Role.VIEWER, orchestrators.consumption, Audit.NO),
    Route("POST", "/enrolments", "enrolment.create", Role.ADMIN, enrolments.create),
    Route("GET", "/enrolments/{id}", "enrolment.show", Role.ADMIN, enrolments.show, Audit.NO),
    Route("GET", f"{_O}/vplcs", "vplc.list", Role.VIEWER, vplcs.list_all, Audit.NO),
    Route("POST", f"{_O}/vplcs", "vplc.create", Role.ADMIN, vplcs.create),
    Route("GET", _V, "vplc.show", Role.VIEWER, vplcs.show, Audit.NO),
    Route("PATCH", _V, "vplc.rename", Role.ADMIN, vplcs.rename),
    Route("DELETE", _V, "vplc.delete", Role.ADMIN, vplcs.delete, destroys=True),
    Route("GET", f"{_V}/consumption", "vplc.consumption", Role.VIEWER, vplcs.consumption, Audit.NO),
    Route("*", f"{_V}/http/{{path:.*}}", "vplc.http", Role.VIEWER, proxy.relay, Audit.BY_CONTENT),
    Route("POST", f"{_V}/debug/open", "debug.open", Role.ENGINEER, debug_relay.open_session),
    Route("POST", f"{_V}/debug/ask", "debug.ask", Role.ENGINEER, debug_relay.ask, Audit.BY_CONTENT),
    Route("POST", f"{_V}/debug/md5", "debug.md5", Role.ENGINEER, debug_relay.md5, Audit.BY_CONTENT),
    Route("POST", f"{_V}/debug/close", "debug.close", Role.ENGINEER, debug_relay.close),
    Route("GET", "/events", "events", Role.VIEWER, events.stream, Audit.NO),
    Route("GET", "/audit", "audit.list", Role.ADMIN, audit.list_rows, Audit.NO),
    Route("GET", "/users", "user.list", Role.OWNER, users.list_all, Audit.NO),
    Route("POST", "/users", "user.create", Role.OWNER, users.create),
    Route("PATCH", "/users/{name}", "user.change", Role.OWNER, users.change),
    Route("POST", "/users/{name}/tokens", "token.create", Role.OWNER, users.create_token),
    Route("DELETE", "/users/{name}/tokens", "token.revoke", Role.OWNER, users.revoke_tokens),
)
