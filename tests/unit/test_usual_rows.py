"""The fast way for logs as they are documented makes the same rows as the way for any log."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didomi_source import rows, values
from didomi_source.extra import ExtraColumns
from didomi_source.rows import read_item

STAMP = ("run-1", datetime(2026, 5, 31, tzinfo=timezone.utc), 1)
TEXTS = st.sampled_from(["", " ", "completed", "é", "0" * 30, "1" * 19]) | st.text(max_size=5)
TIMES = st.sampled_from(["2026-03-01T04:12:07.123Z", "2026-03-01", "2026-13-01T04:12:07.000Z", "never", 1_800_000_000])
ANY = st.none() | TEXTS | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
LOGS = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "0042"]) | st.integers(0, 9)},
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


@settings(deadline=None, max_examples=300)
@given(LOGS)
def test_a_usual_row_is_what_any_row_would_be(log: dict) -> None:
    """Columns, state and flags are equal wherever the fast way takes a log."""
    canonical = values.canonical(log)
    raw, replaced = values.loadable(log, canonical)
    usual = None if replaced else rows._usual_row(read_item(log, "e"), canonical, "e", STAMP)
    if usual is not None:
        assert usual == rows._any_row(log, raw, canonical, "e", ExtraColumns({}), STAMP, [])


def test_a_documented_log_takes_the_fast_way() -> None:
    """The log that the documentation shows, with the times of other entities, is usual; one with more is not."""
    log = {
        "id": "585g64ff", "export_id": "e", "organization_id": "didomi", "status": "completed",
        "config": {"frequency": "1 day"}, "metrics": {"users": 432234}, "result": None,
        "created_at": "2026-03-01T04:12:07.000Z", "updated_at": "2026-03-01T04:12:07.000Z",
    }  # fmt: skip

    def usual(log: dict) -> rows.LogRow | None:
        return rows._usual_row(read_item(log, "e"), "{}", "e", STAMP)

    assert usual(log) is not None
    assert usual({**log, "region": "eu"}) is None
    assert usual({**log, "metrics": {"users": 2**63}}) is None


@settings(deadline=None, max_examples=300)
@given(st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z\Z"))
def test_the_usual_form_of_a_time_reads_as_any_form(text: str) -> None:
    """A time is the same moment whether its form is the usual one or not."""
    assert values.to_timestamp(text) == values.to_timestamp(f" {text}")


@pytest.mark.parametrize("text", ["2024-W01-1T00:00:00.000Z", "2026-03-01T24:00:00.000Z", "2026-03-01T00:00:00,000Z"])
def test_what_only_looks_like_a_usual_time_reads_as_before(text: str) -> None:
    """Forms that Python's own parser takes, or takes in some versions, are left to ours."""
    assert values.to_timestamp(text) == values.to_timestamp(f" {text}")


def test_a_usual_time() -> None:
    """The form that the API uses, to the millisecond."""
    at = datetime(2026, 3, 1, 4, 12, 7, 123000, tzinfo=timezone.utc)
    assert values.to_timestamp("2026-03-01T04:12:07.123Z") == at
