"""What a run does about the delivered files: lists and counts them before the logs are read, and reports what it found.

The listing comes first, since the row of `export_syncs` that an export gets names it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from didomi_source.schema import Row
from didomi_source.warehouse.credentials import duckdb_path
from didomi_source.warehouse.open import open_read_only, open_temporary
from didomi_source.warehouse.target import Target

from .options import Options

if TYPE_CHECKING:
    import dlt

    from didomi_source.dlt_compat import DltSource
    from didomi_source.reading.packages import Reading


@dataclass(frozen=True)
class DeliveryForecast:
    """What a run would read of the delivered files.

    Args:
        requests: Requests to the bucket: the listing, and one for each file.
        files: The files to read.
        bytes: Their size.
        error: Why the files cannot be listed.
    """

    requests: int
    files: int
    bytes: int
    error: str | None = None


def forecast_deliveries(target: Target, options: Options, export_ids: Collection[str]) -> DeliveryForecast | None:
    """List the delivered files, and read none.

    Returns:
        What the run would read; None where deliveries are not read.

    Raises:
        DidomiError: A setting is wrong, or the warehouse cannot be read.
    """
    from didomi_source.deliveries.known import KnownDeliveries
    from didomi_source.deliveries.outcome import DeliveryRequest
    from didomi_source.deliveries.settings import delivery_settings
    from didomi_source.deliveries.source import delivery_planner

    settings = delivery_settings()
    if not settings.bucket_url:
        return None
    request = DeliveryRequest("forecast", export_ids, options.recount)
    with open_existing(target) as pipeline:
        planner = delivery_planner(settings, request, KnownDeliveries(pipeline))
        plan = planner.plan() if planner else None
    listed = request.outcome.listing_requests + sum(export.requests for export in request.outcome.exports.values())
    files = plan.requests if plan else 0
    return DeliveryForecast(listed + files, files, plan.bytes if plan else 0, "; ".join(request.outcome.errors) or None)


@contextmanager
def open_existing(target: Target) -> Iterator[dlt.Pipeline | None]:
    """The warehouse, for reading; None where its DuckDB file does not exist yet."""
    with open_temporary(target) as pipeline:
        path = duckdb_path(pipeline)
    if path is not None and not path.exists():
        yield None
        return
    with open_read_only(target) as pipeline:
        yield pipeline


class RunDeliveries:
    """The deliveries of one run; nothing at all without `sources.didomi.deliveries.bucket_url`.

    Args:
        run_id: The run's name.
        recount: Days whose files are read again.

    Raises:
        ConfigurationError: A setting cannot be right, or days are to be read again and there is no `bucket_url`.
    """

    def __init__(self, run_id: str, recount: Collection[date] = ()) -> None:
        from didomi_source.deliveries.outcome import DeliveryRequest
        from didomi_source.deliveries.settings import delivery_settings
        from didomi_source.deliveries.source import didomi_deliveries

        self._request = DeliveryRequest(run_id, recount=recount)
        self._settings = delivery_settings()
        is_on = bool(self._settings.bucket_url) or bool(recount)
        self._source: Any = didomi_deliveries(request=self._request) if is_on else None

    def before(self, logs: DltSource, reading: Reading) -> list[DltSource]:
        """What to extract before the logs, in one call with them: the exports, and their deliveries.

        Each call of dlt's `extract` makes a package. Of several, the first one that is loaded completes its own tables
        and notes that all of the schema are complete: a new column of another one would never be added (dlt 1.31).

        Args:
            logs: `didomi_source(reading=reading)`; its exports are listed here, and not a second time with its logs.
            reading: Knows the exports once they are listed.
        """
        if self._source is None:
            return []
        from didomi_source.deliveries.settings import is_elsewhere

        def prepare() -> None:
            bucket = self._settings.bucket_url or ""
            exports = {export["id"]: export.get("type_id") for export in reading.exports}
            self._request.export_ids = set(exports)
            self._request.elsewhere = {name for name, type_id in exports.items() if is_elsewhere(bucket, type_id)}

        self._request.prepare = prepare
        return [logs.with_resources("exports"), self._source]

    def columns(self, export_id: str) -> Row:
        """The columns of `export_syncs` that tell of an export's deliveries."""
        return self._request.outcome.of(export_id).as_columns() if self._source is not None else {}

    @property
    def model_vars(self) -> Row:
        """How long the bucket keeps its files: the models know the types of the exports alone."""
        return {"didomi_delivery_retention_days": self._settings.retention_days} if self._source is not None else {}

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
            notes.append(f"deliveries: folders of exports that are not read, ignored: {outcome.ignored_partitions:,}")
        unseen = [name for name in self._request.elsewhere if outcome.of(name).listed_at is None]
        if unseen and not outcome.error:
            notes.append(f"deliveries: exports to another kind of bucket, not checked: {', '.join(sorted(unseen))}")
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
