"""Folders whose names are syntax to somebody, and settings of dlt's that are meant for another pipeline."""

from __future__ import annotations

import pytest

from didomi_source.cli.demo import _environment
from didomi_source.warehouse.credentials import duckdb_path
from didomi_source.warehouse.open import open_temporary
from didomi_source.warehouse.target import Target

DEFAULT = {"DESTINATION__DUCKDB__CREDENTIALS": ""}  # warehouse.duckdb in the folder


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("it's", "{}/.didomi has ' in its path, which cannot be loaded from: choose a folder with --working-dir"),
        ("100%'s", "{}/.didomi has % and ' in its path, which cannot be loaded from: choose a folder with --working-dir"),
        ("status=failed", "{}/.didomi has = in its path, which cannot be loaded from: choose a folder with --working-dir"),
        ("q?a", "{}/warehouse.duckdb has ? in its path, which DuckDB or dbt cannot use: name a file in another folder"),
        ("a#b;c", "{}/warehouse.duckdb has # and ; in its path, which DuckDB or dbt cannot use: name a file in another folder"),
    ],
)  # fmt: skip
def test_a_path_that_is_syntax_is_refused_before_anything_is_read(new_job, api, name, line) -> None:
    """Exit 78, and the way out, by check too; nothing was asked of the API, and no warehouse was made."""
    job = new_job(name)
    done = job.didomi("run", **DEFAULT)
    assert (done.code, done.err.splitlines()[-1]) == (78, f"didomi: {line.format(job.folder)}")
    assert (api.requests, list(job.folder.rglob("*.duckdb"))) == ([], [])
    assert f"failed  destination: {line.format(job.folder)}" in job.didomi("check", **DEFAULT).out


@pytest.mark.parametrize("name", ["sp ace é", "[ab]*", '{{ braces }} a"b'])
def test_other_names_of_folders_work(new_job, name) -> None:
    """Of the working directory, and of the warehouse."""
    job = new_job(name)
    assert job.didomi("run", "--skip-models", **DEFAULT).code == 0
    assert (job.folder / "warehouse.duckdb").exists()


def test_dev_mode_of_dlt_is_ignored_with_a_word(job) -> None:
    """It would make a new dataset each time, and read everything again."""
    for name in ("DEV_MODE", "PIPELINES__DIDOMI__DEV_MODE"):
        summary = job.run(**{name: "true"})
        assert summary["notes"] == ["dlt's setting dev_mode is ignored: it would load into a new dataset each time"]
    schemas = "select schema_name from duckdb_schemas() where schema_name like 'didomi%' order by 1"
    assert job.sql(schemas) == [("didomi_raw",), ("didomi_raw_staging",)]
    assert job.run()["notes"] == []


def test_settings_of_the_pipeline_alone_are_followed_and_lead_no_demo_astray(tmp_path, monkeypatch) -> None:
    """dlt looks for them before the general ones; the demo stays in its own file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESTINATION__DUCKDB__CREDENTIALS", raising=False)
    monkeypatch.setenv("DIDOMI__DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{tmp_path}/mine.duckdb")
    with open_temporary(Target(working_dir=tmp_path)) as pipeline:
        assert duckdb_path(pipeline) == tmp_path / "mine.duckdb"
    with (
        _environment({"DESTINATION__DUCKDB__CREDENTIALS": f"duckdb:///{tmp_path}/demo.duckdb"}),
        open_temporary(Target(working_dir=tmp_path)) as pipeline,
    ):
        assert duckdb_path(pipeline) == tmp_path / "demo.duckdb"
