"""Rows of the tables, on their way there in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from didomi_source import values
from didomi_source.schema import Row

from .state import LogState

SETTLED = ("completed", "failed")
# An export hands over a batch when it has this much: little is held in memory for each export that is read.
BATCH_ROWS = 2_500
BATCH_BYTES = 2**20
# dlt infers a schema for each item: a batch reaches it when it has this much. 20,000 rows: 46 MB more, no less CPU.
COALESCED_ROWS = 10_000
COALESCED_BYTES = 8 * 2**20


def is_settled(status: str | None) -> bool:
    """Whether a status says that the run of the export is over."""
    return (status or "").strip(" ").lower() in SETTLED


class ReadContext(NamedTuple):
    """How a log was read: by which run, when, and as which log of its export, from 1 on."""

    run_id: str
    read_at: datetime
    sequence: int

    def after(self, logs: int) -> ReadContext:
        """The same so many logs later."""
        return self._replace(sequence=self.sequence + logs)


class LogRow(NamedTuple):
    """A row of `export_logs`: its columns, and in `further` those of fields that the documentation does not name."""

    id: str
    export_id: str
    organization_id: str | None
    status: str | None
    config__frequency: str | None
    metrics__users: int | None
    result: str | None
    created_at: datetime | None
    updated_at: datetime | None
    raw_log: str  # JSON
    flags: list[str] | None
    content_hash: str
    run_id: str
    extracted_at: datetime
    read_sequence: int
    missing_at_source_since: datetime | None = None
    further: Mapping[str, Any] = MappingProxyType({})

    @property
    def is_settled(self) -> bool:
        """Whether the run that the log reports is over."""
        return is_settled(self.status)

    def replaces(self, other: LogState, latest: datetime) -> bool:
        """Whether this state, read later, is the one to keep: settled never goes back to pending.

        Args:
            other: The state that is known.
            latest: The last credible time; one beyond it keeps no later state from replacing it.
        """
        if self.is_settled != other.is_settled:
            return self.is_settled
        if self.updated_at and other.updated_at and other.updated_at <= latest:
            return self.updated_at >= other.updated_at
        return True


class HistoryRow(NamedTuple):
    """A row of `export_log_history`; `sequence` is None when the destination has to be asked."""

    version_id: str
    log_id: str
    export_id: str
    organization_id: str
    sequence: int | None
    status: str | None
    users: int | None
    result: str | None
    first_observed_at: datetime
    run_id: str


R = TypeVar("R", LogRow, HistoryRow)


class Rows(Generic[R]):
    """Rows of a table, kept as a list of values for each column.

    Args:
        row_type: The class of the rows.
        rows: The first rows.
    """

    def __init__(self, row_type: type[R], rows: Iterable[R] = ()) -> None:
        self._row_type: type[R] = row_type
        self._columns: dict[str, list[Any]] = {name: [] for name in row_type._fields}
        for row in rows:
            self.append(row)

    @classmethod
    def of(cls, row_type: type[R], **columns: Sequence[Any]) -> Rows[R]:
        """Rows by their columns, which are equally long."""
        made = cls(row_type)
        made._columns = {name: list(columns[name]) for name in row_type._fields}
        return made

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[R]:
        return map(self._row_type._make, zip(*self._columns.values(), strict=True))

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def append(self, row: R) -> None:
        """Add a row."""
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def extend(self, others: Rows[R]) -> None:
        """Add all rows of others."""
        for name, column in self._columns.items():
            column.extend(others[name])

    def by_name(self) -> dict[str, list[Any]]:
        """Each column by its name; the lists are not to be changed."""
        return dict(self._columns)


@dataclass
class Batch:
    """Rows for each table, as reading one or several exports brought them."""

    export_logs: Rows[LogRow] = field(default_factory=lambda: Rows(LogRow))
    export_log_history: Rows[HistoryRow] = field(default_factory=lambda: Rows(HistoryRow))
    export_log_quarantine: list[Row] = field(default_factory=list)
    export_syncs: list[Row] = field(default_factory=list)
    # Known logs whose `missing_at_source_since` changes; None: they are back.
    missing_since: dict[str, datetime | None] = field(default_factory=dict)
    size: int = 0  # bytes of JSON, approximately

    def has(self, rows: int, size: int) -> bool:
        """Whether it holds at least so many rows or bytes."""
        return len(self.export_logs) + len(self.export_log_quarantine) >= rows or self.size >= size

    @property
    def is_full(self) -> bool:
        """Whether an export should hand it over."""
        return self.has(BATCH_ROWS, BATCH_BYTES)

    def take_logs(self) -> Rows[LogRow]:
        """Take the rows of `export_logs` out: dlt keeps several batches alive until all tables have seen them."""
        rows, self.export_logs = self.export_logs, Rows(LogRow)
        return rows

    def take_history(self) -> Rows[HistoryRow]:
        """Take the rows of `export_log_history` out."""
        rows, self.export_log_history = self.export_log_history, Rows(HistoryRow)
        return rows

    def extend(self, other: Batch) -> None:
        """Add the rows of another batch."""
        self.export_logs.extend(other.export_logs)
        self.export_log_history.extend(other.export_log_history)
        self.export_log_quarantine += other.export_log_quarantine
        self.export_syncs += other.export_syncs
        self.missing_since |= other.missing_since
        self.size += other.size


def coalesced(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Fewer and larger batches with the same rows in the same order; at least one."""
    merged = Batch()
    for batch in batches:
        merged.extend(batch)
        if merged.has(COALESCED_ROWS, COALESCED_BYTES):
            yield merged
            merged = Batch()
    yield merged


def history_of(rows: Rows[LogRow], organization_id: str, sequences: Sequence[int | None]) -> Rows[HistoryRow]:
    """The states that logs are in, as rows of `export_log_history`."""
    states = rows["status"], rows["metrics__users"], rows["result"]
    texts = values.canonicals(list(zip(*states, strict=True)))
    return Rows.of(
        HistoryRow,
        version_id=values.digests(zip(rows["id"], texts, strict=True)),
        log_id=rows["id"],
        export_id=rows["export_id"],
        organization_id=[organization_id] * len(rows),
        sequence=sequences,
        status=rows["status"],
        users=rows["metrics__users"],
        result=rows["result"],
        first_observed_at=rows["extracted_at"],
        run_id=rows["run_id"],
    )


def as_dict(row: LogRow | HistoryRow) -> Row:
    """A row by the names of its columns, without those that are NULL; JSON is parsed."""
    columns: Row = {name: value for name, value in zip(row._fields, row, strict=True) if value is not None}
    further: Row = columns.pop("further", {})
    if "raw_log" in columns:
        columns["raw_log"] = orjson.loads(columns["raw_log"])
    return columns | further
