"""The verdict's first sentence, from how many exports are in which health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .status import BAD, RETIRED
from .words import grouped, listed


@dataclass(frozen=True)
class Tense:
    """The verbs of a sentence.

    Args:
        one: For one export.
        many: For more.
        can: May be known.
        cannot: May not.
    """

    one: str
    many: str
    can: str
    cannot: str

    def of(self, count: int) -> str:
        """The verb that goes with a number."""
        return self.one if count == 1 else self.many


NOW = Tense("is", "are", "can", "cannot")
THEN = Tense("was", "were", "could", "could not")


def headline(health: Mapping[str, int], *, unusual: int = 0, unread: int = 0, tense: Tense = NOW) -> str:
    """Say how many exports are bad, or that all are well.

    Args:
        health: Health → how many exports; the retired are not counted.
        unusual: How many exports delivered an unusual number of users last.
        unread: How many were not read completely lately.
        tense: Of now, or of a past that is all one knows.
    """
    total = sum(count for kind, count in health.items() if kind != RETIRED)
    if not total:
        return f"All exports {tense.many} retired"
    bad = [(health[kind], kind) for kind in BAD if health.get(kind)]
    if bad:
        return listed(_bad(bad, total, tense))
    healthy = health.get("healthy", 0)
    if healthy < total:
        return _unjudged(healthy, total, tense)
    well = (
        f"The only export {tense.one} healthy" if total == 1 else f"All {grouped(total)} exports {tense.many} healthy"
    )
    doubts = [f"{_it(unread, total)} {_was(unread)} not read completely"] * bool(unread)
    doubts += [f"{_it(unusual, total)} delivered an unusual number of users"] * bool(unusual)
    return f"{well}, but {' and '.join(doubts)}" if doubts else well


def _bad(counts: list[tuple[int, str]], total: int, tense: Tense) -> list[str]:
    """2 of 5 exports are failing; 1 is late."""
    (count, kind), *others = counts
    if total == 1:
        first = "The only export"
    elif count == total:
        first = f"All {grouped(total)} exports"
    else:
        first = f"{grouped(count)} of {grouped(total)} exports"
    return [f"{first} {tense.of(count)} {kind}", *(f"{grouped(n)} {tense.of(n)} {what}" for n, what in others)]


def _unjudged(healthy: int, total: int, tense: Tense) -> str:
    if total == 1:
        return f"The only export {tense.cannot} be judged"
    if not healthy:
        return f"None of the {grouped(total)} exports {tense.can} be judged"
    first = f"{grouped(healthy)} of {grouped(total)} exports {tense.of(healthy)} healthy"
    return f"{first}; {grouped(total - healthy)} {tense.cannot} be judged"


def _it(count: int, total: int) -> str:
    return "it" if total == 1 else grouped(count)


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
