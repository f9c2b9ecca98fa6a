"""The REST users of a v3 (section 2.3): a store of their own, with a role that nobody asks for.

Invariant: without a good token nothing is told or changed but the creation of the first user and a login.
"""

from __future__ import annotations

from aiohttp import web

from rung.simulator.accounts import ORDINARY, Accounts, User
from rung.simulator.answers import Json, error_page, json_answer, message_answer
from rung.simulator.device import Refusal, json_object
from rung.simulator.tokens import Denied, Session, Tokens

_WRONG = "Wrong username or password"


class AccountRoutes:
    """The routes of users, and who may use the others."""

    def __init__(self, accounts: Accounts, tokens: Tokens) -> None:
        self._accounts = accounts
        self._tokens = tokens

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the routes."""
        router.add_get("/api/get-users-info", self._users_info)
        router.add_get("/api/get-user-info/{user_id:[0-9]+}", self._user_info)
        router.add_post("/api/create-user", self._create)
        router.add_post("/api/login", self._login)
        router.add_post("/api/logout", self._logout)
        router.add_put("/api/password-change/{user_id:[0-9]+}", self._change_password)
        router.add_delete("/api/delete-user/{user_id:[0-9]+}", self._delete)

    def authorise(self, request: web.Request) -> Session:
        """The session of a request.

        Raises:
            Refusal: with the recorded 401 or 422.
        """
        try:
            return self._tokens.session_from_header(request.headers.get("Authorization", ""))
        except Denied as denied:
            raise Refusal(message_answer(denied.reason, denied.status)) from None

    def _shown(self, user: User) -> Json:
        return {"id": user.id, "username": user.username, "role": user.role}

    async def _users_info(self, request: web.Request) -> web.Response:
        if not self._accounts.any():
            return message_answer("No users found", 404)
        try:
            self._tokens.session_from_header(request.headers.get("Authorization", ""))
        except Denied:
            return message_answer("Users found")
        return json_answer([self._shown(user) for user in self._accounts.all()])

    async def _user_info(self, request: web.Request) -> web.Response:
        self.authorise(request)
        return json_answer(self._shown(self._addressed(request)))

    async def _create(self, request: web.Request) -> web.Response:
        first = not self._accounts.any()
        try:
            self._tokens.session_from_header(request.headers.get("Authorization", ""))
        except Denied as denied:
            if not denied.missing:
                return message_answer(denied.reason, denied.status)
            if not first:
                return message_answer("User already created!", 401)
        content = await json_object(request)
        username, password, role = content.get("username"), content.get("password"), content.get("role", ORDINARY)
        if not isinstance(username, str) or not isinstance(password, str) or not username or not password:
            return message_answer("Missing username or password", 400)
        user = await self._accounts.create(username, password, str(role), as_first=first)
        if user is None:
            return message_answer("Username already exists", 409)
        return json_answer({"id": user.id, "msg": "User created"}, 201)

    async def _login(self, request: web.Request) -> web.Response:
        content = await json_object(request)
        username, password = content.get("username"), content.get("password")
        user = self._accounts.by_name(username) if isinstance(username, str) else None
        if user is None:
            return json_answer(_WRONG, 401)  # without hashing: the real one answers at once for a user it does not know
        if not isinstance(password, str):
            return error_page(500)
        if not await self._accounts.check(user, password):
            return json_answer(_WRONG, 401)
        return json_answer({"access_token": self._tokens.issue(user)})

    async def _logout(self, request: web.Request) -> web.Response:
        self._tokens.revoke(self.authorise(request))
        return message_answer("User logged out successfully")

    async def _change_password(self, request: web.Request) -> web.Response:
        self.authorise(request)
        content = await json_object(request)
        old, new = content.get("old_password"), content.get("new_password")
        if not isinstance(old, str) or not isinstance(new, str) or not old or not new:
            return message_answer("Both old and new passwords are required", 400)
        user = self._addressed(request)
        if not await self._accounts.check(user, old):
            return message_answer("Old password is incorrect", 403)
        await self._accounts.set_password(user, new)
        return message_answer(f"Password for user {user.username} updated successfully")

    async def _delete(self, request: web.Request) -> web.Response:
        session = self.authorise(request)
        user = self._addressed(request)
        self._accounts.delete(user)
        self._tokens.revoke(session)
        return message_answer(f"User {user.username} deleted successfully")

    def _addressed(self, request: web.Request) -> User:
        user = self._accounts.by_id(int(request.match_info["user_id"]))
        if user is None:
            raise Refusal(message_answer("User not found", 404))
        return user
