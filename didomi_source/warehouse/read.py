"""Read tables and marts of a warehouse, and check whether it answers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError, DestinationError, TableMissing

from .credentials import duckdb_path, location
from .duckdb import check_free_space, wait_until_writable
from .errors import describe_error
from .sqlstate import error_of

if TYPE_CHECKING:
    import dlt
    import duckdb


@dataclass(frozen=True)
class DuckDbFile:
    """A DuckDB file that is open to be read.

    Args:
        path: Where it is.
        connection: Its connection; times are returned in UTC.
    """

    path: Path
    connection: duckdb.DuckDBPyConnection

    def rows(
        self, schema: str, table: str, columns: Sequence[str], condition: str, values: Sequence[Any]
    ) -> list[tuple[Any, ...]]:
        """What `select` reads, with the errors that it raises."""
        import duckdb

        query = f'select {", ".join(columns)} from "{schema}"."{table}" {condition}'.replace("%s", "?")  # noqa: S608
        try:
            return self.connection.execute(query, list(values)).fetchall()
        except duckdb.CatalogException:
            raise _missing(schema, table) from None
        except duckdb.Error as error:
            raise DestinationError(describe_error(error, self.path)) from None


def check_connection(pipeline: dlt.Pipeline) -> None:
    """Connect to the warehouse and run the smallest query; a DuckDB file is not created by it.

    Raises:
        DestinationError: It cannot be reached, or refuses.
    """
    path = duckdb_path(pipeline)
    if path is not None and not path.exists():
        try:
            folder = next(parent for parent in path.parents if parent.exists())
            tempfile.TemporaryFile(dir=folder).close()
            check_free_space(folder / path.name)
        except OSError as error:
            raise DestinationError(describe_error(error, path)) from None
        return
    wait_until_writable(pipeline, lambda _: None, seconds=0)
    try:
        with pipeline.sql_client() as client:
            client.execute_sql("select 1")
    except Exception as error:  # noqa: BLE001 - each engine has its own, wrapped or not
        raise error_of(error, pipeline) from None


def select(
    pipeline: dlt.Pipeline | DuckDbFile,
    schema: str,
    table: str,
    columns: Sequence[str],
    condition: str = "",
    *values: Any,
) -> list[dict[str, Any]]:
    """Read rows of a table or mart.

    Args:
        pipeline: Whose warehouse it is.
        schema: Schema (dataset) of the table.
        table: Its name.
        columns: What to read.
        condition: What follows `from`, with %s for values.
        values: The values.

    Returns:
        One dict per row; times are in UTC.

    Raises:
        TableMissing: There is no such table, or not with these columns.
        DestinationError: The warehouse cannot be read.
    """
    if isinstance(pipeline, DuckDbFile):
        return _dicts(columns, pipeline.rows(schema, table, columns, condition, values))
    from didomi_source.dlt_compat import DatabaseUndefinedRelation

    try:
        with pipeline.sql_client() as client, client.with_alternative_dataset_name(schema):
            name = client.make_qualified_table_name(table)
            query = f"select {', '.join(columns)} from {name} {condition}"  # noqa: S608 - names are ours
            rows = client.execute_sql(query, *values) or []
    except DatabaseUndefinedRelation:
        raise _missing(schema, table) from None
    except Exception as error:  # noqa: BLE001 - each engine has its own, wrapped or not
        raise error_of(error, pipeline) from None
    return _dicts(columns, rows)


def _dicts(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    return [dict(zip(columns, map(_utc, row), strict=True)) for row in rows]


def _missing(schema: str, table: str) -> TableMissing:
    return TableMissing(f"there is no table {schema}.{table} with all its columns yet: run `didomi run` first")


def refuse_foreign_tables(pipeline: dlt.Pipeline, dataset: str, tables: Iterable[str]) -> None:
    """Refuse a dataset in which a table has one of the names, and was not created by dlt.

    Raises:
        ConfigurationError: It names the table.
        DestinationError: The warehouse cannot be read.
    """
    path = duckdb_path(pipeline)
    if path is not None and not path.exists():
        return
    for table in tables:
        try:
            select(pipeline, dataset, table, ["1"], "where 1 = 0")
        except TableMissing:
            continue
        try:
            select(pipeline, dataset, table, ["_dlt_load_id"], "where 1 = 0")
        except DestinationError:
            select(pipeline, dataset, table, ["1"], "where 1 = 0")  # is it the column, or the warehouse as a whole?
            msg = (
                f"{location(pipeline)} has a table {dataset}.{table} that is not this program's: take another dataset "
                "with --dataset"
            )
            raise ConfigurationError(msg) from None


def _utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
