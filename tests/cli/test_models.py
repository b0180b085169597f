"""What `didomi` prints of the models: of the demo's, and of models that fail."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb

from support.harness import Job
from support.shell import DIDOMI, ROOT, program_environment


def table_after(out: str, title: str) -> list[list[str]]:
    """The rows of the table under a title, without its header."""
    lines = out.partition(f"\n{title}\n\n")[2].partition("\n\n")[0].splitlines()
    return [re.split(r" {2,}", line.strip()) for line in lines[2:]]


def test_the_demo_prints_what_the_marts_say(job: Job) -> None:
    """Rates and volumes are those of the warehouse, whatever is configured; what it names for going on works."""
    done = job.didomi("demo", "--days", "40", "--seed", "3", SOURCES__DIDOMI__EXPORT_IDS='["mine"]')
    assert done.code == 0, done.err
    assert [path.name for path in job.folder.iterdir()] == ["didomi-demo"]
    with duckdb.connect(str(job.folder / "didomi-demo" / "warehouse.duckdb"), read_only=True) as connection:
        exports = connection.execute(
            "select name, runs_completed_28d, runs_failed_28d from didomi_marts.didomi__exports"
        ).fetchall()
        volumes = connection.execute(
            """select name, max_by(run_date, run_date), max_by(d.users, run_date)
            from didomi_marts.didomi__daily_user_volume d join didomi_marts.didomi__exports e using (export_id)
            where d.users is not null group by name"""
        ).fetchall()
    assert len(exports) == 3
    rates = table_after(done.out, "Success rates, last 28 days")
    assert sorted(row[:3] for row in rates) == sorted([name, str(good), str(failed)] for name, good, failed in exports)
    for name, good, failed, rate in rates:
        assert abs(float(rate.rstrip("%")) - 100 * int(good) / (int(good) + int(failed))) < 0.06, name
    shown = table_after(done.out, "Users, latest delivery")
    assert sorted(row[:3] for row in shown) == sorted([name, str(day), f"{users:,}"] for name, day, users in volumes)
    wrong = table_after(done.out, "Deliveries that are not as claimed, last 7 days")
    assert sorted(verdict for _, _, verdict, *_ in wrong) == ["corrupt", "missing", "short", "without _SUCCESS"]
    enter, status, *_ = done.out.partition("Look further\n\n")[2].splitlines()
    assert enter.strip() == "cd didomi-demo"
    assert shlex.split(status)[-1] == "status"
    environment = program_environment({**job.environment, "PATH": f"{DIDOMI.parent}:{job.environment['PATH']}"})
    script = f"{enter.strip()} && didomi status"
    told = subprocess.run(
        ["bash", "-c", script], cwd=job.folder, env=environment, capture_output=True, text=True, check=True
    )
    shown = [line for line in told.stdout.splitlines() if ": delivery of " in line]
    assert [line.partition(" (")[0] for line in shown] == [
        f"{name}: delivery of {day} is {verdict}" for name, day, verdict, *_ in wrong
    ]


def test_a_data_test_that_fails_fails_the_run_by_name(job: Job, tmp_path: Path) -> None:
    """In a copy of the checkout that has such a test; the logs are loaded, and what builds on the failed one is not built."""
    checkout = tmp_path / "checkout"
    for folder in ("didomi_source", "sql"):
        shutil.copytree(ROOT / folder, checkout / folder)
    (checkout / "sql" / "tests" / "nothing_is_right.sql").write_text(
        "select log_id from {{ ref('didomi__export_runs') }}"
    )
    environment = {name: value for name, value in job.environment.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [DIDOMI, "run"],
        cwd=job.folder,
        env={**environment, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    failures = [line for line in done.stderr.splitlines() if line.startswith("didomi: ")]
    assert failures == ["didomi: test nothing_is_right: Got 30 results, configured to fail if != 0"]
    assert re.search(
        r"^Models: 1 tests failed, \d+ tests passed, \d+ skipped, \d+ built in ", done.stdout, re.MULTILINE
    )
    assert len(job.logs()) == 30


def test_models_that_cannot_begin_fail_the_run(job: Job) -> None:
    """With dbt's own last words, in the summary for machines, too."""
    done = job.didomi("run", "--json", "--vars", json.dumps({"didomi_timezone": "Nowhere/Land"}))
    summary: dict[str, Any] = json.loads(done.out)
    assert (done.code, summary["ok"], summary["exports"][0]["is_complete"]) == (1, False, True)
    assert len(job.logs()) == 30
    assert any("Nowhere/Land" in failure for failure in summary["failures"])
    assert summary["failures"] == [
        line.removeprefix("didomi: ") for line in done.err.splitlines() if line.startswith("didomi: ")
    ]
