"""`didomi run` and `didomi check` as programs of their own, on S3 and Google Cloud Storage."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from didomi_sandbox import Sandbox, Store
from support.deliveries.lab import DAY, SECRET, partition, users
from support.deliveries.servers import KEY, SECRET_KEY, S3Server, check_rights, make_role
from support.faults.leaks import leaks
from support.harness import Job
from support.warehouse import EXPORT

SETTINGS = "SOURCES__DIDOMI__DELIVERIES__"


@pytest.fixture
def claimed(api: Sandbox) -> None:
    """A run of the day that claims seven users."""
    at = f"{DAY}T05:00:00.000Z"
    api.store = Store()
    api.store.add_export(id=EXPORT, name="Consents", properties={"data": ["users"]})
    api.store.add_log(EXPORT, status="completed", metrics={"users": 7}, created_at=at, updated_at=at)


@pytest.mark.usefixtures("claimed")
def test_didomis_bucket_on_s3_is_read_by_its_role(job: Job, new_bucket: Callable[..., Any], s3: S3Server) -> None:
    """A user who may do nothing but assume the role, and pays; neither a key nor a record is written anywhere."""
    bucket = new_bucket("s3")
    bucket.put(partition(users(3), users(4), export_id=EXPORT))
    arn, keys = make_role(s3, f"{bucket.name}-role")
    s3.payer_needed = True
    found = {**bucket.credentials, **keys}
    job.environment |= {f"{SETTINGS}CREDENTIALS__{name.upper()}": value for name, value in found.items()}
    job.environment |= {f"{SETTINGS}BUCKET_URL": bucket.url, f"{SETTINGS}ROLE_ARN": arn}
    check_rights(s3, after=0)
    try:
        checked = job.didomi("check", "-vv")
        refused = job.didomi("run", "-vv", "--skip-models", **{f"{SETTINGS}ROLE_ARN": ""})
        done = job.didomi("run", "-vv", "--json", "--report", "report.html")
    finally:
        check_rights(s3, after=float("inf"))
    assert (
        f"ok      deliveries: {bucket.url.rstrip('/')} can be read, {EXPORT} of {DAY} for one, this account pays"
        in checked.out
    )
    assert (refused.code, "set sources.didomi.deliveries.role_arn" in refused.err) == (1, True)
    assert (done.code, json.loads(done.out)["deliveries"]["changed"]) == (0, 1), done.err
    assert s3.counted() == {"LIST": 3, "GET": 3}
    verdicts = "select verdict, claimed_records, delivered_records from didomi_marts.didomi__deliveries"
    assert job.sql(verdicts) == [("as_claimed", 7, 7)]
    secrets = {SECRET, KEY, SECRET_KEY, *keys.values()}
    texts = [text for result in (checked, refused, done) for text in (result.out, result.err)]
    assert leaks(secrets, job.folder, *texts) == []
    assert "DEBUG" in done.err


@pytest.mark.usefixtures("claimed")
def test_a_bucket_on_google_keeps_its_files(job: Job, new_bucket: Callable[..., Any]) -> None:
    """And so no delivery of it expires, although the API did not tell the type of the export."""
    bucket = new_bucket("gs", "exports/")
    bucket.put(partition(users(3), users(4), export_id=EXPORT))
    job.environment[f"{SETTINGS}BUCKET_URL"] = bucket.url
    job.environment["STORAGE_EMULATOR_HOST"] = bucket.url_of_server
    checked = job.didomi("check")
    assert f"ok      deliveries: {bucket.url.rstrip('/')} can be read, {EXPORT} of {DAY} for one\n" in checked.out
    done = job.didomi("run", "-vv", "--json")
    assert done.code == 0, done.err
    columns = "verdict, delivered_records, expires_at, is_about_to_expire"
    assert job.sql(f"select {columns} from didomi_marts.didomi__deliveries") == [("as_claimed", 7, None, False)]
    assert leaks([SECRET], job.folder, done.out, done.err, checked.out, checked.err) == []


def test_an_export_to_another_bucket_is_not_missing(job: Job, api: Sandbox, new_bucket: Callable[..., Any]) -> None:
    """One that delivers to Google is not looked for on S3, unless its files lie there."""
    at = datetime.now(timezone.utc) - timedelta(days=1)
    api.store = Store()
    for export_id, type_id in (("here", "s3"), ("there", "gcp"), ("copied", "gcp")):
        api.store.add_export(id=export_id, type_id=f"batch-exports-{type_id}", properties={"data": ["users"]})
        made = {"created_at": f"{at:%Y-%m-%dT%H:%M:%S}.000Z", "updated_at": f"{at:%Y-%m-%dT%H:%M:%S}.000Z"}
        api.store.add_log(export_id, status="completed", metrics={"users": 7}, **made)
    bucket = new_bucket("s3")
    bucket.put(partition(users(7), export_id="copied", day=at.date() - timedelta(days=3)))
    job.environment |= {f"{SETTINGS}CREDENTIALS__{name.upper()}": value for name, value in bucket.credentials.items()}
    job.environment[f"{SETTINGS}BUCKET_URL"] = bucket.url
    done = job.didomi("run", "--json", "--vars", '{"didomi_delivery_grace_hours": 0}')
    assert (done.code, "exports to another kind of bucket, not checked: there" in done.out) == (0, True), done.err
    missing = "select export_id from didomi_marts.didomi__deliveries where verdict = 'missing' order by 1"
    assert job.sql(missing) == [("copied",), ("here",)]
