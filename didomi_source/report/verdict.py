"""The morning's verdict, in words: is anything wrong, what, since when, and can the page be believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from didomi_source.health.headline import THEN, headline
from didomi_source.health.judge import MAX_AGE
from didomi_source.health.status import BAD, RETIRED
from didomi_source.health.words import counted, day, grouped, listed, moment, shortened, span

from .data import Export, Marts, Volume

_NAME_LENGTH = 60
_LISTED = 3
_NEVER = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Verdict:
    """How it stands.

    Args:
        state: `good`, `warn`, `bad`, `stale` or `empty`.
        headline: One sentence without its full stop.
        sentences: What an operator should know next, the most important first.
    """

    state: str
    headline: str
    sentences: Sequence[str]


@dataclass(frozen=True)
class Freshness:
    """How old the page's figures are.

    Args:
        now: When the page is written.
        max_age: How old the last complete read may be.
        as_of: "Now" of the models.
        read_at: The last complete read of any export.
        unread: Exports that were not read completely within `max_age`, though others were.
    """

    now: datetime
    max_age: timedelta
    as_of: datetime | None
    read_at: datetime | None
    unread: Sequence[Export]

    @property
    def is_old(self) -> bool:
        """Nothing was built for too long, so that nobody knows what happened since."""
        return self.as_of is not None and self.now - self.as_of > self.max_age

    @property
    def is_unread(self) -> bool:
        """The models are new and the last complete read is not: the reads fail."""
        return not self.is_old and (self.read_at is None or self.now - self.read_at > self.max_age)

    @property
    def is_stale(self) -> bool:
        """The page tells the past."""
        return self.is_old or self.is_unread


def freshness(marts: Marts, now: datetime, max_age: timedelta = MAX_AGE) -> Freshness:
    """How old the figures are, and which exports were not read."""
    reads = [e.last_complete_sync_at for e in marts.exports if e.last_complete_sync_at]
    read_at = max(reads, default=None)
    is_read = read_at is not None and now - read_at <= max_age
    unread = [
        e
        for e in marts.exports
        if is_read
        and e.health != RETIRED
        and (e.last_complete_sync_at is None or now - e.last_complete_sync_at > max_age)
    ]
    return Freshness(now, max_age, marts.as_of, read_at, unread)


def judge(marts: Marts, fresh: Freshness) -> Verdict:
    """Say how it stands."""
    if not marts.exports:
        return Verdict(
            "empty",
            "No export is known yet",
            ["Nothing has been loaded: run “didomi run”, then write this page again."],
        )
    unusual = latest_unusual(marts)
    if fresh.is_stale:
        return _stale(marts, fresh, unusual)
    if not any(export.runs_total for export in marts.exports):
        return _without_runs(marts, fresh)
    health = Counter(export.health for export in marts.exports)
    state = _state(health, unusual, fresh)
    return Verdict(
        state,
        headline(health, unusual=len(unusual), unread=len(fresh.unread)),
        [
            *(_all_well(fresh) if state == "good" else _bad_exports(marts) or _unjudged(marts)),
            *_unusual_deliveries(marts, unusual),
            *_unread(fresh),
            *_changes(marts),
        ],
    )


def latest_unusual(marts: Marts) -> list[Volume]:
    """The anomalies that are an export's latest delivery."""
    return [a for a in marts.anomalies if marts.delivered_on.get(a.export_id) == a.run_date]


def name_of(export: Export) -> str:
    """A name short enough for a sentence."""
    return shortened(export.title, _NAME_LENGTH)


def _last_error(kind: str | None) -> str:
    if kind == "no_message":
        return ", last without an error text"
    return "" if kind is None or kind == "other" else f", last with “{kind.replace('_', ' ')}”"


def _state(health: Mapping[str, int], unusual: Sequence[Volume], fresh: Freshness) -> str:
    if health.get("failing") or health.get("late"):
        return "bad"
    is_well = set(health) - {RETIRED} == {"healthy"} and not unusual and not fresh.unread
    return "good" if is_well else "warn"


def _stale(marts: Marts, fresh: Freshness, unusual: Sequence[Volume]) -> Verdict:
    health = Counter(export.health for export in marts.exports)
    then = headline(health, unusual=len(unusual), tense=THEN)
    if fresh.is_old and fresh.as_of is not None:
        first = f"Nothing has been loaded and built for {span(fresh.now - fresh.as_of)}"
        what = f"This page shows {moment(fresh.as_of, fresh.now.date())} UTC: {_lower(then)}."
        advice = "What happened since is not known: look why the schedule does not run “didomi run”."
        return Verdict("stale", first, [what, advice])
    if fresh.read_at is None:
        first = "No export has ever been read completely"
    else:
        first = f"No export has been read completely for {span(fresh.now - fresh.read_at)}"
    what = f"The load runs, but cannot finish reading. By what it has read: {_lower(then)}."
    return Verdict("stale", first, [what, "Run “didomi check”, and look at the errors of the last “didomi run”."])


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _without_runs(marts: Marts, fresh: Freshness) -> Verdict:
    known = counted(len(marts.exports), "export")
    are = "is" if len(marts.exports) == 1 else "are"
    return Verdict(
        "empty", f"{known} {are} known, and none has run yet", [*_unread(fresh), "The first run will show here."]
    )


def _bad_exports(marts: Marts) -> list[str]:
    bad = [export for export in marts.exports if export.health in BAD]
    lines = [_why_bad(export, marts) for export in bad[:_LISTED]]
    if len(bad) > _LISTED:
        lines.append(f"{_more(len(bad) - _LISTED)}.{_causes(bad)}")
    return lines


def _more(count: int) -> str:
    return f"{counted(count, 'more export')} {'needs' if count == 1 else 'need'} attention"


def _causes(bad: Sequence[Export]) -> str:
    """What most of them fail with, so that one cause is seen as one."""
    kinds = Counter(e.last_error_kind for e in bad if e.health == "failing" and e.last_error_kind)
    if not kinds:
        return ""
    told = [f"{kind.replace('_', ' ')} ({grouped(count)})" for kind, count in kinds.most_common(_LISTED)]
    return f" Last errors of the failing: {', '.join(told)}."


def _why_bad(export: Export, marts: Marts) -> str:
    name = name_of(export)
    today = _today(marts, export)
    if export.health == "failing" and export.failing_since_at:
        times = {1: "failed once", 2: "failed twice"}.get(
            export.current_streak, f"failed {grouped(export.current_streak)} times in a row"
        )
        since = "on" if export.current_streak == 1 else "since"
        error = _last_error(export.last_error_kind)
        return f"{name} {times} {since} {day(export.failing_since_at.date(), today)}{error}."
    if export.health == "late" and export.expected_next_run_at:
        due = moment(export.expected_next_run_at, today)
        return f"{name} missed {counted(export.runs_overdue, 'run')}; the first was due {due} UTC."
    if export.health == "stuck" and export.oldest_pending_at:
        return f"{name} has a run that has been pending since {moment(export.oldest_pending_at, today)} UTC."
    return f"{name} is {export.health}: {export.health_reason}."


def _today(marts: Marts, export: Export) -> date:
    return (marts.as_of or export.last_run_at or export.oldest_pending_at or _NEVER).date()


def _changes(marts: Marts) -> list[str]:
    if marts.as_of is None:
        return []
    yesterday = marts.as_of - timedelta(days=1)
    began = sum(i.is_open and i.started_at > yesterday for i in marts.incidents)
    ended = sum(i.recovered_at is not None and i.recovered_at > yesterday for i in marts.incidents)
    parts = [f"{counted(began, 'incident')} began"] * bool(began) + [f"{grouped(ended)} ended"] * bool(ended)
    if not parts:
        return []
    if not began:
        parts = [f"{counted(ended, 'incident')} ended"]
    return [f"In the last 24 hours {' and '.join(parts)}."]


def _unusual_deliveries(marts: Marts, unusual: Sequence[Volume]) -> list[str]:
    exports = {export.export_id: export for export in marts.exports}
    lines = [
        f"{name_of(exports[a.export_id])} delivered {counted(a.users or 0, 'user')} on {day(a.run_date, marts.today)}"
        f"{_usual(a)}."
        for a in unusual[:_LISTED]
        if a.export_id in exports and marts.today
    ]
    if len(unusual) > _LISTED:
        more = len(unusual) - _LISTED
        lines.append(f"{counted(more, 'more delivery was', 'more deliveries were')} unusual.")
    return lines


def _usual(anomaly: Volume) -> str:
    if anomaly.weekday_median_users is None:
        return ""
    return f", where about {grouped(anomaly.weekday_median_users)} are usual"


def _unread(fresh: Freshness) -> list[str]:
    if not fresh.unread:
        return []
    names = listed([name_of(export) for export in fresh.unread], _LISTED)
    was, it_is = ("was", "it is") if len(fresh.unread) == 1 else ("were", "they are")
    return [f"{names} {was} not read completely in the last {span(fresh.max_age)}, and may look better than {it_is}."]


def _unjudged(marts: Marts) -> list[str]:
    undecided = [export for export in marts.exports if export.health not in {"healthy", RETIRED}]
    lines = [f"{name_of(export)}: {shortened(export.health_reason, 160)}." for export in undecided[:_LISTED]]
    more = len(undecided) - _LISTED
    return [*lines, f"{counted(more, 'more export')} cannot be judged either."] if more > 0 else lines


def _all_well(fresh: Freshness) -> list[str]:
    lines = ["The last settled run of each export succeeded, and none is overdue."]
    if fresh.read_at:
        lines.append(f"Everything was read completely, last on {moment(fresh.read_at, fresh.now.date())} UTC.")
    return lines
