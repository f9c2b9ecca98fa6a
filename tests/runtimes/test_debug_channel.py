"""The debug channel over Socket.IO: one command at a time, over the pinned socket, the token in the connect packet only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from rung.codegen.artefact import Leaf
from rung.runtimes import debug_link
from rung.runtimes.address import Address
from rung.runtimes.debug import DebugChannel
from rung.runtimes.debug_link import DebugLink
from rung.runtimes.debug_wire import DebugWire
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.v4 import V4Client
from runtimes.scripted_device import MD5

if TYPE_CHECKING:
    from runtimes.scripted_device import ScriptedDevice

TOTAL = Leaf(0, 0, "G_TOTAL", "DINT", 4)
COUNTER = Leaf(1, 5, "INSTANCE0.COUNTER", "INT", 2)


@pytest.fixture
async def channel(device: ScriptedDevice, client: V4Client) -> AsyncIterator[DebugChannel]:
    made = DebugChannel(DebugLink(device.address, device.identity.pin, client.token, 3.0))
    yield made
    await made.aclose()


async def failure_of(work: object) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work  # type: ignore[misc]  # any of the channel's coroutines
    return caught.value


async def test_the_md5_of_the_running_program_is_read(channel: DebugChannel) -> None:
    assert await channel.md5() == MD5


async def test_a_device_without_a_program_has_no_md5(device: ScriptedDevice, channel: DebugChannel) -> None:
    device.loaded = None
    assert await channel.md5() is None
    failure = await failure_of(channel.read([COUNTER]))
    assert failure.kind is Kind.NOT_OURS
    assert "No program is loaded" in failure.message


async def test_the_token_is_never_part_of_the_url(device: ScriptedDevice, channel: DebugChannel) -> None:
    await channel.md5()
    assert device.debug_headers
    assert all("token" not in query for query in device.debug_headers)


async def test_values_are_read_by_path(device: ScriptedDevice, channel: DebugChannel) -> None:
    device.debug_answers["44 00 02 00 00 00 01 00 05"] = "44 7e 00 01 00 00 0c 80 00 06 e4 0c 00 00 80 0c"
    assert await channel.read([TOTAL, COUNTER]) == {"G_TOTAL": 3300, "INSTANCE0.COUNTER": 3200}


async def test_an_answer_that_stops_early_is_asked_on(device: ScriptedDevice, channel: DebugChannel) -> None:
    device.debug_answers["44 00 02 00 00 00 01 00 05"] = "44 7e 00 00 00 00 0c 80 00 04 e4 0c 00 00"
    device.debug_answers["44 00 01 01 00 05"] = "44 7e 00 00 00 00 0c 81 00 02 81 0c"
    assert await channel.read([TOTAL, COUNTER]) == {"G_TOTAL": 3300, "INSTANCE0.COUNTER": 3201}


@pytest.mark.parametrize(
    "answer",
    [
        "44 7e 00 01 00 00 0c 80 00 02 80 0c",  # an entry that does not exist contributes nothing
        "44 7e 00 02 00 00 0c 80 00 06 e4 0c 00 00 80 0c",  # served more than was asked for
        "44 81",
    ],
)
async def test_a_list_that_cannot_be_of_this_program_gives_no_values(
    device: ScriptedDevice, channel: DebugChannel, answer: str
) -> None:
    device.debug_answers["44 00 02 00 00 00 01 00 05"] = answer
    assert (await failure_of(channel.read([TOTAL, COUNTER]))).kind is Kind.NOT_OURS


async def test_a_variable_is_forced_and_let_go(device: ScriptedDevice, channel: DebugChannel) -> None:
    device.debug_answers["42 01 00 05 01 00 02 D2 04"] = "42 7e"
    device.debug_answers["42 01 00 05 00 00 00"] = "42 7e"
    await channel.force(COUNTER, 1234)
    await channel.unforce(COUNTER)
    assert device.debug_commands[1:] == ["42 01 00 05 01 00 02 D2 04", "42 01 00 05 00 00 00"]


@pytest.mark.parametrize(("status", "kind"), [("81", Kind.NOT_OURS), ("82", Kind.BUSY), ("83", Kind.NOT_OURS)])
async def test_a_refused_force_is_told(device: ScriptedDevice, channel: DebugChannel, status: str, kind: Kind) -> None:
    device.debug_answers["42 01 00 05 01 00 02 D2 04"] = f"42 {status}"
    assert (await failure_of(channel.force(COUNTER, 1234))).kind is kind


async def test_how_many_variables_there_are(device: ScriptedDevice, channel: DebugChannel) -> None:
    device.debug_answers["41"] = "41 02 7e 00 01 00 11"
    assert await channel.info() == (1, 17)


@pytest.mark.parametrize("answer", ["ERROR_PARSING", "ERROR_PROCESSING", "45 7e", "42 7e", 7])
async def test_words_and_wrong_frames_are_no_answer(
    device: ScriptedDevice, channel: DebugChannel, answer: object
) -> None:
    device.debug_answers["45 DE AD 00 00"] = {"success": True, "data": answer}
    assert (await failure_of(channel.md5())).kind is Kind.INTERNAL


@pytest.mark.parametrize("error", ["Runtime not connected", "No response from runtime", None])
async def test_a_runtime_that_cannot_answer_says_why(
    device: ScriptedDevice, channel: DebugChannel, error: str | None
) -> None:
    device.debug_answers["45 DE AD 00 00"] = {"success": False, "error": error}
    failure = await failure_of(channel.md5())
    assert failure.kind is Kind.LOST
    assert (error or "does not say why") in failure.message


async def test_no_answer_at_all_breaks_the_wire_and_the_next_command_opens_a_new_one(
    device: ScriptedDevice, channel: DebugChannel
) -> None:
    await channel.md5()
    failure = await failure_of(channel.info())
    assert failure.kind is Kind.LOST
    assert await channel.md5() == MD5
    assert len(device.debug_headers) == 2


async def test_a_token_refused_at_the_door_is_renewed(device: ScriptedDevice, channel: DebugChannel) -> None:
    device.expire_tokens()
    assert await channel.md5() == MD5
    assert device.logins == 2


async def test_a_token_refused_for_a_command_is_renewed(device: ScriptedDevice, channel: DebugChannel) -> None:
    await channel.md5()
    device.debug_answers["41"] = {"success": False, "error": "Unauthorized"}
    assert (await failure_of(channel.info())).kind is Kind.CREDENTIALS
    assert device.logins == 2


async def test_a_door_that_shuts_once_or_twice_is_knocked_at_again(
    channel: DebugChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Address] = []

    class Shy(DebugWire):
        def __init__(self, address: Address, pin: str, token: str, timeout: float) -> None:
            opened.append(address)
            if len(opened) < 3:
                raise RuntimeFailure(Kind.LOST, "The debug channel could not be opened.", "Try again.")
            super().__init__(address, pin, token, timeout)

    monkeypatch.setattr(debug_link, "DebugWire", Shy)
    assert await channel.md5() == MD5
    opened[:] = []
    assert await channel.md5() == MD5
    assert not opened


async def test_a_door_that_stays_shut_is_told_after_three_times(
    channel: DebugChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    knocked: list[str] = []

    def shut(address: Address, pin: str, token: str, timeout: float) -> DebugWire:
        knocked.append(address.host)
        raise RuntimeFailure(Kind.LOST, "The debug channel could not be opened.", "Try again.")

    monkeypatch.setattr(debug_link, "DebugWire", shut)
    assert (await failure_of(channel.md5())).kind is Kind.LOST
    assert len(knocked) == 3


async def test_a_device_that_dies_and_comes_back_is_asked_again(device: ScriptedDevice, channel: DebugChannel) -> None:
    await channel.md5()
    await device.stop()
    assert (await failure_of(channel.md5())).kind in (Kind.LOST, Kind.REFUSED)
    await device.start()
    assert await channel.md5() == MD5


async def test_commands_of_many_callers_do_not_mix(device: ScriptedDevice, channel: DebugChannel) -> None:
    for element in range(20):
        device.debug_answers[f"44 00 01 01 00 {element:02X}"] = f"44 7e 00 00 00 00 00 01 00 01 {element:02x}"
    leaves = [Leaf(1, element, f"V{element}", "USINT", 1) for element in range(20)]
    answers = await asyncio.gather(*(channel.read([x]) for x in leaves))
    assert answers == [{f"V{element}": element} for element in range(20)]


async def test_a_cancelled_caller_leaves_the_channel_in_order(device: ScriptedDevice, channel: DebugChannel) -> None:
    await channel.md5()
    waiting = asyncio.create_task(channel.info())  # never answered
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await channel.md5() == MD5
