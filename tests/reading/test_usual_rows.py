"""Logs that are as documented are read together; that makes the same of them as one by one."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didomi_source import values
from didomi_source.reading.fields import ExtraColumns
from didomi_source.reading.logs import _read_item, any_row, log_id, log_rows, read_items
from didomi_source.reading.pages import Entry
from didomi_source.reading.rows import LogRow, ReadContext, Rows
from didomi_source.reading.usual import usual_rows
from support.values_of_any_kind import JSON

NOON = datetime(2026, 5, 31, tzinfo=timezone.utc)
DOCUMENTED = {
    "id": "585g64ff", "export_id": "e", "organization_id": "didomi", "status": "completed",
    "config": {"frequency": "1 day"}, "metrics": {"users": 432234}, "result": None,
    "created_at": "2026-03-01T04:12:07.000Z", "updated_at": "2026-03-01T04:12:07.000Z",
}  # fmt: skip
TEXTS = st.sampled_from(["", " ", "completed", "é", "0" * 30, "1" * 19]) | st.text(max_size=5)
TIMES = st.sampled_from(["2026-03-01T04:12:07.123Z", "2026-03-01", "2026-13-01T04:12:07.000Z", "never", 1_800_000_000])
ANY = st.none() | TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
LOGS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "0042", " ", "é", "a\x00"]) | st.integers(0, 9)},
    optional={
        "export_id": st.just("e"),
        "organization_id": TEXTS | ANY,
        "status": TEXTS | ANY,
        "result": TEXTS | ANY,
        "created_at": TIMES | ANY,
        "updated_at": TIMES | ANY,
        "config": st.fixed_dictionaries({}, optional={"frequency": TEXTS | ANY, "more": ANY}) | ANY,
        "metrics": st.fixed_dictionaries({}, optional={"users": st.integers() | ANY}) | ANY,
        "region": TEXTS,
    },
)
MOSTLY_DOCUMENTED = st.lists(st.just(DOCUMENTED) | LOGS, min_size=1, max_size=9)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.just(DOCUMENTED) | LOGS | JSON, max_size=9))
def test_a_page_is_read_as_its_items_are(items: list[Any]) -> None:
    """Names, places and what cannot be a log are the same whatever else is on the page."""
    assert read_items(items, "e") == [_read_item(item, "e") for item in items]


@settings(deadline=None, max_examples=300)
@given(MOSTLY_DOCUMENTED)
def test_rows_made_together_are_what_each_would_be(logs: list[dict]) -> None:
    """Columns, flags and places are equal, however usual and odd logs are mixed."""
    entries = [Entry(log_id(log), values.to_timestamp(log.get("created_at")), True, log) for log in logs]
    texts = values.canonicals(logs)
    assert texts == list(map(values.canonical, logs))
    extra = ExtraColumns({})
    one_by_one = [
        any_row(log, text, "e", extra, ReadContext("run-1", NOON, number))
        for number, (log, text) in enumerate(zip(logs, texts, strict=True), 7)
    ]
    together = log_rows(entries, texts, "e", ExtraColumns({}), ReadContext("run-1", NOON, 7))
    assert list(together) == one_by_one


def test_documented_logs_take_the_fast_way() -> None:
    """The log that the documentation shows, with the times of other entities, is usual; one with more is not."""

    def usual(*logs: dict) -> Rows[LogRow] | None:
        return usual_rows(read_items(logs, "e"), values.canonicals(logs), "e", ReadContext("run-1", NOON, 1))

    assert usual(DOCUMENTED, {**DOCUMENTED, "id": "b"}) is not None
    odd = (
        {"region": "eu"},
        {"config": {"path": "/"}},
        {"metrics": {"files": 2}},
        {"metrics": {"users": 2**63}},
        {"config": []},
    )
    assert [usual(DOCUMENTED, {**DOCUMENTED, **more}) for more in odd] == [None] * 5


@settings(deadline=None, max_examples=300)
@given(st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z"))
def test_the_usual_form_of_a_time_reads_as_any_form(text: str) -> None:
    """A time is the same moment whether its form is the usual one or not."""
    assert values.to_timestamps([text, text]) == [values.to_timestamp(text)] * 2


@pytest.mark.parametrize("text", ["2024-W01-1T00:00:00.000Z", "2026-03-01T24:00:00.000Z", "2026-03-01T00:00:00,000Z"])
def test_what_only_looks_like_a_usual_time_reads_as_before(text: str) -> None:
    """Forms that Python's own parser takes, or takes in some versions, are left to ours."""
    assert values.to_timestamps([text]) == [values.to_timestamp(text)]


def test_a_usual_time() -> None:
    """The form that the API uses, to the millisecond."""
    at = datetime(2026, 3, 1, 4, 12, 7, 123000, tzinfo=timezone.utc)
    text = "2026-03-01T04:12:07.123Z"
    assert values.to_timestamps([text]) == [values.to_timestamp(text)] == [at]
    assert values.to_timestamps([text, None, "never"]) == [at, None, None]
