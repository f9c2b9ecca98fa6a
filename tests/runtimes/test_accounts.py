"""The users of a machine: what is asked of v3 and of v4 with and without roles, and what must never be done."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Awaitable

import pytest
from aiohttp import web

from rung.runtimes.accounts import Accounts, check_deletion, check_role, create_first_user
from rung.runtimes.capabilities import Line, of_line
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.machine import User
from rung.runtimes.v4_session import Session
from rung.runtimes.way import Direct
from runtimes.scripted_device import PASSWORD, QUICK, Identity
from runtimes.scripted_v3 import ScriptedV3

CHIEF = User(1, "admin", "admin")
FITTER = User(2, "fitter", "user")
GUEST = User(3, "guest", "admin")
PLAIN = User(4, "dora")


# -- the guards ------------------------------------------------------------------------------------------------------


def test_the_own_user_is_not_deleted() -> None:
    with pytest.raises(RuntimeFailure, match="logged in as"):
        check_deletion([CHIEF, FITTER, GUEST], CHIEF, "admin")


def test_the_last_user_is_not_deleted() -> None:
    with pytest.raises(RuntimeFailure, match="last user"):
        check_deletion([PLAIN], PLAIN, "somebody")


def test_the_last_administrator_is_not_deleted() -> None:
    with pytest.raises(RuntimeFailure, match="last administrator"):
        check_deletion([CHIEF, FITTER], CHIEF, "fitter")


def test_others_are_deleted() -> None:
    check_deletion([CHIEF, FITTER, GUEST], GUEST, "admin")
    check_deletion([CHIEF, FITTER], FITTER, "admin")
    check_deletion([PLAIN, User(5, "emil")], PLAIN, "emil")


def test_the_last_administrator_stays_one() -> None:
    with pytest.raises(RuntimeFailure, match="must stay one"):
        check_role([CHIEF, FITTER], CHIEF, "user")
    check_role([CHIEF, FITTER], CHIEF, "admin")
    check_role([CHIEF, GUEST], CHIEF, "user")
    check_role([CHIEF, FITTER], FITTER, "user")


# -- what is asked -----------------------------------------------------------------------------------------------------

Request = tuple[str, str, dict[str, str]]


class Machine(ScriptedV3):
    """A machine that notes what is asked of its users, and answers as it was told."""

    def __init__(self, identity: Identity) -> None:
        super().__init__(identity)
        self.asked: list[Request] = []
        self.rows: object = [
            {"id": 2, "role": "user", "username": "fit\x1b[31mter"},
            {"id": 1, "role": "admin", "username": "ide"},
        ]

    def answer(self, path: str, body: object, status: int = 200) -> None:
        async def reply(request: web.Request) -> web.StreamResponse:
            fields = await request.json() if request.can_read_body else {}
            self.asked.append((request.method, path, fields))
            return self.json(body, status)

        self.script(path, reply)

    async def _serve_user(self, name: str, request: web.Request) -> web.Response:
        return self.json(self.rows) if name == "get-users-info" else await super()._serve_user(name, request)


@pytest.fixture
async def machine(identity: Identity) -> AsyncIterator[Machine]:
    made = Machine(identity)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def session(machine: Machine) -> AsyncIterator[Session]:
    made = Session(Direct(machine.rest_address, machine.identity.pin), QUICK)
    await made.login("ide", PASSWORD)
    yield made
    await made.aclose()


@pytest.fixture
def accounts(session: Session) -> Accounts:
    return Accounts(session, of_line(Line.V3))


@pytest.fixture
def with_roles(session: Session) -> Accounts:
    return Accounts(session, of_line(Line.V4_1, "v4.1.9"))


async def failure_of(work: Awaitable[object]) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as caught:
        await work
    return caught.value


async def test_users_are_listed_in_the_order_of_their_numbers(machine: Machine, with_roles: Accounts) -> None:
    assert await with_roles.list() == (User(1, "ide", "admin"), User(2, "fitter", "user"))


async def test_a_role_that_means_nothing_to_the_machine_is_not_shown(machine: Machine, accounts: Accounts) -> None:
    assert await accounts.list() == (User(1, "ide"), User(2, "fitter"))


async def test_the_anonymous_answer_to_an_ended_token_is_asked_again(machine: Machine, accounts: Accounts) -> None:
    machine.answer("get-users-info", {"msg": "Users found"})
    assert [user.username for user in await accounts.list()] == ["ide", "fitter"]
    assert machine.requests.count("POST login") == 2


@pytest.mark.parametrize(
    "rows", [[{"id": "1", "username": "x"}], [{"id": 1}], ["ide"], "text", [{"id": True, "username": "x"}]]
)
async def test_a_list_of_another_form_is_none(machine: Machine, accounts: Accounts, rows: object) -> None:
    machine.rows = rows
    assert (await failure_of(accounts.list())).kind is Kind.NOT_OPENPLC


async def test_a_role_goes_only_to_a_machine_that_has_roles(
    machine: Machine, accounts: Accounts, with_roles: Accounts
) -> None:
    fields = {"username": "fitter", "password": "secret-1"}
    for made in (accounts, with_roles):
        machine.answer("create-user", {"id": 2, "msg": "User created"}, 201)
        await made.create("fitter", "secret-1", "admin")
    assert machine.asked == [
        ("POST", "create-user", fields),
        ("POST", "create-user", {**fields, "role": "admin"}),
    ]


@pytest.mark.parametrize(
    ("status", "msg"),
    [(409, "Username already exists"), (400, "Missing username or password"), (403, "Admin privileges required")],
)
async def test_a_refusal_is_told_with_the_machines_reason_and_without_the_password(
    machine: Machine, accounts: Accounts, status: int, msg: str
) -> None:
    machine.answer("create-user", {"msg": msg}, status)
    failure = await failure_of(accounts.create("fitter", "secret-1"))
    assert failure.kind is Kind.CREDENTIALS
    assert msg in failure.message
    assert "Nothing was changed" in failure.message
    assert "secret-1" not in "".join(traceback.format_exception(failure))


async def test_an_echoed_password_is_not_repeated(machine: Machine, accounts: Accounts) -> None:
    machine.answer("password-change/2", {"msg": "'secret-1' is no good, nor is 'secret-2'"}, 400)
    failure = await failure_of(accounts.change_password(FITTER, "secret-1", "secret-2"))
    assert "secret" not in failure.message + failure.hint


async def test_a_password_is_changed_with_the_old_one(machine: Machine, accounts: Accounts) -> None:
    machine.answer("password-change/2", {"msg": "Password for user fitter updated successfully"})
    await accounts.change_password(FITTER, "old-1", "new-1")
    assert machine.asked == [("PUT", "password-change/2", {"old_password": "old-1", "new_password": "new-1"})]


async def test_a_machine_with_roles_has_another_way_to_change_passwords(machine: Machine, with_roles: Accounts) -> None:
    machine.answer("update-user/1", {"msg": "User updated", "user": {}})
    await with_roles.change_password(User(1, "ide", "admin"), "old-1", "new-1")
    assert machine.asked == [("PUT", "update-user/1", {"password": "new-1", "current_password": "old-1"})]


async def test_the_own_login_goes_on_with_the_new_password(
    machine: Machine, accounts: Accounts, session: Session
) -> None:
    machine.answer("password-change/1", {"msg": "updated"})
    await accounts.change_password(User(1, "ide"), PASSWORD, "new-1")
    machine.users["ide"] = "new-1"
    machine.log_everybody_out()
    assert len(await accounts.list()) == 2
    assert machine.requests.count("POST login") == 2


async def test_a_wrong_old_password_is_told(machine: Machine, accounts: Accounts) -> None:
    machine.answer("password-change/1", {"msg": "Old password is incorrect"}, 403)
    failure = await failure_of(accounts.change_password(User(1, "ide"), "wrong-1", "n"))
    assert "Old password is incorrect" in failure.message
    assert len(await accounts.list()) == 2


async def test_a_user_is_deleted_after_the_guards(machine: Machine, accounts: Accounts) -> None:
    machine.answer("delete-user/2", {"msg": "User fitter deleted successfully"})
    await accounts.delete(FITTER)
    assert machine.asked == [("DELETE", "delete-user/2", {})]
    assert (await failure_of(accounts.delete(User(1, "ide", "admin")))).kind is Kind.CREDENTIALS
    assert len(machine.asked) == 1


async def test_a_user_who_is_gone_is_told(machine: Machine, accounts: Accounts) -> None:
    machine.answer("delete-user/2", {"msg": "User not found"}, 404)
    assert "no such user" in (await failure_of(accounts.delete(FITTER))).message


async def test_a_role_is_changed_after_the_guard(machine: Machine, with_roles: Accounts) -> None:
    machine.answer("update-user/2", {"msg": "User updated", "user": {}})
    await with_roles.set_role(FITTER, "admin")
    assert machine.asked == [("PUT", "update-user/2", {"role": "admin"})]
    assert "must stay one" in (await failure_of(with_roles.set_role(User(1, "ide", "admin"), "user"))).message


async def test_a_machine_without_roles_is_never_asked_to_change_one(machine: Machine, accounts: Accounts) -> None:
    assert (await failure_of(accounts.set_role(FITTER, "admin"))).kind is Kind.TOO_OLD
    assert machine.requests == ["POST login"]


async def test_an_empty_password_is_never_sent(machine: Machine, session: Session, accounts: Accounts) -> None:
    for work in (
        accounts.create("emil", ""),
        accounts.change_password(FITTER, "old", ""),
        create_first_user(session, "emil", ""),
    ):
        failure = await failure_of(work)
        assert failure.kind is Kind.CREDENTIALS
        assert "is empty" in failure.message
    assert not [request for request in machine.requests if "user" in request or "password" in request]


async def test_a_password_within_another_word_is_not_repeated_either(machine: Machine, accounts: Accounts) -> None:
    machine.answer("create-user", {"msg": "bad value pw_secret-1_"}, 400)
    failure = await failure_of(accounts.create("emil", "secret-1"))
    assert "secret-1" not in failure.message + failure.hint
