"""The job beside dbt 2, which overwrites the commands of dbt-core 1. No dbt 2 can be had here: a stand-in has its place and name."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from didomi_source.errors import ConfigurationError
from didomi_source.warehouse import dbt
from didomi_source.warehouse.dbt_version import environment_of_dbt_2, wait_for_dbt_2
from support.harness import DIDOMI, Job, Result

MODELS = sorted(dbt.model_names())
# As dbt 2 ends a build of what has not changed; it notes how it was called.
MAIN = f"""
import json, os, pathlib, sys

def cli():
    target = pathlib.Path(sys.argv[sys.argv.index("--target-path") + 1])
    results = [{{"unique_id": f"model.didomi.{{name}}", "status": "reused", "message": None}} for name in {MODELS!r}]
    (target / "run_results.json").write_text(json.dumps({{"results": results}}))
    (target / "called.json").write_text(json.dumps([sys.argv[1:], dict(os.environ)]))
"""


@pytest.fixture
def dbt_2(tmp_path: Path) -> Path:
    """A folder which, on Python's path, is what `pip install dbt` makes of dbt-core."""
    folder = tmp_path / "dbt-2"
    (folder / "dbt" / "cli").mkdir(parents=True)
    (folder / "dbt-2.0.9.dist-info").mkdir()
    (folder / "dbt-2.0.9.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: dbt\nVersion: 2.0.9\n")
    for name in ("__init__", "_core", "cli/__init__"):
        (folder / "dbt" / f"{name}.py").touch()
    (folder / "dbt" / "cli" / "main.py").write_text(MAIN)
    return folder


def didomi(job: Job, *arguments: str, **environment: str) -> Result:
    """Run `didomi` in a Python of its own, whose path is not that of the tests."""
    done = subprocess.run(
        [str(DIDOMI), *arguments],
        env={**job.environment, **environment},
        cwd=job.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    return Result(done.returncode, done.stdout, done.stderr)


ADVICE = "pip uninstall dbt, then pip install --force-reinstall --no-deps 'dbt-core<2'"


def test_dbt_2_is_never_run_unasked(job: Job, dbt_2: Path) -> None:
    """It is named with what to do, before anything is loaded; without the models nothing needs it."""
    done = didomi(job, "run", PYTHONPATH=str(dbt_2))
    assert done.code == 78
    assert f"dbt 2.0.9 is installed in the place of dbt-core 1: {ADVICE}" in done.err
    with duckdb.connect(str(job.path)) as connection:
        assert connection.execute("from duckdb_tables()").fetchall() == []
    assert (
        f"models: dbt 2.0.9 is installed in the place of dbt-core 1: {ADVICE}"
        in didomi(job, "check", PYTHONPATH=str(dbt_2)).out
    )
    assert didomi(job, "run", "--skip-models", PYTHONPATH=str(dbt_2)).code == 0


def test_dbt_2_builds_on_request(job: Job, dbt_2: Path) -> None:
    """Models that it reuses are built, and it asks nobody for a newer version."""
    assert didomi(job, "run").code == 0
    done = didomi(job, "run", "--json", PYTHONPATH=str(dbt_2), DIDOMI_DBT="2")
    models = json.loads(done.out)["models"]
    assert (done.code, models["counts"], models["failures"]) == (0, {"reused": len(MODELS)}, [])
    arguments, environment = json.loads((job.working_dir / "dbt" / "called.json").read_text())
    assert "build" in arguments
    assert environment["DBT_DISABLE_VERSION_CHECK"] == "1"
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("2", "DIDOMI_DBT is 2, and dbt 2 is not installed: pip install dbt, or unset DIDOMI_DBT"),
        ("1.12", "DIDOMI_DBT is '1.12': choose 1, or 2 for dbt 2"),
    ],
)
def test_another_dbt_than_there_is_is_refused(job: Job, chosen: str, said: str) -> None:
    """Before anything is loaded."""
    done = didomi(job, "run", DIDOMI_DBT=chosen)
    assert (done.code, said in done.err) == (78, True)


@pytest.mark.parametrize(
    ("variables", "ignored"),
    [
        ({"DIDOMI_TARGET": "ducklake"}, "the options of a DuckLake"),
        ({"DIDOMI_TARGET": "postgres", "DIDOMI_POSTGRES_SSLMODE": "verify-full"}, "sslmode and certificates"),
        ({"DIDOMI_TARGET": "postgres", "DIDOMI_POSTGRES_SSLCERT": "me.pem"}, "sslmode and certificates"),
    ],
)
def test_what_dbt_2_would_drop_in_silence_is_refused(variables: dict[str, str], ignored: str) -> None:
    with pytest.raises(ConfigurationError, match=f"dbt 2 ignores {ignored}.*unset DIDOMI_DBT"):
        environment_of_dbt_2(variables)


def test_dbt_2_is_told_of_postgres() -> None:
    """It refuses adapters that are new in it, unless it is told otherwise."""
    assert environment_of_dbt_2({"DIDOMI_TARGET": "postgres"})["DBT_ALLOW_EXPERIMENTAL_ADAPTERS"] == "true"


def test_a_reader_is_waited_for_before_dbt_2_starts(tmp_path: Path, monkeypatch) -> None:
    """dbt 1 tries again by itself."""
    path, said = tmp_path / "w.duckdb", []
    duckdb.connect(str(path)).close()
    hold = f"import duckdb, time; c = duckdb.connect({str(path)!r}); print(flush=True); time.sleep(1)"
    monkeypatch.setattr("didomi_source.warehouse.dbt_version.is_dbt_2", lambda: True)
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        started = time.monotonic()
        wait_for_dbt_2({"DIDOMI_DUCKDB_PATH": str(path)}, said.append, 20)
    assert said == [f"Waiting for {path}, which another program holds"]
    assert time.monotonic() - started > 0.5
