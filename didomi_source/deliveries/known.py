"""What the destination holds of deliveries: the only memory from one run to the next."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from didomi_source.schema import EXPORT_DELIVERIES, Row

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.destinations.sql_client import SqlClientBase

TABLE = "export_deliveries"
# Where nothing is deleted: so many days before the newest known one are listed again, as are days that were not right.
RECENT = timedelta(days=7)
UNSETTLED = timedelta(days=30)
_CHUNK = 500
_SUMMARY = (
    "delivery_id", "export_id", "delivery_date", "listing_hash", "is_complete", "error", "needs_retry", "archived_to",
    "gone_since",
)  # fmt: skip


@dataclass(frozen=True)
class KnownDelivery:
    """What decides whether a partition has to be read again."""

    delivery_id: str
    export_id: str
    delivery_date: date
    listing_hash: str
    is_complete: bool
    error: str | None
    needs_retry: bool
    archived_to: str | None  # where copies were made, be it all of them or not
    gone_since: datetime | None


class KnownDeliveries:
    """Reads `export_deliveries` back from wherever a pipeline loads it.

    Make it in the thread that runs the pipeline: dlt makes its SQL client from what that thread has set.

    Args:
        pipeline: The pipeline; None when the source is iterated without one, then nothing is known.
    """

    def __init__(self, pipeline: Pipeline | None) -> None:
        self._client = _sql_client(pipeline)

    def summaries(self) -> dict[str, KnownDelivery]:
        """All known partitions, by `delivery_id`."""
        # Where a destination cannot merge, a partition has several rows: the newest is the last.
        rows = self._select(_SUMMARY, "order by extracted_at")
        return {row[0]: KnownDelivery(row[0], row[1], _as_date(row[2]), row[3] or "", *row[4:]) for row in rows}

    def rows(self, delivery_ids: Collection[str]) -> dict[str, Row]:
        """Whole rows of some partitions, by `delivery_id`; `files` is parsed."""
        found: dict[str, Row] = {}
        ids = sorted(delivery_ids)
        for begin in range(0, len(ids), _CHUNK):
            chunk = ids[begin : begin + _CHUNK]
            condition = f"where delivery_id in ({', '.join(['%s'] * len(chunk))}) order by extracted_at"
            for values in self._select(tuple(EXPORT_DELIVERIES), condition, *chunk):
                row = {name: _as_loaded(value) for name, value in zip(EXPORT_DELIVERIES, values, strict=True)}
                row["files"] = json.loads(row["files"]) if isinstance(row["files"], str) else row["files"] or []
                row["delivery_date"] = _as_date(row["delivery_date"])
                found[row["delivery_id"]] = row
        return found

    def _select(self, columns: Sequence[str], rest: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        from dlt.destinations.exceptions import DatabaseUndefinedRelation

        if self._client is None:
            return
        with self._client as client:
            names = ", ".join(map(client.escape_column_name, columns))
            table = client.make_qualified_table_name(TABLE)
            try:
                with client.execute_query(f"select {names} from {table} {rest}", *values) as cursor:  # noqa: S608 - ours
                    yield from cursor.fetchall()
            except DatabaseUndefinedRelation:
                return


def oldest_days(known: Mapping[str, KnownDelivery], recount: Collection[date], *, is_pending: Any) -> dict[str, date]:
    """The oldest day of each export that has to be listed where nothing is deleted.

    Args:
        known: The known partitions.
        recount: Days that are to be read again.
        is_pending: Tells of a known partition whether something of it is left to do.

    Returns:
        The days; of an export without any, all days matter.
    """
    newest: dict[str, date] = {}
    for delivery in known.values():
        newest[delivery.export_id] = max(delivery.delivery_date, newest.get(delivery.export_id, date.min))
    oldest = {export_id: min([day - RECENT, *recount]) for export_id, day in newest.items()}
    for delivery in known.values():
        export_id, day = delivery.export_id, delivery.delivery_date
        is_unsettled = (not delivery.is_complete or delivery.error) and day >= newest[export_id] - UNSETTLED
        if delivery.gone_since is None and (is_unsettled or is_pending(delivery)):
            oldest[export_id] = min(oldest[export_id], day)
    return oldest


def _sql_client(pipeline: Pipeline | None) -> SqlClientBase[Any] | None:
    from dlt.common.destination.exceptions import SqlClientNotAvailable

    try:
        return pipeline.sql_client() if pipeline else None
    except SqlClientNotAvailable:  # a destination without SQL: everything is read each time
        return None


def _as_date(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _as_loaded(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    return value
