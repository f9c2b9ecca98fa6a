"""What a name may be, and how names are compared: no two that a reader would take for the same live side by side.

Everything here may come from a network peer; whatever leaves this module can be stored in any database.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 63
LONGEST_DESCRIPTION = 500
LONGEST_MESSAGE = 2000

_PUNCTUATION = " ._-"
# Letters by their Unicode category that show as nothing at all.
_INVISIBLE = "\u115f\u1160\u3164\uffa0"
_IDENTIFIER = re.compile(r"[!-~]{1,128}", re.ASCII)
_UNSTORABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def checked_name(what: str, name: str) -> str:
    """A name as it is stored.

    Args:
        what: what is to have it, for the sentence: `vPLC`, `user`.
        name: what somebody wrote.

    Raises:
        ValueError: it cannot be a name; the sentence says what can.
    """
    stored = unicodedata.normalize("NFC", name)
    if not 1 <= len(stored) <= LONGEST_NAME or not _well_formed(stored):
        raise ValueError(
            f"The {what}'s name cannot be {name[:80]!r}: it takes 1 to {LONGEST_NAME} letters, digits, spaces, "
            "'.', '_' and '-', begins with a letter or digit and does not end with a space."
        )
    return stored


def name_key(name: str) -> str:
    """What two names are compared by: case and width do not count. Empty for a text that cannot be a name."""
    stored = unicodedata.normalize("NFC", name) if len(name) <= 4 * LONGEST_NAME else ""
    if not 1 <= len(stored) <= LONGEST_NAME or not _well_formed(stored):
        return ""
    return unicodedata.normalize("NFKC", stored).casefold()


def is_identifier(text: str) -> bool:
    """Whether this could be an identifier at all: visible ASCII, at most 128 characters. Others need not be looked up."""
    return _IDENTIFIER.fullmatch(text) is not None


def plain_words(text: str, longest: int) -> str:
    """A text without what databases and terminals choke on (control characters, lone surrogates), cut at `longest`."""
    return _UNSTORABLE.sub("\ufffd", text[:longest])


def _well_formed(name: str) -> bool:
    return _letter_or_digit(name[0]) and name[-1] != " " and all(_letter_or_digit(c) or c in _PUNCTUATION for c in name)


def _letter_or_digit(character: str) -> bool:
    return (character.isalpha() and character not in _INVISIBLE) or character in "0123456789"
