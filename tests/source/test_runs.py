"""From one run to the next: what is read again, what is written again, and what a broken run leaves to the next."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from didomi_sandbox import Behaviour, Fault, Sandbox, plain_store
from didomi_sandbox.kinds import refusal
from didomi_source import Request
from support.warehouse import EXPORT, Start, Warehouse

HOUR = timedelta(hours=1)


def recent_store(count: int, *, step: float = 3600.0):
    """Logs that end now: `full_read_every_days` and lookback mean something."""
    return plain_store(count, step=step, until=datetime.now(timezone.utc).timestamp())


def iso(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def ago(**units: float) -> str:
    return iso(datetime.now(timezone.utc) - timedelta(**units))


def ids(server: Sandbox) -> set[str]:
    return {log["id"] for log in server.store.logs()}


# -- reading only what is new --------------------------------------------------------------------


@pytest.mark.parametrize(("envelope", "most"), [("full", 2), ("data_alone", 3)])
def test_an_incremental_run_over_2000_logs_makes_few_requests(
    sandbox: Start, warehouse: Warehouse, envelope: str, most: int
) -> None:
    """Three new logs on top of 2,000 cost two list requests, three where the API does not say its total."""
    server = sandbox(recent_store(2000), Behaviour(rate_limit=(10_000, 1), envelope=envelope))
    warehouse.load(server)
    for number in range(3):
        server.store.add_log(EXPORT, id=f"new-{number}", users=number)
    server.reset()
    assert warehouse.load(server) == {"export_logs": 3, "export_log_history": 3, "export_syncs": 1}
    assert server.list_requests[EXPORT] == most
    sync = warehouse.sync()
    assert {k: sync[k] for k in ("mode", "sort", "requests", "logs_new", "logs_known", "is_complete")} == {
        "mode": "incremental", "sort": "honoured", "requests": most, "logs_new": 3, "logs_known": 2003,
        "is_complete": True,
    }  # fmt: skip
    assert set(warehouse.raw_logs()) == ids(server)


@pytest.mark.parametrize("count", [0, 1, 98, 99])
def test_a_list_of_one_page_makes_two_requests(sandbox: Start, warehouse: Warehouse, count: int) -> None:
    """A list that fits on a page is asked for twice: once for its logs, once for what comes after."""
    server = sandbox(recent_store(count))
    warehouse.load(server)
    warehouse.load(server)
    assert [s["requests"] for s in warehouse.syncs()] == [2, 2]


def test_a_pending_log_is_waited_for(sandbox: Start, warehouse: Warehouse) -> None:
    """Reading goes back to the oldest pending log, however far behind the lookback it is."""
    server = sandbox(recent_store(600))
    server.store.update("log-000100", {"status": "pending"})
    warehouse.load(server)
    server.store.settle("log-000100", users=9)
    assert warehouse.load(server) == {"export_logs": 1, "export_log_history": 1, "export_syncs": 1}
    assert warehouse.logs()["log-000100"]["metrics__users"] == 9
    assert warehouse.sync()["mode"] == "incremental"
    assert 4 <= warehouse.sync()["requests"] <= 8


def test_the_lookback_finds_late_logs(sandbox: Start, warehouse: Warehouse) -> None:
    """A log that becomes visible late, with a time before the newest known, is found by the next run."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    server.store.add_log(EXPORT, id="late", created_at=ago(hours=40))
    warehouse.load(server)
    assert "late" in warehouse.raw_logs()
    assert warehouse.sync()["requests"] == 2


def test_an_old_log_that_only_the_total_shows_is_found(sandbox: Start, warehouse: Warehouse) -> None:
    """A log inserted far behind the lookback makes the API's total larger than what is known: all is read."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    server.store.add_log(EXPORT, id="ancient", created_at=ago(days=300))
    server.store.add_log(EXPORT, id="new")
    warehouse.load(server)
    assert set(warehouse.raw_logs()) == ids(server)
    sync = warehouse.sync()
    assert (sync["mode"], sync["mode_reason"]) == ("full", "the API has more logs than an incremental read shows")


def test_a_time_in_the_future_does_not_move_the_watermark(sandbox: Start, warehouse: Warehouse) -> None:
    """A log from 2099 is loaded, and the logs created after it was read are still found."""
    server = sandbox(recent_store(300))
    server.store.add_log(EXPORT, id="future", created_at="2099-01-01T00:00:00.000Z")
    warehouse.load(server)
    server.store.add_log(EXPORT, id="new")
    assert warehouse.load(server)["export_logs"] == 1
    assert set(warehouse.raw_logs()) == ids(server)
    assert warehouse.sync()["mode"] == "incremental"
    assert warehouse.sync()["newest_created_at"] < datetime.now(timezone.utc) + HOUR


def test_a_run_whose_clock_was_ahead_is_not_the_last_one(sandbox: Start, warehouse: Warehouse) -> None:
    """Else nothing would be read as a whole until its date, and no watermark move."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    warehouse.sql("update export_syncs set started_at = started_at + interval 10 year")
    assert warehouse.load(server) == {"export_syncs": 1}
    assert (warehouse.sync()["mode"], warehouse.sync()["mode_reason"]) == ("full", "first complete read")


def test_everything_is_read_again_after_full_read_every_days(sandbox: Start, warehouse: Warehouse) -> None:
    """A change that an incremental read cannot see is found by the next whole read."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    server.store.update("log-000005", {"metrics": {"users": 1234}})
    assert warehouse.load(server) == {"export_syncs": 1}
    assert warehouse.load(server, full_read_every_days=0)["export_logs"] == 1
    assert warehouse.logs()["log-000005"]["metrics__users"] == 1234
    assert [(s["mode"], s["mode_reason"]) for s in warehouse.syncs()][::2] == [
        ("full", "first complete read"), ("full", "every 0 days")
    ]  # fmt: skip


def test_a_run_can_be_asked_to_read_everything(sandbox: Start, warehouse: Warehouse) -> None:
    """`full` reads the whole list whatever is known."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    warehouse.load(server, request=Request("by-hand", full=True))
    sync = warehouse.sync()
    assert (sync["run_id"], sync["mode"], sync["mode_reason"], sync["distinct_ids"]) == (
        "by-hand", "full", "asked for", 300
    )  # fmt: skip


def test_a_backfill_takes_its_range_and_moves_nothing_else(sandbox: Start, warehouse: Warehouse) -> None:
    """Logs created in a range are loaded, both ends included, and the next run reads as if nothing had happened."""
    server = sandbox(recent_store(300))
    logs = server.store.logs()
    first, last = logs[100]["created_at"], logs[110]["created_at"]
    span = [datetime.fromisoformat(t.replace("Z", "+00:00")) for t in (first, last)]
    warehouse.load(server, request=Request("backfill", created_from=span[0], created_to=span[1]))
    assert sorted(warehouse.raw_logs()) == [f"log-{n:06d}" for n in range(100, 111)]
    assert warehouse.sync()["mode"] == "backfill"
    warehouse.load(server)
    assert (warehouse.sync()["mode_reason"], len(warehouse.raw_logs())) == ("first complete read", 300)


# -- what a log becomes --------------------------------------------------------------------------


def test_settled_never_goes_back_to_pending(sandbox: Start, warehouse: Warehouse) -> None:
    """A completed log that the API shows as pending again stays completed."""
    server = sandbox(recent_store(3))
    warehouse.load(server)
    before = warehouse.logs()
    server.store.update("log-000002", {"status": "pending", "metrics": {}})
    assert warehouse.load(server) == {"export_syncs": 1}
    assert warehouse.logs() == before
    assert warehouse.history("log-000002") == [(1, "completed")]


def test_history_numbers_each_state_once(sandbox: Start, warehouse: Warehouse) -> None:
    """Each distinct state gets the next number, in the run that saw it first; re-reading adds nothing."""
    server = sandbox(recent_store(0))
    server.store.add_log(EXPORT, id="a", status="pending")
    states: list[dict[str, Any]] = [
        {"status": "pending"},
        {"status": "running"},
        {"status": "failed", "result": "No access"},
        {"status": "completed", "metrics": {"users": 1}},
        {"status": "completed", "metrics": {"users": 2}},
    ]
    first_seen = {}
    for state in states:
        server.store.update("a", state)
        warehouse.load(server)
        warehouse.load(server)
        for row in warehouse.rows("export_log_history"):
            assert first_seen.setdefault(row["version_id"], row["first_observed_at"]) == row["first_observed_at"]
    rows = warehouse.rows("export_log_history", "sequence")
    assert [(r["sequence"], r["status"], r["users"]) for r in rows] == [
        (1, "pending", None), (2, "running", None), (3, "failed", None), (4, "completed", 1), (5, "completed", 2)
    ]  # fmt: skip
    assert [r["first_observed_at"] for r in rows] == sorted(r["first_observed_at"] for r in rows)


def test_logs_that_go_are_marked_and_unmarked(sandbox: Start, warehouse: Warehouse) -> None:
    """A whole read marks what is gone at the source, with nothing else changed, and unmarks what returns."""
    server = sandbox(recent_store(300))
    server.store.update("log-000007", {"metrics": {"users": 3, "files": ["a"]}, "region": "eu", "result": "é"})
    warehouse.load(server)
    before = warehouse.logs()
    gone = server.store.purge(["log-000007", "log-000008"])

    assert warehouse.load(server) == {"export_syncs": 1}  # an incremental read cannot tell
    assert warehouse.load(server, request=Request("r", full=True)) == {"export_logs": 2, "export_syncs": 1}
    marked = warehouse.logs()
    assert {i for i, row in marked.items() if row["missing_at_source_since"]} == {"log-000007", "log-000008"}
    assert marked["log-000007"]["missing_at_source_since"] == warehouse.sync()["started_at"]
    assert {i: {**row, "missing_at_source_since": None} for i, row in marked.items()} == before
    assert warehouse.sync()["logs_missing"] == 2
    assert warehouse.load(server, request=Request("again", full=True)) == {"export_syncs": 1}

    server.store.add_logs(gone)
    warehouse.load(server, request=Request("back", full=True))
    assert warehouse.logs() == before
    assert warehouse.sql("select count(*) from export_log_history") == [(300,)]


def test_a_read_that_fails_marks_nothing(sandbox: Start, warehouse: Warehouse) -> None:
    """Logs that an incomplete read did not show are not called missing."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    server.faults = [Fault(refusal(404), nth=3)]
    warehouse.load(server, request=Request("r", full=True))
    assert not warehouse.sync()["is_complete"]
    assert [row for row in warehouse.logs().values() if row["missing_at_source_since"]] == []


# -- what a broken run leaves --------------------------------------------------------------------


@pytest.mark.parametrize("broken_at", [1, 2, 3, 5])
@pytest.mark.parametrize("sort", ["honoured", "ignored"])
def test_a_broken_first_read_loses_nothing(sandbox: Start, warehouse: Warehouse, broken_at: int, sort: str) -> None:
    """A first read that breaks off loads what it got and says so; the next one brings the rest."""
    server = sandbox(
        recent_store(330), Behaviour(rate_limit=(10_000, 1), sort=sort), [Fault(refusal(403), nth=broken_at)]
    )
    warehouse.load(server)
    sync = warehouse.sync()
    assert (sync["is_complete"], "403" in sync["error"]) == (False, True)
    assert sync["logs_known"] == len(warehouse.raw_logs()) <= min(330, 99 * broken_at)
    warehouse.load(server)
    assert set(warehouse.raw_logs()) == ids(server)
    assert warehouse.sync()["is_complete"]


def test_a_broken_incremental_read_loses_nothing(sandbox: Start, warehouse: Warehouse) -> None:
    """Logs between the last complete read and where a read broke off are read by the next one."""
    server = sandbox(recent_store(100))
    warehouse.load(server)
    for number in range(400):
        server.store.add_log(
            EXPORT, id=f"new-{number}", created_at=iso(datetime.now(timezone.utc) + number * HOUR / 100)
        )
    server.faults = [Fault(refusal(404), nth=4)]
    warehouse.load(server)
    assert not warehouse.sync()["is_complete"]
    assert 100 < len(warehouse.raw_logs()) < 500
    server.faults = []
    warehouse.load(server)
    assert set(warehouse.raw_logs()) == ids(server)


def test_an_older_copy_of_the_warehouse_loses_nothing(sandbox: Start, warehouse: Warehouse, tmp_path: Path) -> None:
    """After restoring yesterday's file under today's working directory, the next run brings what it lacks."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    shutil.copy(warehouse.path, tmp_path / "yesterday")
    for number in range(250):
        server.store.add_log(EXPORT, id=f"new-{number}", created_at=ago(days=5 - number / 100))
    server.store.add_log(EXPORT, id="newest", region="eu")
    warehouse.load(server)
    assert set(warehouse.raw_logs()) == ids(server)
    complete = warehouse.logs()
    shutil.copy(tmp_path / "yesterday", warehouse.path)
    warehouse.load(server)
    assert warehouse.logs() == complete


def test_rows_deleted_from_the_warehouse_are_read_again(sandbox: Start, warehouse: Warehouse) -> None:
    """When the destination holds fewer logs than the last complete read left there, all is read."""
    server = sandbox(recent_store(300))
    warehouse.load(server)
    before = warehouse.logs()
    history = warehouse.rows("export_log_history")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("delete from didomi_raw.export_logs where id < 'log-000050'")
    warehouse.load(server)
    assert warehouse.logs() == before
    assert warehouse.sync()["mode_reason"] == "the destination holds 250 of 300 logs"
    assert warehouse.rows("export_log_history") == history


def test_history_lost_in_a_half_loaded_package_is_written_again(sandbox: Start, warehouse: Warehouse) -> None:
    """A log whose present state the history lacks is recorded with the next sequence when it is next read."""
    server = sandbox(recent_store(3))
    server.store.update("log-000002", {"status": "pending"})
    warehouse.load(server)
    server.store.settle("log-000002", users=7)
    warehouse.load(server)
    before = warehouse.sql("select log_id, sequence, status, users from export_log_history order by all")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("delete from didomi_raw.export_log_history where status = 'completed'")
    warehouse.load(server)
    assert warehouse.sql("select log_id, sequence, status, users from export_log_history order by all") == before
    assert warehouse.load(server) == {"export_syncs": 1}


def test_a_deleted_working_directory_changes_nothing(sandbox: Start, warehouse: Warehouse) -> None:
    """Everything that a run has to know comes back from the destination."""
    server = sandbox(recent_store(300))
    server.store.update("log-000299", {"status": "pending", "region": "eu"})
    warehouse.load(server)
    shutil.rmtree(warehouse.working_dir)
    assert warehouse.load(server) == {"export_syncs": 1}
    shutil.rmtree(warehouse.working_dir)
    server.store.settle("log-000299", users=1)
    assert warehouse.load(server) == {"export_logs": 1, "export_log_history": 1, "export_syncs": 1}
    assert warehouse.history("log-000299") == [(1, "pending"), (2, "completed")]


def test_a_list_that_never_settles_is_loaded_and_called_incomplete(sandbox: Start, warehouse: Warehouse) -> None:
    """Where the list moves faster than it can be read, what came is kept and the row says so."""

    def move(store, number: int) -> None:
        if number % 4 == 0:
            store.add_log(EXPORT, id=f"moving-{number}", created_at="2020-01-01T00:00:00.000Z")

    behaviour = Behaviour(sort="ignored", order="inserted_desc", page_cap=5, on_request=move, rate_limit=(10_000, 1))
    warehouse.load(sandbox(recent_store(20), behaviour))
    sync = warehouse.sync()
    assert not sync["is_complete"]
    assert "did not settle" in sync["error"]
    assert {f"log-{n:06d}" for n in range(20)} <= set(warehouse.raw_logs())


def test_two_pipelines_keep_to_their_own(sandbox: Start, warehouse: Warehouse, tmp_path: Path) -> None:
    """What one warehouse holds never decides what another one gets."""
    (tmp_path / "other").mkdir()
    other = Warehouse(tmp_path / "other")
    server = sandbox(recent_store(10))
    warehouse.load(server)
    assert other.load(server)["export_logs"] == 10
    assert warehouse.load(server) == {"export_syncs": 1}
    assert warehouse.logs() == other.logs()


def test_an_unknown_id_is_logged_and_leaves_no_row(warehouse: Warehouse, sandbox: Start, caplog: Any) -> None:
    """In a pipeline of one's own nothing fails for it: the other export is loaded."""
    api = sandbox(plain_store(3))
    assert warehouse.load(api, export_ids=["nope"]) == {}
    warehouse.load(api, export_ids=["nope", EXPORT])
    reason = "the API has neither a configuration nor a log of it: correct the id "
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"export nope: {reason}(--export-id, or SOURCES__DIDOMI__EXPORT_IDS)"
    ] * 2
    assert [row["id"] for row in warehouse.rows("exports")] == [EXPORT]
    assert [row["export_id"] for row in warehouse.syncs()] == [EXPORT]


def test_an_unlisted_export_whose_logs_cannot_be_requested_is_not_unknown(warehouse: Warehouse, sandbox: Start) -> None:
    """Why it cannot be read is in its row."""
    behaviour = Behaviour(rate_limit=None, integrations="forbidden", forbidden_exports=frozenset({EXPORT}))
    warehouse.load(sandbox(plain_store(3), behaviour), export_ids=[EXPORT])
    assert [(row["export_id"], row["is_complete"]) for row in warehouse.syncs()] == [(EXPORT, False)]


def test_an_unlisted_export_that_the_api_does_not_have_is_unknown(warehouse: Warehouse, sandbox: Start) -> None:
    """404 is as good as an empty list."""
    behaviour = Behaviour(rate_limit=None, integrations="forbidden", missing_exports=frozenset({EXPORT}))
    assert warehouse.load(sandbox(plain_store(3), behaviour), export_ids=[EXPORT]) == {}
