"""Variables of Runtime v3 over Modbus TCP: own framing, bounds, strangers on the port, programs that come and go."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable

import pytest

from rung.codegen.artefact import Leaf
from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.modbus import ModbusVariables
from runtimes.scripted_device import raw_peer
from runtimes.scripted_v3 import MD5, ScriptedModbus, modbus

LAMP = Leaf(0, 0, "LAMP", "BOOL", 1)
LEVEL = Leaf(0, 1, "LEVEL", "INT", 2)
DELAY = Leaf(0, 2, "DELAY", "TIME", 8)
NAME = Leaf(0, 3, "NAME", "STRING", 127)
ALL = (LAMP, LEVEL, DELAY, NAME)


@pytest.fixture
async def machine() -> AsyncIterator[ScriptedModbus]:
    async with modbus(b"\x01", b"\xd2\x04", bytes.fromhex("000000000065cd1d"), b"\x05hello".ljust(127, b"\0")) as made:
        yield made


@pytest.fixture
async def variables(machine: ScriptedModbus) -> AsyncIterator[ModbusVariables]:
    made = ModbusVariables(machine.address, timeout=1.0)
    yield made
    await made.aclose()


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def test_the_md5_of_the_running_program_is_read(variables: ModbusVariables) -> None:
    assert await variables.md5() == MD5


async def test_values_are_read_although_the_length_in_the_header_is_wrong(variables: ModbusVariables) -> None:
    assert await variables.read(ALL) == {"LAMP": True, "LEVEL": 1234, "DELAY": 500_000_000, "NAME": "hello"}


async def test_an_answer_that_stops_early_is_asked_on(machine: ScriptedModbus, variables: ModbusVariables) -> None:
    machine.most_data = 8
    machine.values[3] = b"\x02hi".ljust(8, b"\0")
    assert await variables.read([LAMP, LEVEL, DELAY, Leaf(0, 3, "NAME", "STRING", 8)]) == {
        "LAMP": True,
        "LEVEL": 1234,
        "DELAY": 500_000_000,
        "NAME": "hi",
    }


async def test_a_request_names_no_more_than_60_variables_and_243_bytes(
    machine: ScriptedModbus, variables: ModbusVariables
) -> None:
    machine.values[:] = [b"\x07\x00"] * 130 + [b"\x01a".ljust(127, b"\0")] * 3
    leaves = [Leaf(0, n, f"V{n}", "INT", 2) for n in range(130)]
    leaves += [Leaf(0, 130 + n, f"S{n}", "STRING", 127) for n in range(3)]
    values = await variables.read(leaves)
    assert values["V129"] == 7
    assert values["S2"] == "a"
    asked = [struct.unpack(">H", frame[1:3])[0] for frame in machine.requests if frame[0] == 0x44]
    assert asked == [60, 60, 11, 1, 1]


async def test_an_index_that_does_not_exist_is_never_asked_for(
    machine: ScriptedModbus, variables: ModbusVariables
) -> None:
    failure = await failure_of(variables.read([LAMP, Leaf(0, 4, "MORE", "INT", 2)]))
    assert failure.kind is Kind.NOT_OURS
    assert (await failure_of(variables.force(Leaf(0, 9, "MORE", "INT", 2), 1))).kind is Kind.NOT_OURS
    assert [frame[0] for frame in machine.requests] == [0x41]


async def test_an_answer_of_three_bytes_ends_in_a_sentence_and_a_new_connection(
    machine: ScriptedModbus, variables: ModbusVariables
) -> None:
    await variables.read([LAMP])
    machine.values.pop()  # another program in the same process cannot be, but nothing may hang if it is
    assert (await failure_of(variables.read([NAME]))).kind is Kind.TIMEOUT
    assert await variables.read([LAMP]) == {"LAMP": True}
    assert machine.connections == 2


async def test_a_variable_is_forced_and_let_go(machine: ScriptedModbus, variables: ModbusVariables) -> None:
    await variables.force(LEVEL, -5)
    await variables.force(DELAY, -2_500_000_000)
    await variables.unforce(LEVEL)
    assert await variables.read([LEVEL, DELAY]) == {"LEVEL": -5, "DELAY": -2_500_000_000}
    assert machine.requests[-2] == bytes.fromhex("42000100000100")


async def test_a_force_is_right_although_somebody_else_has_set_the_other_byte_order(
    machine: ScriptedModbus, variables: ModbusVariables
) -> None:
    await variables.md5()
    machine.frame(bytes.fromhex("45dead0000"))
    await variables.force(LEVEL, 258)
    assert await variables.read([LEVEL]) == {"LEVEL": 258}


async def test_one_request_is_under_way_at_a_time(machine: ScriptedModbus, variables: ModbusVariables) -> None:
    answers = await asyncio.gather(*(variables.read([LEVEL]) for _ in range(20)), variables.md5())
    assert answers[:20] == [{"LEVEL": 1234}] * 20
    assert machine.at_once == 0
    assert machine.connections == 1


async def test_a_cancelled_caller_leaves_no_late_answer_behind(
    machine: ScriptedModbus, variables: ModbusVariables
) -> None:
    await variables.md5()
    work = asyncio.create_task(variables.read([LEVEL]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await variables.md5() == MD5


async def test_the_same_program_started_anew_is_read_on(machine: ScriptedModbus, variables: ModbusVariables) -> None:
    await variables.md5()
    machine.cut()
    assert await variables.read([LEVEL]) == {"LEVEL": 1234}
    assert machine.connections == 2


async def test_another_program_under_the_same_port_gives_no_values(
    machine: ScriptedModbus, variables: ModbusVariables
) -> None:
    await variables.md5()
    machine.md5 = "0" * 32
    machine.cut()
    assert (await failure_of(variables.read([LEVEL]))).kind is Kind.NOT_OURS
    assert (await failure_of(variables.force(LEVEL, 1))).kind is Kind.NOT_OURS
    assert await variables.md5() == "0" * 32


async def test_a_program_that_ends_in_the_middle_is_told(machine: ScriptedModbus, variables: ModbusVariables) -> None:
    await variables.md5()
    machine.answer = lambda request: None
    assert (await failure_of(variables.read([LEVEL]))).kind is Kind.LOST


async def test_a_closed_port_says_that_nothing_can_be_verified(machine: ScriptedModbus) -> None:
    async with modbus() as gone:
        address = gone.address
    for host in ("127.0.0.1", "localhost"):  # a name may have several addresses, each of which refuses
        failure = await failure_of(ModbusVariables(Address(host, address.port), timeout=1.0).md5())
        assert failure.kind is Kind.REFUSED
        assert "cannot be verified" in failure.message


async def test_a_name_that_is_not_known_is_told() -> None:
    failure = await failure_of(ModbusVariables(Address("no-such-host.invalid", 502), timeout=5.0).md5())
    assert failure.kind is Kind.DNS


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        bytes.fromhex("000100000003 00 c1 01".replace(" ", "")),  # an ordinary Modbus server: illegal function
        bytes.fromhex("000200000002 00 41 0004".replace(" ", "")),  # somebody else's transaction
        b"\x00",
    ],
)
async def test_a_stranger_on_the_port_is_recognised(answer: bytes) -> None:
    async with raw_peer(answer) as peer:
        variables = ModbusVariables(peer.address, timeout=1.0)
        failure = await failure_of(variables.md5())
        await variables.aclose()
    assert failure.kind is Kind.NOT_OPENPLC
    assert f"port {peer.address.port}" in failure.message


async def test_a_silent_peer_is_not_waited_for(machine: ScriptedModbus) -> None:
    async with raw_peer(None) as peer:
        variables = ModbusVariables(peer.address, timeout=0.1)
        assert (await failure_of(variables.md5())).kind is Kind.TIMEOUT
        await variables.aclose()


@pytest.mark.parametrize("answer", ["447e0001000000010fff", "447e00010000000100f4"])
async def test_an_answer_larger_than_any_frame_is_not_read(
    machine: ScriptedModbus, variables: ModbusVariables, answer: str
) -> None:
    await variables.md5()
    machine.answer = lambda request: request[:7] + bytes.fromhex(answer)
    assert (await failure_of(variables.read([LEVEL]))).kind is Kind.INTERNAL


async def test_an_md5_that_is_none_is_malformed(machine: ScriptedModbus, variables: ModbusVariables) -> None:
    machine.md5 = "no MD5 at all, but thirty-two ch"
    assert (await failure_of(variables.md5())).kind is Kind.INTERNAL


async def test_where_the_server_is_is_asked_before_each_connection(machine: ScriptedModbus) -> None:
    running = False

    async def where() -> Address | None:
        return machine.address if running else None

    variables = ModbusVariables(Address("127.0.0.1", 1), where, timeout=1.0)
    assert await variables.md5() is None
    failure = await failure_of(variables.read([LEVEL]))
    assert failure.kind is Kind.NOT_OURS
    assert "No program runs" in failure.message
    running = True
    assert await variables.md5() == MD5
    await variables.aclose()
