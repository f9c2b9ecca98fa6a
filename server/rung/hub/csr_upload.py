"""How a certificate request comes to the hub and how the hub answers: the form of the vendor's installer, and one that a shell script can read.

Invariant: whatever is sent, no more than a few kilobytes of it are read, for no longer than a few seconds, and a refusal has one shape.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from rung.hub.authority import LARGEST_CSR
from rung.runtimes.errors import Kind

PEM: Final = "application/x-pem-file"
_LARGEST_BODY: Final = LARGEST_CSR + 4096
_PATIENCE: Final = 10.0


class Refused(Exception):
    """A request that gets no certificate.

    Args:
        status: HTTP status.
        kind: the row of the closed list.
        message: what happened, a sentence.
        hint: what to do.
        headers: such as Retry-After.
    """

    def __init__(self, status: int, kind: Kind, message: str, hint: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.hint = hint
        self.headers = headers or {}


async def read_upload(request: web.Request) -> bytes:
    """The one field `csr` of a form.

    Raises:
        Refused: it is something else, too large, or comes too slowly.
    """
    if request.content_type != "multipart/form-data" or request.content_length is None:
        raise _no_form(400, "This is not a form of known length with the field 'csr'.")
    if request.content_length > _LARGEST_BODY:
        raise _no_form(413, f"A certificate request of more than {LARGEST_CSR} bytes is not read.")
    try:
        return await asyncio.wait_for(_only_field(request), _PATIENCE)
    except asyncio.TimeoutError:
        raise _no_form(408, f"The certificate request did not come within {_PATIENCE:.0f} s.") from None


async def _only_field(request: web.Request) -> bytes:
    try:
        form = await request.multipart()
        field = await form.next()
        if not isinstance(field, BodyPartReader) or field.name != "csr":
            raise _no_form(400, "The form's first field is not 'csr'.")
        content = bytes(await field.read())
        if await form.next() is not None:
            raise _no_form(400, "The form has more than the one field 'csr'.")
    except (ValueError, AssertionError, HttpProcessingError, web.HTTPRequestEntityTooLarge):
        raise _no_form(400, "The form cannot be read.") from None
    return content


def granted(request: web.Request, pem: str, id: str, message: str) -> web.Response:
    """The answer with a certificate: the vendor's JSON, or the certificate alone for whoever says that it takes only that."""
    headers = {"Cache-Control": "no-store"}
    if _takes_pem(request):
        return web.Response(text=pem, content_type=PEM, headers=headers)
    data = {"certificate": pem, "message": message, "id": id}
    return web.json_response({"statusCode": 200, "data": data}, headers=headers)


def refusal(request: web.Request, refused: Refused) -> web.Response:
    """The answer without one."""
    headers = {"Cache-Control": "no-store", **refused.headers}
    if _takes_pem(request):
        return web.Response(status=refused.status, text=f"{refused.message} {refused.hint}\n", headers=headers)
    error = {"kind": refused.kind.value, "message": refused.message, "hint": refused.hint}
    return web.json_response({"statusCode": refused.status, "error": error}, status=refused.status, headers=headers)


def not_acceptable(error: ValueError) -> Refused:
    """The refusal of a request that is wrong in itself, whoever it is for."""
    return _no_form(400, str(error))


def _takes_pem(request: web.Request) -> bool:
    return request.headers.get("Accept", "") == PEM


def _no_form(status: int, message: str) -> Refused:
    return Refused(status, Kind.INTERNAL, message, "Use the hub's own install script.")
