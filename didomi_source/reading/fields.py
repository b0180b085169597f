"""The columns of fields that the documentation does not name."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from didomi_source import values
from didomi_source.schema import EXPORT_LOGS

MAX_EXTRA_COLUMNS = 200
MAX_COLUMN_NAME = 60  # PostgreSQL cuts at 63


class ExtraColumns:
    """The columns of fields that the documentation does not name, with a type that never changes.

    The first value of a field decides its type. A later value that cannot be converted to it is in
    `raw_log` only. Threads may share one.

    Args:
        known: Columns that `export_logs` has already, with their types.
    """

    def __init__(self, known: Mapping[str, str]) -> None:
        self._types = {name: known.get(name) for name in known if name not in EXPORT_LOGS}
        self._lock = threading.Lock()
        self.loaded = tuple(self._types)  # the columns of earlier runs

    @property
    def types(self) -> dict[str, str]:
        """The type of each of these columns."""
        with self._lock:
            return {name: data_type or "text" for name, data_type in self._types.items()}

    def coerce(self, name: str, value: Any) -> tuple[Any, str | None]:
        """Convert a value to the type of its column; returns the value, and why it is None instead."""
        if len(name) > MAX_COLUMN_NAME:
            return None, "the name is too long for a column"
        with self._lock:
            if name not in self._types:
                if len(self._types) >= MAX_EXTRA_COLUMNS:
                    return None, f"more than {MAX_EXTRA_COLUMNS} further fields"
                self._types[name] = _type_of(value)
            data_type = self._types[name]
        converted = _convert(value, data_type)
        return converted, None if converted is not None else f"not of type {data_type}"


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "bigint"
    if isinstance(value, float):
        return "double"
    return "json" if isinstance(value, (dict, list)) else "text"


def _convert(value: Any, data_type: str | None) -> Any:
    if data_type == "bool":
        return value if isinstance(value, bool) else None
    if data_type == "bigint":
        return values.to_integer(value)
    if data_type == "double":
        return values.to_float(value)
    if data_type == "timestamp":
        return values.to_timestamp(value)
    if data_type == "json":
        return value if isinstance(value, (dict, list)) else None
    return values.to_text(value)
