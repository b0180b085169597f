"""Faults: which request meets one, and what it then gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .answers import Answer

Route = Literal["login", "logs", "integrations", "other"]


@dataclass(frozen=True)
class Scene:
    """What a fault knows about the request it meets.

    Attributes:
        route: Where the request went.
        params: Its query parameters.
        host: The host and port that it named.
        target: Its path and query, as sent.
        number: How many requests this fault has met before, plus one.
        random: Source of everything random.
        read: For the list of logs, reads the items of another page of it, by limit and skip.
    """

    route: Route
    params: Mapping[str, str]
    host: str
    target: str
    number: int
    random: Random
    read: Callable[[int, int], list[bytes]] | None = None


@dataclass(frozen=True)
class Kind:
    """What a fault does.

    Attributes:
        name: What it is called.
        play: Makes an answer, or changes the good one.
        replaces: Whether it stands in for the answer (then it meets every request), instead of spoiling a good one
            (then it meets and counts only requests that would have been answered with 2xx).
    """

    name: str
    play: Callable[[Scene, Answer], Answer]
    replaces: bool = False


@dataclass(frozen=True)
class Fault:
    """A rule: a kind of fault for some of the requests. Without a condition it is for every one of them.

    Attributes:
        kind: What happens, by name or made by one of the functions in `kinds` and `payloads`.
        on: The route; None for all.
        export_id: Only requests for this export.
        nth: Only the nth matching request (or any of several), from 1.
        every: Only each nth matching request.
        first: Only the first n matching requests.
        probability: Only so many of them by chance, 0 to 1.
        seed: The seed of that chance.
    """

    kind: str | Kind
    on: Route | None = "logs"
    export_id: str | None = None
    nth: int | tuple[int, ...] | None = None
    every: int | None = None
    first: int | None = None
    probability: float | None = None
    seed: int = 0

    def concerns(self, route: Route, export_id: str | None) -> bool:
        """Tell whether requests like this are counted by the rule."""
        return self.on in (None, route) and self.export_id in (None, export_id)

    def strikes(self, number: int, random: Random) -> bool:
        """Tell whether the rule's nth matching request meets the fault."""
        wanted = (self.nth,) if isinstance(self.nth, int) else self.nth
        return (
            (wanted is None or number in wanted)
            and (self.every is None or number % self.every == 0)
            and (self.first is None or number <= self.first)
            and (self.probability is None or random.random() < self.probability)
        )


@dataclass
class _Count:
    fault: Fault
    kind: Kind
    random: Random
    seen: int = 0
    struck: int = 0


@dataclass(frozen=True)
class Struck:
    """A fault that a request meets, and how many met it before, plus one."""

    kind: Kind
    number: int
    random: Random = field(compare=False)


class Faults:
    """The rules in force, and how often each has matched."""

    def __init__(self, faults: Iterable[Fault], kinds: Mapping[str, Kind]) -> None:
        """Start counting.

        Args:
            faults: The rules.
            kinds: The kinds that have a name.

        Raises:
            KeyError: A rule names a kind that does not exist.
        """
        self.rules = tuple(faults)
        self._counts = [
            _Count(fault, kinds[fault.kind] if isinstance(fault.kind, str) else fault.kind, Random(fault.seed))  # noqa: S311 - a test wants it repeatable
            for fault in self.rules
        ]

    def meet(self, route: Route, export_id: str | None, *, replacing: bool) -> list[Struck]:
        """Count a request, and return the faults that it meets, in the order of the rules."""
        struck = []
        for count in self._counts:
            if count.kind.replaces is replacing and count.fault.concerns(route, export_id):
                count.seen += 1
                if count.fault.strikes(count.seen, count.random):
                    count.struck += 1
                    struck.append(Struck(count.kind, count.struck, count.random))
        return struck
