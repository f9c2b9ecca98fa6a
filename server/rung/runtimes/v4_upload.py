"""A project's source on its way to and from a machine that keeps it (runtime protocol, section 6)."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rung.runtimes.address import Address
from rung.runtimes.errors import Kind, RuntimeFailure
from rung.runtimes.multipart import multipart
from rung.runtimes.v4_session import Body

_LARGEST_ARCHIVE = 104_857_600


@dataclass(frozen=True, slots=True)
class Source:
    """A project's source as a machine keeps it: an archive of at most 100 MB and what is told of it.

    `metadata` must hold `projectName` and `formatVersion` (1 or more), or the machine does not keep the archive.
    """

    archive: bytes
    metadata: Mapping[str, object]


def program_form(
    data: bytes, file_name: str, source: Source | None, progress: Callable[[int, int], None] | None
) -> Body:
    """The form of an upload: the program in `file`, and with a source the parts `snapshot` and `snapshot_metadata`.

    Args:
        data: the program.
        file_name: its name.
        source: what the machine is to keep.
        progress: told the program's bytes sent and its bytes in all.
    """
    if source is None:
        return multipart(data, file_name, "application/zip", progress)
    told = {"snapshot_metadata": json.dumps(dict(source.metadata))}
    return multipart(data, file_name, "application/zip", progress, told, {"snapshot": source.archive})


def decoded_snapshot(answer: Mapping[str, object]) -> bytes | None:
    """The archive in the answer to the question for the project's source; None when there is none in it."""
    content = answer.get("contentBase64")
    if not isinstance(content, str):
        return None
    try:
        archive = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return None
    return archive if len(archive) <= _LARGEST_ARCHIVE else None


def no_source(address: Address, why: str) -> RuntimeFailure:
    """The failure of a machine that has no source to give."""
    return RuntimeFailure(
        Kind.PROGRAM,
        f"The project cannot be fetched from {address}: {why}.",
        "Ask whoever deployed it; a download to OpenPLC Runtime v4.2 or newer can leave its source there.",
    )
