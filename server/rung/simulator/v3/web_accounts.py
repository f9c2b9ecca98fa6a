"""The pages of the web users."""

from __future__ import annotations

import html

from aiohttp import web

from rung.simulator.accounts import User
from rung.simulator.answers import error_page
from rung.simulator.v3 import web_pages
from rung.simulator.v3.web_ui import Form, Site, redirect, text_of
from rung.simulator.v3.web_users import UNCHANGED, Person


def add_routes(router: web.UrlDispatcher, site: Site) -> None:
    """Add the pages."""
    pages = _UserPages(site)
    router.add_get("/users", site.blocked(pages.users))
    router.add_get("/add-user", site.blocked(pages.show_add))
    router.add_post("/add-user", site.blocked(pages.add))
    router.add_get("/edit-user", site.blocked(pages.show_edit))
    router.add_post("/edit-user", site.blocked(pages.edit))
    router.add_get("/delete-user", site.blocked(pages.delete))


class _UserPages:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._users = site.users

    async def users(self, request: web.Request) -> web.StreamResponse:
        lines = "".join(
            f"<tr onclick=\"document.location='edit-user?table_id={user.id}'\"><td>{html.escape(person.full_name)}</td>"
            f"<td>{html.escape(user.username)}</td><td>{html.escape(person.email)}</td></tr>"
            for user, person in self._users.all()
        )
        return self._site.page(f"<h2>Users</h2><table>{lines}</table><a href='add-user'>Add new user</a>")

    async def show_add(self, request: web.Request) -> web.StreamResponse:
        return self._site.page(_user_form("add-user", Person("", ""), "", "", self._site.token()))

    async def add(self, request: web.Request) -> web.StreamResponse:
        form = await self._site.form(request)
        await self._users.add(text_of(form, "user_name"), text_of(form, "user_password"), _person(form))
        return redirect("/users")

    async def show_edit(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request.query.get("table_id", ""))
        if user is None:
            return error_page(500)
        form = _user_form("edit-user", self._users.person(user), user.username, UNCHANGED, self._site.token())
        return self._site.page(form.replace("</form>", f"{web_pages.hidden('user_id', user.id)}</form>"))

    async def edit(self, request: web.Request) -> web.StreamResponse:
        form = await self._site.form(request)
        user = self._user(text_of(form, "user_id"))
        if user is None:
            return error_page(500)
        await self._users.change(user, text_of(form, "user_password"), _person(form))
        return redirect("/users")

    async def delete(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request.query.get("user_id", ""))
        if user is None:
            return error_page(500)
        if user.id == self._site.session().user:
            return self._site.page(web_pages.error("You cannot delete yourself!"))
        self._users.delete(user)
        return redirect("/users")

    def _user(self, text: str) -> User | None:
        return self._users.by_id(int(text)) if text.isdecimal() else None


def _person(form: Form) -> Person:
    return Person(text_of(form, "full_name"), text_of(form, "user_email"))


def _user_form(action: str, person: Person, username: str, password: str, token: str) -> str:
    return (
        f"<h2>User</h2><form enctype='multipart/form-data' action='{action}' method='post'>"
        f"{web_pages.text_field('full_name', person.full_name)}{web_pages.text_field('user_name', username)}"
        f"{web_pages.text_field('user_email', person.email)}{web_pages.text_field('user_password', password, 'password')}"
        f'{web_pages.form_token(token)}<input type="file" name="file" id="file" class="inputfile" accept="image/*">'
        "<input type='submit' value='Save user'></form>"
    )
