"""Making a hub: its folder, authorities, certificate, database, first tenant and owner.

Invariant: `hub.toml` is written last, so a hub is whole or is not there; made again after a failure, it keeps every key that exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

from rung.hub import server_certificate, settings
from rung.hub.authority import Authority
from rung.hub.key_files import make_folder, read_public
from rung.hub.records import User
from rung.hub.roles import Role
from rung.hub.settings import HubSettings
from rung.hub.store import Store
from rung.hub.store.names import checked_name
from rung.runtimes.errors import Kind, RuntimeFailure

TOKEN_LABEL = "rung hub init"  # noqa: S105 - a label that tells tokens apart


@dataclass(frozen=True, slots=True)
class NewHub:
    """What was made.

    Attributes:
        settings: of the hub.
        made: False when it was there already and nothing was changed.
        owner_token: the first owner's token, which nobody can show again; None when nothing was made.
    """

    settings: HubSettings
    made: bool
    owner_token: str | None = field(default=None, repr=False)


async def make_hub(folder: Path, table: Mapping[str, object], tenant: str, owner: str) -> NewHub:
    """Make a hub, or find that there is one.

    Args:
        folder: see `settings.hub_folder`.
        table: keys of hub.toml.
        tenant: the name of the first tenant.
        owner: the name of its owner.

    Raises:
        ValueError: a setting or a name is not as it should be; nothing was made.
        RuntimeFailure: a file or the database cannot be used; what was made so far is used when init is run again.
    """
    if (folder / settings.SETTINGS_FILE).exists():
        return NewHub(settings.load(folder), made=False)
    planned = settings.from_table(folder, table)
    checked_name("tenant", tenant)
    checked_name("user", owner)
    _check_own(planned)
    make_folder(folder)
    now = datetime.now(timezone.utc)
    authority = Authority.make(folder, now)
    if not planned.own_certificate:
        server_certificate.make(folder, planned.names, now)
        server_certificate.renew_if_due(planned, now)  # one of an earlier attempt may be for other names
    authority.server_context(planned)
    store = await Store.open(planned.database_url)
    try:
        user = await _owner(store, tenant, owner)
        await store.revoke_tokens(user)  # of an attempt that got this far; nobody has seen them
        token = await store.issue_token(user, TOKEN_LABEL, None)
    finally:
        await store.aclose()
    return NewHub(settings.save(folder, table), made=True, owner_token=token)


def _check_own(planned: HubSettings) -> None:
    """Whether the operator's own certificate can be used, before anything is made."""
    if planned.own_certificate:
        server_certificate.context(planned)
        if planned.server_authority is not None:
            read_public(planned.server_authority)


async def _owner(store: Store, tenant: str, owner: str) -> User:
    users: Sequence[User] = await store.users()
    if not users:
        return await store.add_user(tenant, owner, Role.OWNER)
    try:
        user = await store.find_user(tenant, owner)
    except RuntimeFailure as failure:
        if failure.kind is not Kind.DNS:
            raise
        user = None
    if user is None or user.role is not Role.OWNER or len(users) > 1:
        raise RuntimeFailure(
            Kind.INTERNAL,
            "The database has users of another hub already. Nothing in it was changed.",
            "Name another database, or copy the folder of the hub that it belongs to: its hub.toml and its keys.",
        )
    return user
