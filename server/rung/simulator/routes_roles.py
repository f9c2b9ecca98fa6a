"""Routes of accounts where roles mean something: Runtime v4.1.9 and newer (protocol section 6).

Administrators manage every account, others only their own. There is always an administrator.
"""

from __future__ import annotations

from aiohttp import web

from rung.simulator.accounts import ADMINISTRATOR, ORDINARY, ROLES, User
from rung.simulator.answers import Json, error_page, json_answer, message_answer
from rung.simulator.device import Device, Refusal, authorised, json_object
from rung.simulator.routes_accounts import AccountRoutes, public
from rung.simulator.tokens import Session

_NOT_ADMINISTRATOR = "Admin privileges required"
_BAD_ROLE = f"Invalid role. Must be one of: {', '.join(ROLES)}"


def add_routes(router: web.UrlDispatcher, device: Device) -> None:
    """Add the account routes of `device`."""
    routes = _RoleRoutes(device)
    routes.add_common(router)
    router.add_get("/api/whoami", routes.whoami)
    router.add_put(r"/api/update-user/{id:\d{1,18}}", routes.update)


def administrator(device: Device, request: web.Request) -> Session:
    """The session of a request that only an administrator may make.

    Raises:
        Refusal: 401 or 422 for the token, 403 for the role.
    """
    session = authorised(device, request)
    if session.user.role != ADMINISTRATOR:
        raise Refusal(message_answer(_NOT_ADMINISTRATOR, 403))
    return session


class _RoleRoutes(AccountRoutes):
    _asked_for_more = "Authentication required"

    def _role(self, request: web.Request, body: dict[str, Json], *, first: bool) -> str:
        if first:
            return ADMINISTRATOR
        administrator(self._device, request)
        role = body.get("role", ORDINARY)
        if role not in ROLES:
            raise Refusal(message_answer(_BAD_ROLE, 400))
        return str(role)

    def _created(self, user: User) -> web.Response:
        return json_answer({"id": user.id, "msg": "User created", "role": user.role}, 201)

    async def delete(self, request: web.Request) -> web.Response:
        session = authorised(self._device, request)
        user = self._named_user(request)
        administrator(self._device, request)
        if user is session.user:
            return message_answer("You cannot delete your own account", 403)
        self._accounts.delete(user)
        return message_answer(f"User {user.username} deleted successfully")

    async def whoami(self, request: web.Request) -> web.Response:
        return json_answer(public(authorised(self._device, request).user, with_role=True))

    async def update(self, request: web.Request) -> web.Response:
        session = authorised(self._device, request)
        body = await json_object(request)
        user = self._named_user(request)
        if session.user.role != ADMINISTRATOR and user is not session.user:
            return message_answer("You can only edit your own account", 403)
        username, password, role = (body.get(name) for name in ("username", "password", "role"))
        if username is None and password is None and role is None:
            return message_answer("No fields to update", 400)
        if any(value is not None and not isinstance(value, str) for value in (username, password)):
            return error_page(500)
        self._check_role(session, user, role)
        username = self._check_name(user, username)
        if password is not None:
            await self._check_password(session, user, password, body.get("current_password"))
        self._accounts.change(user, username=username, role=None if role is None else str(role))
        if password is not None:
            await self._accounts.set_password(user, str(password))
            if user is session.user:
                self._device.tokens.revoke(session)
        return json_answer({"msg": "User updated successfully", "user": public(user, with_role=True)})

    def _check_role(self, session: Session, user: User, role: Json) -> None:
        if role is None:
            return
        if session.user.role != ADMINISTRATOR:
            raise Refusal(message_answer("Only an admin can change roles", 403))
        if role not in ROLES:
            raise Refusal(message_answer(_BAD_ROLE, 400))
        if role != ADMINISTRATOR and self._accounts.last_administrator(user):
            raise Refusal(message_answer("Cannot demote the last remaining admin", 409))

    def _check_name(self, user: User, username: Json) -> str | None:
        if username is None:
            return None
        name = str(username).strip()
        if not name:
            raise Refusal(message_answer("Username cannot be empty", 400))
        if self._accounts.by_name(name) not in (None, user):
            raise Refusal(message_answer("Username already exists", 409))
        return name

    async def _check_password(self, session: Session, user: User, password: Json, current: Json) -> None:
        if not password:
            raise Refusal(message_answer("Password cannot be empty", 400))
        if user is not session.user:
            return
        if not current:
            raise Refusal(message_answer("Current password is required", 400))
        if not isinstance(current, str):
            raise Refusal(error_page(500))
        if not await self._accounts.check(user, current):
            raise Refusal(message_answer("Current password is incorrect", 403))
