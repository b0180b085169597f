"""What each section of the page shows, ready to be written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from markupsafe import Markup

from didomi_source.health.judge import Judgement
from didomi_source.health.states import State
from didomi_source.health.status import Concern, ExportStatus
from didomi_source.health.words import change, counted, day, grouped, moment, percent

from .calendar import Calendar, runs_calendar, strip
from .charts import Rate, sparkline, users_chart
from .marts import CHART_DAYS, DETAILED, Day, Marts, Volume, by_export
from .verdict import latest_unusual, name_of

ATTENTION_ROWS = 15
ATTENTION_FOLDED = 35  # further down, opened when wanted
_ERROR_LENGTH = 2000


@dataclass(frozen=True)
class Attention:
    """An export that needs attention.

    Args:
        export: The export.
        state: Its bad health, or a concern.
        what: What is wrong, in words.
        since: When that began.
    """

    export: ExportStatus
    state: State
    what: Sequence[str]
    since: datetime | None


@dataclass(frozen=True)
class Detail:
    """An export with its calendar and charts.

    Args:
        export: Which.
        calendar: Its runs.
        spark: Its success rates.
        spark_label: The same in words.
        users: Its volumes; None when nothing was delivered.
        users_label: The same in words.
        latest: Its latest delivery in words.
        is_unusual: The latest delivery is an anomaly.
    """

    export: ExportStatus
    calendar: Calendar
    spark: Markup
    spark_label: str
    users: Markup | None
    users_label: str
    latest: str
    is_unusual: bool


def attention(marts: Marts, found: Judgement) -> list[Attention]:
    """The exports that are bad, were not read or whose last delivery was unusual, the worst first."""
    unusual = {volume.export_id: volume for volume in latest_unusual(marts)}
    rows = [_attention(export, found, unusual.get(export.export_id), marts.today) for export in marts.exports]
    return sorted((row for row in rows if row.what), key=lambda row: (row.state in list(Concern), row.state.rank))


def _attention(export: ExportStatus, found: Judgement, volume: Volume | None, today: date | None) -> Attention:
    state, problem = found.state_of(export), found.problems.get(export.export_id)
    since = export.since if problem is None or state == export.health else problem.since
    if not state.is_bad:
        state, since = Concern.UNUSUAL, export.last_success_at
    what = _what(export)
    if export.export_id in found.unread and export.health_reason not in what:
        what += _not_read(export, today)
    return Attention(export, state, [*what, *_unusual(volume)], since)


def details(marts: Marts) -> list[Detail]:
    """The worst exports, each with its calendar and charts."""
    if marts.today is None:
        return []
    days = by_export(marts.days)
    volumes = by_export(marts.volumes)
    return [
        _detail(export, days.get(export.export_id, []), volumes.get(export.export_id, []), marts.today)
        for export in marts.detailed
    ]


def others(marts: Marts) -> list[tuple[ExportStatus, Calendar]]:
    """The exports that are not in `details`, each with its last 28 days."""
    if marts.today is None:
        return []
    days = by_export(marts.days)
    return [
        (export, strip(name_of(export), days.get(export.export_id, []), marts.today))
        for export in marts.exports[DETAILED:]
    ]


def folded(text: str) -> tuple[str, int]:
    """A text that is not too long for a page, and how much was cut."""
    return text[:_ERROR_LENGTH], max(0, len(text) - _ERROR_LENGTH)


def _what(export: ExportStatus) -> list[str]:
    lines = []
    if export.failing_since_at:
        runs = (
            "1 failed run" if export.current_streak == 1 else f"{grouped(export.current_streak)} failed runs in a row"
        )
        lines.append(runs)
    if export.runs_overdue:
        lines.append(f"{counted(export.runs_overdue, 'run')} overdue")
    if export.runs_stuck:
        lines.append(f"{counted(export.runs_stuck, 'run')} pending for too long")
    return lines if lines or not export.health.is_bad else [export.health_reason]


def _not_read(export: ExportStatus, today: date | None) -> list[str]:
    if export.last_complete_sync_at is None:
        return ["never read completely"]
    return [f"not read completely since {moment(export.last_complete_sync_at, today or date.max)}"]


def _unusual(volume: Volume | None) -> list[str]:
    if volume is None:
        return []
    usual = volume.weekday_median_users
    return [f"{counted(volume.users or 0, 'user')}{'' if usual is None else f', usually {grouped(usual)}'}"]


def _detail(export: ExportStatus, days: Sequence[Day], volumes: Sequence[Volume], today: date) -> Detail:
    first = today - timedelta(days=CHART_DAYS - 1)
    rates = [Rate(d.run_date, d.success_rate_7d, d.success_rate_28d) for d in days if d.run_date >= first]
    delivered = [v for v in volumes if v.users is not None]
    return Detail(
        export=export,
        calendar=runs_calendar(name_of(export), days, today),
        spark=sparkline(rates, today),
        spark_label=rates_in_words(name_of(export), rates, today),
        users=users_chart(volumes, today, export.interval_days) if delivered else None,
        users_label=_users_in_words(export, delivered, today),
        latest=_latest(delivered[-1], today) if delivered else "nothing delivered in this time",
        is_unusual=bool(delivered) and delivered[-1].is_anomaly,
    )


def _latest(volume: Volume, today: date) -> str:
    text = f"{grouped(volume.users or 0)} on {day(volume.run_date, today)}"
    if volume.users_change_rate is None:
        return text
    return f"{text} · {change(volume.users_change_rate)} on the week before"


def rates_in_words(whose: str, rates: Sequence[Rate], today: date) -> str:
    """A chart of success rates in words, for a screen reader."""
    head = f"Success rates of {whose}, {CHART_DAYS} days: "
    weeks = [(r.week, r.on) for r in rates if r.week is not None]
    if not weeks:
        return f"{head}no run has settled."
    lowest, on = min(weeks)
    month = next((r.month for r in reversed(rates) if r.month is not None), None)
    return (
        f"{head}the 7-day rate is {percent(weeks[-1][0])}, the 28-day rate {percent(month)}; "
        f"the lowest 7-day rate was {percent(lowest)}, on {day(on, today)}."
    )


def _users_in_words(export: ExportStatus, delivered: Sequence[Volume], today: date) -> str:
    head = f"Users delivered by {name_of(export)}, {CHART_DAYS} days: "
    if not delivered:
        return f"{head}none."
    users = [v.users or 0 for v in delivered]
    odd = [f"{grouped(v.users or 0)} on {day(v.run_date, today)}" for v in delivered if v.is_anomaly]
    unusual = f"; unusual: {', '.join(odd[-5:])}" if odd else "; none unusual"
    return (
        f"{head}{counted(len(users), 'delivery', 'deliveries')}, from {grouped(min(users))} to {grouped(max(users))}, "
        f"the latest {_latest(delivered[-1], today)}{unusual}."
    )
