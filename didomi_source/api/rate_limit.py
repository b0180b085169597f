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
# Two clocks do not tick alike.
_SLACK_SECONDS = 0.02
# A longer one is no order of this API, and nobody would know why a run waits: an answer 429 says when to come back.
_LONGEST_RESET_SECONDS = 60.0
_LONGEST_WINDOW_SECONDS = 3600.0
# `reset` is rounded up to whole seconds, and the answer has been on its way.
_ROUNDING_SECONDS = 1.5


class NotSent(Exception):
    """Raised inside a slot: no request was sent after all."""


class Budget:
    """What may be sent when; it knows no clock and no threads.

    A request that we sent counts until a whole window after its answer: when it arrived there only the server
    knows, but no later than that.
    """

    def __init__(self) -> None:
        self.limit = DEFAULT_LIMIT
        self.window = DEFAULT_WINDOW_SECONDS
        self._in_flight = 0
        self._answered: deque[float] = deque()
        self._remaining: int | None = None  # what the server says is left until _reset_at
        self._told_at = 0.0  # when it said so last
        self._reset_at = 0.0
        self._is_sliding = False  # known once it has shown
        self._blocked_until = 0.0

    def wait_seconds(self, now: float) -> float:
        """How long the next request has to wait, at least; 0 when it may be sent. An answer may change it."""
        self._forget(now)
        if now < self._blocked_until:
            return self._blocked_until - now
        if (excess := self._used - self.limit) >= 0:
            return self._free_at(self._answered[excess]) - now if excess < len(self._answered) else self.window
        if self._remaining is None or self._remaining > 0:
            return 0.0
        if now < self._reset_at:
            ours = self._free_at(self._answered[0]) if self._is_sliding and self._answered else self._reset_at
            return min(self._reset_at, ours) - now
        # The window is over, as far as whole seconds tell: one request finds out, the others wait.
        return self.window if self._in_flight else 0.0

    def send(self) -> None:
        """Count a request as under way."""
        self._in_flight += 1
        if self._remaining is not None:
            self._remaining -= 1

    def take_back(self) -> None:
        """Forget a request that was not sent after all."""
        self._in_flight -= 1
        if self._remaining is not None:
            self._remaining += 1

    def answered(self, now: float) -> None:
        """Count a request as answered, or as given up."""
        self._in_flight -= 1
        self._answered.append(now)

    def observe(self, headers: Mapping[str, str], now: float) -> None:
        """Take over what the headers of an answer say, before it counts as answered."""
        limit, window = _policy(headers)
        if limit and window and window <= _LONGEST_WINDOW_SECONDS:
            self.limit, self.window = limit, window
        remaining, reset = _left(headers)
        if remaining is not None and reset is not None and reset <= max(self.window, _LONGEST_RESET_SECONDS):
            self._take_over(remaining, now, now + reset)

    def block(self, until: float) -> None:
        """Let nothing through until then: the server said so."""
        self._blocked_until = max(self._blocked_until, until)

    @property
    def _used(self) -> int:
        return len(self._answered) + self._in_flight

    def _take_over(self, remaining: int, now: float, reset_at: float) -> None:
        self._told_at = now
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

    def _free_at(self, answered_at: float) -> float:
        return answered_at + self.window + _SLACK_SECONDS

    def _forget(self, now: float) -> None:
        """Forget what lies outside of the window; where it slides, so did the server since it last spoke."""
        while self._answered and self._free_at(self._answered[0]) <= now:
            is_news = self._answered.popleft() + self.window > self._told_at
            if self._is_sliding and self._remaining is not None and is_news:
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
        self._acquire()
        was_sent = True
        try:
            yield
        except NotSent:
            was_sent = False
        finally:
            with self._changed:
                self._release(was_sent=was_sent)
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

    def _acquire(self) -> None:
        with self._changed:
            while (wait := self._budget.wait_seconds(self._clock())) > 0:
                self._changed.wait(wait)
            self._budget.send()
            self.sent += 1

    def _release(self, *, was_sent: bool) -> None:
        if was_sent:
            self._budget.answered(self._clock())
        else:
            self._budget.take_back()
            self.sent -= 1


def _policy(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    found = re.search(r"(\d+)\s*;\s*w=(\d+)", headers.get("RateLimit-Policy", ""))
    return (int(found[1]), float(found[2])) if found else (None, None)


def _left(headers: Mapping[str, str]) -> tuple[int | None, float | None]:
    text = headers.get("RateLimit", "")
    remaining = re.search(r"\bremaining=(\d+)", text)
    reset = re.search(r"\breset=(\d+)", text)
    return (int(remaining[1]) if remaining else None, float(reset[1]) if reset else None)
