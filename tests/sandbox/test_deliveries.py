"""The delivered files: their layout, what they hold, and what is wrong with four of them."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING

import pytest

from didomi_sandbox import Store, generate, plain_store, write_deliveries
from didomi_sandbox.clock import epoch
from didomi_sandbox.deliveries import FLAWS, metric_records, user_records, write_files

if TYPE_CHECKING:
    from pathlib import Path

UNTIL = datetime(2026, 11, 23, 20, 8, tzinfo=timezone.utc)
DAY = date(2026, 11, 23)


@pytest.fixture(scope="module")
def store() -> Store:
    return generate(seed=7, until=UNTIL)


@pytest.fixture(scope="module")
def bucket(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    write_deliveries(store, folder)
    return folder


def wrong(store: Store, folder: Path) -> dict[str, str]:
    """The wrong deliveries: flaw to `{export}/{day}`."""
    found = write_deliveries(store, folder)
    return {flaw: re.sub(r".*export-id=(\w+)/date=([\d-]+)/\w+$", r"\1/\2", str(path)) for path, flaw in found.items()}


def counts(bucket: Path) -> dict[str, int]:
    """The records of each whole delivery of users, by `{export}/{day}`."""
    found: Counter[str] = Counter()
    for path in bucket.rglob("users/*.json.gz"):
        name = re.sub(r".*export-id=(\w+)/date=([\d-]+)/.*", r"\1/\2", str(path))
        try:
            found[name] += len(gzip.decompress(path.read_bytes()).splitlines())
        except EOFError:
            found[name] = -1_000_000
    return {name: count for name, count in found.items() if count >= 0}


def test_files_lie_as_documented(store: Store, bucket: Path) -> None:
    kinds = {
        export["id"]: "users" if "data" in export["properties"] else "cmp_hourly_metrics" for export in store.exports()
    }
    files = [str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file()]
    layout = re.compile(
        r"data/export-id=(\w{8})/date=2026-11-\d\d/(\w+)/(_SUCCESS|part-0000[01]-[0-9a-f-]{36}\.c000\.json\.gz)"
    )
    matches = [layout.fullmatch(name) for name in files]
    assert {(match[1], match[2]) for match in matches if match} == set(kinds.items())
    assert None not in matches


def test_what_completed_in_the_last_seven_days_is_delivered(store: Store, tmp_path: Path) -> None:
    """Whatever of it Didomi would still keep at the newest log."""
    since = max(epoch(log["created_at"]) for log in store.logs()) - 7 * 86_400
    completed = {
        f"{log['export_id']}/{log['created_at'][:10]}"
        for log in store.logs()
        if log["status"] == "completed" and epoch(log["updated_at"]) >= since
    }
    missing = {wrong(store, tmp_path)["missing"]}
    folders = {re.sub(r".*=(\w+)/date=", r"\1/", str(path)) for path in tmp_path.glob("data/*/*")}
    assert folders == completed - missing
    assert len(completed) == 7 + 4 + 5


def test_each_delivery_but_four_has_what_its_log_claims(store: Store, bucket: Path, tmp_path: Path) -> None:
    claimed = {
        f"{log['export_id']}/{log['created_at'][:10]}": log["metrics"]["users"]
        for log in store.logs()
        if log["metrics"] and log["updated_at"] >= "2026-11-16T19:43"
    }
    flaws = wrong(store, tmp_path)
    assert flaws.keys() == set(FLAWS)
    found = counts(bucket)
    assert claimed.keys() - found.keys() == {flaws["missing"], flaws["cut"]}
    assert {name for name, count in found.items() if count < claimed[name]} == {flaws["short"]}
    assert {name for name, count in found.items() if count > claimed[name]} == set()
    without = {path for path in bucket.glob("data/*/*/*") if not (path / "_SUCCESS").exists()}
    assert {re.sub(r".*=(\w+)/date=([\d-]+)/.*", r"\1/\2", str(path)) for path in without} == {flaws["no_success"]}


@pytest.mark.parametrize("hour", [0, 6, 12, 18])
def test_the_first_and_the_newest_delivery_of_each_export_are_right(hour: int, tmp_path: Path) -> None:
    """Else no count would have matched its claim before one is short, and each export would be undelivered."""
    store = generate(seed=hour, until=UNTIL.replace(hour=hour))
    flaws = wrong(store, tmp_path)
    assert flaws.keys() == set(FLAWS)
    for flaw in flaws.values():
        of_export = sorted(tmp_path.glob(f"data/export-id={flaw[:8]}/date=*"))
        assert of_export[0].name < f"date={flaw[9:]}" < of_export[-1].name


def test_files_are_as_old_as_their_log(store: Store, bucket: Path) -> None:
    settled = {epoch(log["updated_at"]) for log in store.logs()}
    assert {path.stat().st_mtime for path in bucket.rglob("*.json.gz")} <= settled


def test_same_store_gives_the_same_bytes(store: Store, bucket: Path, tmp_path: Path) -> None:
    write_deliveries(store, tmp_path)
    first, again = (
        {str(p.relative_to(f)): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in (bucket, tmp_path)
    )
    assert first == again


def test_another_history_takes_the_place_of_the_first(store: Store, bucket: Path, tmp_path: Path) -> None:
    write_deliveries(generate(seed=7, until=UNTIL.replace(hour=1), days=100), tmp_path)
    write_deliveries(store, tmp_path)
    first, again = (
        {str(p.relative_to(f)) for p in f.rglob("*.gz") if "date=2026-11-16" not in str(p)} for f in (bucket, tmp_path)
    )
    assert first == again


@pytest.mark.parametrize(("logs", "flaws"), [(0, 0), (3, 0), (200, 4)])
def test_any_store_can_be_delivered(logs: int, flaws: int, tmp_path: Path) -> None:
    assert len(write_deliveries(plain_store(logs, step=21_600), tmp_path)) == flaws


def test_a_record_is_a_user_with_an_event() -> None:
    record = json.loads(next(user_records(1, DAY)))
    event, user = record["events"][0], record["user"]
    assert record == {"user": user, "events": [event]}
    assert (event["user"]["id"], event["consents"]) == (user["id"], user["consents"])
    assert {user["created_at"], user["updated_at"], event["created_at"]} == {event["created_at"]}


def test_records_have_any_number_and_depend_on_the_seed_alone() -> None:
    assert [len(list(user_records(count, DAY))) for count in (0, 1, 1000)] == [0, 1, 1000]
    assert len(list(metric_records(DAY))) == 480
    assert (
        list(user_records(5, DAY, seed=1)) == list(user_records(5, DAY, seed=1)) != list(user_records(5, DAY, seed=2))
    )


def test_metrics_are_counts_of_an_hour() -> None:
    record = json.loads(next(metric_records(DAY)))
    assert record["date"] == "2026-11-23T00:00:00.000Z"
    assert record["pageviews"] >= record["notices_shown"] >= record["consents_given"] >= 0


def test_records_are_dealt_out_to_the_files(tmp_path: Path) -> None:
    paths = write_files(tmp_path / "new", (b"%d" % n for n in range(7)), files=3)
    assert [gzip.decompress(path.read_bytes()) for path in paths] == [b"0\n3\n6\n", b"1\n4\n", b"2\n5\n"]
