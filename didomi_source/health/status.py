"""How each export is, as the mart `didomi__exports` tells it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from didomi_source.warehouse.open import open_read_only
from didomi_source.warehouse.read import select
from didomi_source.warehouse.target import Target, prepare_environment

RETIRED = "retired"  # nothing is expected of it any more
# The worst first, as an operator wants to read it.
HEALTH_ORDER = ("failing", "late", "stuck", "unknown_schedule", "no_outcome", "healthy", RETIRED)


BAD = ("failing", "late", "stuck")


@dataclass(frozen=True)
class ExportStatus:
    """One export; the fields are columns of `didomi__exports` and mean what sql/README.md says."""

    export_id: str
    name: str | None
    health: str
    health_reason: str
    current_streak_status: str | None
    current_streak: int
    failing_since_at: datetime | None
    last_run_at: datetime | None
    last_success_at: datetime | None
    last_success_users: int | None
    last_error_kind: str | None
    last_error_message: str | None
    runs_completed_7d: int | None
    runs_failed_7d: int | None
    success_rate_7d: float | None
    runs_completed_28d: int | None
    runs_failed_28d: int | None
    success_rate_28d: float | None
    logs_quarantined: int
    last_synced_at: datetime | None
    last_complete_sync_at: datetime | None
    oldest_pending_at: datetime | None = None
    expected_next_run_at: datetime | None = None

    @property
    def title(self) -> str:
        """Its name, or its id where it has none."""
        return self.name or self.export_id

    def as_dict(self) -> dict[str, Any]:
        """The status for machines: times as ISO 8601."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }


def read_status(target: Target, export_ids: Collection[str] = ()) -> list[ExportStatus]:
    """Read how each export is, the worst first; only those that are named, where some are.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    prepare_environment()
    columns = [field.name for field in fields(ExportStatus)]
    with open_read_only(target) as pipeline:
        rows = select(pipeline, target.marts, "didomi__exports", columns)
    wanted = [row for row in rows if not export_ids or row["export_id"] in export_ids]
    return sorted((ExportStatus(**row) for row in wanted), key=lambda s: (_rank(s.health), s.name or s.export_id))


def _rank(health: str) -> int:
    return HEALTH_ORDER.index(health) if health in HEALTH_ORDER else len(HEALTH_ORDER)
