"""Times that a peer tells, and how long ago they were, in words. What is no time is None and never an error."""

from __future__ import annotations

from datetime import datetime, timezone


def moment(value: str | None) -> datetime | None:
    """A time in ISO 8601, in UTC; None for anything else."""
    if value is None or len(value) > 40:
        return None
    try:
        read = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return (read if read.tzinfo else read.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):  # the second for years that another time zone has and ours has not
        return None


def age(value: str | None, now: datetime | None = None) -> str:
    """How long ago a time was, in words: `3 minutes ago`; `never` for None."""
    then = moment(value)
    if then is None:
        return "never"
    seconds = max(0, int(((now or datetime.now(timezone.utc)) - then).total_seconds()))
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = seconds // length
        if count:
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return f"{seconds} second{'s' * (seconds != 1)} ago"
