"""Killed anywhere, the next run ends with the same tables as if nothing had happened, and no manual step."""

from __future__ import annotations

import os
import random
import time

import psutil
import pytest

from didomi_sandbox import Fault, Store, plain_store
from support.warehouse import EXPORT

LOAD = "dlt.load.load:Load"
PACKAGE = "dlt.common.storages.load_package:PackageStorage"
CLIENT = "dlt.destinations.job_client_impl:SqlJobClientBase"
POINTS = [
    "didomi_source.warehouse.open:shutil.rmtree before 1",
    "didomi_source.warehouse.open:shutil.rmtree after 1",
    "dlt.extract.extract:Extract.extract before 1",
    "dlt.extract.extract:Extract.commit_packages before 1",
    "dlt.extract.extract:Extract.commit_packages after 1",
    "dlt.normalize.normalize:Normalize.spool_schema_files before 1",
    f"{PACKAGE}.delete_package before 1",  # normalized, and the extracted package still there
    f"{LOAD}.run before 1",
    f"{CLIENT}.update_stored_schema after 1",
    f"{PACKAGE}.start_job after 2",
    f"{PACKAGE}.complete_job before 1",  # the destination has it, dlt does not know
    f"{PACKAGE}.complete_job before 3",
    f"{LOAD}.create_followup_jobs before 1",
    f"{PACKAGE}.complete_job before 6",
    f"{CLIENT}.complete_load before 1",
    f"{CLIENT}.complete_load after 1",
    f"{PACKAGE}.complete_loading_package before 1",
    f"{PACKAGE}.complete_loading_package after 1",
    "didomi_source.job.load:check_loaded before 1",
]
BETWEEN_PACKAGES = [
    "dlt.extract.extract:Extract.extract before 2",
    "didomi_source.job.load:checkpoint before 1",
    "didomi_source.job.load:checkpoint after 2",
    f"{LOAD}.run before 3",
    f"{PACKAGE}.complete_loading_package after 2",
]
STEP = 1 if os.environ.get("FAULTS") else 2  # which of them are tried; all of them take minutes
SMALL = {"SMALL_PACKAGES": "yes", "SOURCES__DIDOMI__PAGE_SIZE": "3"}
PENDING = "log-000029"
DATA = ("exports", "export_logs", "export_log_history", "export_log_quarantine")


def at_first() -> Store:
    store = plain_store(30)
    store.update(PENDING, {"status": "pending", "metrics": {}, "updated_at": "2026-01-01T00:00:00.000Z"})
    return store


def then(store: Store) -> None:
    """What happens before the run that is killed."""
    times = {"updated_at": "2026-02-02T00:00:00.000Z"}
    store.update(PENDING, {"status": "completed", "metrics": {"users": 5}, **times})
    store.add_log(EXPORT, id="new-1", created_at="2025-10-09T09:00:00.000Z")
    store.add_log(EXPORT, id="new-2", status="failed", result="No", created_at="2025-10-09T10:00:00.000Z")
    store.add_log(EXPORT, id={"not": "an id"}, created_at="2025-10-09T11:00:00.000Z")


def at_last(store: Store) -> None:
    """What happens after it."""
    store.add_log(EXPORT, id="new-3", created_at="2025-10-09T12:00:00.000Z")


def data(job):
    contents = job.contents()
    return {table: contents[table] for table in DATA}


@pytest.fixture
def begun(new_job, api):
    """A folder in which one run has been made; another one for each test."""
    api.store = at_first()
    job = new_job()
    job.run()
    then(api.store)
    return job


@pytest.fixture
def expected(new_job, api):
    """What there is in the end when nothing is killed."""
    api.store = at_first()
    job = new_job("expected")
    job.run()
    then(api.store)
    job.run()
    at_last(api.store)
    job.run()
    return data(job)


def test_a_run_killed_at_a_named_point_is_as_if_it_had_not_been(new_job, api, expected):
    """What was left is finished, the run still extracts, and no row is lost, doubled or stale."""
    base = new_job("base")
    api.store = at_first()
    base.run()
    wrong = {}
    for number, point in enumerate(POINTS[::STEP]):
        api.store = at_first()
        then(api.store)
        job = new_job(f"killed-{number}").copy_of(base)
        assert job.didomi("run", "--skip-models", kill_at=point).code == -9, point
        at_last(api.store)
        summary = job.run()
        if data(job) != expected or not summary["ok"]:
            wrong[point] = {table: rows for table, rows in data(job).items() if rows != expected[table]}
    assert wrong == {}


@pytest.mark.thorough
def test_the_very_first_run_may_be_killed_at_a_named_point(new_job, api, expected):
    """The same with a warehouse that does not exist yet, and a list that is loaded in several packages."""
    wrong = {}
    for number, point in enumerate([*POINTS[1 :: 3 * STEP], *BETWEEN_PACKAGES[::STEP]]):
        api.store = at_first()
        then(api.store)
        job = new_job(f"killed-{number}")
        assert job.didomi("run", "--skip-models", kill_at=point, **SMALL).code == -9, point
        at_last(api.store)
        job.run(**SMALL)
        logs = job.contents()["export_logs"]
        if logs != expected["export_logs"]:
            wrong[point] = logs
    assert wrong == {}


def test_what_was_left_is_finished_first(begun, api):
    """The summary tells of it, and what it brought keeps the name of the run that read it."""
    killed = begun.didomi("run", "--skip-models", kill_at=f"{LOAD}.run before 1")
    assert killed.code == -9
    at_last(api.store)
    summary = begun.run()
    assert summary["notes"] == ["what an interrupted run left was loaded first"]
    assert begun.written(summary) == {"export_logs": 1, "export_log_history": 1, "export_syncs": 1}
    assert len(begun.logs()) == 33


@pytest.mark.thorough
def test_random_kills_lose_and_double_nothing(job, api):
    """A dozen runs killed at random times, one after the other, while logs come and settle: then one run mends all."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    api.store = at_first()
    begun = time.monotonic()
    job.run()
    lasts = time.monotonic() - begun
    for number in range(12):
        api.store.add_log(EXPORT, id=f"late-{number}", status="pending")
        if number:
            api.store.settle(f"late-{number - 1}", users=number)
        run = job.start("run", "--skip-models", **(SMALL if number % 2 else {}))
        time.sleep(chance.uniform(0, lasts))
        run.kill()
    job.run()
    assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}
    states = job.sql("select log_id, list(sequence order by sequence) from export_log_history group by 1")
    assert {log_id for log_id, _ in states} == set(job.logs())
    assert [s for s in states if s[1] != list(range(1, len(s[1]) + 1))] == []


def test_what_was_left_and_cannot_be_loaded_is_read_again(begun):
    """A damaged file in the package blocks nothing; the package is set aside, and the summary says where."""
    begun.didomi("run", "--skip-models", kill_at=f"{LOAD}.run before 1")
    (file,) = begun.working_dir.rglob("new_jobs/export_logs.*.parquet")
    file.write_bytes(file.read_bytes()[:100])
    summary = begun.run()
    (note,) = summary["notes"]
    assert "could not be loaded" in note
    assert str(begun.working_dir / "broken") in note
    assert (begun.working_dir / "broken").is_dir()
    assert len(begun.logs()) == 32
    assert begun.run()["notes"] == []


def test_a_deleted_file_of_what_was_left_is_read_again(begun):
    """dlt does not miss a file of a package; the next read does, since the warehouse does not hold the logs."""
    begun.didomi("run", "--skip-models", kill_at=f"{LOAD}.run before 1")
    (file,) = begun.working_dir.rglob("new_jobs/export_logs.*.parquet")
    file.unlink()
    begun.run()
    assert {log_id: log["status"] for log_id, log in begun.raw_logs().items() if log_id[:3] == "new"} == {
        "new-1": "completed",
        "new-2": "failed",
    }
    assert begun.raw_logs()[PENDING]["status"] == "completed"


@pytest.mark.parametrize("table", ["exports", "export_logs", "export_log_history", "export_syncs"])
def test_a_file_lost_while_loading_is_noticed(job, table):
    """The run counts what arrived, and says what is missing."""
    lost = job.didomi("run", "--skip-models", kill_at=f"lose {table}")
    assert lost.code == 1
    assert f"rows of {table} arrived in the warehouse: run again" in lost.err
    assert lost.out == ""


@pytest.mark.parametrize(("number", "code", "name"), [(2, 130, "SIGINT"), (15, 143, "SIGTERM")])
def test_a_signal_ends_a_run_at_once(begun, api, number, code, name):
    """Even while the API hangs; what comes next is as after any kill."""
    api.faults = [Fault("hang")]
    run = begun.start("run", "--skip-models").until("Loading export logs")
    time.sleep(0.5)
    asked = time.monotonic()
    ended = run.kill(number)
    assert time.monotonic() - asked < 5
    assert (ended.code, ended.out) == (code, "")
    assert ended.err.endswith(f"didomi: ended by {name}\n")
    api.faults = []
    assert begun.run()["ok"] is True
    assert len(begun.logs()) == 32


@pytest.mark.parametrize(("number", "code"), [(9, -9), (15, 143)])
def test_dbt_does_not_outlive_its_run(job, number, code):
    """However the run ends, at once, dbt lets go of the warehouse, so that the next run can begin."""
    run = job.start("run").until("Building the models")
    while not (children := psutil.Process(run.pid).children()):
        time.sleep(0.01)
    time.sleep(1.0)
    asked = time.monotonic()
    assert run.kill(number).code == code
    assert time.monotonic() - asked < 5
    _, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
    assert job.run()["ok"] is True
