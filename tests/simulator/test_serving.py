"""`rung simulate` in the foreground: what it says, how it ends, and what it says when it cannot begin."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from rung.simulator import Simulator, serve
from rung.simulator.certificate import Certificate
from rung.simulator.server import AddressError
from rung.simulator.serving import WrongUsage, parse_listen
from rung.simulator.storage import DataFolderError

RUN = "import sys; from pathlib import Path; from rung.simulator import serve; sys.exit(serve(sys.argv[1], Path(sys.argv[2])))"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8443", "127.0.0.1", 8443),
        ("0.0.0.0:1", "0.0.0.0", 1),
        ("9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("", "127.0.0.1", 8443),
        ("localhost", "localhost", 8443),
        ("[::1]:9000", "::1", 9000),
        ("[::1]", "::1", 8443),
        ("::1", "::1", 8443),
    ],
)
def test_listen_addresses(text: str, host: str, port: int) -> None:
    assert parse_listen(text) == (host, port)


@pytest.mark.parametrize(
    "text", ["foo", "no.such.host.invalid:8443", "host:port", "h:65536", "h:-1", "[::1", "[::1]x", "[::1]:x"]
)
def test_what_is_no_address_is_wrong_usage(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(WrongUsage):
        parse_listen(text)
    assert serve(text, None) == 2
    assert "is not an address to listen on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("generation", "version", "complaint"),
    [
        ("v4.1", "v5", "'v5' is not a version of OpenPLC Runtime v4"),
        ("v4.1", "v4.7.0", "is not known to the simulator"),
        ("v4.1", "v4", "use --as v4.0"),
        ("v4.0", "v4.2.3", "it goes with --as v4.1 only"),
        ("v3", "v4.2.3", "it goes with --as v4.1 only"),
    ],
)
def test_a_version_that_cannot_be_played_is_wrong_usage(
    generation: str, version: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert serve("127.0.0.1:0", tmp_path, generation=generation, version=version) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "name"), [(["--as", "v4.0"], "v4.0"), (["--runtime-version", "v4.2.3"], "v4.2"), (["--as", "v3"], "v3")]
)
def test_the_command_line_chooses_the_generation(words: list[str], name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rung", "simulate", "--listen", "127.0.0.1:0", "--data", str(tmp_path), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().endswith(f"(OpenPLC Runtime {name} protocol)\n")
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_tells_where_it_listens_and_stops_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, "127.0.0.1:0", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout as out:
        try:
            listening = re.fullmatch(r"Listening on https://127\.0\.0\.1:(\d+) .*\n", out.readline())
            assert listening
            assert out.readline() == f"Certificate SHA-256 {Certificate(tmp_path).fingerprint()}\n"
            assert out.readline().startswith(f"Data folder {tmp_path}")
            context = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
            raw = socket.create_connection(("127.0.0.1", int(listening[1])))
            with context.wrap_socket(raw, server_hostname="localhost") as secured:
                assert secured.version() in ("TLSv1.2", "TLSv1.3")
            process.send_signal(number)
            assert out.readline() == "Stopped.\n"
            assert process.wait(10) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_a_taken_port_is_one_clear_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert serve(f"127.0.0.1:{port}", tmp_path) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"The simulator cannot listen on 127.0.0.1:{port} (")
    assert error.count("\n") == 1


async def test_an_address_of_another_computer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match=r"cannot listen on 192\.0\.2\.1"):
        await Simulator(tmp_path, "192.0.2.1", 0).start()


async def test_a_data_folder_has_one_simulator(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(DataFolderError, match="Another simulator is using"):
        await Simulator(tmp_path / "device", port=0).start()


async def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderError, match="cannot be written"):
        await Simulator(tmp_path / "file" / "device", port=0).start()


def test_the_certificate_is_that_of_every_device_and_stays(tmp_path: Path) -> None:
    first = Certificate(tmp_path).fingerprint()
    assert Certificate(tmp_path).fingerprint() == first
    certificate = x509.load_pem_x509_certificate((tmp_path / "certificate.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == certificate.issuer.rfc4514_string() == "CN=localhost"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600


def test_a_broken_certificate_is_told_not_replaced(tmp_path: Path) -> None:
    Certificate(tmp_path)
    (tmp_path / "key.pem").write_text("garbage")
    with pytest.raises(DataFolderError, match="are not a certificate and its key"):
        Certificate(tmp_path).server_context()


def test_the_import_costs_nothing() -> None:
    code = (
        "import sys, rung.simulator; print(sorted({'aiohttp', 'socketio', 'cryptography', 'jwt'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_full_disk_is_one_clear_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataFolderError, match=r"cannot be used \(No space left on device\)"):
        asyncio.run(Simulator(tmp_path, port=0).start())
    monkeypatch.undo()
    asyncio.run(_start_and_stop(tmp_path))


async def _start_and_stop(folder: Path) -> None:
    simulator = Simulator(folder, port=0, discovery_port=0)
    await simulator.start()
    await simulator.stop()
