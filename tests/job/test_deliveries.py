"""A run loads what lies in the bucket beside what the logs claim."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb
import pytest

from didomi_sandbox import Store, generate, write_deliveries
from didomi_sandbox.deliveries import user_records, write_files
from support.warehouse import EXPORT

BUCKET = "SOURCES__DIDOMI__DELIVERIES__BUCKET_URL"
ARCHIVE = "SOURCES__DIDOMI__DELIVERIES__ARCHIVE_TO"
OF_DELIVERIES = (
    "deliveries_listed_at", "delivery_requests", "deliveries_changed", "delivery_bytes_read", "delivery_error"
)  # fmt: skip
KEPT_FOR = "SOURCES__DIDOMI__DELIVERIES__RETENTION_DAYS"
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


def test_a_new_field_of_the_logs_may_come_with_a_new_delivery(job, bucket, api):
    """dlt takes all tables for complete once one package is loaded with the new schema."""
    put(bucket)
    job.run()
    put(bucket, day="2026-01-03")
    api.store.add_log(EXPORT, id="new", region="eu")
    job.run()
    assert job.sql("select region from export_logs where id = 'new'") == [("eu",)]


def test_a_column_that_dlt_takes_for_there_is_added_by_the_run_that_misses_it(job, bucket, api):
    """That run fails, and the next one loads what it could not."""
    put(bucket)
    api.store.add_log(EXPORT, id="new", region="eu")
    job.run()
    job.run()  # dlt's schema no longer changes
    with duckdb.connect(str(job.path)) as connection:
        connection.execute("alter table didomi_raw.export_logs drop column region")
    api.store.add_log(EXPORT, id="newer", region="us")
    failed = job.didomi("run", "--skip-models")
    assert (failed.code, "region" in failed.err) == (1, True)
    job.run()
    assert job.sql("select region from export_logs where id = 'newer'") == [("us",)]


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
    wrong = write_deliveries(api.store, bucket)
    done = job.didomi("run", "--json", **{KEPT_FOR: "7"})
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


def test_the_models_know_how_long_the_bucket_keeps_files(job, api, bucket):
    """Unless a variable says otherwise; a folder keeps them, whatever the type of the export."""
    api.store = Store()
    api.store.add_export(id=EXPORT, type_id="batch-exports-s3", properties={"data": ["users"]})
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        at = f"{day}T05:00:00.000Z"
        api.store.add_log(EXPORT, status="completed", metrics={"users": 3}, created_at=at, updated_at=at)
    for path in put(bucket, day="2026-01-02").iterdir():
        os.utime(path, (0, datetime(2026, 1, 2, 6, tzinfo=timezone.utc).timestamp()))

    def told(*arguments: str, **environment: str) -> list[tuple]:
        assert job.didomi("run", *arguments, **environment).code == 0
        columns = "cast(delivery_date as text), verdict, cast(expires_at as text)"
        return job.sql(f"select {columns} from didomi_marts.didomi__deliveries order by 1")

    assert told() == [
        ("2026-01-01", "not_checked", None),  # it may have been deleted
        ("2026-01-02", "as_claimed", None),
        ("2026-01-03", "missing", None),
    ]
    in_a_week = [
        ("2026-01-01", "not_checked", None),
        ("2026-01-02", "as_claimed", "2026-01-09 06:00:00"),
        ("2026-01-03", "not_checked", None),
    ]
    assert told(**{KEPT_FOR: "7"}) == in_a_week
    assert told("--vars", '{"didomi_delivery_retention_days": 7}', **{KEPT_FOR: "30"}) == in_a_week


LOAD = "dlt.load.load:Load"
PLANNER = "didomi_source.deliveries.planning:Planner"
POINTS = [
    f"{PLANNER}.plan before 1",
    f"{PLANNER}.plan after 1",  # listed, and nothing read
    "didomi_source.deliveries.reading:read_file before 2",
    "didomi_source.deliveries.archive:Copy.finish before 1",  # read, and the copy has its temporary name
    "didomi_source.deliveries.stores:Folder.rename after 2",  # the copies are there, and no row is
    "didomi_source.deliveries.rows:delivery_row after 2",  # read, and in no package
    f"{LOAD}.run before 1",
    "dlt.common.storages.load_package:PackageStorage.complete_job before 1",
    "dlt.destinations.job_client_impl:SqlJobClientBase.complete_load after 1",
]


@pytest.mark.thorough
def test_a_run_killed_at_a_named_point_is_as_if_it_had_not_been(new_job, tmp_path):
    """Between listing, reading, copying and load: the next run counts and copies everything, once."""
    bucket = tmp_path / "bucket"
    put(bucket)
    put(bucket, day="2026-01-03", records=5)
    sizes = {path.relative_to(bucket): path.stat().st_size for path in bucket.rglob("*.json.gz")}
    wrong = {}
    for number, point in enumerate(POINTS):
        job = new_job(f"killed-{number}")
        kept = tmp_path / f"kept-{number}"
        # One after the other, so that the second of something is the same each time.
        job.environment |= {BUCKET: str(bucket), ARCHIVE: str(kept), "SOURCES__DIDOMI__DELIVERIES__THREADS": "1"}
        assert job.didomi("run", "--skip-models", kill_at=point).code == -9, point
        job.run()
        rows = job.sql("select records, error, needs_retry, archived_at is not null from export_deliveries order by 1")
        copies = {path.relative_to(kept): path.stat().st_size for path in kept.rglob("*") if path.is_file()}
        if (rows, copies) != ([(3, None, False, True), (5, None, False, True)], sizes):
            wrong[point] = (rows, copies)
    assert wrong == {}
