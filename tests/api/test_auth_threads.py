"""The token: when it is renewed, by whom, and how long it is thought to live."""

from __future__ import annotations

import base64
import json
import threading

import pytest

from didomi_source.api.auth import DEFAULT_LIFE_SECONDS, TokenCache


class Logins:
    """A login that takes some seconds of a clock that only it and the test move."""

    def __init__(self, *lives: float, takes: float = 0.0) -> None:
        self.lives, self.takes = list(lives), takes
        self.count, self.now = 0, 1000.0

    def __call__(self) -> str:
        self.now += self.takes
        self.count += 1
        life = self.lives[min(self.count, len(self.lives)) - 1]
        return token(exp=life, iat=0, jti=self.count)

    def clock(self) -> float:
        return self.now


def token(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"header.{payload}.signature"


@pytest.mark.parametrize(("life", "lasts"), [(3600, 3540), (600, 540), (300, 240), (100, 80), (10, 8)])
def test_a_token_is_renewed_shortly_before_its_end(life: float, lasts: float) -> None:
    """A minute before it, but not before four fifths of its life are over; counted from when it was asked for."""
    logins = Logins(life, takes=1.5)
    cache = TokenCache(logins, logins.clock)
    asked_at = logins.now
    first = cache.get()
    logins.now = asked_at + lasts - 0.01
    assert cache.is_current(first)
    assert (cache.get(), logins.count) == (first, 1)
    logins.now = asked_at + lasts
    assert not cache.is_current(first)
    second = cache.get()
    assert (second != first, logins.count, cache.is_current(second), cache.is_current(first)) == (True, 2, True, False)


def test_a_refused_token_is_not_handed_out_again() -> None:
    """Only the token in hand counts: one that was refused before it changes nothing."""
    logins = Logins(3600)
    cache = TokenCache(logins, logins.clock)
    first = cache.get()
    second = cache.get(refused=first)
    assert (second != first, logins.count) == (True, 2)
    assert (cache.get(refused=first), cache.get(refused=None), logins.count) == (second, second, 2)


def test_before_the_first_login_there_is_no_token() -> None:
    """Nothing is current, and nothing has to be kept out of messages."""
    logins = Logins(3600)
    cache = TokenCache(logins, logins.clock)
    assert (cache.current, cache.has_token, cache.is_current("x"), logins.count) == (None, False, False, 0)
    token = cache.get()
    assert (cache.current, cache.has_token) == (token, True)


def test_a_login_that_fails_leaves_things_as_they_were() -> None:
    """The error goes to who asked, and the next one tries again."""
    outcomes = iter([OSError("no"), token(exp=100, iat=0)])

    def login() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, OSError):
            raise outcome
        return outcome

    cache = TokenCache(login)
    with pytest.raises(OSError, match="no"):
        cache.get()
    assert not cache.has_token
    assert cache.get() == token(exp=100, iat=0)


def test_threads_with_the_same_refused_token_share_one_login() -> None:
    """Ten requests that meet 401 at once cost one login, and all get its token."""
    logins = Logins(3600)
    cache = TokenCache(logins, logins.clock)
    old = cache.get()
    together = threading.Barrier(10)
    found: list[str] = []

    def renew() -> None:
        together.wait()
        found.append(cache.get(refused=old))

    threads = [threading.Thread(target=renew) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (logins.count, found) == (2, [cache.current] * 10)
    assert cache.current != old


@pytest.mark.parametrize(("life", "renewals"), [(3600, 1), (60, 1), (59, 5), (1, 5)])
def test_short_tokens_may_be_renewed_more_often(life: float, renewals: int) -> None:
    """One 401 with a fresh token is proof enough, unless tokens live for seconds."""
    logins = Logins(life)
    cache = TokenCache(logins, logins.clock)
    assert cache.renewals == 1
    cache.get()
    assert cache.renewals == renewals


@pytest.mark.parametrize(
    ("issued", "life"),
    [
        (token(exp=1_900_000_900, iat=1_900_000_000), 900.0),
        (token(exp="1900000900", iat="1900000000"), 900.0),
        (token(exp=900.5, iat=0, sub="ü" * 2), 900.5),
        (token(exp=900, iat=0, pad="a"), 900.0),
        (token(exp=900, iat=0, pad="aa"), 900.0),
        (token(exp=3599, iat=0), 3599.0),
        (token(exp=3600, iat=0), DEFAULT_LIFE_SECONDS),
        (token(exp=86400, iat=0), DEFAULT_LIFE_SECONDS),
        (token(exp=0.5, iat=0), 0.5),
        (token(exp=0, iat=0), DEFAULT_LIFE_SECONDS),
        (token(exp=0, iat=900), DEFAULT_LIFE_SECONDS),
        (token(exp=900), DEFAULT_LIFE_SECONDS),
        (token(iat=900), DEFAULT_LIFE_SECONDS),
        (token(exp=None, iat=0), DEFAULT_LIFE_SECONDS),
        (token(exp="soon", iat=0), DEFAULT_LIFE_SECONDS),
        ("opaque", DEFAULT_LIFE_SECONDS),
        ("header.!.signature", DEFAULT_LIFE_SECONDS),
        ("header.W10.signature", DEFAULT_LIFE_SECONDS),
        ("header.bm8.signature", DEFAULT_LIFE_SECONDS),
        ("header.A.signature", DEFAULT_LIFE_SECONDS),
    ],
)
def test_a_token_says_how_long_it_lives(issued: str, life: float) -> None:
    """`exp` less `iat`, if that is less than an hour; an hour for anything else."""
    now = [0.0]
    cache = TokenCache(lambda: issued, lambda: now[0])
    cache.get()
    now[0] = max(life - 60, life * 0.8) - 0.001
    assert cache.is_current(issued)
    now[0] += 0.001
    assert not cache.is_current(issued)
