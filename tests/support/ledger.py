"""A destination in memory: it keeps and merges the rows of an export as dlt and a warehouse do, at a tenth of the cost.

What is read, and what of it is written, is decided by the real `Reading`, and its history numbered by the real `Run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from didomi_source.reading.destination import DestinationState, KnownExport, latest_credible
from didomi_source.reading.fields import ExtraColumns
from didomi_source.reading.packages import Reading
from didomi_source.reading.plan import Request
from didomi_source.reading.rows import Batch, as_dict, is_settled
from didomi_source.reading.run import Run
from didomi_source.reading.state import LogState, LogStates
from didomi_source.settings import Settings

Row = dict[str, Any]


class Ledger:
    """The tables of one export, by key."""

    def __init__(self) -> None:
        self.logs: dict[str, Row] = {}
        self.history: dict[str, Row] = {}
        self.quarantine: dict[str, Row] = {}
        self.syncs: list[Row] = []

    def sync(self, client: Any, settings: Settings, request: Request, export_id: str) -> Row:
        """Bring the export up to date, as one run of the source does; returns its row of `export_syncs`."""
        extra = ExtraColumns(dict.fromkeys({name for row in self.logs.values() for name in row}, "text"))
        run = Run(client, settings, request, self.state(export_id), extra, self)
        reading = Reading()
        reading.begin(run, [{"id": export_id}])
        batches = list(reading.package())
        history = [row._asdict() for batch in batches for row in run.history_rows(batch)]
        for batch in batches:
            self._merge(batch, request.run_id)
        for row in history:
            self.history.setdefault(row["version_id"], row)
        return self.syncs[-1]

    def _merge(self, batch: Batch, run_id: str) -> None:
        for log_id, since in batch.missing_since.items():
            self.logs[log_id] = {**self.logs[log_id], "run_id": run_id, "missing_at_source_since": since}
        for row in map(as_dict, batch.export_logs):
            present = self.logs.get(row["id"])
            if present is None or present["run_id"] != run_id or present["read_sequence"] < row["read_sequence"]:
                self.logs[row["id"]] = row
        for row in batch.export_log_quarantine:
            self.quarantine.setdefault(row["fingerprint"], row)
        self.syncs += batch.export_syncs

    def state(self, export_id: str) -> DestinationState:
        """What destination.py reads from a destination that holds the same rows."""
        known = DestinationState(exports_in_run={export_id}, quarantined=set(self.quarantine), destination=self)
        known.add_known((log_id, export_id) for log_id in self.logs)
        note_times(known.export(export_id), self.logs.values())
        export = known.export(export_id)
        for sync in self.syncs:
            if sync["is_complete"] and sync["mode"] != "backfill":
                export.complete_newest_created_at = sync["newest_created_at"]
                export.complete_logs_known = sync["logs_known"]
                export.complete_total = sync["api_total"]
                export.sort = sync["sort"]
                export.full_read_at = sync["started_at"] if sync["mode"] == "full" else export.full_read_at
        return known

    # -- what the source asks of its destination --------------------------------------------------

    def read_states(self, known: DestinationState, since: Mapping[str, datetime | None], further: int) -> None:
        """The states of the logs of an export, back to a time and so many further."""
        ((export_id, when),) = since.items()
        times = {log_id: row.get("created_at") for log_id, row in self.logs.items()}
        older = sorted((at for at in times.values() if at and when and at < when), reverse=True)
        if when is None or len(older) < further:
            known.export(export_id).has_all_states = True
            self.read_states_of(known, list(self.logs))
        else:
            self.read_states_of(known, [log_id for log_id, at in times.items() if at and at >= older[further - 1]])

    def read_states_of(self, known: DestinationState, log_ids: Sequence[str]) -> None:
        """The states of some logs."""
        rows = [self.logs[log_id] for log_id in log_ids]
        known.logs.add((row["id"], row["export_id"], state_of(row)) for row in rows)

    def versions(self, log_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """The observed states of some logs: log id → version id → sequence."""
        found: dict[str, dict[str, int]] = {}
        for row in self.history.values():
            if row["log_id"] in log_ids:
                found.setdefault(row["log_id"], {})[row["version_id"]] = row["sequence"]
        return found

    def states(self, log_id: str) -> list[tuple[int, Any, Any, Any]]:
        """Sequence, status, users and result of each observed state of a log, in order."""
        rows = (row for row in self.history.values() if row["log_id"] == log_id)
        return sorted((row["sequence"], row["status"], row["users"], row["result"]) for row in rows)


def state_of(row: Row) -> LogState:
    """What destination.py makes of a row of `export_logs`."""
    return LogState(
        row.get("content_hash", ""),
        is_settled=is_settled(row.get("status")),
        is_missing=row.get("missing_at_source_since") is not None,
        is_known=True,
        updated_at=row.get("updated_at"),
    )


def states_of(logs: LogStates, export_id: str) -> dict[str, LogState | None]:
    """The logs of an export whose states are known."""
    sql = "select id from log where export_id = ? and content_hash is not null"
    return {log_id: logs[log_id] for (log_id,) in logs.database.select(sql, [export_id])}


def note_times(export: KnownExport, rows: Iterable[Row]) -> None:
    """What destination.py has a destination compute of all rows of an export."""
    for row in rows:
        created_at = row.get("created_at")
        export.has_logs_without_time |= created_at is None
        if created_at and created_at <= latest_credible():
            export.newest_created_at = max(export.newest_created_at or created_at, created_at)
        if created_at and not is_settled(row.get("status")) and row.get("missing_at_source_since") is None:
            export.oldest_open_created_at = min(export.oldest_open_created_at or created_at, created_at)
