"""Who is signed in, and at what."""

from __future__ import annotations

from aiohttp import web

from rung import __version__
from rung.hub.api.answers import own
from rung.hub.api.call import Call


async def show(call: Call) -> web.StreamResponse:
    """The user, its tenant and role."""
    return own(
        {
            "user": call.user.name,
            "tenant": call.user.tenant,
            "role": call.user.role.word,
            "hub": {"version": __version__},
        }
    )
