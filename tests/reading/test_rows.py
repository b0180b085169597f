"""A log becomes one flat row of columns whose types never change; what does not fit is flagged, and still in raw_log."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from didomi_source import values
from didomi_source.reading.exports import export_row, is_export
from didomi_source.reading.fields import MAX_EXTRA_COLUMNS, ExtraColumns
from didomi_source.reading.logs import log_rows, problem, read_items
from didomi_source.reading.pages import Entry
from didomi_source.reading.rows import LogRow, ReadContext, Rows, as_dict, history_of
from didomi_source.reading.state import LogState
from didomi_source.schema import EXPORT_LOGS
from support.values_of_any_kind import JSON, KEYS, TIMES

EXPORT = "9gh49gn5"
DOCUMENTED = {
    "id": "585g64ff", "export_id": EXPORT, "organization_id": "didomi", "status": "completed",
    "config": {"frequency": "1 day"}, "metrics": {"users": 432234}, "result": "Job failed.",
}  # fmt: skip
NOON = datetime(2026, 5, 31, 12, 0, tzinfo=timezone.utc)
READ = ReadContext("run-1", NOON, 1)


def state(
    status: str | None, users: int | None, result: str | None, updated_at: datetime | None, name: str = "a"
) -> LogRow:
    """A log in a state."""
    return LogRow(name, EXPORT, None, status, None, users, result, None, updated_at, "{}", None, "", *READ)


STATES = st.builds(
    state,
    st.sampled_from([None, "pending", "running", "completed", "failed", "COMPLETED", "Failed", "queued"]),
    st.none() | st.integers(0, 5),
    st.none() | st.just("No access"),
    st.none() | TIMES,
)


def row_of(log: dict[str, Any], extra: ExtraColumns | None = None) -> LogRow:
    (row,) = log_rows(read_items([log], EXPORT), [values.canonical(log)], EXPORT, extra or ExtraColumns({}), READ)
    return row


# -- a log ---------------------------------------------------------------------------------------


def test_the_documented_log() -> None:
    """The sample of the documentation, `completed` with the result of a failure: the status alone decides."""
    row = row_of(DOCUMENTED)
    assert as_dict(row) == {
        "id": "585g64ff", "export_id": EXPORT, "organization_id": "didomi", "status": "completed",
        "result": "Job failed.", "config__frequency": "1 day", "metrics__users": 432234, "raw_log": DOCUMENTED,
        "content_hash": values.digest(values.canonical(DOCUMENTED)),
        "run_id": "run-1", "extracted_at": NOON, "read_sequence": 1,
    }  # fmt: skip
    assert row.is_settled


@pytest.mark.parametrize(
    ("changed", "columns", "flags"),
    [
        ({"metrics": {"users": "432234"}}, {"metrics__users": 432234}, []),
        ({"metrics": {"users": 432234.0}}, {"metrics__users": 432234}, []),
        ({"metrics": {"users": "many"}}, {"metrics__users": None}, ["metrics.users: not a whole number of 64 bits"]),
        ({"metrics": {"users": 2**63}}, {"metrics__users": None},
         ["raw_log: holds values that no warehouse takes; they were replaced", "metrics.users: not a whole number of 64 bits"]),
        ({"metrics": {"users": None}}, {"metrics__users": None}, []),
        ({"metrics": [1]}, {"metrics__users": None}, ["metrics: not an object"]),
        ({"metrics": None, "config": None}, {"metrics__users": None, "config__frequency": None}, []),
        ({"config": {"frequency": 1}}, {"config__frequency": "1"}, []),
        ({"config": {"frequency": {"days": 1}}}, {"config__frequency": '{"days": 1}'}, []),
        ({"id": 7}, {"id": "7"}, ["id: not a text"]),
        ({"status": 3}, {"status": "3"}, ["status: not a text"]),
        ({"status": ["completed"]}, {"status": None}, ["status: not a text; kept in raw_log"]),
        ({"result": {"code": 1}}, {"result": '{"code": 1}'}, []),
        ({"created_at": 1780228800}, {"created_at": NOON}, []),
        ({"created_at": "soon"}, {"created_at": None}, ["created_at: not a time between 2000 and 2100"]),
        ({"export_id": None}, {"export_id": EXPORT}, []),
        ({"region": "eu", "Delivered Files": 3}, {"region": "eu", "delivered_files": 3}, []),
        ({"metrics": {"users": 1, "events": 2}}, {"metrics__users": 1, "metrics__events": 2}, []),
        ({"tags": ["a"], "deep": {"er": 1}}, {"tags": ["a"], "deep": {"er": 1}}, []),
        # names that are taken
        ({"run_id": "theirs"}, {"source_run_id": "theirs"}, []),
        ({"_dlt_id": "theirs", "raw_log": 1}, {"source__dlt_id": "theirs", "source_raw_log": 1}, []),
        ({"metrics__users": 9}, {"metrics__users": 432234, "source_metrics__users": 9}, []),
        ({"ctid": "theirs", "Xmin": 1}, {"source_ctid": "theirs", "source_xmin": 1}, []),
        ({"_partitionTime": "x", "_FILE_name": "y"}, {"source__partition_time": "x", "source__file_name": "y"}, []),
        ({"a b": 1, "a_b": 2}, {"a_b": 1}, ["a_b: another field has the same column"]),
        ({"metrics": {"A b": 1, "a_b": 2}}, {"metrics__a_b": 2}, ["metrics.A b: another field has the same column"]),
        ({"x" * 70: 1}, {}, [f"{'x' * 70}: the name is too long for a column; kept in raw_log"]),
    ],
)  # fmt: skip
def test_a_surprise_is_taken_or_flagged(changed: dict[str, Any], columns: dict[str, Any], flags: list[str]) -> None:
    """Another type, another name, another field: one column each, and a flag where something had to be left."""
    row = as_dict(row_of({**DOCUMENTED, **changed}))
    assert {name: row.get(name) for name in columns} == columns
    assert row.get("flags") == (flags or None)


@given(st.dictionaries(KEYS | st.sampled_from([*EXPORT_LOGS, "config", "metrics"]), JSON, max_size=8))
@example({"config": {" ": 1, "": 2}, "metrics": {"users": math.nan}, "\ud800": 1})
def test_any_log_with_an_id_becomes_a_row(log: dict[str, Any]) -> None:
    """Each column has its type, no name is dlt's or too long for PostgreSQL, and the next log gets the same types."""
    log["id"] = "a"
    extra = ExtraColumns({})
    first, second = as_dict(row_of(log, extra)), as_dict(row_of(log, extra))
    assert first == second
    assert first["raw_log"] is not None
    for name, value in first.items():
        kinds = TYPES[EXPORT_LOGS.get(name, {"data_type": "any"})["data_type"]]
        assert isinstance(value, kinds), name
        assert (len(name) <= 63, name.startswith("_dlt"), name.isprintable()) == (True, False, True)
    values.canonical({k: v for k, v in first.items() if not isinstance(v, datetime)}).encode()


TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,), "bigint": (int,), "timestamp": (datetime,), "json": (dict, list),
    "any": (str, int, float, dict, list, bool, datetime),
}  # fmt: skip


# -- further fields ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "later", "fitted"),
    [
        (1, "2", 2), (1, 2.0, 2), (1, "x", None), (1, True, None), (1.5, 2, 2.0), (1.5, "2.5", 2.5), (1.5, [], None),
        ("a", 1, "1"), ("a", {"b": 1}, '{"b": 1}'), (True, False, False), (True, 1, None), ([1], {"a": 1}, {"a": 1}),
        ({"a": 1}, "a", None),
    ],
)  # fmt: skip
def test_the_first_value_decides_the_type(first: Any, later: Any, fitted: Any) -> None:
    """A later one is made to fit, or stays in raw_log alone; no column gets a variant."""
    extra = ExtraColumns({})
    assert extra.coerce("x", first) == (first, None)
    value, wrong = extra.coerce("x", later)
    assert (value, wrong is None) == (fitted, fitted is not None)


def test_columns_of_earlier_runs_keep_their_type() -> None:
    """What the destination has decides, and a time there is a time here."""
    extra = ExtraColumns({"n": "bigint", "at": "timestamp", "status": "text"})
    assert extra.coerce("n", "7") == (7, None)
    assert extra.coerce("at", "2026-05-31T12:00:00Z") == (NOON, None)
    assert extra.coerce("n", "x") == (None, "not of type bigint")


def test_the_number_of_columns_is_bounded() -> None:
    """Three thousand keys do not make a table of three thousand columns; those known already go on."""
    log = {**DOCUMENTED, "metrics": {f"m{n:04d}": n for n in range(3000)}}
    extra = ExtraColumns({"old": "bigint"})
    row = as_dict(row_of(log, extra))
    assert sum(name.startswith("metrics__m") for name in row) == MAX_EXTRA_COLUMNS - 1
    assert len(row["flags"]) == 51
    assert row["flags"][-1] == f"and {3000 - (MAX_EXTRA_COLUMNS - 1) - 50} more"
    assert row["raw_log"] == log
    assert extra.coerce("old", 1) == (1, None)


# -- what cannot be a log ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (None, "expected an object, got null"), ("x", "expected an object, got a text"), ({}, "has no usable id"),
        ({"id": None}, "has no usable id"), ({"id": " "}, "has no usable id"), ({"id": True}, "has no usable id"),
        ({"id": 1.5}, "has no usable id"), ({"id": {"a": 1}}, "has no usable id"),
        ({"id": "a", "export_id": "other"}, "belongs to another export"), ({"id": "a", "export_id": 5}, "belongs to another export"),
        ({"id": "a"}, None), ({"id": 0}, None), ({"id": "a", "export_id": None}, None), ({"id": "a", "export_id": EXPORT}, None),
    ],
)  # fmt: skip
def test_what_cannot_be_a_log_is_told_from_what_can(item: Any, reason: str | None) -> None:
    """It gets a fingerprint of all that it is instead of an id, and no place in the list."""
    assert problem(item, EXPORT) == reason
    entry, again = read_items([item, item], EXPORT)
    assert entry == again
    assert (entry.is_readable, entry.item) == (reason is None, item)
    if reason:
        assert (len(entry.name), entry.created_at) == (32, None)
        (elsewhere,) = read_items([item], "another")
        assert entry.name != elsewhere.name


def test_the_place_of_a_log_in_its_list() -> None:
    """Its id and when it was created."""
    log = {"id": "a", "created_at": "2026-05-31T12:00:00Z"}
    assert read_items([log], EXPORT) == [Entry("a", NOON, True, log)]


# -- states --------------------------------------------------------------------------------------


@given(st.lists(STATES, min_size=1, max_size=8))
def test_settled_never_goes_back(states: list[LogRow]) -> None:
    """In whatever order states are read: once completed or failed, never pending again; and never to an older one."""
    kept = states[0]
    steps = [kept]
    for later in states[1:]:
        kept = later if later.replaces(kept, datetime.max.replace(tzinfo=timezone.utc)) else kept
        steps.append(kept)
    settled = [row.is_settled for row in steps]
    assert settled == sorted(settled)
    assert kept.is_settled == any(row.is_settled for row in states)
    for before, after in pairwise(steps):
        if before.is_settled == after.is_settled and before.updated_at and after.updated_at:
            assert after.updated_at >= before.updated_at


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "status", "updated_at", "expected"),
    [
        (LogState(updated_at=NOON), "pending", NOON, True),
        (LogState(updated_at=NOON), "pending", NOON + HOUR, True),
        (LogState(updated_at=NOON), "pending", NOON - HOUR, False),
        (LogState(updated_at=NOON, is_missing=True), "pending", NOON, True),
        (LogState(updated_at=NOON, is_missing=True), "pending", NOON - HOUR, False),
        (LogState(updated_at=NOON), "pending", None, True),
        (LogState(), "pending", NOON - HOUR, True),
        (LogState(updated_at=NOON + HOUR), "pending", NOON, False),
        (LogState(updated_at=NOON + 2 * HOUR), "pending", NOON, True),  # no clock shows that yet
        (LogState(updated_at=NOON), "completed", NOON - HOUR, True),
        (LogState(is_settled=True), "pending", NOON, False),
        (LogState(is_settled=True), " Failed ", NOON - HOUR, True),
        (LogState(is_settled=True, is_missing=True), "pending", NOON, False),
        (LogState(is_settled=True, updated_at=NOON), "failed", NOON, True),
        (LogState(is_settled=True, updated_at=NOON), "failed", NOON - HOUR, False),
        (LogState(is_settled=True, updated_at=NOON), "failed", NOON + HOUR, True),
    ],
)
def test_a_known_state_is_replaced_by_what_is_newer(
    known: LogState, status: str, updated_at: datetime | None, expected: bool
) -> None:
    """Settled before pending, the later update before the earlier; whether the log was missing decides nothing."""
    assert state(status, None, None, updated_at).replaces(known, NOON + HOUR) is expected


@pytest.mark.parametrize("is_credible", [True, False])
def test_a_time_in_the_future_keeps_no_later_state_away(is_credible: bool) -> None:
    """A clock that was wrong once does not freeze a log; a time that may be right keeps an older state away."""
    known = LogState(is_settled=True, updated_at=NOON)
    older = state("failed", None, "timed out", NOON - timedelta(hours=1))
    latest = NOON if is_credible else NOON - timedelta(microseconds=1)
    assert older.replaces(known, latest) is not is_credible


@given(STATES, STATES)
def test_a_state_is_known_again_by_what_it_says(one: LogRow, other: LogRow) -> None:
    """Status, users and result make a state; when it was updated does not."""
    first, second, another = history_of(Rows(LogRow, [one, other, one._replace(id="b")]), "acme", [1, 2, 3])
    assert (first.version_id == second.version_id) == (said(one) == said(other))
    assert first.version_id != another.version_id


def said(row: LogRow) -> tuple[Any, ...]:
    return (row.status, row.metrics__users, row.result)


# -- exports -------------------------------------------------------------------------------------


def test_an_export_without_its_credentials() -> None:
    """Whatever could hold one is dropped at any depth, and so is not in the hash either."""
    public = {"id": "e1", "name": "EU", "type_id": "batch-exports-s3", "created_at": "2026-05-31T12:00:00Z",
              "properties": {"frequency": 1, "data": ["users"], "bucket": "b"}}  # fmt: skip
    private = {**public, "authentication": {"key": "k"}, "api_secret": "s", "list": [{"privateKey": "p", "ok": 1}],
               "properties": {**public["properties"], "access-key-id": "a", "OAuth_Token": "t"}}  # fmt: skip
    row = export_row(private, "acme")
    assert row == {
        "id": "e1", "organization_id": "acme", "name": "EU", "type_id": "batch-exports-s3",
        "properties__frequency": "1", "properties__data": ["users"], "created_at": NOON,
        "raw_export": {**public, "list": [{"ok": 1}]},
        "content_hash": values.digest(values.canonical({**public, "list": [{"ok": 1}]})),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("integration", "expected"),
    [
        ({"id": "e", "type_id": "analytics-exports-gcp"}, True), ({"id": "e"}, True), ({"id": 5, "type_id": None}, True),
        ({"id": "e", "type_id": "webhook"}, False), ({"id": ""}, False), ({"id": True}, False), ({"id": []}, False),
        ({}, False), (None, False), ("e", False),
    ],
)  # fmt: skip
def test_an_export_is_told_from_other_integrations(integration: Any, expected: bool) -> None:
    """By its type, where it has one."""
    assert is_export(integration) == expected


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_any_export_with_an_id_becomes_a_row(integration: dict[str, Any]) -> None:
    """However strange its configuration is."""
    row = export_row({**integration, "id": "e", "properties": integration}, "acme")
    assert (row["id"], isinstance(row["raw_export"], dict), len(row["content_hash"])) == ("e", True, 32)
