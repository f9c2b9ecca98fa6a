"""What the routes share: the parts of one simulated device, and how a request is read and authorised."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from rung.simulator.accounts import Accounts
from rung.simulator.answers import Json, error_page, message_answer
from rung.simulator.build import Builder
from rung.simulator.logs import RuntimeLog
from rung.simulator.machine import Machine
from rung.simulator.personality import Personality
from rung.simulator.project_snapshot import ProjectSnapshot
from rung.simulator.tokens import Denied, Session, Tokens

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Device:
    """The parts of a runtime that answers requests."""

    personality: Personality
    accounts: Accounts
    tokens: Tokens
    machine: Machine
    builder: Builder
    snapshot: ProjectSnapshot
    log: RuntimeLog


class Refusal(Exception):
    """A request that is answered without having been carried out."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


def authorised(device: Device, request: web.Request) -> Session:
    """The session of a request.

    Raises:
        Refusal: with the recorded 401 or 422.
    """
    try:
        return device.tokens.session_from_header(request.headers.get("Authorization", ""))
    except Denied as denied:
        raise Refusal(message_answer(denied.reason, denied.status)) from None


async def json_object(request: web.Request) -> dict[str, Json]:
    """The JSON object in a request's body.

    Raises:
        Refusal: with the HTML page of the web framework: 415 not JSON by its type, 400 not JSON by its text, 500 not an object.
    """
    if request.content_type != "application/json" and not request.content_type.endswith("+json"):
        raise Refusal(error_page(415))
    try:
        content = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise Refusal(error_page(400)) from None
    if not isinstance(content, dict):
        raise Refusal(error_page(500))
    return content


async def handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The answer of a request's handler; what went wrong in it is answered as the device's web framework does."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.answer
    except web.HTTPRequestEntityTooLarge:
        return error_page(413)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception:  # the border: a client gets the page, the operator the trace
        _logger.exception("%s %s failed", request.method, request.path)
        return error_page(500)
