"""What a destination tells of the logs that it holds, beside what Python makes of the same rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from didomi_sandbox import Behaviour, plain_store, serve
from didomi_source import read_back
from didomi_source.reading.destination import Destination, DestinationState, KnownExport
from didomi_source.reading.state import LogState
from support.ledger import Row, note_times, state_of, states_of
from support.warehouse import Start, Warehouse

NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)
TIMES = st.none() | st.integers(-9, 9).map(lambda days: NOW + days * DAY / 2)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "export_id": st.sampled_from(["a", "b"]),
            "content_hash": st.sampled_from(["1" * 32, None, "2" * 32]),
            "status": st.sampled_from([None, "", "pending", "running", "completed", "FAILED", "Completed"]),
            "metrics__users": st.none() | st.integers(0, 9),
            "created_at": TIMES,
            "updated_at": TIMES,
            "missing_at_source_since": st.none() | st.just(NOW),
            "is_recorded": st.booleans(),
        }
    ),
    max_size=12,
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse whose tables are empty."""
    warehouse = Warehouse(tmp_path_factory.mktemp("known"))
    with serve(plain_store(1)) as sandbox:
        warehouse.load(sandbox)
    yield warehouse


def hold(warehouse: Warehouse, rows: list[Row]) -> None:
    """Have the warehouse hold these logs, and their states in the history, unless they are not recorded."""
    numbers = count()
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(
            "use didomi_raw; delete from export_logs; delete from export_log_history; delete from export_syncs"
        )

        def insert(table: str, row: Row) -> None:
            given_ = {**row, "_dlt_load_id": "0", "_dlt_id": str(next(numbers))}
            names, marks = ", ".join(given_), ", ".join("?" * len(given_))
            connection.execute(f"insert into {table} ({names}) values ({marks})", [*given_.values()])

        for number, row in enumerate(rows):
            insert("export_logs", {"extracted_at": NOW, "read_sequence": number, **without(row, "is_recorded")})
            if row["is_recorded"]:
                state = {"log_id": row["id"], "status": row["status"], "users": row["metrics__users"]}
                insert("export_log_history", {"version_id": str(number), **state})


def without(row: Row, name: str) -> Row:
    return {key: value for key, value in row.items() if key != name}


def named(rows: list[Row]) -> list[Row]:
    return [{"id": f"log-{number}", **row} for number, row in enumerate(rows)]


def expected_states(rows: list[Row]) -> dict[str, LogState]:
    return {
        row["id"]: state_of(row if row["is_recorded"] and row["content_hash"] else {**row, "content_hash": ""})
        for row in rows
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(rows=ROWS.map(named))
def test_what_is_known_of_an_export_is_what_its_rows_say(loaded: Warehouse, rows: list[Row]) -> None:
    """How many there are, the newest, the oldest that is not settled, and whether one has no time."""
    hold(loaded, rows)
    expected = {export_id: KnownExport() for export_id in {row["export_id"] for row in rows}}
    for row in rows:
        expected[row["export_id"]].count += 1
        expected[row["export_id"]].without_history += not row["is_recorded"] and not row["missing_at_source_since"]
        note_times(expected[row["export_id"]], [row])
    known = Destination(loaded.pipeline()).state()
    assert known.exports == expected
    assert known.logs.partition([row["id"] for row in rows], "c").taken == {row["id"]: row["export_id"] for row in rows}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(
    rows=ROWS.map(named), since=st.fixed_dictionaries({"a": TIMES, "b": TIMES, "c": TIMES}), further=st.integers(1, 5)
)
def test_the_states_that_a_run_may_need_are_read_at_once(
    loaded: Warehouse, rows: list[Row], since: dict[str, datetime | None], further: int
) -> None:
    """Of each export those since a time, and so many that are older; all where there is no time, or fewer older ones."""
    hold(loaded, rows)
    destination = Destination(loaded.pipeline())
    known = destination.state()
    destination.read_states(known, since, further)
    for export_id in ("a", "b"):
        own = [row for row in rows if row["export_id"] == export_id]
        when, needed = since[export_id], own
        older = sorted(
            (row["created_at"] for row in own if when and row["created_at"] and row["created_at"] < when), reverse=True
        )
        is_all = when is None or len(older) < further
        if not is_all:
            needed = [row for row in own if row["created_at"] and row["created_at"] >= older[further - 1]]
        assert states_of(known.logs, export_id) == expected_states(needed)
        assert known.export(export_id).has_all_states == (bool(own) and is_all)


def test_states_that_were_not_expected_are_asked_for(loaded: Warehouse) -> None:
    """Those of a first lot, then all of the export; what was read is not read again, and nothing of another export."""
    fields = {"content_hash": "1" * 32, "status": "completed", "metrics__users": 1, "is_recorded": True}
    times = {"created_at": NOW, "updated_at": NOW, "missing_at_source_since": None}
    rows = [{"id": f"log-{n}", "export_id": "b" if n == 9 else "a", **fields, **times} for n in range(10)]
    hold(loaded, rows)
    known = Destination(loaded.pipeline()).state()
    known.read_states("a", ["log-3", "log-5"])
    assert states_of(known.logs, "a") == expected_states([rows[3], rows[5]])
    known.logs["log-5"] = LogState("seen again")
    known.read_states("a", ["log-4"])
    assert states_of(known.logs, "a") == {**expected_states(rows[:9]), "log-5": LogState("seen again")}
    assert states_of(known.logs, "b") == {}
    assert [known.export(name).has_all_states for name in ("a", "b")] == [True, False]


def test_of_a_log_with_several_rows_the_newest_counts(loaded: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a destination that cannot merge holds it: the log is settled, and no run has to read back to it."""
    monkeypatch.setattr(read_back, "_merges", lambda _: False)
    row = {"id": "log", "export_id": "a", "metrics__users": 1, "updated_at": NOW, "missing_at_source_since": None,
           "created_at": NOW, "is_recorded": True}  # fmt: skip
    rows = [
        {**row, "status": "pending", "content_hash": "1" * 32},
        {**row, "status": "failed", "content_hash": "2" * 32},
    ]
    hold(loaded, rows)
    known = Destination(loaded.pipeline()).state()
    known.read_states("a")
    assert known.export("a") == KnownExport(1, newest_created_at=NOW, has_all_states=True)
    assert states_of(known.logs, "a") == expected_states(rows[1:])


def test_many_threads_may_ask_at_once(loaded: Warehouse) -> None:
    """As the readings of the exports do."""
    row = {"status": None, "is_recorded": False, "metrics__users": 1, "created_at": NOW}
    hold(loaded, [{"id": str(n), "export_id": str(n % 4), **row} for n in range(10)])
    destination = Destination(loaded.pipeline())
    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(lambda n: destination.count(str(n % 4), NOW), range(200)))
    assert counts == [3, 3, 2, 2] * 50


def test_logs_since_a_time_are_counted(loaded: Warehouse) -> None:
    """That time included; none where there is no table yet."""
    row = {"status": None, "is_recorded": False}
    hold(
        loaded,
        [{"id": str(n), "export_id": "a", "created_at": NOW - n * DAY, "metrics__users": 1, **row} for n in range(9)],
    )
    destination = Destination(loaded.pipeline())
    assert [destination.count("a", NOW - n * DAY) for n in (-1, 0, 3, 99)] == [0, 1, 4, 9]
    assert (destination.count("b", NOW), Destination(None).count("a", NOW)) == (0, 0)


NEWEST, BY_ID, ALL = "(l.export_id = %s and l.created_at >= %s)", "l.id in (...)", "(l.export_id = %s)"


@pytest.mark.parametrize(
    ("before", "after", "conditions"),
    [
        ("honoured", "honoured", [NEWEST]),
        ("honoured", "ignored", [NEWEST, BY_ID, ALL]),
        ("ignored", "ignored", [ALL]),
        ("ignored", "honoured", [ALL]),
    ],
)
def test_a_run_asks_for_what_it_meets(
    sandbox: Start,
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
    before: Any,
    after: Any,
    conditions: list[str],
) -> None:
    """The newest at once. Of a list that is no longer sorted a page that is not among them, then all; nothing is written."""
    server = sandbox(plain_store(300, step=3600.0), Behaviour(rate_limit=(10_000, 1), sort=before))
    warehouse.load(server, page_size=20)
    server.behaviour = replace(server.behaviour, sort=after)
    asked: list[str] = []
    read = Destination._read_states

    def note(self: Destination, known: DestinationState, condition: str, values: Any) -> None:
        asked.append(re.sub(r"(%s, )+%s", "...", condition))
        read(self, known, condition, values)

    monkeypatch.setattr(Destination, "_read_states", note)
    assert warehouse.load(server, page_size=20) == {"export_syncs": 1}
    assert asked == conditions
