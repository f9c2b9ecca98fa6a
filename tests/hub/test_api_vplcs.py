"""vPLCs over the editors' interface: how they come to be, what is known of them when the agent is lost, and how they end."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from hub.api_hub import PROCESS, Bench, bench, lost, offline, runtime_says
from rung.hub.api.vplc_progress import VplcProgress
from rung.hub.records import VplcState
from rung.hub.roles import Role
from rung.runtimes.errors import Kind, RuntimeFailure

VPLCS = "/orchestrators/{o}/vplcs"
ONE = "/orchestrators/{o}/vplcs/{v}"
PLAIN = {"name": "Capper", "networks": [{"name": "veth0", "parent": "eth0", "mode": "dhcp"}]}
RUNNING = {"status": "success", "container_status": "running", "is_running": True, "uptime_seconds": 4}
EXITED = {"status": "success", "container_status": "exited", "is_running": False, "exit_code": 1}
NOT_FOUND = {"status": "not_found", "message": "Container x does not exist"}
CREATING = {
    "status": "creating",
    "operation": "create",
    "step": "pulling_image",
    "message": "Container x is being created",
}
DELETING = {"status": "deleting", "operation": "delete", "step": "stopping_container"}


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as made:
        made.agents.answers |= {
            "create_new_runtime": {"status": "creating", "message": "Container creation started"},
            "delete_device": {"status": "deleting", "message": "Container deletion started"},
            "get_device_status": RUNNING,
        }
        yield made


def one_by_one(*answers: Mapping[str, object] | Exception) -> Callable[[Mapping[str, object]], object]:
    """An agent that gives these answers, and the last one from then on."""
    left = list(answers)

    async def answer(message: Mapping[str, object]) -> Mapping[str, object]:
        now = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(now, Exception):
            raise now
        return now

    return answer


async def until(desk: Bench, name: str, *states: str) -> dict[str, object]:
    """The vPLC of that name once it has one of the states; `removed` for gone from the list."""
    for _ in range(300):
        listed = (await desk.ask("GET", VPLCS)).json()["vplcs"]
        found: dict[str, object] = next((one for one in listed if one["name"] == name), {"state": "removed"})
        if found["state"] in states:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"{name} is {found}")


# -- creation -------------------------------------------------------------------------------------------------------


async def test_a_vplc_is_made_and_followed_until_it_runs(desk: Bench) -> None:
    desk.agents.answers["get_device_status"] = one_by_one(CREATING, CREATING, RUNNING)  # type: ignore[assignment]
    subscription = desk.desk.bus.subscribe("Bottling")
    answer = await desk.ask("POST", VPLCS, Role.ADMIN, PLAIN)
    told = answer.json()
    assert (answer.status, told["state"], told["name"]) == (202, "creating", "Capper")
    assert str(uuid.UUID(told["id"])) == told["id"]
    await until(desk, "Capper", "running")
    states = [(await anext(subscription)).data["vplc"]["state"] for _ in range(4)]  # type: ignore[index]
    assert states == ["requested", "creating", "creating", "running"]
    assert desk.agents.topics().count("create_new_runtime") == 1
    assert ("vplc.create", "ok") in await desk.rows()


async def test_the_agent_is_sent_exactly_what_was_asked_for(desk: Bench) -> None:
    asked = {
        "name": "Capper",
        "runtimeVersion": "v4.1.4",
        "networks": [
            {
                "name": "veth0", "parent": "enp3s0.12", "mode": "static", "ip": "10.0.0.5", "subnet": "255.255.255.0",
                "gateway": "10.0.0.1", "dns": ["10.0.0.1", "2001:DB8::1"], "mac": "02:42:AC:00:00:05",
            }
        ],
        "serial": [{"name": "modbus", "device": "usb-FTDI_X", "path": "/dev/modbus0", "baud": 19200}],
        "dedicated": "eth1",
    }  # fmt: skip
    answer = await desk.ask("POST", VPLCS, body=asked)
    sent = next(message for _, topic, message, _ in desk.agents.asked if topic == "create_new_runtime")
    assert sent == {
        "container_name": answer.json()["id"],
        "runtime_version": "v4.1.4",
        "vnic_configs": [
            {
                "name": "veth0", "parent_interface": "enp3s0.12", "network_mode": "static", "ip": "10.0.0.5",
                "subnet": "255.255.255.0", "gateway": "10.0.0.1", "dns": ["10.0.0.1", "2001:db8::1"], "mac": "02:42:ac:00:00:05",
            }
        ],
        "serial_configs": [
            {"name": "modbus", "device_id": "usb-FTDI_X", "container_path": "/dev/modbus0", "baud_rate": 19200}
        ],
        "dedicated_interface": "eth1",
    }  # fmt: skip


def network(**changes: object) -> dict[str, object]:
    given = {"name": "veth0", "parent": "eth0", "mode": "static", "ip": "10.0.0.5", "subnet": "255.255.255.0"} | changes
    return {"name": "Capper", "networks": [{key: value for key, value in given.items() if value is not None}]}


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "Capper"}, {"name": "Capper", "networks": []}, {"name": "Capper", "networks": "eth0"}, PLAIN | {"name": 7},
        PLAIN | {"name": "a\nb"}, PLAIN | {"surprise": 1}, PLAIN | {"runtimeVersion": "latest; rm -rf /"}, PLAIN | {"runtimeVersion": "a" * 129},
        PLAIN | {"runtimeVersion": "evil/image:1"}, PLAIN | {"dedicated": "eth0 eth1"}, PLAIN | {"dedicated": "a" * 16},
        network(name="a/b"), network(parent=""), network(parent="eth0;"), network(mode="bridge"), network(mode="DHCP"), network(ip="10.0.0"),
        network(ip="10.0.0.5/24"), network(ip="fe80::1%eth0"), network(ip=167772165), network(subnet="24"), network(subnet="255.0.255.0"),
        network(gateway="evil.example"), network(dns=["8.8.8.8", "x"]), network(dns="8.8.8.8"), network(dns=["8.8.8.8"] * 17),
        network(mac="02:42"), network(mac="03:42:ac:00:00:05"), network(mac="zz:42:ac:00:00:05"), network(ip=None), network(mode="dhcp"),
        PLAIN | {"serial": [{"name": "m", "device": "a b", "path": "/dev/m"}]}, PLAIN | {"serial": [{"name": "m", "device": "d", "path": "/etc/x"}]},
        PLAIN | {"serial": [{"name": "m", "device": "d", "path": "/dev/../etc"}]}, PLAIN | {"serial": [{"name": "m", "device": "d", "path": "/dev/m", "baud": True}]},
        PLAIN | {"serial": [{"name": "m", "device": "d", "path": "/dev/m", "baud": 10**9}]}, [PLAIN], "x",
    ],
)  # fmt: skip
async def test_what_cannot_be_made_is_refused_before_anything_happens(desk: Bench, body: object) -> None:
    answer = await desk.ask("POST", VPLCS, body=body)
    assert answer.status == 400
    assert answer.json()["error"]["message"].endswith("Nothing was done.")
    assert desk.agents.asked == []
    assert [one.name for one in await desk.store.vplcs(desk.here.id)] == ["Filler"]


async def test_a_name_that_is_taken_is_refused(desk: Bench) -> None:
    assert (await desk.ask("POST", VPLCS, body=PLAIN | {"name": "filler"})).status == 409
    assert desk.agents.asked == []


async def test_an_agents_refusal_is_told_in_its_words_and_kept(desk: Bench) -> None:
    desk.agents.answers["create_new_runtime"] = {"status": "error", "error": "No such image\x1b[31m " + "x" * 5000}
    answer = await desk.ask("POST", VPLCS, body=PLAIN)
    assert answer.status == 502
    assert "No such image" in answer.json()["error"]["message"]
    kept = await until(desk, "Capper", "error")
    assert str(kept["message"]).startswith("No such image")
    assert "\x1b" not in str(kept["message"])
    assert len(str(kept["message"])) <= 300
    assert await desk.rows() == [("vplc.create", "begun"), ("vplc.create", "failed")]


async def test_an_error_in_the_middle_of_a_creation_is_its_end(desk: Bench) -> None:
    failed = {"status": "error", "operation": "create", "error": "MAC address in use", "step": "creating_container"}
    desk.agents.answers["get_device_status"] = one_by_one(CREATING, failed)  # type: ignore[assignment]
    await desk.ask("POST", VPLCS, body=PLAIN)
    assert (await until(desk, "Capper", "error"))["message"] == "MAC address in use"


@pytest.mark.parametrize("kind", [Kind.UNREACHABLE, Kind.BUSY])
async def test_what_the_agent_was_never_sent_leaves_nothing_behind(desk: Bench, kind: Kind) -> None:
    desk.agents.answers["create_new_runtime"] = RuntimeFailure(kind, "Nothing was sent.", "Later.")
    answer = await desk.ask("POST", VPLCS, body=PLAIN)
    assert answer.status == (503 if kind is Kind.UNREACHABLE else 429)
    assert [one.name for one in await desk.store.vplcs(desk.here.id)] == ["Filler"]


async def test_a_session_lost_in_a_creation_leaves_it_open_and_the_agent_is_asked_not_told_again(desk: Bench) -> None:
    desk.agents.answers["create_new_runtime"] = lost()
    desk.agents.answers["get_device_status"] = one_by_one(lost(), CREATING, RUNNING)  # type: ignore[assignment]
    answer = await desk.ask("POST", VPLCS, body=PLAIN)
    assert (answer.status, answer.json()["error"]["kind"]) == (504, "lost")
    assert "is not known" in str((await until(desk, "Capper", "requested"))["message"])
    await until(desk, "Capper", "running")
    assert desk.agents.topics().count("create_new_runtime") == 1
    assert await desk.rows() == [("vplc.create", "begun"), ("vplc.create", "unknown")]


async def test_a_creation_that_the_agent_never_heard_of_is_gone_in_the_end(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rung.hub.api.vplc_progress._BELIEVED_AFTER", 0.1)
    desk.agents.answers["create_new_runtime"] = lost()
    desk.agents.answers["get_device_status"] = NOT_FOUND
    await desk.ask("POST", VPLCS, body=PLAIN)
    assert "create the vPLC again" in str((await until(desk, "Capper", "gone"))["message"])


@pytest.mark.parametrize(("answers", "end"), [([CREATING, RUNNING], "running"), ([DELETING, NOT_FOUND], "removed")])
async def test_a_restarted_hub_takes_up_what_was_under_way(
    desk: Bench, answers: list[dict[str, object]], end: str
) -> None:
    state = VplcState.REQUESTED if end == "running" else VplcState.DELETING
    await desk.store.set_vplc_state(desk.vplc.id, state, "")
    await desk.store.beat(PROCESS)
    await desk.store.session_began(desk.here.id, PROCESS, "sid", desk.here.created)
    desk.agents.answers["get_device_status"] = one_by_one(*answers)  # type: ignore[assignment]
    again = VplcProgress(desk.store, desk.desk.bus, desk.desk.asking, desk.desk.journal, PROCESS, pause=0.01)
    await again.start()
    await until(desk, "Filler", end)
    await again.stop()
    assert set(desk.agents.topics()) == {"get_device_status"}


async def test_what_another_process_holds_is_left_to_it(desk: Bench) -> None:
    await desk.store.set_vplc_state(desk.vplc.id, VplcState.CREATING, "")
    await desk.store.beat("other")
    await desk.store.session_began(desk.here.id, "other", "sid", desk.here.created)
    again = VplcProgress(desk.store, desk.desk.bus, desk.desk.asking, desk.desk.journal, PROCESS, pause=0.01)
    await again.start()
    await asyncio.sleep(0.1)
    await again.stop()
    assert desk.agents.asked == []


async def test_a_database_that_fails_after_the_agent_was_asked_does_not_hide_that_it_was(
    desk: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def locked(self: object, *words: object) -> None:
        raise RuntimeFailure(Kind.BUSY, "The hub's database is locked; nothing was changed.", "Later.")

    with monkeypatch.context() as broken:
        broken.setattr(type(desk.store), "set_vplc_state", locked)
        answer = await desk.ask("POST", VPLCS, body=PLAIN)
    assert (answer.status, answer.json()["state"]) == (202, "creating")
    await until(desk, "Capper", "running")
    assert desk.agents.topics().count("create_new_runtime") == 1


# -- one vPLC -------------------------------------------------------------------------------------------------------


async def test_showing_one_asks_its_agent_and_keeps_what_it_says(desk: Bench) -> None:
    desk.agents.answers["get_device_status"] = EXITED | {"action": "get_device_status", "correlation_id": 3}
    told = (await desk.ask("GET", ONE, Role.VIEWER)).json()
    assert told["state"] == "stopped"
    assert told["container"] == EXITED
    assert await desk.state() is VplcState.STOPPED


@pytest.mark.parametrize("failure", [offline(), lost()])
async def test_showing_one_of_an_agent_that_is_away_shows_what_is_known(desk: Bench, failure: Exception) -> None:
    desk.agents.answers["get_device_status"] = failure
    answer = await desk.ask("GET", ONE)
    assert (answer.status, answer.json()["state"], answer.json()["container"]) == (200, "running", None)


async def test_the_list_asks_no_agent(desk: Bench) -> None:
    listed = (await desk.ask("GET", VPLCS, Role.VIEWER)).json()["vplcs"]
    assert [(one["name"], one["state"]) for one in listed] == [("Filler", "running")]
    assert desk.agents.asked == []


async def test_renaming(desk: Bench) -> None:
    assert (await desk.ask("PATCH", ONE, Role.ADMIN, {"name": "Bottler"})).json()["name"] == "Bottler"
    assert (await desk.ask("PATCH", ONE, Role.ADMIN, {"name": "a/b"})).status == 409
    assert desk.agents.asked == []


async def test_consumption_goes_with_both_periods(desk: Bench) -> None:
    desk.agents.answers["get_consumption_device"] = {
        "action": "x",
        "correlation_id": None,
        "memory": "512 MB",
        "cpu_usage": [],
    }
    told = (await desk.ask("GET", f"{ONE}/consumption?cpu=15m", Role.VIEWER)).json()
    assert told == {"memory": "512 MB", "cpu_usage": []}
    assert desk.agents.last() == {"device_id": desk.vplc.id, "cpuPeriod": "15m", "memoryPeriod": "1h"}
    assert (await desk.ask("GET", f"{ONE}/consumption?cpu=for%20ever")).status == 400


# -- deletion -------------------------------------------------------------------------------------------------------


async def delete(desk: Bench, **body: object) -> tuple[int, dict[str, object]]:
    answer = await desk.ask("DELETE", ONE, Role.ADMIN, body)
    return answer.status, answer.json()


async def hear_status(desk: Bench, status: str) -> None:
    """Have somebody's editor ask the runtime, so that the hub overhears the answer."""
    desk.agents.answers["run_command api/status"] = runtime_says({"status": status})
    await desk.ask("GET", f"{ONE}/http/api/status", Role.VIEWER)


async def test_a_stopped_container_is_deleted_after_its_name_was_typed(desk: Bench) -> None:
    desk.agents.answers["get_device_status"] = one_by_one(EXITED, DELETING, NOT_FOUND)  # type: ignore[assignment]
    status, told = await delete(desk)
    assert (status, told["needsConfirmation"], told["type"]) == (409, True, "Filler")
    assert "cannot be undone" in str(told["message"])
    status, told = await delete(desk, typed="Filler")
    assert (status, told["state"]) == (202, "deleting")
    await until(desk, "Filler", "removed")
    assert desk.agents.topics().count("delete_device") == 1


async def test_a_running_program_is_confirmed_separately(desk: Bench) -> None:
    await hear_status(desk, "STATUS:RUNNING")
    status, told = await delete(desk, typed="Filler")
    assert (status, told["needsConfirmation"], told["running"]) == (409, True, True)
    assert "RUNS its program" in str(told["message"])
    assert "delete_device" not in desk.agents.topics()
    status, _ = await delete(desk, typed="Filler", running=True)
    assert status == 202


async def test_where_it_cannot_be_known_whether_the_program_runs_that_is_said_and_asked(desk: Bench) -> None:
    status, told = await delete(desk, typed="Filler")
    assert (status, told["running"]) == (409, True)
    assert "cannot be known" in str(told["message"])


async def test_a_state_counts_for_ten_seconds_only(desk: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(desk.desk.states, "_clock", lambda: clock[0])
    await hear_status(desk, "STATUS:STOPPED")
    clock[0] += 10.1
    assert (await delete(desk, typed="Filler"))[0] == 409
    await hear_status(desk, "STATUS:STOPPED")
    assert (await delete(desk, typed="Filler"))[0] == 202


async def test_a_start_makes_what_was_heard_before_worthless(desk: Bench) -> None:
    await hear_status(desk, "STATUS:STOPPED")
    desk.agents.answers["run_command api/start-plc"] = runtime_says({"status": "START:OK"})
    await desk.ask("GET", f"{ONE}/http/api/start-plc", Role.OPERATOR)
    assert (await delete(desk, typed="Filler"))[0] == 409


async def test_an_answer_from_before_a_start_is_worthless_even_if_it_comes_after_it(desk: Bench) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def late(message: Mapping[str, object]) -> Mapping[str, object]:
        begun.set()
        await go.wait()
        return runtime_says({"status": "STATUS:STOPPED"})

    desk.agents.answers["run_command api/status"] = late
    desk.agents.answers["run_command api/start-plc"] = runtime_says({"status": "START:OK"})
    asking = asyncio.ensure_future(desk.ask("GET", f"{ONE}/http/api/status", Role.VIEWER))
    await begun.wait()
    await desk.ask("GET", f"{ONE}/http/api/start-plc", Role.OPERATOR)
    go.set()
    await asking
    assert (await delete(desk, typed="Filler"))[0] == 409


async def test_one_of_several_processes_never_takes_a_program_for_stopped(desk: Bench) -> None:
    desk.desk.states._alone = False
    await hear_status(desk, "STATUS:STOPPED")
    status, told = await delete(desk, typed="Filler")
    assert status == 409
    assert "cannot be known" in str(told["message"])


async def test_confirming_the_running_program_does_not_replace_the_name(desk: Bench) -> None:
    assert (await delete(desk, running=True))[0] == 409
    assert "delete_device" not in desk.agents.topics()


async def test_a_deletion_of_an_offline_agents_vplc_changes_nothing(desk: Bench) -> None:
    desk.agents.away.add(desk.here.id)
    status, told = await delete(desk, typed="Filler", running=True)
    assert (status, told["error"]["kind"]) == (503, "unreachable")  # type: ignore[index]
    assert await desk.state() is VplcState.RUNNING


async def test_a_session_lost_in_a_deletion_leaves_it_open_and_it_is_read_afterwards(desk: Bench) -> None:
    desk.agents.answers["delete_device"] = lost()
    desk.agents.answers["get_device_status"] = one_by_one(EXITED, lost(), RUNNING)  # type: ignore[assignment]
    assert (await delete(desk, typed="Filler"))[0] == 504
    assert "is not known" in str((await until(desk, "Filler", "deleting"))["message"])
    assert "has not been carried out" in str((await until(desk, "Filler", "running"))["message"])
    assert desk.agents.topics().count("delete_device") == 1
    assert ("vplc.delete", "unknown") in await desk.rows()


async def test_a_refused_deletion_leaves_the_state_as_it_was(desk: Bench) -> None:
    desk.agents.answers["delete_device"] = {"status": "error", "error": "busy"}
    desk.agents.answers["get_device_status"] = EXITED
    assert (await delete(desk, typed="Filler"))[0] == 502
    assert await desk.state() is VplcState.RUNNING
