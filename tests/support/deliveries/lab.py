"""Delivered files to read, and a warehouse to load them into."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dlt
import duckdb

from didomi_source.deliveries.known import KnownDeliveries
from didomi_source.deliveries.outcome import DeliveryOutcome, DeliveryRequest
from didomi_source.deliveries.reading import DeliveryReader
from didomi_source.deliveries.settings import delivery_settings
from didomi_source.deliveries.source import delivery_planner, didomi_deliveries
from didomi_source.schema import EXPORT_DELIVERIES

Row = dict[str, Any]

EXPORT = "aB3xYz90"
DAY = date(2026, 11, 20)
SECRET = "ada.lovelace@example.com"


def users(count: int, *, extra: str = "") -> bytes:
    """A delivered file of so many users."""
    line = '{"user":{"id":"%s-%d"},"events":[]%s}\n'
    return gzip.compress("".join(line % (SECRET, number, extra) for number in range(count)).encode(), mtime=0)


def folder_of(export_id: str = EXPORT, day: date = DAY, kind: str = "users") -> str:
    return f"data/export-id={export_id}/date={day}/{kind}/"


def partition(
    *files: bytes, export_id: str = EXPORT, day: date = DAY, kind: str = "users", complete: bool = True
) -> dict[str, bytes]:
    """The keys and contents of a partition."""
    folder = folder_of(export_id, day, kind)
    made = {f"{folder}part-{number}.json.gz": content for number, content in enumerate(files)}
    return made | ({f"{folder}_SUCCESS": b""} if complete else {})


def deliver_month(bucket: Path, export_id: str, records: int) -> None:
    """Write thirty deliveries of so many users, each in one file, over those that are there."""
    for day in range(1, 31):
        put = partition(users(records), export_id=export_id, day=date(2026, 6, day))
        for key, content in put.items():
            path = bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@dataclass
class Place:
    """A folder that holds delivered files."""

    root: Path
    stamp: int = 1_790_000_000  # each file is a second younger than the one before

    @property
    def url(self) -> str:
        return str(self.root)

    def put(self, files: Mapping[str, bytes]) -> None:
        for key, content in files.items():
            path = self.root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self.stamp += 1
            os.utime(path, (self.stamp, self.stamp))

    def delete(self, *keys: str) -> None:
        for key in keys:
            (self.root / key).unlink()

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found}


class Memory(KnownDeliveries):
    """Rows as a destination holds them: merged by key, JSON as text."""

    def __init__(self) -> None:
        super().__init__(None)
        self.held: dict[str, Row] = {}

    def _select(self, columns: Any, rest: str = "", *values: Any) -> Iterator[tuple[Any, ...]]:
        rows = sorted(self.held.values(), key=lambda row: row["extracted_at"])
        yield from (tuple(row[name] for name in columns) for row in rows if not values or row["delivery_id"] in values)


class Runs:
    """What runs bring, and what the last of them learned."""

    outcome = DeliveryOutcome()

    def rows(self) -> list[Row]:
        """The rows of `export_deliveries`, the oldest first."""
        raise NotImplementedError

    def row(self) -> Row:
        """The only row."""
        (row,) = self.rows()
        return row

    def told(self, *names: str) -> list[tuple[Any, ...]]:
        """Some columns of each row."""
        return [tuple(row[name] for name in names) for row in self.rows()]

    def facts(self) -> Row:
        """What the last run learned of the export, without the time of its listing."""
        return {k: v for k, v in self.outcome.of(EXPORT).as_columns().items() if k != "deliveries_listed_at"}


class Loads(Runs):
    """Runs whose rows are merged in memory, where dlt would take two seconds each."""

    def __init__(self) -> None:
        self.memory = Memory()

    def run(self, place: Any, *, recount: Any = (), export_ids: Any = None, **settings: Any) -> int:
        """Read once; returns how many rows it brought."""
        request = DeliveryRequest(recount=recount, export_ids=export_ids)
        self.outcome = request.outcome
        resolved = delivery_settings(**{"bucket_url": place.url, **settings})
        planner = delivery_planner(resolved, request, self.memory)
        found = list(DeliveryReader(planner).rows(planner.plan())) if planner else []
        assert all(row.keys() == EXPORT_DELIVERIES.keys() for row in found)
        self.memory.held |= {row["delivery_id"]: row for row in found}
        return len(found)

    def rows(self) -> list[Row]:
        rows = [{**row, "files": json.loads(row["files"])} for row in self.memory.held.values()]
        return sorted(rows, key=lambda row: (row["delivery_date"], row["export_id"], row["data_kind"]))


@dataclass
class Warehouse(Runs):
    """A DuckDB warehouse that dlt loads."""

    folder: Path

    def pipeline(self, work: str = "pipelines") -> dlt.Pipeline:
        return dlt.pipeline(
            "deliveries",
            destination=dlt.destinations.duckdb(str(self.folder / "warehouse.duckdb")),
            dataset_name="didomi_raw",
            pipelines_dir=str(self.folder / work),
        )

    def run(
        self, place: Any, *, work: str = "pipelines", recount: Any = (), export_ids: Any = None, **settings: Any
    ) -> int:
        """Run the source once; returns how many rows it brought."""
        request = DeliveryRequest(recount=recount, export_ids=export_ids)
        self.outcome = request.outcome
        pipeline = self.pipeline(work)
        source = didomi_deliveries(request=request, bucket_url=place.url, **settings)
        pipeline.run(source, loader_file_format="parquet")
        info = pipeline.last_trace.last_normalize_info
        return info.row_counts.get("export_deliveries", 0) if info else 0

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "warehouse.duckdb")) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute("use didomi_raw")
            return connection.execute(query).fetchall()

    def rows(self) -> list[Row]:
        names = [
            name for (name,) in self.sql("select column_name from (describe export_deliveries)") if name[:4] != "_dlt"
        ]
        found = self.sql(
            f"select {', '.join(names)} from export_deliveries order by delivery_date, export_id, data_kind"
        )
        rows = [dict(zip(names, row, strict=True)) for row in found]
        return [{**row, "files": json.loads(row["files"])} for row in rows]
