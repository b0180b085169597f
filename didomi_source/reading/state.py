"""What a run knows of each log while it lasts: one private SQLite database, which spills to disk by itself."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from itertools import count
from threading import RLock
from typing import Any, NamedTuple, TypeAlias

from didomi_source.errors import DiskFull

CACHE_KIB = 32 * 1024
_IDS_AT_ONCE = 500  # fewer than the 999 parameters that older versions of SQLite take

_STATE_COLUMNS = "content_hash, version_id, is_settled, is_missing, is_known, is_written, updated_at, sequence"
# The numeric key makes new logs go to the end of the table; only the index on the ids grows in random places.
_SCHEMA = f"""
create table log (number integer primary key, id text not null unique, export_id text not null, {_STATE_COLUMNS})"""
_ADD_KNOWN = "insert or ignore into log (id, export_id, is_known) values (?, ?, 1)"
# The destination may hold several rows of one log: the first one that comes is the newest.
_ADD_STATE = f"""
insert into log (id, export_id, {_STATE_COLUMNS}) values ({", ".join("?" * 10)}) on conflict (id) do update set
    content_hash = excluded.content_hash, version_id = excluded.version_id, is_settled = excluded.is_settled,
    is_missing = excluded.is_missing, is_known = excluded.is_known, is_written = excluded.is_written,
    updated_at = excluded.updated_at, sequence = excluded.sequence
where log.content_hash is null"""  # noqa: S608 - columns and question marks
_ADD_WRITTEN = """
insert into log (id, export_id, content_hash, version_id, is_settled, updated_at, sequence,
    is_missing, is_known, is_written)
values (?, ?, ?, ?, ?, ?, ?, 0, 0, 1)"""
_SET_STATE = f"update log set ({_STATE_COLUMNS}) = ({', '.join('?' * 8)}) where id = ?"  # noqa: S608


class Database:
    """A temporary SQLite database of this process; threads may share one.

    Raises:
        DiskFull: From each method, where there is no room for what does not fit into the cache.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.numbers = count()  # for names of tables
        self._failure: DiskFull | None = None
        self._connection = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", f"cache_size = -{CACHE_KIB}", "temp_store = file"):
            self._connection.execute(f"pragma {pragma}")
        self._connection.execute("begin")  # one transaction, which is never committed

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Remove the database."""
        self._connection.close()

    def select(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self._usable() as connection:
            return connection.execute(sql, values).fetchall()

    def select_by_id(self, sql: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """The rows of a query that ends with the column of the ids."""
        for begin in range(0, len(ids), _IDS_AT_ONCE):
            chunk = ids[begin : begin + _IDS_AT_ONCE]
            yield from self.select(f"{sql} in ({', '.join('?' * len(chunk))})", chunk)

    def execute(self, sql: str, rows: Iterable[Sequence[Any]] = ((),)) -> None:
        """Run a statement, once for each row of values."""
        with self._usable() as connection:
            connection.executemany(sql, rows)

    @contextmanager
    def _usable(self) -> Iterator[sqlite3.Connection]:
        with self.lock:
            if self._failure:
                raise self._failure
            try:
                yield self._connection
            except sqlite3.ProgrammingError:
                raise
            except sqlite3.DatabaseError as error:  # without a journal nothing is to be trusted from here on
                self._failure = _disk_full(error)
                raise self._failure from error


def _disk_full(error: sqlite3.DatabaseError) -> DiskFull:
    return DiskFull(f"{_folder()} has no room for notes on the logs that were read ({error}): make room, or set TMPDIR")


def _folder() -> str:
    """Where SQLite puts temporary files (Source: sqlite.org/tempfiles.html, section 5, read 2026-11)."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp")  # noqa: S108
    return next((path for path in named if path and os.access(path, os.W_OK | os.X_OK)), "/tmp")  # noqa: S108


class SeenNames:
    """The names of the items of a list that were received, each with the number of the latest sweep that showed it.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.table = f"seen_{next(database.numbers)}"
        self._count = 0
        database.execute(f"create table {self.table} (name text primary key, sweep integer) without rowid")

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        return bool(self._database.select(f"select 1 from {self.table} where name = ?", [name]))  # noqa: S608

    def __iter__(self) -> Iterator[str]:
        return (name for (name,) in self._database.select(f"select name from {self.table}"))  # noqa: S608

    def add(self, names: Iterable[str], sweep: int = -1) -> dict[str, int]:
        """Note that a sweep shows these names; -1: before all sweeps.

        Returns:
            The names that were seen before, each with the latest sweep that showed it.
        """
        given = list(dict.fromkeys(names))
        before = dict(self._database.select_by_id(f"select name, sweep from {self.table} where name", given))  # noqa: S608
        self._count += len(given) - len(before)
        self._database.execute(
            f"insert into {self.table} values (?, ?) on conflict do update set sweep = excluded.sweep",  # noqa: S608
            ((name, sweep) for name in given),
        )
        return before


class LogState(NamedTuple):
    """How a log was last seen, as far as it decides what becomes of it when it is received again."""

    content_hash: str = ""  # empty: the log has to be written again
    version_id: str = ""  # of its state in the history
    is_settled: bool = False
    is_missing: bool = False  # at the source, by the last complete whole read
    is_known: bool = False  # the destination held it before this run
    is_written: bool = False  # by this run
    updated_at: datetime | None = None
    sequence: int | None = None  # of its state in the history, from 1 on; None: the destination has to be asked

    def shows(self, content_hash: str) -> bool:
        """Whether the destination shows a log with this content as it is."""
        return self.content_hash == content_hash and not self.is_missing


# Of a log that this run has written, and that the destination did not hold: its id, and these fields of its `LogState`:
# content_hash, version_id, is_settled, updated_at, sequence.
WrittenState: TypeAlias = tuple[str, str, str, bool, datetime | None, int | None]


class Partition(NamedTuple):
    """Whose the logs are that were received together.

    Args:
        new: Ids that no export had, in their order.
        own: Ids that the export had already, with their states; None: the destination has to be asked for it.
        taken: Ids of other exports, with the export.
    """

    new: list[str]
    own: dict[str, LogState | None]
    taken: dict[str, str]


class LogStates:
    """The logs that the destination holds or that this run received: whose each is, and its state.

    Args:
        database: Where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._claimed: dict[str, str] = {}  # new ids → their export, until their states are added
        database.execute(_SCHEMA)

    def add_known(self, logs: Iterable[tuple[str, str]]) -> dict[str, int]:
        """Add logs that the destination holds, as (id, export id); their states are unknown.

        In the order of their ids they cost a fraction of what they cost in a random one.

        Returns:
            How many logs each export has.
        """
        self.database.execute(_ADD_KNOWN, logs)
        return dict(self.database.select("select export_id, count(*) from log group by 1"))

    def partition(self, log_ids: Iterable[str], export_id: str) -> Partition:
        """Give ids that no export has to an export, which is to add their states, and find whose the others are."""
        log_ids = list(log_ids)
        sql = f"select id, export_id, {_STATE_COLUMNS} from log where id"  # noqa: S608
        with self.database.lock:
            found = {row[0]: row for row in self.database.select_by_id(sql, log_ids)}
            owners = {i: found[i][1] if i in found else self._claimed.setdefault(i, export_id) for i in log_ids}
        own = [log_id for log_id, owner in owners.items() if owner == export_id]
        return Partition(
            [log_id for log_id in own if log_id not in found],
            {log_id: _state(found[log_id][2:]) for log_id in own if log_id in found},
            {log_id: owner for log_id, owner in owners.items() if owner != export_id},
        )

    def __getitem__(self, log_id: str) -> LogState | None:
        rows = self.database.select(f"select {_STATE_COLUMNS} from log where id = ?", [log_id])  # noqa: S608
        return _state(rows[0]) if rows else None

    def __setitem__(self, log_id: str, state: LogState) -> None:
        self.database.execute(_SET_STATE, [(*_values(state), log_id)])

    def add(self, states: Iterable[tuple[str, str, LogState]]) -> None:
        """Add states as (id, export id, state); a log that has a state keeps it."""
        self.database.execute(_ADD_STATE, ((i, export_id, *_values(state)) for i, export_id, state in states))

    def add_written(self, export_id: str, states: Iterable[WrittenState]) -> None:
        """Add the states of new logs of an export; few at once, since they are held until all are added."""
        rows = [
            (log_id, export_id, content, version, settled, _seconds(updated_at), sequence)
            for log_id, content, version, settled, updated_at, sequence in states
        ]
        with self.database.lock:
            self.database.execute(_ADD_WRITTEN, rows)
            for log_id, *_ in rows:
                self._claimed.pop(log_id, None)

    def missing(self, export_id: str, seen: SeenNames) -> list[str]:
        """The logs of an export that the destination holds, not as missing, and that were not received."""
        self.database.execute("create index if not exists known_of_export on log (export_id) where is_known")
        sql = f"""
            select id from log where export_id = ? and is_known and is_missing = 0
            and id not in (select name from {seen.table}) order by number"""  # noqa: S608
        return [log_id for (log_id,) in self.database.select(sql, [export_id])]


def _values(state: LogState) -> tuple[Any, ...]:
    return (*state[:6], _seconds(state.updated_at), state.sequence)


def _seconds(when: datetime | None) -> float | None:
    return None if when is None else when.timestamp()


def _state(row: Sequence[Any]) -> LogState | None:
    return None if row[0] is None else LogState(*_fields(row))


def _fields(row: Sequence[Any]) -> Iterator[Any]:
    content_hash, version_id, *flags, updated_at, sequence = row
    yield from (content_hash, version_id, *map(bool, flags))
    yield None if updated_at is None else datetime.fromtimestamp(updated_at, timezone.utc)
    yield sequence
