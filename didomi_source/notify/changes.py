"""The differences between the current health and what a channel was sent last."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from didomi_source.health.judge import Judgement, Problem
from didomi_source.health.states import State
from didomi_source.health.status import Concern, ExportStatus, Health
from didomi_source.health.verdicts import Verdict

from .ledger import Told

LOAD, DIGEST, FILES = "(load)", "(digest)", "(files)"  # of all exports that are judged: see `subject_of`
WELL = "well"  # in the ledger, of a subject without a problem

_RIGHT = {Verdict.AS_CLAIMED, Verdict.DELIVERED_ALTHOUGH_FAILED}

Recoveries = Callable[[], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class Change:
    """A change of health.

    Args:
        subject: An export's id, that of a delivery, or what `subject_of` returns.
        title: The name of the subject.
        before: The state before; None where nothing was wrong.
        problem: What is wrong now; None for a recovery.
        since: When the state now began, where that is known.
        detail: The error, where there is one.
        lasted: Of a recovery, how long the state before lasted.
        is_news: Whether a message reports it; the others are only written to the ledger.
    """

    subject: str
    title: str
    before: State | None
    problem: Problem | None
    since: datetime | None = None
    detail: str = ""
    lasted: timedelta | None = None
    is_news: bool = True

    @property
    def is_severe(self) -> bool:
        """It is worth waking somebody."""
        return self.problem is not None and self.problem.kind.is_severe

    @property
    def state(self) -> str:
        """The state now, as the ledger holds it."""
        return self.problem.kind.value if self.problem else WELL


def subject_of(name: str, export_ids: Collection[str]) -> str:
    """The subject `LOAD`, `DIGEST` or `FILES` of the exports that are judged; of all of them without ids."""
    return " ".join([name, *sorted(set(export_ids))])


def changes(
    found: Judgement,
    told: Mapping[str, Told],
    now: datetime,
    recoveries: Recoveries,
    export_ids: Collection[str] = (),
) -> list[Change]:
    """The differences between the current health and what a channel was sent last.

    While the load is stale exports are not reported, since their state is not known.

    Args:
        found: The current health.
        told: Subject → what was sent last; a subject without an entry was well.
        now: The time of the judgement.
        recoveries: Reads the ends of incidents; called when there is a recovery.
        export_ids: The exports that are judged; empty means all.
    """
    load = subject_of(LOAD, export_ids)
    before = told.get(load)
    was_stale = before is not None and before.state == Concern.STALE
    if found.is_stale:
        problem = Problem(Concern.STALE, found.headline, None)  # the headline says since when
        return [] if was_stale else [Change(load, "The load", None, problem, found.read_at)]
    news = []
    if before is not None and was_stale:
        lasted = now - (before.since_at or before.told_at)
        news.append(Change(load, "The load", Concern.STALE, None, lasted=lasted))
    for export in found.exports:
        if export.health.is_retired:  # neither a problem nor a recovery
            continue
        change = _change(export, found.problems.get(export.export_id), told.get(export.export_id), now, recoveries)
        if change is not None:
            news.append(change if _is_over(change, found) else replace(change, is_news=False))
    return [*news, *_delivery_changes(found, told, news), *_expiry_changes(found, told, subject_of(FILES, export_ids))]


def _delivery_changes(found: Judgement, told: Mapping[str, Told], news: Sequence[Change]) -> Iterator[Change]:
    """Wrong deliveries, and those that were; one that the health of its export reports just now is no news."""
    bad = {change.subject for change in news if change.problem}
    others = {one.key for one in found.other_wrong_deliveries}
    for one in found.deliveries.recent:
        subject = " ".join(map(str, one.key))
        before = told.get(subject)
        state = one.verdict if one.is_wrong else None
        if (state or WELL) == (before.state if before else WELL):
            continue
        problem = Problem(state, one.verdict_reason, None) if state else None
        is_reported = problem is not None and one.export_id in bad and one.key not in others
        was = Verdict(before.state) if before and before.state != WELL else None
        yield Change(subject, one.name_in_full, was, problem, is_news=not is_reported)


def _expiry_changes(found: Judgement, told: Mapping[str, Told], subject: str) -> Iterator[Change]:
    """That files begin to expire; that they do not any more is no news: they may be gone."""
    before = told.get(subject)
    was_expiring = before is not None and before.state != WELL
    if bool(found.deliveries.expiry) != was_expiring:
        problem = Problem(Concern.EXPIRING, found.deliveries.expiry, None) if not was_expiring else None
        yield Change(subject, "Delivered files", None, problem, is_news=problem is not None)


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


def _is_over(change: Change, found: Judgement) -> bool:
    """Whether a problem ended: a wrong delivery of last week is no longer reported, and may be as wrong as ever."""
    if change.problem is not None or change.before is not Health.UNDELIVERED:
        return True
    return any(one.export_id == change.subject and one.verdict in _RIGHT for one in found.deliveries.recent)


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
