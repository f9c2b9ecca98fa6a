"""Requests to a vPLC's runtime, through its orchestrator's agent (orchestrator protocol, section 2.5).

Invariant: of a client's request only what is built anew here goes on: a path and parameters of the allow-list, a checked bearer token, and a
body. What it holds is never logged and never kept. What a runtime answers is marked as such, and cannot pass for the hub's own word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from rung.hub.api.answers import MARK, RELAYED, Refusal, bad, json_text
from rung.hub.api.call import Call, json_value, read_body
from rung.hub.api.form import read_form
from rung.hub.api.paths import PORT, Allowed, Content, allowed, parameters
from rung.hub.api.turns import TOGETHER
from rung.hub.records import User
from rung.hub.roles import Role
from rung.runtimes.errors import Kind, RuntimeFailure

TOKEN_HEADER: Final = "Rung-Runtime-Authorization"  # noqa: S105  # a header's name
VERSION_HEADER: Final = "X-OpenPLC-Runtime-Version"
LARGEST_JSON: Final = 1_048_576
_JSON_PATIENCE: Final = 30.0
_BEARER: Final = re.compile(r"Bearer [A-Za-z0-9._~+/=-]{1,8000}")
_VERSION: Final = re.compile(r"[A-Za-z0-9.+-]{1,40}")
_LOGIN: Final = "api/login"
_BODYLESS: Final = (204, 304)
_NEVER_SENT: Final = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "Failed to establish a new connection",
    "NameResolutionError",
)
"""Words of the agent's HTTP library for a connection that did not come about."""


async def relay(call: Call) -> web.StreamResponse:
    """One request to a runtime and its answer."""
    path, _, query = _target(call)
    try:
        row = allowed(call.request.method, path)
    except Refusal:
        await call.refused(f"{call.request.method[:10]} {path[:100]}")
        raise
    if call.user.role < row.role:
        await call.refused(f"{row.method} {path}")
        raise too_small(row.role, call.user)
    message: dict[str, object] = {
        "device_id": call.vplc.id,
        "method": row.method,
        "port": PORT,
        "api": path,
    }
    headers = _authorization(call)
    if given := parameters(row, query):
        message["params"] = given
    if row.content is Content.FORM:
        with call.desk.own_uploads.one(call.user.id), call.desk.uploads.one(TOGETHER):
            # No Content-Type goes with it: the agent would not write the form's own then.
            message["files"] = await read_form(call.request)
            return await _exchange(call, row, path, message, headers)
    if row.content is Content.JSON:
        message["data"] = await _json_object(call)
        headers["Content-Type"] = "application/json"
    elif call.request.body_exists and await read_body(call.request, LARGEST_JSON, _JSON_PATIENCE):
        raise bad("This request takes no body.")
    return await _exchange(call, row, path, message, headers)


def too_small(role: Role, user: User) -> Refusal:
    """The refusal of a user who may not do that."""
    return Refusal(
        403,
        Kind.CREDENTIALS,
        f"That takes the role '{role.word}' or a higher one, and {user.name} is {user.role.word}. Nothing was done.",
        "Ask an owner of your tenant for it.",
    )


async def _exchange(
    call: Call, row: Allowed, path: str, message: dict[str, object], headers: Mapping[str, str]
) -> web.StreamResponse:
    if headers:
        message["headers"] = dict(headers)
    guesses = f"{call.user.tenant}/{call.user.name}/{call.vplc.id}"
    if path == _LOGIN and (wait := call.desk.limits.runtime_logins.take(guesses)):
        raise Refusal(
            429,
            Kind.BUSY,
            f"Too many logins at {call.vplc.name} have failed. Nothing was sent to it.",
            "Find out the right password, then wait and try again.",
            int(wait) + 1,
        )
    if row.audited:
        await call.begin(f"{row.method} {path}")
    if row.moves:
        call.desk.states.forget(call.vplc.id)
    asked = call.desk.states.now()
    try:
        reply = await call.desk.asking.reply(call.orchestrator.id, "run_command", message, row.patience)
    finally:
        if row.moves:  # an answer to an earlier question may have come meanwhile
            call.desk.states.forget(call.vplc.id)
    answer = _answer(call, row, reply)
    if path == _LOGIN and answer["status_code"] == 200:
        call.desk.limits.runtime_logins.give_back(guesses)
    if path == "api/status":
        body = answer.get("body") if answer["status_code"] == 200 else None
        call.desk.states.note(call.vplc.id, asked, body)
    return _relayed(answer)


def _target(call: Call) -> tuple[str, str, str]:
    """Path and query as they stand in the request line; aiohttp's own have been decoded, and may have been tidied up."""
    raw = call.request.raw_path
    _, found, rest = raw.partition("/http/")
    if not raw.startswith("/") or not found:
        raise bad("The request's target cannot be read.")
    return rest.partition("?")


def _authorization(call: Call) -> dict[str, str]:
    given = call.request.headers.getall(TOKEN_HEADER, [])
    if not given:
        return {}
    if len(given) != 1 or not given[0].isascii() or _BEARER.fullmatch(given[0]) is None:
        raise bad(f"The header {TOKEN_HEADER} is not 'Bearer' and a token.")
    return {"Authorization": given[0]}


async def _json_object(call: Call) -> dict[str, object]:
    if call.request.content_type != "application/json":
        raise bad("This request takes JSON.")
    value = json_value(await read_body(call.request, LARGEST_JSON, _JSON_PATIENCE))
    if not isinstance(value, dict) or not value:
        # An agent leaves an empty body out altogether, and the runtime would be asked something else.
        raise bad("This request takes a JSON object that is not empty.")
    return value


def _answer(call: Call, row: Allowed, reply: Mapping[str, object]) -> dict[str, object]:
    """The runtime's answer in an agent's reply; the reply's own status says nothing of it.

    Raises:
        RuntimeFailure: there is none.
    """
    answer = reply.get("http_response")
    if not isinstance(answer, dict):
        words = reply.get("error")
        if isinstance(words, str) and words.startswith("Device not found"):
            raise Refusal(
                502,
                Kind.UNREACHABLE,
                f"The orchestrator does not know a container for {call.vplc.name}. Nothing was sent to a machine.",
                "Look at the vPLC's state; create it anew if it is gone.",
            )
        raise Refusal(
            502,
            Kind.INTERNAL,
            "The orchestrator did not pass the request on and does not say why.",
            "Look at the log of the container orchestrator_agent on that host.",
        )
    status = answer.get("status_code")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise Refusal(
            502,
            Kind.NOT_OPENPLC,
            f"{call.vplc.name} answered with something that is no answer of a runtime.",
            "Restart the vPLC's container; look at its log.",
        )
    body = answer.get("body")
    if status == 500 and not answer.get("headers") and isinstance(body, dict) and set(body) == {"error"}:
        raise _unreached(call, row, str(body["error"]))
    return answer


def _unreached(call: Call, row: Allowed, words: str) -> RuntimeFailure:
    """The agent could not talk to the runtime; its library's words name addresses inside the host and stay here."""
    if any(sign in words for sign in _NEVER_SENT):
        return Refusal(
            502,
            Kind.UNREACHABLE,
            f"The orchestrator cannot reach the runtime of {call.vplc.name}: it does not listen. Nothing was sent to it.",
            "Wait until the vPLC has started; if it has, restart its container and look at its log.",
        )
    outcome = " Whether it was done is not known." if row.audited else ""
    return Refusal(
        504,
        Kind.LOST,
        f"The connection between the orchestrator and the runtime of {call.vplc.name} broke.{outcome}",
        "Look at the machine's state before you do it again.",
    )


def _relayed(answer: Mapping[str, object]) -> web.Response:
    """The runtime's answer as the client gets it: its status, its body and its version, nothing else of it.

    Text is always plain text, whatever the runtime called it: no browser that has come here may take it for a page.
    """
    status = answer["status_code"]
    assert isinstance(status, int)
    body, kind = answer.get("body"), answer.get("content_type")
    headers = {MARK: RELAYED, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    stated = answer.get("headers")
    version = stated.get(VERSION_HEADER) if isinstance(stated, dict) else None
    if isinstance(version, str) and version.isascii() and _VERSION.fullmatch(version):
        headers[VERSION_HEADER] = version
    if status in _BODYLESS:
        return web.Response(status=status, headers=headers)
    if kind == "application/json" or not isinstance(body, str):
        content_type, text = "application/json", json_text(body)
    else:
        content_type, text = "text/plain", body
    return web.Response(
        status=status,
        body=text.encode("utf-8", "replace"),
        content_type=content_type,
        charset=None if content_type == "application/json" else "utf-8",
        headers=headers,
    )
