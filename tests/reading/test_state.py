"""What a run keeps of each log in SQLite is what sets and dicts would keep."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from didomi_source.errors import DiskFull
from didomi_source.reading.state import Database, LogState, LogStates, SeenNames
from support.ledger import states_of
from support.values_of_any_kind import TIMES

IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4) | st.sampled_from(["a", "A", "a ", "é", "'"])
EXPORTS = st.sampled_from(["one", "two"])
STATES = st.builds(
    LogState,
    content_hash=st.sampled_from(["", "1" * 32, "no digest"]),
    version_id=st.sampled_from(["", "2" * 32]),
    is_settled=st.booleans(),
    is_missing=st.booleans(),
    is_known=st.booleans(),
    is_written=st.booleans(),
    updated_at=st.none() | TIMES,
    sequence=st.none() | st.integers(1, 2**31 - 1),
)


@given(pages=st.lists(st.tuples(st.lists(IDS, max_size=8), st.integers(-1, 3)), max_size=8))
def test_seen_names_are_a_dict(pages: list[tuple[list[str], int]]) -> None:
    """From each name to the last sweep that showed it."""
    seen, expected = SeenNames(Database()), dict[str, int]()
    for page, sweep in pages:
        assert seen.add(page, sweep) == {name: expected[name] for name in page if name in expected}
        expected |= dict.fromkeys(page, sweep)
        assert (len(seen), set(seen)) == (len(expected), expected.keys())
        assert all(name in seen for name in expected)
        assert "another name" not in seen


class LogStatesMachine(RuleBasedStateMachine):
    """Log states beside dicts that hold the same."""

    def __init__(self) -> None:
        super().__init__()
        self.logs = LogStates(Database())
        self.owner_of: dict[str, str] = {}
        self.states: dict[str, LogState] = {}

    @rule(given_=st.lists(st.tuples(IDS, EXPORTS), max_size=4))
    def add_known(self, given_: list[tuple[str, str]]) -> None:
        """An id belongs to the first export that comes with it."""
        for log_id, export_id in given_:
            self.owner_of.setdefault(log_id, export_id)
        owners = list(self.owner_of.values())
        assert self.logs.add_known(given_) == {name: owners.count(name) for name in set(owners)}

    @rule(log_ids=st.lists(IDS, max_size=4, unique=True), export_id=EXPORTS, one=STATES)
    def partition(self, log_ids: list[str], export_id: str, one: LogState) -> None:
        """A new id is taken for other exports at once, also before its state is added."""
        new = [log_id for log_id in log_ids if log_id not in self.owner_of]
        held = [log_id for log_id in log_ids if log_id in self.owner_of]
        assert self.logs.partition(log_ids, export_id) == (
            new,
            {i: self.states.get(i) for i in held if self.owner_of[i] == export_id},
            {i: self.owner_of[i] for i in held if self.owner_of[i] != export_id},
        )
        assert self.logs.partition(new, "three") == ([], {}, dict.fromkeys(new, export_id))
        one = one._replace(is_missing=False, is_known=False, is_written=True)
        given_ = (one.content_hash, one.version_id, one.is_settled, one.updated_at, one.sequence)
        self.logs.add_written(export_id, ((log_id, *given_) for log_id in new))
        self.owner_of |= dict.fromkeys(new, export_id)
        self.states |= dict.fromkeys(new, one)

    @rule(given_=st.lists(st.tuples(IDS, EXPORTS, STATES), max_size=4))
    def add(self, given_: list[tuple[str, str, LogState]]) -> None:
        """Of several states of a log the first counts."""
        self.logs.add(given_)
        for log_id, export_id, one in given_:
            self.owner_of.setdefault(log_id, export_id)
            self.states.setdefault(log_id, one)

    @rule(log_id=IDS, one=STATES)
    def set_state(self, log_id: str, one: LogState) -> None:
        self.logs[log_id] = one
        if log_id in self.owner_of:
            self.states[log_id] = one

    @invariant()
    def all_are_the_same(self) -> None:
        assert {log_id: self.logs[log_id] for log_id in self.owner_of} == {
            log_id: self.states.get(log_id) for log_id in self.owner_of
        }
        for export_id in ("one", "two"):
            own = {log_id: one for log_id, one in self.states.items() if self.owner_of[log_id] == export_id}
            assert states_of(self.logs, export_id) == own

    @rule(received=st.lists(IDS, max_size=3), export_id=EXPORTS)
    def missing(self, received: list[str], export_id: str) -> None:
        seen = SeenNames(self.logs.database)
        seen.add(received)
        assert sorted(self.logs.missing(export_id, seen)) == sorted(
            log_id
            for log_id, one in self.states.items()
            if self.owner_of[log_id] == export_id and one.is_known and not one.is_missing and log_id not in received
        )


TestLogStates = LogStatesMachine.TestCase
TestLogStates.settings = settings(max_examples=40, stateful_step_count=20, deadline=None, database=None)


def test_more_ids_than_sqlite_takes_in_one_statement() -> None:
    """A page may be of any length, and the destination may hold any number of logs."""
    logs, many = LogStates(Database()), [f"log-{number}" for number in range(5_000)]
    assert logs.add_known((log_id, "one") for log_id in many) == {"one": 5_000}
    found = logs.partition([*many, "new"], "one")
    assert (found.new, found.own) == (["new"], dict.fromkeys(many))


def test_times_are_kept_to_the_microsecond() -> None:
    """From the year 2000 to the end of 2099, in UTC."""
    logs, first = LogStates(Database()), datetime(2000, 1, 1, tzinfo=timezone.utc)
    logs.add([("a", "one", LogState())])
    for when in (first, first + timedelta(microseconds=1), datetime(2099, 12, 31, 23, 59, 59, 999_999, timezone.utc)):
        logs["a"] = LogState(updated_at=when)
        assert logs["a"] == LogState(updated_at=when)


def test_an_id_goes_to_one_of_the_threads_that_bring_it() -> None:
    """Each id is new once, whichever export is faster."""
    logs, many = LogStates(Database()), [f"log-{number}" for number in range(200)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: logs.partition(many, f"export-{number}"), range(4)))
    assert sorted(log_id for one in found for log_id in one.new) == sorted(many)
    assert [len(one.new) + len(one.own) + len(one.taken) for one in found] == [200] * 4


@pytest.mark.parametrize(
    "use",
    [
        lambda logs: logs["a"],
        lambda logs: logs.add([("b", "one", LogState())]),
        lambda logs: logs.add_known([("c", "one")]),
    ],
    ids=["read", "add", "add known"],
)
def test_a_disk_that_is_full_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path, use: Callable[[LogStates], object]
) -> None:
    """With the folder and what can be done; so does every later use: what SQLite holds then is not to be trusted."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    logs = LogStates(Database())
    full = FullConnection()
    logs.database._connection.close()
    logs.database._connection = full
    message = rf"^{tmp_path} has no room for notes on the logs .*\(database or disk is full\): make room, or set TMPDIR"
    with pytest.raises(DiskFull, match=message):
        use(logs)
    full.error = sqlite3.DatabaseError("database disk image is malformed")
    with pytest.raises(DiskFull, match=message):
        use(logs)


class FullConnection:
    """A connection that finds the disk full."""

    error: Exception = sqlite3.OperationalError("database or disk is full")

    def execute(self, *_: object) -> None:
        raise self.error

    executemany = execute

    def close(self) -> None:
        pass


OUTGROWN = """
import os
from didomi_source.reading import state
state.CACHE_KIB = 64
logs = state.LogStates(state.Database())
logs.add_known((f"log-{number}", "one") for number in range(20_000))
assert logs.partition(["log-7"], "one").own == {"log-7": None}
print(*{os.path.dirname(os.readlink(f"/proc/self/fd/{n}")) for n in range(3, 20) if os.path.lexists(f"/proc/self/fd/{n}")}, sep="\\n")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="open files are listed in /proc")
def test_a_database_that_outgrows_its_cache_is_on_disk(tmp_path) -> None:
    """In a file without a name in TMPDIR: memory is bounded by the cache."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", OUTGROWN], env=environment, capture_output=True, text=True, check=True)
    assert str(tmp_path) in done.stdout.split("\n")
    assert list(tmp_path.iterdir()) == []
