"""Sends recorded requests and compares the answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import jwt

from peers.recorded import Exchange, same_json, same_shape
from simulator.runtime_client import RuntimeClient


class Bearers:
    """The tokens that the recorded requests carry."""

    def __init__(self, client: RuntimeClient, folder: Path) -> None:
        self._client = client
        self._key = json.loads((folder / "secrets.json").read_text())["token_key"]
        self._valid = ""
        self._revoked = ""

    async def fill(self, text: str) -> str:
        """The header with the token in place of its name."""
        name = text[text.index("{") + 1 : text.index("}")]
        return text.replace(f"{{{name}}}", await self._token(name))

    async def _token(self, name: str) -> str:
        now = int(time.time())
        claims = {"type": "access", "jti": "1", "sub": "1", "exp": now + 900}
        match name:
            case "valid":
                return await self._log_in_if_needed()
            case "revoked":
                return self._revoked
            case "garbage":
                return "garbage"
            case "tampered":
                return self._valid[:-8] + ("A" * 8 if not self._valid.endswith("A" * 8) else "B" * 8)
            case "expired":
                return jwt.encode({**claims, "exp": now - 1}, self._key)
            case "of user 77":
                return jwt.encode({**claims, "sub": "77"}, self._key)
        raise AssertionError(name)

    async def _log_in_if_needed(self) -> str:
        if not self._valid:
            await self._client.log_in()
            self._valid, self._client.token = self._client.token, ""
        return self._valid

    def ended(self) -> None:
        """The valid token has been revoked."""
        self._revoked, self._valid = self._valid, ""


async def send(
    client: RuntimeClient, bearers: Bearers, exchange: Exchange, uploads: Mapping[str, bytes]
) -> httpx.Response:
    """Send a recorded request; `uploads` are the files that it may name."""
    headers = dict(exchange.request_headers)
    if "{" in headers.get("Authorization", ""):
        headers["Authorization"] = await bearers.fill(headers["Authorization"])
    options: dict[str, Any] = {"headers": headers}
    if exchange.upload:
        field_name, name = exchange.upload
        options["files"] = {field_name: (name, uploads[name], "application/zip")}
    elif exchange.request_body:
        options["content"] = exchange.request_body
    answer = await client.request(exchange.method, exchange.path, **options)
    if exchange.method in ("DELETE", "POST") and exchange.path.startswith(("/api/delete-user", "/api/logout")):
        bearers.ended()
    return answer


def compare(exchange: Exchange, answer: httpx.Response) -> None:
    """Hold an answer against the recorded one."""
    where = f"{exchange.label} {exchange.method} {exchange.path}: {answer.text[-600:]}"
    assert f"{answer.status_code} {answer.reason_phrase}" == exchange.status, where
    assert answer.headers["Connection"] == "close", where
    for name, value in exchange.headers.items():
        if name == "Allow":
            assert set(answer.headers[name].split(", ")) == set(value.split(", ")), where
        else:
            assert answer.headers[name] == value, f"{name}, {where}"
    assert ("X-OpenPLC-Runtime-Version" in answer.headers) == ("X-OpenPLC-Runtime-Version" in exchange.headers), where
    if exchange.headers["Content-Type"] != "application/json":
        assert answer.text.strip() == exchange.body, where
    elif exchange.shape_only:
        assert same_shape(json.loads(exchange.body), answer.json()), where
    else:
        assert same_json(json.loads(exchange.body), answer.json()), where
