"""Read tables and marts of a warehouse, and check whether it answers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from didomi_source.errors import ConfigurationError, DestinationError, TableMissing
from didomi_source.values import in_utc

from .credentials import duckdb_path, location
from .duckdb import check_free_space, lock_duckdb_file
from .errors import describe_error, named_errors

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

    def name(self, schema: str, table: str) -> str:
        """The quoted name of a table."""
        return f'"{schema}"."{table}"'

    def rows(self, query: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """What a query finds; %s stands for a value.

        Raises:
            TableMissing: A table of the query does not exist.
            DestinationError: The file cannot be read.
        """
        import duckdb

        try:
            return self.connection.execute(query.replace("%s", "?"), list(values)).fetchall()
        except duckdb.CatalogException as error:
            raise TableMissing(str(error)) from None
        except duckdb.Error as error:
            raise DestinationError(describe_error(error, self.path)) from None


@dataclass(frozen=True)
class Connection:
    """A connection of dlt's to the warehouse.

    Args:
        pipeline: Whose warehouse it is.
        client: dlt's client, which is connected.
    """

    pipeline: dlt.Pipeline
    client: Any

    def name(self, schema: str, table: str) -> str:
        """The name of a table, as this engine wants it quoted."""
        with self.client.with_alternative_dataset_name(schema):
            return str(self.client.make_qualified_table_name(table))

    def rows(self, query: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """What a query finds, with the errors of `DuckDbFile.rows`."""
        from didomi_source.dlt_compat import DatabaseUndefinedRelation

        with named_errors(self.pipeline):
            try:
                return self.client.execute_sql(query, *values) or []
            except DatabaseUndefinedRelation as error:
                raise TableMissing(str(error)) from None


Warehouse = Union["dlt.Pipeline", Connection, DuckDbFile]
"""What can be read from. A pipeline connects for each read, which takes round trips and a twentieth of a second."""


@contextmanager
def connected(warehouse: Warehouse) -> Iterator[Connection | DuckDbFile]:
    """One connection for all reads of the block.

    Raises:
        DestinationError: The warehouse cannot be reached, or refuses.
    """
    if isinstance(warehouse, (Connection, DuckDbFile)):
        yield warehouse
        return
    with ExitStack() as stack:
        with named_errors(warehouse):
            client: Any = warehouse.sql_client()
            stack.enter_context(client)
        yield Connection(warehouse, client)


def check_connection(pipeline: dlt.Pipeline) -> None:
    """Connect to the warehouse and run the smallest query; a DuckDB file is not created by it.

    Raises:
        DestinationError: It cannot be reached, or refuses.
    """
    path = duckdb_path(pipeline)
    if path is not None and not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where its folder cannot be read
        try:
            folder = next(parent for parent in path.parents if parent.exists())
            tempfile.TemporaryFile(dir=folder).close()
            check_free_space(folder / path.name)
        except OSError as error:
            raise DestinationError(describe_error(error, path)) from None
        return
    with (
        lock_duckdb_file(pipeline, lambda _: None, seconds=0),
        named_errors(pipeline),
        pipeline.sql_client() as client,
    ):
        client.execute_sql("select 1")


def select(
    warehouse: Warehouse,
    schema: str,
    table: str,
    columns: Sequence[str],
    condition: str = "",
    *values: Any,
) -> list[dict[str, Any]]:
    """Read rows of a table or mart.

    Args:
        warehouse: What to read from.
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
    with connected(warehouse) as connection:
        query = f"select {', '.join(columns)} from {connection.name(schema, table)} {condition}"  # noqa: S608 - names are ours
        try:
            rows = connection.rows(query, values)
        except TableMissing:
            msg = f"there is no table {schema}.{table} with all its columns yet: run `didomi run` first"
            raise TableMissing(msg) from None
    times_in_utc = ((in_utc(value) if isinstance(value, datetime) else value for value in row) for row in rows)
    return [dict(zip(columns, row, strict=True)) for row in times_in_utc]


def count_rows(
    warehouse: Warehouse, schema: str, tables: Iterable[str], condition: str = "", *values: Any
) -> dict[str, int | None]:
    """Count the rows of several tables in one query.

    Args:
        warehouse: What to read from.
        schema: Schema (dataset) of the tables.
        tables: Their names.
        condition: Which rows of each, with %s for values.
        values: The values.

    Returns:
        The count of each table; None where there is no such table.

    Raises:
        DestinationError: The warehouse cannot be read.
    """
    names = list(tables)
    if not names:
        return {}
    with connected(warehouse) as connection:
        query = " union all ".join(
            f"select '{name}', count(*) from {connection.name(schema, name)} {condition}"  # noqa: S608 - names are ours
            for name in names
        )
        try:
            return {str(name): int(count) for name, count in connection.rows(query, [*values] * len(names))}
        except TableMissing:
            if len(names) == 1:
                return {names[0]: None}
        return {k: v for name in names for k, v in count_rows(connection, schema, [name], condition, *values).items()}


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
            raise ConfigurationError(
                f"{location(pipeline)} has a table {dataset}.{table} that is not this program's: take another dataset "
                "with --dataset"
            ) from None
