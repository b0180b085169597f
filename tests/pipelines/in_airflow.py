"""The DAG, in an Airflow of its own (`make test-airflow`)."""

from __future__ import annotations

import json
import shutil

import pytest

from didomi_source.job.lock import run_lock
from support.pipelines.schedules import BIN, PIPELINES, ROOT, counts, expected, ran

AIRFLOW = ROOT / ".venvs/airflow/bin/airflow"


@pytest.fixture
def airflow(environment, tmp_path):
    """Runs `airflow` with the DAG, and `didomi` from an environment of its own in an empty folder."""
    dags = tmp_path / "home/dags"
    dags.mkdir(parents=True)
    shutil.copy(PIPELINES / "airflow_dag.py", dags)
    settings = {
        "AIRFLOW_HOME": str(tmp_path / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "DIDOMI_COMMAND": str(BIN / "didomi"),
        "DIDOMI_FOLDER": str(tmp_path),
    }

    def airflow(*arguments):
        return ran(AIRFLOW, *arguments, folder=tmp_path, environment={**environment, **settings})

    airflow("db", "migrate")
    return airflow


def test_the_dag_does_the_whole_job(airflow, made_up, tmp_path):
    """`airflow dags test` runs it as the scheduler would, and the warehouse holds what the API does."""
    assert "new_state=success" in airflow("dags", "test", "didomi")
    assert counts(tmp_path / "warehouse.duckdb") == expected(made_up)


def test_a_run_at_work_is_skipped(airflow, tmp_path):
    """It is no failure, and nothing is tried again."""
    with run_lock(tmp_path / ".didomi"):
        out = airflow("dags", "test", "didomi")
    assert "another run is at work" in out
    assert "new_state=skipped" in out


def test_the_dag_imports_and_keeps_its_name(airflow):
    """No import error, and one DAG that runs once a day, one at a time."""
    assert json.loads(airflow("dags", "list-import-errors", "--local", "--output", "json").splitlines()[-1]) == []
    details = json.loads(airflow("dags", "list", "--local", "--output", "json").splitlines()[-1])
    assert [dag["dag_id"] for dag in details] == ["didomi"]
