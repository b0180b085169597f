"""What the destination holds of deliveries: the only memory from one run to the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from didomi_source.read_back import Tables, as_loaded
from didomi_source.schema import EXPORT_DELIVERIES, Row

if TYPE_CHECKING:
    from dlt import Pipeline

TABLE = "export_deliveries"
# Where nothing is deleted: so many days before the newest known one are listed again, as are days that were not right.
RECENT = timedelta(days=7)
UNSETTLED = timedelta(days=30)
_CHUNK = 500


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
    archived_at: datetime | None
    gone_since: datetime | None

    @property
    def is_settled(self) -> bool:
        """Whether all files were there, and none was wrong."""
        return self.is_complete and not self.error


_SUMMARY = tuple(column.name for column in fields(KnownDelivery))


class KnownDeliveries:
    """Reads `export_deliveries` back from wherever a pipeline loads it.

    Make it in the thread that runs the pipeline: dlt makes its SQL client from what that thread has set.

    Args:
        pipeline: The pipeline; None when the source is iterated without one, then nothing is known.
    """

    def __init__(self, pipeline: Pipeline | None) -> None:
        self._tables = Tables(pipeline)

    def summaries(self) -> dict[str, KnownDelivery]:
        """All known partitions, by `delivery_id`."""
        rows = (_as_loaded(_SUMMARY, values) for values in self._select(_SUMMARY))
        return {row["delivery_id"]: KnownDelivery(**row | {"listing_hash": row["listing_hash"] or ""}) for row in rows}

    def rows(self, delivery_ids: Collection[str]) -> dict[str, Row]:
        """Whole rows of some partitions, by `delivery_id`; `files` is parsed."""
        found: dict[str, Row] = {}
        ids = sorted(delivery_ids)
        for begin in range(0, len(ids), _CHUNK):
            chunk = ids[begin : begin + _CHUNK]
            condition = f"where delivery_id in ({', '.join(['%s'] * len(chunk))})"
            for values in self._select(tuple(EXPORT_DELIVERIES), condition, *chunk):
                row = _as_loaded(EXPORT_DELIVERIES, values)
                found[row["delivery_id"]] = row | {"files": row["files"] or []}
        return found

    def _select(self, columns: Sequence[str], rest: str = "", *values: Any) -> Iterator[tuple[Any, ...]]:
        with self._tables.opened() as tables:
            sql = f"select {tables.names(columns)} from {{export_deliveries}} {rest}"  # noqa: S608 - ours
            yield from tables.query(sql, *values)


def oldest_days(
    known: Mapping[str, KnownDelivery], recount: Collection[date], today: date, *, is_pending: Any
) -> dict[str, date]:
    """The oldest day of each export that has to be listed where nothing is deleted.

    Args:
        known: The known partitions.
        recount: Days that are to be read again.
        today: The day in UTC; a folder of a later one does not hide those before it.
        is_pending: Tells of a known partition whether something of it is left to do.

    Returns:
        The days; of an export without any, all days matter.
    """
    days: defaultdict[str, set[date]] = defaultdict(set)
    for delivery in known.values():
        if delivery.gone_since is None or delivery.is_settled:  # what went before it was whole may come again
            days[delivery.export_id].add(min(delivery.delivery_date, today))
    newest = {export_id: max(found) for export_id, found in days.items()}
    oldest = {
        export_id: min([newest[export_id] - RECENT, _first_gap(found), *recount]) for export_id, found in days.items()
    }
    for delivery in known.values():
        export_id, day = delivery.export_id, delivery.delivery_date
        is_unsettled = not delivery.is_settled and delivery.gone_since is None and day >= newest[export_id] - UNSETTLED
        if is_unsettled or (delivery.gone_since is None and is_pending(delivery)):
            oldest[export_id] = min(oldest[export_id], day)
    return oldest


def _first_gap(days: set[date]) -> date:
    """The first of the last UNSETTLED days without a partition, which may still come; without one, the newest."""
    newest = max(days)
    day = max(min(days), newest - UNSETTLED)
    while day in days and day < newest:
        day += timedelta(days=1)
    return day


def _as_loaded(columns: Iterable[str], values: Sequence[Any]) -> Row:
    named = zip(columns, values, strict=True)
    return {name: as_loaded(value, EXPORT_DELIVERIES[name]["data_type"]) for name, value in named}
