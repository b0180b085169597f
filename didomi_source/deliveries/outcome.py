"""What one run asks of the deliveries, and what it learned, for those who report it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from didomi_source.schema import Row


@dataclass
class ExportOutcome:
    """What one run learned of the deliveries of one export.

    Args:
        listed_at: When the listing began that saw all partitions of the export; None without such a listing.
        requests: Requests to the store: its files, and the pages of the listing that began with one of its keys.
        changed: Partitions whose row is new or changed.
        bytes_read: Bytes of files that were read.
        error: Why its deliveries could not be listed, read or archived.
    """

    listed_at: datetime | None = None
    requests: int = 0
    changed: int = 0
    bytes_read: int = 0
    error: str | None = None

    def as_columns(self) -> Row:
        """The columns of `export_syncs`."""
        return {
            "deliveries_listed_at": self.listed_at,
            "delivery_requests": self.requests,
            "deliveries_changed": self.changed,
            "delivery_bytes_read": self.bytes_read,
            "delivery_error": self.error,
        }


@dataclass
class DeliveryOutcome:
    """What one run learned of the deliveries; complete once the source is extracted.

    Args:
        exports: By export id: those that are read, and in a run without names those that have partitions.
        listing_requests: Requests that no export accounts for, as for an empty bucket.
        ignored_partitions: Partitions of exports that are not read.
        bytes_left: Bytes that `max_read_bytes` left to the next run.
        error: Why nothing could be listed, or why the archive takes nothing.
    """

    exports: dict[str, ExportOutcome] = field(default_factory=dict)
    listing_requests: int = 0
    ignored_partitions: int = 0
    bytes_left: int = 0
    error: str | None = None

    def of(self, export_id: str) -> ExportOutcome:
        """What was learned of an export; begins empty."""
        return self.exports.setdefault(export_id, ExportOutcome())

    def fail(self, error: str) -> None:
        """Note what concerns all exports; the first error stays."""
        self.error = self.error or error
        for export in self.exports.values():
            export.error = export.error or error

    @property
    def errors(self) -> list[str]:
        """Each reason for which deliveries could not be listed, read or archived, once."""
        found = [self.error, *(export.error for export in self.exports.values())]
        return list(dict.fromkeys(error for error in found if error))


@dataclass
class DeliveryRequest:
    """What a run asks for, and what it learns.

    Args:
        run_id: The run's name; without one a new name.
        export_ids: The exports to read, looked at when the reading begins; None: those of the settings.
        recount: Days whose files are read again, although they are known.
        outcome: Filled while the source is extracted.
        elsewhere: Exports that deliver to another kind of store: that nothing of them lies here is no evidence.
        prepare: Called when the reading begins, before the other fields are looked at.
    """

    run_id: str = ""
    export_ids: Collection[str] | None = None
    recount: Collection[date] = ()
    outcome: DeliveryOutcome = field(default_factory=DeliveryOutcome)
    elsewhere: Collection[str] = ()
    prepare: Callable[[], None] = lambda: None
