"""The sandbox's time, which a test can move."""

from __future__ import annotations

import time
from datetime import datetime, timezone


class Clock:
    """Wall-clock time that never runs backwards, plus what a test added to it."""

    def __init__(self) -> None:
        self._start = time.time() - time.monotonic()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._start + time.monotonic()

    def advance(self, seconds: float) -> None:
        """Move the clock: tokens expire, rate-limit windows end."""
        self._start += seconds


def iso(moment: float) -> str:
    """Seconds since 1970 as the API writes a time, `2026-11-23T04:12:07.318Z`."""
    text = datetime.fromtimestamp(moment, tz=timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def epoch(text: object) -> float | None:
    """An ISO 8601 text as seconds since 1970, None for any other value; without an offset it is UTC."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
