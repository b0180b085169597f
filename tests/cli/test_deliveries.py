"""`didomi deliveries` prints what was delivered, and reads a day again when it is asked to."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from datetime import date, datetime, timedelta, timezone

import pytest

from didomi_sandbox import Store
from didomi_sandbox.deliveries import user_records, write_files
from didomi_source.cli.deliveries import print_deliveries
from didomi_source.health.deliveries import DeliveryStatus
from didomi_source.health.verdicts import Verdict
from support.harness import clean_environment
from support.shell import didomi
from support.warehouse import EXPORT

BUCKET = "SOURCES__DIDOMI__DELIVERIES__BUCKET_URL"
FIRST, SECOND = date(2025, 10, 1), date(2025, 10, 2)


@pytest.fixture
def bucket(job, api, tmp_path):
    """A run a day; of the second delivery a record is missing."""
    api.store = Store()
    api.store.add_export(id=EXPORT, name="Consents")
    for day in (FIRST, SECOND):
        at = f"{day}T05:00:00.000Z"
        api.store.add_log(EXPORT, status="completed", metrics={"users": 5}, created_at=at, updated_at=at)
    folder = tmp_path / "bucket"
    put(folder, FIRST, 5)
    put(folder, SECOND, 4)
    job.environment |= {BUCKET: str(folder), "SOURCES__DIDOMI__DELIVERIES__RETENTION_DAYS": "7"}
    return folder


def put(bucket, day, records):
    into = bucket / "data" / f"export-id={EXPORT}" / f"date={day}" / "users"
    paths = write_files(into, user_records(records, day), files=1)
    (into / "_SUCCESS").touch()
    for path in paths:
        os.utime(path, (0, datetime(2025, 10, 3, tzinfo=timezone.utc).timestamp()))
    return paths


def test_deliveries_are_printed_the_newest_first_with_what_is_wrong(job, bucket):
    """As a table, and as JSON; of the days and exports that are asked for."""
    assert job.didomi("run").code == 0
    done = job.didomi("deliveries")
    cells = [re.split(r"  +", line.strip()) for line in done.out.splitlines() if line.startswith("Consents  ")]
    assert cells == [
        ["Consents", "2025-10-02", "short", "5", "4", "1", "2025-10-10 00:00", "-"],
        ["Consents", "2025-10-01", "as claimed", "5", "5", "1", "2025-10-10 00:00", "-"],
    ]
    assert done.out.splitlines()[-1] == "Consents, 2025-10-02: 4 records, 5 claimed"
    assert done.code == 0
    (first,) = json.loads(job.didomi("deliveries", "--to", str(FIRST), "--format", "json").out)
    assert (first["export_id"], first["delivery_date"], first["verdict"]) == (EXPORT, "2025-10-01", "as_claimed")
    nothing = job.didomi("deliveries", "--export-id", EXPORT, "--from", "2030-01-01")
    assert (nothing.code, nothing.out) == (0, "No deliveries of these exports and days are known.\n")
    assert json.loads(job.didomi("deliveries", "--from", "2030-01-01", "--format", "json").out) == []
    for chosen in (["--export-id", "other"], ["--export-id", EXPORT, "--export-id", "other"]):
        done = job.didomi("deliveries", *chosen, "--format", "json")
        assert (done.code, done.out) == (78, "")
        assert done.err == f"didomi: the marts hold no export other: choose from {EXPORT}\n"


def test_days_that_nobody_could_check_are_shown_on_request(job, api, bucket):
    """They are older than the first listing, and many: their number would hide the others. JSON has all."""
    for day in (20, 21):
        at = f"2025-09-{day}T05:00:00.000Z"
        api.store.add_log(EXPORT, status="completed", metrics={"users": 5}, created_at=at, updated_at=at)
    assert job.didomi("run").code == 0

    def days(*arguments):
        return re.findall(r"^Consents  +(\S+)", job.didomi("deliveries", *arguments).out, re.MULTILINE)

    checked, others = ["2025-10-02", "2025-10-01"], ["2025-09-21", "2025-09-20"]
    assert days() == checked
    assert (
        job.didomi("deliveries").out.splitlines()[-1]
        == "2025-09-20 to 2025-09-21: not checked, and not shown without --from 2025-09-20."
    )
    assert days("--from", "2025-09-20") == checked + others
    assert days("--to", "2025-09-30") == others
    found = json.loads(job.didomi("deliveries", "--format", "json").out)
    assert [one["delivery_date"] for one in found] == checked + others


def test_a_day_is_counted_again(job, bucket):
    """Though nothing of its files has changed; other days are not."""
    assert job.didomi("run").code == 0
    before = dict(job.sql("select delivery_date, run_id from export_deliveries"))
    done = job.didomi("deliveries", "--recount", str(SECOND), "--format", "json")
    assert [one["verdict"] for one in json.loads(done.out)] == ["short"]
    after = dict(job.sql("select delivery_date, run_id from export_deliveries"))
    assert (before[FIRST] == after[FIRST], before[SECOND] == after[SECOND]) == (True, False)


def test_without_a_bucket_nothing_is_counted_again(job):
    done = job.didomi("deliveries", "--recount", "2025-10-01")
    assert (done.code, done.out, f"set {BUCKET}" in done.err) == (78, "", True)


@pytest.mark.parametrize("given", [["--from", "yesterday"], ["--from", "2025-10-02", "--to", "2025-10-01"]])
def test_days_are_checked(job, given):
    assert job.didomi("deliveries", *given).code == 2


def test_a_dry_run_reports_what_it_would_read_of_the_bucket(job, bucket):
    """The listing and a request a file; nothing once they are known."""
    size = sum(path.stat().st_size for path in bucket.rglob("*.json.gz"))
    shown = job.didomi("run", "--dry-run").out.splitlines()[-1]
    assert shown == f"Deliveries: 3 requests, 2 files of {size:,} bytes."
    assert not job.path.exists()
    job.run()
    known = json.loads(job.didomi("run", "--dry-run", "--json").out)["deliveries"]
    assert known == {"requests": 1, "files": 0, "bytes": 0, "error": None}


def test_check_reads_a_file_of_the_newest_delivery(job, bucket):
    """And reports what it cannot read."""
    lines = job.didomi("check").out.splitlines()
    assert f"ok      deliveries: {bucket} can be read, {EXPORT} of {SECOND} for one" in lines
    for path in bucket.rglob("*.json.gz"):
        path.unlink()
    assert (
        f"ok      deliveries: {bucket} can be listed, and nothing lies below data/: is it the folder that holds data/?"
        in job.didomi("check").out
    )
    shutil.rmtree(bucket)
    done = job.didomi("check")
    assert (done.code, f"failed  deliveries: there is no folder {bucket}: check bucket_url\n" in done.out) == (1, True)


@pytest.mark.parametrize("command", [["check"], ["run"], ["run", "--dry-run"]], ids=" ".join)
def test_without_the_extra_nothing_is_begun(job, bucket, tmp_path, command):
    """Each command names it before a log is read, also where the files are in a folder."""
    (tmp_path / "isal.py").write_text("raise ModuleNotFoundError(name='isal')\n")
    before = f"PYTHONPATH={tmp_path}:$PYTHONPATH"
    done = didomi(*command, folder=job.folder, environment=job.environment, shell=f"{before} {{}}")
    needed = "counting needs isal: pip install 'didomi-source[deliveries]'"
    assert done.code == 78
    assert f"deliveries: {needed}\n" in done.out if command == ["check"] else done.err.endswith(f"didomi: {needed}\n")
    assert "Loading" not in done.err


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [("retention_days", "7 days", "a whole number"), ("threads", "many", "a whole number"),
     ("requester_pays", "maybe", "true or false"), ("answer_seconds", "soon", "a number")],
)  # fmt: skip
def test_a_setting_of_another_type_is_named(job, bucket, name, value, problem):
    """With its value, and before anything is read."""
    given = {f"SOURCES__DIDOMI__DELIVERIES__{name.upper()}": value}
    message = f"setting sources.didomi.deliveries.{name} is not {problem}: {value!r}"
    ran, checked = job.didomi("run", **given), job.didomi("check", **given)
    assert (ran.code, ran.err.splitlines()[-1]) == (78, f"didomi: {message}")
    assert (checked.code, f"failed  deliveries: {message}" in checked.out.splitlines()) == (78, True)


def test_status_reports_what_is_wrong_and_what_is_lost_soon(job, api, bucket):
    """A line for each wrong delivery of seven days, and one for those that expire."""
    now = datetime.now(timezone.utc)
    for days, users in ((6, 5), (1, 5)):
        at = now - timedelta(days=days, hours=3)
        written = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        api.store.add_log(EXPORT, status="completed", metrics={"users": users}, created_at=written, updated_at=written)
        for path in put(bucket, at.date(), 5 if days == 6 else 3):
            os.utime(path, (0, at.timestamp()))
    assert job.didomi("run").code == 0
    yesterday = (now - timedelta(days=1, hours=3)).date()
    expires = now - timedelta(days=6, hours=3) + timedelta(days=7)
    assert job.didomi("status").out.splitlines()[-4:] == [
        "",
        f"Consents: delivery of {yesterday} (users): 3 records, 5 claimed",
        "",
        f"1 delivery is deleted by Didomi within 48 hours, first {expires:%Y-%m-%d %H:%M} UTC, not archived",
    ]


def test_doctor_shows_the_settings_and_names_misspelt_ones(tmp_path):
    """From the environment and from files; of credentials that they are set."""
    prefix = "SOURCES__DIDOMI__DELIVERIES__"
    given = {
        BUCKET: "bucket",
        f"{prefix}CREDENTIALS__AWS_SECRET_ACCESS_KEY": "hush",
        f"{prefix}ARCHIV_TO": "archive",
        "SOURCES__DIDOMI__BUCKET__URL": "bucket",
    }
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt/config.toml").write_text(
        "[sources.didomi.deliveries]\nretention_days = 3\nretention = 3\n"
        "[sources.didomi.deliveries.archive_credentials]\naws_access_key_id = 'hush'\n"
    )
    done = didomi("doctor", folder=tmp_path, environment={**clean_environment(tmp_path), **given})
    lines = [
        re.split(" +", line, maxsplit=1) for line in done.out.splitlines() if re.match(r".*(deliver|bucket)\S* ", line)
    ]
    file = "./.dlt/config.toml"
    assert {name.removeprefix("sources.didomi."): value for name, value in lines} == {
        "bucket.url": "not a setting: is it misspelt?  (environment)",
        "deliveries.archiv_to": "not a setting: is it misspelt?  (environment)",
        "deliveries.archive_credentials": f"set, not shown  ({file})",
        "deliveries.bucket_url": "bucket  (environment)",
        "deliveries.credentials.aws_secret_access_key": "set, not shown  (environment)",
        "deliveries.retention": f"not a setting: is it misspelt?  ({file})",
        "deliveries.retention_days": f"3  ({file})",
    }


@pytest.mark.parametrize(("width", "last"), [("80", "Delivered"), ("120", "Archived, UTC")])
def test_a_narrow_terminal_shows_fewer_columns_and_cuts_none(monkeypatch, capsys, width, last):
    """Dates and verdicts are whole; the line below says where the rest is."""
    monkeypatch.setenv("COLUMNS", width)
    known = dict.fromkeys(field.name for field in dataclasses.fields(DeliveryStatus))
    known |= {
        "export_id": "a",
        "name": "Consents of an export",
        "delivery_date": date(2026, 11, 20),
        "data_kind": "users",
    }
    known |= {
        "verdict": Verdict.DELIVERED_ALTHOUGH_FAILED,
        "verdict_reason": "",
        "is_wrong": False,
        "is_about_to_expire": False,
    }
    print_deliveries([DeliveryStatus(**known)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip().endswith(last)
    assert "2026-11-20" in lines[2]
    assert "…" not in "".join(lines)
    assert any("--format json" in line for line in lines) is (width == "80")
