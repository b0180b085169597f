"""One token for all threads: kept while it is good, renewed once when it is not."""

from __future__ import annotations

import base64
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from didomi_source.api.auth import DEFAULT_LIFE_SECONDS, TokenCache


class Login:
    """Hands out tokens and counts them; `now` is the clock.

    Args:
        claims: What the tokens say of their life.
    """

    def __init__(self, claims: Any = None) -> None:
        self.claims = claims
        self.count = 0
        self.now = 1000.0
        self.cache = TokenCache(self, lambda: self.now)

    def __call__(self) -> str:
        self.count += 1
        return token(self.claims, self.count)


def token(claims: Any, number: int = 1) -> str:
    """A JWT, or what passes for one."""
    if isinstance(claims, str):
        return claims
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header{number}.{payload}.signature"


@pytest.mark.parametrize(
    ("claims", "seconds"),
    [
        ({"iat": 5000, "exp": 5000 + 3600}, 3540),
        ({"iat": 5000, "exp": 5000 + 600}, 540),
        ({"iat": 5000, "exp": 5000 + 20}, 16),  # a margin of a minute would leave nothing
        ({"iat": 5000.5, "exp": "5020.5"}, 16),
        ({"iat": 5000, "exp": 5000 + 86_400}, 3540),  # an hour is what the documentation grants
        ({"iat": 5000, "exp": 4000}, 3540),
        ({"exp": 5000}, 3540),
        ({"iat": None, "exp": None}, 3540),
        ([], 3540),
        ("opaque", 3540),
        ("a.%%%.c", 3540),
        ("a.////.c", 3540),
    ],
)  # fmt: skip
def test_a_token_is_kept_until_shortly_before_its_end(claims: Any, seconds: float) -> None:
    """Its own life counts where it tells one, measured from when it was asked for: clocks may differ."""
    login = Login(claims)
    first = login.cache.get()
    login.now += seconds - 0.01
    assert (login.cache.get(), login.count, login.cache.is_current(first)) == (first, 1, True)
    login.now += 0.02
    assert not login.cache.is_current(first)
    login.cache.get()
    assert login.count == 2
    assert seconds < DEFAULT_LIFE_SECONDS


def test_a_refused_token_is_not_handed_out_again() -> None:
    """401 renews it, and the refusal of an older one does not."""
    login = Login()
    first = login.cache.get()
    second = login.cache.get(refused=first)
    assert second != first
    assert login.cache.get(refused=first) == second
    assert (login.count, login.cache.is_current(first), login.cache.is_current(second)) == (2, False, True)


def test_threads_that_were_refused_together_share_one_login() -> None:
    """One of them logs in, the others get what it brought."""
    login = Login()
    first = login.cache.get()
    barrier = threading.Barrier(8)

    def ask(_: int) -> str:
        barrier.wait(10)
        return login.cache.get(refused=first)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert login.count == 2


def test_a_login_that_fails_leaves_nothing_behind() -> None:
    """The next one who asks logs in again."""
    answers: list[Exception | str] = [OSError("down"), "token"]

    def log_in() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    cache = TokenCache(log_in)
    with pytest.raises(OSError, match="down"):
        cache.get()
    assert (cache.has_token, cache.current) == (False, None)
    assert cache.get() == "token"
    assert (cache.has_token, cache.current) == (True, "token")


@pytest.mark.parametrize(("life", "renewals"), [(3600, 1), (60, 1), (59, 5), (1, 5)])
def test_a_token_of_seconds_may_die_on_the_way_more_than_once(life: int, renewals: int) -> None:
    """One that lives long and is refused is a refusal, after one more try."""
    login = Login({"iat": 0, "exp": life})
    login.cache.get()
    assert login.cache.renewals == renewals
