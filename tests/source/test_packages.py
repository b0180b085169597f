"""A long list is loaded in several packages, one after the other; the tables are those that one package makes."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import duckdb
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from didomi_sandbox import Behaviour, Store, plain_store
from didomi_source import didomi_source
from didomi_source.reading.packages import Reading
from didomi_source.warehouse.duckdb import checkpoint, load_with_memory_limit
from support.warehouse import EXPORT, Row, Start, Warehouse, arguments

OTHER = "another"
TABLES = ("exports", "export_logs", "export_log_history", "export_log_quarantine", "export_syncs")
OF_THE_RUN = ("run_id", "sync_id", "extracted_at", "first_observed_at", "started_at", "finished_at", "quarantined_at")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("didomi_source.reading.rows.BATCH_ROWS", 20)


def two_exports() -> Store:
    """One with 300 logs, among them one that is pending and one that is bad, and one with 50."""
    store = plain_store(300)
    store.update("log-000100", {"status": "pending", "metrics": {}, "region": "eu"})
    store.add_log(EXPORT, id=None, created_at="2025-10-01T00:00:00.000Z")
    store.add_export(id=OTHER, name=OTHER)
    store.add_logs({**log, "id": f"other-{log['id']}"} for log in plain_store(50, export_id=OTHER).logs())
    return store


def load(warehouse: Warehouse, source: Any, reading: Reading) -> int:
    """Load until all is read; returns how many packages that took."""
    packages = 0
    while not packages or not reading.is_done:
        warehouse.pipeline().run(source, loader_file_format="parquet")
        packages += 1
    return packages


def contents(warehouse: Warehouse) -> dict[str, list[Row]]:
    return {
        table: sorted(({k: v for k, v in r.items() if k not in OF_THE_RUN} for r in warehouse.rows(table)), key=repr)
        for table in TABLES
    }


def test_many_packages_make_the_tables_that_one_makes(sandbox: Start, warehouse: Warehouse, tmp_path) -> None:
    """The same rows, one row on each sync, and nothing that the next run has to read or write again."""
    (tmp_path / "one").mkdir()
    one = Warehouse(tmp_path / "one")
    server = sandbox(two_exports())
    reading = Reading(10_000)
    packages = load(warehouse, didomi_source(**arguments(server, page_size=20), reading=reading), reading)
    assert 3 <= packages <= 20
    assert warehouse.sql("select count(distinct _dlt_load_id) > 2 from export_logs") == [(True,)]
    one.load(server, page_size=20)
    assert contents(warehouse) == contents(one)
    assert warehouse.sql("select count(*), count(distinct export_id), bool_and(is_complete) from export_syncs") == [
        (2, 2, True)
    ]
    assert warehouse.load(server) == {"export_syncs": 2}


def test_a_log_that_changes_between_two_packages_is_one_log(sandbox: Start, warehouse: Warehouse) -> None:
    """The row shows what came last, and the history both states in order."""
    store = plain_store(100)
    store.update("log-000000", {"status": "pending", "metrics": {}})
    server = sandbox(store, Behaviour(rate_limit=(10_000, 1), sort="ignored"))  # so that each log is read several times
    reading = Reading(5_000)
    source = didomi_source(**arguments(server, page_size=20), reading=reading)
    warehouse.pipeline().run(source, loader_file_format="parquet")
    assert not reading.is_done
    times = {"updated_at": "2026-03-01T00:00:00.000Z"}
    store.update("log-000000", {"status": "completed", "metrics": {"users": 7}, **times})
    load(warehouse, source, reading)
    assert warehouse.sql("select status, metrics__users from export_logs where id = 'log-000000'") == [("completed", 7)]
    history = "select sequence, status from export_log_history where log_id = 'log-000000' order by 1"
    assert warehouse.sql(history) == [(1, "pending"), (2, "completed")]
    assert warehouse.sql("select count(*), count(distinct id) from export_logs") == [(100, 100)]


def test_a_source_that_is_run_again_reads_again(sandbox: Start, warehouse: Warehouse) -> None:
    """In a process that lives long: each load without a bound looks for what is new, also after one that failed."""
    store = plain_store(30)
    server = sandbox(store)
    source = didomi_source(**arguments(server))
    warehouse.pipeline().run(source, loader_file_format="parquet")
    store.add_log(EXPORT, id="new-1", created_at="2026-03-01T00:00:00.000Z")
    warehouse.pipeline().run(source, loader_file_format="parquet")
    store.add_log(EXPORT, id="new-2", created_at="2026-03-02T00:00:00.000Z")
    source.resources["export_logs"].add_map(fails)
    with pytest.raises(PipelineStepFailed):
        warehouse.pipeline().run(source, loader_file_format="parquet")
    source.resources["export_logs"]._pipe.remove_step(-1)
    warehouse.pipeline().run(source, loader_file_format="parquet")
    assert warehouse.sql("select count(*) from export_logs where id like 'new-%'") == [(2,)]


def fails(_item: Any) -> None:
    raise RuntimeError


def test_between_two_packages_duckdb_is_tidied(sandbox: Start, warehouse: Warehouse) -> None:
    """Its log is folded into its file, and it may take as much memory as before."""
    warehouse.load(sandbox(plain_store(3)))
    log = warehouse.path.with_name(f"{warehouse.path.name}.wal")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("set memory_limit = '2GiB'")
        connection.execute("create table didomi_raw.more as select 1 as one")
        assert log.exists()
        checkpoint(warehouse.pipeline())
        assert not log.exists()
        assert connection.execute("select current_setting('memory_limit')").fetchone() == ("2.0 GiB",)


@pytest.mark.parametrize(
    ("error", "limits"),
    [(None, ["61.0 MiB"]), ("Out of Memory Error: no room", ["61.0 MiB", "2.0 GiB"]), ("No such table", ["61.0 MiB"])],
)
def test_a_large_package_is_loaded_in_little_memory(
    sandbox: Start, warehouse: Warehouse, error: str | None, limits: list[str]
) -> None:
    """Where DuckDB runs short of it, in as much as it takes; any other error is the caller's."""
    warehouse.load(sandbox(plain_store(3)))
    pipeline, found = warehouse.pipeline(), []
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("set memory_limit = '2GiB'")

        def load() -> None:
            found.append(limit_of(connection))
            if error and len(found) == 1:
                raise RuntimeError from duckdb.Error(error)

        pipeline.load = load
        with pytest.raises(RuntimeError) if error and len(limits) == 1 else nullcontext():
            load_with_memory_limit(pipeline)
        assert (found, limit_of(connection)) == (limits, "2.0 GiB")


def limit_of(connection: duckdb.DuckDBPyConnection) -> str:
    ((limit,),) = connection.execute("select current_setting('memory_limit')").fetchall()
    return limit


@pytest.mark.thorough
def test_rows_for_which_little_memory_is_too_little_are_loaded(
    sandbox: Start, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB really breaks off, and nothing is lost or doubled."""
    monkeypatch.setattr("didomi_source.warehouse.duckdb._MEMORY_LIMIT", "8MB")
    messages: list[str] = []
    monkeypatch.setattr("didomi_source.warehouse.duckdb.logger.info", lambda message, *_: messages.append(message))
    store = plain_store(0)
    for number in range(100):
        store.add_log(EXPORT, id=f"log-{number}", status="failed", result=f"{number}-" + "wide" * 50_000)
    pipeline = warehouse.pipeline()
    pipeline.extract(didomi_source(**arguments(sandbox(store))), loader_file_format="parquet")
    pipeline.normalize()
    load_with_memory_limit(pipeline)
    assert messages == ["%s needs more memory to load this"]
    assert warehouse.sql("select count(*), count(distinct id), min(length(result)) from export_logs") == [
        (100, 100, 200_002)
    ]
