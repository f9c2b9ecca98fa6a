"""The debug channel of a vPLC, through its agent (orchestrator protocol, section 2.6).

What the agent's version can do is probed once per session: newer ones relay frames as they are; of older ones only the MD5 of the program
can be trusted, for their translation speaks the layout of older runtimes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from rung.hub.api.answers import Refusal, bad, conflict, own
from rung.hub.api.call import Call
from rung.hub.api.paths import PORT
from rung.runtimes.errors import Kind

RAW: Final = "raw"
MD5_ONLY: Final = "md5"
_FRAME: Final = re.compile(r"4[1-5](?: [0-9A-Fa-f]{2}){0,2727}", re.ASCII)
_SET: Final = "42"
"""The function code that writes and forces (runtime protocol, section 3)."""
_ASK_MD5: Final = "45 DE AD 00 00"
_HEX: Final = re.compile(r"[0-9A-Fa-f]{2}(?: ?[0-9A-Fa-f]{2}){0,9999}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9a-fA-F]{32}", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,8000}", re.ASCII)
_NO_PROGRAM: Final = "UNKNOWN(0x83)"
"""What an older agent makes of the runtime's answer that no program is loaded, as after a stop: it does not know the number."""
_ENDING: Final = 40.0
"""Seconds for the end of a session: old agents took 24."""
_SAYS: Final = {
    RAW: "Variables can be watched and forced through this orchestrator.",
    MD5_ONLY: "The agent of this orchestrator is too old to watch variables through it; it can tell which program runs.",
}


async def open_session(call: Call) -> web.StreamResponse:
    """Open a debug session, for one user at a time."""
    fields = await call.fields("token", "username", "password")
    abilities = await call.desk.asking.agents.abilities(call.orchestrator.id)
    way = RAW if abilities.raw_debug else MD5_ONLY
    start: dict[str, object] = {"type": "debug_start", "port": PORT}
    login = fields.text("username", 200), fields.secret("password", 1000)
    if way == RAW:
        start["token"] = fields.matching("token", _TOKEN, "the runtime's token")
    else:
        start |= {"username": login[0], "password": login[1]}
        if not login[1]:  # an agent would fill in a password of its own
            raise bad("The request needs the runtime's password in 'password'.")
    leases = call.desk.leases
    lease, lingers = await leases.take(call.vplc.id, call.user, login, lambda: _end(call))
    try:
        # To start anew an agent ends the present session first, for which real ones take up to 25 s.
        if not (lingers and await _alive(call, way)):
            answer = await _debug(call, start)
            if answer.get("type") != "debug_connected":
                raise _not_opened(answer)
    except BaseException:
        await leases.drop(call.vplc.id, lease)
        raise
    return own({"lease": lease, "way": way, "message": _SAYS[way]})


async def ask(call: Call) -> web.StreamResponse:
    """Relay one frame."""
    fields = await call.fields("lease", "frame")
    frame = fields.matching("frame", _FRAME, "a debug frame as '45 DE AD 00 00'")
    sets = frame.startswith(_SET)
    if sets:
        await call.begin("writes or forces a variable")
    await call.desk.leases.hold(call.vplc.id, call.user, fields.text("lease", 100), certain=sets)
    if not (await call.desk.asking.agents.abilities(call.orchestrator.id)).raw_debug:
        raise Refusal(
            502, Kind.TOO_OLD, _SAYS[MD5_ONLY], "Update the agent on that host, or connect to the machine directly."
        )
    return own({"frame": await _frame(call, frame)})


async def md5(call: Call) -> web.StreamResponse:
    """The MD5 of the program that runs; null when none is loaded."""
    fields = await call.fields("lease")
    await call.desk.leases.hold(call.vplc.id, call.user, fields.text("lease", 100))
    if (await call.desk.asking.agents.abilities(call.orchestrator.id)).raw_debug:
        return own({"md5": _md5_in(bytes.fromhex(await _frame(call, _ASK_MD5)))})
    answer = await _debug(call, {"type": "debug_get_md5"})
    if answer.get("type") == "debug_error" and answer.get("error") == _NO_PROGRAM:
        return own({"md5": None})
    said = answer.get("md5")
    if answer.get("type") != "debug_md5_response" or not isinstance(said, str):
        raise _no_answer(answer)
    found = _DIGITS.match(said)  # what follows is the translation's: bytes that belong to no MD5
    return own({"md5": found.group().lower() if found else None})


async def close(call: Call) -> web.StreamResponse:
    """End a debug session."""
    fields = await call.fields("lease")
    lease = fields.text("lease", 100)
    await call.desk.leases.hold(call.vplc.id, call.user, lease, certain=True)
    call.desk.leases.end_soon(call.vplc.id, call.user, lease, lambda: _end(call))
    return own({"ok": True})


async def _alive(call: Call, way: str) -> bool:
    """Whether the session that lingers still answers."""
    if way == RAW:
        answer = await _debug(call, {"type": "debug_command", "command": _ASK_MD5})
        return answer.get("type") == "debug_command_response"
    answer = await _debug(call, {"type": "debug_get_md5"})
    return answer.get("type") == "debug_md5_response" or answer.get("error") == _NO_PROGRAM


async def _frame(call: Call, frame: str) -> str:
    answer = await _debug(call, {"type": "debug_command", "command": frame})
    data = answer.get("data")
    if answer.get("type") != "debug_command_response" or not isinstance(data, str) or _HEX.fullmatch(data) is None:
        raise _no_answer(answer)
    return data


async def _end(call: Call) -> None:
    await _debug(call, {"type": "debug_stop"}, _ENDING)


async def _debug(call: Call, data: Mapping[str, object], timeout: float = 30.0) -> dict[str, object]:
    message = {"device_id": call.vplc.id, "method": "POST", "api": "debug", "data": data}
    reply = await call.ask("run_command", message, timeout)
    answer = reply.get("debug_response")
    return answer if isinstance(answer, dict) else {}


def _md5_in(frame: bytes) -> str | None:
    digits = frame[2:34].decode("ascii", "replace")
    return digits.lower() if frame[:2] == b"\x45\x7e" and _DIGITS.fullmatch(digits) else None


def _not_opened(answer: Mapping[str, object]) -> Refusal:
    said = answer.get("error")
    if isinstance(said, str) and ("Authentication failed" in said or "rejected" in said.lower()):
        return Refusal(
            502,
            Kind.CREDENTIALS,
            "The runtime does not accept this login for watching.",
            "Log in to the machine again.",
        )
    return Refusal(
        502,
        Kind.LOST,
        "The orchestrator could not open the debug channel of this vPLC, so it is not known which program runs there.",
        "Try again; if it stays so, look at the log of the container orchestrator_agent on that host.",
    )


def _no_answer(answer: Mapping[str, object]) -> Refusal:
    said = answer.get("error")
    if isinstance(said, str) and "No active debug session" in said:
        return conflict("The orchestrator has ended this watch.", "Open it again.")
    return Refusal(502, Kind.INTERNAL, "The orchestrator gave no answer of the debug channel.", "Open the watch again.")
