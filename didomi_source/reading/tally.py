"""What reading an export amounts to: its row of `export_syncs`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from didomi_source.schema import Row

from .rows import LogRow, Rows, is_settled


@dataclass
class Tally:
    """The counts of a row of `export_syncs`.

    Ids and fingerprints are kept where a log may be received more than once and counts once.
    """

    newest_created_at: datetime | None
    requests: int = 0
    rows_received: int = 0
    logs_new: int = 0
    logs_changed: int = 0
    pending: set[str] = field(default_factory=set)
    flagged: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    unusable: set[str] = field(default_factory=set)  # of the list: quarantined, or of another export of this run
    unusable_reason: str | None = None  # of one of the quarantined

    def wrote(self, rows: Rows[LogRow], latest_credible: datetime) -> None:
        """Count rows that are written."""
        self.flagged.update(log_id for log_id, flags in zip(rows["id"], rows["flags"], strict=True) if flags)
        times = (at for at in (self.newest_created_at, *rows["created_at"]) if at and at <= latest_credible)
        self.newest_created_at = max(times, default=None)

    def found(self, log_id: str, *, is_settled: bool) -> None:
        """Count a log as pending, or not any longer."""
        (self.pending.discard if is_settled else self.pending.add)(log_id)

    def found_new(self, rows: Rows[LogRow]) -> None:
        """Count logs that are not known yet, each once."""
        self.logs_new += len(rows)
        self.pending.update(i for i, status in zip(rows["id"], rows["status"], strict=True) if not is_settled(status))

    def as_row(self, known: int, received: int) -> Row:
        """The columns that are counts.

        Args:
            known: How many logs of the export the destination held before.
            received: How many different items were received.
        """
        return {
            "requests": self.requests,
            "rows_received": self.rows_received,
            "distinct_ids": received - len(self.unusable),
            "logs_new": self.logs_new,
            "logs_changed": self.logs_changed,
            "logs_pending": len(self.pending),
            "logs_flagged": len(self.flagged),
            "logs_quarantined": len(self.quarantined),
            "logs_known": known + self.logs_new,
            "newest_created_at": self.newest_created_at,
        }
