"""What a run reports to have built is in the warehouse; settings of another dbt project change nothing of it."""

from __future__ import annotations

import json

import duckdb

from didomi_source.cli.demo import settings_of
from didomi_source.job import Options, run
from didomi_source.job.verify import unbuilt
from didomi_source.warehouse import dbt
from didomi_source.warehouse.target import Target
from support.harness import OTHER_DBT

MARTS = sorted(path.stem for path in (dbt.project_dir() / "models/marts").glob("*.sql"))


def variables_of_dbt() -> set[str]:
    """Every variable that an option of dbt is read from."""
    from dbt.cli.main import cli

    def of(command):
        for option in command.params:
            yield from [option.envvar] if isinstance(option.envvar, str) else option.envvar or ()
        for child in getattr(command, "commands", {}).values():
            yield from of(child)

    return set(of(cli))


def test_no_variable_of_another_dbt_is_inherited() -> None:
    """Nor a credential of the API; what the job sets for dbt comes afterwards."""
    known = variables_of_dbt()
    assert OTHER_DBT.keys() <= known
    given = dict.fromkeys([*known, "DBT_ENV_SECRET_TOKEN", "DBT_ENV_CUSTOM_ENV_X", "SOURCES__DIDOMI__API_KEY"], "x")
    assert dbt._inherited({**given, "PATH": "/bin"}) == {"PATH": "/bin"}


def test_a_run_beside_another_dbt_builds_everything(job) -> None:
    """Its settings are in the environment of every test of the job."""
    assert job.environment.items() >= OTHER_DBT.items()
    done = job.didomi("run", "--json")
    summary = json.loads(done.out)
    assert (done.code, summary["models"]["failures"], summary["models"]["counts"]["success"]) == (0, [], 21)
    assert job.sql("select count(*) from didomi_marts.didomi__export_runs") == [(30,)]


def test_a_build_that_is_not_there_fails_by_name(api, tmp_path, monkeypatch) -> None:
    """Should something else that dbt understands get through one day; DBT_EMPTY is let through here."""
    monkeypatch.chdir(tmp_path)
    for variable, setting in settings_of(api, tmp_path / "w.duckdb").items():
        monkeypatch.setenv(variable, setting)
    assert run(Target(), Options()).exit_code == 0
    monkeypatch.setattr(dbt, "_WITHHELD", ("SOURCES__",))
    for name, value, failures in (
        ("DBT_EMPTY", "true", ["model didomi__export_runs: 0 rows for 30 logs"]),
        ("DBT_RESOURCE_TYPES", "test", [f"model {name}: dbt did not build it" for name in sorted(dbt.model_names())]),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            summary = run(Target(), Options())
        assert (summary.models.failures, summary.exit_code) == (failures, 1)


def test_marts_are_looked_for_after_the_build(tmp_path, monkeypatch) -> None:
    """Each by name; and the runs are as many as the logs, of which another machine may have loaded some since."""
    path = tmp_path / "w.duckdb"
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{path}")
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema didomi_raw; create schema didomi_marts")
        connection.execute("create table didomi_raw.export_logs as select range::varchar as id from range(5)")
        for name in MARTS[:-1]:
            connection.execute(f"create table didomi_marts.{name} as select range from range(4)")
    found = {logs: unbuilt(Target(), logs) for logs in (3, 4, 5)}
    missing = [f"model {MARTS[-1]}: it is not in didomi_marts"]
    assert found == {3: missing, 4: missing, 5: [*missing, "model didomi__export_runs: 4 rows for 5 logs"]}


def test_dbt_is_told_apart_by_what_it_wrote(tmp_path) -> None:
    """A model that failed is named once, with dbt's words; one without a result is named, too."""
    names = sorted(dbt.model_names())
    results = [{"unique_id": f"model.didomi.{name}", "status": "success", "message": None} for name in names]

    def read(results):
        file = tmp_path / "run_results.json"
        file.write_text(json.dumps({"results": results}))
        return dbt._read(file, 0.0).failures

    broken = {**results[3], "status": "error", "message": "division by zero"}
    assert read(results) == []
    assert read(results[1:]) == [f"model {names[0]}: dbt did not build it"]
    assert read([{**results[0], "status": "skipped"}, *results[1:]]) == [f"model {names[0]}: dbt did not build it"]
    assert read([broken, *results[5:]]) == [f"model {names[3]}: division by zero"]


def test_the_manifest_is_written_beside_another_dbt(tmp_path, monkeypatch) -> None:
    """For Dagster, whose own preparation would inherit all of it."""
    for name, value in OTHER_DBT.items():
        monkeypatch.setenv(name, value)
    manifest = dbt.write_manifest(tmp_path / "dagster")
    nodes = json.loads(manifest.read_text())["nodes"].values()
    assert {node["name"] for node in nodes if node["resource_type"] == "model"} == dbt.model_names()
    assert {node["schema"] for node in nodes if node["name"] in MARTS} == {"didomi_marts"}
