"""Writes raw tables, as docs/tables.md has them, into a DuckDB file or a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

Row = Mapping[str, Any]
Tables = Mapping[str, Iterable[Row]]

TABLES: dict[str, dict[str, str]] = {
    "export_logs": {
        "id": "text",
        "export_id": "text",
        "organization_id": "text",
        "status": "text",
        "config__frequency": "text",
        "metrics__users": "bigint",
        "result": "text",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "raw_log": "json",
        "flags": "json",
        "content_hash": "text",
        "run_id": "text",
        "extracted_at": "timestamp",
        "read_sequence": "bigint",
        "missing_at_source_since": "timestamp",
    },
    "export_log_history": {
        "version_id": "text",
        "log_id": "text",
        "export_id": "text",
        "organization_id": "text",
        "sequence": "bigint",
        "status": "text",
        "users": "bigint",
        "result": "text",
        "first_observed_at": "timestamp",
        "run_id": "text",
    },
    "exports": {
        "id": "text",
        "organization_id": "text",
        "name": "text",
        "type_id": "text",
        "properties__frequency": "text",
        "properties__data": "json",
        "created_at": "timestamp",
        "updated_at": "timestamp",
        "raw_export": "json",
        "content_hash": "text",
        "run_id": "text",
        "extracted_at": "timestamp",
    },
    "export_syncs": {
        "sync_id": "text",
        "run_id": "text",
        "export_id": "text",
        "organization_id": "text",
        "mode": "text",
        "mode_reason": "text",
        "sort": "text",
        "started_at": "timestamp",
        "finished_at": "timestamp",
        "requests": "bigint",
        "api_total": "bigint",
        "rows_received": "bigint",
        "distinct_ids": "bigint",
        "logs_new": "bigint",
        "logs_changed": "bigint",
        "logs_pending": "bigint",
        "logs_flagged": "bigint",
        "logs_quarantined": "bigint",
        "logs_missing": "bigint",
        "logs_known": "bigint",
        "newest_created_at": "timestamp",
        "is_complete": "boolean",
        "error": "text",
        "deliveries_listed_at": "timestamp",
        "delivery_requests": "bigint",
        "deliveries_changed": "bigint",
        "delivery_bytes_read": "bigint",
        "delivery_error": "text",
    },
    "export_deliveries": {
        "delivery_id": "text",
        "export_id": "text",
        "delivery_date": "date",
        "data_kind": "text",
        "is_complete": "boolean",
        "file_count": "bigint",
        "bytes": "bigint",
        "records": "bigint",
        "records_counted": "bigint",
        "odd_lines": "bigint",
        "uncompressed_bytes": "bigint",
        "first_modified_at": "timestamp",
        "last_modified_at": "timestamp",
        "files": "json",
        "listing_hash": "text",
        "error": "text",
        "needs_retry": "boolean",
        "archived_to": "text",
        "archived_at": "timestamp",
        "first_seen_at": "timestamp",
        "gone_since": "timestamp",
        "run_id": "text",
        "extracted_at": "timestamp",
    },
    "export_log_quarantine": {
        "fingerprint": "text",
        "export_id": "text",
        "organization_id": "text",
        "reason": "text",
        "raw_log": "text",
        "run_id": "text",
        "quarantined_at": "timestamp",
    },
}

_ARROW = {
    "text": pa.string(),
    "json": pa.string(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_DUCKDB = {"timestamp": "timestamptz"}
_POSTGRES = {"timestamp": "timestamptz", "json": "jsonb"}


def utc(time: datetime) -> datetime:
    """A time as the raw tables hold it: with its zone, UTC."""
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def arrow(table: str, rows: Iterable[Row]) -> pa.Table:
    """Rows of one raw table as Arrow; columns that a row lacks are NULL, unknown ones an error."""
    columns = TABLES[table]
    listed = list(rows)
    unknown = {key for row in listed for key in row} - columns.keys()
    if unknown:
        raise KeyError(f"{table} has no column {sorted(unknown)}")
    return pa.table(
        {
            name: pa.array(
                [utc(row[name]) if kind == "timestamp" and row.get(name) else row.get(name) for row in listed],
                _ARROW[kind],
            )
            for name, kind in columns.items()
        }
    )


def write_duckdb(path: Path, tables: Tables, schema: str = "didomi_raw") -> None:
    """Creates every raw table in a DuckDB file, empty unless `tables` has rows for it."""
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"create schema if not exists {schema}")
        for name, columns in TABLES.items():
            types = ", ".join(f'"{column}" {_DUCKDB.get(kind, kind)}' for column, kind in columns.items())
            connection.execute(f"create or replace table {schema}.{name} ({types})")
            batch = arrow(name, tables.get(name, []))
            if batch.num_rows:
                connection.register("batch", batch)
                connection.execute(f"insert into {schema}.{name} select * from batch")
                connection.unregister("batch")


def write_postgres(connection: Any, tables: Tables, schema: str = "didomi_raw") -> None:
    """The same in PostgreSQL, through a psycopg2 connection."""
    with connection.cursor() as cursor:
        cursor.execute(f"create schema if not exists {schema}")
        for name, columns in TABLES.items():
            types = ", ".join(f'"{column}" {_POSTGRES.get(kind, kind)}' for column, kind in columns.items())
            cursor.execute(f"drop table if exists {schema}.{name} cascade")
            cursor.execute(f"create table {schema}.{name} ({types})")
            rows = arrow(name, tables.get(name, [])).to_pylist()
            marks = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"insert into {schema}.{name} values ({marks})", [tuple(row.values()) for row in rows])
    connection.commit()
