"""A program on the simulator: uploaded, compiled, started, watched, forced, stopped."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

from rung.simulator import Simulator
from simulator.minimal_program import MD5, Program, Task, Variable
from simulator.runtime_client import RuntimeClient

MD5_ANSWER = f"45 7e {MD5.encode().hex(' ')} ad de"
INPUT, OUTPUT, MEMORY = 0, 1, 2
BIT, BYTE, WORD, DWORD, LWORD = range(5)


def values(answer: str) -> bytes:
    """The values in an answer to 43 or 44."""
    return bytes.fromhex(answer)[10:]


async def counter(client: RuntimeClient) -> int:
    return int.from_bytes(values(await client.debug_once("44 00 01 00 00 01")), "little")


async def test_program_is_compiled_started_watched_and_stopped(client: RuntimeClient) -> None:
    assert await client.upload(Program().zip()) == {"CompilationStatus": "COMPILING", "UploadFileFail": ""}
    build = await client.compiled()
    assert (build["status"], build["exit_code"]) == ("SUCCESS", 0), build["logs"]
    assert await client.status() == "EMPTY", "a build starts nothing"
    assert await client.get("/api/start-plc") == {"status": "START:OK"}
    await client.reaches("RUNNING")
    assert await client.debug_once("45 DE AD 00 00") == MD5_ANSWER
    first = await counter(client)
    await client.wait(lambda: counter(client), lambda now: now > first + 3, 5)
    assert await client.get("/api/stop-plc") == {"status": "STOP:OK"}
    assert await client.status() == "TRANSITIONING"
    await client.reaches("STOPPED")
    assert await client.debug_once("45 DE AD 00 00") == "45 83", "after a stop nothing is loaded"
    assert await client.debug_once("41") == "41 83"


async def test_every_start_is_a_cold_start(client: RuntimeClient) -> None:
    await client.run(Program().zip())
    await client.wait(lambda: counter(client), lambda now: now > 20, 5)
    await client.get("/api/stop-plc")
    await client.reaches("STOPPED")
    await client.get("/api/start-plc")
    await client.reaches("RUNNING")
    assert await counter(client) < 20


async def test_forced_variable_keeps_its_value_and_goes_on_from_it(client: RuntimeClient) -> None:
    await client.run(Program().zip())
    async with client.debug() as ask:
        assert (await ask("42 00 00 01 01 00 04 39 30 00 00"))["data"] == "42 7e"
        for _ in range(3):
            await asyncio.sleep(0.03)
            assert values((await ask("44 00 01 00 00 01"))["data"]) == struct.pack("<I", 12345)
        assert (await ask("42 00 00 01 00 00 00"))["data"] == "42 7e"
    await client.wait(lambda: counter(client), lambda now: 12345 < now < 12500, 5)


async def test_the_last_of_two_who_force_wins(client: RuntimeClient) -> None:
    await client.run(Program().zip())
    async with client.debug() as one, client.debug() as other:
        assert (await one("42 00 00 01 01 00 04 39 30 00 00"))["data"] == "42 7e"
        assert (await other("42 00 00 01 01 00 04 d2 04 00 00"))["data"] == "42 7e"
        await asyncio.sleep(0.05)
        assert values((await one("44 00 01 00 00 01"))["data"]) == struct.pack("<I", 1234)


async def test_scan_counter_of_the_answers_is_that_of_the_fastest_task(client: RuntimeClient) -> None:
    slow = Task(0, "slow", 80_000_000, 1)
    fast = Task(1, "quick", 20_000_000, 2)
    await client.run(Program(arrays=((Variable("UDINT", counts=True),),) * 2, tasks=(slow, fast)).zip())
    await asyncio.sleep(0.5)
    answer = bytes.fromhex(await client.debug_once("44 00 02 00 00 00 01 00 00"))
    tick = int.from_bytes(answer[4:8], "big")
    slow_scans, fast_scans = struct.unpack("<II", answer[10:])
    assert abs(tick - fast_scans) <= 1
    assert 2 <= slow_scans < fast_scans
    statistics = (await client.get("/api/status?include_stats=true"))["timing_stats"]["tasks"]
    assert [task["name"] for task in statistics] == ["slow", "quick"]
    assert statistics[1]["scan_count"] >= fast_scans
    assert 15_000 < statistics[1]["cycle_time_max"] < 500_000, "microseconds"


async def test_located_variables_go_through_the_process_image(client: RuntimeClient) -> None:
    """Tasks exchange %M; %I comes in as 0; what lies outside the tables reads 0; %QB and %QW do not overlap."""
    writer = (
        Variable("UINT", counts=True, address=(MEMORY, WORD, 5, 0)),
        Variable("BYTE", address=(OUTPUT, BYTE, 10, 0)),
    )
    reader = (
        Variable("UINT", address=(MEMORY, WORD, 5, 0)),
        Variable("UINT", address=(OUTPUT, WORD, 5, 0)),
        Variable("BOOL", initial=b"\x01", address=(INPUT, BIT, 0, 3)),
        Variable("UDINT", initial=b"\x01", address=(MEMORY, DWORD, 1024, 0)),
        Variable("BYTE", address=(OUTPUT, BYTE, 10, 0)),
        Variable("BYTE", initial=b"\x01", address=(MEMORY, BYTE, 1, 0)),
        Variable("LINT", counts=True, address=(OUTPUT, LWORD, 1023, 0)),
    )
    tasks = (Task(0, "writer", 10_000_000, 1, "V(uint8_t, 0, 1) = 0xA5;"), Task(1, "reader", 10_000_000, 2))
    await client.run(Program(arrays=(writer, reader), tasks=tasks).zip())
    await asyncio.sleep(0.3)
    answer = values(
        await client.debug_once("44 00 08 00 00 00 01 00 00 01 00 01 01 00 02 01 00 03 01 00 04 01 00 05 01 00 06")
    )
    written, read, word, bit, outside, byte, memory_byte, long = struct.unpack("<HHHBIBBq", answer)
    assert written > 5
    assert abs(written - read) <= 2
    assert (word, bit, outside, byte, memory_byte) == (0, 0, 0, 0xA5, 0)
    assert long > 5


async def test_outputs_start_at_zero_as_on_a_device(client: RuntimeClient) -> None:
    """The image is copied in before the first scan, so it is the image that decides a located variable's first value."""
    lamp = (Variable("BOOL", initial=b"\x01", address=(OUTPUT, BIT, 0, 0)),)
    await client.run(Program(arrays=(lamp,)).zip())
    await asyncio.sleep(0.05)
    assert values(await client.debug_once("44 00 01 00 00 00")) == b"\x00"


async def test_time_advances_by_the_base_tick(client: RuntimeClient) -> None:
    clock = (Variable("LINT"), Variable("UDINT", counts=True))
    body = "V(int64_t, 0, 0) = __CURRENT_TIME_NS;"
    await client.run(Program(arrays=(clock,), tasks=(Task(interval_ns=15_000_000, body=body),)).zip())
    await asyncio.sleep(0.2)
    now, scans = struct.unpack("<qI", values(await client.debug_once("43 00 00 00 00 01")))
    assert now == (scans - 1) * 15_000_000


async def test_long_answers_stop_at_4096_bytes_and_say_where(client: RuntimeClient) -> None:
    await client.run(Program(arrays=((Variable("STRING", initial=b"\x02ab"),) * 40,)).zip())
    answer = bytes.fromhex(await client.debug_once("43 00 00 00 00 27"))
    assert int.from_bytes(answer[2:4], "big") == 31, "32 strings of 127 bytes fit"
    assert int.from_bytes(answer[8:10], "big") == 32 * 127 == len(answer) - 10
    rest = bytes.fromhex(await client.debug_once("43 00 00 20 00 27"))
    assert len(rest) - 10 == 8 * 127


async def test_task_names_cannot_break_the_statistics(client: RuntimeClient) -> None:
    await client.run(Program(tasks=(Task(name='a"b\\c and more than thirty-one letters'),)).zip())
    tasks = (await client.get("/api/status?include_stats=true"))["timing_stats"]["tasks"]
    assert tasks[0]["name"] == "a_b_c and more than thirty-one "


async def test_a_program_without_tasks_is_refused(client: RuntimeClient) -> None:
    await client.upload(Program(tasks=()).zip())
    assert (await client.compiled())["status"] == "SUCCESS"
    assert await client.get("/api/start-plc") == {"status": "START:OK"}, "OK only means accepted"
    await client.reaches("ERROR")
    assert "PLC program declares zero tasks — refusing to run" in await client.logs("ERROR")
    assert await client.debug_once("41") == "41 83"


async def test_a_missing_symbol_shows_when_the_program_is_started(client: RuntimeClient) -> None:
    program = Program(files={"more.cpp": "void nowhere(); void use() { nowhere(); }\n"})
    await client.upload(program.zip())
    assert (await client.compiled())["status"] == "SUCCESS", "a shared object may miss symbols"
    await client.get("/api/start-plc")
    await client.reaches("ERROR")
    assert any("undefined symbol" in message for message in await client.logs("ERROR"))


async def test_what_a_program_prints_does_not_disturb_the_protocol(client: RuntimeClient) -> None:
    body = 'printf("%s", "noise that is no message"); fflush(stdout);'
    program = Program(tasks=(Task(body=body),))
    source = "#include <cstdio>\n" + program.sources()["program.cpp"]
    await client.run(Program(tasks=program.tasks, files={"program.cpp": source}).zip())
    await client.wait(lambda: counter(client), lambda now: now > 10, 5)


async def test_stored_program_and_users_survive_a_restart(tmp_path: Path) -> None:
    first = Simulator(tmp_path, port=0, transition_s=0.1, discovery_port=0)
    await first.start()
    client = RuntimeClient(first.address)
    await client.log_in()
    await client.run(Program().zip())
    token = client.token
    await client.close()
    await first.stop()
    assert first.program_pid is None

    second = Simulator(tmp_path, port=0, transition_s=0.1, discovery_port=0)
    await second.start()
    client = RuntimeClient(second.address)
    client.token = token
    assert await client.get("/api/get-users-info") == [{"id": 1, "username": "admin"}], "the token is still good"
    await client.reaches("RUNNING")
    assert await client.debug_once("45 DE AD 00 00") == MD5_ANSWER
    assert second.fingerprint == first.fingerprint
    await client.close()
    await second.stop()
