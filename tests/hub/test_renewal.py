"""Renewal over mutual TLS: the present certificate asks, and stays good until the next one was used."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hub.enrolling import ID, EnrollingHub, Key, csr, enrolling_hub, form, key_pem, new_key, now


@dataclass
class Device:
    """A computer that is enrolled."""

    hub: EnrollingHub
    id: str
    folder: Path
    key: Key

    def keep(self, pem: str) -> str:
        """Use this certificate from now on; its fingerprint."""
        (self.folder / "client.crt").write_text(pem)
        (self.folder / "client.key").write_bytes(key_pem(self.key))
        return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex().upper()

    async def renew(self, request: bytes | None = None) -> tuple[int, str]:
        """Status and certificate, or the error's message."""
        request = request or csr(self.id, key=self.key)
        async with (
            self.hub.client(self.folder / "client.crt", self.folder / "client.key") as client,
            client.post(f"{self.hub.agents}/orchestrators/renew", **form(request)) as answer,
        ):
            body = await answer.json()
            return answer.status, body["data"]["certificate"] if answer.status == 200 else body["error"]["message"]


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[EnrollingHub]:
    async with enrolling_hub(tmp_path / "hub") as served:
        yield served


@pytest.fixture
async def device(hub: EnrollingHub, tmp_path: Path) -> Device:
    made = Device(hub, (await hub.enrolment()).id, tmp_path, new_key())
    async with hub.client() as client:
        call = form(csr(made.id, key=made.key))
        async with client.post(f"{hub.editors}/orchestrators/enroll", **call) as answer:
            made.keep((await answer.json())["data"]["certificate"])
    return made


async def test_a_renewed_certificate_waits_beside_the_present_one(hub: EnrollingHub, device: Device) -> None:
    before = await hub.store.orchestrator_of_agent(device.id)
    status, pem = await device.renew()
    after = await hub.store.orchestrator_of_agent(device.id)
    assert status == 200
    assert before is not None
    assert after is not None
    assert after.certificate == before.certificate
    assert after.renewed is not None
    assert (
        after.renewed.fingerprint
        == x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex().upper()
    )
    [renewed, enrolled] = await hub.store.audit("plant")
    assert (renewed.action, renewed.outcome, enrolled.action) == ("orchestrator.renew", "ok", "enrolment.complete")


async def test_a_lost_answer_locks_nobody_out(device: Device) -> None:
    assert (await device.renew())[0] == 200
    assert (await device.renew())[0] == 200  # still with the old certificate


async def test_the_first_use_of_the_new_certificate_ends_the_old_one(hub: EnrollingHub, device: Device) -> None:
    old = (device.folder / "client.crt").read_text()
    _, pem = await device.renew()
    fingerprint = device.keep(pem)
    assert (await device.renew())[0] == 200
    after = await hub.store.orchestrator_of_agent(device.id)
    assert after is not None
    assert after.certificate.fingerprint == fingerprint
    device.keep(old)
    status, message = await device.renew()
    assert status == 403
    assert "no longer" in message


async def test_renewing_again_and_again_is_slowed_down(hub: EnrollingHub, device: Device) -> None:
    statuses = [(await device.renew())[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    hub.clock.seconds += 3600
    assert (await device.renew())[0] == 200


async def test_no_certificate_for_another_orchestrator(hub: EnrollingHub, device: Device) -> None:
    other = await hub.enrolment("other")
    status, message = await device.renew(csr(other.id, key=device.key))
    assert (status, message) == (400, "The certificate request is not for this orchestrator.")


async def test_a_revoked_orchestrator_gets_none(hub: EnrollingHub, device: Device) -> None:
    orchestrator = await hub.store.orchestrator_of_agent(device.id)
    assert orchestrator is not None
    await hub.store.revoke(orchestrator, now())
    assert (await device.renew())[0] == 403


async def test_a_certificate_that_was_never_stored_gets_none(hub: EnrollingHub, device: Device) -> None:
    device.keep(hub.authority.issue(csr(device.id, key=device.key), device.id, now()).pem)
    assert (await device.renew())[0] == 403
    device.keep(hub.authority.issue(csr(ID, key=device.key), ID, now()).pem)
    device.id = ID
    assert (await device.renew())[0] == 403


async def test_without_a_certificate_nothing_is_answered(hub: EnrollingHub) -> None:
    async with hub.client() as client:
        with pytest.raises(aiohttp.ClientError):
            await client.post(f"{hub.agents}/orchestrators/renew", **form(csr(ID)))
