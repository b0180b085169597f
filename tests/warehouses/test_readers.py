"""A reader in mid-run sees each table as it was before the run, or as it is afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from didomi_sandbox import Behaviour, Sandbox, plain_store, serve
from support.deliveries.lab import deliver_month
from support.harness import Forker
from support.models import dbt
from support.thorough import all_but
from support.warehouse import TABLES
from support.warehouses.between import between
from support.warehouses.engines import Engine, duckdb_in, started
from support.warehouses.journey import Site

EXPORT = "export-1"
NAMES = [f"didomi_raw.{table}" for table in (*TABLES, "export_deliveries")] + [f"didomi_marts.{m}" for m in dbt.MARTS]
COUNT = " union all ".join(f"select '{name}' as name, count(*) as found from {name}" for name in NAMES)
# Between the deletion of rows and the insertion of the new ones there is time for a reader.
SLOW = """
    create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end';
""" + "".join(f"create trigger wait before insert on {name} execute function wait();\n" for name in NAMES)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with serve(plain_store(20), Behaviour(rate_limit=(10_000, 1))) as running:
        running.store.add_log(EXPORT, id={"not": "an id"})
        yield running


@contextmanager
def states_of(engine: Engine, folder: Path) -> Iterator[Callable[[], list[dict[str, int]]]]:
    """What counts the rows of each table; nothing while a DuckDB file is locked by a run."""
    if engine.destination == "duckdb":

        def read() -> list[dict[str, int]]:
            try:
                with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
                    return [dict(connection.execute(COUNT).fetchall())]
            except duckdb.IOException:
                return []

        yield read
        return
    with closing(psycopg2.connect(engine.environment["DESTINATION__POSTGRES__CREDENTIALS"])) as connection:
        connection.autocommit = True
        cursor: Any = connection.cursor()
        cursor.execute(SLOW)

        def read() -> list[dict[str, int]]:
            cursor.execute(COUNT)
            return [dict(cursor.fetchall())]

        yield read


@contextmanager
def engine_of(destination: str, folder: Path) -> Iterator[Engine]:
    if destination == "duckdb":
        yield duckdb_in(folder)
    else:
        with started(destination) as engine:
            yield engine


@pytest.mark.timeout(400)
@pytest.mark.parametrize("destination", all_but("postgres", ["duckdb", "postgres"]))
def test_a_reader_in_mid_run_sees_the_state_before_or_after(
    destination: str, tmp_path: Path, forker: Forker, sandbox: Sandbox
) -> None:
    """The second run replaces all logs, deliveries and marts, and adds history and what it read."""
    bucket = tmp_path / "bucket"
    deliver_month(bucket, EXPORT, records=1)
    with engine_of(destination, tmp_path / destination) as found:
        variables = {**found.environment, "SOURCES__DIDOMI__DELIVERIES__BUCKET_URL": str(bucket)}
        site = Site(replace(found, environment=variables), tmp_path / destination, forker, sandbox)
        assert site.didomi("run").code == 0
        deliver_month(bucket, EXPORT, records=2)
        for log in sandbox.store.logs():
            if isinstance(log["id"], str):
                sandbox.store.update(log["id"], {"metrics": {"users": 99}})
        with states_of(site.engine, site.folder) as read:
            states = read()
            ended = threading.Event()

            def poll() -> None:
                while not ended.is_set():
                    states.extend(read())

            reader = threading.Thread(target=poll)
            reader.start()
            result = site.didomi("run", "--full")
            ended.set()
            reader.join()
            states += read()
    assert result.code == 0
    assert between(states) == []
    assert len(states) > 2
    assert states[0]["didomi_raw.export_log_history"] < states[-1]["didomi_raw.export_log_history"]
    assert states[0]["didomi_raw.export_deliveries"] == states[-1]["didomi_raw.export_deliveries"] == 30
