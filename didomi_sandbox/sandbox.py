"""The state of a running sandbox: what it knows, how it behaves, and what it was asked."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from .behaviour import Behaviour
from .faults import Fault, Faults
from .kinds import KINDS
from .limits import Limiter
from .recorder import Recorder, Request
from .sessions import Sessions
from .store import Store

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable


class Sandbox:
    """A local Didomi API: what it knows, how it behaves, what goes wrong, and what it was asked.

    Attributes:
        base_url: Where it is served, ending in ``/v1``.
        api_key: A key that can log in.
        api_secret: The secret to it.
        behaviour: How it behaves; may be replaced at any time.
        recorder: What it was asked.
        lists_read: How many lists of logs it has read since the last reset.
    """

    def __init__(
        self,
        store: Store | None = None,
        behaviour: Behaviour | None = None,
        faults: Iterable[Fault] = (),
        *,
        api_key: str = "sandbox-key",
        api_secret: str = "sandbox-secret",  # noqa: S107 - opens nothing but this sandbox
    ) -> None:
        """Prepare everything but the socket.

        Args:
            store: The truth; an empty one unless given.
            behaviour: The switches.
            faults: The rules.
            api_key: The key to accept.
            api_secret: The secret to accept with it.
        """
        self.base_url = ""
        self.api_key, self.api_secret = api_key, api_secret
        self.behaviour = behaviour or Behaviour()
        self._store = store or Store()
        self.clock = self._store.clock
        self.sessions = Sessions(self.clock)
        self.recorder = Recorder()
        self.store = self._store
        self.faults = faults
        self.reset()

    @property
    def organization_id(self) -> str:
        """The organization that the key belongs to."""
        return self._store.organization_id

    @property
    def store(self) -> Store:
        """The truth; may be replaced at any time by another store."""
        return self._store

    @store.setter
    def store(self, store: Store) -> None:
        store.clock = self.clock
        store.add_key(self.api_key, self.api_secret)
        store.start()
        self._store = store

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The rules in force; replacing them starts their counts anew."""
        return self.fault_rules.rules

    @faults.setter
    def faults(self, faults: Iterable[Fault]) -> None:
        self.fault_rules = Faults(faults, KINDS)

    def reset(self) -> None:
        """Forget the requests, all counts and the random state; keep the tokens."""
        self.recorder.clear()
        self.lists_read = 0
        self.limiter = Limiter()
        self.fault_rules = Faults(self.fault_rules.rules, KINDS)
        self.random = Random(self.behaviour.seed)  # noqa: S311 - a test wants it repeatable

    @property
    def requests(self) -> list[Request]:
        """What it was asked, the oldest first."""
        return self.recorder.all()

    @property
    def list_requests(self) -> Counter[str]:
        """How many pages of logs were asked for, by export id."""
        return self.recorder.list_counts()

    def max_requests_in_window(self, seconds: float | None = None) -> int:
        """Return the highest number of the organization's requests within any window.

        Args:
            seconds: The window's length; that of the rate limit (15 when there is none) unless given.
        """
        _, window = self.behaviour.rate_limit or (0, 15)
        return self.recorder.most_in_window(window if seconds is None else seconds, self.organization_id)
