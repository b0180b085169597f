"""How each delivery is: the rows of the mart `didomi__deliveries`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from didomi_source.errors import TableMissing
from didomi_source.warehouse.open import open_read_only
from didomi_source.warehouse.read import select
from didomi_source.warehouse.target import Target, prepare_environment

if TYPE_CHECKING:
    import dlt

MART = "didomi__deliveries"
_RECENT = timedelta(days=7)


@dataclass(frozen=True)
class DeliveryStatus:
    """One row of `didomi__deliveries`; the fields are columns and mean what sql/README.md says."""

    export_id: str
    delivery_date: date
    data_kind: str
    verdict: str
    verdict_reason: str
    is_wrong: bool
    claimed_records: int | None
    delivered_records: int | None
    missing_records: int | None
    file_count: int | None
    file_bytes: int | None
    expires_at: datetime | None
    is_about_to_expire: bool
    gone_since_at: datetime | None
    archived_to: str | None
    archived_at: datetime | None
    name: str | None = None

    @property
    def title(self) -> str:
        """The export's name, or its id where it has none."""
        return self.name or self.export_id

    def as_dict(self) -> dict[str, Any]:
        """The row for machines: days and times as ISO 8601."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}


def read_deliveries(
    target: Target, export_ids: Collection[str] = (), first: date | None = None, last: date | None = None
) -> list[DeliveryStatus]:
    """Read how the deliveries are.

    Args:
        target: Which warehouse and dataset.
        export_ids: Only these exports; empty means all.
        first: The first day; None for the oldest.
        last: The last day; None for the newest.

    Returns:
        The newest day first, and a day's deliveries by the title of their export.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    prepare_environment()
    with open_read_only(target) as pipeline:
        found = deliveries_in(pipeline, target.marts)
    return [
        delivery
        for delivery in found
        if (not export_ids or delivery.export_id in export_ids)
        and (first or date.min) <= delivery.delivery_date <= (last or date.max)
    ]


def read_concerns(target: Target, export_ids: Collection[str], now: datetime) -> list[str]:
    """Read which deliveries of the last seven days are wrong, and what is lost soon.

    Args:
        target: Which warehouse and dataset.
        export_ids: Only these exports; empty means all.
        now: The time.

    Returns:
        A line for each wrong delivery, and one for those that expire within 48 hours and are not archived; none where
        the models are older than deliveries.

    Raises:
        DestinationError: The warehouse cannot be read.
    """
    try:
        with open_read_only(target) as pipeline:
            found = deliveries_in(pipeline, target.marts, "where is_wrong or is_about_to_expire")
    except TableMissing:
        return []
    found = [one for one in found if not export_ids or one.export_id in export_ids]
    since = now.date() - _RECENT
    lines = [
        f"{one.title}: delivery of {one.delivery_date} is {one.verdict.replace('_', ' ')} ({one.verdict_reason})"
        for one in found
        if one.is_wrong and one.delivery_date >= since
    ]
    expiring = [one.expires_at for one in found if one.is_about_to_expire and one.expires_at and one.expires_at > now]
    if expiring:
        count = f"{len(expiring):,} deliveries are" if len(expiring) > 1 else "1 delivery is"
        lines.append(
            f"{count} deleted by Didomi within 48 hours, first {min(expiring):%Y-%m-%d %H:%M} UTC, not archived"
        )
    return lines


def deliveries_in(pipeline: dlt.Pipeline, schema: str, condition: str = "") -> list[DeliveryStatus]:
    """Read the mart.

    Args:
        pipeline: Whose warehouse it is.
        schema: The schema of the marts.
        condition: Which rows; all by default.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    names = {
        row["export_id"]: row["name"] for row in select(pipeline, schema, "didomi__exports", ("export_id", "name"))
    }
    columns = [field.name for field in fields(DeliveryStatus) if field.name != "name"]
    rows = select(pipeline, schema, MART, columns, condition)
    found = [DeliveryStatus(**row, name=names.get(row["export_id"])) for row in rows]
    return sorted(found, key=lambda one: (-one.delivery_date.toordinal(), one.title.casefold(), one.data_kind))
