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
# `reset` is rounded up to whole seconds, and the answer has been on its way.
_ROUNDING_SECONDS = 1.5


class NotSent(Exception):
    """Raised inside a slot: no request was sent after all."""


class Budget:
    """What may be sent when; it knows no clock and no threads."""

    def __init__(self) -> None:
        self.limit = DEFAULT_LIMIT
        self.window = DEFAULT_WINDOW_SECONDS
        self._sent: deque[float] = deque()
        self._in_flight = 0
        self._remaining: int | None = None  # what the server says is left until _reset_at
        self._reset_at = 0.0
        self._is_sliding = False  # known once it has shown
        self._blocked_until = 0.0

    def wait_seconds(self, now: float) -> float:
        """How long the next request has to wait, at least; 0 when it may be sent."""
        self._forget(now)
        if now < self._blocked_until:
            return self._blocked_until - now
        if len(self._sent) >= self.limit:
            return self._free_at(self._sent[-self.limit]) - now
        if self._remaining is None or self._remaining > 0:
            return 0.0
        if now < self._reset_at:
            ours = self._free_at(self._sent[0]) if self._is_sliding and self._sent else self._reset_at
            return min(self._reset_at, ours) - now
        # The window is over, as far as whole seconds tell: one request finds out, the others wait.
        return self.window if self._in_flight else 0.0

    def send(self, now: float) -> None:
        """Count a request as sent and under way."""
        self._sent.append(now)
        self._in_flight += 1
        if self._remaining is not None:
            self._remaining -= 1

    def arrived(self) -> None:
        """Count a request as under way no more."""
        self._in_flight -= 1

    def take_back(self, sent_at: float) -> None:
        """Forget a request that was not sent after all; it still has to arrive."""
        self._sent.remove(sent_at)
        if self._remaining is not None:
            self._remaining += 1

    def observe(self, headers: Mapping[str, str], now: float) -> None:
        """Take over what the headers of an answer say, before the answer counts as arrived."""
        limit, window = _policy(headers)
        if limit and window:
            self.limit, self.window = limit, window
        remaining, reset = _left(headers)
        if remaining is not None and reset is not None:
            self._take_over(remaining, now, now + reset)

    def block(self, until: float) -> None:
        """Let nothing through until then: the server said so."""
        self._blocked_until = max(self._blocked_until, until)

    def _take_over(self, remaining: int, now: float, reset_at: float) -> None:
        # Other requests under way may not be counted in `remaining` yet; this one is. Where the window slides, an
        # answer may have been overtaken by one that counted more: one place is left free for that.
        left = max(0, remaining - (self._in_flight - 1) - self._is_sliding)
        if self._remaining is None or now >= self._reset_at:
            # A window that ends sooner than a whole one after the last: places come back one by one.
            if self._remaining is not None and reset_at - self._reset_at < self.window - _ROUNDING_SECONDS:
                self._is_sliding = True
            self._remaining, self._reset_at = left, reset_at
        else:
            self._remaining = min(left, self._remaining)
            # Rounded up to whole seconds each time: the least of many answers is nearly exact.
            self._reset_at = min(reset_at, self._reset_at)

    def _free_at(self, sent_at: float) -> float:
        """When a request no longer counts."""
        return sent_at + self.window + _SLACK_SECONDS

    def _forget(self, now: float) -> None:
        """Forget what lies outside of the window; where it slides, the server has forgotten it too."""
        while self._sent and self._free_at(self._sent[0]) <= now:
            self._sent.popleft()
            if self._is_sliding and self._remaining is not None:
                self._remaining += 1


class RateLimiter:
    """Lets the requests of all threads through no faster than the organization's limit allows."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._budget = Budget()
        self.sent = 0  # over all windows

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until one more request may be sent, and count it as under way inside the block.

        Raising NotSent inside the block gives the place back.
        """
        sent_at = self._acquire()
        try:
            yield
        except NotSent:
            with self._changed:
                self._budget.take_back(sent_at)
                self.sent -= 1
        finally:
            with self._changed:
                self._budget.arrived()
                self._changed.notify_all()

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take over what the headers of an answer say; call it inside the slot."""
        with self._changed:
            self._budget.observe(headers, self._clock())
            self._changed.notify_all()

    def block(self, seconds: float) -> None:
        """Send nothing for a while, in any thread: the server said so."""
        with self._changed:
            self._budget.block(self._clock() + seconds)

    def seconds_for(self, requests: int) -> float:
        """How long the limit makes so many requests take at least, if nobody else uses it."""
        with self._changed:
            return max(0, requests - 1) // self._budget.limit * self._budget.window

    def _acquire(self) -> float:
        with self._changed:
            while (wait := self._budget.wait_seconds(self._clock())) > 0:
                self._changed.wait(wait)
            sent_at = self._clock()
            self._budget.send(sent_at)
            self.sent += 1
            return sent_at


def _policy(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    found = re.search(r"(\d+)\s*;\s*w=(\d+)", headers.get("RateLimit-Policy", ""))
    return (int(found[1]), float(found[2])) if found else (None, None)


def _left(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    text = headers.get("RateLimit", "")
    remaining = re.search(r"\bremaining=(\d+)", text)
    reset = re.search(r"\breset=(\d+)", text)
    return (int(remaining[1]) if remaining else None, float(reset[1]) if reset else None)
