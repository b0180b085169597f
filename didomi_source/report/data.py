"""What the page tells, read from the marts; the fields are their columns and mean what sql/README.md says."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, TypeVar

from didomi_source.health.status import BAD, HEALTH_ORDER
from didomi_source.warehouse.read import select

if TYPE_CHECKING:
    import dlt

DETAILED = 40  # exports that get a calendar and charts; the others get a line
STRIP_DAYS = 28
CHART_DAYS = 120
CALENDAR_WEEKS = 26
_LONGEST_LIST = 1000
_DAY_SECONDS = 86_400
_MONTH_DAYS = 31

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Export:
    """One row of `didomi__exports`."""

    export_id: str
    organization_id: str | None
    name: str | None
    frequency: str | None
    interval_seconds: int | None
    interval_months: int | None
    health: str
    health_reason: str
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

    @property
    def title(self) -> str:
        """Its name, or its id where it has none."""
        return self.name or self.export_id


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

    organization_id: str | None
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
    started_by: str
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
        as_of: "Now" of the models; None when nothing tells it.
        today: The as-of day, in the models' time zone; None before the first run.
        days: The last 28 days of every export; longer for the first `DETAILED` exports.
        volumes: The last `CHART_DAYS` of the first `DETAILED` exports.
        anomalies: Of the last 28 days, the newest first, of all exports.
        delivered_on: Export → day of its latest delivery.
        organizations: The last `CHART_DAYS` and a week.
        incidents: Open, or ended in the last 28 days; the newest first.
        errors: Of the last 28 days, the commonest first.
        contradictions: The newest first; `Export.runs_contradictory` counts them.
        loads: The newest first.
    """

    exports: Sequence[Export]
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

    @property
    def detailed(self) -> Sequence[Export]:
        """The exports that get a calendar and charts."""
        return self.exports[:DETAILED]


class Reader:
    """Reads marts of one schema into rows.

    Args:
        pipeline: Whose warehouse it is.
        schema: The schema of the marts.
    """

    def __init__(self, pipeline: dlt.Pipeline, schema: str) -> None:
        self._pipeline = pipeline
        self._schema = schema

    def rows(self, kind: type[_Row], mart: str, condition: str = "", *values: Any) -> list[_Row]:
        """The rows of a mart as dataclasses whose fields are its columns."""
        names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
        return [kind(*row) for row in self.values(names, mart, condition, *values)]

    def values(self, columns: Sequence[str], mart: str, condition: str = "", *values: Any) -> list[tuple[Any, ...]]:
        """What some expressions are, row by row."""
        found = select(self._pipeline, self._schema, f"didomi__{mart}", columns, condition, *values)
        return [tuple(row.values()) for row in found]


def read_marts(pipeline: dlt.Pipeline, schema: str) -> Marts:
    """Read all that the page needs.

    Args:
        pipeline: Whose warehouse it is.
        schema: The schema of the marts.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    read = Reader(pipeline, schema)
    exports = worst_first(read.rows(Export, "exports"))
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
    )


def worst_first(exports: Iterable[Export]) -> list[Export]:
    """Order exports by health, then by how many runs long a bad one has had no success, or by its rate."""
    return sorted(exports, key=lambda e: (_rank(e.health), -_runs_without_success(e), _rate(e), e.title, e.export_id))


def _rank(health: str) -> int:
    return HEALTH_ORDER.index(health if health in HEALTH_ORDER else "no_outcome")


def _runs_without_success(export: Export) -> float:
    if export.health not in BAD:
        return 0.0
    if export.seconds_since_last_success is None:
        return math.inf
    return export.seconds_since_last_success / (interval_days(export) * _DAY_SECONDS)


def _rate(export: Export) -> float:
    # Among the healthy, those that failed lately come first.
    return 1.0 if export.success_rate_28d is None else export.success_rate_28d


def interval_days(export: Export) -> float:
    """How many days apart an export's runs are; one where nobody knows."""
    if export.interval_months is not None:
        return export.interval_months * _MONTH_DAYS
    return export.interval_seconds / _DAY_SECONDS if export.interval_seconds else 1.0


def calendar_start(today: date) -> date:
    """The Monday that the calendars begin with."""
    return today - timedelta(days=today.weekday() + 7 * (CALENDAR_WEEKS - 1))


def _as_of(exports: Sequence[Export], incidents: Sequence[Incident]) -> datetime | None:
    """The models' "now": no mart holds it, but every distance to it does."""
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


def _of(read: Reader, kind: type[_Row], mart: str, export_ids: Sequence[str], since: date) -> list[_Row]:
    places = ", ".join(["%s"] * len(export_ids))
    condition = f"where run_date >= %s and export_id in ({places}) order by export_id, run_date"
    return read.rows(kind, mart, condition, since, *export_ids)


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
    # Days compare alike everywhere; of a time, each warehouse has its own idea.
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
    """The text of the last failure of each kind, from the days on which they were."""
    if not days:
        return {}
    columns = ["error_kind", "example_message", "last_failure_at", "example_log_id"]
    condition = f"where run_date in ({', '.join(['%s'] * len(days))})"
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
