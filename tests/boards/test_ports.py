"""Which ports there are, which board may be behind each, why one cannot be used, and that nothing but a serial port is ever opened."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from serial.tools import list_ports as system_ports

from rung.boards import busy, permission, ports
from rung.boards.busy import Holder, holders
from rung.boards.hotplug import PortWatch
from rung.boards.ports import Port, check_port, list_ports, open_port, port_at, set_lines
from rung.runtimes.errors import Kind, RuntimeFailure


def row(
    device: str, vid: int | None = None, pid: int | None = None, product: str | None = None, number: str | None = None
) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, product=product, serial_number=number)


@pytest.fixture
def terminal() -> Iterator[str]:
    master, slave = os.openpty()
    yield os.ttyname(slave)
    os.close(slave)
    os.close(master)


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """What the system lists; the devices need not be there."""
    rows: list[SimpleNamespace] = []
    monkeypatch.setattr(system_ports, "comports", lambda: rows)
    monkeypatch.setattr(os, "access", lambda *_: True)
    return rows


def failure_of(device: str) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        open_port(device, 115200)
    return caught.value


class TestListing:
    def test_a_board_is_named_by_its_usb_numbers(self, plugged: list[SimpleNamespace]) -> None:
        plugged.append(row("/dev/ttyACM0", 0x2341, 0x0043, number="7583"))
        [port] = list_ports()
        assert (port.title, port.serial_number, port.boards[0], port.exact) == ("Arduino Uno", "7583", "uno", True)

    def test_a_clone_is_named_by_its_chip_with_the_boards_it_may_be(self, plugged: list[SimpleNamespace]) -> None:
        plugged.append(row("/dev/ttyUSB0", 0x1A86, 0x7523, product="USB2.0-Serial"))
        [port] = list_ports()
        assert port.title == "USB serial chip CH340"
        assert port.boards[:2] == ("nano", "nano-old")
        assert not port.exact

    def test_an_unknown_device_shows_what_it_says_of_itself_without_its_escapes(
        self, plugged: list[SimpleNamespace]
    ) -> None:
        plugged.append(row("/dev/ttyACM0", 0x1234, 0x5678, product="Lab\x1b[31m meter\u202e"))
        assert list_ports()[0].title == "Lab meter"
        assert list_ports()[0].boards == ()

    def test_ports_stand_in_the_order_of_their_numbers(self, plugged: list[SimpleNamespace]) -> None:
        plugged.extend(row(name) for name in ("COM10", "COM9", "COM1"))
        assert [port.device for port in list_ports()] == ["COM1", "COM9", "COM10"]

    def test_a_port_that_another_program_has_open_says_which(
        self, plugged: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plugged.append(row("/dev/ttyACM0", 0x2341, 0x0043))
        monkeypatch.setattr(ports, "holders", lambda devices: {"/dev/ttyACM0": Holder(4711, "screen")})
        [port] = list_ports()
        assert port.problem == "/dev/ttyACM0 is in use by screen (process 4711)."
        assert port.hint == "Close screen, then try again."

    def test_a_port_without_permission_says_the_remedy(
        self, plugged: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plugged.append(row("/dev/ttyACM0", 0x2341, 0x0043))
        monkeypatch.setattr(os, "access", lambda *_: False)
        monkeypatch.setattr(os.path, "exists", lambda _: True)
        monkeypatch.setattr(ports, "remedy", lambda device, vid, pid: f"remedy for {device} {vid:04x}:{pid:04x}")
        [port] = list_ports()
        assert port.problem == "You have no permission to open /dev/ttyACM0."
        assert port.hint == "remedy for /dev/ttyACM0 2341:0043"

    def test_a_port_that_goes_away_after_it_was_listed_is_gone_and_not_forbidden(
        self, plugged: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plugged.append(row("/dev/ttyNOTTHERE", 0x2341, 0x0043))
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert list_ports()[0].problem == "The port /dev/ttyNOTTHERE is gone."
        with pytest.raises(RuntimeFailure) as caught:
            check_port("/dev/ttyNOTTHERE")
        assert caught.value.kind is Kind.DNS

    def test_a_device_that_is_unplugged_while_the_list_is_read_costs_one_more_look(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looks = iter([None, [row("COM1")]])

        def comports() -> list[SimpleNamespace]:
            now = next(looks)
            if now is None:
                raise TypeError("int() argument must be a string, a bytes-like object or a real number, not 'NoneType'")
            return now

        monkeypatch.setattr(system_ports, "comports", comports)
        assert [port.device for port in list_ports()] == ["COM1"]

    def test_a_list_that_cannot_be_read_is_not_an_empty_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def comports() -> list[SimpleNamespace]:
            raise OSError("no /sys here")

        monkeypatch.setattr(system_ports, "comports", comports)
        with pytest.raises(RuntimeFailure, match="cannot be read: no /sys here"):
            list_ports()


class TestPermission:
    def test_the_group_that_owns_the_device_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "stat", lambda device: SimpleNamespace(st_gid=20, st_mode=0o20660))
        monkeypatch.setattr("grp.getgrgid", lambda number: SimpleNamespace(gr_name="dialout", gr_mem=[]))
        assert permission.remedy("/dev/ttyACM0") == "Run: sudo usermod -aG dialout $USER   Then log out and in again."

    def test_who_joined_since_the_login_is_told_to_log_in_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "stat", lambda device: SimpleNamespace(st_gid=20, st_mode=0o20660))
        monkeypatch.setattr(os, "getgroups", lambda: [1000])
        monkeypatch.setattr(permission, "_user", lambda: "operator")
        monkeypatch.setattr("grp.getgrgid", lambda number: SimpleNamespace(gr_name="dialout", gr_mem=["operator"]))
        assert "log out and in again" in permission.remedy("/dev/ttyACM0")
        assert "usermod" not in permission.remedy("/dev/ttyACM0")

    def test_a_device_of_root_alone_needs_a_udev_rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "stat", lambda device: SimpleNamespace(st_gid=0, st_mode=0o20600))
        assert permission.remedy("/dev/ttyACM0", 0x2341, 0x0043) == (
            """Run: echo 'SUBSYSTEM=="tty", ATTRS{idVendor}=="2341", ATTRS{idProduct}=="0043", MODE="0660", TAG+="uaccess"' """
            "| sudo tee -a /etc/udev/rules.d/60-rung-boards.rules && sudo udevadm control --reload-rules   "
            "Then unplug the board and plug it in again."
        )

    def test_a_usb_device_without_a_port_has_the_rule_on_itself(self) -> None:
        rule = """SUBSYSTEM=="usb", ATTR{idVendor}=="0483", ATTR{idProduct}=="df11","""
        assert rule in permission.udev_hint("usb", 0x0483, 0xDF11)


class TestBusy:
    def test_the_program_that_has_a_device_open_is_found(self, tmp_path: Path) -> None:
        device = tmp_path / "ttyACM0"
        device.touch()
        process = tmp_path / "proc" / "4711"
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_text("minicom\n")
        (process / "fd" / "3").symlink_to(device)
        link = tmp_path / "board"
        link.symlink_to(device)
        assert holders([str(link)], tmp_path / "proc") == {str(link): Holder(4711, "minicom")}

    def test_this_process_does_not_count(self, terminal: str) -> None:
        assert holders([terminal]) == {}

    def test_without_proc_nothing_is_known(self, tmp_path: Path) -> None:
        assert holders(["/dev/ttyACM0"], tmp_path / "none") == {}

    def test_modem_manager_lets_go_by_itself(self) -> None:
        assert busy.Holder(1, "ModemManager").remedy.startswith(
            "ModemManager looks for modems on each new port for some seconds. Wait"
        )

    def test_a_service_that_hides_what_it_has_open_is_named_as_a_cause(
        self, tmp_path: Path, terminal: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only root sees what a service of the system has open; that the service runs, everybody sees."""
        (tmp_path / "4711").mkdir()
        (tmp_path / "4711" / "comm").write_text("ModemManager\n")
        assert "ModemManager looks for modems" in busy.suspicion(tmp_path)
        assert busy.suspicion(tmp_path / "none") == ""
        monkeypatch.setattr(ports, "suspicion", lambda: busy.suspicion(tmp_path))
        first = open_port(terminal, 115200)
        failure = failure_of(terminal)
        first.close()
        assert "ModemManager looks for modems" in failure.hint


class TestOpening:
    def test_a_pseudo_terminal_opens_and_has_no_lines(self, terminal: str) -> None:
        port = open_port(terminal, 115200)
        assert not set_lines(port, dtr=False, rts=False)
        port.close()

    def test_a_second_opening_is_busy(self, terminal: str) -> None:
        first = open_port(terminal, 115200)
        failure = failure_of(terminal)
        first.close()
        assert failure.kind is Kind.BUSY

    def test_a_port_that_is_not_there(self) -> None:
        failure = failure_of("/dev/ttyNOTTHERE")
        assert failure.kind is Kind.DNS
        assert "There is no port /dev/ttyNOTTHERE on this computer" in failure.message

    @pytest.mark.parametrize("device", ["relative/path", "", "-P", "/dev/tty\0ACM0", "/etc/hostname", "/"])
    def test_what_is_not_a_serial_device_is_not_opened(self, device: str) -> None:
        assert failure_of(device).kind is Kind.DNS

    @pytest.mark.parametrize(
        "url",
        [
            "spy:///dev/ttyACM0?file=/tmp/written",
            "alt:///dev/ttyACM0?class=Serial",
            "hwgrep://.*",
            "loop://",
            "cp2110://0",
            "rfc2217://",
            "rfc2217://host",
            "rfc2217://host:99999",
            "rfc2217://host:1/path",
            "rfc2217://user@host:1",
            "socket://host:1?logging=debug",
            "RFC2217://host:1?logging=debug",
            "rfc2217://[::1",
            "rfc\t2217://host:1",
            " spy:///dev/ttyACM0?file=/tmp/written",
            "rfc2217://host:1?timeout=999999999",
            "rfc2217://host:1?timeout=nan",
        ],
    )
    def test_addresses_that_could_do_something_else_are_refused(self, url: str) -> None:
        assert failure_of(url).kind is Kind.DNS
        assert port_at(url).problem
        with pytest.raises(RuntimeFailure):
            check_port(url)

    def test_a_socket_is_a_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = open_port(f"socket://127.0.0.1:{server.getsockname()[1]}", 115200)
            peer, _ = server.accept()
            peer.sendall(b"hello")
            assert port.read(5) == b"hello"
            port.close()
            peer.close()

    def test_an_address_where_nothing_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            number = server.getsockname()[1]
        failure = failure_of(f"rfc2217://127.0.0.1:{number}")
        assert failure.kind is Kind.UNREACHABLE
        assert f"127.0.0.1:{number}" in failure.message

    def test_a_server_that_never_answers_is_given_up(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            failure = failure_of(f"rfc2217://127.0.0.1:{server.getsockname()[1]}?timeout=1")
        assert failure.kind is Kind.UNREACHABLE
        assert "that the server for the port runs there" in failure.hint

    def test_a_password_in_an_address_is_not_repeated(self) -> None:
        failure = failure_of("rfc2217://operator:secret@host:1")
        assert failure.kind is Kind.DNS
        assert "secret" not in failure.message + failure.hint + port_at("rfc2217://operator:secret@host:1").title

    def test_a_link_that_a_user_added_is_a_port(self, terminal: str, tmp_path: Path) -> None:
        link = tmp_path / "board"
        link.symlink_to(terminal)
        assert port_at(str(link)) == Port(str(link), str(link))
        assert check_port(str(link)) == str(link)
        link.unlink()
        assert "There is no port" in port_at(str(link)).problem


class TestHotplug:
    def test_changes_are_told_once_and_the_beginning_is_one(self) -> None:
        one, two = Port("/dev/ttyACM0", "Arduino Uno"), Port("/dev/ttyUSB0", "USB serial chip CH340")
        looks: Iterator[list[Port] | None] = iter([[one], [one], [one, two], None, [two]])
        told: list[list[Port]] = []
        done = threading.Event()

        def look() -> list[Port]:
            now = next(looks, [two])
            if now is None:
                raise OSError("a port went away while the list was read")
            return now

        def changed(now: list[Port]) -> None:
            told.append(now)
            if len(told) == 3:
                done.set()

        watch = PortWatch(changed, every=0.01, look=look)
        watch.start()
        assert done.wait(5)
        assert watch.ports == [two]
        watch.stop()
        assert told == [[one], [one, two], [two]]

    def test_ports_that_a_user_added_are_seen_as_they_come_and_go(self, terminal: str, tmp_path: Path) -> None:
        link = tmp_path / "board"
        seen: list[list[Port]] = []
        events = [threading.Event(), threading.Event()]

        def changed(now: list[Port]) -> None:
            seen.append(now)
            events[0 if now[0].problem else 1].set()

        watch = PortWatch(changed, also=lambda: [str(link)], every=0.01, look=list)
        watch.start()
        assert events[0].wait(5)
        link.symlink_to(terminal)
        assert events[1].wait(5)
        watch.stop()
        assert [bool(now[0].problem) for now in seen] == [True, False]

    def test_who_fails_to_take_a_change_is_told_the_next_one(self) -> None:
        looks = iter([[Port("/dev/ttyACM0", "one")], [Port("/dev/ttyACM1", "two")]])
        second = threading.Event()

        def changed(now: list[Port]) -> None:
            if now[0].title == "one":
                raise LookupError("no such view")
            second.set()

        watch = PortWatch(changed, every=0.01, look=lambda: next(looks, [Port("/dev/ttyACM1", "two")]))
        watch.start()
        assert second.wait(5)
        watch.stop()
