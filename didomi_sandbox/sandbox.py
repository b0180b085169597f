"""The state of a running sandbox."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from random import Random
from typing import TYPE_CHECKING

from .behaviour import Behaviour
from .faults import Fault, Faults
from .kinds import KINDS
from .limits import Limiter
from .recorder import Request
from .sessions import Sessions
from .store import ORGANIZATION, Store

if TYPE_CHECKING:
    from collections.abc import Iterable

_KEPT_REQUESTS = 50_000


class Sandbox:
    """A local Didomi API: its store, switches and faults, each replaceable while it is served, and its requests.

    Args:
        store: The contents; an empty store unless given.
        behaviour: The switches.
        faults: The rules.
    """

    organization_id = ORGANIZATION
    api_key = "sandbox-key"
    api_secret = "sandbox-secret"  # noqa: S105 - opens nothing but this sandbox

    def __init__(
        self, store: Store | None = None, behaviour: Behaviour | None = None, faults: Iterable[Fault] = ()
    ) -> None:
        self.base_url = ""  # where it is served, ending in `/v1`
        self.behaviour = behaviour or Behaviour()
        self._store = store or Store()
        self.clock = self._store.clock
        self.sessions = Sessions(self.clock)
        self._requests: deque[Request] = deque(maxlen=_KEPT_REQUESTS)
        self.store = self._store
        self.faults = faults
        self.reset()

    @property
    def store(self) -> Store:
        """The contents; another store takes over the clock."""
        return self._store

    @store.setter
    def store(self, store: Store) -> None:
        store.clock = self.clock
        self._store = store

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force; new ones count from 1."""
        return self.fault_rules.rules

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self.fault_rules = Faults(faults, KINDS)

    def reset(self) -> None:
        """Clear the requests, all counts and the random state; keep the tokens."""
        self._requests.clear()
        self.lists_read = 0
        self.limiter = Limiter()
        self.fault_rules = Faults(self.fault_rules.rules, KINDS)
        self.random = Random(self.behaviour.seed)  # noqa: S311 - a test wants it repeatable

    def record(self, request: Request) -> None:
        """Keep a request."""
        self._requests.append(request)

    @property
    def requests(self) -> list[Request]:
        """The latest 50,000 requests, the oldest first."""
        return list(self._requests)

    @property
    def list_requests(self) -> Counter[str]:
        """The number of requests for pages of logs, by export id (empty for none)."""
        return Counter(request.params.get("export_id", "") for request in self.requests if request.is_list)

    def max_requests_in_window(self, seconds: float | None = None) -> int:
        """The highest number of requests in any window.

        Args:
            seconds: The window's length; that of the rate limit (15 when there is none) unless given. A request that
                many seconds after another is outside its window.
        """
        _, window = self.behaviour.rate_limit or (0, 15)
        length = window if seconds is None else seconds
        times = [request.time for request in self.requests]
        return max((n - bisect_right(times, at - length) for n, at in enumerate(times, 1)), default=0)
