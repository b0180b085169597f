"""The source in a pipeline of one's own, on destinations of dlt that differ most: what it loads is the same on each."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from didomi_sandbox import Sandbox, Store, plain_store
from didomi_source import Request, didomi_deliveries
from didomi_source.errors import ConfigurationError
from support.datasets import DATASETS, Dataset, postgres_datasets, source_of
from support.deliveries import lab
from support.faults.leaks import leaks, secrets_of
from support.warehouse import EXPORT, Row, Start

LOGS = 12
PENDING, GONE = "log-000009", "log-000002"
MERGED_AND_APPENDED = ("duckdb", "jsonl")  # where a test would show the same on the others


# Small, so that a list of a dozen logs is read incrementally.
SETTINGS = {"page_size": 3, "lookback_days": 0.05}


def store() -> Store:
    """Logs up to now: one pending, one with further fields, one odd, and an item that is no log."""
    logs = plain_store(LOGS, step=3600.0, until=datetime.now(timezone.utc).timestamp())
    logs.update(PENDING, {"status": "pending", "metrics": {}})
    logs.update("log-000003", {"region": "eu", "metrics": {"users": 3, "share": 0.5, "is_test": True}})
    logs.update("log-000004", {"status": "failed", "result": "Accès refusé", "metrics": {"users": "many"}})
    logs.add_log(EXPORT, id={"no": "id"})
    return logs


@pytest.fixture(scope="module")
def in_postgres() -> Iterator[Callable[[Path], Dataset]]:
    with postgres_datasets() as dataset:
        yield dataset


@pytest.fixture(params=[*DATASETS, "postgres"])
def dataset(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A dataset that is empty, at each destination."""
    monkeypatch.chdir(tmp_path)
    make = request.getfixturevalue("in_postgres") if request.param == "postgres" else DATASETS[request.param]
    return make(tmp_path)


@pytest.fixture
def api(sandbox: Start) -> Sandbox:
    return sandbox(store())


on_few = pytest.mark.parametrize("dataset", MERGED_AND_APPENDED, indirect=True)


def source(api: Sandbox, **settings: Any) -> Any:
    """The source, as its owner makes it."""
    return source_of(api, **SETTINGS, **settings)


def full(api: Sandbox) -> Any:
    """The source, asked to read every log."""
    return source(api, request=Request(full=True))


def logs(dataset: Dataset) -> dict[str, Row]:
    """What each log's row says of the log."""
    names = ("status", "metrics__users", "result", "raw_log", "flags", "region", "metrics__share", "metrics__is_test")
    return {row["id"]: {name: row[name] for name in names} for row in dataset.rows("export_logs")}


def expected(log: Row) -> Row:
    """The same, from what the API holds."""
    metrics, is_odd = log["metrics"], isinstance(log["metrics"].get("users"), str)
    return {
        "status": log["status"],
        "metrics__users": None if is_odd else metrics.get("users"),
        "result": log["result"],
        "raw_log": log,
        "flags": ["metrics.users: not a whole number of 64 bits"] if is_odd else None,
        "region": log.get("region"),
        "metrics__share": metrics.get("share"),
        "metrics__is_test": metrics.get("is_test"),
    }


def truth(api: Sandbox) -> dict[str, Row]:
    return {log["id"]: expected(log) for log in api.store.logs() if isinstance(log["id"], str)}


def history(dataset: Dataset) -> dict[str, list[tuple[int, str, datetime]]]:
    """Of each log its states: sequence, status, and when they were first observed."""
    found: dict[str, list[tuple[int, str, datetime]]] = {}
    for row in dataset.rows("export_log_history"):
        found.setdefault(row["log_id"], []).append((row["sequence"], row["status"], row["first_observed_at"]))
    return {log_id: sorted(states) for log_id, states in found.items()}


def missing(dataset: Dataset) -> set[str]:
    return {row["id"] for row in dataset.rows("export_logs") if row["missing_at_source_since"]}


def latest_sync(dataset: Dataset) -> Row:
    return max(dataset.rows("export_syncs"), key=lambda row: row["started_at"])


# -- what is loaded ------------------------------------------------------------------------------


def test_what_the_api_holds_is_loaded_once_and_follows_it(dataset: Dataset, api: Sandbox) -> None:
    """Tables, counts and values; a second run loads nothing; what settled or came is loaded, also after a new start."""
    first = dataset.load(source(api))
    assert first == {"exports": 1, "export_logs": LOGS, "export_log_history": LOGS, "export_syncs": 1,
                     "export_log_quarantine": 1}  # fmt: skip
    assert logs(dataset) == truth(api)
    assert latest_sync(dataset)["logs_known"] == LOGS
    seen = history(dataset)
    assert dataset.load(source(api)) == {"export_syncs": 1}
    assert latest_sync(dataset)["mode"] == "incremental"
    assert dataset.load(full(api)) == {"export_syncs": 1}

    api.store.settle(PENDING, users=17)
    api.store.add_log(EXPORT, id="new", users=1)
    dataset.lose_working_directory()
    assert dataset.load(source(api)) == {"export_logs": 2, "export_log_history": 2, "export_syncs": 1}
    assert logs(dataset) == truth(api)
    now = history(dataset)
    assert [state[:2] for state in now[PENDING]] == [(1, "pending"), (2, "completed")]
    assert {log_id: states[0] for log_id, states in now.items() if log_id != "new"} == {
        log_id: states[0] for log_id, states in seen.items()
    }
    assert dataset.load(source(api)) == {"export_syncs": 1}


def test_a_log_that_is_gone_is_marked_once_and_unmarked_when_it_returns(dataset: Dataset, api: Sandbox) -> None:
    """Full reads write no further row of it, and an append-only folder holds one row more for each change."""
    dataset.load(source(api))
    (gone,) = api.store.purge([GONE])
    written = [dataset.load(full(api)).get("export_logs", 0) for _ in range(3)]
    assert (written, missing(dataset)) == ([1, 0, 0], {GONE})
    api.store.add_logs([gone])
    written = [dataset.load(full(api)).get("export_logs", 0) for _ in range(2)]
    assert (written, missing(dataset), logs(dataset)) == ([1, 0], set(), truth(api))
    assert dataset.count("export_logs") == (LOGS + 2 if dataset.appends else LOGS)
    assert dataset.count("export_log_history") == LOGS


def test_no_secret_is_in_the_files_or_the_trace(dataset: Dataset, api: Sandbox) -> None:
    pipeline = dataset.pipeline()
    dataset.load(source(api), pipeline=pipeline)
    rows = "\n".join(map(str, dataset.contents().values()))
    trace = pipeline.last_trace
    assert trace is not None
    assert leaks(secrets_of(api), dataset.folder, rows, trace.asstr(verbosity=2), str(trace.asdict())) == []


def test_deliveries_follow_their_files(dataset: Dataset, tmp_path: Path) -> None:
    """A partition is loaded once, and marked once when its files are gone."""
    bucket = lab.Place(tmp_path / "bucket")
    bucket.put(lab.partition(lab.users(3)) | lab.partition(lab.users(5), day=date(2026, 11, 21)))

    def load() -> int:
        return dataset.load(didomi_deliveries(bucket_url=bucket.url)).get("export_deliveries", 0)

    written = [load(), load()]
    shutil.rmtree(bucket.root / lab.folder_of())
    written += [load(), load()]
    assert written == [2, 0, 1, 0]
    rows = sorted(dataset.rows("export_deliveries"), key=lambda row: row["delivery_date"])
    assert [(row["records"], bool(row["gone_since"])) for row in rows] == [(3, True), (5, False)]
    words = "refresh='drop_data' would empty export_deliveries, and"
    assert words in refusal(dataset, didomi_deliveries(bucket_url=bucket.url), refresh="drop_data")


@pytest.mark.parametrize("table", ["export_logs", "export_log_history", "export_syncs", "exports"])
@on_few
def test_a_table_that_somebody_dropped_is_filled_by_the_next_run(dataset: Dataset, api: Sandbox, table: str) -> None:
    """The others keep what they have: no first sight is overwritten, and no state recorded twice."""
    dataset.load(source(api))
    before = history(dataset)
    dataset.drop(table)
    if table == "export_log_history":
        dataset.load(source(api))
        assert latest_sync(dataset)["mode_reason"] == f"the history lacks {LOGS} logs"
        assert {log_id: [state[:2] for state in states] for log_id, states in history(dataset).items()} == {
            log_id: [state[:2] for state in states] for log_id, states in before.items()
        }
    else:
        dataset.load(source(api))
        assert history(dataset) == before
    assert (logs(dataset), len(dataset.rows("exports"))) == (truth(api), 1)
    assert dataset.load(source(api)) == {"export_syncs": 1}


# -- dlt's switches ------------------------------------------------------------------------------


def filtered(made: Any) -> Any:
    made.export_logs.add_filter(lambda _: False)
    return made


def split(made: Any) -> Any:
    made.export_log_history.add_yield_map(lambda item: iter([item]))
    return made


def incremental(made: Any) -> Any:
    made.export_logs.apply_hints(incremental=dlt.sources.incremental("extracted_at"))
    return made


def nested(made: Any) -> Any:
    made.max_table_nesting = 2
    return made


def only(*names: str) -> Callable[[Any], Any]:
    return lambda made: made.with_resources(*names)


# What a pipeline's owner may reach for: switches of `pipeline.run`, or what is done to the source → what is said.
REFUSED: dict[str, tuple[Row, Callable[[Any], Any] | None, str]] = {
    "drop_sources": ({"refresh": "drop_sources"}, None, "refresh='drop_sources' would empty export_log_history, "),
    "drop_resources": ({"refresh": "drop_resources"}, None, "refresh='drop_resources' would empty export_log_history, "),
    "drop_data": ({"refresh": "drop_data"}, None, "refresh='drop_data' would empty export_log_history, "),
    "replace": ({"write_disposition": "replace"}, None, "write_disposition 'replace' of exports would lose or double"),
    "append": ({"write_disposition": "append"}, None, "write_disposition 'append' of exports would lose or double"),
    "skip": ({"write_disposition": "skip"}, None, "write_disposition 'skip' of exports would lose or double"),
    "upsert": ({"write_disposition": {"disposition": "merge", "strategy": "upsert"}}, None, "write_disposition 'upsert' of"),
    "scd2": ({"write_disposition": {"disposition": "merge", "strategy": "scd2"}}, None, "write_disposition 'scd2' of"),
    "table_name": ({"table_name": "logs"}, None, "exports is read back by its name, and so cannot be loaded as logs"),
    "primary_key": ({"primary_key": "export_id"}, None, "its keys decide which row replaces which"),
    "columns": ({"columns": {"created_at": {"data_type": "text"}}}, None, "its keys decide which row replaces which"),
    "table_format": ({"table_format": "delta"}, None, "table_format 'delta' of exports does not merge"),
    "discard_row": ({"schema_contract": "discard_row"}, None, "would drop rows or values of exports without a word"),
    "discard_value": ({"schema_contract": {"columns": "discard_value"}}, None, "schema_contract columns=discard_value"),
    "logs alone": ({}, only("export_logs"), "select export_log_history, export_log_quarantine, export_syncs too"),
    "history alone": ({}, only("export_log_history"), "select export_log_quarantine, export_logs, export_syncs too"),
    "without history": ({}, only("exports", "export_logs", "export_syncs", "export_log_quarantine"),
                        "select export_log_history too"),
    "filter": ({}, filtered, "FilterItem on export_logs may drop rows"),
    "yield_map": ({}, split, "YieldMapItem on export_log_history may drop rows"),
    "incremental": ({}, incremental, "on export_logs may drop rows"),
    "jsonl": ({"loader_file_format": "jsonl"}, None, "in jsonl files cannot be loaded"),
    "model": ({"loader_file_format": "model"}, None, "in model files cannot be loaded"),
    "nesting": ({}, nested, "max_table_nesting has to be 0"),
}  # fmt: skip


DROPPING = ("drop_sources", "drop_resources", "drop_data", "replace", "append", "logs alone")


def refusal(dataset: Dataset, made: Any, **switches: Any) -> str:
    """What a run that is refused says."""
    with pytest.raises(PipelineStepFailed) as caught:
        dataset.load(made, **switches)
    error: BaseException | None = caught.value
    while error is not None and not isinstance(error, ConfigurationError):
        error = error.__cause__
    return str(error)


def test_a_switch_that_would_lose_something_is_refused_and_nothing_dropped(dataset: Dataset, api: Sandbox) -> None:
    """Each says which, and what to do; the tables are as before, and so is the next run without it."""
    dataset.load(source(api))
    before = dataset.contents()
    wrong = {}
    for name in REFUSED if dataset.name == "duckdb" else DROPPING:
        switches, change, words = REFUSED[name]
        message = refusal(dataset, change(source(api)) if change else source(api), **switches)
        if words not in message or not message.endswith(". Nothing was read or dropped"):
            wrong[name] = message
    assert wrong == {}
    assert dataset.contents() == before
    assert dataset.load(source(api)) == {"export_syncs": 1}


@pytest.mark.parametrize("dataset", ["duckdb"], indirect=True)
def test_a_list_of_resources_is_refused_where_it_would_get_child_tables(dataset: Dataset, api: Sandbox) -> None:
    """Without the source, dlt takes the pipeline's own schema, which nests."""
    words = "leave it out, and pass the source to `pipeline.run()`, not a list of its resources"
    assert words in refusal(dataset, [*source(api).resources.values()])


@on_few
def test_a_switch_is_refused_in_a_first_run_too(dataset: Dataset, api: Sandbox) -> None:
    """Where dlt has nothing to drop yet, a refresh is nothing to refuse."""
    for name in ("replace", "append", "logs alone", "filter", "discard_row"):
        switches, change, words = REFUSED[name]
        assert words in refusal(dataset, change(source(api)) if change else source(api), **switches)
    assert dataset.load(source(api), refresh="drop_sources")["export_logs"] == LOGS
    assert logs(dataset) == truth(api)


def mapped(made: Any) -> Any:
    made.exports.add_map(lambda row: row)
    return made


@pytest.mark.parametrize(
    "change",
    [lambda made: made.add_limit(1), lambda made: made.parallelize(), mapped,
     lambda made: made.with_resources("exports", "export_logs", "export_log_history", "export_syncs",
                                          "export_log_quarantine")],
    ids=["add_limit", "parallelize", "add_map", "with_resources"],
)  # fmt: skip
@on_few
def test_a_switch_that_loses_nothing_changes_nothing(
    dataset: Dataset, api: Sandbox, change: Callable[[Any], Any]
) -> None:
    """`add_limit` has no effect on transformers, as dlt says itself."""
    dataset.load(change(source(api)))
    assert logs(dataset) == truth(api)
    assert dataset.load(change(source(api))) == {"export_syncs": 1}


@pytest.mark.parametrize("dataset", ["duckdb"], indirect=True)
def test_rows_may_be_looked_at_after_a_run(dataset: Dataset, api: Sandbox) -> None:
    """As in a notebook, while its pipeline is still active: nothing is loaded."""
    made = source(api)
    dataset.load(made)
    assert list(source(api).with_resources("exports")) == []
    assert dataset.load(source(api)) == {"export_syncs": 1}


@on_few
def test_the_exports_may_be_loaded_alone(dataset: Dataset, api: Sandbox) -> None:
    """Before or after the logs, also as a resource on its own."""
    assert dataset.load(source(api).with_resources("exports")) == {"exports": 1}
    assert dataset.load(source(api))["export_logs"] == LOGS
    assert dataset.load(source(api).exports) == {}
    assert dataset.load(source(api)) == {"export_syncs": 1}
    assert logs(dataset) == truth(api)


def test_a_frozen_contract_holds(dataset: Dataset, api: Sandbox) -> None:
    """Types may be frozen from the first run on, everything from the second; a new column is then refused aloud."""
    dataset.load(source(api), schema_contract={"data_type": "freeze"})
    assert logs(dataset) == truth(api)
    api.store.settle(PENDING, users=17)
    assert dataset.load(source(api), schema_contract="freeze")["export_logs"] == 1
    assert logs(dataset) == truth(api)
    api.store.add_log(EXPORT, id="new", colour="red")
    with pytest.raises(PipelineStepFailed, match="Contract on `columns` with `contract_mode=freeze` is violated"):
        dataset.load(source(api), schema_contract="freeze")
    dataset.pipeline().drop_pending_packages()
    dataset.load(source(api), schema_contract="evolve")
    assert set(logs(dataset)) == set(truth(api))


@on_few
def test_dev_mode_loads_everything_into_a_dataset_of_its_own(dataset: Dataset, api: Sandbox) -> None:
    dataset.load(source(api))
    pipeline = dataset.pipeline(dev_mode=True)
    assert dataset.load(source(api), pipeline=pipeline)["export_logs"] == LOGS
    assert len(dataset.rows("export_logs", pipeline)) == LOGS
    assert dataset.load(source(api)) == {"export_syncs": 1}
    assert logs(dataset) == truth(api)


@on_few
def test_what_is_extracted_is_loaded_before_more_is_extracted(dataset: Dataset, api: Sandbox) -> None:
    """The destination does not show it yet, and it would be read, and first observed, a second time."""
    pipeline = dataset.pipeline()
    pipeline.extract(source(api), loader_file_format=dataset.file_format)
    with pytest.raises(PipelineStepFailed, match=r"call `pipeline.normalize\(\)` and `pipeline.load\(\)` first"):
        pipeline.extract(source(api), loader_file_format=dataset.file_format)
    pipeline.normalize()
    pipeline.load()
    assert logs(dataset) == truth(api)


@pytest.mark.parametrize("dataset", ["jsonl"], indirect=True)
def test_a_folder_is_loaded_in_one_format_that_can_be_read_back(dataset: Dataset, api: Sandbox) -> None:
    for file_format in ("csv", "insert_values"):
        said = refusal(dataset, source(api), loader_file_format=file_format)
        assert f"exports in {file_format} files cannot be read back" in said
    dataset.load(source(api))
    assert "the folder of exports holds jsonl files" in refusal(dataset, source(api), loader_file_format="parquet")
    assert dataset.load(source(api)) == {"export_syncs": 1}


@pytest.mark.parametrize("dataset", ["jsonl"], indirect=True)
def test_a_folder_without_duckdb_is_refused_with_advice(
    dataset: Dataset, api: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_duckdb(*_: Any) -> Any:
        raise ModuleNotFoundError("No module named 'duckdb'")

    monkeypatch.setattr(dlt.Pipeline, "sql_client", without_duckdb)
    assert refusal(dataset, source(api)) == (
        "filesystem cannot be read back, and so each run would load everything again: No module named 'duckdb' "
        "(folders are read with DuckDB: pip install 'didomi-source[duckdb]')"
    )


@pytest.mark.parametrize("dataset", ["duckdb"], indirect=True)
def test_a_first_run_on_duckdb_warns_of_nothing(
    dataset: Dataset, api: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """Arrow has no JSON, and dlt would say of each table that its hints differ."""
    dlt_log = logging.getLogger("dlt")
    dlt_log.addHandler(caplog.handler)
    before = dlt_log.level
    try:
        pipeline = dataset.pipeline()
        dlt_log.setLevel("WARNING")
        api.store.purge(["log-000003"])
        dataset.load(source(api), pipeline=pipeline)
    finally:
        dlt_log.setLevel(before)
        dlt_log.removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_destination_without_sql_is_given_everything_each_time(api: Sandbox, tmp_path: Path) -> None:
    dataset = Dataset("dummy", tmp_path, lambda _: dlt.destinations.dummy(completed_prob=1.0), "jsonl")
    assert [dataset.load(source(api))["export_logs"] for _ in range(2)] == [LOGS, LOGS]
