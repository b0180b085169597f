"""What a run does about the delivered files: lists and counts them before the logs are read, and reports what it found.

The listing comes first, since the row of `export_syncs` that an export gets names it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from typing import TYPE_CHECKING, Any

from didomi_source.schema import Row

if TYPE_CHECKING:
    from dlt.extract import DltSource

    from didomi_source.reading.packages import Reading


class RunDeliveries:
    """The deliveries of one run; nothing at all without `sources.didomi.deliveries.bucket_url`.

    Args:
        run_id: The run's name.
        recount: Days whose files are read again.

    Raises:
        ConfigurationError: A setting cannot be right, or days are to be read again and there is no `bucket_url`.
    """

    def __init__(self, run_id: str, recount: Collection[date] = ()) -> None:
        from didomi_source.deliveries import DeliveryRequest, delivery_settings, didomi_deliveries

        self._request = DeliveryRequest(run_id, recount=recount)
        is_on = bool(delivery_settings().bucket_url) or bool(recount)
        self._source: Any = didomi_deliveries(request=self._request) if is_on else None

    def extract(self, extract: Callable[[Any], object], logs: DltSource, reading: Reading) -> None:
        """Read the deliveries of the exports that `logs` reads.

        Args:
            extract: Extracts a source.
            logs: `didomi_source(reading=reading)`; its exports are listed here, and not a second time with its logs.
            reading: Knows the exports once they are listed.
        """
        if self._source is not None:
            extract(logs.with_resources("exports"))
            self._request.export_ids = {export["id"] for export in reading.exports}
            extract(self._source)

    def columns(self, export_id: str) -> Row:
        """The columns of `export_syncs` that tell of an export's deliveries."""
        return self._request.outcome.of(export_id).as_columns() if self._source is not None else {}

    @property
    def failures(self) -> list[str]:
        """A line for each reason for which files could not be listed, read or archived."""
        return [f"deliveries: {error}" for error in self._request.outcome.errors]

    @property
    def notes(self) -> list[str]:
        """What a reader of the summary should know."""
        outcome = self._request.outcome
        notes = []
        if outcome.ignored_partitions:
            notes.append(f"deliveries: {outcome.ignored_partitions:,} folders of exports that are not read are ignored")
        if outcome.bytes_left:
            notes.append(f"deliveries: {outcome.bytes_left:,} bytes are left to the next run (max_read_bytes)")
        return notes

    def as_dict(self) -> Row | None:
        """The figures of the summary; None without deliveries."""
        if self._source is None:
            return None
        outcome = self._request.outcome
        exports = outcome.exports.values()
        return {
            "changed": sum(export.changed for export in exports),
            "requests": outcome.listing_requests + sum(export.requests for export in exports),
            "bytes_read": sum(export.bytes_read for export in exports),
            "bytes_left": outcome.bytes_left,
            "ignored_partitions": outcome.ignored_partitions,
        }
