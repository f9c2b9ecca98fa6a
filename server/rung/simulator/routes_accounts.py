"""Routes of accounts and sessions (protocol section 1.3).

The first user is created by whoever asks first; after that every account, but for login, needs a token.
"""

from __future__ import annotations

from aiohttp import web

from rung.simulator.accounts import ADMINISTRATOR, ORDINARY, User
from rung.simulator.answers import Json, error_page, json_answer, message_answer
from rung.simulator.device import Device, Refusal, authorised, json_object
from rung.simulator.tokens import Denied


def add_routes(router: web.UrlDispatcher, device: Device) -> None:
    """Add the account routes of `device`."""
    routes = AccountRoutes(device)
    routes.add_common(router)
    router.add_put(r"/api/password-change/{id:\d{1,18}}", routes.change_password)


class AccountRoutes:
    """The routes of a runtime on which every account may do everything."""

    _asked_for_more = "User already created!"

    def __init__(self, device: Device) -> None:
        """Routes of `device`."""
        self._device = device
        self._accounts = device.accounts

    def add_common(self, router: web.UrlDispatcher) -> None:
        """Add the routes that every Runtime v4 has."""
        router.add_get("/api/get-users-info", self.list_users)
        router.add_post("/api/create-user", self.create)
        router.add_post("/api/login", self.login)
        router.add_post("/api/logout", self.logout)
        router.add_get(r"/api/get-user-info/{id:\d{1,18}}", self.show)
        router.add_delete(r"/api/delete-user/{id:\d{1,18}}", self.delete)

    async def list_users(self, request: web.Request) -> web.Response:
        try:
            authorised(self._device, request)
        except Refusal:  # a bad token is treated as none
            if self._accounts.any():
                return message_answer("Users found")
            return message_answer("No users found", 404)
        return json_answer([self._public(user) for user in self._accounts.all()])

    async def create(self, request: web.Request) -> web.Response:
        self._may_create(request)
        body = await json_object(request)
        first = not self._accounts.any()
        role = self._role(request, body, first=first)
        username, password = body.get("username"), body.get("password")
        if not username or not password:
            return message_answer("Missing username or password", 400)
        if not isinstance(username, str) or not isinstance(password, str):
            return error_page(500)
        if self._accounts.by_name(username) is not None:
            return message_answer("Username already exists", 409)
        user = await self._accounts.create(username, password, role, as_first=first)
        if user is None:
            self._may_create(request)  # somebody else was first meanwhile: without a token that is the answer
            return message_answer("Username already exists", 409)
        return self._created(user)

    def _may_create(self, request: web.Request) -> None:
        if not self._accounts.any():
            return
        try:
            self._device.tokens.session_from_header(request.headers.get("Authorization", ""))
        except Denied as denied:
            if denied.missing:
                raise Refusal(message_answer(self._asked_for_more, 401)) from None
            raise Refusal(message_answer(denied.reason, denied.status)) from None

    def _role(self, request: web.Request, body: dict[str, Json], *, first: bool) -> str:
        """The role of an account that is to be created: what was sent is kept unread."""
        role = body.get("role", ORDINARY)
        if not isinstance(role, str):
            raise Refusal(error_page(500))
        return role if self._device.personality.shows_roles else ADMINISTRATOR

    def _created(self, user: User) -> web.Response:
        return json_answer({"id": user.id, "msg": "User created"}, 201)

    def _public(self, user: User) -> dict[str, Json]:
        return public(user, with_role=self._device.personality.shows_roles)

    async def login(self, request: web.Request) -> web.Response:
        body = await json_object(request)
        username, password = body.get("username"), body.get("password")
        user = self._accounts.by_name(username) if isinstance(username, str) else None
        if user is not None and not isinstance(password, str):
            return error_page(500)
        if not await self._accounts.check(user, password if isinstance(password, str) else ""):
            return json_answer("Wrong username or password", 401)
        assert user is not None
        return json_answer({"access_token": self._device.tokens.issue(user)})

    async def logout(self, request: web.Request) -> web.Response:
        self._device.tokens.revoke(authorised(self._device, request))
        return message_answer("User logged out successfully")

    async def show(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        return json_answer(self._public(self._named_user(request)))

    async def change_password(self, request: web.Request) -> web.Response:
        authorised(self._device, request)
        body = await json_object(request)
        old, new = body.get("old_password"), body.get("new_password")
        if not old or not new:
            return message_answer("Both old and new passwords are required", 400)
        user = self._named_user(request)
        if not isinstance(old, str) or not isinstance(new, str):
            return error_page(500)
        if not await self._accounts.check(user, old):
            return message_answer("Old password is incorrect", 403)
        await self._accounts.set_password(user, new)
        return message_answer(f"Password for user {user.username} updated successfully")

    async def delete(self, request: web.Request) -> web.Response:
        session = authorised(self._device, request)
        user = self._named_user(request)
        self._accounts.delete(user)
        self._device.tokens.revoke(session)  # the caller's, even when another account is deleted, as recorded
        return message_answer(f"User {user.username} deleted successfully")

    def _named_user(self, request: web.Request) -> User:
        user = self._accounts.by_id(int(request.match_info["id"]))
        if user is None:
            raise Refusal(message_answer("User not found", 404))
        return user


def public(user: User, *, with_role: bool) -> dict[str, Json]:
    """What a runtime tells of an account."""
    return {"id": user.id, "username": user.username, **({"role": user.role} if with_role else {})}
