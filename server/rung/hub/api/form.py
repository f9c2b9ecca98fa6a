"""The form of an upload, as an agent takes it: each part a file with its content in base64.

An agent has no way to pass an ordinary field on beside files, so such a part travels as a file of its own name. A runtime that looks for it
among the fields says that it is missing; nothing is left out in silence.
"""

from __future__ import annotations

import asyncio
import base64
import re
from typing import Final

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from rung.hub.api.answers import Refusal, bad
from rung.hub.api.call import too_large
from rung.runtimes.deadline import within
from rung.runtimes.errors import Kind

LARGEST_FORM: Final = 24_000_000
"""An agent by polling takes 32 MiB in all, and base64 makes four bytes of three."""
_PATIENCE: Final = 120.0
_MOST_PARTS: Final = 4
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,40}", re.ASCII)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}", re.ASCII)
_UNFIT: Final = re.compile(r"[^A-Za-z0-9._ -]")


async def read_form(request: web.Request) -> dict[str, object]:
    """The parts of a form.

    Raises:
        Refusal: it is no form, too large, or does not come in time.
    """
    if request.content_type != "multipart/form-data":
        raise bad("This request takes a form with a file.")
    if request.content_length is None:
        raise Refusal(
            411, Kind.INTERNAL, "An upload must say how long it is. Nothing was sent.", "Update Rung on this computer."
        )
    if request.content_length > LARGEST_FORM:
        raise too_large(LARGEST_FORM)
    try:
        parts = await within(_PATIENCE, _parts(request))
    except TimeoutError:
        raise Refusal(
            408, Kind.TIMEOUT, "The upload did not come in time. Nothing was sent to the machine.", "Try again."
        ) from None
    except (ValueError, LookupError, RuntimeError, AssertionError, BadHttpMessage):
        raise bad("The form cannot be read.") from None
    # Off the loop: 24 MB take some 30 ms, in which nobody else would be served.
    return await asyncio.to_thread(_files, parts)


async def _parts(request: web.Request) -> dict[str, tuple[str, str, bytes]]:
    reader = await request.multipart()
    parts: dict[str, tuple[str, str, bytes]] = {}
    while (part := await reader.next()) is not None:
        if not isinstance(part, BodyPartReader) or len(parts) >= _MOST_PARTS:
            raise bad("The form has parts within parts, or too many.")
        name = part.name or ""
        if _NAME.fullmatch(name) is None or name in parts:
            raise bad("The form has a part without a usable name, or two of one name.")
        said = part.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        media_type = said if _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"
        content = bytes(await part.read(decode=False))
        if not content:
            raise bad("The form has an empty part, which an agent would leave out.")
        parts[name] = (_file_name(part.filename, name), media_type, content)
    if not parts:
        raise bad("The form is empty.")
    return parts


def _files(parts: dict[str, tuple[str, str, bytes]]) -> dict[str, object]:
    return {
        name: {
            "filename": file_name,
            "content_type": media_type,
            "content_base64": base64.b64encode(content).decode("ascii"),
        }
        for name, (file_name, media_type, content) in parts.items()
    }


def _file_name(said: str | None, field: str) -> str:
    """A file's name without folders, control characters or anything that a header could trip over."""
    last = re.split(r"[/\\]", said or "")[-1]
    return _UNFIT.sub("_", last)[:100].strip(". ") or field
