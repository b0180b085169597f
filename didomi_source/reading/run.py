"""What the exports of one run share, and the rows for which the destination has to be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from didomi_source import values
from didomi_source.api.client import DidomiClient
from didomi_source.schema import EXPORT_LOGS, Row
from didomi_source.settings import Settings

from .destination import Destination, DestinationState
from .exports import is_bare
from .fields import ExtraColumns
from .plan import Request
from .rows import Batch, HistoryRow, LogRow, Rows


@dataclass
class Run:
    """One run of the source.

    Args:
        client: Requests pages.
        settings: Page size, lookback, how often to read everything.
        request: What the run is asked to read.
        known: What the destination holds.
        extra: The columns of further fields.
        destination: Where the rest of it can be read.
        accepts_arrow: Whether the destination loads Arrow tables.
    """

    client: DidomiClient
    settings: Settings
    request: Request
    known: DestinationState
    extra: ExtraColumns
    destination: Destination
    accepts_arrow: bool = False
    _sequences: dict[str, dict[str, int]] = field(default_factory=dict)  # of the logs whose history was read

    def changed(self, exports: list[Row]) -> list[Row]:
        """The rows of `exports` whose configuration the destination does not hold yet."""
        rows, hashes = [], self.known.export_hashes
        for export in exports:
            loaded = hashes.get(export["id"])
            if loaded != export["content_hash"] and not (loaded and is_bare(export)):
                hashes[export["id"]] = export["content_hash"]
                rows.append({**export, "run_id": self.request.run_id, "extracted_at": datetime.now(timezone.utc)})
        return rows

    def log_rows(self, batch: Batch) -> Rows[LogRow]:
        """The rows of `export_logs`, with those whose `missing_at_source_since` changes."""
        rows = batch.take_logs()
        for row in self._remarked(batch.missing_since) if batch.missing_since else ():
            rows.append(row)
        return rows

    def _remarked(self, missing_since: dict[str, datetime | None]) -> list[LogRow]:
        """Logs whose `missing_at_source_since` changes; where rows cannot be replaced, the newer one is right."""
        further = {name: self.extra.types[name] for name in self.extra.loaded}
        types = {name: hints["data_type"] for name, hints in EXPORT_LOGS.items()} | further | {"raw_log": "text"}
        of_run = {"run_id": self.request.run_id, "extracted_at": datetime.now(timezone.utc)}
        rows = []
        for row in self.destination.logs(list(missing_since), types):
            own: dict[str, Any] = {name: row.get(name) for name in EXPORT_LOGS}
            if isinstance(own["raw_log"], dict):  # some destinations return JSON parsed
                own["raw_log"] = values.canonical(own["raw_log"])
            own |= {**of_run, "missing_at_source_since": missing_since[row["id"]]}
            rows.append(LogRow(**own, further={name: row[name] for name in further if name in row}))
        return rows

    def history_rows(self, batch: Batch) -> Rows[HistoryRow]:
        """The rows of `export_log_history` with their sequence, without states that the destination holds."""
        rows = batch.take_history()
        if None not in rows["sequence"]:
            return rows
        unread = {row.log_id for row in rows if row.sequence is None} - self._sequences.keys()
        held = self.destination.versions(sorted(unread))
        self._sequences.update({log_id: held.get(log_id, {}) for log_id in unread})
        return Rows(HistoryRow, (numbered for row in rows if (numbered := self._numbered(row))))

    def _numbered(self, row: HistoryRow) -> HistoryRow | None:
        if row.sequence is not None:
            return row
        sequences = self._sequences[row.log_id]
        if row.version_id in sequences:
            return None
        sequences[row.version_id] = max(sequences.values(), default=0) + 1
        return row._replace(sequence=sequences[row.version_id])
