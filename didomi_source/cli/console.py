"""The health of exports as a table, and the demo's results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .show import print_line as _print
from .show import print_table as _print_table
from .show import print_title as _print_title
from .show import styled as _text

if TYPE_CHECKING:
    from didomi_source.health.judge import Judgement
    from didomi_source.health.status import ExportStatus

_HEALTH_STYLE = {"healthy": "green", "failing": "red", "late": "red", "retired": "dim"}


def print_status(found: Sequence[ExportStatus]) -> None:
    """Print a line per export, and under them why some are not healthy."""
    rows: list[list[Any]] = []
    for status in found:
        how = {"completed": "ok", "failed": "failed"}.get(status.current_streak_status or "", "")
        rows.append(
            [
                status.name or status.export_id,
                _text(status.health, _HEALTH_STYLE.get(status.health, "yellow")),
                f"{status.last_success_at:%Y-%m-%d %H:%M}" if status.last_success_at else "never",
                f"{status.current_streak:,} {how}" if how else "-",
                percent(status.success_rate_7d),
                percent(status.success_rate_28d),
            ]
        )
    _print_table(["Export", "Health", "Last success, UTC", ">Streak", ">7 days", ">28 days"], rows)
    reasons = [f"{s.name or s.export_id}: {s.health_reason}" for s in found if s.health not in {"healthy", "retired"}]
    quarantined = sum(status.logs_quarantined for status in found)
    if quarantined:
        reasons.append(f"{quarantined:,} logs could not be loaded: see the table export_log_quarantine")
    if reasons:
        _print()
    for reason in reasons:
        _print(reason)


def print_judgement(found: Judgement) -> None:
    """Print a line per export, and what is wrong; an old load is told first."""
    if found.is_stale:
        _print(_text(f"Stale: {found.headline}.", "red"))
        _print()
    print_status(found.exports)
    others = [
        f"{export.title}: {problem.text}"
        for export in found.exports
        if (problem := found.problems.get(export.export_id)) and problem.kind in {"unread", "below_rate"}
    ]
    for line in [] if found.is_stale else others:
        _print(line)


def print_demo(rates: Sequence[Sequence[Any]], volumes: Sequence[Sequence[Any]], next_steps: Sequence[str]) -> None:
    """Print what the marts say after a demo, and where to look next."""
    _print_title("Success rates, last 28 days")
    _print_table(
        ["Export", ">Completed", ">Failed", ">Success rate"],
        [[export, f"{good or 0:,}", f"{failed or 0:,}", percent(rate)] for export, good, failed, rate in rates],
    )
    _print_title("Users, latest delivery")
    _print_table(
        ["Export", "Delivered", ">Users", ">Expected", ">Difference"],
        [
            [export, str(day), f"{users:,}", "-" if expected is None else f"{expected:,.0f}", percent(difference, "+")]
            for export, day, users, expected, difference in volumes
        ],
    )
    _print_title("Look further")
    for step in next_steps:
        _print(f"  {step}")


def percent(rate: float | None, sign: str = "") -> str:
    """A rate as a percentage with one digit; 100 % and 0 % are said only when they are exact."""
    if rate is None:
        return "-"
    shown = f"{100 * rate:{sign}.1f}%"
    if shown == "100.0%" and rate != 1:
        return "99.9%"
    return shown.replace(".0%", "%") if rate in (0, 1) else shown
