"""The hub's own HTTP answers: JSON, marked as the hub's, and one status for each way to fail.

Invariant: what a machine answered carries `Rung-Hub: relayed`, everything else `Rung-Hub: hub`; no peer can set that header.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Mapping
from typing import Final

from aiohttp import web

from rung.runtimes.errors import Kind, RuntimeFailure

MARK: Final = "Rung-Hub"
OWN: Final = "hub"
RELAYED: Final = "relayed"

_STATUS: Final[Mapping[Kind, int]] = {
    Kind.DNS: 404,
    Kind.CREDENTIALS: 403,
    Kind.UNREACHABLE: 503,
    Kind.LOST: 504,
    Kind.TIMEOUT: 504,
    Kind.BUSY: 429,
    Kind.UPLOAD_REFUSED: 413,
}
_BACK_IN: Final = 2
"""Seconds after which asking again makes sense, where nothing better is known."""

_PIECE: Final = 65_536

_EVERYWHERE: Final = {MARK: OWN, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Refusal(RuntimeFailure):
    """A failure whose HTTP status does not follow from its kind.

    Args:
        status: the HTTP status.
        retry_after: seconds, for 429.
    """

    def __init__(self, status: int, kind: Kind, message: str, hint: str, retry_after: int = _BACK_IN) -> None:
        super().__init__(kind, message, hint)
        self.status = status
        self.retry_after = retry_after


class NeedsConfirmation(Exception):
    """What was asked destroys something, and the user has not yet said that it is meant.

    Args:
        message: what would be destroyed.
        typed: the text that the user has to type; None where the answer is `running: true`.
    """

    def __init__(self, message: str, typed: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.typed = typed


_CORRECT: Final = "Correct what is named; if Rung made the request by itself, update it on this computer or on the hub."


def bad(message: str) -> Refusal:
    """A request that cannot be one."""
    return Refusal(400, Kind.INTERNAL, f"{message} Nothing was done.", _CORRECT)


def conflict(message: str, hint: str) -> Refusal:
    """A request that what is there already does not allow."""
    return Refusal(409, Kind.INTERNAL, message, hint)


def absent() -> Refusal:
    """What there is not, and what belongs to others: the same words for both, so that nobody can look for what others have."""
    return Refusal(
        404, Kind.DNS, "The hub knows no such thing.", "List what there is; it may have been removed or renamed."
    )


def agent_says(words: str) -> Refusal:
    """The agent's own refusal, in its words."""
    return Refusal(
        502, Kind.INTERNAL, f"The orchestrator refused: {words or 'it does not say why'}.", "Correct what it names."
    )


def own(value: Mapping[str, object], status: int = 200) -> web.Response:
    """An answer of the hub."""
    return web.Response(
        status=status,
        body=json_text(value).encode("utf-8", "replace"),
        content_type="application/json",
        headers=_EVERYWHERE,
    )


def json_text(value: object) -> str:
    """The JSON text of a value; a number that JSON does not have, though Python reads and writes it, becomes null."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, (list, tuple)) else value


def in_pieces(response: web.StreamResponse) -> None:
    """Have a large body sent piece by piece.

    TLS takes a single write of any size off our hands, so only the second one shows that a client does not take the first.
    """
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes) and len(body) > _PIECE and isinstance(response, web.Response):
        response.body = _pieces(body)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _PIECE):
        yield body[at : at + _PIECE]


def status_of(failure: RuntimeFailure) -> int:
    """The HTTP status for a failure."""
    return failure.status if isinstance(failure, Refusal) else _STATUS.get(failure.kind, 502)


def failed(failure: RuntimeFailure) -> web.Response:
    """The answer that tells a failure."""
    status = status_of(failure)
    told = {"kind": failure.kind.value, "message": failure.message, "hint": failure.hint}
    answer = own({"error": told}, status)
    if status == 429:
        answer.headers["Retry-After"] = str(failure.retry_after if isinstance(failure, Refusal) else _BACK_IN)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="rung hub"'
    return answer


def asks(question: NeedsConfirmation) -> web.Response:
    """The answer that asks for a confirmation."""
    told: dict[str, object] = {"needsConfirmation": True, "message": question.message}
    if question.typed is None:
        told["running"] = True
    else:
        told["type"] = question.typed
    return own(told, 409)
