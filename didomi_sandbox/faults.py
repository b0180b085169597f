"""Faults: which request meets one, and what it then gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .answers import Answer
    from .recorder import Request

Route = Literal["login", "logs", "integrations", "other"]


@dataclass(frozen=True)
class Scene:
    """The request that meets a fault.

    Args:
        request: The request.
        read: For the list of logs, reads the items of another page of it, by limit and skip.
    """

    request: Request
    read: Callable[[int, int], list[bytes]] | None = None


@dataclass(frozen=True)
class Kind:
    """What a fault does.

    Args:
        name: Its name.
        play: Makes an answer, or changes the good one.
        replaces: Whether it replaces the answer (then it meets every request) or spoils a good one (then it meets and
            counts only requests that would have been answered with 2xx).
    """

    name: str
    play: Callable[[Scene, Answer], Answer]
    replaces: bool = False


@dataclass(frozen=True)
class Fault:
    """A rule: a kind of fault for some of the requests. Without a condition every request meets it.

    Args:
        kind: What happens: a name, or a kind made by one of the functions in `kinds` and `payloads`.
        on: The route; None for all.
        export_id: Only requests for this export.
        nth: Only the nth matching request (or any of several), from 1.
        every: Only each nth matching request.
        first: Only the first n matching requests.
    """

    kind: str | Kind
    on: Route | None = "logs"
    export_id: str | None = None
    nth: int | tuple[int, ...] | None = None
    every: int | None = None
    first: int | None = None

    def concerns(self, route: Route, export_id: str | None) -> bool:
        """Whether the rule counts requests like this."""
        return self.on in (None, route) and self.export_id in (None, export_id)

    def strikes(self, number: int) -> bool:
        """Whether the rule's nth matching request meets the fault."""
        wanted = (self.nth,) if isinstance(self.nth, int) else self.nth
        return (
            (wanted is None or number in wanted)
            and (self.every is None or number % self.every == 0)
            and (self.first is None or number <= self.first)
        )


class Faults:
    """The rules in force, and how many requests each has matched.

    Args:
        faults: The rules.
        kinds: The kinds that have a name.

    Raises:
        KeyError: A rule names a kind that does not exist.
    """

    def __init__(self, faults: Iterable[Fault], kinds: Mapping[str, Kind]) -> None:
        self.rules = tuple(faults)
        self._kinds = [kinds[rule.kind] if isinstance(rule.kind, str) else rule.kind for rule in self.rules]
        self._seen = [0] * len(self.rules)

    def meet(self, route: Route, export_id: str | None, *, replacing: bool) -> list[Kind]:
        """Count a request, and return the faults that it meets, in the order of the rules."""
        met = []
        for number, (rule, kind) in enumerate(zip(self.rules, self._kinds, strict=True)):
            if kind.replaces is replacing and rule.concerns(route, export_id):
                self._seen[number] += 1
                if rule.strikes(self._seen[number]):
                    met.append(kind)
        return met
