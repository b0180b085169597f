"""The table of `didomi status`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from didomi_source.health.judge import Judgement
from didomi_source.health.states import Severity
from didomi_source.health.status import Concern, ExportStatus
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
    print_status(found.exports)
    concerns = [
        f"{export.title}: {problem.text}"
        for export in found.exports
        if (problem := found.problems.get(export.export_id)) and isinstance(problem.kind, Concern)
    ]
    for line in [] if found.is_stale else concerns:
        print_line(line)


def print_status(exports: Sequence[ExportStatus]) -> None:
    """Print a line per export, and under them why some are not healthy."""
    print_table(_TITLES, [_cells(export) for export in exports])
    reasons = [f"{e.title}: {e.health_reason}" for e in exports if e.health.severity > Severity.HEALTHY]
    quarantined = sum(export.logs_quarantined for export in exports)
    if quarantined:
        reasons.append(f"{quarantined:,} logs could not be loaded: see the table export_log_quarantine")
    print_below(reasons)


def _cells(export: ExportStatus) -> list[Any]:
    streak = _STREAKS.get(export.current_streak_status or "")
    return [
        export.title,
        styled(export.health.label, COLOURS[export.health.css_class]),
        f"{export.last_success_at:%Y-%m-%d %H:%M}" if export.last_success_at else "never",
        f"{export.current_streak:,} {streak}" if streak else NOTHING,
        percent(export.success_rate_7d),
        percent(export.success_rate_28d),
    ]
