"""A run loads what there is, says what came of it, and writes no more than has changed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import duckdb
import pytest

from didomi_sandbox import Behaviour, Fault, plain_store
from didomi_source.cli.demo import settings_of
from didomi_source.job import Options, load, run
from didomi_source.reading.exports import export_row
from didomi_source.warehouse.target import Target
from support.warehouse import EXPORT, TABLES


def test_a_run_loads_what_the_api_holds(job, api):
    """Every log is in the table once, as the API sent it, and the summary tells the truth about it."""
    summary = job.run()
    assert job.raw_logs() == {log["id"]: log for log in api.store.logs()}
    assert (summary["ok"], summary["failures"], summary["notes"], summary["models"]) == (True, [], [], None)
    assert (summary["destination"], summary["dataset"]) == (f"duckdb {job.path}", "didomi_raw")
    (export,) = summary["exports"]
    assert (export["name"], export["logs_new"], export["logs_known"], export["is_complete"]) == (EXPORT, 30, 30, True)
    assert job.written(summary) == {"exports": 1, "export_logs": 30, "export_log_history": 30, "export_syncs": 1}


def test_a_second_run_writes_nothing_but_its_syncs(job):
    """What has not changed is not written again."""
    job.run()
    assert job.written(job.run()) == {"export_syncs": 1}


@pytest.mark.parametrize(("given", "kept"), [({}, 0), ({"LOAD__TRUNCATE_STAGING_DATASET": "false"}, 30)])
def test_a_file_holds_what_was_loaded_once(job, given, kept):
    """The tables through which rows came are empty after a run; who configures it otherwise finds them there."""
    job.run(**given)
    assert job.sql("select count(*) from didomi_raw_staging.export_logs") == [(kept,)]


@pytest.mark.parametrize(("logs", "code"), [(100, 0), (5_100, -9)])
def test_a_large_package_alone_is_loaded_in_little_memory(job, api, logs, code):
    """That of an ordinary day is over sooner; killed where that begins, a run shows whether it comes there."""
    api.store = plain_store(logs)
    point = "didomi_source.job.load:load_with_memory_limit before 1"
    assert job.didomi("run", "--skip-models", kill_at=point).code == code


def test_the_working_directory_may_be_deleted_between_runs(job, api):
    """The next run knows from the warehouse what it has."""
    job.run()
    before = job.contents()
    shutil.rmtree(job.working_dir)
    api.store.add_log(EXPORT, id="later")
    assert job.written(job.run()) == {"export_logs": 1, "export_log_history": 1, "export_syncs": 1}
    assert len(job.contents()["export_logs"]) == len(before["export_logs"]) + 1


def test_a_deleted_warehouse_is_loaded_anew(job, api):
    """Though the working directory remembers another one: every table is there again, with every row."""
    job.run()
    before = job.contents()
    job.path.unlink()
    job.run()
    assert job.contents() == before
    assert {table for table in TABLES if job.columns(table)} == set(TABLES)


def test_an_older_copy_of_the_warehouse_is_brought_up_to_date(job, api):
    """What was loaded after the copy is read again, though the working directory has seen it."""
    job.run()
    older = job.path.read_bytes()
    for number in range(3):
        api.store.add_log(EXPORT, id=f"later-{number}")
    job.run()
    after = job.contents()
    job.path.write_bytes(older)
    job.run()
    assert {t: rows for t, rows in job.contents().items() if t != "export_syncs"} == {
        t: rows for t, rows in after.items() if t != "export_syncs"
    }


@pytest.mark.parametrize(
    ("dataset", "staging"), [("other_raw", "other_raw_staging"), ("other", "other_models_raw_staging")]
)
def test_warehouses_do_not_share_what_waits(job, dataset, staging):
    """A package made for one destination or dataset is never loaded into another one."""
    killed = job.didomi("run", "--skip-models", kill_at="dlt.load.load:Load.run before 1")
    assert killed.code == -9
    job.run("--dataset", dataset)
    with duckdb.connect(str(job.path), read_only=True) as connection:
        schemas = connection.execute("select distinct schema_name from duckdb_tables() order by 1").fetchall()
    assert schemas == [(dataset,), (staging,)]
    job.run()
    assert len(job.logs()) == 30


def test_logs_purged_at_the_source_stay_and_are_marked_until_they_return(job, api):
    """The next complete whole read tells since when; one that breaks off tells nothing; nothing else of a row changes."""

    def marked():
        return {i: row["missing_at_source_since"] for i, row in job.logs().items() if row["missing_at_source_since"]}

    job.run()
    before = job.logs()
    gone = api.store.purge(["log-000003", "log-000004"])
    api.faults = [Fault("refusal_404", nth=2)]
    job.run("--full", code=1)
    assert marked() == {}
    api.faults = []
    summary = job.run("--full")
    assert summary["exports"][0]["logs_missing"] == 2
    assert marked() == dict.fromkeys(("log-000003", "log-000004"), job.sync()["started_at"])
    first = marked()
    job.run("--full")
    assert marked() == first
    assert {i: {**row, "missing_at_source_since": None} for i, row in job.logs().items()} == before
    api.store.add_logs(gone[:1])
    job.run("--full")
    assert marked() == {"log-000004": first["log-000004"]}
    api.store.add_logs([{**gone[1], "status": "failed", "result": "No", "updated_at": "2027-01-01T00:00:00.000Z"}])
    job.run("--full")
    assert marked() == {}
    assert job.logs()["log-000004"]["status"] == "failed"
    assert job.history("log-000004") == [(1, "completed"), (2, "failed")]


def test_one_forbidden_export_costs_no_other(job, api):
    """The others load, the exit is 1, and the one is named with what to do."""
    for name in ("export-2", "export-3"):
        api.store.add_export(id=name, name=f"Name of {name}")
        api.store.add_log(name)
    api.behaviour = Behaviour(rate_limit=(10_000, 1), forbidden_exports=frozenset({"export-2"}))
    done = job.didomi("run", "--skip-models")
    assert done.code == 1
    assert "didomi: export export-2 (Name of export-2): " in done.err
    assert "give the API key the right to read this" in done.err
    assert "incomplete" in done.out
    assert sorted({log["export_id"] for log in job.logs().values()}) == ["export-1", "export-3"]


def test_a_log_of_an_export_that_failed_is_data(job, api):
    """A run that loads the news of a failed export is a good run."""
    api.store.add_log(EXPORT, status="failed", result="AccessDenied")
    assert job.run()["ok"] is True


UNKNOWN = (
    "export nope: the API has neither a configuration nor a log of it: correct the id "
    "(--export-id, or SOURCES__DIDOMI__EXPORT_IDS)"
)


def held(job):
    """The ids in each table that names exports."""
    tables = ("exports", "export_syncs", "export_logs")
    columns = ("id", "export_id", "export_id")
    return [
        {row[0] for row in job.sql(f"select {column} from {table}")}
        for table, column in zip(tables, columns, strict=True)
    ]


@pytest.mark.parametrize("access", ["allowed", "forbidden", "missing"])
def test_an_id_without_configuration_and_log_fails_and_leaves_no_row(job, api, access):
    """The other exports are loaded as usual; it is the same where the configurations cannot be listed."""
    api.behaviour = replace(api.behaviour, integrations=access)
    summary = job.run("--export-id", "nope", "--export-id", EXPORT, code=1)
    assert (summary["ok"], summary["failures"]) == (False, [UNKNOWN])
    assert held(job) == [{EXPORT}] * 3
    assert len(job.logs()) == 30


def test_an_unknown_id_alone_fails_before_and_after_a_good_run(job):
    """The tables are there all the same, and the models are built on them."""
    for expected in ([set()] * 3, [{EXPORT}] * 3):
        done = job.didomi("run", "--export-id", "nope")
        assert (done.code, f"didomi: {UNKNOWN}" in done.err.splitlines()) == (1, True)
        assert held(job) == expected
        job.run()


@pytest.mark.parametrize("access", ["allowed", "forbidden"])
def test_an_export_that_never_ran_or_whose_logs_are_gone_is_known(job, api, access):
    """A configuration is enough, and so is what the warehouse holds when the configurations are refused later."""
    api.store.add_export(id="nope", name="Never ran")
    job.run()
    api.behaviour = replace(api.behaviour, integrations=access)
    api.store.purge(list(job.logs()))
    summary = job.run("--export-id", "nope", "--export-id", EXPORT)
    assert (summary["failures"], summary["notes"]) == ([], [])
    assert held(job)[1] == {"nope", EXPORT}


def test_an_export_that_is_no_longer_listed_is_noted(job, api):
    """Until it is retired; nothing is said of it where exports are named, or of another organization's."""
    api.store.add_export(id="gone", name="Gone one")
    assert job.run()["notes"] == []
    api.store = plain_store(30)
    note = (
        "export gone (Gone one) is no longer listed by the API: if it is gone for good, retire it (docs/operations.md)"
    )
    assert job.run()["notes"] == [note]
    assert job.run("--export-id", EXPORT)["notes"] == []
    assert job.run("--vars", '{"didomi_retired_exports": ["gone"]}')["notes"] == []
    with duckdb.connect(str(job.path)) as connection:
        connection.execute("update didomi_raw.exports set organization_id = 'another' where id = 'gone'")
    assert job.run()["notes"] == []


def test_an_unknown_id_that_an_earlier_version_left_is_unknown(job):
    """A row that holds nothing but the id proves nothing."""
    job.run()
    bare = export_row({"id": "nope"}, "org")
    with duckdb.connect(str(job.path)) as connection:
        connection.execute(
            "insert into didomi_raw.exports (id, content_hash, _dlt_load_id, _dlt_id) values ('nope', ?, '0', '0')",
            [bare["content_hash"]],
        )
    assert job.run("--export-id", "nope", code=1)["failures"] == [UNKNOWN]


def test_quarantined_logs_are_counted(job, api):
    """What could not be loaded stands in the summary, and costs the others nothing."""
    api.store.add_log(EXPORT, id=None)
    summary = job.run()
    assert [(e["logs_quarantined"], e["logs_known"]) for e in summary["exports"]] == [(1, 30)]
    assert "Quarantined" in job.didomi("run", "--skip-models").out


def test_long_loads_tell_how_far_they_are(api, tmp_path, monkeypatch):
    """Now and then comes a line with the number of logs read so far; a short load has none."""
    monkeypatch.chdir(tmp_path)
    for variable, setting in settings_of(api, tmp_path / "w.duckdb").items():
        monkeypatch.setenv(variable, setting)
    told = []
    run(Target(), Options(skip_models=True), report=told.append)
    assert told == ["Opening the warehouse", "Loading export logs"]
    told.clear()
    monkeypatch.setattr(load, "SECONDS_BETWEEN", 0)
    api.store.add_export({"id": "second"})
    for _ in range(25):
        api.store.add_log("second")
    run(Target(), Options(skip_models=True), report=told.append)
    assert told == ["Opening the warehouse", "Loading export logs", "Loading export logs: 25 read"]


def test_the_number_of_logs_read_is_reported_every_few_seconds(monkeypatch):
    """Of all that were read so far."""
    told = []
    read = load.progress(told.append)
    read(1_000)
    monkeypatch.setattr(load, "SECONDS_BETWEEN", 0)
    read(0)
    read(500)
    assert told == ["Loading export logs: 1,000 read", "Loading export logs: 1,500 read"]


def test_progress_that_dlt_could_print_does_not_come_between_the_results(job):
    """Its setting is meant for another pipeline."""
    assert job.run(PROGRESS="log")["ok"]
