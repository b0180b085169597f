"""How much of an export is read, and what of it is news."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didomi_source.api.client import Direction
from didomi_source.errors import Forbidden
from didomi_source.reading.destination import DestinationState, KnownExport
from didomi_source.reading.fields import ExtraColumns
from didomi_source.reading.plan import Request, plan
from didomi_source.reading.rows import Batch, as_dict, is_settled
from didomi_source.reading.run import Run
from didomi_source.reading.sync import ExportSync
from didomi_source.settings import Settings
from support.ledger import Ledger, Row, note_times
from support.values_of_any_kind import TIMES

SETTINGS = Settings("key", "secret", "acme")
NOW = datetime(2026, 5, 31, 12, 0, tzinfo=timezone.utc)
DAY = timedelta(days=1)
EXPORT = "e1"


def log(days_ago: float | None, status: str = "completed", *, missing: bool = False) -> Row:
    created_at = None if days_ago is None else NOW - days_ago * DAY
    return {"status": status, "missing_at_source_since": NOW if missing else None, "created_at": created_at}


def known_export(
    *logs: Row, complete: int | None = None, newest: float | None = 1, full: float | None = 3
) -> KnownExport:
    """An export as the last complete read left it; times in days before now."""
    export = KnownExport(
        count=len(logs),
        complete_newest_created_at=None if newest is None else NOW - newest * DAY,
        complete_logs_known=len(logs) if complete is None else complete,
        complete_total=len(logs),
        full_read_at=None if full is None else NOW - full * DAY,
    )
    note_times(export, logs)
    return export


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


def sync(api: Api, held: Ledger | None = None, request: Request | None = None, page_size: int = 99) -> Batch:
    """Everything that one sync brings, its rows as dicts."""
    settings = Settings("key", "secret", "acme", page_size=page_size)
    known = held.state(EXPORT) if held else DestinationState()
    return all_of(one_sync(api, known, settings, request))


def one_sync(
    api: Api, known: DestinationState, settings: Settings = SETTINGS, request: Request | None = None
) -> ExportSync:
    """The sync of the export in a run of its own."""
    return ExportSync(Run(api, settings, request or Request("r"), known, ExtraColumns({}), known.destination), EXPORT)  # type: ignore[arg-type]


def all_of(one: ExportSync) -> Batch:
    """All its batches as one, the rows as dicts."""
    everything = Batch(export_logs=[], export_log_history=[])  # type: ignore[arg-type]
    for batch in one.batches():
        everything.export_logs += map(as_dict, batch.export_logs)
        everything.export_log_history += map(as_dict, batch.export_log_history)
        everything.export_log_quarantine += batch.export_log_quarantine
        everything.export_syncs += batch.export_syncs
        everything.missing_since |= batch.missing_since
    return everything


def after(batch: Batch, before: Ledger | None = None) -> Ledger:
    """What the destination holds once a batch is loaded; the marks have to be asked for."""
    held = before or Ledger()
    for row in batch.export_logs:
        held.logs[row["id"]] = row
    for log_id, since in batch.missing_since.items():
        held.logs[log_id]["missing_at_source_since"] = since
    held.syncs += batch.export_syncs
    return held


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
    held = Ledger()
    kept: list[bool] = []
    for status, updated_at in observed:
        shown = item("a", status, updated_at=updated_at and updated_at.isoformat())
        batch = sync(Api([shown]), held)
        held = after(batch, held)
        kept.append(is_settled(held.logs["a"].get("status")))
        assert batch.export_syncs[0]["logs_pending"] == (not kept[-1])
    assert kept == sorted(kept)
    assert kept[-1] == any(status in ("completed", "failed") for status, _ in observed)


def test_a_pending_log_that_shows_an_older_state_is_still_pending() -> None:
    """What is not taken over does not count; what is kept does."""
    held = after(sync(Api([item("a", "pending", updated_at="2026-05-30T12:00:00Z")])))
    batch = sync(Api([item("a", "running", updated_at="2026-05-29T12:00:00Z")]), held)
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
    held = after(sync(Api([item("a")])))
    batch = sync(Api([item("a", region="eu")]), held)
    assert len(batch.export_logs) == 1
    assert [row.get("sequence") for row in batch.export_log_history] == [None]  # the destination is asked


def test_what_is_gone_is_marked_and_what_returns_is_written() -> None:
    """A whole read knows; a log that returns unchanged is written again, so that its mark goes."""
    held = after(sync(Api([item("b"), item("a")])))
    gone = sync(Api([item("b")]), held)
    assert gone.missing_since.keys() == {"a"}
    assert gone.export_syncs[0]["logs_missing"] == 1
    held = after(gone, held)
    assert sync(Api([item("b")]), held).missing_since == {}
    back = sync(Api([item("b"), item("a")]), held)
    assert [row["id"] for row in back.export_logs] == ["a"]


def test_what_returns_in_an_older_state_only_loses_its_mark() -> None:
    """A settled log that was gone and comes back as pending stays settled."""
    held = after(sync(Api([item("b"), item("a")])))
    held = after(sync(Api([item("b")]), held), held)
    back = sync(Api([item("b"), item("a", "pending")]), held)
    assert (back.export_logs, back.missing_since) == ([], {"a": None})


ELEVEN, TWELVE, ONE = (f"2026-05-30T{hour}:00:00Z" for hour in (11, 12, 13))
NOT_YET = f"{datetime.now(timezone.utc) + 30 * DAY:%Y-%m-%dT%H:%M:%SZ}"  # no clock shows that


@pytest.mark.parametrize("is_missing", [False, True])
@pytest.mark.parametrize(
    ("held", "shown", "kept", "pending"),
    [
        (("pending", TWELVE), ("pending", TWELVE), "held", 1),
        (("pending", TWELVE), ("running", TWELVE), "shown", 1),
        (("pending", TWELVE), ("running", ONE), "shown", 1),
        (("pending", TWELVE), ("running", ELEVEN), "held", 1),
        (("pending", TWELVE), ("running", None), "shown", 1),
        (("pending", None), ("running", ELEVEN), "shown", 1),
        (("pending", NOT_YET), ("running", TWELVE), "shown", 1),
        (("pending", TWELVE), ("completed", ELEVEN), "shown", 0),
        (("completed", None), ("pending", TWELVE), "held", 0),
        (("completed", None), (" Failed ", ELEVEN), "shown", 0),
        (("completed", TWELVE), ("failed", TWELVE), "shown", 0),
        (("completed", TWELVE), ("failed", ELEVEN), "held", 0),
    ],
)
def test_a_known_log_is_replaced_by_what_is_newer(
    held: tuple[str, str | None], shown: tuple[str, str | None], kept: str, pending: int, is_missing: bool
) -> None:
    """Settled before pending, the later update before the earlier; a log that is back loses its mark in any case."""
    known = after(sync(Api([item("a", held[0], updated_at=held[1])])))
    known.logs["a"]["missing_at_source_since"] = NOW if is_missing else None
    batch = sync(Api([item("a", shown[0], updated_at=shown[1])]), known)
    is_written = kept == "shown" or (held == shown and is_missing)  # what says the same is written to remove the mark
    row = batch.export_syncs[0]
    assert (
        [log["status"] for log in batch.export_logs],
        batch.missing_since,
        (row["logs_new"], row["logs_changed"], row["logs_pending"]),
    ) == (
        [shown[0]] if is_written else [],
        {"a": None} if is_missing and not is_written else {},
        (0, is_written, pending),
    )


@pytest.mark.parametrize(("updated_at", "written"), [(TWELVE, ["a"]), (ELEVEN, [])])
def test_a_log_whose_history_was_lost_is_written_again_unless_it_is_older(updated_at: str, written: list[str]) -> None:
    """Its state has no hash then, so that the same log counts as news."""
    known = after(sync(Api([item("a", "pending", updated_at=TWELVE)])))
    known.logs["a"]["content_hash"] = ""
    batch = sync(Api([item("a", "pending", updated_at=updated_at)]), known)
    assert ([log["id"] for log in batch.export_logs], batch.missing_since) == (written, {})


def test_an_error_ends_the_reading_and_nothing_else() -> None:
    """What came before it is kept, nothing is called missing, and the row says why."""
    held = after(sync(Api([item("gone")])))
    logs = [item(f"{n:03d}", created_at=f"2026-05-{30 - n // 10:02d}T{23 - n % 10:02d}:00:00Z") for n in range(60)]
    batch = sync(Api(logs, refuse_at=4), held, page_size=10)
    row = batch.export_syncs[0]
    assert (row["is_complete"], row["error"], row["requests"]) == (False, "403", 4)
    assert len(batch.export_logs) == row["logs_new"] == 19
    assert batch.missing_since == {}


def test_one_bad_log_is_set_aside_once() -> None:
    """It costs the others nothing, and comes into quarantine in one run only."""

    def sync_after(quarantined: set[str]) -> Batch:
        return all_of(one_sync(Api(logs), DestinationState(exports_in_run={EXPORT, "e2"}, quarantined=quarantined)))

    logs = [item("a"), {"id": None}, "text", item("b", export_id="elsewhere"), item("c", export_id="e2")]
    batch = sync_after(set())
    assert [row["id"] for row in batch.export_logs] == ["a"]
    assert [row["reason"] for row in batch.export_log_quarantine] == [
        "has no usable id", "expected an object, got a text", "belongs to another export",
    ]  # fmt: skip
    row = batch.export_syncs[0]
    # that of e2 is read there: export_id is ignored by the server
    assert (row["logs_quarantined"], row["distinct_ids"], row["is_complete"]) == (3, 1, True)
    again = sync_after({row["fingerprint"] for row in batch.export_log_quarantine})
    assert (again.export_log_quarantine, again.export_syncs[0]["logs_quarantined"]) == ([], 3)


def test_a_backfill_takes_its_range_alone() -> None:
    """No log outside of it is written, and none is called missing."""
    held = after(sync(Api([item("old", created_at="2026-01-01T00:00:00Z")])))
    logs = [item("c", created_at="2026-05-31T00:00:00Z"), item("b"), item("a", created_at="2026-05-01T00:00:00Z")]
    request = Request("r", created_from=NOW - 2 * DAY, created_to=NOW - DAY)
    batch = sync(Api(logs), held, request)
    assert [row["id"] for row in batch.export_logs] == ["b"]
    assert (batch.missing_since, batch.export_syncs[0]["mode"]) == ({}, "backfill")


def test_many_logs_come_in_batches() -> None:
    """Of about ten thousand logs: memory does not grow with the list."""
    logs = [item(f"{n:05d}", created_at=(NOW - n * timedelta(hours=1)).isoformat()) for n in range(25_000)]
    sizes = [len(batch.export_logs) for batch in one_sync(Api(logs), DestinationState()).batches()]
    assert sum(sizes) == 25_000
    assert max(sizes) < 10_000 + 99
