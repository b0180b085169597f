"""Rows as Arrow tables, which dlt passes on as they are: with dicts it looks at each value three times.

Only where a warehouse takes Arrow's parquet for JSON columns too; everywhere else rows stay dicts.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import groupby
from typing import TYPE_CHECKING, Any

import dlt
import orjson
from dlt.common.storages.load_package import load_package_state

if TYPE_CHECKING:
    import pyarrow as pa

    from .logs import HistoryRow, LogRow, Rows

BUFFER_ROWS = 20_000
# Tried with these; BigQuery refuses parquet with JSON columns.
DESTINATIONS = ("duckdb", "motherduck")


def is_taken_by(pipeline: dlt.Pipeline | None) -> bool:
    """Whether the destination of a pipeline takes Arrow tables with JSON columns."""
    destination = pipeline.destination if pipeline else None
    if destination is None or find_spec("pyarrow") is None:
        return False
    return destination.destination_type.rpartition(".")[2] in DESTINATIONS


class ArrowBuffer:
    """Rows of a table as Arrow, until there are enough of them: dlt looks at the columns of each item anew.

    It is told of every batch, in whatever order dlt hands them over, and keeps nothing back after the last one.
    """

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self._open = 0  # batches of exports whose last one has not come yet

    def take(
        self, rows: Rows[LogRow] | Rows[HistoryRow] | None, types: Mapping[str, str], closes: int
    ) -> list[pa.Table]:
        """Take the rows of a batch.

        Args:
            rows: See `arrow_table`; None where they go another way.
            types: See `arrow_table`.
            closes: See `Batch`.

        Returns:
            What is to be loaded now.
        """
        ready = []
        self._open += 1 - closes
        if rows:
            table = arrow_table(rows, types)
            if self._tables and self._tables[0].schema != table.schema:
                ready += self._all()
            self._tables.append(table)
        if self._open == 0 or sum(map(len, self._tables)) >= BUFFER_ROWS:
            ready += self._all()
        return ready

    def _all(self) -> list[pa.Table]:
        import pyarrow as pa

        tables, self._tables = self._tables, []
        return [pa.concat_tables(tables)] if tables else []


def arrow_table(rows: Rows[LogRow] | Rows[HistoryRow], types: Mapping[str, str]) -> pa.Table:
    """Make rows into a table.

    Args:
        rows: What to load; a missing value is NULL.
        types: Each column that a row may have, with dlt's name of its type.

    Returns:
        A table with dlt's own columns, all columns of the rows, and those further ones that some row has.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = {
        "text": pa.string(),
        "json": pa.string(),
        "bigint": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", "UTC"),
    }

    def array(name: str, column: Sequence[Any]) -> pa.Array:
        kind = kinds[types[name]]
        if types[name] == "json":  # a row that came back from the destination has it as text already
            return pa.array([v if v is None or type(v) is str else orjson.dumps(v) for v in column], kind)
        if column[0] is column[-1] and column.count(column[0]) == len(column):  # what names the run and the export
            return pa.repeat(pa.scalar(column[0], kind), len(column))
        if types[name] == "timestamp" and column[0] is column[1]:  # what tells when a page came
            runs = [(value, len(list(same))) for value, same in groupby(column)]
            return pa.concat_arrays([pa.repeat(pa.scalar(value, kind), times) for value, times in runs])
        return pa.array(column, kind)

    found = rows.by_name()
    further = found.pop("further", ())
    for name in set().union(*further):
        found[name] = [others.get(name) for others in further]
    columns = {name: array(name, column) for name, column in found.items()}
    columns["_dlt_load_id"] = pa.repeat(load_package_state()["load_id"], len(rows))
    numbers = pc.cumulative_sum(pa.repeat(1, len(rows))).cast(pa.string())
    columns["_dlt_id"] = pc.binary_join_element_wise(secrets.token_urlsafe(8), numbers, "")
    return pa.table(columns)
