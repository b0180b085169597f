"""The morning's verdict: the judgement on the exports, and what only the page adds, unusual deliveries and news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from didomi_source.health.judge import Judgement
from didomi_source.health.states import Severity
from didomi_source.health.status import ExportStatus
from didomi_source.health.words import counted, day, grouped, moment, shortened

from .marts import Marts, Volume

_NAME_LENGTH = 60
_REASON_LENGTH = 160
_LISTED = 3


@dataclass(frozen=True)
class Verdict:
    """The first lines of the page.

    Args:
        state: `good`, `warn`, `bad`, `stale` or `empty`.
        headline: One sentence without its full stop.
        sentences: What an operator should know next, the most important first.
    """

    state: str
    headline: str
    sentences: Sequence[str]


def verdict(marts: Marts, found: Judgement, now: datetime) -> Verdict:
    """The verdict on the exports."""
    unusual = latest_unusual(marts)
    state = _state(found, unusual)
    return Verdict(state, found.headline_with(len(unusual)), _sentences(state, marts, found, now))


def _sentences(state: str, marts: Marts, found: Judgement, now: datetime) -> list[str]:
    if state == "empty":
        return _nothing_yet(found)
    if state == "stale":
        return [*_shown(marts, now), found.advice]
    if state == "good":
        return [*_all_well(found, now), *_files(found), *_changes(marts)]
    problems = _problems(marts, found, now) if found.problems or found.is_unjudged else []
    return [*problems, *_unusual_deliveries(marts), *_files(found), *_changes(marts)]


def latest_unusual(marts: Marts) -> list[Volume]:
    """The anomalies that are an export's latest delivery."""
    return [a for a in marts.anomalies if marts.delivered_on.get(a.export_id) == a.run_date]


def name_of(export: ExportStatus) -> str:
    """A name short enough for a sentence."""
    return shortened(export.title, _NAME_LENGTH)


def _state(found: Judgement, unusual: Sequence[Volume]) -> str:
    if not found.exports:
        return "empty"
    if found.is_stale:
        return "stale"
    if not found.has_runs:
        return "empty"
    if found.is_severe:
        return "bad"
    is_doubtful = found.problems or found.is_unjudged or found.deliveries.wrong or unusual
    return "warn" if is_doubtful else "good"


def _nothing_yet(found: Judgement) -> list[str]:
    if not found.exports:
        return ["Nothing has been loaded: run “didomi run”, then write this page again."]
    return ["The first run will show here."]


def _shown(marts: Marts, now: datetime) -> list[str]:
    return [f"This page shows {moment(marts.as_of, now.date())} UTC."] if marts.as_of else []


def _all_well(found: Judgement, now: datetime) -> list[str]:
    lines = ["The last settled run of each export succeeded, and none is overdue."]
    if found.read_at:
        lines.append(f"Everything was read completely, last on {moment(found.read_at, now.date())} UTC.")
    return lines


def _problems(marts: Marts, found: Judgement, now: datetime) -> list[str]:
    """The problems of the worst exports; without any, why some exports cannot be judged."""
    bad = [export for export in found.exports if export.export_id in found.problems]
    if not bad:
        return _unjudged(found)
    today = (marts.as_of or now).date()
    lines = [f"{found.problems[export.export_id].sentence(name_of(export), today)}." for export in bad[:_LISTED]]
    more = len(bad) - _LISTED
    if more > 0:
        need = "needs" if more == 1 else "need"
        lines.append(f"{counted(more, 'more export')} {need} attention.{_causes(bad)}")
    return lines


def _causes(bad: Sequence[ExportStatus]) -> str:
    """The commonest errors, so that one cause is seen as one."""
    kinds = Counter(e.last_error_kind for e in bad if e.health.facts.has_error and e.last_error_kind)
    if not kinds:
        return ""
    shown = [f"{kind.replace('_', ' ')} ({grouped(count)})" for kind, count in kinds.most_common(_LISTED)]
    return f" Last errors of the failing: {', '.join(shown)}."


def _unjudged(found: Judgement) -> list[str]:
    undecided = [export for export in found.exports if export.health.severity is Severity.UNJUDGED]
    lines = [f"{name_of(export)}: {shortened(export.health_reason, _REASON_LENGTH)}." for export in undecided[:_LISTED]]
    more = len(undecided) - _LISTED
    return [*lines, f"{counted(more, 'more export')} cannot be judged either."] if more > 0 else lines


def _files(found: Judgement) -> list[str]:
    """The wrong deliveries of the last week, and what is lost soon."""
    wrong, expiry = found.deliveries.wrong, found.deliveries.expiry
    are = "delivery of the last 7 days is" if len(wrong) == 1 else "deliveries of the last 7 days are"
    lines = [f"{grouped(len(wrong))} {are} not as claimed."] * bool(wrong)
    return lines + [f"{expiry}."] * bool(expiry)


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


def _unusual_deliveries(marts: Marts) -> list[str]:
    unusual = latest_unusual(marts)
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
