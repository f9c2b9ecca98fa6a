"""The page behind a code, as text for a terminal."""

from __future__ import annotations

from textwrap import dedent, fill, indent

from rung.rules.registry import rules

_WIDTH = 96


def explain(code: str) -> str | None:
    """Return the page of a code, or None if there is none."""
    rule = rules().get(code.strip().upper())
    if rule is None:
        return None
    parts = [
        f"{rule.code}  {rule.title}  ({rule.severity}, {rule.slug})",
        fill(rule.why, _WIDTH),
        "Bad:\n\n" + _listing(rule.bad),
        "Good:\n\n" + _listing(rule.good),
        fill(rule.fix, _WIDTH),
    ]
    if rule.references:
        parts.append("See " + "; ".join(rule.references) + ".")
    return "\n\n".join(parts)


def overview() -> str:
    """Return one line for each code."""
    return "\n".join(f"{rule.code}  {rule.severity:<7}  {rule.title}" for rule in rules().values())


def _listing(text: str) -> str:
    return indent(dedent(text).strip("\n"), "    ")
