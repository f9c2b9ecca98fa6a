"""Where a machine is reached. An `Address` is always valid and has exactly one spelling, because pins are kept per address."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

DEFAULT_PORT = 8443
"""The port of the REST interface of OpenPLC Runtime v3 and v4 (runtime protocol, section 1)."""
WEB_PORT = 8080
"""The port of the web pages of OpenPLC Runtime v3, which are plain HTTP."""
HUB_PORT = 8444
"""The port of a hub for editors."""

_LONGEST_HOST = 253
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_ZONE = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_NAME = re.compile(r"[^\W_][\w .-]{0,62}")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """A host, a TCP port and how to speak there.

    `host` is lower case; an IPv6 host carries no brackets and may end in `%zone`. `scheme` is `https`, or `http` for the web pages
    of OpenPLC Runtime v3, whose passwords and programs everybody in the network can read, or `hub` for a machine behind a hub: then
    `path` is `ORCHESTRATOR/VPLC`, the names as users see them, or empty for the hub itself.
    """

    host: str
    port: int
    scheme: str = "https"
    path: str = ""

    @classmethod
    def parse(cls, text: str, default_port: int = DEFAULT_PORT) -> Address:
        """Read what a user types.

        Args:
            text: `host`, `host:port`, an IPv6 address bare or as `[address]:port`, an `https://` or `http://` URL without a path, or
                `hub://HOST/ORCHESTRATOR/VPLC`.
            default_port: the port when none is written; with `http://` it is always 8080, with `hub://` 8444.

        Raises:
            ValueError: with a sentence that says what is wrong. It repeats nothing of a user name or password.
        """
        stripped = text.strip()
        if not stripped:
            raise ValueError("The address is empty. Write a host name or an IP address, for example 192.168.0.10:8443.")
        if "@" in stripped:
            raise ValueError("An address must not hold a user name or a password. Write only the host and the port.")
        scheme, path = "https", ""
        if "://" in stripped:
            scheme, stripped, path = _authority(stripped)
        host, port_text = _split(stripped)
        usual = {"https": default_port, "http": WEB_PORT, "hub": HUB_PORT}[scheme]
        return cls(_host(host), usual if port_text is None else _port(port_text), scheme, path)

    def behind(self, orchestrator: str, vplc: str) -> Address:
        """A vPLC of the hub at this address.

        Raises:
            ValueError: one of the names cannot be one.
        """
        for name in (orchestrator, vplc):
            if not is_name(name):
                raise ValueError(f"{_shown(name)} cannot be the name of an orchestrator or a vPLC.")
        return Address(self.host, self.port, "hub", f"{orchestrator}/{vplc}")

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent there is encrypted; only then there is a certificate that can be trusted."""
        return self.scheme != "http"

    @property
    def through_hub(self) -> bool:
        """Whether it is reached through a hub, whose certificate an authority vouches for, so that nothing is pinned."""
        return self.scheme == "hub"

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address (a host name never holds a colon)."""
        return ":" in self.host

    @property
    def authority(self) -> str:
        """`host:port` as it stands in a URL and a Host header: without the zone, which means something on this computer only."""
        host = self.host.partition("%")[0]
        return f"[{host}]:{self.port}" if self.is_ipv6 else f"{host}:{self.port}"

    def __str__(self) -> str:
        place = f"[{self.host}]:{self.port}" if self.is_ipv6 else f"{self.host}:{self.port}"
        if self.through_hub:
            return f"hub://{place}/{quote(self.path)}" if self.path else f"hub://{place}"
        return place if self.is_encrypted else f"{self.scheme}://{place}"


def is_name(text: str) -> bool:
    """Whether something behind a hub can be called so: up to 63 letters, digits, spaces, and . _ -, a letter or digit first."""
    return _NAME.fullmatch(text) is not None and text == text.rstrip()


def _authority(url: str) -> tuple[str, str, str]:
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https", "hub"):
        raise ValueError(
            f"The scheme {_shown(scheme)} is not known. Leave it out, or write http:// for the web pages of OpenPLC Runtime v3."
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"{_shown(url)} is not a valid URL.") from None
    if scheme == "hub" and not parts.query and not parts.fragment:
        names = [unquote(part) for part in parts.path.strip("/").split("/")]
        if len(names) != 2 or not all(map(is_name, names)):
            raise ValueError(
                "A machine behind a hub is written hub://HOST/ORCHESTRATOR/VPLC, with the names as the hub shows them."
            )
        return scheme, parts.netloc, "/".join(names)
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("The address must end after the host and the port: leave out the path behind them.")
    return scheme, parts.netloc, ""


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise ValueError(
                f"{_shown(text)} is not an address. An IPv6 address with a port is written [fe80::1]:8443."
            )
        return host, rest[1:] if rest else None
    if text.count(":") > 1:
        return text, None
    host, colon, port = text.partition(":")
    return host, port if colon else None


def _host(text: str) -> str:
    if ":" in text:
        return _ipv6(text)
    try:
        host = text.rstrip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{_shown(text)} is not a host name or an IP address.") from None
    if re.fullmatch(r"[0-9.]+", host):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise ValueError(f"{_shown(text)} is not an IP address: four numbers from 0 to 255 are needed.") from None
    if not host or len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise ValueError(f"{_shown(text)} is not a host name or an IP address.")
    return host


def _ipv6(text: str) -> str:
    address, percent, zone = text.partition("%")
    try:
        host = ipaddress.IPv6Address(address).compressed
    except ValueError:
        raise ValueError(f"{_shown(text)} is not an IPv6 address. With a port it is written [fe80::1]:8443.") from None
    if percent and not _ZONE.fullmatch(zone):
        raise ValueError(f"{_shown(zone)} is not a network zone. Write the interface's name, for example fe80::1%eth0.")
    return host + percent + zone


def _port(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535:
        return int(text)
    raise ValueError(f"The port {_shown(text)} is not a number from 1 to 65535.")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
