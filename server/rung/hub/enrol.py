"""Enrolment: an id that an administrator was given becomes, once and within five minutes, a certificate for one agent's own key.

Invariant: whoever asks without a valid id learns nothing: not whether the id was ever issued, used or has expired, and not often. What is
wrong with a certificate request is said before its id is looked up.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone

from aiohttp import web

from rung.hub.api.enrolments import VALID_FOR
from rung.hub.authority import Authority, read_request
from rung.hub.bus import Bus, Event
from rung.hub.csr_upload import Refused, granted, not_acceptable, read_upload, refusal
from rung.hub.install_script import script
from rung.hub.limits import EVERYBODY, Limits, client_address, retry_after
from rung.hub.records import AuditRow, Enrolment, Orchestrator, User
from rung.hub.roles import Role
from rung.hub.settings import HubSettings
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure

_log = logging.getLogger("rung.hub.enrol")
_NOBODY = "-"

Drop = Callable[[str, str], Awaitable[None]]


def routes(
    store: Store, authority: Authority, bus: Bus, limits: Limits, settings: HubSettings, drop: Drop
) -> list[web.RouteDef]:
    """The routes of the editors' listener that computers to be enrolled use.

    Args:
        drop: ends the live session of an orchestrator: `drop(orchestrator, why)`.

    Raises:
        RuntimeFailure: the install script cannot be made, because a certificate cannot be read.
    """
    desk = _Desk(store, authority, bus, limits, settings, drop)
    return [
        web.get("/orchestrators/id", desk.issue_id),
        web.post("/orchestrators/enroll", desk.enrol),
        web.get("/install.sh", desk.install_script),
    ]


class _Desk:
    def __init__(
        self, store: Store, authority: Authority, bus: Bus, limits: Limits, settings: HubSettings, drop: Drop
    ) -> None:
        self._store = store
        self._drop = drop
        self._authority = authority
        self._bus = bus
        self._limits = limits
        self._proxies = settings.trusted_proxies
        self._script = script(settings)

    async def install_script(self, request: web.Request) -> web.StreamResponse:
        wait = self._limits.addresses.take(client_address(request, self._proxies))
        if wait:
            return refusal(request, _too_often(wait))
        return web.Response(text=self._script, content_type="text/x-shellscript", charset="utf-8")

    async def issue_id(self, request: web.Request) -> web.StreamResponse:
        """An id as the vendor's installer asks for one, but only for an administrator's token."""
        try:
            user = await self._administrator(request)
            name = request.query.get("name") or f"orchestrator-{secrets.token_hex(4)}"
            now = _now()
            try:
                enrolment = await self._store.create_enrolment(user, name, "", now + VALID_FOR)
            except ValueError as error:
                raise Refused(409, Kind.INTERNAL, str(error), "Give another name with ?name=.") from None
            await self._note(user.tenant, user.name, "enrolment.create", enrolment.id, "ok", "")
        except (Refused, RuntimeFailure) as failure:
            return refusal(request, _as_refused(failure))
        data = {
            "id": enrolment.id,
            "expiresAt": enrolment.expires.isoformat(),
            "expiresIn": int((enrolment.expires - now).total_seconds()),
        }
        return web.json_response({"statusCode": 200, "data": data}, headers={"Cache-Control": "no-store"})

    async def enrol(self, request: web.Request) -> web.StreamResponse:
        address = client_address(request, self._proxies)
        try:
            flooded = self._admit(address)
            try:
                orchestrator, pem = await self._enrol(request, flooded)
            except RuntimeFailure:
                self._forgive(address, flooded)  # the hub's own trouble is nobody's guess
                raise
            except Refused as refused:
                await self._note_refusal(address, refused)
                raise
            self._forgive(address, flooded)
        except (Refused, RuntimeFailure) as failure:
            return refusal(request, _as_refused(failure))
        how = "" if orchestrator.agent == orchestrator.id else "anew, "
        await self._note(
            orchestrator.tenant, _NOBODY, "enrolment.complete", orchestrator.id, "ok", f"{how}from {address}"
        )
        await self._bus.publish(
            Event(
                orchestrator.tenant,
                "enrolment",
                {"id": orchestrator.agent, "state": "enrolled", "orchestrator": orchestrator.id},
            )
        )
        return granted(request, pem, orchestrator.agent, f"{orchestrator.name} is enrolled.")

    async def _enrol(self, request: web.Request, flooded: float) -> tuple[Orchestrator, str]:
        csr = await read_upload(request)
        now = _now()
        try:
            id = read_request(csr).common_name
            if (
                flooded and await self._store.open_enrolment(id) is None
            ):  # who has an id is not kept out by those who guess
                raise _too_often(flooded)
            issued = self._authority.issue(csr, id, now)
        except ValueError as error:
            raise not_acceptable(error) from None
        # The certificate is made before the id is looked up, so that it takes the same time whatever is known of the id. One that
        # is not handed out is worth nothing: the agents' listener knows only fingerprints that were stored.
        enrolment = await self._store.open_enrolment(id)
        if enrolment is None:
            raise _not_open()
        await self._check_replaced(request, enrolment)
        orchestrator = await self._store.complete_enrolment(id, issued.record)
        if orchestrator is None:
            raise _not_open()
        if enrolment.orchestrator is not None:
            await self._end_session(orchestrator)
        return orchestrator, issued.pem

    async def _check_replaced(self, request: web.Request, enrolment: Enrolment) -> None:
        """A computer that is enrolled says as whom. It may become that orchestrator anew and no other, whose vPLCs are elsewhere."""
        agent = request.query.get("replaces")
        if agent is None:
            return
        if enrolment.orchestrator is None or not await self._store.was_agent_of(enrolment.orchestrator, agent):
            raise Refused(
                409,
                Kind.INTERNAL,
                f"This id is to enrol {enrolment.name}, and this computer is enrolled as another orchestrator. Nothing was changed.",
                "Use the id on the computer that it is for, or run 'rung-orchestrator uninstall' here first; vPLCs keep running.",
            )

    async def _end_session(self, orchestrator: Orchestrator) -> None:
        """End the session of the certificate that was replaced, before anybody has the new one."""
        try:
            await self._drop(orchestrator.id, "the orchestrator was enrolled anew")
        except RuntimeFailure as failure:  # it ends when it is compared with the database
            _log.error("the session of %s was not ended yet: %s", orchestrator.id, failure.message)

    async def _administrator(self, request: web.Request) -> User:
        address = client_address(request, self._proxies)
        wait = self._limits.failed_tokens.take(address)
        if wait:
            raise _too_often(wait)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = await self._store.user_of_token(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise Refused(
                401,
                Kind.CREDENTIALS,
                "An id is issued to a signed-in administrator only.",
                "Send `Authorization: Bearer TOKEN`, or use the command that the hub shows for an enrolment.",
                {"WWW-Authenticate": "Bearer"},
            )
        self._limits.failed_tokens.give_back(address)
        if user.role < Role.ADMIN:
            raise Refused(
                403,
                Kind.CREDENTIALS,
                f"The role {user.role.word} may not enrol orchestrators.",
                "Ask an administrator.",
            )
        wait = self._limits.enrolments.take(f"{user.tenant}/{user.name}")
        if wait:
            raise _too_often(wait)
        return user

    def _admit(self, address: str) -> float:
        """Take what a wrong guess costs; whoever is right gets it back.

        Returns:
            0, or the seconds until the guesses of all together are few enough again.
        """
        wait = self._limits.failed_ids.take(address)
        if wait:
            raise _too_often(wait)
        return self._limits.failed_ids_overall.take(EVERYBODY)

    def _forgive(self, address: str, flooded: float) -> None:
        self._limits.failed_ids.give_back(address)
        if not flooded:
            self._limits.failed_ids_overall.give_back(EVERYBODY)

    async def _note_refusal(self, address: str, refused: Refused) -> None:
        """A stranger's attempt belongs to no tenant; it is noted as long as strangers do not fill the logs."""
        if not self._limits.refusals_noted.take(EVERYBODY):
            _log.warning("enrolment refused, from %s: %s", address, refused.message)
            await self._note(
                _NOBODY, _NOBODY, "enrolment.complete", None, "refused", f"from {address}: {refused.message}"
            )

    async def _note(
        self, tenant: str, user: str, action: str, orchestrator: str | None, outcome: str, detail: str
    ) -> None:
        try:
            await self._store.note(AuditRow(_now(), tenant, user, action, orchestrator, None, outcome, detail))
        except RuntimeFailure as failure:
            # What is to be noted has happened and is in the database; the log of the process keeps what the audit log cannot.
            _log.error("audit row lost: %s %s %s %s: %s", action, orchestrator, outcome, detail, failure.message)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _too_often(wait: float) -> Refused:
    return Refused(
        429, Kind.BUSY, "This was asked for too often. Nothing was changed.", "Wait, then try again.", retry_after(wait)
    )


def _not_open() -> Refused:
    return Refused(
        403,
        Kind.CREDENTIALS,
        "No enrolment is open for this id. An id is good for one enrolment within five minutes, and until a newer one is asked for.",
        "Ask the hub for a new one and use it at once.",
    )


def _as_refused(failure: Refused | RuntimeFailure) -> Refused:
    if isinstance(failure, Refused):
        return failure
    return Refused(503, failure.kind, failure.message, failure.hint, retry_after(5.0))
