"""The rate limit, and its headers."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .behaviour import Behaviour, RateWindow


@dataclass(frozen=True)
class Verdict:
    """Whether a request is answered; the `RateLimit` headers, and `Retry-After` in seconds when it is not."""

    allowed: bool
    headers: dict[str, str]


class Limiter:
    """Counts the requests of the organization."""

    def __init__(self) -> None:
        self._counted: deque[float] = deque()
        self._opened: float | None = None

    def check(self, now: float, behaviour: Behaviour) -> Verdict:
        """Count a request, unless it is over the limit.

        Args:
            now: Seconds since 1970.
            behaviour: The limit, its kind of window, and how much of it another client uses.
        """
        if behaviour.rate_limit is None:
            return Verdict(allowed=True, headers={})
        limit, window = behaviour.rate_limit
        opened = self._open(now, window, behaviour.rate_window)
        others = int(limit * behaviour.other_client_share * min(1.0, (now - opened) / window))
        free = limit - len(self._counted) - others
        allowed = free > 0
        if allowed:
            self._counted.append(now)
        first = opened if behaviour.rate_window == "fixed" else self._counted[0] if self._counted else now
        reset = max(1, math.ceil(first + window - now))
        # The headers of the IETF draft, version 7.
        headers = {
            "RateLimit-Policy": f"{limit};w={math.ceil(window)}",
            "RateLimit": f"limit={limit}, remaining={max(0, free - 1)}, reset={reset}",
        }
        return Verdict(allowed, headers if allowed else {**headers, "Retry-After": str(reset)})

    def _open(self, now: float, window: float, kind: RateWindow) -> float:
        """Drop what lies outside the window; returns when the window began."""
        if kind == "sliding":
            while self._counted and self._counted[0] <= now - window:
                self._counted.popleft()
            return now - window
        if self._opened is None or now >= self._opened + window:
            self._counted.clear()
            self._opened = now
        return self._opened
