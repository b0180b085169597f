"""The key figures: how many fail, how well it went this week, how much was delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from didomi_source.health.judge import Judgement
from didomi_source.health.status import ExportStatus, Health
from didomi_source.health.words import NOTHING, change, counted, grouped, listed, percent, points, short

from .charts import Rate
from .marts import CHART_DAYS, STRIP_DAYS, Marts, OrganizationDay
from .verdict import name_of

_WEEK = timedelta(days=7)
_GOOD_RATE = 0.95


@dataclass(frozen=True)
class Figure:
    """One number.

    Args:
        value: As it is written.
        label: What it counts.
        note: What it should be compared with.
        state: `bad`, `warn`, or nothing.
    """

    value: str
    label: str
    note: str
    state: str = ""


def key_figures(marts: Marts, found: Judgement) -> list[Figure]:
    """The figures, the most urgent first; those of a stale load are not called present."""
    return [
        _failing(found),
        _otherwise_bad(found),
        _success(marts),
        _missed(marts),
        _delivered(marts),
        _anomalies(marts),
    ]


def daily_rates(marts: Marts) -> list[Rate]:
    """The success rates of all exports together, of each day of the chart, from summed counts."""
    if marts.today is None:
        return []
    first = marts.today - timedelta(days=CHART_DAYS - 1)
    by_day: dict[date, list[OrganizationDay]] = {}
    for row in marts.organizations:
        if row.run_date >= first:
            by_day.setdefault(row.run_date, []).append(row)
    return [Rate(on, _rate(rows, 7), _rate(rows, 28)) for on, rows in sorted(by_day.items())]


def _settled(rows: Sequence[OrganizationDay], days: int) -> tuple[int, int]:
    """How many runs were completed in the last 7 or 28 days, and how many settled."""
    completed = sum(getattr(row, f"runs_completed_{days}d") for row in rows)
    return completed, completed + sum(getattr(row, f"runs_failed_{days}d") for row in rows)


def _rate(rows: Sequence[OrganizationDay], days: int) -> float | None:
    completed, settled = _settled(rows, days)
    return completed / settled if settled else None


def _names(exports: Sequence[ExportStatus]) -> str:
    return listed([name_of(export) for export in exports], 2)


def _failing(found: Judgement) -> Figure:
    failing = [e for e in found.exports if e.health is Health.FAILING]
    note = _names(failing) or f"of {counted(sum(not e.health.is_retired for e in found.exports), 'export')}"
    return Figure(
        grouped(len(failing)), f"failing {'then' if found.is_stale else 'now'}", note, "bad" if failing else ""
    )


def _otherwise_bad(found: Judgement) -> Figure:
    """The exports in any other bad health."""
    *others, last = (health.label for health in Health if health.is_bad and health is not Health.FAILING)
    label = f"{', '.join(others)} or {last}"
    health = {e: found.health_of(e) for e in found.exports}
    bad = [e for e, how in health.items() if how.is_bad and how is not Health.FAILING]
    if bad:
        worst = min((health[e] for e in bad), key=lambda health: health.rank)
        return Figure(grouped(len(bad)), label, _names(bad), worst.css_class)
    running = [e for e in found.exports if e.last_run_status == "pending"]
    return Figure("0", label, f"running: {_names(running)}" if running else "none is running")


def _success(marts: Marts) -> Figure:
    rows = _on(marts, marts.today)
    before = _on(marts, marts.today - _WEEK) if marts.today else []
    now, then, month = _rate(rows, 7), _rate(before, 7), _rate(rows, 28)
    if now is None:
        return Figure(NOTHING, "success, 7 days", "no run has settled")
    completed, settled = _settled(rows, 7)
    notes = [f"{grouped(completed)} of {counted(settled, 'run')}", f"28 days {percent(month)}"]
    if then is not None:
        notes.insert(1, f"{points(now - then)} on the week before")
    return Figure(percent(now), "success, 7 days", " · ".join(notes), "bad" if now < _GOOD_RATE else "")


def _missed(marts: Marts) -> Figure:
    if marts.today is None:
        return Figure(NOTHING, "missed runs, 28 days", "nothing was due")
    month = marts.today - timedelta(days=STRIP_DAYS)
    week = marts.today - _WEEK
    missed = sum(r.runs_missed for r in marts.organizations if r.run_date > month)
    lately = sum(r.runs_missed for r in marts.organizations if r.run_date > week)
    return Figure(
        grouped(missed), "missed runs, 28 days", f"{grouped(lately)} of them in the last 7", "warn" if missed else ""
    )


def _delivered(marts: Marts) -> Figure:
    label = "user records delivered, last 7 full days"
    if marts.today is None:
        return Figure(NOTHING, label, "nothing was delivered")
    now = _users(marts, marts.today - _WEEK, marts.today)
    before = marts.today - 2 * _WEEK
    then = _users(marts, before, marts.today - _WEEK)
    if all(row.run_date > before for row in marts.organizations):
        note = "no full week before to compare with"
    else:
        note = f"{change(now / then - 1)} on the week before" if then else "none in the week before"
    return Figure(short(now), label, note)


def _users(marts: Marts, first: date, end: date) -> float:
    return sum(r.users_delivered or 0.0 for r in marts.organizations if first <= r.run_date < end)


def _anomalies(marts: Marts) -> Figure:
    found = marts.anomalies
    names = {e.export_id: name_of(e) for e in marts.exports}
    where = listed([names.get(i, i) for i in dict.fromkeys(a.export_id for a in found)], 2)
    note = where or "against the same weekdays before"
    return Figure(grouped(len(found)), "unusual volumes, 28 days", note, "warn" if found else "")


def _on(marts: Marts, day: date | None) -> list[OrganizationDay]:
    return [row for row in marts.organizations if row.run_date == day]
