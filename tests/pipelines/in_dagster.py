"""The assets, in a Dagster of its own (`make test-dagster`)."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from didomi_source.job.lock import run_lock
from support.pipelines.schedules import PIPELINES, ROOT, counts, expected, ran

DAGSTER = ROOT / ".venvs/dagster/bin"
UPSTREAM = """
import json
from dagster_definitions import lineage
print(json.dumps({key.to_user_string(): sorted(k.to_user_string() for k in of) for key, of in lineage.items()}))
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with the definitions, and a home without telemetry."""
    shutil.copy(PIPELINES / "dagster_definitions.py", tmp_path)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return tmp_path


@pytest.fixture
def settings(environment, folder):
    """The environment of Dagster's commands."""
    path = f"{DAGSTER}:{environment['PATH']}"
    return {**environment, "PATH": path, "DAGSTER_HOME": str(folder / "home")}


def test_the_assets_are_valid_and_one_run_makes_them_all(folder, settings, made_up):
    """Dagster accepts the definitions, the job's run materializes each asset, and the warehouse holds what the API does."""
    definitions = ("-f", folder / "dagster_definitions.py")
    out = ran(DAGSTER / "dagster", "definitions", "validate", *definitions, folder=folder, environment=settings)
    assert "All code locations passed validation" in out
    upstream = json.loads(ran(DAGSTER / "python", "-c", UPSTREAM, folder=folder, environment=settings))
    assert upstream["staging/stg_didomi__export_logs"] == ["didomi/export_logs"]
    assert "marts/didomi__export_runs" in upstream["marts/didomi__exports"]
    out = ran(
        DAGSTER / "dagster", "asset", "materialize", "--select", "*", *definitions, folder=folder, environment=settings
    )
    made = {asset for asset in upstream if f"Materialized value {asset.replace('/', ' ')}." in out}
    assert made == set(upstream)
    assert counts(folder / "warehouse.duckdb") == expected(made_up)


def test_what_the_job_refuses_fails_the_step(folder, settings):
    """Another run at work: the step fails and says why, and no asset counts as made."""
    with run_lock(folder / ".didomi"):
        done = subprocess.run(
            [str(DAGSTER / "dagster"), "asset", "materialize", "--select", "*", "-f", "dagster_definitions.py"],
            cwd=folder,
            env=settings,
            capture_output=True,
            text=True,
            check=False,
        )
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "another run is at work" in told
    assert "Materialized value" not in told
