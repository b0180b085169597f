"""Destinations of dlt that a pipeline of one's own may load, and how to read what is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import dlt
from dlt.extract import DltSource
from dlt.pipeline.helpers import pipeline_drop

from didomi_sandbox import Sandbox
from didomi_source import didomi_source
from didomi_source.schema import TABLES
from support.postgres import server
from support.warehouse import Row, arguments

LOADED = ("exports", "export_logs", "export_log_history", "export_syncs", "export_log_quarantine")
KEYS = {"exports": "id", "export_logs": "id", "export_log_history": "version_id", "export_syncs": "sync_id",
        "export_log_quarantine": "fingerprint", "export_deliveries": "delivery_id"}  # fmt: skip


@dataclass
class Dataset:
    """A dataset at a destination, and the working directory of the pipeline that loads it.

    Args:
        name: What it is called in tests.
        folder: Of the working directory, and of files.
        destination: Makes dlt's destination from the folder.
        file_format: What the files of a load are; None: the destination's own.
        appends: Whether rows stay that a newer one replaces.
    """

    name: str
    folder: Path
    destination: Callable[[Path], Any]
    file_format: Any = None
    appends: bool = False

    def pipeline(self, **settings: Any) -> dlt.Pipeline:
        """The pipeline `consent`."""
        destination, working_dir = self.destination(self.folder), str(self.folder / "pipelines")
        names = {"dataset_name": "didomi_raw", "pipelines_dir": working_dir}
        return dlt.pipeline("consent", destination=destination, **names, **settings)

    def load(self, source: Any, *, pipeline: dlt.Pipeline | None = None, **switches: Any) -> dict[str, int]:
        """Run a source once; returns how many rows each table was given."""
        pipeline = pipeline or self.pipeline()
        pipeline.run(source, **{"loader_file_format": self.file_format, **switches})
        trace = pipeline.last_trace
        assert trace is not None
        assert trace.last_normalize_info is not None
        return {
            table: count for table, count in trace.last_normalize_info.row_counts.items() if count and table in TABLES
        }

    def rows(self, table: str, pipeline: dlt.Pipeline | None = None) -> list[Row]:
        """A table's rows, with times in UTC and JSON parsed; of rows with one key the newest."""
        pipeline, columns = pipeline or self.pipeline(), TABLES[table]
        with pipeline.sql_client() as client:
            names = [*columns, *(further(pipeline, table))]
            quoted = ", ".join(map(client.escape_column_name, names))
            with client.execute_query(f"select {quoted} from {client.make_qualified_table_name(table)}") as cursor:
                found = cursor.fetchall()
        rows = [{name: typed(value, columns.get(name, {}).get("data_type")) for name, value in zip(names, row, strict=True)}
                for row in found]  # fmt: skip
        if "extracted_at" in columns:
            rows.sort(key=lambda row: (row["extracted_at"], row.get("read_sequence", 0)))
        by_key = {row[KEYS[table]]: row for row in rows}
        assert self.appends or len(by_key) == len(rows), "two rows of one key"
        return [by_key[key] for key in sorted(by_key)]

    def contents(self, pipeline: dlt.Pipeline | None = None) -> dict[str, list[Row]]:
        """All tables."""
        return {table: self.rows(table, pipeline) for table in LOADED}

    def count(self, table: str) -> int:
        """The number of rows, those that were replaced included."""
        with self.pipeline().sql_client() as client:
            return int(client.execute_sql(f"select count(*) from {client.make_qualified_table_name(table)}")[0][0])

    def drop(self, table: str) -> None:
        """Do away with a table, as its owner may."""
        if self.appends:
            shutil.rmtree(self.folder / "files" / "didomi_raw" / table)
        else:  # as `dlt pipeline consent drop` does: dlt does not make a table again that was dropped with SQL
            pipeline_drop(self.pipeline(), [table])()

    def lose_working_directory(self) -> None:
        """As on a machine that starts anew each time."""
        shutil.rmtree(self.folder / "pipelines")


def source_of(sandbox: Sandbox, **settings: Any) -> DltSource:
    """The source that reads a sandbox."""
    return didomi_source(**arguments(sandbox, **settings))


def further(pipeline: dlt.Pipeline, table: str) -> list[str]:
    """The columns of fields that the documentation does not name."""
    columns = pipeline.default_schema.tables[table]["columns"]
    return sorted(name for name in columns if name not in TABLES[table] and name[:4] != "_dlt")


def typed(value: Any, data_type: str | None) -> Any:
    """A value as Python has it, whatever the destination made of it."""
    if value is not None and data_type == "timestamp":
        when = datetime.fromisoformat(value) if isinstance(value, str) else value
        return when.replace(tzinfo=when.tzinfo or timezone.utc).astimezone(timezone.utc)
    if data_type == "json" and isinstance(value, str):
        return json.loads(value)
    return bool(value) if data_type == "bool" else value


def in_duckdb(folder: Path) -> Any:
    return dlt.destinations.duckdb(str(folder / "warehouse.duckdb"))


def in_files(folder: Path) -> Any:
    return dlt.destinations.filesystem(str(folder / "files"))


def in_sqlite(folder: Path) -> Any:
    return dlt.destinations.sqlalchemy(f"sqlite:///{folder / 'warehouse.sqlite'}")


DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "duckdb": lambda folder: Dataset("duckdb", folder, in_duckdb),
    "jsonl": lambda folder: Dataset("jsonl", folder, in_files, "jsonl", appends=True),
    "parquet": lambda folder: Dataset("parquet", folder, in_files, "parquet", appends=True),
    "sqlite": lambda folder: Dataset("sqlite", folder, in_sqlite),
}


@contextmanager
def postgres_datasets() -> Iterator[Callable[[Path], Dataset]]:
    """Datasets in one PostgreSQL server, each in a database of its own."""
    with server() as running:

        def dataset(folder: Path) -> Dataset:
            name = f"d{abs(hash(folder))}"
            connection = running.connect()
            connection.autocommit = True
            connection.cursor().execute(f"create database {name}")
            connection.close()
            url = running.url.rsplit("/", 1)[0] + f"/{name}"
            return Dataset("postgres", folder, lambda _: dlt.destinations.postgres(url))

        yield dataset
