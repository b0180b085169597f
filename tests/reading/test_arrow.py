"""Rows go to DuckDB as Arrow tables; the tables hold what rows would have brought."""

from __future__ import annotations

from datetime import datetime, timezone
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didomi_sandbox import Store, plain_store
from didomi_source import didomi_source
from didomi_source.reading import arrow
from didomi_source.reading.rows import HistoryRow, Rows
from didomi_source.schema import EXPORT_LOG_HISTORY
from support.warehouse import EXPORT, Row, Start, Warehouse, arguments

BATCH_ROWS = 1_000


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("didomi_source.reading.rows.COALESCED_ROWS", BATCH_ROWS)


def load(warehouse: Warehouse, store: Store, sandbox: Start, loader_file_format: str | None = "parquet") -> None:
    source = didomi_source(**arguments(sandbox(store)))
    warehouse.pipeline().run(source, loader_file_format=loader_file_format)


def schema_of(warehouse: Warehouse, table: str) -> list[tuple]:
    return warehouse.sql(f"select column_name, data_type from duckdb_columns() where table_name = '{table}' order by 1")


def store_of_many_batches() -> Store:
    """The newest logs are as documented; the oldest, read in a later batch, have fields of each type."""
    store = plain_store(BATCH_ROWS + 150)
    store.update("log-000003", {"region": "é", "size": 2**40, "ratio": 0.5, "is_test": True})
    store.update("log-000004", {"status": "pending", "result": "\x00"})
    return store


def test_a_column_that_a_later_batch_brings_is_loaded(sandbox: Start, warehouse: Warehouse) -> None:
    """Fields that only a later batch of a run has get their columns, and earlier rows NULL in them."""
    load(warehouse, store_of_many_batches(), sandbox)
    named = "region, size, ratio, is_test"
    assert warehouse.sql(f"select {named} from export_logs where id = 'log-000003'") == [("é", 2**40, 0.5, True)]
    (others,) = warehouse.sql("select count(*) from export_logs where region is null")
    assert others == (BATCH_ROWS + 149,)


def test_arrow_tables_bring_what_rows_would(
    sandbox: Start, warehouse: Warehouse, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each table has the same columns, types and rows whether they came as Arrow tables or as dicts."""
    (tmp_path / "other").mkdir()
    other = Warehouse(tmp_path / "other")
    store = store_of_many_batches()
    load(warehouse, store, sandbox)
    monkeypatch.setattr(arrow, "DESTINATIONS", ())
    load(other, store, sandbox)
    for table in ("export_logs", "export_log_history"):
        assert schema_of(warehouse, table) == schema_of(other, table)
        assert comparable(warehouse.rows(table)) == comparable(other.rows(table))
    (ids,) = warehouse.sql("select count(*) - count(distinct _dlt_id), count(*) - count(_dlt_load_id) from export_logs")
    assert ids == (0, 0)


def comparable(rows: list[Row]) -> list[Row]:
    skipped = ("run_id", "extracted_at", "first_observed_at")
    return sorted(({k: v for k, v in row.items() if k not in skipped} for row in rows), key=repr)


@settings(deadline=None)
@given(st.lists(st.sampled_from([None, *(datetime(2026, 5, day, tzinfo=timezone.utc) for day in (1, 2))]), min_size=1))
def test_a_table_holds_every_time_in_its_place(times: list[datetime | None]) -> None:
    """Times that follow one another in a row, as those of a page do, are the same times in the table."""
    rows = [
        HistoryRow(f"version-{n}", "log", EXPORT, "acme", n, "failed", None, None, time, "run-1")  # type: ignore[arg-type]
        for n, time in enumerate(times)
    ]
    types = {name: column["data_type"] for name, column in EXPORT_LOG_HISTORY.items()}
    with patch.object(arrow, "load_package_state", return_value={"load_id": "1.0"}):
        table = arrow.arrow_table(Rows(HistoryRow, rows), types)
    assert table.select(HistoryRow._fields).to_pylist() == [row._asdict() for row in rows]
    assert len(set(table["_dlt_id"].to_pylist())) == len(rows)


@pytest.mark.parametrize("loader_file_format", [None, "parquet", "insert_values"])
def test_raw_logs_are_objects_in_any_loader_format(
    sandbox: Start, warehouse: Warehouse, loader_file_format: str | None
) -> None:
    """Whatever format a pipeline asks for, `raw_log` is the log and not a text with a log in it."""
    load(warehouse, plain_store(3), sandbox, loader_file_format)
    found = warehouse.sql("select json_type(raw_log), raw_log->>'id' = id, raw_log->>'export_id' from export_logs")
    assert found == [("OBJECT", True, EXPORT)] * 3
