"""How the JSON of a log becomes a row of `export_logs`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from didomi_source import values
from didomi_source.dlt_compat import NamingConvention
from didomi_source.schema import EXPORT_LOGS, RUN, Row

from .fields import ExtraColumns
from .pages import Entry
from .rows import LogRow, ReadContext, Rows
from .usual import usual_entries, usual_rows

MAX_FLAGS = 50  # of one log
_NAMING = NamingConvention()


def read_items(items: Sequence[Any], export_id: str) -> list[Entry]:
    """Name the items of a page of an export's logs, and find their sort keys."""
    return usual_entries(items, export_id) or [_read_item(item, export_id) for item in items]


def _read_item(item: Any, export_id: str) -> Entry:
    if problem(item, export_id):
        return Entry(fingerprint(item, export_id), None, False, item)
    return Entry(log_id(item), values.to_timestamp(item.get("created_at")), True, item)


def problem(item: Any, export_id: str) -> str | None:
    """Why an item cannot be a row of `export_logs`; None if it can."""
    if not isinstance(item, dict):
        return f"expected an object, got {values.kind(item)}"
    identifier = item.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, (str, int)) or not str(identifier).strip():
        return "has no usable id"
    if belongs_to(item) not in (None, export_id):
        return "belongs to another export"
    return None


def belongs_to(item: Any) -> str | None:
    """The export that an item says it belongs to."""
    named = item.get("export_id") if isinstance(item, dict) else None
    return None if named is None else values.to_text(named)


def fingerprint(item: Any, export_id: str) -> str:
    """A name for an item without a usable id, by its content."""
    return values.digest(export_id, values.canonical(item))


def log_id(log: Mapping[str, Any]) -> str:
    """The id of a readable log, as text that a warehouse can hold; ids that differ stay different."""
    text = str(log["id"])
    clean = values.clean_text(text)
    return clean if clean == text else f"{clean}-{values.digest(values.canonical(text))[:8]}"


def log_rows(
    entries: Sequence[Entry], texts: Sequence[str], export_id: str, extra: ExtraColumns, read: ReadContext
) -> Rows[LogRow]:
    """Make readable logs into rows.

    Args:
        entries: The logs as received; at least one.
        texts: The canonical JSON of each.
        export_id: The export that was asked for; it stands in where a log does not name one.
        extra: The columns of further fields.
        read: How the first of them was read.
    """
    usual = usual_rows(entries, texts, export_id, read)
    if usual is not None:
        return usual
    if len(entries) == 1:
        return Rows(LogRow, [any_row(entries[0].item, texts[0], export_id, extra, read)])
    middle = len(entries) // 2  # bisect, so that one odd log does not slow down the others of its page
    rows = log_rows(entries[:middle], texts[:middle], export_id, extra, read)
    rows.extend(log_rows(entries[middle:], texts[middle:], export_id, extra, read.after(middle)))
    return rows


def any_row(log: Mapping[str, Any], text: str, export_id: str, extra: ExtraColumns, read: ReadContext) -> LogRow:
    """Make any readable log into a row; what does not fit its column is flagged."""
    raw, replaced = values.loadable(log, text)
    flags = ["raw_log: holds values that no warehouse takes; they were replaced"] if replaced else []
    if not isinstance(log["id"], str):
        flags.append("id: not a text")
    own: Row = {
        "id": log_id(log),
        "export_id": export_id,
        "organization_id": _text(raw, "organization_id", flags),
        "status": _text(raw, "status", flags),
        "result": values.to_text_or_none(raw.get("result")),
        "created_at": _time(raw, "created_at", flags),
        "updated_at": _time(raw, "updated_at", flags),
        "raw_log": values.canonical(raw),
        "content_hash": values.digest(text),
        "run_id": read.run_id,
        "extracted_at": read.read_at,
        "read_sequence": read.sequence,
    }
    further = _fitted(raw, extra, flags)
    own |= {name: further.pop(name, None) for name in _NESTED}
    if len(flags) > MAX_FLAGS:
        flags[MAX_FLAGS:] = [f"and {len(flags) - MAX_FLAGS} more"]
    return LogRow(**own, flags=flags or None, further=further)


def _fitted(log: Mapping[str, Any], extra: ExtraColumns, flags: list[str]) -> Row:
    """The columns of nested and further fields with their values; what fits none is flagged and left out."""
    columns: Row = {}
    taken: set[str] = set()
    for name, value, path in _further_fields(log, flags):
        if name in taken:
            flags.append(f"{path}: another field has the same column")
            continue
        taken.add(name)
        fitted, wrong = _fit(name, value, extra)
        if wrong:
            flags.append(f"{path}: {wrong}")
        if fitted is not None:
            columns[name] = fitted
    return columns


def _fit(column: str, value: Any, extra: ExtraColumns) -> tuple[Any, str | None]:
    """The value as its column takes it, and why it does not."""
    if column == "config__frequency":
        return values.to_text_or_none(value), None
    if column == "metrics__users":
        users = values.to_integer(value)
        return users, "not a whole number of 64 bits" if users is None else None
    fitted, wrong = extra.coerce(column, value)
    return fitted, wrong and f"{wrong}; kept in raw_log"


def _further_fields(log: Mapping[str, Any], flags: list[str]) -> Iterator[tuple[str, Any, str]]:
    """Column name, value and path of each field that `any_row` has no column for; no nulls."""
    for key, value in log.items():
        if key in ("config", "metrics"):
            if isinstance(value, dict):
                # A key that is a valid column name goes before one that is only normalized to the same name.
                for inner in sorted(value, key=lambda k: _snake(k) != k):
                    if value[inner] is not None:
                        yield f"{key}__{_snake(inner)}", value[inner], f"{key}.{inner[:80]}"
            elif value is not None:
                flags.append(f"{key}: not an object")
        elif value is not None and key not in EXPORT_LOGS and key != "export_id":
            name = _snake(key)
            taken = name in EXPORT_LOGS or name in _OF_WAREHOUSES or name.startswith(_PREFIXES)
            yield (f"source_{name}" if taken else name), value, key[:80]
        elif value is not None and key in _RESERVED:
            yield f"source_{key}", value, key


_NESTED = ("config__frequency", "metrics__users")
# Columns that PostgreSQL has in each table, and beginnings that BigQuery keeps for itself: they would fail every load.
_OF_WAREHOUSES = {"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"}
_PREFIXES = (
    "_dlt", "config__", "metrics__", "_table_", "_file_", "_partition", "_row_timestamp", "_colidentifier", "_change_",
)  # fmt: skip
_RESERVED = {"raw_log", "flags", "content_hash", "read_sequence", "missing_at_source_since", *RUN, *_NESTED}


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
