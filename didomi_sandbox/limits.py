"""The rate limit of each organization, and its headers."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .behaviour import Behaviour


@dataclass(frozen=True)
class Verdict:
    """Whether a request is answered; the `RateLimit` headers, and `Retry-After` in seconds when it is not."""

    allowed: bool
    headers: dict[str, str]


class Limiter:
    """Counts the requests of each organization."""

    def __init__(self) -> None:
        self._counted: dict[str, deque[float]] = {}
        self._opened: dict[str, float] = {}

    def check(self, organization: str, now: float, behaviour: Behaviour) -> Verdict:
        """Count a request, unless it is over the limit.

        Args:
            organization: The organization, over all its keys.
            now: Seconds since 1970.
            behaviour: The limit and its kind of window.
        """
        if behaviour.rate_limit is None:
            return Verdict(allowed=True, headers={})
        limit, window = behaviour.rate_limit
        counted = self._counted.setdefault(organization, deque())
        opened = self._open(organization, counted, now, behaviour)
        free = limit - len(counted) - self._others(now - opened, behaviour)
        allowed = free > 0
        if allowed:
            counted.append(now)
        reset = self._reset(counted, opened, now, behaviour)
        headers = _headers(limit, window, max(0, free - 1), reset)
        return Verdict(allowed, headers if allowed else {**headers, "Retry-After": str(reset)})

    def _open(self, organization: str, counted: deque[float], now: float, behaviour: Behaviour) -> float:
        """Drop what lies outside the window; returns when the window began."""
        _, window = behaviour.rate_limit or (0, 0)
        if behaviour.rate_window == "sliding":
            while counted and counted[0] <= now - window:
                counted.popleft()
            return now - window
        opened = self._opened.setdefault(organization, now)
        if now >= opened + window:
            counted.clear()
            opened = self._opened[organization] = now
        return opened

    @staticmethod
    def _others(elapsed: float, behaviour: Behaviour) -> int:
        """How much of the limit another client has used since the window began."""
        limit, window = behaviour.rate_limit or (0, 1)
        return int(limit * behaviour.other_client_share * min(1.0, elapsed / window))

    @staticmethod
    def _reset(counted: deque[float], opened: float, now: float, behaviour: Behaviour) -> int:
        _, window = behaviour.rate_limit or (0, 0)
        end = opened + window if behaviour.rate_window == "fixed" else (counted[0] if counted else now) + window
        return max(1, math.ceil(end - now))


def _headers(limit: int, window: float, remaining: int, reset: int) -> dict[str, str]:
    """The headers of the IETF draft, version 7."""
    return {
        "RateLimit-Policy": f"{limit};w={math.ceil(window)}",
        "RateLimit": f"limit={limit}, remaining={remaining}, reset={reset}",
    }
