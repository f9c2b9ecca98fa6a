"""Zip archives that depend on their content alone.

Invariant: the same files give the same bytes on every machine at every time.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the least time a zip can hold
_PERMISSIONS: Final = 0o100644 << 16
_UNIX: Final = 3


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of `files` (name with `/` to content), in the mapping's order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = _UNIX
            entry.external_attr = _PERMISSIONS
            archive.writestr(entry, content)
    return buffer.getvalue()


def identity(files: Mapping[str, bytes]) -> str:
    """Return a program's identity: the MD5, as 32 hex digits, over every file that makes a difference on the device."""
    digest = hashlib.md5(usedforsecurity=False)
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
