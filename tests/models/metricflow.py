"""The semantic layer is valid and its metrics say what the marts say: `make test-metrics`.

dbt 1.11, which the project locks, passes over the semantic layer; dbt 1.12 with MetricFlow, in an environment of its own, reads it.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.models import dbt, oracle, raw
from support.models.histories import AS_OF, history

BIN = dbt.SQL.parent / ".venvs" / "metricflow" / "bin"
TABLES = history(3, AS_OF)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built; MetricFlow wants to stand in it."""
    folder = tmp_path_factory.mktemp("metricflow")
    shutil.copytree(dbt.SQL, folder / "sql", ignore=shutil.ignore_patterns("target", "logs", "dbt_packages"))
    raw.write_duckdb(folder / "warehouse.duckdb", TABLES)
    dbt.build(folder, AS_OF)
    run(folder / "sql", "dbt", "--quiet", "parse")
    return folder / "sql"


def run(project: Path, *command: str) -> str:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]],
        cwd=project,
        env={
            **os.environ,
            "DBT_PROFILES_DIR": str(project),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DIDOMI_DUCKDB_PATH": str(project.parent / "warehouse.duckdb"),
            "HOME": str(project.parent),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def query(project: Path, metrics: list[str], group_by: str) -> dict[str, list[float | None]]:
    """The metrics' values by what they are grouped by."""
    result = project.parent / "result.csv"
    run(project, "mf", "query", "--metrics", ",".join(metrics), "--group-by", group_by, "--csv", str(result))
    with result.open() as file:
        rows = list(csv.DictReader(file))
    (dimension,) = rows[0].keys() - set(metrics)
    return {row[dimension]: [float(row[name]) if row[name] else None for name in metrics] for row in rows}


def test_metricflow_finds_nothing_wrong(project: Path) -> None:
    """The definitions are valid, and every dimension, entity and metric can be queried in the warehouse."""
    told = run(project, "mf", "validate-configs")
    assert told.count("(ERRORS: 0, FUTURE_ERRORS: 0, WARNINGS: 0)") == 6


def test_metrics_say_what_the_marts_say(project: Path) -> None:
    """Rates from summed counts, a mean of levels, a mean time to recovery, by health of the export."""
    marts = oracle.marts(TABLES, AS_OF)
    health = {export["export_id"]: export["health"] for export in marts["didomi__exports"]}
    names = ["didomi_runs", "didomi_runs_missed", "didomi_success_rate", "didomi_users", "didomi_records_delivered"]
    names += ["didomi_incidents", "didomi_seconds_to_recovery"]
    found = query(project, names, "didomi_export__health")

    def rows(mart: str, of: str) -> list[dict]:
        return [row for row in marts[mart] if health[row["export_id"]] == of]

    assert found.keys() <= set(health.values())
    assert len(found) >= 4
    for kind, values in found.items():
        days, incidents = rows("didomi__daily_export_success", kind), rows("didomi__export_incidents", kind)
        users = [row["users"] for row in rows("didomi__daily_user_volume", kind) if row["users"] is not None]
        completed, failed = (sum(day[f"runs_{name}"] for day in days) for name in ("completed", "failed"))
        recovered = [row["seconds_to_recovery"] for row in incidents if not row["is_open"]]
        expected = [
            sum(day["runs_total"] for day in days),
            sum(day["runs_missed"] for day in days),
            completed / (completed + failed) if completed + failed else None,
            sum(users) / len(users) if users else None,
            sum(users) if users else None,
            len(incidents) or None,
            sum(recovered) / len(recovered) if recovered else None,
        ]
        assert values == [None if value is None else pytest.approx(value, rel=1e-5) for value in expected], kind
