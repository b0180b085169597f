"""How each export is: the rows of the mart `didomi__exports`, and all that is printed of a health.

A new health is an edit of three files: this one, sql/models/marts/didomi__exports.sql and its .yml.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from didomi_source.errors import ConfigurationError
from didomi_source.warehouse.open import open_marts
from didomi_source.warehouse.read import Warehouse, select
from didomi_source.warehouse.target import Target

from .states import UNKNOWN, Facts, Severity, State
from .words import distinct_names

_DAY_SECONDS = 86_400
_MONTH_DAYS = 31


class Health(State):
    """The values of `didomi__exports.health`, the worst first."""

    FAILING = "failing", Facts(
        Severity.SEVERE, "the last settled run failed", "✕", since="failing_since_at", has_error=True
    )  # fmt: skip
    UNDELIVERED = "undelivered", Facts(Severity.SEVERE, "the newest delivery is not what its log claims", "▽")
    LATE = "late", Facts(
        # The next run would have been seen if the export had been read.
        Severity.SEVERE, "a run is overdue", "◷", since="expected_next_run_at", needs_read=True
    )  # fmt: skip
    STUCK = "stuck", Facts(Severity.BAD, "a run has been pending for too long", "…", since="oldest_pending_at")
    UNREAD = "unread", Facts(
        Severity.BAD, "it was not read completely lately", "?", "not read", "cannot be read", "could not be read",
        since="last_complete_sync_at",
    )  # fmt: skip
    UNKNOWN_SCHEDULE = "unknown_schedule", Facts(Severity.UNJUDGED, "the schedule cannot be read")
    NO_OUTCOME = "no_outcome", Facts(Severity.UNJUDGED, "no run has settled yet")
    HEALTHY = "healthy", Facts(Severity.HEALTHY, "the last settled run succeeded", "✓")
    RETIRED = "retired", Facts(Severity.RETIRED, "no run is expected any more")

    @classmethod
    def _missing_(cls, value: object) -> Health | None:
        """Take a value of newer models."""
        return cls.unlisted(value, UNKNOWN)


class Concern(State):
    """What can be wrong apart from an export's health, which models alone cannot know; the worst first."""

    STALE = "stale", Facts(Severity.SEVERE, "no export was read completely lately", "◷")
    BELOW_RATE = "below_rate", Facts(
        Severity.BAD, "too many runs of 28 days failed", "✕", now="fails too often", then="failed too often"
    )  # fmt: skip
    EXPIRING = "expiring", Facts(
        Severity.BAD, "delivered files are deleted soon, and not archived", "◷", now="expire soon", then="would expire"
    )  # fmt: skip
    UNUSUAL = "unusual", Facts(Severity.BAD, "the last delivery had an unusual number of users", "○")


@dataclass(frozen=True)
class ExportStatus:
    """One row of `didomi__exports`; the fields are its columns and mean what sql/README.md says."""

    export_id: str
    organization_id: str | None
    name: str | None
    frequency: str | None
    interval_seconds: int | None
    interval_months: int | None
    health: Health
    health_reason: str
    current_streak_status: str | None
    current_streak: int
    failing_since_at: datetime | None
    first_run_at: datetime | None
    last_run_at: datetime | None
    last_run_status: str | None
    last_success_at: datetime | None
    last_success_users: int | None
    seconds_since_last_success: int | None
    last_error_kind: str | None
    last_error_message: str | None
    oldest_pending_at: datetime | None
    expected_next_run_at: datetime | None
    runs_total: int
    runs_unknown: int
    runs_untimed: int
    runs_overdue: int
    runs_stuck: int
    runs_contradictory: int
    runs_missing_at_source: int
    logs_quarantined: int
    success_rate: float | None
    runs_completed_7d: int | None
    runs_failed_7d: int | None
    success_rate_7d: float | None
    runs_completed_28d: int | None
    runs_failed_28d: int | None
    success_rate_28d: float | None
    last_synced_at: datetime | None
    last_complete_sync_at: datetime | None
    title: str = ""  # its name, with what tells it apart from others of that name; its id where it has none

    def __post_init__(self) -> None:
        """The mart holds the health as a text."""
        object.__setattr__(self, "health", Health(self.health))
        object.__setattr__(self, "title", self.title or self.name or self.export_id)

    @property
    def since(self) -> datetime | None:
        """When its health began, where that is known."""
        column = self.health.facts.since
        return getattr(self, column) if column else None

    @property
    def interval_days(self) -> float:
        """Days from one run to the next; one where the schedule is unknown."""
        if self.interval_months is not None:
            return self.interval_months * _MONTH_DAYS
        return self.interval_seconds / _DAY_SECONDS if self.interval_seconds else 1.0

    @property
    def rank(self) -> tuple[tuple[int, int], float, float, str, str]:
        """Sorts the worst first: by health, a bad one by intervals without success, then by the success rate."""
        rate = 1.0 if self.success_rate_28d is None else self.success_rate_28d
        return self.health.rank, -self._intervals_without_success(), rate, self.title, self.export_id

    def _intervals_without_success(self) -> float:
        if not self.health.is_bad:
            return 0.0
        if self.seconds_since_last_success is None:
            return math.inf
        return self.seconds_since_last_success / (self.interval_days * _DAY_SECONDS)

    def as_dict(self) -> dict[str, Any]:
        """The row of the mart for machines: times as ISO 8601."""
        row = {name: getattr(self, name) for name in COLUMNS}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


COLUMNS = [field.name for field in fields(ExportStatus) if field.name != "title"]


def read_exports(warehouse: Warehouse, schema: str) -> list[ExportStatus]:
    """Read the mart `didomi__exports`, the worst export first; titles name the id where a name is not enough.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    rows = select(warehouse, schema, "didomi__exports", COLUMNS)
    names = distinct_names(rows)
    exports = [ExportStatus(**row, title=names[row["export_id"]] or "") for row in rows]
    return sorted(exports, key=lambda export: export.rank)


def read_status(target: Target, export_ids: Collection[str] = ()) -> list[ExportStatus]:
    """Read how each export is, the worst first; titles name the organization where the dataset holds several.

    Args:
        target: Which warehouse and dataset.
        export_ids: Only these exports; empty means all.

    Raises:
        ConfigurationError: An export that was asked for is none of them; all of them are named.
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    with open_marts(target) as warehouse:
        exports = read_exports(warehouse, target.marts)
    if len({export.organization_id for export in exports}) > 1:
        exports = [
            replace(export, title=f"{export.organization_id} / {export.title}") if export.organization_id else export
            for export in exports
        ]
    held = sorted(export.export_id for export in exports)
    if unknown := [export_id for export_id in export_ids if export_id not in held]:
        msg = f"the marts hold no export {', '.join(unknown)}: choose from {', '.join(held) or 'none'}"
        raise ConfigurationError(msg)
    return [export for export in exports if not export_ids or export.export_id in export_ids]
