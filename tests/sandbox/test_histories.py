"""What a generated history holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from didomi_sandbox import generate, plain_store
from didomi_sandbox.clock import iso

if TYPE_CHECKING:
    from didomi_sandbox import Store

UNTIL = datetime(2026, 11, 23, 20, 8, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def history() -> Store:
    return generate(seed=3, until=UNTIL)


@pytest.fixture(scope="module")
def logs(history: Store) -> dict[str, list[dict[str, Any]]]:
    """The logs of each export, by its name, in order of creation."""
    names = {export["id"]: export["name"] for export in history.exports()}
    by_name = defaultdict(list)
    for log in history.logs():
        by_name[names[log["export_id"]]].append(log)
    return by_name


def days(logs: list[dict[str, Any]]) -> list[date]:
    return [datetime.fromisoformat(log["created_at"].replace("Z", "+00:00")).date() for log in logs]


def test_same_arguments_give_the_same_history() -> None:
    first, again = generate(seed=3, until=UNTIL), generate(seed=3, until=UNTIL)
    assert (first.exports(), first.logs()) == (again.exports(), again.logs())
    assert generate(seed=4, until=UNTIL).logs() != first.logs()


def test_five_exports_have_their_names_and_types(history: Store) -> None:
    assert [(export["name"], export["type_id"]) for export in history.exports()] == [
        ("CMP consents – EU", "batch-exports-s3"),
        ("CMP consents – US", "batch-exports-s3"),
        ("Preferences", "batch-exports-gcp"),
        ("Proofs (weekly)", "batch-exports-gcp"),
        ("Consents – mobile apps", "analytics-exports-s3"),
    ]


def test_exports_carry_credentials(history: Store) -> None:
    secrets = [export["authentication"] for export in history.exports()]
    assert secrets[0]["secret_access_key"]
    assert secrets[2]["credentials"]["private_key"]


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


def test_outcomes_agree_with_their_fields(history: Store) -> None:
    for log in history.logs():
        assert (log["status"] == "completed") == ("users" in log["metrics"])
        assert (log["status"] == "failed") == (log["result"] is not None)


def test_history_begins_so_many_days_before_its_end(logs: dict[str, list[dict[str, Any]]]) -> None:
    assert days(logs["CMP consents – EU"])[0] == date(2026, 5, 8)
    assert len({*days(logs["CMP consents – EU"])}) == 200


def test_first_log_comes_a_day_after_its_export(history: Store) -> None:
    for export in history.exports():
        first = history.logs(export["id"])[0]
        assert days([first])[0].toordinal() - days([export])[0].toordinal() == 1


def test_two_exports_fail_now(logs: dict[str, list[dict[str, Any]]]) -> None:
    latest = {name: [log["status"] for log in of_export[-6:]] for name, of_export in logs.items()}
    assert latest["CMP consents – US"] == ["completed"] + ["failed"] * 5
    assert latest["Proofs (weekly)"] == ["completed"] * 4 + ["failed"] * 2
    assert [name for name, statuses in latest.items() if statuses[-1] == "failed"] == [
        "CMP consents – US",
        "Proofs (weekly)",
    ]
    assert "arn:aws:iam::123456789012:role/didomi-export" in logs["CMP consents – US"][-1]["result"]


def test_outage_lasts_five_days_with_new_request_ids(logs: dict[str, list[dict[str, Any]]]) -> None:
    outage = [log for log, day in zip(*_with_days(logs["CMP consents – EU"]), strict=True) if 58 <= _age(day) < 63]
    assert [log["status"] for log in outage] == ["failed"] * 5
    assert len({log["result"] for log in outage}) == 5
    assert len({log["result"].split("(")[0] for log in outage}) == 1


def _with_days(logs: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[date]]:
    return logs, days(logs)


def _age(day: date) -> int:
    return (UNTIL.date() - day).days


def test_two_days_are_missing(logs: dict[str, list[dict[str, Any]]]) -> None:
    seen = {*map(_age, days(logs["Preferences"]))}
    assert {*range(200)} - seen == {34, 35}


def test_some_failures_are_retried_on_the_same_day(logs: dict[str, list[dict[str, Any]]]) -> None:
    eu = logs["CMP consents – EU"]
    twice = [day for day, count in Counter(days(eu)).items() if count == 2]
    assert 27 in map(_age, twice)
    for day in twice:
        assert [log["status"] for log, d in zip(*_with_days(eu), strict=True) if d == day] == ["failed", "completed"]


def test_volume_drops_once(logs: dict[str, list[dict[str, Any]]]) -> None:
    users = {
        _age(day): log["metrics"].get("users") for log, day in zip(*_with_days(logs["CMP consents – EU"]), strict=True)
    }
    assert users[12] < 0.5 * users[19]
    empty = {_age(day): log["metrics"].get("users") for log, day in zip(*_with_days(logs["Preferences"]), strict=True)}
    assert empty[20] == 0


def test_volume_follows_the_week_and_grows(logs: dict[str, list[dict[str, Any]]]) -> None:
    by_weekday = defaultdict(list)
    eu = [
        (log["metrics"]["users"], day)
        for log, day in zip(*_with_days(logs["CMP consents – EU"]), strict=True)
        if log["metrics"]
    ]
    for users, day in eu:
        by_weekday[day.weekday()].append(users)
    means = {weekday: sum(users) / len(users) for weekday, users in by_weekday.items()}
    assert max(means[5], means[6]) < min(means[weekday] for weekday in range(5))
    months = [sum(users for users, _ in part) / len(part) for part in (eu[:56], eu[-56:])]
    assert months[1] > months[0]


def test_weekly_export_runs_every_seven_days(logs: dict[str, list[dict[str, Any]]]) -> None:
    weekly = logs["Proofs (weekly)"]
    assert {(b - a).days for a, b in zip(days(weekly), days(weekly)[1:], strict=False)} == {7}
    assert {log["config"]["frequency"] for log in weekly} == {"1 week"}


def test_one_log_is_pending_and_settles_soon_after_the_start(history: Store) -> None:
    pending = [log for log in history.logs() if log["status"] == "pending"]
    assert len(pending) == 1
    assert pending[0] == history.logs()[-1]
    history.start()
    history.clock.advance(19)
    history.tick()
    assert history.log(pending[0]["id"])["status"] == "pending"
    history.clock.advance(2)
    history.tick()
    settled = history.log(pending[0]["id"])
    assert (settled["status"], settled["metrics"]["users"] > 0) == ("completed", True)


@pytest.mark.parametrize(("days_back", "exports"), [(0, 5), (1, 1), (3, 5), (30, 0), (30, 23)])
def test_any_size_of_history_can_be_made(days_back: int, exports: int) -> None:
    store = generate(days=days_back, exports=exports, until=date(2026, 3, 1))
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
