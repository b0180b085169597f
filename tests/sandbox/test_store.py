"""The truth behind the API."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from didomi_sandbox import Store, plain_store
from didomi_sandbox.clock import epoch, iso


@pytest.fixture
def store() -> Store:
    return plain_store(3)


def ids(store: Store) -> list[Any]:
    return [log.get("id") for log in store.logs()]


def test_added_log_is_filled_in_as_the_api_would() -> None:
    store = Store()
    log_id = store.add_log("e", users=5, extra=1)
    log = store.log(log_id)
    assert log == {
        "id": log_id,
        "export_id": "e",
        "organization_id": "acme",
        "status": "completed",
        "config": {"frequency": "1 day"},
        "metrics": {"users": 5},
        "result": None,
        "created_at": log["created_at"],
        "updated_at": log["created_at"],
        "extra": 1,
    }


def test_log_can_be_added_with_an_earlier_creation_or_at_another_place(store: Store) -> None:
    store.add_log("export-1", id="late", created_at="2020-01-01T00:00:00.000Z")
    store.add_logs([{"id": "oldest"}], at=0)
    assert ids(store) == ["oldest", "log-000000", "log-000001", "log-000002", "late"]
    assert store.log("late")["updated_at"] == "2020-01-01T00:00:00.000Z"


def test_export_is_filled_in_as_the_api_would() -> None:
    store = Store()
    export_id = store.add_export({"name": "A"}, type_id="batch-exports-gcp")
    export = store.exports()[0]
    assert export == {
        "id": export_id,
        "organization_id": "acme",
        "type_id": "batch-exports-gcp",
        "name": "A",
        "enabled": True,
        "properties": {"frequency": 1, "data": ["users"]},
        "created_at": export["created_at"],
        "updated_at": export["updated_at"],
    }


def test_what_goes_in_and_out_is_a_copy(store: Store) -> None:
    given = {"id": "x", "metrics": {"users": [1]}}
    store.add_logs([given])
    given["metrics"]["users"].append(2)
    store.log("x")["metrics"]["users"].append(3)
    store.logs()[-1]["metrics"]["users"].append(4)
    assert store.log("x") == {"id": "x", "metrics": {"users": [1]}}


def test_settled_log_has_its_outcome_and_a_later_update(store: Store) -> None:
    before = store.log("log-000001")
    store.settle("log-000001", "failed", result="no")
    after = store.log("log-000001")
    assert after == {**before, "status": "failed", "result": "no", "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    store.settle("log-000001", users=7)
    assert (store.log("log-000001")["status"], store.log("log-000001")["metrics"]) == ("completed", {"users": 7})


def test_update_keeps_an_update_time_that_is_given(store: Store) -> None:
    store.update("log-000000", {"updated_at": "then", "a": 1})
    assert (store.log("log-000000")["updated_at"], store.log("log-000000")["a"]) == ("then", 1)


def test_purged_logs_can_return(store: Store) -> None:
    gone = store.purge(["log-000000", "log-000002", "unknown"])
    assert ids(store) == ["log-000001"]
    store.add_logs(gone)
    assert ids(store) == ["log-000001", "log-000000", "log-000002"]


def test_logs_with_odd_ids_can_be_purged_too() -> None:
    store = Store()
    store.add_logs([{"id": 1}, {"id": [1]}, {"id": None}, {}, {"id": "1"}])
    store.purge([1, [1]])
    assert ids(store) == [None, None, "1"]


@pytest.mark.parametrize("change", ["settle", "log"])
def test_unknown_log_is_a_key_error(store: Store, change: str) -> None:
    with pytest.raises(KeyError):
        getattr(store, change)("unknown")


def test_every_change_gives_a_new_version(store: Store) -> None:
    versions = [store.version]
    for change in (
        lambda: store.add_log("e", id="x"),
        lambda: store.settle("x"),
        lambda: store.update("x", {"a": 1}),
        lambda: store.purge(["x"]),
        store.add_export,
    ):
        change()
        versions.append(store.version)
    assert len(set(versions)) == len(versions)


def test_store_can_be_changed_by_many_threads_at_once() -> None:
    store = Store()

    def work(name: int) -> None:
        for number in range(50):
            store.add_log("e", id=f"{name}-{number}", status="pending")
            store.settle(f"{name}-{number}")
            store.logs("e")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(log["id"], log["status"]) for log in store.logs()} == {
        (f"{name}-{number}", "completed") for name in range(4) for number in range(50)
    }


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T00:00:00.000Z", 0.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01", 0.0),
        ("1970-01-01T00:00:01.500Z", 1.5),
        ("yesterday", None),
        (None, None),
        (12, None),
    ],
)
def test_times_are_read(text: object, moment: float | None) -> None:
    assert epoch(text) == moment


def test_times_are_written_with_milliseconds() -> None:
    assert iso(1_795_475_869.5) == "2026-11-23T23:17:49.500Z"
