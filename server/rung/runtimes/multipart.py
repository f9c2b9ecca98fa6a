"""Forms with a file, as browsers send them: the way in which all OpenPLC runtimes take a program."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from urllib.parse import quote

from rung.runtimes.v4_session import Body

_CHUNK = 16_384


def multipart(
    data: bytes,
    file_name: str,
    content_type: str,
    progress: Callable[[int, int], None] | None = None,
    fields: Mapping[str, str] | None = None,
    attached: Mapping[str, bytes] | None = None,
) -> Body:
    """A form with one part called `file`.

    Args:
        data: the file's bytes.
        file_name: its name in the form.
        content_type: its media type.
        progress: told the bytes of the file that were sent and its bytes in all.
        fields: the form's other fields, before the file. Their names are ours.
        attached: further files, archives, before the file, by the names of their parts. The progress does not count them.
    """
    boundary = f"rung-{secrets.token_hex(16)}"
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (fields or {}).items()
    )
    head += (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{quote(file_name, safe="._- ")}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    )
    start = head.encode()
    end = f"\r\n--{boundary}--\r\n".encode()
    before: list[bytes] = []
    for name, archive in (attached or {}).items():
        part = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.zip"\r\n'
        before += [f"{part}Content-Type: application/zip\r\n\r\n".encode(), archive, b"\r\n"]

    async def parts() -> AsyncIterator[bytes]:
        tell = progress or (lambda sent, total: None)
        tell(0, len(data))
        for piece in before:
            for at in range(0, len(piece), _CHUNK):
                yield piece[at : at + _CHUNK]
        yield start
        for at in range(0, len(data), _CHUNK):
            chunk = data[at : at + _CHUNK]
            yield chunk
            tell(at + len(chunk), len(data))
        yield end

    length = sum(map(len, before)) + len(start) + len(data) + len(end)
    return Body(f"multipart/form-data; boundary={boundary}", length, parts)
