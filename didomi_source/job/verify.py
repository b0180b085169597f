"""Whether the warehouse contains what dlt and dbt report to have loaded and built."""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from didomi_source.errors import DestinationError, TableMissing
from didomi_source.warehouse.dbt import project_dir
from didomi_source.warehouse.open import open_read_only
from didomi_source.warehouse.read import Warehouse, connected, count_rows, select
from didomi_source.warehouse.target import Target

from .summary import SYNC_COLUMNS


def count_logs(warehouse: Warehouse, dataset: str) -> int:
    """The number of different logs in the raw table."""
    try:
        ((count,),) = (row.values() for row in select(warehouse, dataset, "export_logs", ["count(distinct id)"]))
    except TableMissing:  # it is created with its first row
        return 0
    return int(count)


def unbuilt(target: Target, logs_before: int) -> list[str]:
    """Check that every mart exists, and that `didomi__export_runs` has a row for each log.

    Args:
        target: Which warehouse and dataset.
        logs_before: How many logs there were before the build; another machine may have loaded more since.

    Returns:
        A line for each mart that is missing or incomplete.
    """
    marts = sorted(path.stem for path in (project_dir() / "models" / "marts").glob("*.sql"))
    with open_read_only(target) as pipeline, connected(pipeline) as warehouse:
        counts = count_rows(warehouse, target.marts, marts)
        logs_after = count_logs(warehouse, target.dataset)
    missing = [f"model {name}: it is not in {target.marts}" for name, count in counts.items() if count is None]
    runs = counts["didomi__export_runs"]
    if runs is not None and not logs_before <= runs <= logs_after:
        missing.append(f"model didomi__export_runs: {runs:,} rows for {logs_before:,} logs")
    return missing


def check_loaded(
    warehouse: Warehouse, dataset: str, run_id: str, extracted: Mapping[str, int], exports: int
) -> list[dict[str, Any]]:
    """Read back the run's rows and count them: dlt does not notice a lost file.

    Args:
        warehouse: Where they were loaded.
        dataset: Dataset of the raw tables.
        run_id: The run.
        extracted: The number of rows of each table that dlt extracted.
        exports: The number of exports that were read.

    Returns:
        The run's rows of `export_syncs`, with the names of the exports.

    Raises:
        DestinationError: Something did not arrive.
    """
    of_run = ("where run_id = %s", run_id)
    try:
        syncs = select(warehouse, dataset, "export_syncs", SYNC_COLUMNS, *of_run)
    except TableMissing:  # it comes with its first rows, and they did not arrive
        syncs = []
    # A log that changed while it was read was extracted twice. Of other tables one row at least has to arrive.
    claimed = {table: min(1, count) for table, count in extracted.items() if table != "export_logs"}
    claimed["export_deliveries"] = extracted.get("export_deliveries", 0)
    claimed["export_syncs"] = exports
    claimed["export_logs"] = sum(sync["logs_new"] + sync["logs_changed"] for sync in syncs)
    found = count_rows(warehouse, dataset, [table for table, rows in claimed.items() if rows], *of_run)
    for table, count in found.items():
        if (count or 0) < claimed[table]:
            raise DestinationError(
                f"only {count or 0} of {claimed[table]} rows of {table} arrived in the warehouse: run again; "
                "what is missing is read again"
            )
    names = {row["id"]: row["name"] for row in select(warehouse, dataset, "exports", ("id", "name"))}
    return [{"name": names.get(sync["export_id"]), **sync} for sync in sorted(syncs, key=itemgetter("export_id"))]
