"""Whether the warehouse contains what dbt reports to have built."""

from __future__ import annotations

from typing import TYPE_CHECKING

from didomi_source.errors import TableMissing
from didomi_source.warehouse.dbt import project_dir
from didomi_source.warehouse.open import open_read_only
from didomi_source.warehouse.read import select
from didomi_source.warehouse.target import Target

if TYPE_CHECKING:
    import dlt


def count_logs(pipeline: dlt.Pipeline, dataset: str) -> int:
    """The number of different logs in the raw table."""
    try:
        ((count,),) = (row.values() for row in select(pipeline, dataset, "export_logs", ["count(distinct id)"]))
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
    with open_read_only(target) as pipeline:
        counts: dict[str, int | None] = {}
        for path in sorted((project_dir() / "models" / "marts").glob("*.sql")):
            try:
                counts[path.stem] = int(select(pipeline, target.marts, path.stem, ["count(*)"])[0]["count(*)"])
            except TableMissing:
                counts[path.stem] = None
        logs_after = count_logs(pipeline, target.dataset)
    missing = [f"model {name}: it is not in {target.marts}" for name, count in counts.items() if count is None]
    runs = counts.get("didomi__export_runs")
    if runs is not None and not logs_before <= runs <= logs_after:
        missing.append(f"model didomi__export_runs: {runs:,} rows for {logs_before:,} logs")
    return missing
