"""Moving house: the raw tables are copied into another warehouse, and the next run reads on there."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour, Store, plain_store, serve
from support.harness import Forker
from support.warehouse import TABLES
from support.warehouses.engines import EMULATED, IS_THOROUGH, Engine, duckdb_in, started
from support.warehouses.journey import Site

EXPORT = "export-1"


@pytest.fixture(scope="module", params=["postgres", *(EMULATED if IS_THOROUGH else ())])
def engine(request):
    with started(request.param) as engine:
        yield engine


def two_days() -> Store:
    """Logs of every kind that has to come along: settled, pending, gone, with columns of their own, not loadable."""
    store = plain_store(150)
    store.add_log(EXPORT, id="pending", status="pending", metrics={})
    store.add_log(EXPORT, id="gone", users=1)
    store.add_log(EXPORT, id="odd", metrics={"users": 3, "bytes": 5, "kinds": [1]}, result={"a": "b"})
    store.add_log(EXPORT, id={"not": "an id"})
    return store


def test_everything_comes_along(engine: Engine, tmp_path: Path, forker: Forker) -> None:
    """Each cell of each table is the same after the move; the next run is incremental, and only adds."""
    with serve(two_days(), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        home = replace(duckdb_in(tmp_path / "old"), dataset=engine.dataset)
        old = Site(home, tmp_path / "old", forker, sandbox)
        assert old.didomi("run", "--skip-models").code == 0
        sandbox.store.settle("pending", users=5)
        sandbox.store.purge(["gone"])
        assert old.didomi("run", "--skip-models", "--full").code == 0
        before = old.engine.tables()
        assert all(before.values())

        both = Engine(engine.destination, {**engine.environment, **old.engine.environment}, engine.dataset)
        new = Site(both, tmp_path / "new", forker, sandbox)
        # Killed on its way, it is made again.
        package = "dlt.common.storages.load_package:PackageStorage"
        assert copied(new, kill_at=f"{package}.complete_job before 3").code == -signal.SIGKILL
        done = copied(new)
        assert done.code == 0, done
        assert done.out.splitlines() == [f"{table}: {len(before[table])} rows" for table in TABLES]
        assert sorted_rows(both.tables()) == sorted_rows(before)

        sandbox.store.add_log(EXPORT, id="after the move", users=7)
        summary, at_home = (json.loads(s.didomi("run", "--skip-models", "--json").out) for s in (new, old))
        assert [told(sync) for sync in summary["exports"]] == [told(sync) for sync in at_home["exports"]]
        assert summary["exports"][0]["mode"] == "incremental"
        assert both.written(summary["run_id"]) == {"export_logs": 1, "export_log_history": 1, "export_syncs": 1}
        after = both.tables()
        assert len(after["export_logs"]) == len(before["export_logs"]) + 1
        kept = [row for row in after["export_log_history"] if row["log_id"] != "after the move"]
        assert sorted_rows({"export_log_history": kept}) == sorted_rows(before, "export_log_history")
        assert sorted_rows(after, "export_log_quarantine") == sorted_rows(before, "export_log_quarantine")

        # And home again.
        home = replace(duckdb_in(tmp_path / "back"), dataset=engine.dataset)
        back = Site(
            replace(home, environment={**engine.environment, **home.environment}), tmp_path / "back", forker, sandbox
        )
        where = ("--destination", engine.destination, "--dataset", engine.dataset)
        assert back.command("copy", *where, "--to", "duckdb")().code == 0
        assert sorted_rows(home.tables()) == sorted_rows(after)

        refused = copied(new)
        assert refused.code == 1
        assert "has runs of its own" in refused.err
        assert sorted_rows(both.tables()) == sorted_rows(after)


def test_tables_without_rows_come_along_too(engine: Engine, tmp_path: Path, forker: Forker) -> None:
    """As that of the quarantine, where nothing had to be set aside."""
    with serve(plain_store(3), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        home = replace(duckdb_in(tmp_path / "old"), dataset="plain_raw")
        old = Site(home, tmp_path / "old", forker, sandbox)
        assert old.didomi("run", "--skip-models").code == 0
        both = Engine(engine.destination, {**engine.environment, **home.environment}, "plain_raw")
        new = Site(both, tmp_path / "new", forker, sandbox)
        for _ in range(2):
            done = copied(new)
            assert done.code == 0, done
            assert "export_log_quarantine: 0 rows" in done.out.splitlines()
        assert sorted_rows(both.tables()) == sorted_rows(home.tables())


def told(sync):
    """What a run did with an export, without when."""
    return {name: value for name, value in sync.items() if name not in ("run_id", "started_at", "finished_at")}


def copied(site: Site, kill_at: str = ""):
    """Copy from DuckDB to the engine of a site."""
    return site.command("copy", "--dataset", site.engine.dataset, "--to", site.engine.destination, kill_at=kill_at)()


def sorted_rows(tables, *names):
    """Rows without their NULLs, in an order of their own."""
    return {
        name: sorted(
            json.dumps({k: v for k, v in row.items() if v is not None}, sort_keys=True, default=repr)
            for row in tables[name]
        )
        for name in names or tables
    }
