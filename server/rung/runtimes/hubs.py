"""The hubs that a user has saved, and the tokens for them.

A hub's file entry holds no secret. Its token is in the system's keyring, in the environment of a CI job, or in memory only; it goes to that
hub alone, over TLS whose certificate an authority vouches for: the system's authorities, or the one that was saved with the hub.
"""

from __future__ import annotations

import os
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rung.runtimes.address import HUB_PORT, Address, is_name
from rung.runtimes.credentials import get_hub_token
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.private_file import config_dir, read_object, write_object

if TYPE_CHECKING:
    from rung.runtimes.hub_client import HubClient

TOKEN_VARIABLE = "RUNG_HUB_TOKEN"  # noqa: S105 - the name of a variable, not a token
"""For CI jobs, whose runner keeps the secret; used while exactly one hub is saved, so that it goes to no other."""

_TOKEN = re.compile(r"[!-~]{8,512}")
_LARGEST_CA = 200_000


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub as the user calls it.

    Attributes:
        name: what the user calls it.
        host, port: its listener for editors.
        ca: certificates of the authorities that alone vouch for it, PEM; None for the system's authorities.
        user: whose token is used.
    """

    name: str
    host: str
    port: int = HUB_PORT
    ca: str | None = None
    user: str | None = None

    @classmethod
    def parse(cls, name: str, url: str, ca: str | None = None, user: str | None = None) -> Hub:
        """Read what a user types.

        Args:
            name: what the hub is to be called.
            url: `https://host[:port]`, or without the scheme.
            ca: PEM text.
            user: whose token is used.

        Raises:
            ValueError: with a sentence that says what is wrong.
        """
        if not is_name(name):
            raise ValueError(
                f"{name[:70]!r} cannot be the name of a hub: it begins with a letter or a digit and has up to 63 letters, digits, spaces, "
                "and . _ -."
            )
        address = Address.parse(url, HUB_PORT)
        if address.scheme != "https":
            raise ValueError("A hub is reached at https://HOST:PORT; leave out anything else.")
        hub = cls(name, address.host, address.port, ca, user or None)
        if ca is not None:
            hub.context()
        return hub

    @property
    def address(self) -> Address:
        """The hub itself, for sentences."""
        return Address(self.host, self.port, "hub")

    @property
    def url(self) -> str:
        """Where its interface for editors is."""
        return f"https://{self.address.authority}"

    def context(self) -> ssl.SSLContext:
        """A TLS 1.2+ context that accepts this hub alone: its authority, and its host name.

        Raises:
            ValueError: the saved authority's certificate cannot be read.
        """
        if self.ca is None:
            made = ssl.create_default_context()
        else:
            try:
                if len(self.ca) > _LARGEST_CA or not self.ca.strip():
                    raise ValueError
                made = ssl.create_default_context(
                    cadata=self.ca
                )  # with it, unless empty, the system's authorities do not count
            except (ssl.SSLError, ValueError):
                raise ValueError(
                    f"The authority's certificate of the hub {self.name} is not one in PEM form (-----BEGIN CERTIFICATE-----)."
                ) from None
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        return made


class HubStore:
    """The saved hubs, one JSON file.

    Args:
        path: the file; by default `hubs.json` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_dir() / "hubs.json" if path is None else path

    def list(self) -> list[Hub]:
        """All hubs, by name.

        Raises:
            RuntimeFailure: the file cannot be read or is damaged.
        """
        return sorted(self._read().values(), key=lambda hub: hub.name.casefold())

    def get(self, name: str) -> Hub | None:
        """The hub of this name (upper and lower case do not matter), or None."""
        return self._read().get(name.strip().casefold())

    def at(self, host: str, port: int) -> Hub | None:
        """The hub at this place, or None."""
        return next((hub for hub in self.list() if (hub.host, hub.port) == (host, port)), None)

    def add(self, hub: Hub) -> None:
        """Save a hub; one of the same name is replaced.

        Raises:
            ValueError: another hub is saved for the same place.
            RuntimeFailure: the file cannot be written.
        """
        hubs = self._read()
        hubs[hub.name.casefold()] = hub
        same = [other.name for other in hubs.values() if (other.host, other.port) == (hub.host, hub.port)]
        if len(same) > 1:
            raise ValueError(
                f"{hub.url} is saved already, as the hub {next(name for name in same if name != hub.name)}."
            )
        self._write(hubs)

    def remove(self, name: str) -> bool:
        """Forget a hub; False when there was none."""
        hubs = self._read()
        if hubs.pop(name.strip().casefold(), None) is None:
            return False
        self._write(hubs)
        return True

    def _read(self) -> dict[str, Hub]:
        rows = read_object(self.path).get("hubs", {})
        hubs: dict[str, Hub] = {}
        try:
            if not isinstance(rows, dict):
                raise ValueError
            for name, row in rows.items():
                url, ca, user = (row.get(key) for key in ("url", "ca", "user"))
                if not isinstance(url, str) or not all(text is None or isinstance(text, str) for text in (ca, user)):
                    raise ValueError
                hubs[name.casefold()] = Hub.parse(name, url, ca, user)
        except (ValueError, AttributeError):
            raise RuntimeFailure(
                Kind.INTERNAL,
                f"{self.path} does not hold a list of hubs.",
                "Correct the file, or move it away and add the hubs again.",
            ) from None
        return hubs

    def _write(self, hubs: dict[str, Hub]) -> None:
        rows = {hub.name: {"url": hub.url, "ca": hub.ca, "user": hub.user} for hub in hubs.values()}
        write_object(self.path, {"version": 1, "hubs": rows})


class Hubs:
    """The saved hubs and this process's tokens for them.

    Args:
        store: the saved hubs; by default the user's own.
        system: whether tokens are looked for in the environment and the system's keyring, too, and not only in memory.
    """

    def __init__(self, store: HubStore | None = None, *, system: bool = True) -> None:
        self.store = store or HubStore()
        self._system = system
        self._tokens: dict[tuple[str, int], str] = {}

    def sign_in(self, hub: Hub, token: str) -> None:
        """Use this token from now on; it stays in memory.

        Raises:
            RuntimeFailure: `credentials` when it cannot be one.
        """
        self._tokens[hub.host, hub.port] = checked_token(token)

    def sign_out(self, hub: Hub) -> None:
        """Forget the token in memory."""
        self._tokens.pop((hub.host, hub.port), None)

    def token(self, hub: Hub) -> str | None:
        """The token for a hub: that of `sign_in`, else the environment's or the keyring's where these count; None when there is none.

        Raises:
            RuntimeFailure: `credentials` when what was found cannot be a token.
        """
        known = self._tokens.get((hub.host, hub.port))
        if known is not None or not self._system:
            return known
        given = os.environ.get(TOKEN_VARIABLE)
        if given and [(saved.host, saved.port) for saved in self.store.list()] == [(hub.host, hub.port)]:
            found: str | None = given
        else:
            try:
                found = get_hub_token(hub.url, hub.user)
            except RuntimeFailure:
                return None  # no keyring on this computer: who signs in is told so then
        if found:
            self.sign_in(hub, found)
        return self._tokens.get((hub.host, hub.port))

    def client(self, hub: Hub, timeout: float = 10.0) -> HubClient:
        """A client of a hub; the caller closes it. It always uses the latest token.

        Raises:
            RuntimeFailure: `credentials` when there is no token.
        """
        from rung.runtimes.hub_client import HubClient

        self.signed_in(hub)
        return HubClient(hub, lambda: self.signed_in(hub), timeout=timeout)

    def signed_in(self, hub: Hub) -> str:
        """The token for a hub.

        Raises:
            RuntimeFailure: `credentials` when there is none.
        """
        token = self.token(hub)
        if token is None:
            raise RuntimeFailure(
                Kind.CREDENTIALS,
                f"Nobody is signed in to the hub {hub.name} ({hub.address.authority}), so nothing was asked of it.",
                f"Sign in with the token that the hub's owner has given you: rung hub login {hub.name}, or in VS Code PLC: Sign In to Hub. "
                f"A CI job gives it in {TOKEN_VARIABLE}.",
            )
        return token

    def of(self, address: Address) -> Hub:
        """The saved hub through which an address is reached.

        Raises:
            RuntimeFailure: `untrusted` when none is saved, for then nobody has said which authority vouches for it.
        """
        hub = self.store.at(address.host, address.port)
        if hub is None:
            raise RuntimeFailure(
                Kind.UNTRUSTED,
                f"No hub is saved for {address.authority}, so nothing was sent there.",
                f"Add it: rung connection add NAME --hub https://{address.authority} [--ca FILE].",
            )
        return hub


def checked_token(token: str) -> str:
    """The token without the space around it.

    Raises:
        RuntimeFailure: `credentials` when it cannot be one. It is not repeated.
    """
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise RuntimeFailure(
            Kind.CREDENTIALS,
            "What was given is no token of a hub. Nothing was sent.",
            "Copy the whole token: one word that begins with rung_.",
        )
    return token
