"""The first sentence of a judgement, from the number of exports in each health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .status import Health
from .words import grouped, listed


@dataclass(frozen=True)
class Tense:
    """The verbs of a sentence."""

    one: str
    many: str
    can: str
    cannot: str

    def verb(self, count: int) -> str:
        """The verb that goes with a number."""
        return self.one if count == 1 else self.many


NOW = Tense("is", "are", "can", "cannot")
THEN = Tense("was", "were", "could", "could not")


def headline(health: Mapping[Health, int], *, unusual: int = 0, tense: Tense = NOW) -> str:
    """How many exports are bad, or that all are healthy.

    Args:
        health: Health → number of exports; the retired are not counted.
        unusual: Number of exports whose last delivery was unusual.
        tense: Of the present, or of a past that is all that is known.
    """
    counts = {kind: count for kind, count in health.items() if not kind.is_retired}
    total = sum(counts.values())
    if not total:
        return f"All exports {tense.many} retired"
    bad = sorted((kind for kind in counts if kind.is_bad), key=lambda kind: kind.rank)
    if bad:
        return listed(_bad([(counts[kind], kind.label) for kind in bad], total, tense), len(bad))
    healthy = counts.get(Health.HEALTHY, 0)
    if healthy < total:
        return _unjudged(healthy, total, tense)
    all_of_them = f"The only export {tense.one}" if total == 1 else f"All {grouped(total)} exports {tense.many}"
    which = "it" if total == 1 else grouped(unusual)
    return f"{all_of_them} healthy" + f", but {which} delivered an unusual number of users" * bool(unusual)


def _bad(counts: list[tuple[int, str]], total: int, tense: Tense) -> list[str]:
    """2 of 5 exports are failing; 1 is late."""
    (count, label), *others = counts
    if total == 1:
        first = "The only export"
    elif count == total:
        first = f"All {grouped(total)} exports"
    else:
        first = f"{grouped(count)} of {grouped(total)} exports"
    return [f"{first} {tense.verb(count)} {label}", *(f"{grouped(n)} {tense.verb(n)} {other}" for n, other in others)]


def _unjudged(healthy: int, total: int, tense: Tense) -> str:
    if total == 1:
        return f"The only export {tense.cannot} be judged"
    if not healthy:
        return f"None of the {grouped(total)} exports {tense.can} be judged"
    first = f"{grouped(healthy)} of {grouped(total)} exports {tense.verb(healthy)} healthy"
    return f"{first}; {grouped(total - healthy)} {tense.cannot} be judged"
