"""Reading the tables of this source back from wherever a pipeline loads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

from .dlt_compat import (
    Container,
    DestinationUndefinedEntity,
    MissingDependencyException,
    PipelineContext,
    SqlClientNotAvailable,
)
from .errors import ConfigurationError
from .schema import TABLES, Columns
from .values import in_utc

if TYPE_CHECKING:
    from dlt import Pipeline

    from .dlt_compat import SqlClientBase

_ROWS_AT_ONCE = 10_000
_CURRENT = """(select * from (
    select t.*, row_number() over (partition by {key} order by {order}) as place_of_row from {table} t
) numbered where place_of_row = 1)"""


class OpenTables:
    """The tables while the destination is connected.

    Args:
        client: dlt's client, connected; None where nothing can be read: no query has rows then.
        merges: Whether the destination keeps one row of each key; if not, all but the newest are left out here.
    """

    def __init__(self, client: SqlClientBase[Any] | None, *, merges: bool) -> None:
        self._client = client
        self._is_sqlite = client and hasattr(type(client), "dialect_name") and client.dialect_name == "sqlite"
        names = {table: client.make_qualified_table_name(table) for table in TABLES} if client else {}
        self._names = names if merges else {table: _current(name, TABLES[table]) for table, name in names.items()}

    def query(self, sql: str, *values: Any, instead: str = "") -> Iterator[tuple[Any, ...]]:
        """The rows of a query, fetched in chunks.

        Args:
            sql: Names each table in braces.
            values: Of its parameters.
            instead: The query to run where the destination lacks a table of `sql`, with the same parameters; where it
                lacks one of that too, there are no rows.
        """
        if self._client is None:
            return
        try:
            with self._client.execute_query(sql.format(**self._names), *map(self._parameter, values)) as cursor:
                while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                    yield from rows
        except DestinationUndefinedEntity:  # of databases, and of folders: no table, no files, or no dataset
            if instead:
                yield from self.query(instead, *values)

    def names(self, columns: Sequence[str]) -> str:
        """Columns for a query, quoted: a field may be called `select`."""
        return ", ".join(map(self._client.escape_column_name, columns) if self._client else columns)

    def _parameter(self, value: Any) -> Any:
        if self._is_sqlite and isinstance(value, datetime):  # it compares texts
            return in_utc(value).strftime("%Y-%m-%d %H:%M:%S.%f")
        return value


class Tables:
    """The tables of this source in the dataset of a pipeline.

    Create it in the thread that runs the pipeline, where dlt's SQL client finds its configuration; any thread may
    use it.

    Args:
        pipeline: The pipeline; None if the source is iterated without one: then there are no tables.

    Raises:
        ConfigurationError: The destination can be loaded, but a package for reading it is missing.
    """

    def __init__(self, pipeline: Pipeline | None) -> None:
        self._client = _sql_client(pipeline) if pipeline else None
        self._merges = pipeline is None or _merges(pipeline)
        self._lock = Lock()

    @contextmanager
    def opened(self) -> Iterator[OpenTables]:
        """Connect."""
        with self._lock, self._client or nullcontext() as client:
            yield OpenTables(client, merges=self._merges)


def active_pipeline() -> Pipeline | None:
    """The pipeline of this process, if there is one."""
    context = Container()[PipelineContext]
    return cast("Pipeline", context.pipeline()) if context.is_active() else None


def as_utc(when: datetime | str | None) -> datetime | None:
    """A time as a destination returns it, in UTC; SQLite returns texts."""
    if isinstance(when, str):
        when = datetime.fromisoformat(when)
    return None if when is None else in_utc(when)


def as_loaded(value: Any, data_type: str) -> Any:
    """A value of a column as it was loaded: some destinations return JSON as text, SQLite much else."""
    if data_type == "timestamp":
        return as_utc(value)
    if data_type == "date":
        value = datetime.fromisoformat(value) if isinstance(value, str) else value
        return value.date() if isinstance(value, datetime) else value
    if data_type == "json" and isinstance(value, str):
        return json.loads(value)
    return bool(value) if data_type == "bool" and value is not None else value


def _current(name: str, columns: Columns) -> str:
    """The newest row of each key."""
    key = next(column for column, hints in columns.items() if hints.get("primary_key"))
    sorts = {column: hints["dedup_sort"] for column, hints in columns.items() if "dedup_sort" in hints}
    if "extracted_at" in columns:  # `read_sequence` sorts the rows of one run
        sorts = {"extracted_at": "desc", **sorts}
    order = ", ".join(f"{column} {direction}" for column, direction in sorts.items())
    return _CURRENT.format(key=key, order=order, table=name)


def _sql_client(pipeline: Pipeline) -> SqlClientBase[Any] | None:
    try:
        return pipeline.sql_client()
    except SqlClientNotAvailable:  # a destination without SQL: everything is read each time
        return None
    except (MissingDependencyException, ModuleNotFoundError) as error:
        destination = pipeline.destination.destination_name if pipeline.destination else "the destination"
        extra = " (folders are read with DuckDB: pip install 'didomi-source[duckdb]')" if "duckdb" in str(error) else ""
        msg = f"{destination} cannot be read back, and so each run would load everything again: {error}{extra}"
        raise ConfigurationError(msg) from error


def _merges(pipeline: Pipeline) -> bool:
    """Whether the destination replaces rows by their key; where it cannot, dlt appends."""
    if pipeline.destination is None:
        return True
    able = pipeline.destination.capabilities()
    strategies = able.supported_merge_strategies or []
    if able.merge_strategies_selector:
        strategies = able.merge_strategies_selector(strategies, table_schema={})
    return "delete-insert" in strategies
