"""How a log becomes rows: one of `export_logs`, and one of its history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

import orjson
from dlt.common.normalizers.naming.snake_case import NamingConvention

from didomi_source import values
from didomi_source.schema import EXPORT_LOGS, RUN, Row

from .fields import ExtraColumns
from .marks import Mark
from .pages import Entry

# How a log was read: the run, the time, and as which one of its export.
Stamp: TypeAlias = tuple[str, datetime, int]

MAX_FLAGS = 50  # of one log

SETTLED = ("completed", "failed")
_NAMING = NamingConvention()


def read_items(items: Sequence[Any], export_id: str) -> list[Entry]:
    """Name the items of a page of an export's logs, and find their places in the list."""
    if set(map(type, items)) == {dict}:  # nearly always they are logs with plain ids: then all are looked at together
        names = [item.get("id") for item in items]
        owners = [item.get("export_id") for item in items]
        if owners.count(export_id) == len(owners) and set(map(type, names)) == {str} and _are_plain(names):
            times = values.to_timestamps([item.get("created_at") for item in items])
            return list(map(Entry, names, times, repeat(True), items))
    return [_read_item(item, export_id) for item in items]


def _are_plain(identifiers: Sequence[str]) -> bool:
    text = "".join(identifiers)
    return text.isascii() and text.isprintable() and all(map(str.strip, identifiers))


def _read_item(item: Any, export_id: str) -> Entry:
    if problem(item, export_id):
        return Entry(fingerprint(item, export_id), None, False, item)
    return Entry(log_id(item), values.to_timestamp(item.get("created_at")), True, item)


def problem(item: Any, export_id: str) -> str | None:
    """Why an item cannot be a row of `export_logs`; None when it can."""
    if not isinstance(item, dict):
        return f"expected an object, got {values.kind(item)}"
    identifier = item.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, (str, int)) or not str(identifier).strip():
        return "has no usable id"
    if belongs_to(item) not in (None, export_id):
        return "belongs to another export"
    return None


def belongs_to(item: Any) -> str | None:
    """The export that an item names as its own."""
    named = item.get("export_id") if isinstance(item, dict) else None
    return None if named is None else values.to_text(named)


def fingerprint(item: Any, export_id: str) -> str:
    """Names an item by what it holds, where its id cannot."""
    return values.digest(export_id, values.canonical(item))


def log_id(log: Mapping[str, Any]) -> str:
    """The id of a readable log, as text that a warehouse can hold; ids that differ stay different."""
    text = str(log["id"])
    clean = values.clean_text(text)
    return clean if clean == text else f"{clean}-{values.digest(values.canonical(text))[:8]}"


def is_settled(status: str | None) -> bool:
    """Whether a status says that the run is over."""
    return (status or "").lower() in SETTLED


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
        """Whether the run that the log tells of is over."""
        return is_settled(self.status)

    def replaces(self, other: Mark, latest: datetime) -> bool:
        """Whether this state, read later, is the one to keep: settled never goes back to pending.

        Args:
            other: The state that is known.
            latest: A time beyond this was never the right one, and keeps nothing from coming after it.
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
    """Rows of a table, kept as a list of values for each of their columns.

    Args:
        kind: What the rows are.
        rows: To begin with.
    """

    def __init__(self, kind: type[R], rows: Iterable[R] = ()) -> None:
        self._kind: type[R] = kind
        self._columns: dict[str, list[Any]] = {name: [] for name in kind._fields}
        for row in rows:
            self.append(row)

    @classmethod
    def of(cls, kind: type[R], *columns: Sequence[Any]) -> Rows[R]:
        """Rows by their columns, which are in the order of the fields and equally long."""
        made = cls(kind)
        made._columns = {name: list(column) for name, column in zip(kind._fields, columns, strict=True)}
        return made

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __iter__(self) -> Iterator[R]:
        return map(self._kind._make, zip(*self._columns.values(), strict=True))

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


def history_of(rows: Rows[LogRow], organization_id: str, sequences: Sequence[int | None]) -> Rows[HistoryRow]:
    """The states that logs are in, as rows of `export_log_history`."""
    log_ids = rows["id"]
    states = rows["status"], rows["metrics__users"], rows["result"]
    texts = values.canonicals(list(zip(*states, strict=True)))
    return Rows.of(
        HistoryRow,
        values.digests(zip(log_ids, texts, strict=True)),
        log_ids,
        rows["export_id"],
        [organization_id] * len(rows),
        sequences,
        *states,
        rows["extracted_at"],
        rows["run_id"],
    )


def as_dict(row: LogRow | HistoryRow) -> Row:
    """A row by the names of its columns, without those that are NULL; JSON is parsed."""
    columns: Row = {name: value for name, value in zip(row._fields, row, strict=True) if value is not None}
    further: Row = columns.pop("further", {})
    if "raw_log" in columns:
        columns["raw_log"] = orjson.loads(columns["raw_log"])
    return columns | further


def log_rows(
    entries: Sequence[Entry], texts: Sequence[str], export_id: str, extra: ExtraColumns, stamp: Stamp
) -> Rows[LogRow]:
    """Make readable logs into rows.

    Args:
        entries: The logs as received; at least one.
        texts: The canonical JSON of each.
        export_id: The export that was asked for; it stands in where a log does not name one.
        extra: The columns of further fields.
        stamp: How the first of them was read.
    """
    usual = _usual_rows(entries, texts, export_id, stamp)
    if usual is not None:
        return usual
    if len(entries) == 1:
        return Rows(LogRow, [_any_row(entries[0].item, texts[0], export_id, extra, stamp)])
    # One log that is not usual is soon alone.
    middle = len(entries) // 2
    rows = log_rows(entries[:middle], texts[:middle], export_id, extra, stamp)
    run_id, read_at, sequence = stamp
    rows.extend(log_rows(entries[middle:], texts[middle:], export_id, extra, (run_id, read_at, sequence + middle)))
    return rows


def _any_row(log: Mapping[str, Any], text: str, export_id: str, extra: ExtraColumns, stamp: Stamp) -> LogRow:
    raw, replaced = values.loadable(log, text)
    flags = ["raw_log: holds values that no warehouse takes; they were replaced"] if replaced else []
    if not isinstance(log["id"], str):
        flags.append("id: not a text")
    own: Row = {
        "id": log_id(log),
        "export_id": export_id,
        "organization_id": _text(raw, "organization_id", flags),
        "status": _text(raw, "status", flags),
        "config__frequency": None,
        "metrics__users": None,
        "result": values.to_text_or_none(raw.get("result")),
        "created_at": _time(raw, "created_at", flags),
        "updated_at": _time(raw, "updated_at", flags),
        "raw_log": values.canonical(raw),
        "content_hash": values.digest(text),
    }
    further: Row = {}
    taken: set[str] = set()
    for name, value, path in _further_fields(raw, flags):
        if name in taken:
            flags.append(f"{path}: another field has the same column")
            continue
        taken.add(name)
        if name == "config__frequency":
            own[name] = values.to_text_or_none(value)
        elif name == "metrics__users":
            own[name] = values.to_integer(value)
            if own[name] is None:
                flags.append(f"{path}: not a whole number of 64 bits")
        else:
            fitted, wrong = extra.fit(name, value)
            if wrong:
                flags.append(f"{path}: {wrong}; kept in raw_log")
            if fitted is not None:
                further[name] = fitted
    if len(flags) > MAX_FLAGS:
        flags[MAX_FLAGS:] = [f"and {len(flags) - MAX_FLAGS} more"]
    own |= zip(("run_id", "extracted_at", "read_sequence"), stamp, strict=True)
    return LogRow(**own, flags=flags or None, further=further)


_TEXTS = ("id", "organization_id", "status", "result", "created_at", "updated_at")
_USUAL = {*_TEXTS, "export_id", "config", "metrics"}
_USUAL_CONFIG, _USUAL_METRICS = {"frequency"}, {"users"}
_TEXT_OR_NONE, _NUMBER_OR_NONE = {str, type(None)}, {int, type(None)}
_EMPTY: dict[str, Any] = {}
_NO_FURTHER = LogRow._field_defaults["further"]


def _usual_rows(entries: Sequence[Entry], texts: Sequence[str], export_id: str, stamp: Stamp) -> Rows[LogRow] | None:
    """The rows of logs that are as documented, made column by column, ten times faster than one by one.

    Returns:
        What `_any_row` would make of each; None where a single one is not as documented.
    """
    logs = [entry.item for entry in entries]
    configs, metrics = [log.get("config", _EMPTY) for log in logs], [log.get("metrics", _EMPTY) for log in logs]
    if not (
        _have_only(_USUAL, logs)
        and set(map(type, configs)) == set(map(type, metrics)) == {dict}
        and _have_only(_USUAL_CONFIG, configs)
        and _have_only(_USUAL_METRICS, metrics)
    ):
        return None
    ids, organization_ids, statuses, results, created, updated = ([log.get(key) for log in logs] for key in _TEXTS)
    frequencies, users = [config.get("frequency") for config in configs], [metric.get("users") for metric in metrics]
    created_at, updated_at = [entry.created_at for entry in entries], values.to_timestamps(updated)
    if not (
        set(map(type, ids)) == {str}
        and set(map(type, chain(organization_ids, statuses, frequencies, results))) <= _TEXT_OR_NONE
        and _are_times(created, created_at)
        and _are_times(updated, updated_at)
        and set(map(type, users)) <= _NUMBER_OR_NONE
        and max(map(abs, filter(None, users)), default=0) <= values.INT64_MAX
        and not values.holds_odd_text("".join(texts))
    ):
        return None
    run_id, read_at, first = stamp
    count = len(entries)
    nothing = [None] * count
    return Rows.of(
        LogRow,
        ids,
        [export_id] * count,
        organization_ids,
        statuses,
        frequencies,
        users,
        results,
        created_at,
        updated_at,
        texts,
        nothing,
        values.digests(zip(texts)),
        [run_id] * count,
        [read_at] * count,
        range(first, first + count),
        nothing,
        [_NO_FURTHER] * count,
    )


def _have_only(keys: set[str], objects: Sequence[Mapping[str, Any]]) -> bool:
    return all(map(keys.issuperset, set(map(tuple, objects))))


def _are_times(texts: Sequence[Any], times: Sequence[datetime | None]) -> bool:
    return set(map(type, texts)) <= _TEXT_OR_NONE and texts.count(None) == times.count(None)


def _further_fields(log: Mapping[str, Any], flags: list[str]) -> Iterator[tuple[str, Any, str]]:
    """Column name, value and path of each field without a column of its own above; no nulls."""
    for key, value in log.items():
        if key in ("config", "metrics"):
            if isinstance(value, dict):
                # A key that is a column name already comes before one that only becomes the same name.
                for inner in sorted(value, key=lambda k: _snake(k) != k):
                    if value[inner] is not None:
                        yield f"{key}__{_snake(inner)}", value[inner], f"{key}.{inner[:80]}"
            elif value is not None:
                flags.append(f"{key}: not an object")
        elif value is not None and key not in EXPORT_LOGS and key != "export_id":
            name = _snake(key)
            taken = name in EXPORT_LOGS or name.startswith(("_dlt", "config__", "metrics__"))
            yield (f"source_{name}" if taken else name), value, key[:80]
        elif value is not None and key in _OURS:
            yield f"source_{key}", value, key


_OURS = {"raw_log", "flags", "content_hash", "read_sequence", "missing_at_source_since", *RUN} | {
    "config__frequency",
    "metrics__users",
}


@lru_cache(maxsize=10_000)
def _snake(key: str) -> str:
    return _NAMING.normalize_identifier(key) if key.strip() else "empty"


def _text(log: Mapping[str, Any], key: str, flags: list[str]) -> str | None:
    value = log.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (dict, list)):
        flags.append(f"{key}: not a text; kept in raw_log")
        return None
    flags.append(f"{key}: not a text")
    return values.to_text(value)


def _time(log: Mapping[str, Any], key: str, flags: list[str]) -> datetime | None:
    value = log.get(key)
    when = values.to_timestamp(value)
    if value is not None and when is None:
        flags.append(f"{key}: not a time between 2000 and 2100")
    return when
