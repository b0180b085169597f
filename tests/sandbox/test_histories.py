"""What a generated history holds."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from didomi_sandbox import generate, plain_store
from didomi_sandbox.clock import iso

if TYPE_CHECKING:
    from didomi_sandbox import Store

UNTIL = datetime(2026, 11, 23, 20, 8, tzinfo=timezone.utc)
EU, APPS, METRICS = "CMP consents – EU", "Consents – mobile apps", "CMP metrics – hourly"


@pytest.fixture(scope="module")
def history() -> Store:
    return generate(seed=3, until=UNTIL)


@pytest.fixture(scope="module")
def logs(history: Store) -> dict[str, list[dict[str, Any]]]:
    """The logs of each export, by its name, in order of creation."""
    return by_name(history)


def by_name(history: Store) -> dict[str, list[dict[str, Any]]]:
    names = {export["id"]: export["name"] for export in history.exports()}
    found = defaultdict(list)
    for log in history.logs():
        found[names[log["export_id"]]].append(log)
    return found


def days(logs: list[dict[str, Any]]) -> list[date]:
    return [datetime.fromisoformat(log["created_at"].replace("Z", "+00:00")).date() for log in logs]


def test_same_arguments_give_the_same_history() -> None:
    first, again = generate(seed=3, until=UNTIL), generate(seed=3, until=UNTIL)
    assert (first.exports(), first.logs()) == (again.exports(), again.logs())
    assert generate(seed=4, until=UNTIL).logs() != first.logs()


def test_three_exports_are_what_the_quota_allows(history: Store) -> None:
    assert [(export["name"], export["type_id"], export["properties"]["frequency"]) for export in history.exports()] == [
        (EU, "batch-exports-s3", 1),
        (APPS, "batch-exports-gcp", 1),
        (METRICS, "analytics-exports-s3", 1),
    ]


def test_an_analytics_export_names_no_data_and_claims_no_users(history: Store) -> None:
    assert [export["properties"].get("data") for export in history.exports()] == [["users"], ["users"], None]
    metrics = history.logs(history.exports()[2]["id"])
    assert {frozenset(log["metrics"]) for log in metrics} == {frozenset()}


def test_buckets_are_didomis_on_s3_and_the_customers_on_gcs(history: Store) -> None:
    eu, apps, metrics = (export["properties"] for export in history.exports())
    assert re.fullmatch(r"didomi-exports-acme-\w{8}", eu["bucket_name"])
    assert (metrics["bucket_name"], eu["bucket_access_role_arn"].split("/")[1]) == (
        eu["bucket_name"],
        f"{eu['bucket_name']}-role",
    )
    assert apps["bucket_name"] == "acme-consents"
    assert apps["credentials"]["private_key"]


def test_ids_have_eight_characters_without_look_alikes(history: Store) -> None:
    ids = [record["id"] for record in (*history.exports(), *history.logs())]
    assert all(re.fullmatch(r"[2346789A-HJ-NP-RT-Za-km-np-rtw-z]{8}", name) for name in ids)
    assert len(set("".join(ids))) == 51


def test_logs_have_the_documented_fields_in_order_of_creation(history: Store) -> None:
    logs = history.logs()
    fields = ["id", "export_id", "organization_id", "status", "config", "metrics", "result", "created_at", "updated_at"]
    assert all(list(log) == fields for log in logs)
    assert [log["created_at"] for log in logs] == sorted(log["created_at"] for log in logs)
    assert all(log["created_at"] <= log["updated_at"] <= "2026-11-23T20:08:00.000Z" for log in logs)
    assert len({log["id"] for log in logs}) == len(logs)


@pytest.mark.parametrize("minute", range(0, 1440, 37))
def test_nothing_lies_after_the_end_at_any_time_of_day(minute: int) -> None:
    until = datetime(2026, 11, 23, minute // 60, minute % 60, 1, tzinfo=timezone.utc)
    logs = generate(days=40, exports=9, until=until).logs()
    assert max(log["updated_at"] for log in logs) <= iso(until.timestamp())
    assert all(log["created_at"] <= log["updated_at"] for log in logs)


def test_outcomes_agree_with_their_fields(logs: dict[str, list[dict[str, Any]]]) -> None:
    for log in logs[EU] + logs[APPS]:
        assert (log["status"] == "completed") == ("users" in log["metrics"])
        assert (log["status"] == "failed") == (log["result"] is not None)


def test_history_begins_so_many_days_before_its_end(logs: dict[str, list[dict[str, Any]]]) -> None:
    assert days(logs[EU])[0] == date(2026, 5, 8)
    assert len({*days(logs[EU])}) == 200


def test_first_log_comes_a_day_after_its_export(history: Store) -> None:
    for export in history.exports():
        first = history.logs(export["id"])[0]
        assert days([first])[0].toordinal() - days([export])[0].toordinal() == 1


def test_one_export_fails_one_is_late_and_one_runs(logs: dict[str, list[dict[str, Any]]]) -> None:
    latest = {
        name: [(log["status"], _age(day)) for log, day in zip(*_with_days(of_export[-4:]), strict=True)]
        for name, of_export in logs.items()
    }
    assert latest == {
        EU: [("completed", 3), ("completed", 2), ("completed", 1), ("pending", 0)],
        APPS: [("completed", 3), ("failed", 2), ("failed", 1), ("failed", 0)],
        METRICS: [("completed", 5), ("completed", 4), ("completed", 3), ("completed", 2)],
    }


@pytest.mark.parametrize("hour", [0, 3, 9, 23])
def test_all_exports_fail_on_one_day(hour: int) -> None:
    until = UNTIL.replace(hour=hour)
    store = generate(seed=5, exports=9, until=until)
    weekly = store.exports()[4]["id"]
    daily = [log for log in store.logs() if log["created_at"][:10] == "2026-10-14" and log["export_id"] != weekly]
    assert [(log["status"], log["result"]) for log in daily] == [
        ("failed", "Internal error: the export service is unavailable")
    ] * 8


def test_permissions_fail_on_gcs_alone() -> None:
    store = generate(seed=3, days=400, exports=9, until=UNTIL)
    types = {export["id"]: export["type_id"] for export in store.exports()}
    causes = defaultdict(set)
    for log in store.logs():
        if log["status"] == "failed":
            causes[types[log["export_id"]].endswith("-s3")].add(log["result"].split(":")[0])
    assert causes == {
        True: {"Internal error", "Timeout", "SlowDown"},
        False: {
            "Internal error",
            "Timeout",
            "503 Service Unavailable",
            "401 Unauthorized",
            "403 Forbidden",
            "404 Not Found",
        },
    }


def test_incidents_have_new_request_ids(logs: dict[str, list[dict[str, Any]]]) -> None:
    outage = [log for log, day in zip(*_with_days(logs[APPS]), strict=True) if 66 <= _age(day) < 68]
    assert [log["status"] for log in outage] == ["failed"] * 2
    assert len({log["result"] for log in outage}) == 2
    assert len({log["result"].split("(")[0] for log in outage}) == 1


def test_a_weekly_export_is_the_fifth() -> None:
    weekly = by_name(generate(seed=3, exports=5, until=UNTIL))["Preferences (weekly)"]
    assert {(b - a).days for a, b in zip(days(weekly), days(weekly)[1:], strict=False)} == {7}
    assert {log["config"]["frequency"] for log in weekly} == {"1 week"}


def _with_days(logs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[date]]:
    return logs, days(logs)


def _age(day: date) -> int:
    return (UNTIL.date() - day).days


def test_two_days_are_missing(logs: dict[str, list[dict[str, Any]]]) -> None:
    seen = {*map(_age, days(logs[APPS]))}
    assert {*range(200)} - seen == {34, 35}


def test_some_failures_are_retried_on_the_same_day(logs: dict[str, list[dict[str, Any]]]) -> None:
    eu = logs[EU]
    twice = [day for day, count in Counter(days(eu)).items() if count == 2]
    assert 27 in map(_age, twice)
    for day in twice:
        assert [log["status"] for log, d in zip(*_with_days(eu), strict=True) if d == day] == ["failed", "completed"]


def test_volume_drops_once(logs: dict[str, list[dict[str, Any]]]) -> None:
    users = {_age(day): log["metrics"].get("users") for log, day in zip(*_with_days(logs[EU]), strict=True)}
    assert users[12] < 0.5 * users[19]
    empty = {_age(day): log["metrics"].get("users") for log, day in zip(*_with_days(logs[APPS]), strict=True)}
    assert empty[20] == 0


def test_volume_follows_the_week_and_grows(logs: dict[str, list[dict[str, Any]]]) -> None:
    by_weekday = defaultdict(list)
    eu = [(log["metrics"]["users"], day) for log, day in zip(*_with_days(logs[EU]), strict=True) if log["metrics"]]
    for users, day in eu:
        by_weekday[day.weekday()].append(users)
    means = {weekday: sum(users) / len(users) for weekday, users in by_weekday.items()}
    assert max(means[5], means[6]) < min(means[weekday] for weekday in range(5))
    months = [sum(users for users, _ in part) / len(part) for part in (eu[:56], eu[-56:])]
    assert months[1] > months[0]


def test_the_newest_log_is_pending(history: Store) -> None:
    pending = [log for log in history.logs() if log["status"] == "pending"]
    assert pending == [history.logs()[-1]]


@pytest.mark.parametrize(("days_back", "exports"), [(0, 3), (1, 1), (3, 5), (30, 0), (30, 23)])
def test_any_size_of_history_can_be_made(days_back: int, exports: int) -> None:
    store = generate(days=days_back, exports=exports, until=datetime(2026, 3, 1, 23, 59, tzinfo=timezone.utc))
    assert len(store.exports()) == exports == len({export["name"] for export in store.exports()})
    assert {log["export_id"] for log in store.logs()} <= {export["id"] for export in store.exports()}


def test_history_ends_now_unless_told_otherwise() -> None:
    newest = generate(days=2).logs()[-1]["created_at"]
    made = datetime.fromisoformat(newest.replace("Z", "+00:00"))
    assert 0 < (datetime.now(timezone.utc) - made).total_seconds() < 3600


def test_plain_store_has_numbered_logs() -> None:
    store = plain_store(3, export_id="e", step=10, until=100)
    assert [(log["id"], log["created_at"]) for log in store.logs("e")] == [
        ("log-000000", "1970-01-01T00:01:20.000Z"),
        ("log-000001", "1970-01-01T00:01:30.000Z"),
        ("log-000002", "1970-01-01T00:01:40.000Z"),
    ]
    assert [export["id"] for export in store.exports()] == ["e"]


def test_plain_store_can_have_fifty_logs_of_one_time() -> None:
    counts = Counter(log["created_at"] for log in plain_store(120, distinct_times=False).logs())
    assert sorted(counts.values()) == [20, 50, 50]
