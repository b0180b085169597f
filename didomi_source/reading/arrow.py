"""Rows as Arrow tables: dlt passes them through, while it processes every value of a dict three times.

Only for destinations that load Arrow's parquet into JSON columns; all others get dicts (docs/decisions/0008-arrow.md).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

import dlt
import orjson

from didomi_source.dlt_compat import load_package_state
from didomi_source.schema import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

    from .rows import HistoryRow, LogRow, Rows

# Tried with these; BigQuery refuses parquet with JSON columns.
DESTINATIONS = ("duckdb", "motherduck")


def is_supported_by(pipeline: dlt.Pipeline | None) -> bool:
    """Whether the destination of a pipeline loads Arrow tables with JSON columns."""
    destination = pipeline.destination if pipeline else None
    if destination is None or find_spec("pyarrow") is None:
        return False
    return destination.destination_type.rpartition(".")[2] in DESTINATIONS


def arrow_table(rows: Rows[LogRow] | Rows[HistoryRow], types: Mapping[str, str]) -> pa.Table:
    """Convert rows to an Arrow table.

    Args:
        rows: At least one; None is NULL.
        types: dlt's data type of each column that a row may have.

    Returns:
        A table with all columns of the rows, the further columns that some row has, and dlt's own columns.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    arrow_types = {
        "text": pa.string(),
        "json": pa.string(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }

    def array(name: str, column: Sequence[Any]) -> pa.Array:
        arrow_type = arrow_types[types[name]]
        if types[name] == "json":  # a row read from the destination has JSON as text
            return pa.array([v if v is None or type(v) is str else orjson.dumps(v) for v in column], arrow_type)
        if column[0] is column[-1] and column.count(column[0]) == len(column):  # run_id, export_id
            return pa.repeat(pa.scalar(column[0], arrow_type), len(column))
        if types[name] == "timestamp" and column[0] is column[1]:  # extracted_at: the same for a page
            runs = [(value, len(list(same))) for value, same in groupby(column)]
            return pa.concat_arrays([pa.repeat(pa.scalar(value, arrow_type), times) for value, times in runs])
        return pa.array(column, arrow_type)

    logging.getLogger("dlt").addFilter(_is_unexpected)
    found = rows.by_name()
    further = found.pop("further", ())
    for name in set().union(*further):
        found[name] = [others.get(name) for others in further]
    columns = {name: array(name, column) for name, column in found.items()}
    columns["_dlt_load_id"] = pa.repeat(load_package_state()["load_id"], len(rows))
    numbers = pc.cumulative_sum(pa.repeat(1, len(rows))).cast(pa.string())
    columns["_dlt_id"] = pc.binary_join_element_wise(secrets.token_urlsafe(8), numbers, "")
    return pa.table(columns)


def _is_unexpected(record: logging.LogRecord) -> bool:
    """Whether a record of dlt's is none of its warnings that Arrow has no JSON: the column's hint is right."""
    message = record.getMessage()
    return "when merging arrow schema" not in message or not any(f"resource: {table}," in message for table in TABLES)
