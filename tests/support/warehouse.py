"""A DuckDB warehouse that dlt loads from a sandbox, and how to read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import dlt
import duckdb

from didomi_sandbox import Sandbox
from didomi_source import didomi_source

Row = dict[str, Any]
Start = Callable[..., Sandbox]

EXPORT = "export-1"
TABLES = ("exports", "export_logs", "export_log_history", "export_syncs", "export_log_quarantine")
JSON_COLUMNS = ("raw_log", "flags", "raw_export", "properties__data")
# What differs from run to run and says nothing of the logs.
OF_THE_RUN = ("run_id", "extracted_at", "read_sequence")


def arguments(sandbox: Sandbox, **settings: Any) -> Row:
    """Arguments of `didomi_source` for a sandbox."""
    access = {"api_key": sandbox.api_key, "api_secret": sandbox.api_secret}
    where = {"organization_id": sandbox.organization_id, "base_url": sandbox.base_url}
    return {**access, **where, "retry_seconds": 20.0, **settings}


class Warehouse:
    """A DuckDB file, and the pipeline that loads it.

    Args:
        folder: Where file and working directory are.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "warehouse.duckdb"
        self.working_dir = folder / "pipelines"

    def pipeline(self) -> dlt.Pipeline:
        """The pipeline `didomi` on the file."""
        return dlt.pipeline(
            "didomi",
            destination=dlt.destinations.duckdb(str(self.path)),
            dataset_name="didomi_raw",
            pipelines_dir=str(self.working_dir),
        )

    def load(self, sandbox: Sandbox, **settings: Any) -> dict[str, int]:
        """Run the source once; returns how many rows each table was given."""
        pipeline = self.pipeline()
        pipeline.run(didomi_source(**arguments(sandbox, **settings)), loader_file_format="parquet")
        trace = pipeline.last_trace
        assert trace is not None
        info = trace.last_normalize_info
        counts = info.row_counts if info is not None else {}
        return {table: counts[table] for table in TABLES if counts.get(table)}

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run SQL on the raw dataset."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute("use didomi_raw")
            return connection.execute(query, values).fetchall()

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table with their types, without dlt's own."""
        found = self.sql(f"select column_name, data_type from duckdb_columns() where table_name = '{table}'")
        return {name: kind for name, kind in found if not name.startswith("_dlt")}

    def rows(self, table: str, order_by: str = "all") -> list[Row]:
        """A table's rows without dlt's columns; JSON is parsed."""
        names = list(self.columns(table))
        found = self.sql(f"select {', '.join(names)} from {table} order by {order_by}")
        return [dict(zip(names, map(_parsed, names, row), strict=True)) for row in found]

    def logs(self) -> dict[str, Row]:
        """The logs by id, without what differs from run to run."""
        rows = self.rows("export_logs")
        found = {row["id"]: {k: v for k, v in row.items() if k not in OF_THE_RUN} for row in rows}
        assert len(found) == len(rows), "two rows of one id"
        return found

    def raw_logs(self) -> dict[str, Row]:
        """What the API sent, by id."""
        return {log_id: row["raw_log"] for log_id, row in self.logs().items()}

    def syncs(self) -> list[Row]:
        """The rows of `export_syncs`, the oldest first."""
        return self.rows("export_syncs", "started_at, export_id")

    def sync(self, export_id: str = EXPORT) -> Row:
        """The latest row of an export in `export_syncs`."""
        return [row for row in self.syncs() if row["export_id"] == export_id][-1]

    def history(self, log_id: str) -> list[tuple[int, str]]:
        """Sequence and status of each observed state of a log."""
        return self.sql("select sequence, status from export_log_history where log_id = ? order by sequence", log_id)


def _parsed(name: str, value: Any) -> Any:
    return json.loads(value) if value is not None and name in JSON_COLUMNS else value


def utc(text: str) -> datetime:
    """A time as the sandbox writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
