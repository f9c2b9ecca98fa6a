"""Runtime 4.0's debug channel: the Socket.IO channel with flat indexes, and silence unless the program runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING

import pytest

from rung.codegen.artefact import Leaf
from rung.runtimes.debug_link import DebugLink
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.flat_debug import FlatDebugChannel
from rung.runtimes.machine import PlcState
from rung.runtimes.v4 import V4Client
from runtimes.scripted_device import MD5

if TYPE_CHECKING:
    from runtimes.scripted_device import ScriptedDevice

COUNT = Leaf(0, 0, "COUNT", "UINT", 2)
FLAG = Leaf(0, 1, "FLAG", "BOOL", 1)
DELAY = Leaf(0, 2, "DELAY", "TIME", 8)
PROBE = "45 AD DE 00 00"


@pytest.fixture
async def channel(device: ScriptedDevice, client: V4Client) -> AsyncIterator[FlatDebugChannel]:
    device.plc = "STATUS:RUNNING"
    device.debug_answers[PROBE] = f"45 7e {MD5.encode().hex(' ')}"

    async def running() -> bool:
        return (await client.status()).state is PlcState.RUNNING

    made = FlatDebugChannel(DebugLink(device.address, device.identity.pin, client.token, 3.0), running)
    yield made
    await made.aclose()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def test_the_md5_has_no_byte_order_behind_it(channel: FlatDebugChannel) -> None:
    assert await channel.md5() == MD5


@pytest.mark.parametrize(
    "state", ["STATUS:STOPPED", "STATUS:EMPTY", "STATUS:ERROR", "STATUS:INIT", "No response from runtime"]
)
async def test_nothing_is_asked_unless_the_program_runs(
    device: ScriptedDevice, channel: FlatDebugChannel, state: str
) -> None:
    device.plc = state
    assert await channel.md5() is None
    for work in (channel.read([COUNT]), channel.force(COUNT, 1), channel.unforce(COUNT)):
        failure = await failure_of(work)
        assert failure.kind is Kind.NOT_OURS
        assert "No program" in failure.message
    assert device.debug_commands == []


async def test_values_are_read_by_index(device: ScriptedDevice, channel: FlatDebugChannel) -> None:
    device.debug_answers["44 00 03 00 00 00 01 00 02"] = (
        "44 7e 00 02 00 00 01 07 00 0b d2 04 01 01 00 00 00 00 65 cd 1d"
    )
    assert await channel.read([COUNT, FLAG, DELAY]) == {"COUNT": 1234, "FLAG": True, "DELAY": 1_500_000_000}


async def test_the_rest_of_a_list_is_asked_for_after_the_last_index(
    device: ScriptedDevice, channel: FlatDebugChannel
) -> None:
    device.debug_answers["44 00 02 00 00 00 01"] = "44 7e 00 00 00 00 01 07 00 02 d2 04"
    device.debug_answers["44 00 01 00 01"] = "44 7e 00 01 00 00 01 08 00 01 01"
    assert await channel.read([COUNT, FLAG]) == {"COUNT": 1234, "FLAG": True}


async def test_a_request_names_no_more_than_256_variables(device: ScriptedDevice, channel: FlatDebugChannel) -> None:
    device.debug_answers["44 01 00" + " 00 01" * 256] = "44 7e 00 01 00 00 01 08 01 00" + " 01" * 256
    device.debug_answers["44 00 02" + " 00 01" * 2] = "44 7e 00 01 00 00 01 08 00 02 01 01"
    assert await channel.read([FLAG] * 258) == {"FLAG": True}


async def test_an_index_that_does_not_exist_is_refused(device: ScriptedDevice, channel: FlatDebugChannel) -> None:
    device.debug_answers["44 00 01 00 00"] = "44 81"
    assert (await failure_of(channel.read([COUNT]))).kind is Kind.NOT_OURS


async def test_the_byte_order_is_said_before_each_force_and_the_value_is_read_back(
    device: ScriptedDevice, channel: FlatDebugChannel
) -> None:
    device.debug_answers["42 00 00 01 00 02 D2 04"] = "42 7e"
    device.debug_answers["44 00 01 00 00"] = "44 7e 00 00 00 00 01 07 00 02 d2 04"
    device.debug_answers["42 00 00 00 00 01 00"] = "42 7e"
    await channel.force(COUNT, 1234)
    await channel.unforce(COUNT)
    assert device.debug_commands == [PROBE, "42 00 00 01 00 02 D2 04", "44 00 01 00 00", PROBE, "42 00 00 00 00 01 00"]


async def test_a_force_that_does_not_hold_is_told(device: ScriptedDevice, channel: FlatDebugChannel) -> None:
    device.debug_answers["42 00 00 01 00 02 D2 04"] = "42 7e"
    device.debug_answers["44 00 01 00 00"] = "44 7e 00 00 00 00 01 07 00 02 d3 04"
    failure = await failure_of(channel.force(COUNT, 1234))
    assert failure.kind is Kind.BUSY
    assert "COUNT" in failure.message


async def test_words_in_the_place_of_a_frame_are_no_answer(device: ScriptedDevice, channel: FlatDebugChannel) -> None:
    device.debug_answers[PROBE] = {"success": True, "data": "ERROR_PROCESSING"}
    failure = await failure_of(channel.md5())
    assert failure.kind is Kind.INTERNAL
    assert "v4.0" in failure.message
