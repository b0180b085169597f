"""The columns of fields that the documentation does not name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
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
        self._types = {name: data_type for name, data_type in known.items() if name not in EXPORT_LOGS}
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
        converted = _CONVERTERS.get(data_type, values.to_text)(value)
        return converted, None if converted is not None else f"not of type {data_type}"


# bool before int, which it is a kind of
_TYPES = ((bool, "bool"), (int, "bigint"), (float, "double"), ((dict, list), "json"))
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "bool": lambda value: value if isinstance(value, bool) else None,
    "bigint": values.to_integer,
    "double": values.to_float,
    "timestamp": values.to_timestamp,
    "json": lambda value: value if isinstance(value, (dict, list)) else None,
}


def _type_of(value: Any) -> str:
    return next((name for types, name in _TYPES if isinstance(value, types)), "text")
