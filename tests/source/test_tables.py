"""What the tables hold, whatever the API sends."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from didomi_sandbox import Behaviour, Fault, Store, plain_store
from didomi_sandbox.payloads import mutate_log
from didomi_source.reading.fields import MAX_EXTRA_COLUMNS
from didomi_source.reading.logs import MAX_FLAGS
from didomi_source.schema import TABLES as DECLARED
from support.warehouse import EXPORT, TABLES, Row, Start, Warehouse

CREATED = "2026-03-01T04:12:07.000Z"
DUCKDB_TYPES = {
    "text": "VARCHAR",
    "bigint": "BIGINT",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "json": "JSON",
    "bool": "BOOLEAN",
}


def store_of(*logs: Row) -> Store:
    """One export with logs that have these fields beside the usual ones."""
    store = plain_store(0)
    for number, fields in enumerate(logs):
        store.add_log(EXPORT, **{"id": f"log-{number}", "created_at": CREATED, "updated_at": CREATED, **fields})
    return store


def only(warehouse: Warehouse) -> Row:
    (row,) = warehouse.logs().values()
    return row


@pytest.mark.parametrize("store", [plain_store(0), plain_store(3)])
def test_all_tables_and_columns_exist_from_the_first_run_on(sandbox: Start, warehouse: Warehouse, store: Store) -> None:
    """Every documented table and column is there with its type, whether or not a row ever had it."""
    warehouse.load(sandbox(store))
    for table in TABLES:
        expected = {name: DUCKDB_TYPES[column["data_type"]] for name, column in DECLARED[table].items()}
        assert warehouse.columns(table) == expected


def test_there_are_no_child_tables(sandbox: Start, warehouse: Warehouse) -> None:
    """Lists and objects stay in their row, however deep they are."""
    deep = {"by_country": [{"FR": {"users": 1}}], "files": ["a", "b"]}
    server = sandbox(store_of({"metrics": {"users": 1, **deep}, "config": {"frequency": "1 day", "steps": [[1], [2]]}}))
    warehouse.load(server)
    tables = warehouse.sql("select table_name from duckdb_tables() where schema_name = 'didomi_raw'")
    assert {name for (name,) in tables if not name.startswith("_dlt")} == set(TABLES)
    found = warehouse.sql("select metrics__by_country, metrics__files, config__steps from export_logs")
    assert found == [('[{"FR":{"users":1}}]', '["a","b"]', "[[1],[2]]")]


def test_unknown_fields_load_as_new_columns(sandbox: Start, warehouse: Warehouse) -> None:
    """A field that nobody has documented gets a column of its first value's type, in a later run too."""
    server = sandbox(store_of({"region": "eu", "metrics": {"users": 1, "events": 12}}))
    warehouse.load(server)
    server.store.add_log(
        EXPORT, id="new", created_at=CREATED, size=2**40, ratio=0.5, is_test=True, ended="2026-03-01T00:00:00Z",
        config={"frequency": 1, "retries": 3}, tags=["a"],
    )  # fmt: skip
    warehouse.load(server)
    logs = warehouse.logs()
    assert (logs["log-0"]["region"], logs["log-0"]["metrics__events"], logs["log-0"]["flags"]) == ("eu", 12, None)
    new = {
        "size": 2**40, "ratio": 0.5, "is_test": True, "ended": "2026-03-01T00:00:00Z",
        "config__retries": 3, "config__frequency": "1", "tags": '["a"]', "flags": None,
    }  # fmt: skip
    assert {name: logs["new"][name] for name in new} == new
    assert warehouse.columns("export_logs").keys() - DECLARED["export_logs"] == {
        "region", "metrics__events", "size", "ratio", "is_test", "ended", "config__retries", "tags",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ("2026-03-01T00:00:00Z", "whenever", "whenever"),
        (7, "seven", None),
        (7, "8", 8),
        (7, 8.5, None),
        (0.5, "many", None),
        (True, "yes", None),
        ({"a": 1}, 7, None),
        ("seven", 7, "7"),
        ("seven", {"a": 1}, '{"a": 1}'),
    ],
)
def test_a_field_that_changes_its_type_makes_no_second_column(
    sandbox: Start, warehouse: Warehouse, first: Any, second: Any, kept: Any
) -> None:
    """The first value decides the type; what cannot be of it is NULL, flagged and kept in raw_log."""
    server = sandbox(store_of({"extra": first}))
    warehouse.load(server)
    server.store.add_log(EXPORT, id="later", created_at=CREATED, extra=second)
    warehouse.load(server)
    assert warehouse.columns("export_logs").keys() - DECLARED["export_logs"] == {"extra"}
    later = warehouse.logs()["later"]
    assert later["extra"] == kept
    assert later["raw_log"]["extra"] == second
    assert bool(later["flags"]) == (kept is None)


def test_a_type_that_changes_within_a_run_makes_no_second_column(sandbox: Start, warehouse: Warehouse) -> None:
    """A field of three types on one page stays one column."""
    warehouse.load(sandbox(store_of({"extra": "2026-03-01"}, {"extra": 7}, {"extra": [1]}, {"extra": "x"})))
    assert warehouse.columns("export_logs").keys() - DECLARED["export_logs"] == {"extra"}
    assert sorted(row["extra"] for row in warehouse.logs().values()) == ["2026-03-01", "7", "[1]", "x"]


USERS: list[tuple[str, int | None]] = [
    ("digits", 432234),
    ("whole_float", 432234),
    ("int64_max", 2**63 - 1),
    ("int64_over", None),
    ("int64_under", None),
    ("huge_integer", None),
    ("precise", None),
    ("exponent", 1000),
    ("overflow", None),
    ("half", None),
    ("negative", -7),
    ("minus_zero", 0),
    ("nan", None),
    ("infinity", None),
    ("digits_with_comma", None),
    ("word", None),
    ("null", None),
    ("true", None),
    ("list", None),
    ("object", None),
]


def test_users_are_a_number_or_flagged(sandbox: Start, warehouse: Warehouse) -> None:
    """`metrics.users` of any type is a whole number, or NULL with a flag; the good logs beside it are untouched."""
    store = store_of(*({"users": 5} for _ in range(len(USERS) + 1)))
    faults = [Fault(mutate_log(f"users_{name}", log_id=f"log-{n}")) for n, (name, _) in enumerate(USERS)]
    warehouse.load(sandbox(store, faults=faults))
    logs = warehouse.logs()
    found = {name: logs[f"log-{n}"]["metrics__users"] for n, (name, _) in enumerate(USERS)}
    assert found == {**dict(USERS), "precise": 432234}
    flagged = {name for n, (name, _) in enumerate(USERS) if logs[f"log-{n}"]["flags"]}
    assert flagged == {name for name, users in USERS if users is None} - {"null", "precise"}
    assert logs[f"log-{len(USERS)}"]["metrics__users"] == 5
    assert warehouse.rows("export_log_quarantine") == []


TEXTS = {
    "nul": "before\ufffdafter",
    "lone_surrogate": "before\ufffdafter",
    "emoji": "déjà 👩‍👩‍👧 vu",
    "escape_codes": "\x1b[2J\x1b[31mred\x1b[0m\x07",
    "sql": "'; drop table export_logs; --",
    "newlines": "one\r\ntwo\u2028three\n",
    "blank": "   ",
    "empty": "",
    "megabyte": "E" * (1 << 20),
}


def test_any_result_loads(sandbox: Start, warehouse: Warehouse) -> None:
    """A result is loaded as it is; only characters that no warehouse takes are replaced, and flagged."""
    faults = [Fault(mutate_log(f"result_{name}", log_id=f"log-{n}")) for n, name in enumerate(TEXTS)]
    warehouse.load(sandbox(store_of(*({} for _ in TEXTS)), faults=faults))
    logs = warehouse.logs()
    assert {name: logs[f"log-{n}"]["result"] for n, name in enumerate(TEXTS)} == TEXTS
    assert {name for n, name in enumerate(TEXTS) if logs[f"log-{n}"]["flags"]} == {"nul", "lone_surrogate"}
    assert warehouse.load(sandbox(store_of(*({} for _ in TEXTS)), faults=faults)) == {"export_syncs": 1}


@pytest.mark.parametrize("field", ["metrics", "config"])
@pytest.mark.parametrize("value", [None, ["a"], "text", 7])
def test_metrics_and_config_may_be_anything(sandbox: Start, warehouse: Warehouse, field: str, value: Any) -> None:
    """An object that is none leaves its columns NULL and is flagged, unless it is null."""
    warehouse.load(sandbox(store_of({field: value})))
    row = only(warehouse)
    assert row["metrics__users" if field == "metrics" else "config__frequency"] is None
    assert row["raw_log"][field] == value
    assert row["flags"] == (None if value is None else [f"{field}: not an object"])


def test_clashing_names_lose_no_value(sandbox: Start, warehouse: Warehouse) -> None:
    """Of two fields with one column name the exact one wins; the other is flagged and kept in raw_log."""
    fields = {
        "a b": 1, "A B": 2, "_dlt_id": "mine", "metrics__users": 9, "run_id": "theirs", "content_hash": "x",
        "metrics": {"users": 5, "Users": 6}, "id ": "odd", "": "empty", "x" * 300: "long",
    }  # fmt: skip
    server = sandbox(store_of(fields))
    warehouse.load(server)
    row = only(warehouse)
    assert row["raw_log"] == server.store.logs()[0]
    expected = {
        "a_b": 1, "source__dlt_id": "mine", "metrics__users": 5, "source_metrics__users": 9, "source_run_id": "theirs",
        "source_content_hash": "x", "empty": "empty",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert sorted(flag.split(":")[0] for flag in row["flags"]) == ["A B", "metrics.Users", "x" * 80]
    (dlt_id,) = warehouse.sql("select _dlt_id from export_logs")[0]
    assert dlt_id != "mine"


def test_thousands_of_metrics_stay_bounded(sandbox: Start, warehouse: Warehouse) -> None:
    """Of 3,000 metrics the first ones get columns, all stay in raw_log, and one flag counts the rest."""
    metrics = {f"metric_{n}": n for n in range(3000)}
    warehouse.load(sandbox(store_of({"metrics": metrics})))
    row = only(warehouse)
    assert row["raw_log"]["metrics"] == metrics
    assert len(warehouse.columns("export_logs").keys() - DECLARED["export_logs"]) == MAX_EXTRA_COLUMNS
    assert row["metrics__metric_7"] == 7
    assert len(row["flags"]) == MAX_FLAGS + 1
    assert row["flags"][-1] == f"and {3000 - MAX_EXTRA_COLUMNS - MAX_FLAGS} more"


TIMES: dict[str, datetime | None] = {
    "no_fraction": datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc),
    "nanoseconds": datetime(2026, 3, 1, 4, 12, 7, 123456, tzinfo=timezone.utc),
    "offset_no_colon": datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc),
    "offset_half_hour": datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc),
    "no_zone": datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc),
    "basic": datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc),
    "date_only": datetime(2026, 3, 1, tzinfo=timezone.utc),
    "epoch_milliseconds": datetime(2026, 3, 1, 4, 12, 7, 123000, tzinfo=timezone.utc),
    "epoch_text": datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc),
    "year_9999": None,
    "impossible": None,
    "garbage": None,
}


def test_times_of_every_form_load_in_utc(sandbox: Start, warehouse: Warehouse) -> None:
    """A time in any ISO form or as a number is the same moment in UTC; what is none is NULL and flagged."""
    faults = [Fault(mutate_log(f"updated_at_{name}", log_id=f"log-{n}")) for n, name in enumerate(TIMES)]
    warehouse.load(sandbox(store_of(*({} for _ in TIMES)), faults=faults))
    logs = warehouse.logs()
    assert {name: logs[f"log-{n}"]["updated_at"] for n, name in enumerate(TIMES)} == TIMES
    assert {name for n, name in enumerate(TIMES) if logs[f"log-{n}"]["flags"]} == {
        "year_9999", "impossible", "garbage"
    }  # fmt: skip


def test_statuses_load_as_they_are(sandbox: Start, warehouse: Warehouse) -> None:
    """A status is not corrected here, whatever it is."""
    statuses = ["Completed", "FAILED", " completed ", "cancelled", "", None]
    warehouse.load(sandbox(store_of(*({"status": status} for status in statuses))))
    assert [warehouse.logs()[f"log-{n}"]["status"] for n in range(len(statuses))] == statuses


BAD_ITEMS = {
    "item_null": "expected an object, got null",
    "item_text": "expected an object, got a text",
    "item_list": "expected an object, got a list",
    "id_null": "has no usable id",
    "id_missing": "has no usable id",
    "id_true": "has no usable id",
    "id_blank": "has no usable id",
    "export_id_foreign": "belongs to another export",
}


def test_bad_items_are_quarantined_once(sandbox: Start, warehouse: Warehouse) -> None:
    """What cannot be a log is kept as raw JSON with the reason; the good ones load; a second run adds nothing."""
    store = store_of(*({} for _ in range(len(BAD_ITEMS) + 2)))
    faults = [Fault(mutate_log(name, log_id=f"log-{n}")) for n, name in enumerate(BAD_ITEMS)]
    server = sandbox(store, faults=faults)
    warehouse.load(server)
    assert set(warehouse.logs()) == {f"log-{n}" for n in range(len(BAD_ITEMS), len(BAD_ITEMS) + 2)}
    quarantined = warehouse.rows("export_log_quarantine", "reason, raw_log")
    assert sorted(row["reason"] for row in quarantined) == sorted(BAD_ITEMS.values())
    assert {row["export_id"] for row in quarantined} == {EXPORT}
    assert [row["raw_log"] for row in quarantined if "object" in row["reason"]] == [["a", {"b": 1}], "text", None]
    sync = warehouse.sync()
    assert (sync["logs_quarantined"], sync["logs_new"], sync["is_complete"]) == (len(BAD_ITEMS), 2, True)
    assert warehouse.load(server) == {"export_syncs": 1}
    assert warehouse.sync()["logs_quarantined"] == len(BAD_ITEMS)
    assert warehouse.rows("export_log_quarantine", "reason, raw_log") == quarantined


def test_a_numeric_id_is_a_text_and_flagged(sandbox: Start, warehouse: Warehouse) -> None:
    """An id that is a number names its log as text."""
    warehouse.load(sandbox(store_of({"id": 42})))
    assert {i: row["flags"] for i, row in warehouse.logs().items()} == {"42": ["id: not a text"]}


def test_an_ignored_export_filter_mixes_nothing(sandbox: Start, warehouse: Warehouse) -> None:
    """Where the API answers with the logs of every export, each is loaded once and none is quarantined."""
    store = store_of({}, {}, {})
    store.add_export(id="export-2")
    store.add_log("export-2", id="other")
    warehouse.load(sandbox(store, Behaviour(export_filter="ignored", rate_limit=(10_000, 1))))
    assert {i: row["export_id"] for i, row in warehouse.logs().items()} == {
        "log-0": EXPORT, "log-1": EXPORT, "log-2": EXPORT, "other": "export-2",
    }  # fmt: skip
    assert warehouse.rows("export_log_quarantine") == []
    assert {s["export_id"]: s["distinct_ids"] for s in warehouse.syncs()} == {EXPORT: 3, "export-2": 1}


def test_the_same_log_twice_on_a_page_is_one_row(sandbox: Start, warehouse: Warehouse) -> None:
    """Of two versions of a log in one run the one read last stands, and the history has both."""
    warehouse.load(sandbox(store_of({"users": 1}), faults=[Fault("conflicting_log")]))
    assert only(warehouse)["status"] == "failed"
    assert warehouse.history("log-0") == [(1, "completed"), (2, "failed")]


# -- exports -------------------------------------------------------------------------------------


def test_an_export_has_its_configuration_but_no_credentials(sandbox: Start, warehouse: Warehouse) -> None:
    """One row per export, without what could be a credential, written again only when it changes."""
    store = plain_store(0, export_id="e")
    store = Store()
    store.add_export(
        id="e", name="Consents", type_id="analytics-exports-gcp", created_at=CREATED, updated_at=CREATED,
        authentication={"private_key": "MARKER"}, properties={"frequency": 7, "data": ["users"], "apiToken": "MARKER"},
        nested=[{"secret_key": "MARKER", "kept": 1}],
    )  # fmt: skip
    server = sandbox(store)
    warehouse.load(server)
    (row,) = warehouse.rows("exports")
    at = datetime(2026, 3, 1, 4, 12, 7, tzinfo=timezone.utc)
    assert {k: v for k, v in row.items() if k not in ("run_id", "extracted_at", "content_hash")} == {
        "id": "e",
        "organization_id": "acme",
        "name": "Consents",
        "type_id": "analytics-exports-gcp",
        "properties__frequency": "7",
        "properties__data": ["users"],
        "created_at": at,
        "updated_at": at,
        "raw_export": {
            "id": "e", "organization_id": "acme", "type_id": "analytics-exports-gcp", "name": "Consents",
            "enabled": True, "properties": {"frequency": 7, "data": ["users"]}, "created_at": CREATED,
            "updated_at": CREATED, "nested": [{"kept": 1}],
        },
    }  # fmt: skip
    assert "exports" not in warehouse.load(server)
    assert b"MARKER" not in warehouse.path.read_bytes()


def test_a_configuration_that_cannot_be_read_any_more_stays(sandbox: Start, warehouse: Warehouse) -> None:
    """When listing the exports is refused later on, what was known of a named export is kept."""
    server = sandbox(plain_store(1))
    warehouse.load(server, export_ids=[EXPORT])
    known = warehouse.rows("exports")
    server.behaviour = Behaviour(integrations="forbidden", rate_limit=(10_000, 1))
    assert warehouse.load(server, export_ids=[EXPORT]) == {"export_syncs": 1}
    assert warehouse.rows("exports") == known


def test_integrations_that_are_no_exports_are_passed_over(sandbox: Start, warehouse: Warehouse) -> None:
    """Only exports are read; one whose type is missing counts as one."""
    store = plain_store(2)
    store.add_export(id="crm", type_id="salesforce")
    store.add_export(id="untyped", type_id=None)
    warehouse.load(sandbox(store))
    assert [row["id"] for row in warehouse.rows("exports", "id")] == [EXPORT, "untyped"]
