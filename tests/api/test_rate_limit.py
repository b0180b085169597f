"""Never more requests in a window than the organization may send, by our own count and by the server's word."""

from __future__ import annotations

import threading
from bisect import bisect_right
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didomi_source.api.rate_limit import NotSent, RateLimiter


class Time(threading.Condition):
    """A clock that only waiting moves; it stands in for the limiter's condition."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        return False


def limiter_of(time: Time) -> RateLimiter:
    limiter = RateLimiter(time)
    limiter._changed = time
    return limiter


def headers(limit: int, remaining: int, reset: int, window: int = 15) -> dict[str, str]:
    return {
        "RateLimit": f"limit={limit}, remaining={remaining}, reset={reset}",
        "RateLimit-Policy": f"{limit};w={window}",
    }


def most_in_a_window(sent: list[float], window: float) -> int:
    return max((bisect_right(sent, start + window) - i for i, start in enumerate(sent)), default=0)


def test_the_documented_limit_holds_without_a_word_from_the_server() -> None:
    """100 requests in 15 seconds, and then as soon as possible: a thousand take two minutes and a quarter."""
    time = Time()
    limiter = limiter_of(time)
    sent = []
    for _ in range(1000):
        with limiter.slot():
            sent.append(time.now)
    assert most_in_a_window(sent, 15.0) == 100
    assert sent[-1] == pytest.approx(9 * 15.02)


@given(
    limit=st.integers(1, 30),
    window=st.integers(1, 20),
    gaps=st.lists(st.floats(0, 10), min_size=1, max_size=150),
    offset=st.floats(0, 20),
    others=st.integers(0, 5),
)
def test_a_server_that_counts_never_has_to_refuse(
    limit: int, window: int, gaps: list[float], offset: float, others: int
) -> None:
    """A server with fixed windows, which other clients use too, is asked no more often than it says."""
    time = Time()
    limiter = limiter_of(time)
    used: dict[int, int] = {}
    sent: list[float] = []
    refused = 0
    for gap in gaps:
        time.now += gap
        with limiter.slot():
            sent.append(time.now)
            number, into = divmod(time.now + offset + 1e-9, window)  # a wait may end a rounding error early
            # Others take their part when a window begins; the first request of ours in it learns of them.
            used.setdefault(int(number), min(others, limit))
            first = used[int(number)] == min(others, limit)
            refused += used[int(number)] >= limit and not first
            used[int(number)] += 1
            reset = max(1, -int(-(window - into) // 1))
            limiter.observe(headers(limit, max(0, limit - used[int(number)]), reset, window))
    assert refused == 0
    assert most_in_a_window(sent, window) <= limit


def test_the_server_is_waited_for_when_others_have_used_it_up() -> None:
    """`remaining=0` stops all until its window is over; then one request finds out how it is."""
    time = Time()
    limiter = limiter_of(time)
    with limiter.slot():
        limiter.observe(headers(100, 0, 7))
    with limiter.slot():
        assert time.now == 7.0
        limiter.observe(headers(100, 99, 15))
    with limiter.slot():
        assert time.now == 7.0


def test_the_smaller_word_counts_within_a_window() -> None:
    """Answers may overtake each other: an older one that knows of fewer requests is not believed."""
    time = Time()
    limiter = limiter_of(time)
    with limiter.slot():
        limiter.observe(headers(100, 1, 10))
        limiter.observe(headers(100, 50, 10))
    with limiter.slot():
        assert time.now == 0.0
    with limiter.slot():
        assert time.now == 10.0


def test_requests_under_way_are_counted_as_sent() -> None:
    """The server cannot know of what has not arrived: three that are under way leave none of the two that it grants."""
    time = Time()
    limiter = limiter_of(time)
    with ExitStack() as under_way:
        for _ in range(3):
            under_way.enter_context(limiter.slot())
        limiter.observe(headers(100, 2, 9))
    with limiter.slot():
        assert time.now == 9.0


def test_a_slow_request_counts_from_its_answer_on() -> None:
    """When it arrived there is not known: the server's window may have begun only just before the answer."""
    time = Time()
    limiter = limiter_of(time)
    with limiter.slot():
        time.now += 3.0
        limiter.observe({"RateLimit-Policy": "1;w=15"})
    with limiter.slot():
        assert time.now == pytest.approx(3.0 + 15.02)


def test_an_order_to_wait_holds_for_all() -> None:
    """`Retry-After` stops every thread, and a shorter one does not shorten it."""
    time = Time()
    limiter = limiter_of(time)
    limiter.block(5)
    limiter.block(2)
    with limiter.slot():
        assert time.now == 5.0


def test_a_request_that_was_not_sent_gives_its_place_back() -> None:
    """Nor does it count against what the server has granted."""
    time = Time()
    limiter = limiter_of(time)
    with limiter.slot():
        limiter.observe(headers(2, 1, 10, 10))
    for _ in range(5):
        with limiter.slot():
            raise NotSent
    with limiter.slot():
        assert time.now == 0.0
    with limiter.slot():
        assert time.now >= 10.0


def test_an_error_inside_a_slot_is_not_swallowed() -> None:
    """A request that was sent counts, however it ended."""
    time = Time()
    limiter = limiter_of(time)
    with limiter.slot():
        limiter.observe(headers(1, 1, 10, 10))
    with pytest.raises(OSError, match="reset"), limiter.slot():
        raise OSError("reset")
    assert time.now == pytest.approx(10.02)


@pytest.mark.parametrize(
    "said",
    [
        {}, {"RateLimit": ""}, {"RateLimit": "remaining=0"}, {"RateLimit": "limit=x, remaining=-, reset=?"},
        {"RateLimit-Policy": "0;w=15"}, {"RateLimit-Policy": "100"}, {"RateLimit-Policy": "5;w=0"},
        {"RateLimit-Policy": "1;w=99999999999999"}, {"RateLimit": "limit=100, remaining=0, reset=86400"},
        {"RateLimit": "limit=100, remaining=0, reset=1796057321"},
    ],
)  # fmt: skip
def test_headers_that_say_nothing_change_nothing(said: dict[str, str]) -> None:
    """The documented limit goes on."""
    time = Time()
    limiter = limiter_of(time)
    sent = []
    for _ in range(101):
        with limiter.slot():
            sent.append(time.now)
            limiter.observe(said)
    assert sent[99:] == [0.0, pytest.approx(15.02)]


def test_a_thread_that_waits_goes_on_when_another_is_told_better() -> None:
    """With real threads and time: the end of the window is not slept through."""
    limiter = RateLimiter()
    with limiter.slot():
        limiter.observe(headers(100, 0, 30))
    done = threading.Event()

    def ask() -> None:
        with limiter.slot():
            done.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert not done.wait(0.2)
    limiter.observe(headers(100, 50, 2))
    assert done.wait(5)
