"""Didomi export logs as a dlt source.

    discovered ──► exports
         │
         └──► batches ──► export_logs · export_log_history · export_log_quarantine · export_syncs

`discovered` lists the exports. `batches` reads their logs side by side (reading/packages.py), down to where the
destination is up to date (reading/plan.py), and each table takes its rows from a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import dlt

from .api.client import DidomiClient
from .dlt_compat import DltResource, bigquery_adapter
from .read_back import active_pipeline
from .reading.arrow import arrow_table, is_supported_by
from .reading.destination import Destination
from .reading.exports import list_exports
from .reading.fields import ExtraColumns
from .reading.packages import Reading
from .reading.plan import Request, new_run_id
from .reading.rows import Batch, HistoryRow, LogRow, Rows, as_dict
from .reading.run import Run
from .reading.unknown import unknown_exports
from .schema import BIGQUERY_LAYOUT, OF_DLT, TABLES, WRITE_DISPOSITION, Columns, Row
from .settings import DEFAULT_BASE_URL, DEFAULT_PAGE_SIZE, Settings
from .switches import refuse_pending, refuse_switches

__all__ = ["didomi_source", "list_exports", "new_run_id", "with_table_hints"]

logger = logging.getLogger(__name__)


@dlt.source(name="didomi", section="didomi", max_table_nesting=0)
def didomi_source(
    api_key: str = dlt.secrets.value,
    api_secret: str = dlt.secrets.value,
    organization_id: str = dlt.config.value,
    export_ids: Sequence[str] | None = None,
    base_url: str = DEFAULT_BASE_URL,
    page_size: int = DEFAULT_PAGE_SIZE,
    lookback_days: float = 2.0,
    full_read_every_days: float = 7.0,
    retry_seconds: float = 300.0,
    answer_seconds: float = 30.0,
    max_answer_bytes: int = 64 * 1024 * 1024,
    trust_env: bool = False,  # noqa: FBT001 - dlt fills the arguments by name
    request: Request | None = None,
    reading: Reading | None = None,
) -> list[DltResource]:
    """Load the export logs of an organization.

    An export that cannot be read does not fail the others: it is logged as an error, and its row of
    `export_syncs` has `is_complete` false and the reason in `error`. Check that table after a run, or
    use `didomi_source.job.run`, which does. An id of which there is neither a configuration nor a log is
    logged as an error, and leaves no row.

    Args:
        api_key: Key of a private API key of the organization.
        api_secret: Secret of that key.
        organization_id: The organization whose exports are read.
        export_ids: The exports to read; without any, all that the API lists.
        base_url: Root of the API with its version; plain HTTP is accepted for this machine only.
        page_size: Logs asked for in one request, 1 to 1000; the API wants fewer than 100.
        lookback_days: How far behind the newest known log an incremental read goes on, in days.
        full_read_every_days: After how many days the whole list of an export is read again.
        retry_seconds: How long the pauses between the attempts of one request may be in all, in seconds.
        answer_seconds: How long one complete answer may take, in seconds.
        max_answer_bytes: How large one answer may be, in bytes, decompressed.
        trust_env: Whether proxies and certificates of the environment are used.
        request: What this run is asked to read; by default what brings everything up to date.
        reading: Divides a long load into packages, each extracted and loaded by itself: load this source until
            `reading.is_done`. By default everything is one package.

    Returns:
        The resources `exports`, `export_logs`, `export_log_history`, `export_syncs` and
        `export_log_quarantine`; docs/tables.md describes their rows.

    Raises:
        ConfigurationError: A setting cannot be right, the API refuses the key, or there is no export.
        ApiError: The API cannot be reached, or the exports cannot be listed.
    """
    settings = Settings(
        api_key=api_key,
        api_secret=api_secret,
        organization_id=organization_id,
        export_ids=export_ids or (),
        base_url=base_url,
        page_size=page_size,
        lookback_days=lookback_days,
        full_read_every_days=full_read_every_days,
        retry_seconds=retry_seconds,
        answer_seconds=answer_seconds,
        max_answer_bytes=max_answer_bytes,
        trust_env=trust_env,
    )
    run_request = request or Request()
    run_reading = reading or Reading()
    client = DidomiClient(settings)

    @dlt.resource(selected=False)
    def discovered() -> Iterator[list[Row]]:
        """The exports to read, as one item; the second package of a run has the same ones."""
        refuse_switches(active_pipeline())
        dlt.current.source_schema().remove_type_detection("iso_timestamp")  # the first value decides for later ones
        if run_reading.is_done:
            _begin(client, settings, run_request, run_reading)
        yield run_reading.exports

    @dlt.transformer(data_from=discovered, selected=False)
    def batches(_exports: list[Row]) -> Iterator[Batch]:
        """What reading the logs of all exports brings."""
        yield from run_reading.package()

    @dlt.transformer(data_from=discovered)
    def exports(listed: list[Row]) -> Any:
        """One row per export whose configuration is new."""
        return _items("exports", run_reading.current.changed(listed))

    @dlt.transformer(data_from=batches)
    def export_logs(batch: Batch) -> Any:
        """One row per log that is new or has changed."""
        return _row_items("export_logs", run_reading.current.log_rows(batch), run_reading.current)

    @dlt.transformer(data_from=batches)
    def export_log_history(batch: Batch) -> Any:
        """One row per state of a log that is new."""
        return _row_items("export_log_history", run_reading.current.history_rows(batch), run_reading.current)

    @dlt.transformer(data_from=batches)
    def export_log_quarantine(batch: Batch) -> Any:
        """One row per item that cannot be a log."""
        return _items("export_log_quarantine", batch.export_log_quarantine)

    @dlt.transformer(data_from=batches)
    def export_syncs(batch: Batch) -> Any:
        """One row per export that was read."""
        return _items("export_syncs", run_reading.sync_rows(batch))

    # dlt hands an item to the last table first: `export_logs`, which has nearly all of a batch's memory.
    tables = (exports, export_syncs, export_log_quarantine, export_log_history, export_logs)
    return [with_table_hints(table, table.name, TABLES[table.name]) for table in tables]


def _begin(client: DidomiClient, settings: Settings, request: Request, reading: Reading) -> None:
    """Find what there is to read, in the pipeline's thread: dlt's SQL client is only configured there."""
    pipeline = active_pipeline()
    refuse_pending(pipeline)
    client.authenticate()
    exports = list_exports(client, settings)
    destination = Destination(pipeline)
    known = destination.state()
    unknown = unknown_exports(client, exports, known)
    for export_id, reason in unknown.items():
        logger.error("export %s: %s", export_id, reason)
    run = Run(
        client,
        settings,
        request,
        known,
        ExtraColumns(_loaded_columns()),
        destination,
        accepts_arrow=is_supported_by(pipeline),
    )
    reading.begin(run, [export for export in exports if export["id"] not in unknown], unknown)


def _row_items(name: str, rows: Rows[LogRow] | Rows[HistoryRow], run: Run) -> Any:
    """Rows as one item of dlt: an Arrow table where the destination supports it, else dicts."""
    # dlt would make text of a further column with JSON.
    if rows and run.accepts_arrow and "json" not in run.extra.types.values():
        declared = {column: hints["data_type"] for column, hints in TABLES[name].items()}
        return arrow_table(rows, declared | (run.extra.types if name == "export_logs" else {}))
    return _items(name, list(map(as_dict, rows)))


def _items(name: str, rows: list[Row]) -> Any:
    """Rows as one item of dlt; without rows the order to create the table, if there is none."""
    if not rows and name not in dlt.current.source_schema().tables:
        return dlt.mark.materialize_table_schema()
    return rows


def with_table_hints(resource: DltResource, name: str, columns: Columns) -> DltResource:
    """Give a resource the columns, the write disposition and the layout of one of the tables."""
    hints: Any = {**columns, **OF_DLT}
    disposition: Any = WRITE_DISPOSITION
    resource.apply_hints(columns=hints, write_disposition=disposition)
    return bigquery_adapter(resource, **BIGQUERY_LAYOUT[name]) if name in BIGQUERY_LAYOUT else resource


def _loaded_columns() -> dict[str, str]:
    """Columns of `export_logs` from earlier runs, with their types."""
    table = dlt.current.source_schema().tables.get("export_logs")
    columns = table["columns"] if table else {}
    return {name: column.get("data_type") or "text" for name, column in columns.items() if name[:4] != "_dlt"}
