"""Access tokens (JWT, HS256) and what is said when one is not good (protocol section 1.1 and 1.2).

Invariant: a request is authorised only by a token of this device's key, unexpired, not revoked, of an existing user.
"""

from __future__ import annotations

import re
import time
import uuid
from dataclasses import dataclass

import jwt

from rung.simulator.accounts import Accounts, User

_EXPECTED = "Expected 'Authorization: Bearer <JWT>'"


class Denied(Exception):
    """The request is not authorised.

    Attributes:
        status: the HTTP status, 401 or 422.
        reason: the text of the answer.
        missing: no token was sent at all, as opposed to a bad one.
    """

    def __init__(self, status: int, reason: str, *, missing: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Session:
    """Who asks, and by which token."""

    user: User
    token_id: str


class Tokens:
    """Issues and checks tokens. Revocations live as long as the process, as on a Runtime v4."""

    def __init__(self, accounts: Accounts, life_s: int) -> None:
        self._accounts = accounts
        self._life_s = life_s
        self._revoked: set[str] = set()
        self._current: set[str] = set()
        self._expired: set[str] = set()

    def issue(self, user: User) -> str:
        """A new token for a user who has just shown the password."""
        now = int(time.time())
        token_id = str(uuid.uuid4())
        self._current.add(token_id)
        claims = {
            "fresh": False,
            "iat": now,
            "jti": token_id,
            "type": "access",
            "sub": str(user.id),
            "nbf": now,
            "csrf": str(uuid.uuid4()),
            "exp": now + self._life_s,
        }
        return jwt.encode(claims, self._accounts.secrets.token_key, algorithm="HS256")

    def session_from_header(self, authorization: str) -> Session:
        """The session of a request.

        Args:
            authorization: the header's value, "" when there is none.

        Raises:
            Denied: with the recorded status and text.
        """
        header = authorization.strip().strip(",")
        if not header:
            raise Denied(401, "Missing Authorization Header", missing=True)
        fields = [field for field in re.split(r",\s*", header) if field.split()[:1] == ["Bearer"]]
        if len(fields) != 1:
            raise Denied(401, f"Missing 'Bearer' type in 'Authorization' header. {_EXPECTED}", missing=True)
        words = fields[0].split()
        if len(words) != 2:
            raise Denied(422, f"Bad Authorization header. {_EXPECTED}", missing=True)
        return self.session(words[1])

    def session(self, token: str) -> Session:
        """The session of a bare token.

        Raises:
            Denied: with the recorded status and text.
        """
        try:
            claims = jwt.decode(token, self._accounts.secrets.token_key, algorithms=["HS256"])
            subject, token_id = str(claims["sub"]), str(claims["jti"])
        except jwt.ExpiredSignatureError:
            raise Denied(401, "Token has expired") from None
        except jwt.InvalidTokenError as error:
            raise Denied(422, str(error)) from None
        except KeyError as error:
            raise Denied(422, f"Missing claim: {error.args[0]}") from None
        if claims.get("type") != "access":
            raise Denied(422, "Only non-refresh tokens are allowed")
        if token_id in self._expired:
            raise Denied(401, "Token has expired")
        if token_id in self._revoked:
            raise Denied(401, "Token has been revoked")
        user = self._accounts.by_id(int(subject)) if subject.isdecimal() else None
        if user is None:
            raise Denied(401, f"Error loading the user {subject}")
        return Session(user, token_id)

    def revoke(self, session: Session) -> None:
        """End a session: its token is refused from now on."""
        self._revoked.add(session.token_id)

    def expire_all(self) -> None:
        """Let every token that was issued so far be at its end, whatever its time says."""
        self._expired |= self._current
        self._current.clear()
