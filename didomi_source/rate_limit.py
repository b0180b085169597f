"""One rate limit for all threads: what we sent, what the server says is left, and what it orders.

Source: developers.didomi.io, rate limiting (read 2026-11): 100 requests every 15 seconds for each
organization, over all its keys, announced on every answer as IETF RateLimit draft-7 headers.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

DEFAULT_LIMIT = 100
DEFAULT_WINDOW_SECONDS = 15.0
# Requests are stamped here when they are sent and there when they arrive; a little slack keeps the
# server from seeing one too many in a window.
_SLACK_SECONDS = 0.1


class NotSent(Exception):
    """Raised inside a slot: no request was sent after all."""


class RateLimiter:
    """Lets requests through no faster than the organization's limit allows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._limit = DEFAULT_LIMIT
        self._window = DEFAULT_WINDOW_SECONDS
        self._sent: deque[float] = deque()
        self._in_flight = 0
        self._remaining: int | None = None  # what the server says is left until _reset_at
        self._reset_at = 0.0
        self._blocked_until = 0.0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until one more request may be sent, and count it as under way inside the block.

        Raising NotSent inside the block gives the place back.
        """
        sent_at = self._acquire()
        try:
            yield
        except NotSent:
            self._give_back(sent_at)
        finally:
            with self._changed:
                self._in_flight -= 1
                self._changed.notify_all()

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take over what the headers of an answer say; call it inside the slot."""
        limit, window = _policy(headers)
        remaining, reset = _left(headers)
        with self._changed:
            if limit and window:
                self._limit, self._window = limit, window
            if remaining is not None and reset is not None:
                self._take_over(remaining, self._clock() + reset)
            self._changed.notify_all()

    def block(self, seconds: float) -> None:
        """Send nothing for a while, in any thread: the server said so."""
        with self._changed:
            self._blocked_until = max(self._blocked_until, self._clock() + seconds)

    def _take_over(self, remaining: int, reset_at: float) -> None:
        # Other requests under way may not be counted in `remaining` yet; this one is.
        left = max(0, remaining - (self._in_flight - 1))
        same_window = self._remaining is not None and abs(reset_at - self._reset_at) < 1.0
        self._remaining = min(left, self._remaining or 0) if same_window else left
        self._reset_at = reset_at

    def _acquire(self) -> float:
        with self._changed:
            while (wait := self._wait_seconds()) > 0:
                self._changed.wait(wait)
            sent_at = self._clock()
            self._sent.append(sent_at)
            self._in_flight += 1
            if self._remaining is not None:
                self._remaining -= 1
            return sent_at

    def _give_back(self, sent_at: float) -> None:
        with self._changed:
            self._sent.remove(sent_at)
            if self._remaining is not None:
                self._remaining += 1

    def _wait_seconds(self) -> float:
        now = self._clock()
        while self._sent and self._sent[0] <= now - self._window - _SLACK_SECONDS:
            self._sent.popleft()
        if now < self._blocked_until:
            return self._blocked_until - now
        if len(self._sent) >= self._limit:
            return self._sent[-self._limit] + self._window + _SLACK_SECONDS - now
        if self._remaining is None or self._remaining > 0:
            return 0.0
        if now < self._reset_at:
            return self._reset_at - now
        # The window is over, as far as whole seconds tell: one request finds out, the others wait.
        return self._window if self._in_flight else 0.0


def _policy(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    found = re.search(r"(\d+)\s*;\s*w=(\d+)", headers.get("RateLimit-Policy", ""))
    return (int(found[1]), float(found[2])) if found else (None, None)


def _left(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    text = headers.get("RateLimit", "")
    remaining = re.search(r"\bremaining=(\d+)", text)
    reset = re.search(r"\breset=(\d+)", text)
    return (int(remaining[1]) if remaining else None, float(reset[1]) if reset else None)
