"""The rows that the page shows; the fields are columns of the marts and mean what sql/README.md says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from didomi_source.health.deliveries import DeliveryStatus
from didomi_source.health.status import ExportStatus

DETAILED = 40  # exports that get a calendar and charts; the others get a line
STRIP_DAYS = 28
CHART_DAYS = 120
CALENDAR_WEEKS = 26


@dataclass(frozen=True)
class Day:
    """One row of `didomi__daily_export_success`."""

    export_id: str
    run_date: date
    day_status: str
    runs_completed: int
    runs_failed: int
    runs_pending: int
    runs_unknown: int
    runs_missed: int
    success_rate_7d: float | None
    success_rate_28d: float | None


@dataclass(frozen=True)
class Volume:
    """One row of `didomi__daily_user_volume`."""

    export_id: str
    run_date: date
    users: int | None
    users_change_rate: float | None
    expected_users: float | None
    weekday_median_users: float | None
    deviation_rate: float | None
    is_anomaly: bool


@dataclass(frozen=True)
class OrganizationDay:
    """One row of `didomi__organization_daily`."""

    run_date: date
    runs_missed: int
    runs_completed_7d: int
    runs_failed_7d: int
    runs_completed_28d: int
    runs_failed_28d: int
    users_delivered: float | None


@dataclass(frozen=True)
class Incident:
    """One row of `didomi__export_incidents`."""

    export_id: str
    started_at: datetime
    recovered_at: datetime | None
    is_open: bool
    duration_seconds: int
    runs_failed: int
    runs_missed: int
    last_error_kind: str | None


@dataclass(frozen=True)
class ErrorKind:
    """The failed runs of one kind, over the exports of `didomi__export_errors`."""

    error_kind: str
    failures: int
    exports: int
    last_failure_at: datetime
    last_message: str | None


@dataclass(frozen=True)
class Contradiction:
    """A run of `didomi__export_runs` that contradicts itself."""

    export_id: str
    log_id: str
    run_at: datetime
    status: str
    users: int | None
    error_message: str | None
    contradiction: str


@dataclass(frozen=True)
class LoadDay:
    """The logs of `didomi__export_runs` whose present version was read on one day (UTC)."""

    loaded_on: date
    logs: int
    exports: int
    loaded_at: datetime


@dataclass(frozen=True)
class Marts:
    """All that the page needs.

    Args:
        exports: The worst first.
        as_of: "Now" of the models; None when no mart implies it.
        today: The as-of day, in the models' time zone; None before the first run.
        days: The last 28 days of every export; longer for the first `DETAILED` exports.
        volumes: The last `CHART_DAYS` of the first `DETAILED` exports.
        anomalies: Of the last 28 days, the newest first, of all exports.
        delivered_on: Export → day of its latest delivery.
        organizations: The last `CHART_DAYS` and a week.
        incidents: Open, or ended in the last 28 days; the newest first.
        errors: Of the last 28 days, the commonest first.
        contradictions: The newest first; `ExportStatus.runs_contradictory` counts them.
        loads: The newest first.
        deliveries: Of the first `DETAILED` exports, and wrong ones of others, the newest first; not those not checked.
    """

    exports: Sequence[ExportStatus]
    as_of: datetime | None = None
    today: date | None = None
    days: Sequence[Day] = ()
    volumes: Sequence[Volume] = ()
    anomalies: Sequence[Volume] = ()
    delivered_on: dict[str, date] = field(default_factory=dict)
    organizations: Sequence[OrganizationDay] = ()
    incidents: Sequence[Incident] = ()
    errors: Sequence[ErrorKind] = ()
    contradictions: Sequence[Contradiction] = ()
    loads: Sequence[LoadDay] = ()
    deliveries: Sequence[DeliveryStatus] = ()

    @property
    def detailed(self) -> Sequence[ExportStatus]:
        """The exports that get a calendar and charts."""
        return self.exports[:DETAILED]


_Row = TypeVar("_Row", Day, Volume, DeliveryStatus)


def by_export(rows: Sequence[_Row]) -> dict[str, list[_Row]]:
    """Export → its rows, in their order."""
    found: dict[str, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.export_id, []).append(row)
    return found
