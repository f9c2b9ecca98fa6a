"""hub.toml: what it says when it says little, what it refuses, and what never stands in it."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path

import pytest

from rung.hub.key_files import make_folder
from rung.hub.settings import AGENT_IMAGE, from_table, holds_password, hub_folder, load, save
from rung.runtimes.errors import Kind, RuntimeFailure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_folder(tmp_path / "hub")
    return tmp_path / "hub"


def test_a_name_is_enough(folder: Path) -> None:
    settings = from_table(folder, {"names": ["Hub.Example."]})
    assert settings.names == ("hub.example",)
    assert settings.public_url == "https://hub.example:8444"
    assert settings.agents_address == "hub.example:3001"
    assert (settings.editors_listen, settings.agents_listen) == (("0.0.0.0", 8444), ("0.0.0.0", 3001))
    assert settings.database_url == f"sqlite:///{folder / 'hub.db'}"
    assert settings.redis_url is None
    assert settings.agent_transports == ("polling", "websocket")
    assert settings.trusted_proxies == ()
    assert settings.agent_image == AGENT_IMAGE
    assert settings.server_authority == folder / "server-ca.pem"


def test_an_ipv6_address_is_a_name_too(folder: Path) -> None:
    settings = from_table(
        folder, {"names": ["2001:DB8::1"], "editors_listen": "[::]:443", "agents_listen": "[::]:3001"}
    )
    assert settings.editors_listen == ("::", 443)
    assert settings.public_url == "https://[2001:db8::1]:443"
    assert settings.agents_address == "[2001:db8::1]:3001"


def test_what_is_saved_is_loaded(folder: Path) -> None:
    table = {
        "names": ["hub.example", "192.0.2.1"],
        "public_url": "https://hub.example:443/",
        "agents_address": "192.0.2.1:4001",
        "database": "postgresql+psycopg://rung@db/rung",
        "redis": "redis://cache:6379/0",
        "agent_transports": ["polling"],
        "trusted_proxies": ["10.0.0.0/8"],
        "agent_image": "registry.example/agent@sha256:" + "0" * 64,
    }
    settings = save(folder, table)
    assert load(folder) == settings
    assert settings.public_url == "https://hub.example:443"
    assert settings.agents_address == "192.0.2.1:4001"
    assert settings.trusted_proxies == (ipaddress.ip_network("10.0.0.0/8"),)
    assert (folder / "hub.toml").stat().st_mode & 0o777 == 0o600


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "no name": ({"names": []}, "at least one name"),
    "no list": ({"names": "hub"}, "'names' must be a list of texts"),
    "a name with a space": ({"names": ["my hub"]}, "neither a DNS name nor an IP address"),
    "a number that is no address": ({"names": ["192.0.2.300"]}, "neither a DNS name nor an IP address"),
    "a wildcard": ({"names": ["*.example"]}, "neither a DNS name nor an IP address"),
    "an unknown key": ({"names": ["hub"], "nmaes": 1}, "'nmaes' is unknown"),
    "no port": ({"names": ["hub"], "editors_listen": "0.0.0.0"}, "not ADDRESS:PORT"),
    "a port too high": ({"names": ["hub"], "agents_listen": "0.0.0.0:65536"}, "not ADDRESS:PORT"),
    "http": ({"names": ["hub"], "public_url": "http://hub:80"}, "must begin with https"),
    "an address that the certificate is not for": (
        {"names": ["hub"], "agents_address": "other:3001"},
        "must be one of",
    ),
    "websocket alone, which no agent reaches": (
        {"names": ["hub"], "agent_transports": ["websocket"]},
        "begins by polling",
    ),
    "another transport": ({"names": ["hub"], "agent_transports": ["polling", "x"]}, "begins by polling"),
    "a proxy by name": ({"names": ["hub"], "trusted_proxies": ["proxy"]}, "must hold networks"),
    "a certificate without its key": ({"names": ["hub"], "certificate": "/c"}, "go together"),
    "an authority without a certificate": ({"names": ["hub"], "authority": "/c"}, "goes with"),
    "an empty text": ({"names": ["hub"], "database": " "}, "'database' must be a text"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_sentence_says_what_is_wrong(case: str, folder: Path) -> None:
    table, sentence = WRONG[case]
    with pytest.raises(ValueError, match=sentence):
        save(folder, table)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["names = [", "names = 'x'", "\xff", "names = " + "[" * 5000])
def test_a_damaged_file_is_named(text: str, folder: Path) -> None:
    (folder / "hub.toml").write_bytes(text.encode("latin-1"))
    (folder / "hub.toml").chmod(0o600)
    with pytest.raises(RuntimeFailure, match=r"hub\.toml cannot be used.*vPLCs keep running"):
        load(folder)


def test_without_a_hub_it_is_said_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="There is no hub in") as failure:
        load(tmp_path)
    assert "rung hub init" in failure.value.hint


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX systems")
def test_settings_that_others_may_write_are_not_used(folder: Path) -> None:
    save(folder, {"names": ["hub"]})
    (folder / "hub.toml").chmod(0o622)
    with pytest.raises(RuntimeFailure, match="mode 0622") as failure:
        load(folder)
    assert failure.value.kind is Kind.CREDENTIALS


def test_secrets_come_by_the_environment_and_are_never_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_HUB_DATABASE", "postgresql+psycopg://rung:tree-frog@db/rung")
    monkeypatch.setenv("RUNG_HUB_REDIS", "redis://:tree-frog@cache")
    monkeypatch.setenv("RUNG_HUB_METRICS_TOKEN", "tree-frog")
    settings = save(folder, {"names": ["hub"], "database": "sqlite:////elsewhere.db"})
    assert settings.database_url.startswith("postgresql+psycopg://")
    assert settings.redis_url == "redis://:tree-frog@cache"
    assert settings.metrics_token == "tree-frog"
    assert "tree-frog" not in repr(settings)
    assert "tree-frog" not in (folder / "hub.toml").read_text()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://rung@db/rung", False),
        ("postgresql+psycopg://rung:x@db/rung", True),
        ("postgresql+psycopg://db/rung?password=x", True),
        ("redis://:x@cache:6379", True),
        ("redis://cache:6379/0", False),
        ("sqlite:////var/lib/hub.db", False),
    ],
)
def test_a_password_in_a_url_is_seen(url: str, expected: bool) -> None:
    assert holds_password(url) is expected


@pytest.mark.parametrize("name", ["a%41", "a?b"])
def test_a_folder_that_would_lead_the_database_astray_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not hold '%' or '\\?'"):
        from_table(tmp_path / name, {"names": ["hub"]})


def test_where_the_hub_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNG_HUB_DIR", str(tmp_path / "by-environment"))
    assert hub_folder(str(tmp_path / "chosen")) == tmp_path / "chosen"
    assert hub_folder() == tmp_path / "by-environment"
    monkeypatch.delenv("RUNG_HUB_DIR")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert hub_folder().name == "hub"
    assert hub_folder().parent.name == "rung"
