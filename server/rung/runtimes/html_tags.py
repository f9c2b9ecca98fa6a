"""HTML cut into tags and text, in a time that grows with its length and no faster, whatever a peer sends.

The library's own parser needs minutes for a few ten thousand bytes that nobody closes. Invariant: it never raises, and each
character is looked at a bounded number of times.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

_LONGEST_TAG: Final = 8000
"""Characters of a tag that is read; of a longer one nothing is."""
_NAME: Final = re.compile(r"</?([A-Za-z][^\s/>]*)")
_ATTRIBUTE: Final = re.compile(r"""[\s/]*([^\s/>=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>"'][^\s>]*|(?=[\s>])))?""")
_END: Final = re.compile(r"[\s/]*>")
_RAW_ENDS: Final = {name: re.compile(rf"</{name}[\s>]", re.IGNORECASE) for name in ("script", "style")}


@dataclass(frozen=True, slots=True)
class Tag:
    """`<name attributes>`, or `</name>` where it `closes`; all names in lower case."""

    name: str
    closes: bool = False
    attributes: Mapping[str, str] = field(default_factory=dict)


def tags_and_texts(page: str) -> Iterator[Tag | str]:
    """The tags and the texts between them, in their order, without comments, scripts and styles."""
    at = 0
    while at < len(page):
        start = page.find("<", at)
        if start < 0:
            yield _unescaped(page[at:])
            return
        if start > at:
            yield _unescaped(page[at:start])
        if page.startswith(("<!", "<?"), start):
            close = "-->" if page.startswith("<!--", start) else ">"
            at = _after(page, close, start)
            continue
        tag, at = _tag(page, start)
        if tag is None:
            if at == start + 1:
                yield "<"
            continue
        yield tag
        if tag.name in _RAW_ENDS and not tag.closes:
            end = _RAW_ENDS[tag.name].search(page, at)
            at = len(page) if end is None else end.start()


def _tag(page: str, start: int) -> tuple[Tag | None, int]:
    """The tag at a `<`, and where to go on; None for what is none or cannot be read."""
    limit = min(len(page), start + _LONGEST_TAG)
    name = _NAME.match(page, start, limit)
    if name is None:
        return None, start + 1
    attributes: dict[str, str] = {}
    at = name.end()
    while (end := _END.match(page, at, limit)) is None:
        found = _ATTRIBUTE.match(page, at, limit)
        if found is None:
            return None, _after(page, ">", start)  # what was looked at is not looked at again
        value = found[2] or ""
        attributes.setdefault(found[1].lower(), _unescaped(value[1:-1] if value[:1] in ('"', "'") else value))
        at = found.end()
    return Tag(name[1].lower(), page[start + 1] == "/", attributes), end.end()


def _after(page: str, mark: str, start: int) -> int:
    """The place after a mark, or the end of the page."""
    found = page.find(mark, start)
    return len(page) if found < 0 else found + len(mark)


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a character's number with more digits than Python reads
        return text
