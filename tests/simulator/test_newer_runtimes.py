"""What Runtime v4.1.9, 4.1.10 and 4.2 added: roles, capabilities, the mode switch, sources and retained values."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rung.simulator import Simulator, Switch, personality_of
from simulator.minimal_program import Program, Variable
from simulator.retaining_program import retaining
from simulator.runtime_client import RuntimeClient

Start = Callable[[str], Awaitable[tuple[Simulator, RuntimeClient]]]
METADATA = {"formatVersion": 1, "projectName": "Traffic\nlight", "timestamp": "2026-08-31T12:00:00Z", "odd": 1}
COUNTER = "44 00 01 00 00 01"


@pytest.fixture
async def begin(tmp_path: Path, certificate_folder: Path) -> AsyncIterator[Start]:
    """Starts the device of this test as a version, and a client that has logged in; again is a restart."""
    shutil.copytree(certificate_folder, tmp_path / "device")
    running: list[tuple[Simulator, RuntimeClient]] = []

    async def end() -> None:
        for device, client in running:
            await client.close()
            await device.stop()
        running.clear()

    async def start(version: str) -> tuple[Simulator, RuntimeClient]:
        await end()
        device = Simulator(
            tmp_path / "device", port=0, version=version, transition_s=0.1, restart_s=0.4, discovery_port=0
        )
        await device.start()
        client = RuntimeClient(device.address)
        running.append((device, client))
        await client.log_in()
        return device, client

    yield start
    await end()


async def said(client: RuntimeClient, method: str, path: str, token: str | None = None, **body: Any) -> tuple[int, Any]:
    """Status and content of a request; `token` "" is none."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}" if token else ""}
    answer = await client.request(method, path, headers=headers, **({"json": body} if body else {}))
    return answer.status_code, answer.json() if "json" in answer.headers["Content-Type"] else answer.text


async def ordinary(client: RuntimeClient) -> str:
    """The token of a second account, which is no administrator."""
    await said(client, "POST", "/api/create-user", username="op", password="pw")
    return str((await said(client, "POST", "/api/login", username="op", password="pw"))[1]["access_token"])


# -- versions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "name", "roles", "switch", "retain"),
    [
        ("v4", "v4.0", False, False, False),
        ("v4.0.3", "v4.0", False, False, False),
        ("v4.1.4", "v4.1", False, False, False),
        ("v4.1.9", "v4.1", True, False, False),
        ("4.1.10", "v4.1", True, True, False),
        ("v4.2.0-rc1", "v4.2", True, True, True),
    ],
)
def test_a_version_has_a_personality(version: str, name: str, roles: bool, switch: bool, retain: bool) -> None:
    personality = personality_of(version)
    assert personality.name == name
    assert (personality.administrators, personality.mode_switch, personality.retain) == (roles, switch, retain)


@pytest.mark.parametrize("version", ["", "v3", "v5.0", "v4.9", "four"])
def test_an_unknown_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="OpenPLC Runtime"):
        personality_of(version)


async def test_what_came_later_is_unknown_to_an_earlier_runtime(begin: Start) -> None:
    _, client = await begin("v4.1.4")
    for name in ("whoami", "capabilities", "switch", "device-info", "project-snapshot"):
        assert await said(client, "GET", f"/api/{name}") == (200, {"error": "Unknown argument"})
    assert await client.get("/api/status") == {"status": "STATUS:EMPTY"}
    _, client = await begin("v4.1.10")
    assert await client.get("/api/capabilities") == {"minEditorVersion": "4.1.0", "runtimeVersion": "v4.1.10"}
    assert await said(client, "GET", "/api/project-snapshot") == (200, {"error": "Unknown argument"})


async def test_capabilities_are_told_without_a_token(begin: Start) -> None:
    _, client = await begin("v4.2.3")
    status, answer = await said(client, "GET", "/api/capabilities", token="")
    assert (status, answer["runtimeVersion"], answer["projectSnapshot"]) == (200, "v4.2.3", True)
    assert (await said(client, "GET", "/api/device-info", token=""))[0] == 401
    information = await client.get("/api/device-info")
    assert {"hostname", "architecture", "kernel", "system", "containerized", "updatePolicy"} <= information.keys()


# -- roles -------------------------------------------------------------------------------------------------------


async def test_the_first_account_is_an_administrator_whatever_it_asks_for(begin: Start) -> None:
    _, client = await begin("v4.1.9")
    assert await client.get("/api/whoami") == {"id": 1, "role": "admin", "username": "admin"}


async def test_only_administrators_create_accounts(begin: Start) -> None:
    _, client = await begin("v4.1.9")
    new = {"username": "x", "password": "y"}
    assert await said(client, "POST", "/api/create-user", token="", **new) == (401, {"msg": "Authentication required"})
    assert (await said(client, "POST", "/api/create-user", role="boss", **new)) == (
        400,
        {"msg": "Invalid role. Must be one of: admin, user"},
    )
    token = await ordinary(client)
    assert await said(client, "POST", "/api/create-user", token, **new) == (403, {"msg": "Admin privileges required"})
    assert await said(client, "POST", "/api/create-user", role="admin", **new) == (
        201,
        {"id": 3, "msg": "User created", "role": "admin"},
    )


async def test_only_administrators_delete_accounts_and_not_their_own(begin: Start) -> None:
    _, client = await begin("v4.1.9")
    token = await ordinary(client)
    assert await said(client, "DELETE", "/api/delete-user/1", token) == (403, {"msg": "Admin privileges required"})
    assert await said(client, "DELETE", "/api/delete-user/1") == (403, {"msg": "You cannot delete your own account"})
    assert await said(client, "DELETE", "/api/delete-user/9", token) == (404, {"msg": "User not found"})
    assert await said(client, "DELETE", "/api/delete-user/2") == (200, {"msg": "User op deleted successfully"})
    assert await client.status() == "EMPTY", "the administrator's token stays good"


@pytest.mark.parametrize(
    ("who", "user", "body", "answer"),
    [
        ("op", 1, {"username": "a"}, (403, "You can only edit your own account")),
        ("op", 2, {"role": "admin"}, (403, "Only an admin can change roles")),
        ("op", 2, {"password": "new"}, (400, "Current password is required")),
        ("op", 2, {"password": "new", "current_password": "no"}, (403, "Current password is incorrect")),
        ("admin", 9, {"username": "a"}, (404, "User not found")),
        ("admin", 2, {"colour": "red"}, (400, "No fields to update")),
        ("admin", 2, {"role": "boss"}, (400, "Invalid role. Must be one of: admin, user")),
        ("admin", 1, {"role": "user"}, (409, "Cannot demote the last remaining admin")),
        ("admin", 2, {"username": " "}, (400, "Username cannot be empty")),
        ("admin", 2, {"username": "admin"}, (409, "Username already exists")),
        ("admin", 2, {"password": ""}, (400, "Password cannot be empty")),
        ("admin", 2, {"password": "new", "role": "admin", "username": "chief"}, (200, "User updated successfully")),
    ],
)
async def test_an_update_of_an_account(
    begin: Start, who: str, user: int, body: dict[str, str], answer: tuple[int, str]
) -> None:
    _, client = await begin("v4.1.9")
    op = await ordinary(client)
    status, content = await said(client, "PUT", f"/api/update-user/{user}", op if who == "op" else client.token, **body)
    assert (status, content["msg"]) == answer
    if status == 200:
        assert content["user"] == {"id": 2, "role": "admin", "username": "chief"}


async def test_who_changes_the_own_password_has_to_log_in_again(begin: Start) -> None:
    _, client = await begin("v4.1.9")
    change = {"password": "new", "current_password": "secret"}
    assert (await said(client, "PUT", "/api/update-user/1", **change))[0] == 200
    assert await said(client, "GET", "/api/status") == (401, {"msg": "Token has been revoked"})
    assert (await said(client, "PUT", "/api/password-change/1"))[0] == 404, "the older route has gone"


async def test_the_debug_channel_looks_at_the_token_with_every_command(begin: Start) -> None:
    for version, refused in (("v4.1.4", False), ("v4.2.0", True)):
        _, client = await begin(version)
        async with client.debug() as ask:
            assert await ask("41") == {"success": True, "data": "41 83"}
            await said(client, "POST", "/api/logout")
            answer = {"success": False, "error": "Unauthorized"} if refused else {"success": True, "data": "41 83"}
            assert await ask("41") == answer


# -- the mode switch ---------------------------------------------------------------------------------------------


async def test_the_mode_switch_forbids_starts(begin: Start) -> None:
    device, client = await begin("v4.1.10")
    assert await client.get("/api/switch") == {"switchPosition": "run"}
    await client.run(Program().zip())
    device.switch = Switch.STOP
    assert await client.get("/api/status") == {"status": "STATUS:RUNNING", "switchPosition": "stop"}
    await client.get("/api/stop-plc")
    await client.reaches("STOPPED")
    assert await client.get("/api/start-plc") == {"status": "START:ERROR_SWITCH_STOP"}
    device.switch = Switch.RUN
    assert await client.get("/api/start-plc") == {"status": "START:OK"}


# -- the project's source ----------------------------------------------------------------------------------------


async def upload(client: RuntimeClient, program: bytes, archive: bytes | None, metadata: str | None) -> dict[str, str]:
    files = {"file": ("program.zip", program, "application/zip")}
    if archive is not None:
        files["snapshot"] = ("project.zip", archive, "application/zip")
    data = {} if metadata is None else {"snapshot_metadata": metadata}
    answer: dict[str, str] = (await client.request("POST", "/api/upload-file", files=files, data=data)).json()
    return answer


async def test_a_source_comes_back_as_it_was_sent(begin: Start) -> None:
    _, client = await begin("v4.2.0")
    operator = await ordinary(client)
    assert await client.get("/api/project-snapshot/info") == {"present": False}
    assert await said(client, "GET", "/api/project-snapshot") == (404, {"msg": "No project is stored on this device"})
    archive = b"never opened, so no zip is needed \x00\xff"
    answer = await upload(client, retaining(conf="").zip(), archive, json.dumps(METADATA))
    assert answer == {"CompilationStatus": "COMPILING", "ProjectSnapshotWarning": "", "UploadFileFail": ""}
    assert await client.get("/api/project-snapshot/info") == {"present": False}, "not before it has been compiled"
    assert (await client.compiled())["status"] == "SUCCESS"
    information = (await said(client, "GET", "/api/project-snapshot/info", operator))[1]
    assert (information["projectName"], information["sizeBytes"]) == ("Trafficlight", len(archive))
    assert "odd" not in information
    assert await said(client, "GET", "/api/project-snapshot", operator) == (403, {"msg": "Admin privileges required"})
    content = await client.get("/api/project-snapshot")
    assert base64.b64decode(content["contentBase64"]) == archive
    assert (content["filename"], content["formatVersion"]) == ("project.zip", 1)

    await begin("v4.2.0")
    _, client = await begin("v4.2.0")
    assert (await client.get("/api/project-snapshot/info"))["present"], "it survives a restart"
    assert (await upload(client, b"no zip", None, None))["UploadFileFail"]
    assert (await client.get("/api/project-snapshot/info"))["present"], "a refused upload leaves it"
    assert (await upload(client, retaining(conf="").zip(), None, None))["ProjectSnapshotWarning"] == ""
    assert await client.get("/api/project-snapshot/info") == {"present": False}, "an upload without one erases it"
    await client.compiled()


@pytest.mark.parametrize(
    ("metadata", "warning"),
    [
        (None, "the upload carried an archive but no snapshot_metadata"),
        ("{", "snapshot_metadata is not valid JSON"),
        ("[]", "Snapshot metadata must be a JSON object"),
        ('{"projectName": "P"}', "Snapshot metadata needs an integer formatVersion of 1 or more"),
        ('{"formatVersion": 1, "projectName": " "}', "Snapshot metadata needs a projectName"),
    ],
)
async def test_a_source_that_is_not_kept_is_only_a_warning(begin: Start, metadata: str | None, warning: str) -> None:
    _, client = await begin("v4.2.0")
    answer = await upload(client, Program(files={"program.cpp": "broken("}).zip(), b"source", metadata)
    assert answer["UploadFileFail"] == ""
    assert answer["ProjectSnapshotWarning"].startswith(f"Snapshot ignored: {warning}")


async def test_a_failed_compile_leaves_no_source(begin: Start) -> None:
    _, client = await begin("v4.2.0")
    await upload(client, Program(files={"program.cpp": "broken("}).zip(), b"source", json.dumps(METADATA))
    assert (await client.compiled())["status"] == "FAILED"
    assert await client.get("/api/project-snapshot/info") == {"present": False}


async def test_the_network_is_told_of_the_source(tmp_path: Path, certificate_folder: Path) -> None:
    device = tmp_path / "device"
    shutil.copytree(certificate_folder, device)
    (device / "project_snapshot").mkdir()
    (device / "project_snapshot" / "project.zip").write_bytes(b"x")
    (device / "project_snapshot" / "project.json").write_text('{"projectName": "P", "timestamp": "T"}')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    simulator = Simulator(device, port=0, version="v4.2.0", discovery_port=port)
    await simulator.start()

    def ask() -> dict[str, Any]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as questioner:
            questioner.settimeout(5)
            questioner.sendto(b"OPENPLC_DISCOVER_V1", ("127.0.0.1", port))
            answer: dict[str, Any] = json.loads(questioner.recv(2048))
            return answer

    record = await asyncio.to_thread(ask)
    await simulator.stop()
    assert (record["project_name"], record["project_timestamp"]) == ("P", "T")


# -- programs ----------------------------------------------------------------------------------------------------


async def value(client: RuntimeClient, element: int, size: int) -> int:
    data = await client.debug_once(f"44 00 01 00 00 {element:02x}")
    return int.from_bytes(bytes.fromhex(data)[-size:], "little")


async def test_a_program_without_the_newer_headers_does_not_compile(begin: Start) -> None:
    _, client = await begin("v4.2.0")
    await client.upload(Program().zip())
    build = await client.compiled()
    assert build["status"] == "FAILED"
    assert "runtime_v4_entry.cpp" in "".join(build["logs"])


async def test_values_are_kept_over_stop_and_restart_but_not_for_another_program(begin: Start) -> None:
    _, client = await begin("v4.2.3")
    await client.run(retaining().zip())
    build = await client.get("/api/compilation-status")
    assert "[INFO] Retain: installed retain.conf from upload (persistent storage on)\n" in build["logs"]
    await client.wait(lambda: value(client, 1, 4), lambda count: count > 60, 10)
    await client.get("/api/stop-plc")
    await client.reaches("STOPPED")
    await client.get("/api/start-plc")
    await client.reaches("RUNNING")
    assert await value(client, 1, 4) > 60
    assert await value(client, 0, 2) > 60, "a located variable is restored through the process image"

    _, client = await begin("v4.2.3")
    await client.reaches("RUNNING")
    assert await value(client, 1, 4) > 60
    await client.run(retaining("f" * 32).zip())
    assert await value(client, 1, 4) < 60
    assert any("belong to a different program" in message for message in await client.logs())


async def test_values_are_not_kept_without_settings_or_without_the_interface(begin: Start) -> None:
    _, client = await begin("v4.2.3")
    await client.run(retaining(conf="").zip())
    assert any("no storage is configured" in message for message in await client.logs())
    await client.run(retaining(with_api=False).zip())
    assert not [message for message in await client.logs() if "restored" in message]


@pytest.mark.parametrize(
    ("conf", "reason"),
    [
        ("enabled=1\npath=relative\n", "The storage path must be absolute."),
        ("enabled=1\npath=/no/such/folder/file\n", "The directory /no/such/folder does not exist"),
        ("enabled=1\nflush_seconds=0\n", "The flush period must be between 1 and 3600 seconds."),
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(tmp_path: Path, conf: str, reason: str) -> None:
    from rung.simulator.upload_settings import RetainConf

    generated = tmp_path / "generated"
    generated.mkdir()
    settings = RetainConf(tmp_path, tmp_path / "retain.bin")
    (generated / "retain.conf").write_text("enabled=1\n")
    settings.apply(generated)
    assert settings.host_options() == (f"--retain={tmp_path}/retain.bin", "--flush=5")
    (generated / "retain.conf").write_text(conf)
    assert settings.apply(generated)[0].startswith(f"[ERROR] Retain: refusing retain.conf from upload: {reason}")
    assert settings.host_options() == (), "what was in force before is not in force any more"
    (generated / "retain.conf").write_text("enabled=0\npath=relative\n")
    assert settings.apply(generated)[0].endswith("(persistent storage off)\n")
    (generated / "retain.conf").unlink()
    assert settings.apply(generated)[0].startswith("[INFO] Retain: removed stale retain.conf")


def test_a_project_never_names_a_file_of_this_computer(tmp_path: Path) -> None:
    from rung.simulator.upload_settings import RetainConf

    data, generated = tmp_path / "data", tmp_path / "generated"
    data.mkdir()
    generated.mkdir()
    settings = RetainConf(data, data / "retain.bin")
    stores = set()
    for name in ("diary.txt", "notes.txt"):
        (generated / "retain.conf").write_text(f"enabled=1\npath={tmp_path}/{name}\n")
        assert "installed" in settings.apply(generated)[0]
        stores.add(Path(settings.host_options()[0].removeprefix("--retain=")))
    assert len(stores) == 2
    assert {store.parent for store in stores} == {data}


@pytest.mark.parametrize(
    ("text", "elements"),
    [
        ("format_version=2\nint_output=4096 words\nbool_output=64 bits\n", 4096),
        ("format_version=2\nbool_input=8193 bits\n", 1025),
        ("# note\n\nformat_version=2\nunknown_table=9 words\n", 0),
        ("int_output=4096 words\n", None),
        ("format_version=3\nint_output=8 words\n", None),
        ("format_version=2\nint_output=8\n", None),
        ("format_version=2\nbool_output=64 bytes\n", None),
        ("format_version=2\nint_output=65537 words\n", None),
        ("format_version=2\nint_output=-1 words\n", None),
    ],
)
def test_the_size_of_the_process_image(tmp_path: Path, text: str, elements: int | None) -> None:
    from rung.simulator.upload_settings import ImageConf

    generated = tmp_path / "generated"
    generated.mkdir()
    (generated / "image.conf").write_text(text)
    settings = ImageConf(tmp_path)
    lines = settings.apply(generated)
    assert lines[0].startswith("[INFO]" if elements is not None else "[ERROR] Image: refusing image.conf")
    assert settings.host_options() == (f"--tables={elements or 0}",)


async def test_tables_are_as_large_as_the_program_needs(begin: Start) -> None:
    far = retaining(conf="")
    far = Program(
        files={**far.files, "program.cpp": far.files["program.cpp"].replace("{2, 2, 3, 0,", "{2, 2, 2000, 0,")}
    )
    assert "2000" in far.sources()["program.cpp"]
    _, client = await begin("v4.2.3")
    await client.run(far.zip())
    await client.wait(lambda: value(client, 0, 2), lambda count: count > 10, 10)


async def test_located_globals_are_copied_where_the_runtime_knows_them(begin: Start) -> None:
    lamp = Variable("INT", counts=True, address=(2, 2, 0, 0))
    plain = Program(arrays=((lamp,),))
    text = plain.sources()["program.cpp"].replace("*count = 1;", "*count = 0;")
    text += """
extern "C" void* const* strucpp_get_located_globals() { static void* const all[] = {v0_0}; return all; }
extern "C" uint32_t strucpp_get_located_global_count() { return 1; }
"""
    # A second located variable of the same address shows what is in the image.
    text = text.replace("v0_0}};", "v0_0}, {2, 2, 0, 0, {0, 0, 0}, v0_1}};")
    assert text.count("v0_1") == 1
    mirror = text.replace("static Leaf array0[]", "alignas(8) static uint8_t v0_1[2] = {0};\nstatic Leaf array0[]")
    mirror = mirror.replace("{v0_0, 2, true, false}}", "{v0_0, 2, true, false}, {v0_1, 2, false, false}}")
    mirror = mirror.replace("counts[] = {1}", "counts[] = {2}").replace(
        "*offset = 0; *count = 0;", "*offset = 1; *count = 1;"
    )
    files = {"program.cpp": mirror, "generated.hpp": plain.sources()["generated.hpp"].replace("Count = 1", "Count = 2")}
    _, client = await begin("v4.1.10")
    await client.run(Program(arrays=((lamp,),), files=files).zip())
    await client.wait(lambda: value(client, 1, 2), lambda count: count > 5, 10)
