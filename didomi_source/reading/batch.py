"""Rows on their way from the reading of exports to the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from didomi_source.schema import Row

from .rows import HistoryRow, LogRow, Rows

# An export hands over a batch when it has this much: little is held in memory for each export that is read.
BATCH_ROWS = 2_500
BATCH_BYTES = 2**20
# dlt infers a schema for each item: a batch reaches it when it has this much. 20,000 rows: 46 MB more, no less CPU.
COALESCED_ROWS = 10_000
COALESCED_BYTES = 8 * 2**20


@dataclass
class Batch:
    """Rows for each table, as reading one or several exports brought them."""

    export_logs: Rows[LogRow] = field(default_factory=lambda: Rows(LogRow))
    export_log_history: Rows[HistoryRow] = field(default_factory=lambda: Rows(HistoryRow))
    export_log_quarantine: list[Row] = field(default_factory=list)
    export_syncs: list[Row] = field(default_factory=list)
    # Known logs whose `missing_at_source_since` changes; None: they are back.
    missing_since: dict[str, datetime | None] = field(default_factory=dict)
    size: int = 0  # bytes of JSON, approximately

    def has(self, rows: int, size: int) -> bool:
        """Whether it holds at least so many rows or bytes."""
        return len(self.export_logs) + len(self.export_log_quarantine) >= rows or self.size >= size

    @property
    def is_full(self) -> bool:
        """Whether an export should hand it over."""
        return self.has(BATCH_ROWS, BATCH_BYTES)

    def take_logs(self) -> Rows[LogRow]:
        """Take the rows of `export_logs` out: dlt keeps several batches alive until all tables have seen them."""
        rows, self.export_logs = self.export_logs, Rows(LogRow)
        return rows

    def take_history(self) -> Rows[HistoryRow]:
        """Take the rows of `export_log_history` out."""
        rows, self.export_log_history = self.export_log_history, Rows(HistoryRow)
        return rows

    def extend(self, other: Batch) -> None:
        """Add the rows of another batch."""
        self.export_logs.extend(other.export_logs)
        self.export_log_history.extend(other.export_log_history)
        self.export_log_quarantine += other.export_log_quarantine
        self.export_syncs += other.export_syncs
        self.missing_since |= other.missing_since
        self.size += other.size


def coalesced(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Fewer and larger batches with the same rows in the same order; at least one."""
    merged = Batch()
    for batch in batches:
        merged.extend(batch)
        if merged.has(COALESCED_ROWS, COALESCED_BYTES):
            yield merged
            merged = Batch()
    yield merged
