"""The audit log, as the tenant's administrators read it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Final

from aiohttp import web

from rung.hub.api.answers import bad, own
from rung.hub.api.call import Call
from rung.hub.api.shapes import audit_shape

_MOST: Final = 1000


async def list_rows(call: Call) -> web.StreamResponse:
    """Rows of the tenant, the newest first."""
    query = call.query("limit", "before")
    limit = query.get("limit", "200")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= _MOST:
        raise bad(f"'limit' is a number from 1 to {_MOST}.")
    rows = await call.desk.store.audit(call.user.tenant, int(limit), _time(query.get("before")))
    return own({"rows": [audit_shape(row) for row in rows]})


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text[:40].replace("Z", "+00:00"))
    except ValueError:
        raise bad("'before' is a time as 2026-01-31T12:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=timezone.utc)
