"""`hub.toml`: where a hub keeps its things, where it listens and by what names it is reached.

Invariant: settings that were read are valid, and an unknown key is an error. Passwords of PostgreSQL and Redis are not asked to be in it: they
may come by the environment.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import platformdirs

from rung.hub.key_files import read_private, write_private
from rung.hub.limits import Network
from rung.runtimes.errors import Kind, RuntimeFailure

SETTINGS_FILE: Final = "hub.toml"
EDITORS_PORT: Final = 8444
AGENTS_PORT: Final = 3001
TRANSPORTS: Final = ("polling", "websocket")
AGENT_IMAGE: Final = "ghcr.io/autonomy-logic/orchestrator-agent:latest"
NETMON_IMAGE: Final = "ghcr.io/autonomy-logic/autonomy-netmon:latest"
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_DNS_NAME: Final = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HubSettings:
    """One hub's settings.

    Attributes:
        folder: the hub's folder, mode 0700.
        names: DNS names and IP addresses that its certificate is for; the first one is what agents and editors are told.
        public_url: the editors' interface as seen from outside, `https://host:8444`.
        editors_listen: address and port of the editors' listener.
        agents_listen: address and port of the agents' listener.
        agents_address: the agents' listener as seen from outside, `host:3001`.
        database_url: SQLAlchemy's form; never shown, it may hold a password.
        redis_url: None for a hub of one process; never shown.
        agent_transports: what agents may use; always with polling, which the agent begins with.
        trusted_proxies: whose `X-Forwarded-For` is believed.
        proxy_protocol: proxies that pass TLS through and begin each connection with a header of the PROXY protocol, version 2.
        agent_image: the container image of the agent, as `install.sh` names it.
        netmon_image: the container image of the agent's network monitor.
        certificate: the server's certificate with its chain.
        key: the server's key.
        server_authority: the certificate that agents and editors verify the server by; None when the public authorities do.
        own_certificate: the operator brought certificate and key; they are never renewed or written here.
        metrics_token: what reads /metrics from elsewhere than this computer; from the environment only.
    """

    folder: Path
    names: tuple[str, ...]
    public_url: str
    editors_listen: tuple[str, int]
    agents_listen: tuple[str, int]
    agents_address: str
    database_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    agent_transports: tuple[str, ...]
    trusted_proxies: tuple[Network, ...]
    proxy_protocol: tuple[Network, ...]
    agent_image: str
    netmon_image: str
    certificate: Path
    key: Path
    server_authority: Path | None
    own_certificate: bool = False
    metrics_token: str | None = field(default=None, repr=False)


def hub_folder(chosen: str | None = None) -> Path:
    """The hub's folder: what was chosen, else RUNG_HUB_DIR, else the system's usual place for data."""
    said = chosen or os.environ.get("RUNG_HUB_DIR")
    return Path(said).absolute() if said else Path(platformdirs.user_data_dir("rung", appauthor=False)) / "hub"


def load(folder: Path) -> HubSettings:
    """Read a hub's settings.

    Args:
        folder: see `hub_folder`.

    Raises:
        RuntimeFailure: there is no hub, hub.toml is readable by others, or it is not as it should be; the text names the key.
    """
    path = folder / SETTINGS_FILE
    if not path.exists():
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"There is no hub in {folder}.",
            "`rung hub init --name HOST` makes one; --data or RUNG_HUB_DIR names another folder.",
        )
    content = read_private(path)
    try:
        return from_table(folder, _parsed(content.decode("utf-8")))
    except ValueError as error:
        raise RuntimeFailure(
            Kind.INTERNAL,
            f"{path} cannot be used: {error} The hub does not start; vPLCs keep running.",
            "Correct the file and start the hub again.",
        ) from None


def save(folder: Path, table: Mapping[str, object]) -> HubSettings:
    """Write hub.toml, with the words that explain it.

    Args:
        table: values of the keys, as in the file; what is left out has its default.

    Raises:
        ValueError: a value is not as it should be.
        RuntimeFailure: the file cannot be written.
    """
    settings = from_table(folder, table)
    lines = [
        "# Settings of this hub; start `rung hub serve` anew after a change.",
        "# Give database and Redis URLs that hold a password by the environment: RUNG_HUB_DATABASE, RUNG_HUB_REDIS.",
    ]
    for key, meaning in _KEYS.items():
        if key in table:
            lines += ["", f"# {meaning}", f"{key} = {json.dumps(table[key], ensure_ascii=False)}"]
    write_private(folder / SETTINGS_FILE, ("\n".join(lines) + "\n").encode())
    return settings


_KEYS: Final[Mapping[str, str]] = {
    "names": "DNS names and IP addresses of this hub; the first one is told to agents and editors.",
    "public_url": "The editors' interface as seen from outside.",
    "agents_address": "The agents' listener as seen from outside.",
    "editors_listen": "Where the editors' interface listens.",
    "agents_listen": "Where the agents' listener listens.",
    "database": "SQLite in this folder, or postgresql+psycopg://USER@HOST/DATABASE.",
    "redis": "What several processes of one hub find each other by.",
    "agent_transports": "Without websocket every agent polls: slower, but programs of more than 3.5 MiB pass.",
    "trusted_proxies": "Networks of reverse proxies whose X-Forwarded-For is believed.",
    "proxy_protocol": "Networks of proxies that pass TLS through; their connections must begin with a PROXY protocol header, version 2.",
    "agent_image": "What install.sh starts; name a version or digest here to hold all devices at it.",
    "netmon_image": "What install.sh starts beside it.",
    "certificate": "The operator's own certificate, with its chain; the hub does not renew it.",
    "key": "Its key.",
    "authority": "The authority that has issued it, when it is not a public one.",
}


def from_table(folder: Path, table: Mapping[str, object]) -> HubSettings:
    """Check what hub.toml says.

    Raises:
        ValueError: with a sentence.
    """
    for key in table:
        if key not in _KEYS:
            raise ValueError(f"the key {key[:40]!r} is unknown. Known: {', '.join(_KEYS)}.")
    names = tuple(host_name(name) for name in _texts(table, "names", ()))
    if not names:
        raise ValueError("'names' must have at least one name or address.")
    editors = listener(_text(table, "editors_listen") or f"0.0.0.0:{EDITORS_PORT}")
    agents = listener(_text(table, "agents_listen") or f"0.0.0.0:{AGENTS_PORT}")
    transports = _texts(table, "agent_transports", TRANSPORTS)
    if "polling" not in transports or not set(transports) <= set(TRANSPORTS):
        raise ValueError(
            '\'agent_transports\' must be ["polling", "websocket"] or ["polling"]: every agent begins by polling.'
        )
    certificate, private_key = _text(table, "certificate"), _text(table, "key")
    if (certificate is None) != (private_key is None):
        raise ValueError("'certificate' and 'key' go together.")
    authority = _text(table, "authority")
    if authority is not None and certificate is None:
        raise ValueError("'authority' goes with 'certificate' and 'key'.")
    public_url = _public_url(_text(table, "public_url") or f"https://{in_url(names[0])}:{editors[1]}")
    agents_address = _agents_address(_text(table, "agents_address") or f"{in_url(names[0])}:{agents[1]}")
    for told in (public_url.removeprefix("https://"), agents_address):
        if certificate is None and listener(told)[0] not in names:
            raise ValueError(
                f"{listener(told)[0]!r} must be one of 'names', or nobody can verify the hub's certificate."
            )
    return HubSettings(
        folder=folder,
        names=names,
        public_url=public_url,
        editors_listen=editors,
        agents_listen=agents,
        agents_address=agents_address,
        database_url=os.environ.get("RUNG_HUB_DATABASE") or _text(table, "database") or _own_database(folder),
        redis_url=os.environ.get("RUNG_HUB_REDIS") or _text(table, "redis"),
        agent_transports=transports,
        trusted_proxies=tuple(_network("trusted_proxies", text) for text in _texts(table, "trusted_proxies", ())),
        proxy_protocol=tuple(_network("proxy_protocol", text) for text in _texts(table, "proxy_protocol", ())),
        agent_image=_image(_text(table, "agent_image") or AGENT_IMAGE),
        netmon_image=_image(_text(table, "netmon_image") or NETMON_IMAGE),
        certificate=Path(certificate) if certificate else folder / "server.pem",
        key=Path(private_key) if private_key else folder / "server.key",
        server_authority=(Path(authority) if authority else None) if certificate else folder / "server-ca.pem",
        own_certificate=certificate is not None,
        metrics_token=os.environ.get("RUNG_HUB_METRICS_TOKEN") or None,
    )


def host_name(text: str) -> str:
    """A DNS name in small letters or an IP address in its usual form.

    Raises:
        ValueError: it is neither.
    """
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    name = text.lower().rstrip(".")
    if not _DNS_NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise ValueError(f"{text[:80]!r} is neither a DNS name nor an IP address.")
    return name


def in_url(name: str) -> str:
    """A name as it stands in front of `:port`."""
    return f"[{name}]" if ":" in name else name


def listener(text: str) -> tuple[str, int]:
    """Address and port to listen at.

    Raises:
        ValueError: it is not `ADDRESS:PORT`.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text[:80]!r} is not ADDRESS:PORT.")
    return host_name(host), int(port)


def holds_password(url: str) -> bool:
    """Whether a database's or Redis's URL has a password in it, which must not stand in a command line or a file."""
    return bool(urlsplit(url).password) or "password=" in url


def _parsed(text: str) -> dict[str, object]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return dict(tomllib.loads(text))
    except RecursionError:
        raise ValueError("it nests without end.") from None


def _text(table: Mapping[str, object], key: str) -> str | None:
    value = table.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key!r} must be a text.")
    return value


def _texts(table: Mapping[str, object], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = table.get(key, list(default))
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key!r} must be a list of texts.")
    return tuple(value)


def _own_database(folder: Path) -> str:
    # In a URL these mean something else, and how they are written otherwise depends on the library's version.
    if "%" in str(folder) or "?" in str(folder):
        raise ValueError(f"the database cannot be in {folder}: its path must not hold '%' or '?'.")
    return f"sqlite:///{folder / 'hub.db'}"


def _public_url(text: str) -> str:
    if not text.startswith("https://"):
        raise ValueError(f"'public_url' must begin with https://, unlike {text[:80]!r}.")
    host, port = listener(text.removeprefix("https://").rstrip("/"))
    return f"https://{in_url(host)}:{port}"


def _agents_address(text: str) -> str:
    host, port = listener(text)
    return f"{in_url(host)}:{port}"


def _network(key: str, text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f"'{key}' must hold networks such as 10.0.0.5/32, not {text[:80]!r}.") from None


def _image(text: str) -> str:
    if not _IMAGE.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no name of a container image.")
    return text
