"""How much of an export is read, and what of it is news."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didomi_source.errors import Forbidden
from didomi_source.extra import ExtraColumns
from didomi_source.known import Known, KnownExport
from didomi_source.marks import Mark, Marks
from didomi_source.paging import Direction
from didomi_source.rows import as_dict, is_settled
from didomi_source.settings import Settings
from didomi_source.sync import Batch, ExportSync, Request, plan

from .values_of_any_kind import TIMES

SETTINGS = Settings("key", "secret", "acme")
NOW = datetime(2026, 5, 31, 12, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
EXPORT = "e1"


def log(days_ago: float | None, status: str = "completed", *, missing: bool = False) -> Mark:
    created_at = None if days_ago is None else NOW - days_ago * DAY
    return Mark(is_settled=is_settled(status), is_missing=missing, created_at=created_at)


def known_export(
    *logs: Mark, complete: int | None = None, newest: float | None = 1, full: float | None = 3
) -> KnownExport:
    """An export as the last complete read left it; times in days before now."""
    return KnownExport(
        Marks({str(n): log for n, log in enumerate(logs)}),
        None if newest is None else NOW - newest * DAY,
        len(logs) if complete is None else complete,
        len(logs),
        None if full is None else NOW - full * DAY,
    )


# -- the plan ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (KnownExport(), ("full", "first complete read", None)),
        (known_export(log(1), complete=2), ("full", "the destination holds 1 of 2 logs", None)),
        (known_export(log(1), log(None)), ("full", "logs without a time", None)),
        (known_export(log(1), full=7), ("full", "every 7 days", None)),
        (known_export(log(1), full=None), ("full", "every 7 days", None)),
        (known_export(), ("full", "no log with a time is known", None)),
        (known_export(log(1), newest=None), ("full", "no log with a time is known", None)),
        (known_export(log(1)), ("incremental", "logs since 2026-05-28 12:00 UTC", NOW - 3 * DAY)),
        # an older copy of the warehouse was restored, or the last read was not complete: the older one counts
        (known_export(log(4), newest=1), ("incremental", "logs since 2026-05-25 12:00 UTC", NOW - 6 * DAY)),
        (known_export(log(1), newest=5), ("incremental", "logs since 2026-05-24 12:00 UTC", NOW - 7 * DAY)),
        # what is not settled is waited for, unless it is gone
        (known_export(log(1), log(90, "pending"), log(50, "running")), ("incremental", "logs since 2026-03-02 12:00 UTC", NOW - 90 * DAY)),
        (known_export(log(1), log(90, "pending", missing=True)), ("incremental", "logs since 2026-05-28 12:00 UTC", NOW - 3 * DAY)),
        (known_export(log(1), log(2, "pending")), ("incremental", "logs since 2026-05-28 12:00 UTC", NOW - 3 * DAY)),
    ],
)  # fmt: skip
def test_the_plan(known: KnownExport, expected: tuple[str, str, datetime | None]) -> None:
    """Everything where there is a reason for it; else down to the watermark."""
    assert plan(known, SETTINGS, Request("r"), NOW) == expected


def test_what_a_request_asks_for_goes_first() -> None:
    """`full` reads everything, a backfill its range, whatever is known."""
    known = known_export(log(1))
    assert plan(known, SETTINGS, Request("r", full=True), NOW) == ("full", "asked for", None)
    assert plan(known, SETTINGS, Request("r", created_from=NOW, created_to=NOW), NOW) == ("backfill", "asked for", NOW)
    assert plan(known, SETTINGS, Request("r", created_to=NOW), NOW) == ("backfill", "asked for", None)


@given(
    st.lists(st.tuples(st.floats(0.1, 400), st.sampled_from(["pending", "completed", "failed", "running"]), st.booleans()),
             min_size=1, max_size=8),
    st.floats(0.1, 400), st.floats(0, 30),
)  # fmt: skip
def test_no_plan_skips_what_may_have_changed(
    logs: list[tuple[float, str, bool]], newest: float, lookback: float
) -> None:
    """The watermark is no later than the newest log of the last complete read less the lookback, nor than any open log."""
    known = known_export(*(log(days, status, missing=gone) for days, status, gone in logs), newest=newest)
    chosen = plan(known, Settings("key", "secret", "acme", lookback_days=lookback), Request("r"), NOW)
    assert chosen.mode == "incremental"
    assert chosen.until is not None
    assert chosen.until <= NOW - newest * DAY - lookback * DAY
    for days, status, gone in logs:
        if status in ("pending", "running") and not gone:
            assert chosen.until <= NOW - days * DAY


@pytest.mark.parametrize(
    ("first", "last", "created_at", "expected"),
    [
        (None, None, None, True), (NOW, NOW, NOW, True), (NOW, None, NOW - DAY, False), (None, NOW, NOW - DAY, True),
        (None, NOW, NOW + DAY, False), (NOW, NOW + DAY, None, False),
    ],
)  # fmt: skip
def test_a_backfill_covers_its_range(
    first: datetime | None, last: datetime | None, created_at: datetime | None, expected: bool
) -> None:
    """Both ends are in it; a log without a time is in none."""
    assert Request("r", created_from=first, created_to=last).covers(created_at) == expected


# -- what is news --------------------------------------------------------------------------------


class Api:
    """The logs of one export in memory, newest first; a call may be refused, or find a log changed."""

    def __init__(self, logs: list[Any], refuse_at: int = 0) -> None:
        self.logs, self.refuse_at, self.calls = logs, refuse_at, 0

    def logs_page(self, _export_id: str, skip: int, limit: int, direction: Direction | None) -> tuple[list[Any], int]:
        self.calls += 1
        if self.calls == self.refuse_at:
            raise Forbidden("403")
        logs = self.logs[::-1] if direction is Direction.ASCENDING else self.logs
        return logs[skip : skip + limit], len(logs)


def sync(api: Api, known: Known | None = None, request: Request | None = None, page_size: int = 99) -> Batch:
    """Everything that one sync brings, its rows as dicts."""
    settings = Settings("key", "secret", "acme", page_size=page_size)
    one = ExportSync(api, settings, request or Request("r"), EXPORT, known or Known(), ExtraColumns({}))  # type: ignore[arg-type]
    everything = Batch(export_logs=[], export_log_history=[])  # type: ignore[arg-type]
    for batch in one.batches():
        everything.export_logs += map(as_dict, batch.export_logs)
        everything.export_log_history += map(as_dict, batch.export_log_history)
        everything.export_log_quarantine += batch.export_log_quarantine
        everything.export_syncs += batch.export_syncs
        everything.missing_since |= batch.missing_since
    return everything


def after(batch: Batch, before: Known | None = None) -> Known:
    """What the destination holds once a batch is loaded, as known.py reads it back."""
    known = before or Known()
    logs = known.export(EXPORT).logs
    for row in batch.export_logs:
        logs[row["id"]] = Mark(
            row["content_hash"],
            is_settled=is_settled(row.get("status")),
            created_at=row.get("created_at"),
            updated_at=row.get("updated_at"),
        )
    for log_id, since in batch.missing_since.items():
        logs[log_id] = logs.get(log_id)._replace(is_missing=since is not None)
    (row,) = batch.export_syncs
    if row["is_complete"] and row["mode"] != "backfill":
        known.export(EXPORT).complete_logs_known = row["logs_known"]
    return known


def item(log_id: str, status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"id": log_id, "export_id": EXPORT, "status": status, "created_at": "2026-05-30T12:00:00Z", **more}


@given(
    st.lists(
        st.tuples(st.sampled_from(["pending", "running", "completed", "failed"]), st.none() | TIMES),
        min_size=1,
        max_size=6,
    )
)
def test_over_many_runs_settled_never_goes_back(observed: list[tuple[str, datetime | None]]) -> None:
    """Whatever the API shows from run to run, the row that is kept never leaves `completed` or `failed` for less."""
    known = Known()
    kept: list[bool] = []
    for status, updated_at in observed:
        shown = item("a", status, updated_at=updated_at and updated_at.isoformat())
        batch = sync(Api([shown]), known)
        known = after(batch, known)
        kept.append(known.export(EXPORT).logs.get("a").is_settled)
        assert batch.export_syncs[0]["logs_pending"] == (not kept[-1])
    assert kept == sorted(kept)
    assert kept[-1] == any(status in ("completed", "failed") for status, _ in observed)


def test_a_pending_log_that_shows_an_older_state_is_still_pending() -> None:
    """What is not taken over does not count; what is kept does."""
    known = after(sync(Api([item("a", "pending", updated_at="2026-05-30T12:00:00Z")])))
    batch = sync(Api([item("a", "running", updated_at="2026-05-29T12:00:00Z")]), known)
    assert (batch.export_logs, batch.export_syncs[0]["logs_pending"]) == ([], 1)


def test_what_was_loaded_is_not_written_again() -> None:
    """The same logs once more are no news, though one page shows them in another order of keys."""
    logs = [item("b", "pending", metrics={"users": 1, "files": 2}), item("a")]
    first = sync(Api(logs))
    assert [row["id"] for row in first.export_logs] == ["b", "a"]
    assert [(row["log_id"], row["sequence"]) for row in first.export_log_history] == [("b", 1), ("a", 1)]
    turned = [dict(reversed(log.items())) for log in logs]
    second = sync(Api(turned), after(first))
    assert (second.export_logs, second.export_log_history, second.missing_since) == ([], [], {})
    row = second.export_syncs[0]
    assert {k: row[k] for k in ("logs_new", "logs_changed", "logs_pending", "logs_known", "distinct_ids", "is_complete")} == {
        "logs_new": 0, "logs_changed": 0, "logs_pending": 1, "logs_known": 2, "distinct_ids": 2, "is_complete": True,
    }  # fmt: skip


def changes_while_read(before: dict[str, Any], then: dict[str, Any]) -> Batch:
    """What a sync brings of a log that has changed when it comes for the second time."""

    class Moving(Api):
        def logs_page(self, *arguments: Any) -> tuple[list[Any], int]:
            if self.calls == 1:
                self.logs[1] = then
            return super().logs_page(*arguments)

    return sync(Moving([item("other"), before]))


def test_a_log_that_changes_while_it_is_read_is_one_log() -> None:
    """Both its states are in the history, the later row has the higher number, and it counts once."""
    batch = changes_while_read(item("a", "pending"), item("a", metrics={"users": 7}))
    rows = [row for row in batch.export_logs if row["id"] == "a"]
    history = [row for row in batch.export_log_history if row["log_id"] == "a"]
    assert [(row["status"], row["read_sequence"]) for row in rows] == [("pending", 2), ("completed", 3)]
    assert [(row["status"], row["sequence"]) for row in history] == [("pending", 1), ("completed", 2)]
    row = batch.export_syncs[0]
    assert (row["logs_new"], row["logs_changed"], row["logs_pending"]) == (2, 0, 0)


@pytest.mark.parametrize("odd", [{}, {"region": "eu"}])
def test_a_log_that_is_twice_on_a_page_is_one_log(odd: dict[str, Any]) -> None:
    """What stands further down was received later; where it has gone back in between, the settled state stays."""
    first, then, last = item("a", "pending", metrics={"users": 1}), item("a"), item("a", "pending")
    batch = sync(Api([{**first, **odd}, {**then, **odd}, {**last, **odd}, item("b"), item("c"), item("d")]))
    rows = [(row["status"], row.get("metrics__users")) for row in batch.export_logs if row["id"] == "a"]
    history = [(row["status"], row["sequence"]) for row in batch.export_log_history if row["log_id"] == "a"]
    assert rows == [("pending", 1), ("completed", None)]
    assert history == [("pending", 1), ("completed", 2)]
    row = batch.export_syncs[0]
    assert (row["logs_new"], row["logs_changed"], row["logs_pending"], row["distinct_ids"]) == (4, 0, 0, 4)


def test_a_change_that_is_no_other_state_leaves_the_history_alone() -> None:
    """Another field is another row of the log, not another state."""
    batch = changes_while_read(item("a"), item("a", region="eu"))
    assert (len(batch.export_logs), len(batch.export_log_history)) == (3, 2)
    known = after(sync(Api([item("a")])))
    batch = sync(Api([item("a", region="eu")]), known)
    assert len(batch.export_logs) == 1
    assert [row.get("sequence") for row in batch.export_log_history] == [None]  # the destination is asked


def test_what_is_gone_is_marked_and_what_returns_is_written() -> None:
    """A whole read knows; a log that returns unchanged is written again, so that its mark goes."""
    known = after(sync(Api([item("b"), item("a")])))
    gone = sync(Api([item("b")]), known)
    assert gone.missing_since.keys() == {"a"}
    assert gone.export_syncs[0]["logs_missing"] == 1
    known = after(gone, known)
    assert sync(Api([item("b")]), known).missing_since == {}
    back = sync(Api([item("b"), item("a")]), known)
    assert [row["id"] for row in back.export_logs] == ["a"]


def test_what_returns_in_an_older_state_only_loses_its_mark() -> None:
    """A settled log that was gone and comes back as pending stays settled."""
    known = after(sync(Api([item("b"), item("a")])))
    known = after(sync(Api([item("b")]), known), known)
    back = sync(Api([item("b"), item("a", "pending")]), known)
    assert (back.export_logs, back.missing_since) == ([], {"a": None})


def test_an_error_ends_the_reading_and_nothing_else() -> None:
    """What came before it is kept, nothing is called missing, and the row says why."""
    known = after(sync(Api([item("gone")])))
    logs = [item(f"{n:03d}", created_at=f"2026-05-{30 - n // 10:02d}T{23 - n % 10:02d}:00:00Z") for n in range(60)]
    batch = sync(Api(logs, refuse_at=4), known, page_size=10)
    row = batch.export_syncs[0]
    assert (row["is_complete"], row["error"], row["requests"]) == (False, "403", 4)
    assert len(batch.export_logs) == row["logs_new"] == 19
    assert batch.missing_since == {}


def test_one_bad_log_is_set_aside_once() -> None:
    """It costs the others nothing, and comes into quarantine in one run only."""
    known = Known(reading={EXPORT, "e2"})
    logs = [item("a"), {"id": None}, "text", item("b", export_id="elsewhere"), item("c", export_id="e2")]
    batch = sync(Api(logs), known)
    assert [row["id"] for row in batch.export_logs] == ["a"]
    assert [row["reason"] for row in batch.export_log_quarantine] == [
        "has no usable id", "expected an object, got a text", "belongs to another export",
    ]  # fmt: skip
    row = batch.export_syncs[0]
    # that of e2 is read there: export_id is ignored by the server
    assert (row["logs_quarantined"], row["distinct_ids"], row["is_complete"]) == (3, 1, True)
    again = sync(Api(logs), known)
    assert (again.export_log_quarantine, again.export_syncs[0]["logs_quarantined"]) == ([], 3)


def test_a_backfill_takes_its_range_alone() -> None:
    """No log outside of it is written, and none is called missing."""
    known = after(sync(Api([item("old", created_at="2026-01-01T00:00:00Z")])))
    logs = [item("c", created_at="2026-05-31T00:00:00Z"), item("b"), item("a", created_at="2026-05-01T00:00:00Z")]
    request = Request("r", created_from=NOW - 2 * DAY, created_to=NOW - DAY)
    batch = sync(Api(logs), known, request)
    assert [row["id"] for row in batch.export_logs] == ["b"]
    assert (batch.missing_since, batch.export_syncs[0]["mode"]) == ({}, "backfill")


def test_many_logs_come_in_batches() -> None:
    """Of about ten thousand logs: memory does not grow with the list."""
    logs = [item(f"{n:05d}", created_at=(NOW - n * timedelta(hours=1)).isoformat()) for n in range(25_000)]
    one = ExportSync(Api(logs), SETTINGS, Request("r"), EXPORT, Known(), ExtraColumns({}))  # type: ignore[arg-type]
    sizes = [len(batch.export_logs) for batch in one.batches()]
    assert sum(sizes) == 25_000
    assert max(sizes) < 10_000 + 99
