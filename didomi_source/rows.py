"""How a log becomes rows: one of `export_logs`, and one of its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeGuard

import orjson
from dlt.common.normalizers.naming.snake_case import NamingConvention

from . import values
from .extra import ExtraColumns
from .marks import Mark
from .paging import Entry
from .schema import EXPORT_LOGS, RUN, Row

# How a log was read: the run, the time, and as which one of its export.
Stamp: TypeAlias = tuple[str, datetime, int]

MAX_FLAGS = 50  # of one log

SETTLED = ("completed", "failed")
_NAMING = NamingConvention()


def read_item(item: Any, export_id: str) -> Entry:
    """Name an item of an export's list of logs and find its place in it."""
    if type(item) is dict and item.get("export_id") == export_id and _is_plain(name := item.get("id")):  # nearly always
        return Entry(name, values.to_timestamp(item.get("created_at")), True, item)
    if problem(item, export_id):
        return Entry(fingerprint(item, export_id), None, False, item)
    return Entry(log_id(item), values.to_timestamp(item.get("created_at")), True, item)


def _is_plain(identifier: Any) -> TypeGuard[str]:
    return type(identifier) is str and identifier.isascii() and identifier.isprintable() and bool(identifier.strip())


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

    @property
    def version_id(self) -> str:
        """The key of the log's state in `export_log_history`."""
        return values.digest(self.id, values.canonical([self.status, self.metrics__users, self.result]))

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


def as_dict(row: LogRow | HistoryRow) -> Row:
    """A row by the names of its columns, without those that are NULL; JSON is parsed."""
    columns: Row = {name: value for name, value in zip(row._fields, row, strict=True) if value is not None}
    further: Row = columns.pop("further", {})
    if "raw_log" in columns:
        columns["raw_log"] = orjson.loads(columns["raw_log"])
    return columns | further


def log_row(entry: Entry, canonical: str, export_id: str, extra: ExtraColumns, stamp: Stamp) -> LogRow:
    """Make a readable log into a row.

    Args:
        entry: The log as received.
        canonical: Its canonical JSON.
        export_id: The export that was asked for; it stands in where the log does not name one.
        extra: The columns of further fields.
        stamp: How it was read.
    """
    if usual := _usual_row(entry, canonical, export_id, stamp):
        return usual
    raw, replaced = values.loadable(entry.item, canonical)
    flags = ["raw_log: holds values that no warehouse takes; they were replaced"] if replaced else []
    return _any_row(entry.item, raw, canonical, export_id, extra, stamp, flags)


def _any_row(
    log: Mapping[str, Any],
    raw: dict[str, Any],
    canonical: str,
    export_id: str,
    extra: ExtraColumns,
    stamp: Stamp,
    flags: list[str],
) -> LogRow:
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
        "content_hash": values.digest(canonical),
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
_TEXT_OR_NONE = (str, type(None))


def _usual_row(entry: Entry, canonical: str, export_id: str, stamp: Stamp) -> LogRow | None:
    """The row of a log that is as documented, field by field, five times faster than of any other; None for those."""
    log, created_at = entry.item, entry.created_at
    config, metrics = log.get("config", {}), log.get("metrics", {})
    if not (
        log.keys() <= _USUAL
        and type(config) is type(metrics) is dict
        and config.keys() <= _USUAL_CONFIG
        and metrics.keys() <= _USUAL_METRICS
    ):
        return None
    identifier, organization_id, status, result, created, updated = map(log.get, _TEXTS)
    frequency, users = config.get("frequency"), metrics.get("users")
    updated_at = values.to_timestamp(updated)
    if not (
        type(identifier) is str
        and type(organization_id) in _TEXT_OR_NONE
        and type(status) in _TEXT_OR_NONE
        and type(frequency) in _TEXT_OR_NONE
        and type(result) in _TEXT_OR_NONE
        and type(created) is (type(None) if created_at is None else str)
        and type(updated) is (type(None) if updated_at is None else str)
        and (users is None or (type(users) is int and abs(users) <= values.INT64_MAX))
        and not values.holds_odd_text(canonical)
    ):
        return None
    return LogRow(
        identifier,
        export_id,
        organization_id,
        status,
        frequency,
        users,
        result,
        created_at,
        updated_at,
        canonical,
        None,
        values.digest(canonical),
        *stamp,
    )


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
