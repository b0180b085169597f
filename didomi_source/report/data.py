"""Reads what the page shows from the marts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from didomi_source.errors import TableMissing
from didomi_source.health.deliveries import DeliveryStatus, deliveries_in
from didomi_source.health.status import ExportStatus, read_exports
from didomi_source.warehouse.read import select

from .calendar import calendar_start
from .marts import (
    CHART_DAYS,
    DETAILED,
    STRIP_DAYS,
    Contradiction,
    Day,
    ErrorKind,
    Incident,
    LoadDay,
    Marts,
    OrganizationDay,
    Volume,
)

if TYPE_CHECKING:
    from didomi_source.warehouse.read import Warehouse

_LONGEST_LIST = 1000

_Row = TypeVar("_Row")


class Reader:
    """Reads marts of one schema into rows."""

    def __init__(self, warehouse: Warehouse, schema: str) -> None:
        self._warehouse = warehouse
        self._schema = schema

    def rows(self, row_class: type[_Row], mart: str, condition: str = "", *values: Any) -> list[_Row]:
        """Read a mart into dataclasses whose fields are its columns."""
        names = [f.name for f in fields(row_class)]  # type: ignore[arg-type]
        return [row_class(*row) for row in self.values(names, mart, condition, *values)]

    def values(self, columns: Sequence[str], mart: str, condition: str = "", *values: Any) -> list[tuple[Any, ...]]:
        """Read some expressions, row by row."""
        found = select(self._warehouse, self._schema, f"didomi__{mart}", columns, condition, *values)
        return [tuple(row.values()) for row in found]


def read_marts(warehouse: Warehouse, schema: str) -> Marts:
    """Read all that the page needs.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    read = Reader(warehouse, schema)
    exports = read_exports(warehouse, schema)
    today = read.values(["max(run_date)"], "daily_export_success")[0][0]
    if today is None:
        return Marts(exports, _as_of(exports, []), contradictions=_contradictions(read), loads=_loads(read))
    month = today - timedelta(days=STRIP_DAYS - 1)
    chart = today - timedelta(days=CHART_DAYS - 1)
    incidents = _incidents(read, month)
    detailed = [export.export_id for export in exports[:DETAILED]]
    return Marts(
        exports=exports,
        as_of=_as_of(exports, incidents),
        today=today,
        days=_days(read, detailed, calendar_start(today), month),
        volumes=_of(read, Volume, "daily_user_volume", detailed, chart),
        anomalies=_anomalies(read, month),
        delivered_on=_delivered_on(read, chart),
        organizations=read.rows(
            OrganizationDay, "organization_daily", "where run_date >= %s order by run_date", chart - timedelta(days=7)
        ),
        incidents=incidents,
        errors=_errors(read, month),
        contradictions=_contradictions(read),
        loads=_loads(read),
        deliveries=_deliveries(warehouse, schema, detailed, calendar_start(today)),
    )


def _deliveries(warehouse: Warehouse, schema: str, detailed: Sequence[str], since: date) -> list[DeliveryStatus]:
    """The deliveries since a day; none where the models are older than deliveries."""
    condition = (
        "where delivery_date >= %s and verdict <> 'not_checked' "
        f"and (is_wrong or is_about_to_expire or export_id in ({_places(detailed)}))"
    )
    try:
        return deliveries_in(warehouse, schema, condition, since, *detailed)
    except TableMissing:
        return []


def _as_of(exports: Sequence[ExportStatus], incidents: Sequence[Incident]) -> datetime | None:
    """The models' "now": no mart holds it, but it follows from every distance to it."""
    candidates = [
        export.last_success_at.replace(microsecond=0) + timedelta(seconds=export.seconds_since_last_success)
        for export in exports
        if export.last_success_at is not None and export.seconds_since_last_success is not None
    ] + [
        incident.started_at.replace(microsecond=0) + timedelta(seconds=incident.duration_seconds)
        for incident in incidents
        if incident.is_open
    ]
    syncs = [export.last_synced_at for export in exports if export.last_synced_at]
    # The models are built right after a load.
    return max(candidates, default=None) or max(syncs, default=None)


def _of(read: Reader, row_class: type[_Row], mart: str, export_ids: Sequence[str], since: date) -> list[_Row]:
    condition = f"where run_date >= %s and export_id in ({_places(export_ids)}) order by export_id, run_date"
    return read.rows(row_class, mart, condition, since, *export_ids)


def _places(values: Collection[object]) -> str:
    """A place of a query for each value."""
    return ", ".join(["%s"] * len(values))


def _days(read: Reader, detailed: Sequence[str], calendar: date, strip: date) -> list[Day]:
    found = _of(read, Day, "daily_export_success", detailed, calendar)
    if len(detailed) < DETAILED:
        return found
    # One more read for the strips of the others, in place of half a year of each.
    known = set(detailed)
    others = read.rows(Day, "daily_export_success", "where run_date >= %s order by export_id, run_date", strip)
    return found + [day for day in others if day.export_id not in known]


def _delivered_on(read: Reader, since: date) -> dict[str, date]:
    condition = "where users is not null and run_date >= %s group by export_id"
    return dict(read.values(["export_id", "max(run_date)"], "daily_user_volume", condition, since))


def _newest_first(rows: list[_Row], when: str, name: str) -> list[_Row]:
    """Order rows by a time; those of one time by a text, which each warehouse would sort in its own way."""
    return sorted(sorted(rows, key=attrgetter(name)), key=attrgetter(when), reverse=True)


def _anomalies(read: Reader, since: date) -> list[Volume]:
    found = read.rows(Volume, "daily_user_volume", "where is_anomaly and run_date >= %s", since)
    return _newest_first(found, "run_date", "export_id")


def _incidents(read: Reader, since: date) -> list[Incident]:
    # Each warehouse compares dates alike, and times in its own way.
    ended = "cast(recovered_at as date) >= %s"
    condition = f"where is_open or {ended} order by started_at desc limit {_LONGEST_LIST}"
    return _newest_first(read.rows(Incident, "export_incidents", condition, since), "started_at", "export_id")


def _errors(read: Reader, since: date) -> list[ErrorKind]:
    columns = ["error_kind", "sum(failures)", "count(distinct export_id)", "max(last_failure_at)", "max(run_date)"]
    kinds = read.values(columns, "export_errors", "where run_date >= %s group by error_kind", since)
    texts = _last_texts(read, {last_date for *_, last_date in kinds})
    found = [ErrorKind(kind, int(runs), exports, last, texts[kind]) for kind, runs, exports, last, _ in kinds]
    return sorted(found, key=lambda k: (-k.failures, k.error_kind))


def _last_texts(read: Reader, days: set[date]) -> dict[str, str | None]:
    """The text of the last failure of each kind, from the days of those failures."""
    if not days:
        return {}
    columns = ["error_kind", "example_message", "last_failure_at", "example_log_id"]
    condition = f"where run_date in ({_places(days)})"
    rows = read.values(columns, "export_errors", condition, *sorted(days))
    return {kind: text for kind, text, *_ in sorted(rows, key=itemgetter(2, 3))}


def _contradictions(read: Reader) -> list[Contradiction]:
    condition = f"where contradiction is not null order by run_at desc limit {_LONGEST_LIST}"
    return _newest_first(read.rows(Contradiction, "export_runs", condition), "run_at", "log_id")[:10]


def _loads(read: Reader) -> list[LoadDay]:
    day = "cast(loaded_at as date)"
    condition = "where loaded_at is not null group by 1 order by 1 desc limit 10"
    columns = [day, "count(*)", "count(distinct export_id)", "max(loaded_at)"]
    return [LoadDay(*row) for row in read.values(columns, "export_runs", condition)]
