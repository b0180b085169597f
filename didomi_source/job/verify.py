"""Whether the warehouse contains what dbt reports to have built."""

from __future__ import annotations

from didomi_source.errors import TableMissing
from didomi_source.warehouse.dbt import project_dir
from didomi_source.warehouse.open import open_read_only
from didomi_source.warehouse.read import Warehouse, connected, count_rows, select
from didomi_source.warehouse.target import Target


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
