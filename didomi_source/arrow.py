"""Rows as Arrow tables, which dlt passes on as they are: with dicts it looks at each value three times.

Only where a warehouse takes Arrow's parquet for JSON columns too; everywhere else rows stay dicts.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import dlt
import orjson
from dlt.common.storages.load_package import load_package_state

if TYPE_CHECKING:
    import pyarrow as pa

# Tried with these; BigQuery refuses parquet with JSON columns.
DESTINATIONS = ("duckdb", "motherduck")


def is_taken_by(pipeline: dlt.Pipeline | None) -> bool:
    """Whether the destination of a pipeline takes Arrow tables with JSON columns."""
    destination = pipeline.destination if pipeline else None
    if destination is None or find_spec("pyarrow") is None:
        return False
    return destination.destination_type.rpartition(".")[2] in DESTINATIONS


def arrow_table(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> pa.Table:
    """Make rows into a table.

    Args:
        rows: What to load; a missing value is NULL.
        types: Each column that a row may have, with dlt's name of its type.

    Returns:
        A table with dlt's own columns, and of `types` those that some row has.
    """
    import pyarrow as pa

    kinds = {
        "text": pa.string(),
        "json": pa.string(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }
    present = set().union(*rows)
    if unknown := present - types.keys():
        msg = f"columns without a type: {', '.join(sorted(unknown))}"
        raise KeyError(msg)
    columns: dict[str, Any] = {}
    for name, data_type in types.items():
        if name in present:
            found = [row.get(name) for row in rows]
            if data_type == "json":
                found = [_json(value) for value in found]
            columns[name] = pa.array(found, kinds[data_type])
    columns["_dlt_load_id"] = pa.repeat(load_package_state()["load_id"], len(rows))
    prefix = secrets.token_urlsafe(8)
    columns["_dlt_id"] = pa.array([f"{prefix}{number}" for number in range(len(rows))])
    return pa.table(columns)


def _json(value: Any) -> str | None:
    """JSON as text; a row that came back from the destination has it already."""
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()
