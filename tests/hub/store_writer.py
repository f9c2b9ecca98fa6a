"""A hub process that only writes, to be killed: it prints every vPLC whose storing has returned.

Run as `python store_writer.py ADDRESS`. Several tasks write at once, so that commits are shared between them.
"""

from __future__ import annotations

import asyncio
import sys
import uuid

from hub.stocked import admin, certificate, now, soon
from rung.hub.records import AuditRow, Orchestrator, VplcState
from rung.hub.store import Store

WRITERS = 6


async def write_on(store: Store, orchestrator: Orchestrator) -> None:
    """Stores a vPLC, notes it and moves it on; says so; and again, for ever."""
    while True:
        id = str(uuid.uuid4())
        vplc = await store.add_vplc(orchestrator, id, id, {"container_name": id})
        await store.note(AuditRow(now(), orchestrator.tenant, "chief", "vplc.create", orchestrator.id, id, "begun"))
        await store.set_vplc_state(vplc.id, VplcState.CREATING, "pulling")
        print(orchestrator.id, id, flush=True)


async def main(address: str) -> None:
    store = await Store.open(address)
    chief = await admin(store)
    orchestrators = []
    for number in range(WRITERS):
        enrolment = await store.create_enrolment(chief, f"Line {number}", "", soon())
        orchestrator = await store.complete_enrolment(enrolment.id, certificate())
        assert orchestrator is not None
        orchestrators.append(orchestrator)
    await asyncio.gather(*(write_on(store, orchestrator) for orchestrator in orchestrators))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
