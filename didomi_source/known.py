"""What the destination holds already: the only memory from one run to the next.

No cursor lives in dlt's state, so that restoring an older copy of the warehouse, or deleting the working
directory, makes the next run read what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

from .marks import Mark, Marks, Numbers
from .rows import is_settled
from .schema import TABLES

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.destinations.sql_client import SqlClientBase

_CHUNK = 500
_ROWS_AT_ONCE = 10_000

# Where a destination cannot merge, a log has several rows: in this order the newest is the last.
_LOGS = """
select id, export_id, content_hash, status, updated_at, created_at, missing_at_source_since
from {export_logs} order by extracted_at, read_sequence"""
# A package that was only loaded in part and then given up leaves logs without their history, or the reverse.
_UNRECORDED = """
select l.id from {export_logs} l where not exists (
    select 1 from {export_log_history} h
    where h.log_id = l.id and coalesce(h.status, '') = coalesce(l.status, '')
    and coalesce(h.users, -1) = coalesce(l.metrics__users, -1) and coalesce(h.result, '') = coalesce(l.result, ''))"""
_REMEMBERED = """
select distinct h.log_id from {export_log_history} h
where not exists (select 1 from {export_logs} l where l.id = h.log_id)"""
_SYNCS = """
select export_id, mode, started_at, newest_created_at, logs_known, api_total
from {export_syncs} where is_complete = true and mode <> 'backfill' order by started_at"""


@dataclass
class KnownExport:
    """What the destination holds of one export; not changed any more once it is read."""

    logs: Marks = field(default_factory=Marks)
    complete_newest_created_at: datetime | None = None  # as the last complete read left it
    complete_logs_known: int | None = None  # None: never read completely
    complete_total: int | None = None  # what the API then said
    full_read_at: datetime | None = None

    @cached_property
    def newest_created_at(self) -> datetime | None:
        """When the newest log was created; a time ahead of the clock says nothing about what was read."""
        latest = latest_credible()
        times = (log.created_at for log in self.logs.values())
        return max((t for t in times if t is not None and t <= latest), default=None)

    @cached_property
    def oldest_open_created_at(self) -> datetime | None:
        """When the oldest log was created that is not settled, and was still there."""
        open_logs = (log for log in self.logs.values() if not log.is_settled and not log.is_missing)
        return min((log.created_at for log in open_logs if log.created_at), default=None)

    @cached_property
    def has_logs_without_time(self) -> bool:
        """Whether some have no place on a list that is sorted by time."""
        return any(log.created_at is None for log in self.logs.values())


@dataclass
class Known:
    """What the destination holds of everything."""

    exports: dict[str, KnownExport] = field(default_factory=dict)
    export_hashes: dict[str, str] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    remembered: set[str] = field(default_factory=set)  # logs that only the history holds
    reading: set[str] = field(default_factory=set)  # the exports of this run
    _claimed: Numbers = field(default_factory=Numbers)  # new logs of this run, with the numbers of their exports
    _claimants: list[str] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def export(self, export_id: str) -> KnownExport:
        """What is known of an export; nothing for a new one."""
        if export_id not in self.exports:
            self.exports[export_id] = KnownExport()
        return self.exports[export_id]

    def claim(self, log_ids: Collection[str], export_id: str) -> dict[str, str]:
        """Claim the ids of new logs for an export; returns those that another one has, with that export."""
        taken: dict[str, str] = {}
        for name, logs in self._loaded:
            if name != export_id:
                taken |= {log_id: name for log_id in log_ids if log_id not in taken and log_id in logs}
        if self.reading == {export_id}:  # nobody else could claim one
            return taken
        with self._lock:
            if export_id not in self._claimants:
                self._claimants.append(export_id)
            own = self._claimants.index(export_id)
            for log_id in log_ids:
                if log_id not in taken and (claimant := self._claimed.setdefault(log_id, own)) != own:
                    taken[log_id] = self._claimants[claimant]
        return taken

    @cached_property
    def _loaded(self) -> list[tuple[str, Marks]]:
        """The exports that had logs before this run; few of their ids are asked for, since most are known."""
        return [(name, export.logs) for name, export in list(self.exports.items()) if len(export.logs)]


class Destination:
    """Reads the tables of this source back from wherever a pipeline loads them.

    Use it in the thread that runs the pipeline: dlt's SQL client is not safe in others.

    Args:
        pipeline: The pipeline; None when the source is iterated without one, then nothing is known.
    """

    def __init__(self, pipeline: Pipeline | None) -> None:
        self._pipeline = pipeline

    def known(self) -> Known:
        """Read what decides what the next run has to read."""
        known = Known()
        with self._client() as client:
            if client is not None:
                _read_logs(client, known)
                _read_syncs(client, known)
                hashes = _query(client, "select id, content_hash from {exports} order by extracted_at")
                known.export_hashes = dict(hashes)
                found = _query(client, "select fingerprint from {export_log_quarantine}")
                known.quarantined = {fingerprint for (fingerprint,) in found}
                known.remembered = {log_id for (log_id,) in _query(client, _REMEMBERED)}
        return known

    def versions(self, log_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """The observed states of some logs: log id → version id → sequence."""
        found: dict[str, dict[str, int]] = {}
        sql = "select log_id, version_id, sequence from {export_log_history} where log_id"
        for log_id, version_id, sequence in self._by_id(sql, log_ids):
            found.setdefault(log_id, {})[version_id] = sequence
        return found

    def logs(self, log_ids: Sequence[str], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Whole rows of some logs, as the destination holds them."""
        with self._client() as client:
            if client is None:
                return
            quoted = ", ".join(map(client.escape_column_name, columns))  # a field may be called `select`
        for row in self._by_id(f"select {quoted} from {{export_logs}} where id", log_ids):  # noqa: S608 - quoted
            yield {name: value for name, value in zip(columns, row, strict=True) if value is not None}

    def _by_id(self, sql: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            with self._client() as client:
                if client is not None:
                    yield from _query(client, f"{sql} in ({', '.join(['%s'] * len(chunk))})", *chunk)

    @contextmanager
    def _client(self) -> Iterator[SqlClientBase[Any] | None]:
        from dlt.common.destination.exceptions import SqlClientNotAvailable

        if self._pipeline is None:
            yield None
            return
        try:
            client = self._pipeline.sql_client()
        except SqlClientNotAvailable:  # a destination without SQL: everything is read each time
            yield None
            return
        with client:
            yield client


def latest_credible() -> datetime:
    """Up to when a log can have been created: a day ahead, for clocks that differ."""
    return datetime.now(timezone.utc) + timedelta(days=1)


def _query(client: SqlClientBase[Any], sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
    """Rows of the destination, some at a time; none where it has no such table yet."""
    from dlt.destinations.exceptions import DatabaseUndefinedRelation

    names = {table: client.make_qualified_table_name(table) for table in TABLES}
    try:
        with client.execute_query(sql.format(**names), *values) as cursor:
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield from rows
    except DatabaseUndefinedRelation:
        return


def _read_logs(client: SqlClientBase[Any], known: Known) -> None:
    unrecorded = {log_id for (log_id,) in _query(client, _UNRECORDED)}
    for log_id, export_id, content_hash, status, updated_at, created_at, missing_since in _query(client, _LOGS):
        known.export(export_id).logs[log_id] = Mark(
            content_hash="" if log_id in unrecorded else content_hash or "",
            is_settled=is_settled(status),
            is_missing=missing_since is not None,
            created_at=_utc(created_at),
            updated_at=_utc(updated_at),
        )


def _read_syncs(client: SqlClientBase[Any], known: Known) -> None:
    for export_id, mode, started_at, newest, logs_known, total in _query(client, _SYNCS):
        export = known.export(export_id)
        export.complete_newest_created_at = _utc(newest)
        export.complete_logs_known = logs_known
        export.complete_total = total
        if mode == "full":
            export.full_read_at = _utc(started_at)


def _utc(when: datetime | None) -> datetime | None:
    if when is None:
        return None
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)
