"""The one closed list of ways in which talking to a machine fails, shared by CLI, language server and documentation."""

from __future__ import annotations

from enum import Enum


class Kind(str, Enum):
    """Error kinds; the values are part of the JSON contracts and never change."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    DNS = "dns"
    TIMEOUT = "timeout"
    NOT_OPENPLC = "not-openplc"
    TOO_OLD = "too-old"
    UNTRUSTED = "untrusted"
    CERTIFICATE_CHANGED = "certificate-changed"
    CREDENTIALS = "credentials"
    NO_USERS = "no-users"
    UPLOAD_REFUSED = "upload-refused"
    COMPILE_FAILED = "compile-failed"
    BUSY = "busy"
    START_FAILED = "start-failed"
    CRASHED = "crashed"
    NOT_OURS = "not-ours"
    CANCELLED = "cancelled"
    LOST = "lost"
    PROGRAM = "program"
    INTERNAL = "internal"


class RuntimeFailure(Exception):
    """A failure as a user is told of it.

    Args:
        kind: the row of the closed list.
        message: what happened and what it means for the machine, one or two sentences, no secret in it.
        hint: what to do now.
    """

    def __init__(self, kind: Kind, message: str, hint: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.hint = hint


class NotRelayed(RuntimeFailure):
    """A hub did not hand a request on, and says so: the machine behind it has heard nothing of it."""
