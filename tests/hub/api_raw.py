"""Requests to the editors' interface byte for byte, as no client library would send them."""

from __future__ import annotations

import asyncio

from hub.api_hub import Bench

HTTP = "/orchestrators/{o}/vplcs/{v}/http"


async def raw(desk: Bench, request: bytes) -> tuple[int, bytes]:
    """A request byte for byte, as no client library would send it."""
    host, port = desk.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    length = next((line for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length:")), b":0")
    answer += await asyncio.wait_for(reader.readexactly(int(length.split(b":")[1])), 5)
    writer.close()
    return int(answer.split(b" ")[1]), answer


def head(desk: Bench, target: str, *lines: str, method: str = "GET") -> bytes:
    token = desk.tokens["Bottling owner"]
    return "\r\n".join(
        [
            f"{method} {target} HTTP/1.1",
            "Host: hub",
            f"Authorization: Bearer {token}",
            *lines,
            "Connection: close",
            "",
            "",
        ]
    ).encode("latin-1")


def prefix(desk: Bench) -> str:
    return f"/api/v1/orchestrators/{desk.here.id}/vplcs/{desk.vplc.id}/http"
