"""A hub that is killed while computers enrol: what it has said is true afterwards, and no id is used without its orchestrator."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hub.enrolling import csr, form, made_settings, now
from rung.hub.records import Enrolment
from rung.hub.roles import Role
from rung.hub.settings import HubSettings
from rung.hub.store import Store
from simulated import free_port


@asynccontextmanager
async def served(settings: HubSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    """`rung hub serve` in a process of its own, killed at the end as by a power cut."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rung", "hub", "serve", "--data", str(settings.folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.readuntil(b"The hub serves"), 60)
        yield process
    finally:
        power_cut(process)
        await process.wait()


def power_cut(process: asyncio.subprocess.Process) -> None:
    """Kill it at once; once more does no harm."""
    with suppress(ProcessLookupError):
        process.kill()


async def issued(settings: HubSettings, count: int) -> list[Enrolment]:
    """Ids that are open."""
    store = await Store.open(settings.database_url)
    try:
        user = await store.add_user("plant", "chief", Role.ADMIN)
        ends = now() + timedelta(minutes=5)
        return [await store.create_enrolment(user, f"line-{number}", "", ends) for number in range(count)]
    finally:
        await store.aclose()


async def enrol(client: aiohttp.ClientSession, settings: HubSettings, id: str) -> str | None:
    """The fingerprint of the certificate that came; None if none did."""
    try:
        async with client.post(f"{settings.public_url}/orchestrators/enroll", **form(csr(id))) as answer:
            if answer.status != 200:
                return None
            pem = (await answer.json())["data"]["certificate"]
    except aiohttp.ClientError:
        return None
    return x509.load_pem_x509_certificate(pem.encode()).fingerprint(hashes.SHA256()).hex().upper()


@pytest.mark.parametrize("answers", [0, 3, 8])
async def test_what_the_killed_hub_had_answered_is_true(answers: int, tmp_path: Path) -> None:
    ports = {"editors_listen": f"127.0.0.1:{free_port()}", "agents_listen": f"127.0.0.1:{free_port()}"}
    settings = made_settings(tmp_path / "hub", **ports)
    enrolments = await issued(settings, 12)
    answered: dict[str, str] = {}
    async with served(settings) as process:
        context = ssl.create_default_context(cafile=str(settings.server_authority))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as client:

            async def one_after_the_other(some: list[Enrolment]) -> None:
                for enrolment in some:
                    fingerprint = await enrol(client, settings, enrolment.id)
                    if fingerprint is not None:
                        answered[enrolment.id] = fingerprint
                    if answers and len(answered) == answers:  # the other one is in the middle of its enrolment
                        power_cut(process)

            work = asyncio.gather(one_after_the_other(enrolments[:6]), one_after_the_other(enrolments[6:]))
            if not answers:
                await asyncio.sleep(0.02)
                power_cut(process)
            await work
    store = await Store.open(settings.database_url)
    try:
        for enrolment in enrolments:
            is_open = await store.open_enrolment(enrolment.id) is not None
            orchestrator = await store.orchestrator_of_agent(enrolment.id)
            assert is_open is (orchestrator is None)
            if enrolment.id in answered:
                assert orchestrator is not None
                assert orchestrator.certificate.fingerprint == answered[enrolment.id]
        assert answers <= len(answered) < len(enrolments)
    finally:
        await store.aclose()
