"""The table of `didomi status`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from didomi_source.health.judge import Judgement
from didomi_source.health.states import Severity
from didomi_source.health.status import ExportStatus, Health
from didomi_source.health.words import NOTHING, percent

from .show import print_below, print_line, print_table, styled

# By the class of the style sheet that a state has on the page.
COLOURS = {"bad": "red", "warn": "yellow", "good": "green", "meta": "dim"}
_STREAKS = {"completed": "ok", "failed": "failed"}
_TITLES = ("Export", "Health", "Last success, UTC", ">Streak", ">7 days", ">28 days")


def print_judgement(found: Judgement) -> None:
    """Print a line per export, and under them what is wrong; a stale load is printed first."""
    if found.is_stale:
        print_line(styled(f"Stale: {found.headline}.", "red"))
        print_line(found.advice)
        print_line()
    print_table(_TITLES, [_cells(export, found.health_of(export)) for export in found.exports])
    print_below([*_reasons(found), *(one.sentence for one in found.other_wrong_deliveries)])
    print_below([found.deliveries.expiry] * bool(found.deliveries.expiry))


def _reasons(found: Judgement) -> Iterator[str]:
    """Why some exports are not healthy."""
    for export in found.exports:
        if export.health.severity > Severity.HEALTHY:
            yield f"{export.title}: {export.health_reason}"
        problem = found.problems.get(export.export_id)
        if problem is not None and problem.kind != export.health and not found.is_stale:
            yield f"{export.title}: {problem.text}"
    if quarantined := sum(export.logs_quarantined for export in found.exports):
        yield f"{quarantined:,} logs could not be loaded: see the table export_log_quarantine"


def _cells(export: ExportStatus, health: Health) -> list[Any]:
    streak = _STREAKS.get(export.current_streak_status or "")
    return [
        export.title,
        styled(health.label, COLOURS[health.css_class]),
        f"{export.last_success_at:%Y-%m-%d %H:%M}" if export.last_success_at else "never",
        f"{export.current_streak:,} {streak}" if streak else NOTHING,
        percent(export.success_rate_7d),
        percent(export.success_rate_28d),
    ]
