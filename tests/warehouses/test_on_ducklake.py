"""The whole job on DuckLake, with nothing configured but the name of the destination.

Its extension wants a DuckDB of its own, so that here everything runs in processes of their own.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour, plain_store, serve
from didomi_source.cli.demo import access_to
from support.deliveries.lab import deliver_month
from support.harness import DIDOMI, clean_environment
from support.models import dbt, raw
from support.models.compare import all_differences
from support.warehouses.between import between
from support.warehouses.emulators.servers import ENVIRONMENTS
from support.warehouses.engines import require
from support.warehouses.journey import Outcome, beginning, contents, documented

TESTS = Path(__file__).parents[1]
# The number of rows of each table in each snapshot, the oldest first; tables that the snapshot does not have are left out.
SNAPSHOTS = """
import json
from contextlib import suppress
import duckdb

lake = duckdb.connect()
lake.execute("load ducklake; load sqlite_scanner; attach 'ducklake:sqlite:ducklake.sqlite' as lake (read_only)")
tables = lake.execute("select table_schema, table_name from information_schema.tables where table_catalog = 'lake'").fetchall()
found = []
for (version,) in lake.execute("select snapshot_id from ducklake_snapshots('lake') order by 1").fetchall():
    found.append({})
    for schema, table in tables:
        with suppress(duckdb.CatalogException):
            query = f"select count(*) from lake.{schema}.{table} at (version => {version})"
            found[-1][f"{schema}.{table}"] = lake.execute(query).fetchone()[0]
print(json.dumps(found))
"""
READ = "import pickle, sys; from support.warehouses.engines import Engine; lake = Engine('ducklake', {}); sys.stdout.buffer.write(pickle.dumps(getattr(lake, sys.argv[1])()))"


class Lake:
    """`didomi` in a folder, with the DuckDB that has the extension."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        own = ENVIRONMENTS / "ducklake"
        paths = [own / "packages", TESTS, TESTS.parent]
        self.environment = {
            **clean_environment(folder),
            **environment,
            "HOME": str(own / "home"),
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
        }

    def output(self, *command: str) -> bytes:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, check=True, timeout=400
        ).stdout

    def didomi(self, command: str, *arguments: str) -> str:
        return self.output(str(DIDOMI), command, "--destination", "ducklake", *arguments).decode()

    def snapshots(self, schema: str) -> list[dict[str, int]]:
        """The number of rows of a schema's tables in each snapshot, the oldest first."""
        found = json.loads(self.output(sys.executable, "-c", SNAPSHOTS))
        names = [[name for name in each if name.startswith(f"{schema}.") and "._dlt" not in name] for each in found]
        return [{name: each[name] for name in own} for each, own in zip(found, names, strict=True)]

    def read(self, what: str):
        return pickle.loads(self.output(sys.executable, "-c", READ, what))


@pytest.mark.timeout(900)
def test_a_lake_holds_what_duckdb_holds(tmp_path: Path, record_property) -> None:
    """Two runs with models beside the lake's DuckDB twin: raw rows and marts are the same, and `status` reads them."""
    require("ducklake")
    as_of = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    variables = json.dumps({"didomi_as_of": f"{as_of:%Y-%m-%d %H:%M:%S}"})
    begun = datetime.now()
    with serve(beginning(), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        lake = Lake(tmp_path, **access_to(sandbox))
        lake.didomi("run", "--vars", variables)
        first = len(lake.snapshots("didomi_marts"))
        sandbox.store.settle("still-pending", users=4321)
        lake.didomi("run", "--vars", variables)
        logs = sandbox.store.logs()
    tables = lake.read("tables")
    outcome = Outcome()
    outcome.compare("logs", sorted(log["id"] for log in logs), sorted(row["id"] for row in tables["export_logs"]))
    outcome.compare("quarantine", 0, len(contents(tables)["export_log_quarantine"]))
    reference = tmp_path / "reference"
    reference.mkdir()
    raw.write_duckdb(reference / "warehouse.duckdb", documented(tables))
    dbt.build(reference, as_of)
    expected = dbt.marts(reference / "warehouse.duckdb")
    outcome.rows += sum(map(len, expected.values()))
    outcome.differences += all_differences(expected, lake.read("marts"))
    told = json.loads(lake.didomi("status", "--format", "json"))
    outcome.compare("status", len(expected["didomi__exports"]), len(told["exports"]))
    seconds = round((datetime.now() - begun).total_seconds(), 1)
    record_property("compared", ("ducklake", "two runs", outcome.rows, len(outcome.differences), seconds))
    assert outcome.differences == []
    assert (tmp_path / "ducklake.sqlite").is_file()
    assert between(lake.snapshots("didomi_marts")[first - 1 :]) == []


@pytest.mark.timeout(900)
def test_no_snapshot_lacks_what_a_run_replaces(tmp_path: Path) -> None:
    """A second run replaces rows of each table: a reader in mid-run finds as many as before, or as after."""
    require("ducklake")
    bucket = tmp_path / "bucket"
    with serve(plain_store(20), Behaviour(rate_limit=(10_000, 1))) as sandbox:
        lake = Lake(tmp_path, SOURCES__DIDOMI__DELIVERIES__BUCKET_URL=str(bucket), **access_to(sandbox))
        deliver_month(bucket, "export-1", records=1)
        lake.didomi("run", "--skip-models")
        first = len(lake.snapshots("didomi_raw"))
        deliver_month(bucket, "export-1", records=2)
        for log in sandbox.store.logs():
            sandbox.store.update(log["id"], {"metrics": {"users": 99}})
        lake.didomi("run", "--skip-models", "--full")
    snapshots = lake.snapshots("didomi_raw")[first - 1 :]
    assert between(snapshots) == []
    rows = {
        table: [before, after]
        for (table, before), after in zip(snapshots[0].items(), snapshots[-1].values(), strict=True)
    }
    assert rows["didomi_raw.export_deliveries"] == [30, 30]
    assert rows["didomi_raw.export_logs"] == [20, 20]
