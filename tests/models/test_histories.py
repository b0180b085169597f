"""Each seed's history holds every case that the models have to get right; without the case the comparison would prove nothing."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from support.models import oracle, oracle_deliveries
from support.models.histories import BUILDS, DAY, history

SEEDS = {seed: (as_of, variables) for seeds, as_of, variables in BUILDS.values() for seed in seeds}
CLOCKS_CHANGE = {"Europe/Paris": datetime(2028, 3, 26, 1), "America/New_York": datetime(2028, 3, 12, 7)}
Marts = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module", params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def logs(seed: int) -> list[dict[str, Any]]:
    return history(seed, SEEDS[seed][0])["export_logs"]


@cache
def computed(seed: int) -> Marts:
    as_of, variables = SEEDS[seed]
    return oracle.marts(history(seed, as_of), as_of, variables)


@pytest.fixture(scope="module")
def marts(seed: int) -> Marts:
    return computed(seed)


def test_there_are_ten_seeds() -> None:
    assert sorted(SEEDS) == list(range(1, 11))


def test_exports_without_timestamps(logs: list[dict[str, Any]], marts: Marts) -> None:
    undated = {log["export_id"] for log in logs} - {log["export_id"] for log in logs if log["created_at"]}
    assert undated
    runs = [run for run in marts["didomi__export_runs"] if run["export_id"] in undated]
    assert {run["is_backfill"] for run in runs} == {run["is_timed"] for run in runs} == {True, False}


def test_frequencies_change_and_cannot_be_parsed(marts: Marts) -> None:
    lengths: dict[str, set[Any]] = {}
    for run in marts["didomi__export_runs"]:
        lengths.setdefault(run["export_id"], set()).add((run["interval_seconds"], run["interval_months"]))
    assert any({(86400, None), (604800, None)} <= found for found in lengths.values())
    assert any(found == {(None, None)} for found in lengths.values())
    assert any(len(found) > 1 and (None, None) in found for found in lengths.values())
    every = set().union(*lengths.values())
    assert {(604800, None), (None, 1)} <= every  # weekly, monthly


def test_retries_within_a_day(marts: Marts) -> None:
    assert any(row["day_status"] == "recovered" for row in marts["didomi__daily_export_success"])
    runs = Counter(
        (run["export_id"], run["run_date"]) for run in marts["didomi__export_runs"] if "daily" in run["export_id"]
    )
    assert max(runs.values()) > 1


def test_pending_for_a_week(seed: int, marts: Marts) -> None:
    week_ago = SEEDS[seed][0] - 7 * DAY
    assert any(run["status"] == "pending" and run["run_at"] <= week_ago for run in marts["didomi__export_runs"])


def test_gaps_at_both_ends_and_between(marts: Marts) -> None:
    first = {row["export_id"]: row["first_run_at"] for row in marts["didomi__exports"]}
    gaps = marts["didomi__schedule_gaps"]
    assert any(gap["started_at"] == first[gap["export_id"]] for gap in gaps)
    assert any(gap["is_open"] for gap in gaps)
    assert any(not gap["is_open"] and gap["missed_runs"] > 1 for gap in gaps)


def test_runs_around_the_leap_day(marts: Marts) -> None:
    days = {run["run_date"] for run in marts["didomi__export_runs"]}
    assert {date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)} <= days


def test_runs_on_both_sides_of_a_change_of_the_clocks(seed: int, marts: Marts) -> None:
    zone = SEEDS[seed][1].get("didomi_timezone", "UTC")
    runs = [run for run in marts["didomi__export_runs"] if run["is_timed"]]
    assert zone == "UTC" or any(run["run_date"] != run["run_at"].date() for run in runs)
    if change := CLOCKS_CHANGE.get(zone):
        for day in (-1, 0, 1):
            at = change + day * DAY
            assert any(at <= run["run_at"] < at + DAY for run in runs)


def test_an_organization_comes_in_mid_history(marts: Marts) -> None:
    first = {}
    for row in marts["didomi__organization_daily"]:
        first[row["organization_id"]] = min(row["run_date"], first.get(row["organization_id"], row["run_date"]))
    newcomer = next(day for name, day in first.items() if name.startswith("new"))
    assert newcomer > min(first.values()) + timedelta(days=60)


def test_users_are_zero_null_and_huge(marts: Marts) -> None:
    users = {run["users"] for run in marts["didomi__export_runs"] if run["status"] == "completed"}
    assert {0, None} <= users
    assert max(value for value in users if value is not None) > 2**62


@pytest.mark.thorough
def test_exports_are_retired_in_trouble() -> None:
    """Over all ten seeds: while they fail, are late, are stuck, and have never run."""
    retired = [export for _, variables in SEEDS.values() for export in variables.get("didomi_retired_exports", [])]
    not_retired = {
        row["export_id"]: row["health"]
        for seed, (as_of, variables) in SEEDS.items()
        for row in oracle.marts(history(seed, as_of), as_of, {**variables, "didomi_retired_exports": []})[
            "didomi__exports"
        ]
    }
    assert {not_retired.get(export) for export in retired} == {
        *("failing", "late", "stuck", "healthy", "no_outcome"),
        None,
    }


def test_every_health_kind_and_contradiction_occur() -> None:
    """Over all ten seeds."""
    found = [computed(seed) for seed in SEEDS]
    healths = {row["health"] for marts in found for row in marts["didomi__exports"]}
    assert healths == {
        "unread",
        "failing",
        "undelivered",
        "late",
        "stuck",
        "unknown_schedule",
        "no_outcome",
        "healthy",
        "retired",
    }
    reasons = {row["health_reason"] for marts in found for row in marts["didomi__exports"] if row["health"] == "unread"}
    assert {reason.split(" for ")[0].split(",")[0] for reason in reasons} == {
        *("not read", "not read completely", "never read completely")
    }
    assert any("last settled run failed" in reason for reason in reasons)
    late = {row["health_reason"] for marts in found for row in marts["didomi__exports"] if row["health"] == "late"}
    assert any("not read completely" in reason for reason in late)
    runs = [run for marts in found for run in marts["didomi__export_runs"]]
    kinds = {run["error_kind"] for run in runs}
    assert kinds >= {kind for _, kind in oracle.default_variables()["didomi_error_kinds"]} | {"other", "no_message"}
    contradictions = {run["contradiction"] for run in runs}
    assert contradictions == {"completed_with_error", "completed_without_users", "failed_with_users", None}
    assert any(row["is_anomaly"] for marts in found for row in marts["didomi__daily_user_volume"])


def test_every_verdict_occurs_in_every_case() -> None:
    """Over all ten seeds; each reason, too, but for its numbers."""
    rows = [row for seed in SEEDS for row in computed(seed)["didomi__deliveries"]]
    assert {row["verdict"] for row in rows} == {*oracle_deliveries.WRONG, *oracle_deliveries.UNDECIDED} | {
        *("as_claimed", "delivered_although_failed")
    }
    reasons = {(row["verdict"], re.sub("[0-9]+", "N", row["verdict_reason"])) for row in rows}
    assert len(reasons) == 23
    assert {row["is_wrong"] for row in rows if row["verdict"] in oracle_deliveries.WRONG} == {True, False}
    assert {row["is_wrong"] for row in rows if row["verdict"] == "not_comparable"} == {True, False}
    assert {row["is_about_to_expire"] for row in rows} == {True, False}
    assert {row["is_day_estimated"] for row in rows} == {None, True, False}
