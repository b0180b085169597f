"""The differences between the current health and what a channel was sent last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from didomi_source.health.judge import Judgement, Problem
from didomi_source.health.status import Concern, ExportStatus, Health, State

from .ledger import Told

LOAD, DIGEST = "(load)", "(digest)"
WELL = "well"  # in the ledger, of a subject without a problem

Recoveries = Callable[[], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Change:
    """A change of health.

    Args:
        subject: An export's id, or `LOAD`.
        title: The name of the subject.
        before: The state before; None where nothing was wrong.
        problem: What is wrong now; None for a recovery.
        since: When the state now began, where that is known.
        detail: The error, where there is one.
        lasted: Of a recovery, how long the state before lasted.
    """

    subject: str
    title: str
    before: State | None
    problem: Problem | None
    since: datetime | None = None
    detail: str = ""
    lasted: timedelta | None = None

    @property
    def is_severe(self) -> bool:
        """It is worth waking somebody."""
        return self.problem is not None and self.problem.kind.is_severe

    @property
    def state(self) -> str:
        """The state now, as the ledger holds it."""
        return self.problem.kind.value if self.problem else WELL


def changes(found: Judgement, told: Mapping[str, Told], now: datetime, recoveries: Recoveries) -> list[Change]:
    """The differences between the current health and what a channel was sent last.

    While the load is stale exports are not reported, since their state is not known.

    Args:
        found: The current health.
        told: Subject → what was sent last; a subject without an entry was well.
        now: The time of the judgement.
        recoveries: Reads the ends of incidents; called when there is a recovery.
    """
    before = told.get(LOAD)
    was_stale = before is not None and before.state == Concern.STALE
    if found.is_stale:
        problem = Problem(Concern.STALE, found.headline, None)  # the headline says since when
        return [] if was_stale else [Change(LOAD, "The load", None, problem, found.read_at)]
    news = []
    if before is not None and was_stale:
        lasted = now - (before.since_at or before.told_at)
        news.append(Change(LOAD, "The load", Concern.STALE, None, lasted=lasted))
    for export in found.exports:
        if export.health.is_retired:  # neither a problem nor a recovery
            continue
        change = _change(export, found.problems.get(export.export_id), told.get(export.export_id), now, recoveries)
        if change is not None:
            news.append(change)
    return news


def _change(
    export: ExportStatus, problem: Problem | None, told: Told | None, now: datetime, recoveries: Recoveries
) -> Change | None:
    before = _state_named(told.state) if told and told.state != WELL else None
    if before == (problem.kind if problem else None):
        return None
    if problem is None:
        began = told.since_at or told.told_at if told else now
        lasted = _ended(export.export_id, began, now, recoveries) - began
        return Change(export.export_id, export.title, before, None, lasted=lasted)
    detail = (export.last_error_message or "") if problem.kind.facts.has_error else ""
    return Change(export.export_id, export.title, before, problem, problem.since, detail)


def _state_named(name: str) -> State:
    """A state of the ledger, which another version may have written."""
    return Concern(name) if name in list(Concern) else Health(name)


def _ended(export_id: str, began: datetime, now: datetime, recoveries: Recoveries) -> datetime:
    """When the incident ended by the marts; now where they hold no end of it."""
    ends = [
        row["recovered_at"]
        for row in recoveries()
        if row["export_id"] == export_id and row["recovered_at"] and row["recovered_at"] >= began
    ]
    return min(ends, default=now)
