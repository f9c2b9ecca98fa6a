"""Saved connections. A profile names a machine and a user, and never holds a secret."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.hubs import HubStore
from rung.runtimes.private_file import config_dir, read_object, write_object

_NAME = re.compile(r"[^\W_][\w .()-]{0,63}")


@dataclass(frozen=True, slots=True)
class Profile:
    """A machine as the user calls it.

    Attributes:
        name: what the user calls it.
        address: where it is.
        username: who logs in where nobody else is named.
        modbus_port: where the Modbus TCP server of an OpenPLC Runtime v3 is reached from here, if at another port than the machine
            itself says, as behind a port forwarding or in a container.
    """

    name: str
    address: Address
    username: str | None = None
    modbus_port: int | None = None


class ProfileStore:
    """The saved profiles, one JSON file.

    Args:
        path: the file; by default `connections.json` in the configuration folder.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = config_dir() / "connections.json" if path is None else path

    def list(self) -> list[Profile]:
        """All profiles, by name.

        Raises:
            RuntimeFailure: the file cannot be read or is damaged.
        """
        return sorted(self._read().values(), key=lambda profile: profile.name.casefold())

    def get(self, name: str) -> Profile | None:
        """The profile of this name (upper and lower case do not matter), or None."""
        return self._read().get(name.strip().casefold())

    def add(self, profile: Profile) -> None:
        """Save a profile; one of the same name is replaced.

        Raises:
            ValueError: the name or the Modbus port cannot be one.
            RuntimeFailure: the file cannot be written.
        """
        if not _NAME.fullmatch(profile.name):
            raise ValueError(
                f"{profile.name[:70]!r} cannot be the name of a connection: it begins with a letter or a digit and has up to "
                "64 letters, digits, spaces, and . - _ ( )."
            )
        if profile.modbus_port is not None and not _is_port(profile.modbus_port):
            raise ValueError(f"{profile.modbus_port} is no TCP port: ports are from 1 to 65535.")
        profiles = self._read()
        profiles[profile.name.casefold()] = profile
        self._write(profiles)

    def remove(self, name: str) -> bool:
        """Forget a profile; False when there was none."""
        profiles = self._read()
        if profiles.pop(name.strip().casefold(), None) is None:
            return False
        self._write(profiles)
        return True

    def _read(self) -> dict[str, Profile]:
        rows = read_object(self.path).get("connections", {})
        if not isinstance(rows, dict):
            raise self._damaged()
        profiles: dict[str, Profile] = {}
        for name, row in rows.items():
            if not isinstance(row, dict):
                raise self._damaged()
            address, username, modbus = row.get("address"), row.get("username"), row.get("modbus_port")
            if not isinstance(address, str) or not (username is None or isinstance(username, str)):
                raise self._damaged()
            if not (modbus is None or _is_port(modbus)):
                raise self._damaged()
            try:
                profiles[name.casefold()] = Profile(name, Address.parse(address), username, modbus)
            except ValueError:
                raise self._damaged() from None
        return profiles

    def _write(self, profiles: dict[str, Profile]) -> None:
        rows: dict[str, dict[str, object]] = {}
        for profile in profiles.values():
            rows[profile.name] = {"address": str(profile.address), "username": profile.username}
            if profile.modbus_port is not None:
                rows[profile.name]["modbus_port"] = profile.modbus_port
        write_object(self.path, {"version": 1, "connections": rows})

    def _damaged(self) -> RuntimeFailure:
        return RuntimeFailure(
            Kind.INTERNAL,
            f"{self.path} does not hold a list of connections.",
            "Correct the file, or move it away and add the connections again.",
        )


def _is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def resolve_target(text: str, store: ProfileStore, hubs: HubStore | None = None) -> Profile:
    """The machine that a user means: a saved name first, then a vPLC behind a saved hub, else an address.

    Args:
        text: what the user says. A vPLC is `HUB/ORCHESTRATOR/VPLC`, or `ORCHESTRATOR/VPLC` while exactly one hub is saved.
        store: the saved connections.
        hubs: the saved hubs; by default the user's own.

    Raises:
        ValueError: it is none of these.
        RuntimeFailure: the saved connections or hubs cannot be read.
    """
    saved = store.get(text)
    if saved is not None:
        return saved
    if "/" in text and "://" not in text:
        return _behind_a_hub(text, hubs or HubStore())
    try:
        address = Address.parse(text)
    except ValueError as error:
        raise ValueError(f"No connection of this name is saved, and it is no address. {error}") from None
    return Profile(str(address), address)


def _behind_a_hub(text: str, store: HubStore) -> Profile:
    names = [name.strip() for name in text.split("/")]
    hubs = store.list()
    if not hubs:
        raise ValueError("No hub is saved, so no vPLC can be found. `rung connection add NAME --hub URL` saves one.")
    if len(names) == 2 and len(hubs) == 1:
        hub, wanted = hubs[0], names
    elif len(names) == 3:
        found = store.get(names[0])
        if found is None:
            raise ValueError(f"No hub called {names[0][:63]!r} is saved. Saved: {', '.join(hub.name for hub in hubs)}.")
        hub, wanted = found, names[1:]
    else:
        written = "HUB/ORCHESTRATOR/VPLC" if len(hubs) > 1 else "ORCHESTRATOR/VPLC"
        raise ValueError(f"A vPLC is written {written}. Saved hubs: {', '.join(hub.name for hub in hubs)}.")
    address = hub.address.behind(*wanted)
    return Profile(f"{hub.name}/{address.path}", address)
