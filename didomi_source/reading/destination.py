"""What the destination holds: the only memory from one run to the next.

No cursor is kept in dlt's state, so that the next run reads what is missing after an older copy of the warehouse was
restored or the working directory was deleted (docs/decisions/0001-no-cursor-in-state.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import chain
from typing import TYPE_CHECKING, Any

from didomi_source.read_back import OpenTables, Tables, as_loaded, as_utc

from .rows import is_settled
from .state import Database, LogState, LogStates

if TYPE_CHECKING:
    from dlt import Pipeline

_CHUNK = 500
_EXPORTS_AT_ONCE = 100

_IDS = "select id, export_id from {export_logs} order by id"
_TIMES = """
select export_id, status, case when missing_at_source_since is null then 1 else 0 end, count(*), count(created_at),
    min(created_at), max(case when created_at <= %s then created_at end)
from {export_logs} group by 1, 2, 3"""
_REACH = """
select export_id, created_at from (
    select export_id, created_at, row_number() over (partition by export_id order by created_at desc) as place
    from {{export_logs}} where {condition}) older
where place = %s"""
_STATES = """
select l.id, l.export_id, l.content_hash, l.status, l.updated_at, l.missing_at_source_since
from {{export_logs}} l where {condition}"""
# A package that was only loaded in part and then given up leaves logs without their history, or the reverse.
_UNRECORDED = """
select l.id from {{export_logs}} l where ({condition}) and not exists (
    select 1 from {{export_log_history}} h
    where h.log_id = l.id and coalesce(h.status, '') = coalesce(l.status, '')
    and coalesce(h.users, -1) = coalesce(l.metrics__users, -1) and coalesce(h.result, '') = coalesce(l.result, ''))"""
_ALL_UNRECORDED = "select l.id from {{export_logs}} l where ({condition})"
_WITHOUT_HISTORY = """
select l.export_id, count(*) from {export_logs} l
where l.missing_at_source_since is null and not exists (select 1 from {export_log_history} h where h.log_id = l.id)
group by 1"""
_ALL_WITHOUT_HISTORY = """
select export_id, count(*) from {export_logs} where missing_at_source_since is null group by 1"""
_HISTORY_ONLY = """
select distinct h.log_id from {export_log_history} h
where not exists (select 1 from {export_logs} l where l.id = h.log_id)"""
_ALL_HISTORY = "select distinct log_id from {export_log_history}"
_SYNCS = """
select export_id, mode, started_at, newest_created_at, logs_known, api_total, sort
from {export_syncs} where is_complete = true and mode <> 'backfill' and started_at < %s order by started_at"""


@dataclass
class KnownExport:
    """What the destination holds of one export."""

    count: int = 0  # of its logs
    newest_created_at: datetime | None = None  # without times ahead of the clock, which do not show how far was read
    oldest_open_created_at: datetime | None = None  # of the logs that are not settled and not missing
    without_history: int = 0  # logs that are not missing, and of which no state is recorded
    has_logs_without_time: bool = False  # which have no position in a list that is sorted by time
    complete_newest_created_at: datetime | None = None  # as the last complete read left it
    complete_logs_known: int | None = None  # None: never read completely
    complete_total: int | None = None  # the API's `total` in that read
    full_read_at: datetime | None = None
    sort: str | None = None  # what the API made of `$sort`
    has_all_states: bool = False  # of its logs, in DestinationState.logs


@dataclass
class DestinationState:
    """What the destination holds, and what this run has read since."""

    exports: dict[str, KnownExport] = field(default_factory=dict)
    export_hashes: dict[str, str] = field(default_factory=dict)
    quarantined: set[str] = field(default_factory=set)
    history_only_ids: set[str] = field(default_factory=set)
    exports_in_run: set[str] = field(default_factory=set)
    logs: LogStates = field(default_factory=lambda: LogStates(Database()))
    asked_again: set[str] = field(default_factory=set)  # the exports that needed more states than planned
    destination: Destination | None = None  # for further questions

    def export(self, export_id: str) -> KnownExport:
        """What is known of an export; nothing for a new one."""
        return self.exports.setdefault(export_id, KnownExport())

    def add_known(self, logs: Iterable[tuple[str, str]]) -> None:
        """Add logs that the destination holds, as (id, export id)."""
        for export_id, count in self.logs.add_known(logs).items():
            self.export(export_id).count = count

    def read_states(self, export_id: str, log_ids: Sequence[str] | None = None) -> None:
        """Read states that the plan did not expect to be needed: of some logs first, then of the whole export."""
        export = self.export(export_id)
        if self.destination is None or not export.count or export.has_all_states:
            return
        if log_ids is None or export_id in self.asked_again:
            self.destination.read_states(self, {export_id: None}, 0)
        else:
            self.destination.read_states_of(self, log_ids)
        self.asked_again.add(export_id)

    def close(self) -> None:
        """Forget the logs."""
        self.logs.database.close()


class Destination:
    """Reads the tables of this source back from wherever a pipeline loads them.

    Create it in the thread that runs the pipeline, where dlt's SQL client finds its configuration; any thread may
    use it.

    Args:
        pipeline: The pipeline; None if the source is iterated without one: then nothing is known.
    """

    def __init__(self, pipeline: Pipeline | None) -> None:
        self._tables = Tables(pipeline)

    def state(self) -> DestinationState:
        """Read what decides how much this run has to read."""
        known = DestinationState(destination=self)
        with self._tables.opened() as tables:
            known.add_known(tables.query(_IDS))
            _read_times(tables, known)
            _read_syncs(tables, known)
            known.export_hashes = dict(tables.query("select id, content_hash from {exports}"))
            found = tables.query("select fingerprint from {export_log_quarantine}")
            known.quarantined = {fingerprint for (fingerprint,) in found}
            history_only = tables.query(_HISTORY_ONLY, instead=_ALL_HISTORY)
            known.history_only_ids = {log_id for (log_id,) in history_only}
            for export_id, count in tables.query(_WITHOUT_HISTORY, instead=_ALL_WITHOUT_HISTORY):
                known.export(export_id).without_history = count
        return known

    def read_states(self, known: DestinationState, since: Mapping[str, datetime | None], further: int) -> None:
        """Read the states of the logs that a run expects to receive.

        Args:
            known: Where they are added.
            since: The watermark of each export to be read; None for the whole export.
            further: How many older logs of each export to add: the page on which a read ends goes beyond the watermark.
        """
        held = [export_id for export_id in since if known.export(export_id).count]
        for begin in range(0, len(held), _EXPORTS_AT_ONCE):
            chunk = held[begin : begin + _EXPORTS_AT_ONCE]
            reach = self._reach([(export_id, when) for export_id in chunk if (when := since[export_id])], further)
            conditions, values = [], []
            for export_id in chunk:
                back_to = reach.get(export_id)
                known.export(export_id).has_all_states = back_to is None
                conditions.append("l.export_id = %s and l.created_at >= %s" if back_to else "l.export_id = %s")
                values += [export_id, back_to] if back_to else [export_id]
            self._read_states(known, " or ".join(f"({condition})" for condition in conditions), values)

    def read_states_of(self, known: DestinationState, log_ids: Sequence[str]) -> None:
        """Read the states of some logs."""
        for begin in range(0, len(log_ids), _CHUNK):
            chunk = log_ids[begin : begin + _CHUNK]
            self._read_states(known, f"l.id in ({', '.join(['%s'] * len(chunk))})", chunk)

    def _read_states(self, known: DestinationState, condition: str, values: Sequence[Any]) -> None:
        with self._tables.opened() as tables:
            sql, instead = _UNRECORDED.format(condition=condition), _ALL_UNRECORDED.format(condition=condition)
            unrecorded = {log_id for (log_id,) in tables.query(sql, *values, instead=instead)}
            rows = tables.query(_STATES.format(condition=condition), *values)
            known.logs.add((row[0], row[1], _state(row, is_recorded=row[0] not in unrecorded)) for row in rows)

    def _reach(self, since: Sequence[tuple[str, datetime]], further: int) -> dict[str, datetime | None]:
        """When the n-th log before a time was created, n being `further`; without the exports that have fewer."""
        if not since:
            return {}
        condition = " or ".join(["(export_id = %s and created_at < %s)"] * len(since))
        sql, values = _REACH.format(condition=condition), chain(*since, [further])
        with self._tables.opened() as tables:
            return {name: as_utc(when) for name, when in tables.query(sql, *values)}

    def count(self, export_id: str, since: datetime) -> int:
        """The number of rows of an export whose logs were created at or after a time."""
        sql = "select count(*) from {export_logs} where export_id = %s and created_at >= %s"
        with self._tables.opened() as tables:
            rows = list(tables.query(sql, export_id, since))
        return int(rows[0][0]) if rows else 0

    def versions(self, log_ids: Sequence[str]) -> dict[str, dict[str, int]]:
        """The observed states of some logs: log id → version id → sequence."""
        found: dict[str, dict[str, int]] = {}
        sql = "select log_id, version_id, sequence from {export_log_history} where log_id"
        for log_id, version_id, sequence in self._by_id(sql, log_ids):
            found.setdefault(log_id, {})[version_id] = sequence
        return found

    def logs(self, log_ids: Sequence[str], types: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Rows of some logs, as the destination holds them, without what is NULL.

        Args:
            log_ids: The logs.
            types: The columns of `export_logs` to read, with dlt's type of each.
        """
        with self._tables.opened() as tables:
            names = tables.names([*types])
        for row in self._by_id(f"select {names} from {{export_logs}} where id", log_ids):  # noqa: S608 - quoted
            columns = zip(types.items(), row, strict=True)
            yield {name: as_loaded(value, kind) for (name, kind), value in columns if value is not None}

    def _by_id(self, sql: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            with self._tables.opened() as tables:
                yield from tables.query(f"{sql} in ({', '.join(['%s'] * len(chunk))})", *chunk)


def latest_credible() -> datetime:
    """The latest time that a log or an earlier run can have: a day ahead, since clocks differ."""
    return datetime.now(timezone.utc) + timedelta(days=1)


def _read_times(tables: OpenTables, known: DestinationState) -> None:
    rows = tables.query(_TIMES, latest_credible())
    for export_id, status, is_there, count, count_with_time, first, newest in rows:
        export = known.export(export_id)
        export.newest_created_at = max(filter(None, [export.newest_created_at, as_utc(newest)]), default=None)
        export.has_logs_without_time |= count_with_time < count
        if is_there and not is_settled(status):
            times = filter(None, [export.oldest_open_created_at, as_utc(first)])
            export.oldest_open_created_at = min(times, default=None)


def _read_syncs(tables: OpenTables, known: DestinationState) -> None:
    for export_id, mode, started_at, newest, logs_known, total, sort in tables.query(_SYNCS, latest_credible()):
        export = known.export(export_id)
        export.complete_newest_created_at = as_utc(newest)
        export.complete_logs_known = logs_known
        export.complete_total = total
        export.sort = sort
        if mode == "full":
            export.full_read_at = as_utc(started_at)


def _state(row: Sequence[Any], *, is_recorded: bool) -> LogState:
    _, _, content_hash, status, updated_at, missing_since = row
    return LogState(
        content_hash=(content_hash or "") if is_recorded else "",
        is_settled=is_settled(status),
        is_missing=missing_since is not None,
        is_known=True,
        updated_at=as_utc(updated_at),
    )
