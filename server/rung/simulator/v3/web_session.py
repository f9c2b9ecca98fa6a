"""Sessions of the web pages: a signed cookie, renewed by every answer, and the token against forged forms (section 1.1).

Invariant: the key lives as long as the web server, so a restart logs everybody out; what was changed in a cookie makes it void.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from email.utils import formatdate
from typing import Final

from aiohttp import web

from rung.simulator.answers import error_page
from rung.simulator.device import Refusal

_COOKIE: Final = "session"
_FORM_LIFE_S: Final = 3600
_PLAIN_400: Final = "The browser (or proxy) sent a request that this server could not understand."


@dataclass(slots=True)
class WebSession:
    """What a cookie holds: the user's id (None: not logged in) and the secret that form tokens are made for."""

    user: int | None = None
    form_secret: str = ""


class Sessions:
    """Makes and reads cookies and form tokens."""

    def __init__(self, life_s: int) -> None:
        """`life_s`: seconds that a session lasts after its last answer."""
        self._life_s = life_s
        self._key = secrets.token_bytes(32)

    def read(self, request: web.Request) -> WebSession:
        """The session of a request; a new one where the cookie is missing, void or too old."""
        content = self._open(request.cookies.get(_COOKIE, ""), self._life_s)
        try:
            return WebSession(**json.loads(base64.urlsafe_b64decode(content)))
        except (ValueError, TypeError):
            return WebSession()

    def write(self, session: WebSession, answer: web.StreamResponse) -> None:
        """Renew the cookie."""
        content = base64.urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode()
        expires = formatdate(time.time() + self._life_s, usegmt=True)
        answer.headers.add("Set-Cookie", f"{_COOKIE}={self._seal(content)}; Expires={expires}; HttpOnly; Path=/")
        answer.headers["Vary"] = "Cookie"

    def form_token(self, session: WebSession) -> str:
        """A token for the forms of a session."""
        if not session.form_secret:
            session.form_secret = secrets.token_hex(20)
        return self._seal(base64.urlsafe_b64encode(session.form_secret.encode()).decode().rstrip("="))

    def check_form(self, session: WebSession, token: object) -> None:
        """Refuse a form that does not come from a page of this session.

        Raises:
            Refusal: with the recorded 400.
        """
        if not isinstance(token, str) or not token:
            raise bad_request("The CSRF token is missing.")
        if not session.form_secret:
            raise bad_request("The CSRF session token is missing.")
        if not self._open(token, None):
            raise bad_request("The CSRF token is invalid.")
        content = self._open(token, _FORM_LIFE_S)
        if not content:
            raise bad_request("The CSRF token has expired.")
        secret = base64.urlsafe_b64encode(session.form_secret.encode()).decode().rstrip("=")
        if not hmac.compare_digest(content, secret):
            raise bad_request("The CSRF tokens do not match.")

    def _seal(self, content: str) -> str:
        body = f"{content}.{int(time.time() * 1000):x}"
        return f"{body}.{self._signature(body)}"

    def _open(self, sealed: str, life_s: int | None) -> str:
        body, _, signature = sealed.rpartition(".")
        content, _, moment = body.rpartition(".")
        if not content or not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            return ""
        return content if life_s is None or time.time() - int(moment, 16) / 1000 <= life_s else ""

    def _signature(self, body: str) -> str:
        digest = hmac.new(self._key, body.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:20]).decode().rstrip("=")


def bad_request(description: str = _PLAIN_400) -> Refusal:
    """The framework's page for a form that it does not take."""
    page = error_page(400)
    assert page.text is not None
    page.text = page.text.replace(_PLAIN_400, description)
    return Refusal(page)
