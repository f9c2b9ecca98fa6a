"""Renewal: an agent that is connected by its present certificate gets the next one.

Invariant: only the connection's own certificate says who asks. It stays good until the new one was used first, so an answer that is lost
locks nobody out.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
from datetime import datetime, timezone

from aiohttp import web
from cryptography import x509

from rung.hub.authority import Authority
from rung.hub.csr_upload import Refused, granted, not_acceptable, read_upload, refusal
from rung.hub.limits import Limits, retry_after
from rung.hub.records import AuditRow, Orchestrator
from rung.hub.store import Store
from rung.runtimes.errors import Kind, RuntimeFailure

_log = logging.getLogger("rung.hub.renewal")


def routes(store: Store, authority: Authority, limits: Limits) -> list[web.RouteDef]:
    """The route of the agents' listener, which lets in nobody without a certificate of the agents' authority."""
    desk = _Desk(store, authority, limits)
    return [web.post("/orchestrators/renew", desk.renew)]


class _Desk:
    def __init__(self, store: Store, authority: Authority, limits: Limits) -> None:
        self._store = store
        self._authority = authority
        self._limits = limits

    async def renew(self, request: web.Request) -> web.StreamResponse:
        try:
            orchestrator = await self._asker(request)
            wait = self._limits.renewals.take(orchestrator.id)
            if wait:
                raise Refused(
                    429,
                    Kind.BUSY,
                    "This certificate was renewed a moment ago. The present one stays good.",
                    "Wait, then try again.",
                    retry_after(wait),
                )
            csr = await read_upload(request)
            try:
                issued = self._authority.issue(csr, orchestrator.agent, _now())
            except ValueError as error:
                raise not_acceptable(error) from None
            await self._store.store_renewal(orchestrator.agent, issued.record)
        except Refused as refused:
            return refusal(request, refused)
        except RuntimeFailure as failure:
            if failure.kind in (Kind.CREDENTIALS, Kind.DNS):  # revoked or removed since it was looked up
                return refusal(request, _not_ours())
            return refusal(request, Refused(503, failure.kind, failure.message, failure.hint, retry_after(5.0)))
        await self._note(orchestrator, f"until {issued.record.not_after:%Y-%m-%d}")
        return granted(request, issued.pem, orchestrator.agent, f"The certificate of {orchestrator.name} is renewed.")

    async def _asker(self, request: web.Request) -> Orchestrator:
        """The orchestrator whose certificate the connection has, if that certificate counts.

        Raises:
            Refused: the orchestrator is not known, revoked, or has another certificate by now; which one is not said.
        """
        der = _certificate(request)
        if der is not None:
            fingerprint = hashlib.sha256(der).hexdigest().upper()
            names = x509.load_der_x509_certificate(der).subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            orchestrator = await self._store.orchestrator_of_agent(str(names[0].value)) if len(names) == 1 else None
            if orchestrator is not None and orchestrator.revoked is None:
                if fingerprint == orchestrator.certificate.fingerprint:
                    return orchestrator
                if orchestrator.renewed is not None and fingerprint == orchestrator.renewed.fingerprint:
                    await self._store.take_renewal(orchestrator.agent, fingerprint)
                    return orchestrator
        raise _not_ours()

    async def _note(self, orchestrator: Orchestrator, detail: str) -> None:
        row = AuditRow(_now(), orchestrator.tenant, "-", "orchestrator.renew", orchestrator.id, None, "ok", detail)
        try:
            await self._store.note(row)
        except RuntimeFailure as failure:
            _log.error("audit row lost: orchestrator.renew %s ok: %s", orchestrator.id, failure.message)


def _certificate(request: web.Request) -> bytes | None:
    """The certificate of the connection's other end, DER."""
    tls = request.transport.get_extra_info("ssl_object") if request.transport is not None else None
    return tls.getpeercert(binary_form=True) if isinstance(tls, (ssl.SSLObject, ssl.SSLSocket)) else None


def _not_ours() -> Refused:
    return Refused(
        403,
        Kind.CREDENTIALS,
        "This certificate is not, or no longer, one of an orchestrator of this hub.",
        "Enrol the computer with a new id; vPLCs keep running.",
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
