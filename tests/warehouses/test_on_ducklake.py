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

from didomi_sandbox import Behaviour, serve
from didomi_source.cli.demo import access_to
from support.harness import DIDOMI, clean_environment
from support.models import dbt, raw
from support.models.compare import all_differences
from support.warehouses.emulators.servers import ENVIRONMENTS
from support.warehouses.engines import require
from support.warehouses.journey import Outcome, beginning, contents, documented

TESTS = Path(__file__).parents[1]
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
