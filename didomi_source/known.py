"""What the destination holds already: the only memory from one run to the next.

No cursor lives in dlt's state, so that restoring an older copy of the warehouse, or deleting the working
directory, makes the next run read what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from .schema import State

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.destinations.sql_client import SqlClientBase

Rows = list[tuple[Any, ...]]
_CHUNK = 500


class KnownLog(NamedTuple):
    """A log as the destination holds it."""

    content_hash: str
    state: State
    is_missing: bool  # at the source, by the last complete whole read


@dataclass
class KnownExport:
    """What the destination holds of one export."""

    logs: dict[str, KnownLog] = field(default_factory=dict)
    newest_created_at: datetime | None = None
    oldest_open_created_at: datetime | None = None  # of the logs that are not settled
    has_logs_without_time: bool = False
    complete_newest_created_at: datetime | None = None  # as the last complete read left it
    complete_logs_known: int | None = None  # None: never read completely
    full_read_at: datetime | None = None


@dataclass
class Known:
    """What the destination holds of everything."""

    exports: dict[str, KnownExport] = field(default_factory=dict)
    export_hashes: dict[str, str] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)

    def export(self, export_id: str) -> KnownExport:
        """What is known of an export; nothing for a new one."""
        return self.exports.setdefault(export_id, KnownExport())


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
            if client is None:
                return known
            self._read_logs(client, known)
            self._read_syncs(client, known)
            known.export_hashes = dict(self._select(client, "exports", "id, content_hash"))
            found = self._select(client, "export_log_quarantine", "fingerprint")
            known.quarantined = {fingerprint for (fingerprint,) in found}
        return known

    def versions(self, log_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """The observed states of some logs: log id → version id → sequence."""
        found: dict[str, dict[str, int]] = {}
        for log_id, version_id, sequence in self._by_id(
            "export_log_history", "log_id, version_id, sequence", "log_id", log_ids
        ):
            found.setdefault(log_id, {})[version_id] = sequence
        return found

    def logs(self, log_ids: Sequence[str], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Whole rows of some logs, as the destination holds them."""
        for row in self._by_id("export_logs", ", ".join(columns), "id", log_ids):
            yield {name: value for name, value in zip(columns, row, strict=True) if value is not None}

    def _by_id(self, table: str, columns: str, key: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            condition = f"{key} in ({', '.join(['%s'] * len(chunk))})"
            with self._client() as client:
                if client is not None:
                    yield from self._select(client, table, columns, condition, *chunk)

    @contextmanager
    def _client(self) -> Iterator[SqlClientBase[Any] | None]:
        from dlt.common.destination.exceptions import SqlClientNotAvailable  # noqa: PLC0415 - slow to import

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

    @staticmethod
    def _select(
        client: SqlClientBase[Any], table: str, columns: str, condition: str = "1 = 1", *values: Any
    ) -> Rows:
        from dlt.destinations.exceptions import DatabaseUndefinedRelation  # noqa: PLC0415 - slow to import

        name = client.make_qualified_table_name(table)
        try:
            rows = client.execute_sql(f"select {columns} from {name} where {condition}", *values)  # noqa: S608 - names are ours
        except DatabaseUndefinedRelation:
            return []
        return [tuple(row) for row in rows or []]

    def _read_logs(self, client: SqlClientBase[Any], known: Known) -> None:
        # A time ahead of the clock says nothing about what was read.
        latest = datetime.now(timezone.utc) + timedelta(days=1)
        columns = (
            "id, export_id, content_hash, status, metrics__users, updated_at, created_at, missing_at_source_since"
        )
        for (
            log_id,
            export_id,
            content_hash,
            status,
            users,
            updated_at,
            created_at,
            missing,
        ) in self._select(client, "export_logs", columns):
            export, created_at = known.export(export_id), _utc(created_at)
            state = State(status, users, None, _utc(updated_at))
            export.logs[log_id] = KnownLog(content_hash, state, missing is not None)
            if created_at is None:
                export.has_logs_without_time = True
            elif created_at <= latest:
                export.newest_created_at = max(created_at, export.newest_created_at or created_at)
            if created_at and not state.is_settled and missing is None:
                export.oldest_open_created_at = min(created_at, export.oldest_open_created_at or created_at)

    def _read_syncs(self, client: SqlClientBase[Any], known: Known) -> None:
        columns = "export_id, mode, started_at, newest_created_at, logs_known"
        condition = "is_complete = true and mode <> 'backfill'"
        rows = self._select(client, "export_syncs", columns, condition)
        for export_id, mode, started_at, newest, logs_known in sorted(rows, key=lambda row: row[2]):
            export = known.export(export_id)
            export.complete_newest_created_at = _utc(newest)
            export.complete_logs_known = logs_known
            if mode == "full":
                export.full_read_at = _utc(started_at)


def _utc(when: datetime | None) -> datetime | None:
    if when is None:
        return None
    return when.replace(tzinfo=timezone.utc) if when.tzinfo is None else when.astimezone(timezone.utc)

