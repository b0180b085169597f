"""Times as the marts hold them."""

from __future__ import annotations

from datetime import datetime, timezone


def naive(time: datetime | None) -> datetime | None:
    """UTC, without its zone."""
    if time is None or time.tzinfo is None:
        return time
    return time.astimezone(timezone.utc).replace(tzinfo=None)
