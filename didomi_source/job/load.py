"""Load the logs and what was delivered, and check that they arrived."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from didomi_source.errors import DestinationError
from didomi_source.schema import TABLES
from didomi_source.warehouse.duckdb import checkpoint, load_with_memory_limit
from didomi_source.warehouse.errors import error_of
from didomi_source.warehouse.open import LOADER_FORMATS
from didomi_source.warehouse.read import Warehouse, connected, refuse_foreign_tables, select
from didomi_source.warehouse.target import Target

from .deliveries import RunDeliveries
from .options import Options
from .verify import check_loaded, count_logs

if TYPE_CHECKING:
    import dlt

    from didomi_source.dlt_compat import DltSource
    from didomi_source.reading.packages import Reading
    from didomi_source.reading.plan import Request
    from didomi_source.settings import Settings

# Size of a load package: a larger one takes more memory, a smaller one more time.
PACKAGE_BYTES = 24 * 2**20
# Below so many rows, garbage collection takes longer than the load.
MANY_ROWS = 10_000
SECONDS_BETWEEN = 5.0  # from one report of progress to the next

Report = Callable[[str], None]


class Loaded(NamedTuple):
    """What was loaded and is there.

    Args:
        syncs: The run's rows of `export_syncs`, with the names of the exports.
        unknown: The ids that were asked for and are no export's, with the reason.
        notes: What a reader of the summary should know.
        logs: The number of logs in the warehouse; 0 where no models are built.
        seconds: How long it took.
    """

    syncs: list[dict[str, Any]]
    unknown: Mapping[str, str]
    notes: list[str]
    logs: int
    seconds: float


@dataclass(frozen=True)
class Load:
    """The load of one run."""

    pipeline: dlt.Pipeline
    settings: Settings
    target: Target
    options: Options
    request: Request
    deliveries: RunDeliveries
    report: Report

    def run(self) -> Loaded:
        """Load, and read back what was loaded.

        Raises:
            DidomiError: The API or the warehouse refuses, or something did not arrive.
        """
        started = time.monotonic()
        self.report("Loading export logs")
        extracted, reading = self._load()
        with connected(self.pipeline) as warehouse:
            syncs = check_loaded(warehouse, self.target.dataset, self.request.run_id, extracted, len(reading.exports))
            notes = [] if self.settings.export_ids else self._unlisted(warehouse, reading)
            logs = 0 if self.options.skip_models else count_logs(warehouse, self.target.dataset)
        return Loaded(syncs, reading.unknown, notes, logs, time.monotonic() - started)

    def _load(self) -> tuple[Counter[str], Reading]:
        """Load everything; returns how many rows of each table were extracted, and what was read."""
        from didomi_source.reading.packages import Reading
        from didomi_source.source import didomi_source

        try:
            with closing(Reading(PACKAGE_BYTES, self.deliveries.columns, progress(self.report))) as reading:
                logs = didomi_source(**self.settings, request=self.request, reading=reading)
                self.pipeline.sync_destination()
                return self._load_packages(logs, reading), reading
        except Exception as error:
            ours = error_of(error, self.pipeline)
            if isinstance(ours, DestinationError):
                with suppress(DestinationError):  # the first error says more
                    refuse_foreign_tables(self.pipeline, self.target.dataset, TABLES)
                with suppress(Exception):
                    self._complete_tables()
            raise ours from error

    def _complete_tables(self) -> None:
        """Add columns that tables lack though dlt noted that they are complete: the next run needs them."""
        with self.pipeline.destination_client() as client:
            client.update_stored_schema(force=True)

    def _load_packages(self, logs: DltSource, reading: Reading) -> Counter[str]:
        """Extract and load one package after the other; returns how many rows of each table were extracted."""
        extracted: Counter[str] = Counter()
        loader_format: Any = LOADER_FORMATS.get(self.target.destination)
        sources = [*self.deliveries.before(logs, reading), logs]
        while True:
            self.pipeline.extract(sources, loader_file_format=loader_format)
            sources = [logs]
            counts = self.pipeline.normalize().row_counts
            rows = {table: count for table, count in counts.items() if not table.startswith("_dlt")}
            extracted.update(rows)
            if sum(rows.values()) > MANY_ROWS:
                _give_memory_back()
                load_with_memory_limit(self.pipeline)
            else:
                self.pipeline.load()
            if reading.is_done:
                return extracted
            checkpoint(self.pipeline)

    def _unlisted(self, warehouse: Warehouse, reading: Reading) -> list[str]:
        """A note for each export of the organization that was listed once, is not listed now and is not retired."""
        from didomi_source.reading.exports import export_row

        retired = self.options.model_vars.get("didomi_retired_exports")  # the models say what is wrong with it
        known = {row["id"] for row in reading.exports}
        known |= {name for name in retired if isinstance(name, str)} if isinstance(retired, (list, tuple)) else set()
        organization_id = self.settings.organization_id
        of_ours = ("where organization_id = %s", organization_id)
        rows = select(warehouse, self.target.dataset, "exports", ("id", "name", "content_hash"), *of_ours)
        gone = {
            row["id"]: f" ({row['name']})" if row["name"] else ""
            for row in rows
            if row["id"] not in known
            and row["content_hash"] != export_row({"id": row["id"]}, organization_id)["content_hash"]
        }
        advice = "is no longer listed by the API: if it is gone for good, retire it (docs/operations.md)"
        return [f"export {export_id}{name} {advice}" for export_id, name in gone.items()]


def _give_memory_back() -> None:
    """Free the memory of extraction: loading needs as much again."""
    gc.collect()  # dlt's pipes keep the last batches in reference cycles
    if "pyarrow" in sys.modules:
        import pyarrow as pa

        pa.default_memory_pool().release_unused()


def progress(report: Report) -> Callable[[int], None]:
    """A function that is called with the number of further logs, and reports their sum every SECONDS_BETWEEN."""
    logs, reported_at = 0, time.monotonic()

    def read(further: int) -> None:
        nonlocal logs, reported_at
        logs += further
        if logs and time.monotonic() - reported_at >= SECONDS_BETWEEN:
            reported_at = time.monotonic()
            report(f"Loading export logs: {logs:,} read")

    return read
