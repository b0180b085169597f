"""Whether the exports are as they should be, and whether that can be believed: an old load knows nothing of today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .deliveries import NO_DELIVERIES, DeliveryStatus, RecentDeliveries
from .headline import THEN, headline
from .states import Severity, State
from .status import Concern, ExportStatus, Health
from .words import counted, moment, span

MAX_AGE = timedelta(hours=26)  # a daily schedule, and two hours of grace
_AHEAD = timedelta(days=1)  # clocks differ
# The kinds of a problem, the worst first; a health of newer models is one, too.
KINDS: tuple[State, ...] = (*(health for health in Health if health.is_bad), Concern.BELOW_RATE)


@dataclass(frozen=True)
class Limits:
    """What is still good.

    Args:
        max_age: How old the last complete read may be, of all exports and of each.
        min_rate: The least success rate over 28 days (0 to 1); None for no limit.
    """

    max_age: timedelta = MAX_AGE
    min_rate: float | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong with an export.

    Args:
        kind: A bad health, or a concern.
        text: The reason.
        since: When it began, where that is known.
    """

    kind: State
    text: str
    since: datetime | None

    def sentence(self, name: str, today: date) -> str:
        """The problem as one sentence without its full stop, as the page and notifications print it."""
        since = f" since {moment(self.since, today)} UTC" if self.since else ""
        return f"{name} {self.kind.now}{since}: {self.text}"

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        return {"kind": self.kind, "text": self.text, "since": self.since.isoformat() if self.since else None}


@dataclass(frozen=True)
class Judgement:
    """The judgement on all exports.

    Args:
        exports: The worst first.
        problems: Export → what is wrong with it.
        unread: The ids of exports that were not read within the limit, though others were; not of retired ones.
        read_at: The last complete read of any export that the models know of.
        age: How long ago that was.
        is_stale: No export was read completely within the limit: what happened since is not known.
        is_load_running: The exports were read within the limit, completely or not.
        deliveries: The delivered files of the last days.
    """

    exports: Sequence[ExportStatus]
    problems: Mapping[str, Problem]
    unread: frozenset[str]
    read_at: datetime | None
    age: timedelta | None
    is_stale: bool
    is_load_running: bool
    deliveries: RecentDeliveries = NO_DELIVERIES

    @property
    def state(self) -> str:
        """`healthy`, `unhealthy` or `stale`."""
        return "stale" if self.is_stale else "unhealthy" if self.problems else "healthy"

    @property
    def exit_code(self) -> int:
        """0 when every export is as it should be; 1 when one is not, or the load is stale."""
        return 0 if self.state == "healthy" else 1

    @property
    def is_severe(self) -> bool:
        """The load is stale, or an export is in a severe state."""
        return self.is_stale or any(problem.kind.is_severe for problem in self.problems.values())

    @property
    def is_unjudged(self) -> bool:
        """Of an export it is not known whether it is healthy."""
        return any(export.health.severity is Severity.UNJUDGED for export in self.exports)

    @property
    def headline(self) -> str:
        """One sentence without its full stop."""
        return self.headline_with()

    def headline_with(self, unusual: int = 0) -> str:
        """The headline, with the number of exports whose last delivery was unusual."""
        if not self.exports:
            return "No export is known yet"
        if self.is_stale:
            age = f"for {span(self.age)}" if self.age is not None else "yet"
            then = headline(Counter(export.health for export in self.exports), unusual=unusual, tense=THEN)
            return f"Nothing has been read completely and built {age}; by then, {then[0].lower()}{then[1:]}"
        if not self.has_runs:
            known = counted(len(self.exports), "export")
            return f"{known} {'is' if len(self.exports) == 1 else 'are'} known, and none has run yet"
        states = [self.state_of(export) for export in self.exports]
        low = states.count(Concern.BELOW_RATE)
        words = headline(Counter(map(self.health_of, self.exports)), unusual=unusual)
        return f"{words}; {low} below the least success rate" if low else words

    @property
    def has_runs(self) -> bool:
        """A run of an export is known."""
        return any(export.runs_total for export in self.exports)

    @property
    def other_wrong_deliveries(self) -> list[DeliveryStatus]:
        """The wrong deliveries that are in no health: an undelivered export names the newest one itself."""
        undelivered = {export.export_id for export in self.exports if export.health is Health.UNDELIVERED}
        others = []
        for one in self.deliveries.wrong:  # the newest day first
            if one.export_id in undelivered:
                undelivered.remove(one.export_id)
            else:
                others.append(one)
        return others

    @property
    def advice(self) -> str:
        """What to do about a stale load."""
        if self.is_load_running:
            return "The load runs, but cannot finish reading: run “didomi check”, and read the errors of “didomi run”."
        return "What happened since is not known: check why the schedule does not run “didomi run”."

    def state_of(self, export: ExportStatus) -> State:
        """What to print of an export: the kind of its problem, else its health; of a stale load, the health then."""
        problem = self.problems.get(export.export_id)
        return export.health if problem is None or self.is_stale else problem.kind

    def health_of(self, export: ExportStatus) -> Health:
        """Its health: that of the marts, unless it was not read since; of a stale load, the health then."""
        state = self.state_of(export)
        return state if isinstance(state, Health) else export.health

    def settled(self, days: int) -> tuple[int, int]:
        """How many runs of all exports were completed in the last 7 or 28 days, and how many settled."""
        completed = sum(getattr(export, f"runs_completed_{days}d") or 0 for export in self.exports)
        return completed, completed + sum(getattr(export, f"runs_failed_{days}d") or 0 for export in self.exports)

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        problems = {export_id: problem.as_dict() for export_id, problem in self.problems.items()}
        return {
            "state": self.state,
            "headline": self.headline,
            "read_at": self.read_at.isoformat() if self.read_at else None,
            "age_seconds": int(self.age.total_seconds()) if self.age is not None else None,
            "exports": [
                {**export.as_dict(), "problem": problems.get(export.export_id)} for export in self.exports
            ],
            "deliveries": self.deliveries.as_dict(),
        }  # fmt: skip


def judge(
    exports: Sequence[ExportStatus],
    now: datetime,
    limits: Limits = Limits(),
    deliveries: RecentDeliveries = NO_DELIVERIES,
) -> Judgement:
    """Judge the exports.

    Args:
        exports: The worst first.
        now: The time of the judgement.
        limits: What is still good.
        deliveries: The delivered files of the last days; an export of which the newest is wrong has a health for it.
    """
    retired = {export.export_id for export in exports if export.health.is_retired}
    read_at = max((at for e in exports if (at := _credible(e.last_complete_sync_at, now))), default=None)
    synced_at = max((at for e in exports if (at := _credible(e.last_synced_at, now))), default=None)
    is_stale = not _is_within(read_at, now, limits)
    found = {export.export_id: _problem(export, now, limits) for export in exports}
    return Judgement(
        exports=exports,
        problems={export_id: problem for export_id, problem in found.items() if problem},
        unread=frozenset(e.export_id for e in exports if not is_stale and _is_unread(e, now, limits)),
        read_at=read_at,
        age=now - read_at if read_at else None,
        is_stale=is_stale,
        is_load_running=_is_within(synced_at, now, limits),
        deliveries=replace(deliveries, rows=[one for one in deliveries.rows if one.export_id not in retired]),
    )


def _is_within(read_at: datetime | None, now: datetime, limits: Limits) -> bool:
    return read_at is not None and now - read_at <= limits.max_age


def _credible(read_at: datetime | None, now: datetime) -> datetime | None:
    """The time of a read; None for one of a run whose clock was ahead. `now` may be fixed in the past."""
    latest = max(now, datetime.now(timezone.utc)) + _AHEAD
    return read_at if read_at is not None and read_at <= latest else None


def _is_unread(export: ExportStatus, now: datetime, limits: Limits) -> bool:
    return not export.health.is_retired and not _is_within(_credible(export.last_complete_sync_at, now), now, limits)


def _problem(export: ExportStatus, now: datetime, limits: Limits) -> Problem | None:
    """The first that applies: the health, then a read that is missing, then the success rate."""
    if export.health.is_retired:
        return None
    is_unread = _is_unread(export, now, limits)
    if export.health.is_bad and not (is_unread and export.health.facts.needs_read):
        return Problem(export.health, export.health_reason, export.since)
    if is_unread:
        read_at = _credible(export.last_complete_sync_at, now)
        age = f"for {span(now - read_at)}" if read_at else "yet"
        return Problem(Health.UNREAD, f"it has not been read completely {age}", read_at)
    rate = export.success_rate_28d
    if limits.min_rate is not None and rate is not None and rate < limits.min_rate:
        failed = export.runs_failed_28d or 0
        text = f"{failed} of {failed + (export.runs_completed_28d or 0)} runs of 28 days failed"
        return Problem(Concern.BELOW_RATE, text, None)
    return None
