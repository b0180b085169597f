"""The limit is kept busy and not tripped: a simulation on a clock that nobody has to wait for."""

from __future__ import annotations

import heapq
import random
from typing import NamedTuple

import pytest

from didomi_sandbox import Behaviour
from didomi_sandbox.limits import Limiter
from didomi_source.api.rate_limit import Budget

LIMIT, WINDOW = 100, 15.0


class Outcome(NamedTuple):
    """How a simulated read went."""

    seconds: float
    requests: int
    refused: int


def simulate(requests: int, behaviour: Behaviour, *, slowest: float, workers: int = 4, seed: int = 1) -> Outcome:
    """Send so many requests from several workers, against the limit of the sandbox; what is refused is sent again.

    Args:
        requests: How many have to be answered.
        behaviour: The limit.
        slowest: The seconds that an answer takes at most on its way back; a request takes a half on its way there.
        workers: How many send side by side.
        seed: Of the ways' seconds.
    """
    budget, server, latency = Budget(), Limiter(), random.Random(seed)
    waiting = [(0.0, worker) for worker in range(workers)]
    answers: list[tuple[float, int, dict[str, str], bool]] = []
    done = sent = refused = 0
    now = 0.0
    while done < requests:
        now = max(now, min([at for at, *_ in (*waiting[:1], *answers[:1])]))
        if answers and answers[0][0] <= now:
            _, worker, headers, allowed = heapq.heappop(answers)
            budget.observe(headers, now)
            budget.answered(now)
            if not allowed:
                budget.block(now + max(float(headers["Retry-After"]), 0.5))
            done, refused = done + allowed, refused + (not allowed)
            # Whoever waits looks again when an answer has come.
            waiting = [(now, other) for _, other in waiting] + [(now, worker)]
            continue
        _, worker = heapq.heappop(waiting)
        if done + len(answers) >= requests:
            continue
        if (wait := budget.wait_seconds(now)) > 0:
            heapq.heappush(waiting, (now + wait, worker))
            continue
        budget.send()
        sent += 1
        there = now + latency.uniform(slowest / 10, slowest / 2)
        verdict = server.check(there, behaviour)
        heapq.heappush(
            answers, (there + latency.uniform(slowest / 5, slowest), worker, verdict.headers, verdict.allowed)
        )
    return Outcome(now, sent, refused)


def unavoidable(requests: int, share: float = 0.0) -> float:
    """The seconds that the limit makes so many requests take, whoever sends them."""
    return (requests - 1) // int(LIMIT * (1 - share)) * WINDOW


# 20,000 logs in 4 exports: 203 pages, 4 probes, a login and two lists of exports.
BACKFILL = 210
SLOWEST = [0.005, 0.1]


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize("slowest", SLOWEST)
@pytest.mark.parametrize("seed", range(20))
def test_a_backfill_takes_no_longer_than_the_limit_makes_it(window: str, seed: int, slowest: float) -> None:
    """20,000 logs in 4 exports take at most 1.05 times what 100 requests in 15 seconds allow, and none is refused."""
    found = simulate(BACKFILL, Behaviour(rate_limit=(LIMIT, WINDOW), rate_window=window), seed=seed, slowest=slowest)
    assert (found.requests, found.refused) == (BACKFILL, 0)
    assert unavoidable(BACKFILL) == 30
    assert 30 <= found.seconds <= 1.05 * 30


@pytest.mark.parametrize("window", ["sliding", "fixed"])
@pytest.mark.parametrize("slowest", SLOWEST)
@pytest.mark.parametrize("seed", range(20))
def test_another_client_costs_time_but_hardly_refusals(window: str, seed: int, slowest: float) -> None:
    """With half of the limit used by somebody else, fewer than one request in a hundred is refused."""
    behaviour = Behaviour(rate_limit=(LIMIT, WINDOW), rate_window=window, other_client_share=0.5)
    found = simulate(BACKFILL, behaviour, seed=seed, slowest=slowest)
    assert found.refused < found.requests / 100
    assert found.seconds <= 2 * unavoidable(BACKFILL, 0.5)
