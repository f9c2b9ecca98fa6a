"""HTTP answers byte for byte as a Runtime v4 gives them: JSON with sorted keys and a final newline, HTML error pages."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Union

from aiohttp import web

Json = Union[None, bool, int, float, str, Sequence["Json"], Mapping[str, "Json"]]

_PHRASES = {422: "UNPROCESSABLE ENTITY"}  # Python 3.13 renamed it
_PAGES: Mapping[int, tuple[str, str]] = {
    400: ("Bad Request", "The browser (or proxy) sent a request that this server could not understand."),
    404: (
        "Not Found",
        "The requested URL was not found on the server. "
        "If you entered the URL manually please check your spelling and try again.",
    ),
    405: ("Method Not Allowed", "The method is not allowed for the requested URL."),
    413: ("Request Entity Too Large", "The data value transmitted exceeds the capacity limit."),
    415: (
        "Unsupported Media Type",
        "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
    ),
    500: (
        "Internal Server Error",
        "The server encountered an internal error and was unable to complete your request. "
        "Either the server is overloaded or there is an error in the application.",
    ),
}


def json_answer(content: Json, status: int = 200) -> web.Response:
    """A JSON answer."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n"
    return web.Response(
        status=status, reason=_phrase(status), body=text.encode("ascii"), content_type="application/json"
    )


def message_answer(message: str, status: int = 200) -> web.Response:
    """The usual answer of the account routes: `{"msg": ...}`."""
    return json_answer({"msg": message}, status)


def error_page(status: int) -> web.Response:
    """The HTML page that the web framework of a Runtime v4 sends for an error of its own."""
    title, text = _PAGES[status]
    page = f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n"
    page += "<p>" + html.escape(text, quote=False).replace("'", "&#39;") + "</p>\n"
    return web.Response(status=status, reason=_phrase(status), text=page, content_type="text/html", charset="utf-8")


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase.upper()
