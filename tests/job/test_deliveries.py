"""A run loads what lies in the bucket beside what the logs claim."""

from __future__ import annotations

import json
import re
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from didomi_sandbox import generate, write_deliveries
from didomi_sandbox.deliveries import user_records, write_files
from support.warehouse import EXPORT

BUCKET = "SOURCES__DIDOMI__DELIVERIES__BUCKET_URL"
ARCHIVE = "SOURCES__DIDOMI__DELIVERIES__ARCHIVE_TO"
OF_DELIVERIES = (
    "deliveries_listed_at", "delivery_requests", "deliveries_changed", "delivery_bytes_read", "delivery_error"
)  # fmt: skip
# Didomi keeps the files for seven days; those in a bucket on GCS would never expire.
VARIABLES = {"didomi_deliveries_comparable": True, "didomi_delivery_retention_days": 7}
VERDICTS = {"short": "short", "missing": "missing", "no_success": "no_success", "cut": "corrupt"}


@pytest.fixture
def bucket(job, tmp_path):
    """An empty bucket, which the runs read."""
    folder = tmp_path / "bucket"
    folder.mkdir()
    job.environment[BUCKET] = str(folder)
    return folder


def put(bucket: Path, export_id: str = EXPORT, day: str = "2026-01-02", records: int = 3) -> Path:
    """Write a whole delivery."""
    folder = bucket / "data" / f"export-id={export_id}" / f"date={day}" / "users"
    write_files(folder, user_records(records, date.fromisoformat(day)), files=2)
    (folder / "_SUCCESS").touch()
    return folder


def of_deliveries(job, export_id: str = EXPORT) -> tuple:
    sync = job.sync(export_id)
    return tuple(sync[name] for name in OF_DELIVERIES)


def test_without_a_bucket_nothing_changes(job):
    """No row, no table, no figure."""
    summary = job.run()
    assert of_deliveries(job) == (None,) * 5
    assert "deliveries" not in summary
    assert job.columns("export_deliveries") == {}


def test_a_run_counts_what_was_delivered(job, bucket):
    """Each partition once; a second run finds nothing to do, and says when it listed."""
    size = sum(path.stat().st_size for path in put(bucket).iterdir())
    put(bucket, day="2026-01-03", records=5)
    summary = job.run()
    assert job.sql("select export_id, cast(delivery_date as text), data_kind, records, run_id from export_deliveries order by 2") == [
        (EXPORT, "2026-01-02", "users", 3, summary["run_id"]),
        (EXPORT, "2026-01-03", "users", 5, summary["run_id"]),
    ]  # fmt: skip
    listed_at, requests, changed, bytes_read, error = of_deliveries(job)
    assert (requests, changed, error) == (summary["deliveries"]["requests"], 2, None)
    assert bytes_read == summary["deliveries"]["bytes_read"] > size
    job.run()
    later, _, *rest = of_deliveries(job)
    assert (later > listed_at, rest) == (True, [0, 0, None])


def test_folders_of_other_exports_are_counted_and_ignored(job, bucket):
    put(bucket)
    put(bucket, "other1")
    put(bucket, "other2")
    assert job.run()["notes"] == ["deliveries: folders of exports that are not read, ignored: 2"]
    assert job.sql("select export_id from export_deliveries") == [(EXPORT,)]


def test_a_bucket_that_refuses_costs_nothing_else(job, bucket):
    """The logs are loaded, the reason is the export's, and the run ends with 1."""
    shutil.rmtree(bucket)
    summary = job.run(code=1)
    error = f"there is no folder {bucket}: check bucket_url"
    assert (summary["ok"], summary["failures"]) == (False, [f"deliveries: {error}"])
    assert of_deliveries(job) == (None, 0, 0, 0, error)
    assert len(job.logs()) == 30


def test_an_archive_that_refuses_costs_nothing_else(job, bucket, tmp_path):
    """What was counted is loaded."""
    put(bucket)
    (tmp_path / "kept").write_text("no folder")
    summary = job.run(code=1, **{ARCHIVE: str(tmp_path / "kept")})
    (failure,) = summary["failures"]
    assert failure.startswith("deliveries: ")
    assert job.sql("select records, archived_at from export_deliveries") == [(3, None)]


def test_a_setting_that_is_wrong_ends_the_run_before_it_begins(job):
    done = job.didomi("run", "--skip-models", **{BUCKET: "ftp://nowhere"})
    assert (done.code, done.out, "bucket_url begins with ftp://" in done.err) == (78, "", True)
    with duckdb.connect(str(job.path), read_only=True) as connection:
        assert connection.execute("select table_name from duckdb_tables()").fetchall() == []


def test_deliveries_that_did_not_arrive_are_noticed(job, bucket):
    """dlt does not count the rows of a file that was lost."""
    put(bucket)
    put(bucket, day="2026-01-03")
    lost = job.didomi("run", "--skip-models", kill_at="lose export_deliveries")
    assert (lost.code, lost.out) == (1, "")
    assert "only 0 of 2 rows of export_deliveries arrived in the warehouse: run again" in lost.err


def test_each_flaw_gets_its_verdict(job, api, bucket):
    """And all else is as claimed, or claims nothing."""
    api.store = generate(seed=7)
    wrong = write_deliveries(api.store, bucket, days=8)
    done = job.didomi("run", "--json", "--vars", json.dumps(VARIABLES))
    assert (done.code, json.loads(done.out)["failures"]) == (0, [])
    found = job.sql(
        "select export_id, cast(delivery_date as text), data_kind, verdict from didomi_marts.didomi__deliveries"
    )
    verdicts = {f"{export_id}/{day}/{kind}": verdict for export_id, day, kind, verdict in found}
    flaws = {
        re.sub(r".*export-id=(\w+)/date=([\d-]+)/(\w+)$", r"\1/\2/\3", str(path)): VERDICTS[flaw]
        for path, flaw in wrong.items()
    }
    assert {name: verdicts[name] for name in flaws} == flaws
    assert {verdict for name, verdict in verdicts.items() if name not in flaws} <= {
        "as_claimed", "unclaimed", "not_checked", "arriving"
    }  # fmt: skip
    assert "as_claimed" in verdicts.values()
