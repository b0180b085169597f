"""What one sync of an export amounts to: its rows, its counts, and how far it reads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from didomi_source import values
from didomi_source.api.client import Direction
from didomi_source.errors import BadRequest, Forbidden
from didomi_source.reading.destination import DestinationState, KnownExport
from didomi_source.reading.fields import ExtraColumns
from didomi_source.reading.plan import Plan, Request, plan
from didomi_source.reading.rows import Batch
from didomi_source.reading.run import Run
from didomi_source.reading.sync import ExportSync
from didomi_source.settings import Settings
from support.ledger import Ledger, Row, note_times

SETTINGS = Settings(api_key="k", api_secret="s", organization_id="acme", page_size=10, lookback_days=2.0)
EXPORT = "export-1"
NOW = datetime.now(timezone.utc).replace(microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def log(number: int, **fields: Any) -> Row:
    """A completed log, one an hour; the newest has the highest number, and number 0 is an hour old."""
    when = (NOW + (number - 1) * HOUR).isoformat()
    return {
        "id": f"log{number:+05d}",
        "export_id": EXPORT,
        "status": "completed",
        "metrics": {"users": 100},
        "created_at": when,
        "updated_at": when,
        **fields,
    }


class Api:
    """An API in memory that honours `$sort`, with a total or without; `before` may change it before each answer."""

    def __init__(self, logs: list[Row], *, total: bool = True, sort: str = "honoured") -> None:
        self.logs, self.total, self.sort = logs, total, sort
        self.asked: list[tuple[str, int, int]] = []
        self.before: Callable[[int], None] = lambda _number: None

    def logs_page(self, export_id: str, skip: int, limit: int, direction: Direction | None) -> tuple[list[Any], Any]:
        self.asked.append((export_id, skip, limit))
        self.before(len(self.asked))
        if direction is not None and self.sort == "rejected":
            raise BadRequest("400")
        logs = list(self.logs)
        if direction is not None and self.sort == "honoured":
            logs.sort(key=lambda found: str(found.get("created_at")), reverse=direction is Direction.DESCENDING)
        return logs[skip : skip + limit], len(logs) if self.total else None

    def change(self, number: int, **fields: Any) -> None:
        (at,) = [n for n, found in enumerate(self.logs) if found["id"] == log(number)["id"]]
        self.logs[at] = {**self.logs[at], **fields}


class Runs:
    """Runs of one export into a ledger."""

    def __init__(self, api: Api, **settings: Any) -> None:
        self.api, self.ledger, self.count = api, Ledger(), 0
        self.settings = replace(SETTINGS, **settings)

    def run(self, **request: Any) -> Row:
        """One run; its row of `export_syncs`."""
        self.count += 1
        return self.ledger.sync(self.api, self.settings, Request(f"run-{self.count}", **request), EXPORT)

    def written(self) -> list[str]:
        """The logs that the last run wrote."""
        return sorted(i for i, row in self.ledger.logs.items() if row["run_id"] == f"run-{self.count}")


def counts(sync: Row) -> Row:
    """A row of `export_syncs` without names and times."""
    names = ("sync_id", "run_id", "export_id", "organization_id", "started_at", "finished_at", "newest_created_at")
    return {name: value for name, value in sync.items() if name not in names}


def counted(**fields: Any) -> Row:
    """What `counts` shows of a run over 30 logs of which nothing is new, but for what is given."""
    return {
        "mode": "full", "mode_reason": "asked for", "sort": "honoured", "requests": 6, "api_total": 30,
        "rows_received": 34, "distinct_ids": 30, "logs_new": 0, "logs_changed": 0, "logs_pending": 0,
        "logs_flagged": 0, "logs_quarantined": 0, "logs_missing": 0, "logs_known": 30, "is_complete": True,
        "error": None, **fields,
    }  # fmt: skip


def thirty() -> Api:
    return Api([log(-n) for n in range(30)])


# -- one run -------------------------------------------------------------------------------------


def test_a_first_read_takes_everything() -> None:
    """Each log becomes a row and a state of the history; the counts say how it went."""
    runs = Runs(thirty())
    before = datetime.now(timezone.utc)
    sync = runs.run()
    after = datetime.now(timezone.utc)
    assert counts(sync) == counted(mode_reason="first complete read", logs_new=30)
    assert (sync["sync_id"], sync["run_id"], sync["export_id"], sync["organization_id"]) == (
        values.digest("run-1", EXPORT), "run-1", EXPORT, "acme"
    )  # fmt: skip
    assert sync["newest_created_at"] == NOW - HOUR
    assert before <= sync["started_at"] <= sync["finished_at"] <= after
    assert {name for name, _, _ in runs.api.asked} == {EXPORT}
    row = runs.ledger.logs["log-0007"]
    assert before <= row.pop("extracted_at") <= after
    assert row == {
        "id": "log-0007", "export_id": EXPORT, "status": "completed", "metrics__users": 100,
        "created_at": NOW - 8 * HOUR, "updated_at": NOW - 8 * HOUR, "raw_log": log(-7),
        "content_hash": values.digest(values.canonical(log(-7))), "run_id": "run-1", "read_sequence": 8,
    }  # fmt: skip
    assert len(runs.ledger.history) == 30
    (state,) = [row for row in runs.ledger.history.values() if row["log_id"] == "log-0007"]
    assert before <= state.pop("first_observed_at") <= after
    assert state == {
        "version_id": values.digest("log-0007", '["completed",100,null]'), "log_id": "log-0007",
        "export_id": EXPORT, "organization_id": "acme", "sequence": 1, "status": "completed", "users": 100,
        "result": None, "run_id": "run-1",
    }  # fmt: skip


def test_a_second_read_writes_nothing() -> None:
    """Two requests see that nothing is new; a whole one finds the same."""
    runs = Runs(thirty(), lookback_days=0.25)
    runs.run()
    since = f"logs since {NOW - 7 * HOUR:%Y-%m-%d %H:%M} UTC"
    assert counts(runs.run()) == counted(
        mode="incremental", mode_reason=since, requests=2, rows_received=10, distinct_ids=10
    )
    assert counts(runs.run(full=True)) == counted()
    assert runs.written() == []


def one_sync(api: Api, known: DestinationState, settings: Settings = SETTINGS) -> ExportSync:
    """The sync of the export in a run of its own."""
    return ExportSync(Run(api, settings, Request("r"), known, ExtraColumns({}), known.destination), EXPORT)  # type: ignore[arg-type]


def batches(api: Api, page_size: int) -> list[Batch]:
    """What a first read of a list brings."""
    settings = replace(SETTINGS, page_size=page_size)
    return list(one_sync(api, DestinationState(), settings).batches())


def test_a_batch_goes_out_as_soon_as_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one brings the row of the sync."""
    monkeypatch.setattr("didomi_source.reading.rows.BATCH_ROWS", 250)
    found = batches(Api([log(-n) for n in range(600)]), 100)
    assert [len(batch.export_logs) for batch in found] == [298, 297, 5]
    assert [len(batch.export_syncs) for batch in found] == [0, 0, 1]
    assert [row.read_sequence for batch in found for row in batch.export_logs] == list(range(1, 601))


@pytest.mark.parametrize(
    ("name", "enough"), [("BATCH_ROWS", 100), ("BATCH_BYTES", 100 * len(values.canonical(log(-100))))]
)
@pytest.mark.parametrize("is_good", [True, False])
def test_a_batch_is_full_as_soon_as_it_has_enough(
    monkeypatch: pytest.MonkeyPatch, name: str, enough: int, is_good: bool
) -> None:
    """Of rows or of bytes, good ones or bad ones; the next page begins another one."""
    monkeypatch.setattr(f"didomi_source.reading.rows.{name}", enough)
    logs = [log(-n) if is_good else log(-n, export_id="elsewher") for n in range(100, 250)]
    found = batches(Api(logs), 100)
    assert [len(batch.export_logs) + len(batch.export_log_quarantine) for batch in found] == [100, 50]


def test_an_answer_that_lags_behind_another_changes_nothing() -> None:
    """Of two states that one run is shown, the one that was updated later stays, whichever comes last."""
    api = Api([log(-n) for n in range(15)], sort="ignored")
    newer, lagging = log(-3, metrics={"users": 7}, updated_at=NOW.isoformat()), log(-3)
    api.before = lambda number: api.change(-3, **(newer if number <= 3 else lagging))
    runs = Runs(api)
    assert runs.run()["is_complete"]
    assert runs.ledger.logs["log-0003"]["metrics__users"] == 7
    assert [row["users"] for row in runs.ledger.history.values() if row["log_id"] == "log-0003"] == [7]


def test_the_states_of_a_new_log_are_numbered_without_asking_the_destination() -> None:
    """Unless the history remembers a log that the table has lost, or the log is known."""
    states = [{"status": "pending"}, {"status": "running"}, {"status": "completed"}]
    api = Api([log(-n) for n in range(15)], sort="ignored")
    api.before = lambda number: [api.change(-n, **states[min((number - 1) // 3, 2)]) for n in (13, 14)]
    known = DestinationState(history_only_ids={"log-0013"})
    known.add_known([("log-0002", EXPORT)])
    (batch,) = one_sync(api, known).batches()
    found: dict[str, list[int | None]] = {}
    for row in batch.export_log_history:
        found.setdefault(row.log_id, []).append(row.sequence)
    assert {i: found[i] for i in ("log-0001", "log-0002", "log-0013", "log-0014")} == {
        "log-0001": [1], "log-0002": [None], "log-0013": [None, None, None], "log-0014": [1, 2, 3]
    }  # fmt: skip


def test_a_state_is_written_once_however_often_it_is_shown() -> None:
    """Also where the log itself is written again: a second row of the state would get the next number."""
    states = [{"status": "pending"}, {"status": "completed"}, {"status": "completed", "region": "eu"}]
    api = Api([log(-n) for n in range(15)], sort="ignored")
    api.before = lambda number: api.change(-14, **states[min((number - 1) // 3, 2)])
    (batch,) = one_sync(api, DestinationState()).batches()
    rows = [row for row in batch.export_log_history if row.log_id == "log-0014"]
    assert [(row.sequence, row.status) for row in rows] == [(1, "pending"), (2, "completed")]
    assert [row.status for row in batch.export_logs if row.id == "log-0014"] == ["pending", "completed", "completed"]


# -- what changes --------------------------------------------------------------------------------


def test_a_change_is_written_once() -> None:
    """The row is replaced, and the history gets the new state, with the next number."""
    runs = Runs(thirty())
    runs.api.change(-3, status="pending", metrics={})
    assert counts(runs.run())["logs_pending"] == 1
    runs.api.change(-3, status="failed", metrics={}, result="No")
    assert counts(runs.run()) == counted(mode_reason="no log is older than an incremental read goes", logs_changed=1)
    assert (runs.written(), runs.ledger.logs["log-0003"]["status"]) == (["log-0003"], "failed")
    assert runs.ledger.states("log-0003") == [(1, "pending", None, None), (2, "failed", None, "No")]
    runs.run(full=True)
    assert runs.written() == []


def test_a_change_that_is_no_state_leaves_the_history_alone() -> None:
    """A field that says nothing of the outcome is written to the log alone."""
    runs = Runs(thirty())
    runs.run()
    runs.api.change(-3, region="eu")
    assert counts(runs.run())["logs_changed"] == 1
    assert runs.ledger.logs["log-0003"]["region"] == "eu"
    assert runs.ledger.states("log-0003") == [(1, "completed", 100, None)]


def test_settled_never_goes_back() -> None:
    """A completed log that is shown as pending stays as it is, and is not counted as open."""
    runs = Runs(thirty())
    runs.run()
    runs.api.change(-3, status="pending")
    assert counts(runs.run(full=True)) == counted()
    assert runs.ledger.logs["log-0003"]["status"] == "completed"
    assert runs.ledger.states("log-0003") == [(1, "completed", 100, None)]


def test_a_log_that_changes_while_it_is_read_is_recorded_in_each_state() -> None:
    """Sweeps see it three times, in three states, and the last one counts."""
    states = [{"status": "pending"}, {"status": "running"}, {"status": "completed"}]
    api = Api([log(-n) for n in range(15)], sort="ignored")

    def change(number: int) -> None:  # sweeps begin with the requests 1, 3 and 6
        api.change(-14, **states[min((number - 1) // 3, 2)])

    api.before = change
    runs = Runs(api)
    sync = runs.run()
    assert (sync["logs_new"], sync["logs_changed"], sync["logs_pending"], sync["is_complete"]) == (15, 0, 0, True)
    assert runs.ledger.logs["log-0014"]["status"] == "completed"
    assert [state[:2] for state in runs.ledger.states("log-0014")] == [
        (1, "pending"), (2, "running"), (3, "completed")
    ]  # fmt: skip
    assert [state[:2] for state in runs.ledger.states("log-0001")] == [(1, "completed")]


@pytest.mark.parametrize(
    ("shown", "recorded"),
    [
        (  # the second is the latest, whatever comes behind it
            [{"metrics": {"users": n}, "updated_at": (NOW - ago).isoformat()} for n, ago in ((1, DAY), (2, HOUR), (3, 2 * HOUR))],
            [(1, "completed", 1, None), (2, "completed", 2, None)],
        ),
        (  # the second is no state of its own
            [{"status": "pending"}, {"status": "pending", "region": "eu"}, {"status": "completed"}],
            [(1, "pending", 100, None), (2, "completed", 100, None)],
        ),
    ],
    ids=["older", "same"],
)  # fmt: skip
def test_each_state_that_one_run_is_shown_is_compared_with_the_one_before(
    shown: list[Row], recorded: list[tuple[Any, ...]]
) -> None:
    """Also where that one was received in the same run."""
    api = Api([log(-n) for n in range(15)], sort="ignored")
    api.before = lambda number: api.change(-14, **shown[min((number - 1) // 3, 2)])
    runs = Runs(api)
    runs.run()
    assert runs.ledger.states("log-0014") == recorded
    assert runs.ledger.logs["log-0014"]["metrics__users"] == recorded[-1][2]


def test_a_known_log_that_changes_while_it_is_read_is_numbered_after_what_is_known() -> None:
    """The destination is asked for the states that it has."""
    api = Api([log(-n) for n in range(15)], sort="ignored")
    runs = Runs(api)
    api.change(-14, status="queued")
    runs.run()
    api.asked.clear()
    states = [{"status": "pending"}, {"status": "pending", "region": "eu"}, {"status": "completed"}]
    api.before = lambda number: api.change(-14, **states[min((number - 1) // 3, 2)])
    sync = runs.run()
    assert (sync["logs_new"], sync["logs_changed"], sync["logs_pending"]) == (0, 1, 0)
    assert [state[:2] for state in runs.ledger.states("log-0014")] == [
        (1, "queued"), (2, "pending"), (3, "completed")
    ]  # fmt: skip


def test_pending_logs_are_counted_whether_they_are_new_or_not() -> None:
    """Those seen by this run that are not over."""
    runs = Runs(thirty())
    for number in (-1, -2, -20):
        runs.api.change(number, status="pending")
    assert runs.run()["logs_pending"] == 3
    runs.api.change(-2, status="failed")
    assert runs.run(full=True)["logs_pending"] == 2


def test_odd_values_are_flagged_and_counted() -> None:
    """Once for each log, however often it is received."""
    runs = Runs(thirty())
    for number in (-5, -9):  # -9 is where pages overlap
        runs.api.change(number, metrics={"users": "many"})
    sync = runs.run()
    assert (sync["logs_flagged"], sync["logs_new"]) == (2, 30)
    assert runs.ledger.logs["log-0005"]["flags"] == ["metrics.users: not a whole number of 64 bits"]


# -- what is set aside ---------------------------------------------------------------------------


def test_what_is_no_log_is_set_aside_once() -> None:
    """With its reason and its text; later runs count it without writing it again."""
    odd = {"id": None, "created_at": log(-4)["created_at"]}
    runs = Runs(Api([*thirty().logs, odd, log(-50, export_id="elsewhere")]))
    first = runs.run()
    assert (first["logs_quarantined"], first["logs_new"], first["distinct_ids"], first["is_complete"]) == (
        2, 30, 30, True
    )  # fmt: skip
    rows = sorted(runs.ledger.quarantine.values(), key=lambda row: row["reason"])
    assert [row.pop("quarantined_at") <= datetime.now(timezone.utc) for row in rows] == [True, True]
    foreign = values.canonical(log(-50, export_id="elsewhere"))
    assert rows == [
        {
            "fingerprint": values.digest(EXPORT, foreign), "export_id": EXPORT, "organization_id": "acme",
            "reason": "belongs to another export", "raw_log": foreign, "run_id": "run-1",
        },
        {
            "fingerprint": values.digest(EXPORT, values.canonical(odd)), "export_id": EXPORT,
            "organization_id": "acme", "reason": "has no usable id", "raw_log": values.canonical(odd),
            "run_id": "run-1",
        },
    ]  # fmt: skip
    again = runs.run(full=True)
    assert (again["logs_quarantined"], again["distinct_ids"], again["logs_known"]) == (2, 30, 30)
    assert {row["run_id"] for row in runs.ledger.quarantine.values()} == {"run-1"}


def test_logs_of_an_export_that_is_read_elsewhere_are_passed_over() -> None:
    """A server that ignores `export_id` shows them to every export: they are no one's fault."""
    api = Api([*thirty().logs, log(-50, export_id="other"), log(-51, export_id="unheard-of")])
    known = DestinationState(exports_in_run={EXPORT, "other"})
    (batch,) = one_sync(api, known).batches()
    assert [row["reason"] for row in batch.export_log_quarantine] == ["belongs to another export"]
    assert (batch.export_syncs[0]["logs_quarantined"], batch.export_syncs[0]["distinct_ids"]) == (1, 30)


def test_an_id_that_another_export_has_is_set_aside() -> None:
    """A key column takes it once: whoever has it keeps it, and the log is not lost."""
    api = thirty()
    known = DestinationState(exports_in_run={EXPORT, "other"})
    known.add_known([("log-0005", "other")])
    assert known.logs.partition(["log-0006"], "other") == (["log-0006"], {}, {})
    (batch,) = one_sync(api, known).batches()
    assert {row["raw_log"]: row["reason"] for row in batch.export_log_quarantine} == {
        values.canonical(log(-number)): "has the id of a log of export other" for number in (5, 6)
    }
    (sync,) = batch.export_syncs
    assert (sync["logs_new"], sync["logs_quarantined"], sync["distinct_ids"], sync["is_complete"]) == (
        28, 2, 28, True
    )  # fmt: skip


def test_of_an_id_that_another_export_has_every_log_is_set_aside() -> None:
    """Also where the page shows two that differ."""
    known = DestinationState(exports_in_run={EXPORT, "other"})
    known.logs.partition(["log-0001"], "other")
    api = Api([log(-1), log(-1, status="pending"), log(-2)])
    (batch,) = one_sync(api, known).batches()
    assert [row["raw_log"] for row in batch.export_log_quarantine] == [
        values.canonical(log(-1)), values.canonical(log(-1, status="pending"))
    ]  # fmt: skip
    assert batch.export_logs["id"] == ["log-0002"]


@pytest.mark.parametrize(
    ("logs", "error"),
    [
        (
            [{**log(-n), "id": None} for n in range(3)],
            "none of 3 logs can be used, one has no usable id: look into export_log_quarantine",
        ),
        (
            [*[log(-n, export_id=" ") for n in range(2)], {"id": None}],
            "none of 3 logs can be used, one has no usable id: look into export_log_quarantine",
        ),
        ([*[{**log(-n), "id": None} for n in range(2)], log(-9)], None),
        ([log(-n, export_id="other") for n in range(3)], None),
        ([log(-1, export_id="other"), {"id": None}], "none of 1 logs can be used, one has no usable id"),
        (
            [log(-n) for n in (5, 6)],
            "none of 2 logs can be used, one has the id of a log of export other: look into export_log_quarantine",
        ),
        ([], None),
    ],
)
def test_a_list_of_which_nothing_can_be_used_is_an_error(logs: list[Row], error: str | None) -> None:
    """Then the form of the list has changed; one log that can be used makes the others odd ones."""
    known = DestinationState(exports_in_run={EXPORT, "other"})
    known.logs.partition([log(-number)["id"] for number in (5, 6)], "other")
    (batch,) = one_sync(Api(logs), known).batches()
    (sync,) = batch.export_syncs
    assert sync["is_complete"] is (error is None)
    assert (sync["error"] or "").startswith(error or "")


# -- how far it reads ----------------------------------------------------------------------------


def test_it_reads_back_to_the_oldest_open_log() -> None:
    """However far behind the lookback it is; one that is gone at the source is not waited for."""
    runs = Runs(thirty(), lookback_days=0.25)
    runs.api.change(-25, status="pending")
    runs.run()
    sync = runs.run()
    assert (sync["mode"], sync["mode_reason"]) == (
        "incremental", f"logs since {NOW - 26 * HOUR:%Y-%m-%d %H:%M} UTC"
    )  # fmt: skip
    assert sync["rows_received"] > 26
    runs.api.logs = [found for found in runs.api.logs if found["id"] != "log-0025"]
    assert runs.run(full=True)["logs_missing"] == 1
    assert runs.run()["requests"] == 2


def test_more_logs_than_can_be_seen_make_it_read_everything() -> None:
    """The API counts one more than before, and an incremental read found none: it is somewhere below."""
    runs = Runs(thirty(), lookback_days=0.25)
    runs.run()
    runs.api.logs.append(log(-900))
    sync = runs.run()
    assert counts(sync) == counted(
        mode_reason="the API has more logs than an incremental read shows", requests=2 + 6, api_total=31,
        rows_received=10 + 35, distinct_ids=31, logs_new=1, logs_known=31,
    )  # fmt: skip
    runs.api.logs.append(log(1))
    assert (runs.run()["mode"], len(runs.ledger.logs)) == ("incremental", 32)


def test_what_comes_and_goes_while_everything_is_read_is_not_missing() -> None:
    """The destination does not hold it yet: only the next whole read can miss it."""
    runs = Runs(thirty(), lookback_days=0.25)
    runs.run()
    fleeting = log(1)
    runs.api.logs += [log(-900), log(-901), fleeting]
    runs.api.asked.clear()
    runs.api.before = lambda number: number == 3 and runs.api.logs.remove(fleeting)
    sync = runs.run()
    assert (sync["mode"], sync["api_total"], sync["logs_new"], sync["logs_missing"]) == ("full", 32, 3, 0)
    runs.api.before = lambda _number: None
    assert runs.run(full=True)["logs_missing"] == 1


@pytest.mark.parametrize("gone", [0, 1])
def test_logs_that_went_are_allowed_for(gone: int) -> None:
    """What the API has lost since the last complete read cannot hide what it has gained: both are differences."""
    runs = Runs(thirty(), lookback_days=0.25)
    runs.run()
    runs.api.logs = [*runs.api.logs[: 30 - gone], log(1)]
    assert (runs.run()["mode"], runs.run()["mode"], len(runs.ledger.logs)) == ("incremental", "incremental", 31)


def test_without_a_total_nothing_is_suspected() -> None:
    """An old log that nobody counts is left to the next whole read."""
    runs = Runs(thirty(), lookback_days=0.25)
    runs.api.total = False
    runs.run()
    runs.api.logs.append(log(-900))
    assert (runs.run()["mode"], len(runs.ledger.logs)) == ("incremental", 30)
    runs.api.total = True
    assert (runs.run()["mode"], len(runs.ledger.logs)) == ("incremental", 30)
    assert runs.run(full=True)["logs_new"] == 1


@pytest.mark.parametrize(
    ("sort", "count", "reason"),
    [
        ("ignored", 30, "$sort is ignored"),
        ("rejected", 30, "$sort is rejected"),
        ("honoured", 9, "the whole list came at once"),
    ],
)
def test_an_incremental_read_that_took_everything_says_why(sort: str, count: int, reason: str) -> None:
    """It counts as a whole read, with all that follows."""
    runs = Runs(Api([log(-n) for n in range(count)], sort=sort), lookback_days=0.25)
    runs.run()
    gone = runs.api.logs.pop()
    sync = runs.run()
    assert (sync["mode"], sync["mode_reason"], sync["logs_missing"]) == ("full", reason, 1)
    assert runs.ledger.logs[gone["id"]]["missing_at_source_since"] == sync["started_at"]


def test_times_ahead_of_the_clock_are_no_watermark() -> None:
    """A day ahead is credible, more is not."""
    runs = Runs(Api([*thirty().logs, log(24), log(30)]))
    assert runs.run()["newest_created_at"] == NOW + 23 * HOUR


def test_the_newest_time_is_remembered_from_before() -> None:
    """A run that reads no newer log leaves the watermark where it was."""
    runs = Runs(thirty())
    runs.run()
    runs.api.logs = runs.api.logs[1:]
    runs.api.change(-5, region="eu")
    assert runs.run()["newest_created_at"] == NOW - HOUR


def test_a_backfill_takes_its_range_and_judges_nothing_else() -> None:
    """Both ends are in it; what is outside is not written, and nothing is called missing."""
    runs = Runs(thirty())
    runs.run(created_from=NOW - 21 * HOUR, created_to=NOW - 11 * HOUR)
    assert sorted(runs.ledger.logs) == [f"log-{n:04d}" for n in range(10, 21)]
    runs.api.logs = [found for found in runs.api.logs if found["id"] != "log-0012"]
    sync = runs.run(created_from=NOW - 21 * HOUR)
    assert (sync["mode"], sync["mode_reason"], sync["logs_missing"], sync["logs_new"]) == (
        "backfill", "asked for", 0, 10
    )  # fmt: skip
    assert runs.run(created_to=NOW - 21 * HOUR)["mode"] == "backfill"
    sync = runs.run()
    assert (sync["mode"], sync["mode_reason"], sync["logs_missing"]) == ("full", "first complete read", 1)


# -- what goes, and comes back -------------------------------------------------------------------


def test_what_is_gone_is_marked_by_a_whole_read_and_unmarked_when_it_is_back() -> None:
    """Nothing else of the row changes; a mark stays as it was first set."""
    runs = Runs(thirty())
    runs.run()
    before = dict(runs.ledger.logs)
    gone = [runs.api.logs.pop(3), runs.api.logs.pop(4)]
    first = runs.run(full=True)
    assert counts(first) == counted(requests=5, api_total=28, rows_received=31, distinct_ids=28, logs_missing=2)
    marked = {i: row["missing_at_source_since"] for i, row in runs.ledger.logs.items() if row["run_id"] == "run-2"}
    assert marked == {found["id"]: first["started_at"] for found in gone}
    assert (runs.run(full=True)["logs_missing"], runs.written()) == (0, [])
    runs.api.logs += gone
    back = runs.run(full=True)
    assert (back["logs_changed"], back["logs_new"], back["logs_missing"]) == (2, 0, 0)
    names = ("run_id", "extracted_at", "read_sequence", "missing_at_source_since")
    plain = [{i: {k: v for k, v in row.items() if k not in names} for i, row in logs.items()}
             for logs in (before, runs.ledger.logs)]  # fmt: skip
    assert plain[0] == plain[1]
    assert [i for i, row in runs.ledger.logs.items() if row.get("missing_at_source_since")] == []
    assert len(runs.ledger.history) == 30


def test_a_log_that_comes_back_as_pending_is_back_and_stays_settled() -> None:
    """It is there again, and what it said last is not taken back."""
    runs = Runs(thirty())
    runs.run()
    (gone,) = [runs.api.logs.pop(3)]
    runs.run(full=True)
    runs.api.logs.append({**gone, "status": "pending"})
    sync = runs.run(full=True)
    row = runs.ledger.logs[gone["id"]]
    assert (row["status"], row["missing_at_source_since"], row["run_id"]) == ("completed", None, "run-3")
    assert (sync["logs_changed"], sync["logs_pending"]) == (0, 0)


def test_a_read_that_fails_says_so_and_marks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """What came before the error is kept, the error stands in the row and in the log."""
    api = thirty()
    runs = Runs(api)
    runs.run()
    del api.logs[5:8]
    api.logs.append(log(1))
    api.asked.clear()

    def fail(number: int) -> None:
        if number == 4:
            raise Forbidden("403: no")

    api.before = fail
    with caplog.at_level(logging.ERROR):
        sync = runs.run(full=True)
    assert (sync["is_complete"], sync["error"], sync["logs_new"], sync["logs_missing"], sync["requests"]) == (
        False, "403: no", 1, 0, 4
    )  # fmt: skip
    assert [record.getMessage() for record in caplog.records] == [f"export {EXPORT}: 403: no"]
    assert [i for i, row in runs.ledger.logs.items() if row.get("missing_at_source_since")] == []
    api.before = lambda _number: None
    assert (runs.run(full=True)["logs_missing"], len(runs.ledger.logs)) == (3, 31)


def test_only_errors_of_ours_end_an_export_quietly() -> None:
    """A mistake in the program is not put down to the API."""
    api = thirty()
    api.before = lambda number: {}["x"] if number == 2 else None
    with pytest.raises(KeyError):
        Runs(api).run()


# -- the plan ------------------------------------------------------------------------------------


def known(**fields: Any) -> KnownExport:
    """An export that was read completely an hour ago: 2 logs, the newest of three hours ago."""
    usual = {
        "count": 2,
        "newest_created_at": NOW - 3 * HOUR,
        "complete_newest_created_at": NOW - 3 * HOUR,
        "complete_logs_known": 2,
        "full_read_at": NOW - HOUR,
    }
    return KnownExport(**{**usual, **fields})


def with_log(status: str, created_at: datetime | None, *, is_missing: bool = False) -> KnownExport:
    found = known(count=3)
    missing_since = NOW if is_missing else None
    note_times(found, [{"status": status, "created_at": created_at, "missing_at_source_since": missing_since}])
    return found


FULL, TWO_DAYS = "full", f"logs since {NOW - 3 * HOUR - 2 * DAY:%Y-%m-%d %H:%M} UTC"


@pytest.mark.parametrize(
    ("export", "request_", "expected"),
    [
        (known(), Request("r"), Plan("incremental", TWO_DAYS, NOW - 3 * HOUR - 2 * DAY)),
        (known(), Request("r", full=True), Plan(FULL, "asked for", None)),
        (known(), Request("r", created_from=NOW - DAY), Plan("backfill", "asked for", NOW - DAY)),
        (known(), Request("r", created_to=NOW - DAY), Plan("backfill", "asked for", None)),
        (KnownExport(), Request("r"), Plan(FULL, "first complete read", None)),
        (known(complete_logs_known=None), Request("r"), Plan(FULL, "first complete read", None)),
        (known(complete_logs_known=3), Request("r"), Plan(FULL, "the destination holds 2 of 3 logs", None)),
        (known(complete_logs_known=1), Request("r"), Plan("incremental", TWO_DAYS, NOW - 3 * HOUR - 2 * DAY)),
        (with_log("completed", None), Request("r"), Plan(FULL, "logs without a time", None)),
        (known(full_read_at=None), Request("r"), Plan(FULL, "every 7 days", None)),
        (known(full_read_at=NOW - 7 * DAY), Request("r"), Plan(FULL, "every 7 days", None)),
        (
            known(full_read_at=NOW - 7 * DAY + HOUR),
            Request("r"),
            Plan("incremental", TWO_DAYS, NOW - 3 * HOUR - 2 * DAY),
        ),
        (
            known(complete_newest_created_at=NOW - 9 * HOUR),
            Request("r"),
            Plan("incremental", f"logs since {NOW - 57 * HOUR:%Y-%m-%d %H:%M} UTC", NOW - 57 * HOUR),
        ),
        (
            known(complete_newest_created_at=NOW + 9 * HOUR),
            Request("r"),
            Plan("incremental", TWO_DAYS, NOW - 3 * HOUR - 2 * DAY),
        ),
        (known(complete_newest_created_at=None), Request("r"), Plan(FULL, "no log with a time is known", None)),
        (
            KnownExport(complete_logs_known=0, full_read_at=NOW),
            Request("r"),
            Plan(FULL, "no log with a time is known", None),
        ),
        (
            with_log("pending", NOW - 90 * HOUR),
            Request("r"),
            Plan("incremental", f"logs since {NOW - 90 * HOUR:%Y-%m-%d %H:%M} UTC", NOW - 90 * HOUR),
        ),
        (with_log("pending", NOW - 9 * HOUR), Request("r"), Plan("incremental", TWO_DAYS, NOW - 51 * HOUR)),
        (
            with_log("pending", NOW - 90 * HOUR, is_missing=True),
            Request("r"),
            Plan("incremental", TWO_DAYS, NOW - 51 * HOUR),
        ),
    ],
)
def test_the_plan_follows_from_what_is_known(export: KnownExport, request_: Request, expected: Plan) -> None:
    """How much has to be read, and why."""
    assert plan(export, SETTINGS, request_, NOW) == expected


@pytest.mark.parametrize(
    ("created_from", "created_to", "is_backfill", "covered"),
    [
        (None, None, False, [True, True, True, True]),
        (0, 2, True, [False, True, True, False]),
        (1, None, True, [False, False, True, True]),
        (None, 0, True, [False, True, False, False]),
    ],
)
def test_a_request_covers_its_range(created_from, created_to, is_backfill: bool, covered: list[bool]) -> None:
    """Both ends included; a log without a time is in no range."""
    ends = [None if n is None else NOW + n * HOUR for n in (created_from, created_to)]
    request = Request("r", created_from=ends[0], created_to=ends[1])
    times = [None, NOW, NOW + 2 * HOUR, NOW + 3 * HOUR]
    assert (request.is_backfill, [request.covers(when) for when in times]) == (is_backfill, covered)
    assert not Request("r").full
