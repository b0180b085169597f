"""Buckets: requests, rights, refusals, and what happens between a listing and a read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from didomi_source.deliveries.access import open_source
from didomi_source.deliveries.buckets import refusal
from didomi_source.deliveries.listing import list_partitions
from didomi_source.deliveries.settings import delivery_settings
from didomi_source.errors import ConfigurationError
from support.deliveries.lab import DAY, EXPORT, SECRET, Loads, folder_of, partition, users
from support.deliveries.servers import KEY, SECRET_KEY, Answer, S3Bucket, S3Server, check_rights, error_xml, make_role

NewBucket = Callable[..., Any]
IDS = ["aB3xYz90", "cD4wVu81", "eF5tSr72"]
DAYS = [DAY + timedelta(days=n) for n in range(7)]


@pytest.fixture
def bucket(new_bucket: NewBucket) -> S3Bucket:
    return new_bucket("s3")


def refused(bucket: S3Bucket, step: str) -> str:
    return f"s3://{bucket.name}: {step}"


@pytest.mark.parametrize("prefix", ["", "exports/didomi/"])
@pytest.mark.parametrize("protocol", ["s3", "gs"])
def test_a_bucket_is_read_as_a_folder_is(loads: Loads, new_bucket: NewBucket, protocol: str, prefix: str) -> None:
    bucket = new_bucket(protocol, prefix)
    bucket.put(partition(users(3), users(4)) | partition(b"{}", export_id="other", complete=False))
    assert loads.run(bucket, **bucket.access) == 2
    assert loads.told("export_id", "records", "bytes", "error") == [
        (EXPORT, 7, len(users(3)) + len(users(4)), None),
        ("other", None, 2, None),
    ]
    assert loads.run(bucket, **bucket.access) == 0
    bucket.put({f"{folder_of()}part-1.json.gz": users(40)})
    assert loads.run(bucket, **bucket.access) == 1
    assert (loads.rows()[0]["records"], loads.facts()["delivery_bytes_read"]) == (43, len(users(40)))
    bucket.delete(f"{folder_of()}part-0.json.gz", f"{folder_of()}part-1.json.gz", f"{folder_of()}_SUCCESS")
    loads.run(bucket, retention_days=7, **bucket.access)
    assert [gone is not None for (gone,) in loads.told("gone_since")] == [True, False]


def test_a_quiet_run_is_one_request(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    for export_id in IDS:
        for day in DAYS:
            bucket.put(partition(users(2), users(2), export_id=export_id, day=day))
    loads.run(bucket, export_ids=IDS, **bucket.access)
    assert s3.counted() == {"LIST": 1, "GET": 42}
    s3.requests.clear()
    assert loads.run(bucket, export_ids=IDS, **bucket.access) == 0
    assert s3.counted() == {"LIST": 1}
    assert sum(export.requests for export in loads.outcome.exports.values()) == 1
    bucket.put(partition(users(2), users(3), day=DAY + timedelta(days=7)))
    s3.requests.clear()
    loads.run(bucket, export_ids=IDS, **bucket.access)
    assert s3.counted() == {"LIST": 1, "GET": 2}


def listing_xml(keys: list[str], more: str) -> bytes:
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2026-11-20T00:00:00Z</LastModified><ETag>&quot;e&quot;</ETag>"
        f"<Size>5</Size></Contents>"
        for key in keys
    )
    token = f"<NextContinuationToken>{more}</NextContinuationToken>" if more else ""
    return f"<ListBucketResult><IsTruncated>{str(bool(more)).lower()}</IsTruncated>{token}{contents}</ListBucketResult>".encode()


class Listed:
    """Answers listings of many keys as S3 does, without having the objects."""

    def __init__(self, s3: S3Server, keys: list[str]) -> None:
        self.keys = sorted(keys)
        self.pages = 0
        s3.answers_listing = self.answer

    def answer(self, query: dict[str, list[str]]) -> bytes:
        self.pages += 1
        prefix = query["prefix"][0]
        after = query.get("continuation-token", query.get("start-after", [""]))[0]
        found = [key for key in self.keys if key.startswith(prefix) and key > after]
        return listing_xml(found[:1000], found[999] if len(found) > 1000 else "")


def listed(bucket: S3Bucket, ids: list[str] | None, since: dict[str, Any]) -> list[tuple[str, Any, int]]:
    store = open_source(delivery_settings(bucket_url=bucket.url, **bucket.access))
    found = list_partitions(store, ids, since)
    return [(p.export_id, p.delivery_date, len(p.files)) for p in found.partitions]


def test_ten_thousand_objects_are_ten_requests(bucket: S3Bucket, s3: S3Server) -> None:
    keys = [f"{folder_of(i, day)}part-{n:04}.json.gz" for i in ("a", "b") for day in DAYS[:5] for n in range(1000)]
    server = Listed(s3, keys)
    assert listed(bucket, ["a", "b"], {}) == [(i, day, 1000) for day in DAYS[:5] for i in ("a", "b")]
    assert server.pages == 10


@pytest.mark.parametrize("ids", [IDS, None])
def test_days_that_are_known_cost_next_to_nothing(bucket: S3Bucket, s3: S3Server, ids: list[str] | None) -> None:
    """Three years of three exports, two of which are known up to the last days: 26,280 keys."""
    days = [DAY + timedelta(days=n) for n in range(1095)]
    server = Listed(s3, [f"{folder_of(i, day)}part-{n}.json.gz" for i in IDS for day in days for n in range(8)])
    since = dict.fromkeys(IDS, days[-7])
    expected = [(i, day, 8) for day in days[-7:] for i in IDS]
    assert listed(bucket, ids, since) == expected
    assert server.pages <= 6
    server.pages = 0
    assert listed(bucket, [IDS[1]], since) == [(IDS[1], day, 8) for day in days[-7:]]
    assert server.pages == 1


def test_a_store_that_ignores_offsets_is_listed_once(loads: Loads, new_bucket: NewBucket) -> None:
    bucket = new_bucket("gs")  # whose emulator does
    bucket.put({f"{folder_of(IDS[0])}part-{n:04}.json.gz": b"" for n in range(1000)})
    bucket.put(partition(users(3), export_id=IDS[1]) | partition(users(4), export_id=IDS[2]))
    for _ in range(2):
        loads.run(bucket, export_ids=IDS[1:])
    assert loads.told("export_id", "file_count", "records") == [(IDS[1], 1, 3), (IDS[2], 1, 4)]


def test_files_are_read_side_by_side(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put(partition(*[users(1)] * 40))
    s3.pause = 0.05
    begun = time.monotonic()
    loads.run(bucket, **bucket.access)
    assert loads.told("records") == [(40,)]
    assert time.monotonic() - begun < 40 * 0.05


def test_the_role_of_the_bucket_is_assumed(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put(partition(users(3)))
    arn, keys = make_role(s3, f"{bucket.name}-role")
    access = {"credentials": {**bucket.credentials, **keys}}
    check_rights(s3, after=0)
    try:
        loads.run(bucket, **access)
        advice = f"Didomi's bucket is read by the role {bucket.name}-role, set sources.didomi.deliveries.role_arn"
        listing = f"listing the files failed (403 AccessDenied): the credentials need s3:ListBucket: {advice}"
        assert loads.outcome.errors == [refused(bucket, listing)]
        loads.run(bucket, role_arn=arn, **access)
        assert (loads.outcome.errors, loads.told("records")) == ([], [(3,)])
        nobody = {**bucket.credentials, "aws_access_key_id": "AKIAUNKNOWN"}
        loads.run(bucket, export_ids=[EXPORT], role_arn=arn, credentials=nobody)
        message = (
            f"the role {arn} cannot be assumed (InvalidClientTokenId): check sources.didomi.deliveries.role_arn, and that "
            "the credentials may sts:AssumeRole and are of the account that Didomi was given"
        )
        assert (loads.outcome.errors, loads.outcome.of(EXPORT).error) == ([message], message)
    finally:
        check_rights(s3, after=float("inf"))


def test_the_requester_pays_by_default(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put(partition(users(3)))
    s3.payer_needed = True
    loads.run(bucket, requester_pays=False, **bucket.access)
    (error,) = loads.outcome.errors
    assert error.endswith("a bucket with Requester Pays needs sources.didomi.deliveries.requester_pays = true")
    loads.run(bucket, **bucket.access)
    assert (loads.outcome.errors, loads.told("records")) == ([], [(3,)])


REFUSALS = {
    "key": ("403 Forbidden", "InvalidAccessKeyId", "", "the access key is unknown: check sources.didomi.deliveries.credentials"),
    "signature": ("403 Forbidden", "SignatureDoesNotMatch", SECRET, "the signature is wrong: check sources.didomi.deliveries.credentials (the secret key, without blanks around it)"),
    "clock": ("403 Forbidden", "RequestTimeTooSkewed", "", "the clock of this machine is wrong: set it"),
    "token": ("400 Bad Request", "ExpiredToken", "", "the session token has expired: renew it, or set sources.didomi.deliveries.role_arn so that it is renewed"),
    "region": ("400 Bad Request", "AuthorizationHeaderMalformed", "the region 'eu-west-1' is wrong; expecting 'eu-west-3'", "set sources.didomi.deliveries.credentials.region_name to eu-west-3"),
    "bucket": ("404 Not Found", "NoSuchBucket", "", "there is no such bucket: check sources.didomi.deliveries.bucket_url"),
    "method": ("405 Method Not Allowed", "MethodNotAllowed", "", "the store does not take the request: check sources.didomi.deliveries.bucket_url, and the region in its credentials"),
    "busy": ("503 Slow Down", "SlowDown", "", "the store asks for fewer requests: run later"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do(loads: Loads, bucket: S3Bucket, s3: S3Server, name: str) -> None:
    status, code, message, advice = REFUSALS[name]
    s3.before = lambda method, key: (status, error_xml(code, message))
    loads.run(bucket, export_ids=[EXPORT], retry_seconds=0.1, **bucket.access)
    expected = refused(bucket, f"listing the files failed ({status[:3]} {code}): {advice}")
    assert (loads.outcome.errors, loads.outcome.of(EXPORT).error) == ([expected], expected)
    assert loads.outcome.of(EXPORT).listed_at is None


def test_a_bucket_of_another_region_names_the_setting(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    s3.before = lambda method, key: ("301 Moved Permanently", error_xml("PermanentRedirect"))
    loads.run(bucket, **bucket.access)
    advice = "set sources.didomi.deliveries.credentials.region_name to the region of the bucket"
    assert loads.outcome.errors == [refused(bucket, f"listing the files failed (redirect): {advice}")]


def test_a_store_that_does_not_answer_is_reported(loads: Loads, bucket: S3Bucket) -> None:
    credentials = {**bucket.credentials, "endpoint_url": "http://127.0.0.1:1"}
    loads.run(bucket, credentials=credentials, retry_seconds=0.1)
    advice = "the store cannot be reached: check the network, the proxy and the endpoint, or run again"
    assert loads.outcome.errors == [refused(bucket, f"listing the files failed (no answer): {advice}")]


def test_missing_credentials_are_a_setting(loads: Loads, bucket: S3Bucket) -> None:
    with pytest.raises(ConfigurationError, match="no AWS credentials are found for s3://"):
        loads.run(bucket)


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ("[profile other]", "no AWS credentials are found (ProfileNotFound): check those of sources.didomi.deliveries"),
        ("[default", "no AWS credentials are found (ConfigParseError): check those of sources.didomi.deliveries"),
        (
            "[profile acme]\nsso_start_url=https://x\nsso_region=eu-west-1\nsso_account_id=1\nsso_role_name=x",
            "the AWS credentials for s3://b cannot be used (SSOTokenLoadError): check sources.didomi.deliveries.credentials",
        ),
    ],
)
@pytest.mark.usefixtures("s3")
def test_credentials_that_aws_cannot_read_are_a_setting(
    loads: Loads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, error: str
) -> None:
    (tmp_path / "config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(ConfigurationError) as raised:
        loads.run(type("Named", (), {"url": "s3://b"})(), credentials={"profile_name": "acme"})
    assert str(raised.value) == error


def test_credentials_of_the_machine_are_used(loads: Loads, bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(partition(users(3)))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setenv("SOURCES__DIDOMI__DELIVERIES__CREDENTIALS__ENDPOINT_URL", bucket.server.url)
    loads.run(bucket)
    assert loads.told("records") == [(3,)]


# -- between the listing and the read ------------------------------------------------------------


def once(key_ending: str, action: Callable[[], Any]) -> Callable[[str, str], Answer | None]:
    """Does something before the first GET of a key."""
    done = threading.Event()

    def before(method: str, key: str) -> Answer | None:
        if method == "GET" and key.endswith(key_ending) and not done.is_set():
            done.set()
            return action()
        return None

    return before


@pytest.mark.parametrize("event", ["changes", "vanishes"])
def test_a_file_that_moves_is_read_by_the_next_run(loads: Loads, bucket: S3Bucket, s3: S3Server, event: str) -> None:
    bucket.put(partition(users(3), users(4)))
    key = f"{folder_of()}part-1.json.gz"
    move = (lambda: bucket.put({key: users(9)})) if event == "changes" else (lambda: bucket.delete(key))
    s3.before = once("part-1.json.gz", move)
    loads.run(bucket, **bucket.access)
    verb = {"changes": "changed", "vanishes": "vanished"}[event]
    assert loads.told("records", "records_counted", "error", "needs_retry") == [
        (None, 3, f"part-1.json.gz: {verb} after it was listed", True)
    ]
    assert (loads.row()["files"][1]["error"], loads.outcome.errors) == ("moved", [])
    loads.run(bucket, **bucket.access)
    assert loads.told("records", "error", "needs_retry") == [(12 if event == "changes" else 3, None, False)]
    assert loads.facts()["delivery_requests"] == (2 if event == "changes" else 1)


def test_a_file_that_is_refused_is_an_error_of_the_way_to_it(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put(partition(users(3), users(4)))
    s3.before = once("part-1.json.gz", lambda: ("403 Forbidden", error_xml("AccessDenied", SECRET)))
    loads.run(bucket, **bucket.access)
    (error,) = loads.outcome.errors
    assert error.startswith(
        refused(bucket, "reading a file failed (403 AccessDenied): the credentials need s3:GetObject")
    )
    assert loads.told("records_counted", "error", "needs_retry") == [(3, f"part-1.json.gz: {error}", True)]
    loads.run(bucket, **bucket.access)
    assert (loads.told("records", "needs_retry"), loads.outcome.errors) == ([(7, False)], [])


def test_a_store_that_refuses_each_file_is_not_asked_for_all(loads: Loads, bucket: S3Bucket, s3: S3Server) -> None:
    bucket.put(partition(*[users(1)] * 40))
    s3.before = lambda method, key: ("403 Forbidden", error_xml("AccessDenied")) if method == "GET" else None
    loads.run(bucket, threads=2, **bucket.access)
    assert s3.counted()["GET"] <= 4
    assert loads.facts()["delivery_requests"] == 1 + s3.counted()["GET"]
    s3.before = None
    loads.run(bucket, **bucket.access)
    assert loads.told("records", "error") == [(40, None)]


@pytest.mark.parametrize("answer", [users(3)[:-9], users(4), b"", b"<html>Sign in</html>"])
def test_an_answer_of_another_size_is_no_error_of_the_file(
    loads: Loads, bucket: S3Bucket, s3: S3Server, answer: bytes
) -> None:
    bucket.put(partition(users(3)))
    s3.before = once("part-0.json.gz", lambda: ("200 OK", answer))
    loads.run(bucket, **bucket.access)
    error = "part-0.json.gz: changed after it was listed"
    assert loads.told("records", "error", "needs_retry") == [(None, error, True)]
    loads.run(bucket, **bucket.access)
    assert loads.told("records", "error", "needs_retry") == [(3, None, False)]


def test_an_odd_key_hides_its_export_only(loads: Loads, bucket: S3Bucket) -> None:
    bucket.put(partition(users(3)) | partition(users(4), export_id="odd") | {"data/export-id=odd//x": b""})
    loads.run(bucket, export_ids=[EXPORT, "odd"], **bucket.access)
    assert loads.told("export_id", "records") == [(EXPORT, 3)]
    key = f"a key below s3://{bucket.name} holds an empty part, `.` or a control character: rename or delete it"
    assert loads.outcome.errors == [f"the files of export odd cannot be listed: {key}"]
    assert (loads.outcome.of("odd").listed_at, loads.outcome.of(EXPORT).error) == (None, None)


def test_gzip_of_google_is_read_as_it_is_stored(loads: Loads, new_bucket: NewBucket) -> None:
    """With `Content-Encoding: gzip` it would be inflated on the way, unless the reader says that it takes gzip."""
    bucket = new_bucket("gs")
    bucket.put(partition(users(3)), encoding="gzip")
    loads.run(bucket)
    assert loads.told("records", "error") == [(3, None)]


@pytest.mark.parametrize(
    ("action", "text", "message"),
    [
        ("list", "status code: 403", "listing the files failed (403): the service account needs storage.objects.list on the bucket: grant it, or renew sources.didomi.deliveries.credentials"),
        ("get", "status code: 403", "reading a file failed (403): the service account needs storage.objects.get on the bucket: grant it, or renew sources.didomi.deliveries.credentials"),
        ("list", "status code: 401", "listing the files failed (401): the store does not accept the credentials: check sources.didomi.deliveries.credentials"),
        ("list", "status code: 404 <Code>NoSuchBucket</Code>", "listing the files failed (404 NoSuchBucket): there is no such bucket: check sources.didomi.deliveries.bucket_url"),
        ("list", "Error performing token request to the metadata server", "listing the files failed (no answer): no credentials are found: check sources.didomi.deliveries.credentials"),
    ],
)  # fmt: skip
def test_a_refusal_of_google_says_what_to_do(action: str, text: str, message: str) -> None:
    assert str(refusal(f"{text} {SECRET}", "gs://bucket", action, requester_pays=False)) == f"gs://bucket: {message}"
