"""dbt gets ready while the warehouse is in use, and waits; what makes it start faster can be missing."""

from __future__ import annotations

import errno
import json
import re
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace

import duckdb
import jinja2
import pytest

from didomi_sandbox import Sandbox
from didomi_source.cli.demo import settings_of
from didomi_source.errors import ConfigurationError, ModelsFailed
from didomi_source.job import run
from didomi_source.warehouse import dbt, dbt_process, dbt_speed
from didomi_source.warehouse.target import Target
from support.harness import Job

SLOW = """
import dbt.cli.main
from didomi_source.warehouse import dbt_speed

def nothing(name):
    raise ImportError(name)

del dbt.cli.main.dbtRunner
dbt_speed.import_module = nothing
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a build in a DuckDB file that does not exist yet."""
    monkeypatch.chdir(tmp_path)
    return {"DIDOMI_TARGET": "duckdb", "DIDOMI_DBT_SCHEMA": "didomi", "DIDOMI_DUCKDB_PATH": str(tmp_path / "w.duckdb")}


def test_dbt_waits_with_the_project_parsed(tmp_path: Path, environment: dict[str, str]) -> None:
    """It opens the warehouse only when it may, and ends with the block if it never might."""
    parsed, file = tmp_path / "dbt" / "partial_parse.msgpack", tmp_path / "w.duckdb"
    with dbt.started(tmp_path) as build:
        assert not parsed.parent.exists()
        build.order("build", environment, {})
        deadline = time.monotonic() + 120
        while not parsed.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        assert (parsed.exists(), file.exists(), build._process.poll()) == (True, False, None)
    assert (build._process.poll(), file.exists()) == (1, False)


def test_a_run_that_is_refused_starts_no_dbt(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever calls it from Python: settings and lock come first."""
    monkeypatch.setattr(dbt, "started", None)
    monkeypatch.delenv("SOURCES__DIDOMI__API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="not configured"):
        run()


def test_where_no_more_processes_are_allowed_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line; nothing was written."""

    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("subprocess.Popen", refuse)
    message = "dbt cannot be started (Resource temporarily unavailable): end other processes, or run without models (--skip-models)"
    with pytest.raises(ModelsFailed, match=f"^{re.escape(message)}$"), dbt.started(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_project_that_cannot_be_parsed_is_reported_by_the_build(tmp_path: Path, environment: dict[str, str]) -> None:
    """With dbt's words; results of an earlier build are not taken for its own."""
    for name in ("results.json", "run_results.json"):
        (tmp_path / "dbt").mkdir(exist_ok=True)
        (tmp_path / "dbt" / name).write_text('{"results": []}')
    with dbt.started(tmp_path) as build:
        build.order("build", {**environment, "DIDOMI_TARGET": "nowhere"}, {})
        with pytest.raises(ModelsFailed, match="dbt could not build the models: it ended with 2: .*- snowflake"):
            build.run()


def test_a_file_that_readers_hold_is_asked_for_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers that poll leave it free for moments only. Another error is told at once."""
    answers: list[object] = [*[duckdb.IOException("IO Error: Could not set lock on file")] * 3, "open"]
    asked: list[tuple[str, bool]] = []

    def connect(path: str, *, read_only: bool) -> object:
        asked.append((path, read_only))
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(duckdb, "connect", connect)
    dbt_process._try_for_longer()
    assert duckdb.connect("w.duckdb", read_only=False) == "open"
    assert asked == [("w.duckdb", False)] * 4
    answers.append(duckdb.IOException("IO Error: No space left on device"))
    with pytest.raises(duckdb.IOException, match="No space left"):
        duckdb.connect("w.duckdb", read_only=False)
    monkeypatch.setattr(dbt_process, "_TRY_SECONDS", 0)
    answers.append(duckdb.IOException("IO Error: Could not set lock on file"))
    with pytest.raises(duckdb.IOException, match="Could not set lock"):
        duckdb.connect("w.duckdb", read_only=False)


def test_without_what_makes_it_fast_the_same_is_built(
    api: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of dbt may have moved all of it; then its command line builds, and its results are read."""
    monkeypatch.chdir(tmp_path)
    for variable, setting in settings_of(api, tmp_path / "w.duckdb").items():
        monkeypatch.setenv(variable, setting)
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "sitecustomize.py").write_text(SLOW)
    results = []
    for path in ("", str(tmp_path / "slow")):
        monkeypatch.setenv("PYTHONPATH", path)
        models = run(Target()).models
        assert models
        results.append((models.counts, models.failures, models.warnings))
        artefacts = [(tmp_path / ".didomi" / "dbt" / name).exists() for name in ("results.json", "run_results.json")]
        assert artefacts == [not path, bool(path)]
    assert results[0] == results[1] == ({"success": 21, "pass": 11, "no-op": 2}, [], [])


def test_nothing_is_changed_where_dbt_has_moved_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a missing module nor a missing attribute keeps dbt from starting."""
    base = SimpleNamespace(BaseConfig=SimpleNamespace())
    for found in (lambda name: base, ModuleType):
        monkeypatch.setattr(dbt_speed, "import_module", found)
        dbt_speed.tune(tmp_path)
    assert vars(base.BaseConfig) == {}


def test_a_kept_schema_is_the_computed_one(tmp_path: Path) -> None:
    """It is computed once for these versions; a damaged file is computed again."""
    computed = []

    def build(cls: type) -> SimpleNamespace:
        computed.append(cls)
        return SimpleNamespace(to_dict=lambda: {"title": cls.__name__})

    for _ in range(2):
        assert dbt_speed._kept(build, tmp_path)(dict).to_dict() == {"title": "dict"}
    assert computed == [dict]
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text()) == {"builtins.dict": {"title": "dict"}}
    for damaged in ("{", "[1]"):
        file.write_text(damaged)
        assert dbt_speed._kept(build, tmp_path)(dict).to_dict() == {"title": "dict"}
    assert computed == [dict] * 3


def test_a_kept_template_is_the_compiled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its source and its environment; a damaged file is compiled again."""
    monkeypatch.setattr(jinja2.Environment, "compile", jinja2.Environment.compile)  # is put back
    dbt_speed._keep_templates(tmp_path / "kept")
    for _ in range(2):
        environment = jinja2.Environment()
        assert environment.from_string("{{ 1 + a }}").render(a=2) == "3"
        assert (
            jinja2.Environment(variable_start_string="<<", variable_end_string=">>").from_string("{{ 1 + a }}").render()
            == "{{ 1 + a }}"
        )
    files = list((tmp_path / "kept").iterdir())
    for file in files:
        file.write_bytes(b"damaged")
    assert environment.from_string("{{ 1 + a }}").render(a=2) == "3"
    assert len(files) == 2


def test_a_view_gives_way_to_a_table_and_a_table_to_a_view(job: Job) -> None:
    """As after another version, which built them otherwise."""
    with duckdb.connect(str(job.path)) as connection:
        connection.execute("create schema didomi_staging; create schema didomi_marts")
        connection.execute("create table didomi_staging.stg_didomi__exports as select 1 as x")
        connection.execute("create view didomi_marts.didomi__export_runs as select 1 as x")
    assert job.didomi("run").code == 0
    kinds = job.sql(
        "select table_name, table_type from information_schema.tables"
        " where table_name in ('stg_didomi__exports', 'didomi__export_runs') order by 1"
    )
    assert kinds == [("didomi__export_runs", "BASE TABLE"), ("stg_didomi__exports", "VIEW")]


@pytest.mark.parametrize("cannot", ["nothing", "write bytecode", "write there"])
def test_what_was_computed_is_kept_with_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cannot: str
) -> None:
    """A first run in any folder finds it; in the working folder where Python may keep its bytecode nowhere."""
    installed = tmp_path / "cache"
    monkeypatch.setattr("sys.pycache_prefix", str(installed))
    monkeypatch.setattr("sys.dont_write_bytecode", cannot == "write bytecode")
    if cannot == "write there":
        installed.write_text("no folder")
    kept: list[Path] = []
    for change in ("_keep_schemas", "_keep_templates"):
        monkeypatch.setattr(dbt_speed, change, kept.append)
    dbt_speed.tune(tmp_path / "dbt")
    beside = installed / Path(dbt_speed.__file__).parent.relative_to("/") / "dbt"
    assert kept == [beside if cannot == "nothing" else tmp_path / "dbt" / "start"] * 2
