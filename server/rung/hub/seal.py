"""What hub processes put into Redis, sealed: who has Redis, or listens on the way to it, reads nothing, forges nothing and repeats nothing.

Calls to agents pass there with passwords, tokens and programs, and whoever could forge one would do as he likes on every host. The key comes from
the hub's folder, which all processes of a hub share.

Invariant: a message is taken once at most, where it was meant for, and only from a process that has the key.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import Final, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_SALT_BYTES: Final = 16
_NUMBER_BYTES: Final = 12
_HEAD: Final = _SALT_BYTES + _NUMBER_BYTES
_WINDOW: Final = 65_536
"""How far a message may be overtaken by later ones of its sender: they take several connections, and large ones take time."""
_MOST_SENDERS: Final = 4096

_Kept = TypeVar("_Kept")


class Seal:
    """Seals what one process says and opens what the others say.

    Each process has a key of its own, made from the common one by a random word that goes with every message, and numbers its messages: no
    number is used twice under one key.

    Args:
        key: 32 bytes that the hub's processes share.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes")
        self._key = key
        self._salt = os.urandom(_SALT_BYTES)
        self._cipher = self._cipher_of(self._salt)
        self._number = 0
        self._senders: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._heard: OrderedDict[bytes, tuple[int, int]] = OrderedDict()

    def close(self, place: str, data: bytes) -> bytes:
        """Seal a message.

        Args:
            place: the channel or key that it is for; it can be opened nowhere else.
        """
        self._number += 1
        nonce = self._number.to_bytes(_NUMBER_BYTES, "big")
        return self._salt + nonce + self._cipher.encrypt(nonce, data, place.encode())

    def open(self, place: str, sealed: bytes, once: bool = True) -> bytes | None:
        """The message; None if no process of this hub has sealed it for this place, or it was opened before.

        Args:
            once: False for what is kept and may be read again.
        """
        salt, nonce = sealed[:_SALT_BYTES], sealed[_SALT_BYTES:_HEAD]
        if len(nonce) != _NUMBER_BYTES:
            return None
        cipher = self._senders.get(salt) or self._cipher_of(salt)
        try:
            data = cipher.decrypt(nonce, sealed[_HEAD:], place.encode())
        except InvalidTag:
            return None
        _keep(self._senders, salt, cipher)  # only now: who has not the key makes nothing be kept
        return data if not once or self._is_new(salt, int.from_bytes(nonce, "big")) else None

    def _is_new(self, salt: bytes, number: int) -> bool:
        highest, seen = self._heard.get(salt, (0, 0))  # bit n of `seen`: the message n before the highest
        ahead = number - highest
        if ahead > 0:
            seen = ((seen << ahead) | 1) & ((1 << _WINDOW) - 1) if ahead < _WINDOW else 1
            highest = number
        elif -ahead >= _WINDOW or seen >> -ahead & 1:
            return False
        else:
            seen |= 1 << -ahead
        _keep(self._heard, salt, (highest, seen))
        return True

    def _cipher_of(self, salt: bytes) -> AESGCM:
        return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, b"rung hub processes").derive(self._key))


def _keep(table: OrderedDict[bytes, _Kept], salt: bytes, value: _Kept) -> None:
    table[salt] = value
    table.move_to_end(salt)
    if len(table) > _MOST_SENDERS:
        table.popitem(last=False)
