"""The debug channel: who is let in, and what it answers when there is no program to ask."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
import socketio  # type: ignore[import-untyped]  # it ships no types

from rung.simulator import Simulator
from simulator.minimal_program import Program
from simulator.runtime_client import RuntimeClient


async def connect(client: RuntimeClient, query: str = "", auth: object = None) -> object:
    """The first event of a new socket."""
    socket = socketio.AsyncSimpleClient(ssl_verify=False)
    await socket.connect(client.url + query, namespace="/api/debug", auth=auth, transports=["websocket"])
    try:
        return await socket.receive(timeout=5)
    finally:
        await socket.disconnect()


async def test_a_token_may_come_in_the_payload_or_in_the_query(client: RuntimeClient) -> None:
    accepted = ["connected", {"status": "ok"}]
    assert await connect(client, auth={"token": client.token}) == accepted
    assert await connect(client, f"?token={client.token}") == accepted


async def test_a_poll_that_waits_when_its_client_says_goodbye_is_answered(client: RuntimeClient) -> None:
    opened = (await client.request("GET", "/socket.io/?EIO=4&transport=polling")).text
    path = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened[1:])['sid']}"
    await client.request("POST", path, content=f'40/api/debug,{{"token":"{client.token}"}}')
    await client.request("GET", path)
    waiting = asyncio.create_task(client.request("GET", path))
    await asyncio.sleep(0.2)
    await client.request("POST", path, content="41/api/debug,\x1e1")
    await asyncio.wait_for(waiting, 3)


async def test_the_polling_transport_is_served_too(client: RuntimeClient) -> None:
    opened = (await client.request("GET", "/socket.io/?EIO=4&transport=polling")).text
    assert json.loads(opened[1:])["upgrades"] == []
    path = f"/socket.io/?EIO=4&transport=polling&sid={json.loads(opened[1:])['sid']}"
    entry = f'40/api/debug,{{"token":"{client.token}"}}'
    assert (await client.request("POST", path, content=entry)).status_code == 200
    frames = (await client.request("GET", path)).text.split("\x1e")
    assert frames[0] == '42/api/debug,["connected",{"status":"ok"}]'
    await client.request("POST", path, content='42/api/debug,["debug_command",{"command":"41"}]')
    assert (await client.request("GET", path)).text == '42/api/debug,["debug_response",{"success":true,"data":"41 83"}]'


@pytest.mark.parametrize("auth", [None, {}, {"token": ""}, {"token": "x"}, {"token": 5}, "x", ["x"]])
async def test_nobody_else_is_let_in(client: RuntimeClient, auth: object) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connect(client, auth=auth)


async def test_a_token_that_was_revoked_opens_no_new_socket_but_an_open_one_stays(client: RuntimeClient) -> None:
    async with client.debug() as ask:
        await client.request("POST", "/api/logout")
        assert (await ask("41"))["data"] == "41 83"
    with pytest.raises(socketio.exceptions.ConnectionError):
        await connect(client, auth={"token": client.token})


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("41", "41 83"),
        ("42 00 00 00 00 00 00", "42 83"),
        ("43 00 00 00 00 00", "43 83"),
        ("44 00 01 00 00 00", "44 83"),
        ("45 DE AD 00 00", "45 83"),
        ("46", "ERROR_PROCESSING"),
        ("4", "ERROR_PROCESSING"),
        ("x", "ERROR_PARSING"),
        ("  ", "ERROR_PARSING"),
        ("é", "ERROR_PARSING"),
        ("41x y", "41 83"),
    ],
)
async def test_without_a_program_every_function_says_so(client: RuntimeClient, command: str, answer: str) -> None:
    assert await client.debug_once(command) == answer


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({}, "Empty command"),
        ({"command": None}, "Empty command"),
        ("text", "'str' object has no attribute 'get'"),
        (["x"], "'list' object has no attribute 'get'"),
    ],
)
async def test_a_payload_that_is_no_command_is_answered(client: RuntimeClient, payload: object, error: str) -> None:
    socket = socketio.AsyncSimpleClient(ssl_verify=False)
    await socket.connect(client.url, namespace="/api/debug", auth={"token": client.token}, transports=["websocket"])
    await socket.receive(timeout=5)
    await socket.emit("debug_command", payload)
    assert await socket.receive(timeout=5) == ["debug_response", {"success": False, "error": error}]
    await socket.disconnect()


async def test_overlong_commands_are_cut_like_lines(client: RuntimeClient) -> None:
    assert await client.debug_once("41 " + "00 " * 3000) == "41 83\nCOMMAND:ERROR"


async def test_while_the_plc_stops_commands_are_not_taken(client: RuntimeClient) -> None:
    await client.run(Program().zip())
    async with client.debug() as ask:
        await client.get("/api/stop-plc")
        assert await ask("41") == {"success": False, "error": "Unexpected response format"}


async def test_while_the_core_is_down_that_is_said(client: RuntimeClient, simulator: Simulator) -> None:
    await client.run(Program().zip())
    async with client.debug() as ask:
        assert simulator.program_pid is not None
        os.kill(simulator.program_pid, 9)
        await client.wait(client.status, lambda text: text == "No response from runtime", 5)
        assert await ask("41") == {"success": False, "error": "No response from runtime"}
        assert await client.get("/api/ping") == {"status": None}
        await client.wait(client.status, lambda text: text == "ERROR\n", 5)
        assert await ask("41") == {"success": False, "error": "Runtime not connected"}
        assert await client.get("/api/ping") == {"status": "PING:ERROR\n"}
        assert await client.get("/api/start-plc") == {"status": "START:ERROR\n"}


async def test_many_sockets_get_their_own_answers(client: RuntimeClient, tmp_path: Path) -> None:
    await client.run(Program().zip())

    async def ask_often(command: str, start: str) -> None:
        async with client.debug() as ask:
            for _ in range(30):
                answer = await ask(command)
                assert answer["data"].startswith(start), answer

    commands = [("41", "41 01 7e 00 02"), ("45 00 00", "45 7e"), ("44 00 01 00 00 01", "44 7e 00 00"), ("99", "ERROR_")]
    await asyncio.gather(*(ask_often(*command) for command in commands * 2))
