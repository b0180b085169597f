"""The warehouse of a pipeline: where it is, whether it can be used, and reading it back."""

from __future__ import annotations

import logging
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError, DestinationError, TableMissing

from .errors import behind, explain, translate
from .target import Target

if TYPE_CHECKING:
    import dlt
    import duckdb

logger = logging.getLogger(__name__)

DUCKDB_FILE = "warehouse.duckdb"
LOCK_WAIT_SECONDS = 60.0
_MIN_FREE_BYTES = 50 * 1024 * 1024
_MEMORY_LIMIT = "64MB"
_ROW_GROUP_ROWS = 16 * 1024  # DuckDB keeps so many uncompressed before it writes them, and takes 122,880 by itself


def name_of(pipeline: dlt.Pipeline) -> str:
    """The name of the pipeline's destination."""
    return pipeline.destination.destination_name if pipeline.destination else "no destination"


def extra_of(destination: str) -> str:
    """The extra of this package that a destination needs."""
    return "duckdb" if destination in ("motherduck", "ducklake") else destination


def credentials(pipeline: dlt.Pipeline) -> Any:
    """The resolved credentials of the pipeline's destination.

    Raises:
        ConfigurationError: They are missing, incomplete or unusable, or the destination's adapter is not installed.
    """
    return configuration(pipeline).credentials


def configuration(pipeline: dlt.Pipeline) -> Any:
    """The resolved configuration of the pipeline's destination.

    Raises:
        ConfigurationError: See `credentials`.
    """
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.common.exceptions import DltException, MissingDependencyException

    name = name_of(pipeline)
    setting = f"DESTINATION__{name.upper()}__CREDENTIALS"
    try:
        return pipeline.destination_client().config
    except (ImportError, MissingDependencyException):
        msg = f"destination {name} is not installed: pip install 'didomi-source[{extra_of(name)}]'"
    except (ConfigurationException, ValueError) as error:
        # The text of the error may hold what was given: only the names of fields are taken from it.
        fields = dict.fromkeys(re.findall(rf"DESTINATION__{name.upper()}__CREDENTIALS__(\w+)\)", str(error)))
        missing = f" ({', '.join(field.lower() for field in fields)})" if fields else ""
        msg = (
            f"the credentials of destination {name} are missing, incomplete or unusable{missing}: set {setting}, or "
            f"[destination.{name}.credentials] in .dlt/secrets.toml"
        )
    except DltException:
        msg = f"the credentials of destination {name} cannot be used: correct {setting}"
    raise ConfigurationError(msg)


def describe(pipeline: dlt.Pipeline) -> str:
    """Where the warehouse is, in a few words without secrets."""
    path = duckdb_path(pipeline)
    if path is not None:
        return f"duckdb {path}"
    found = credentials(pipeline)
    where = [getattr(found, field, None) for field in ("project_id", "host", "database")]
    return " ".join([name_of(pipeline), *[str(part) for part in where if part]])


def place(pipeline: dlt.Pipeline) -> str:
    """Where the warehouse is, as errors name it."""
    return str(duckdb_path(pipeline) or describe(pipeline))


def duckdb_path(pipeline: dlt.Pipeline) -> Path | None:
    """The file of a DuckDB destination; None for any other."""
    return Path(str(credentials(pipeline).database)).absolute() if name_of(pipeline) == "duckdb" else None


def check_path(pipeline: dlt.Pipeline, target: Target) -> None:
    """Refuse a DuckDB file that would not work, or not last.

    Raises:
        ConfigurationError: It is in the working directory, or has the name of a schema.
    """
    path = duckdb_path(pipeline)
    if path is None:
        return
    if any(path.is_relative_to(Path(folder).absolute()) for folder in (target.working_dir, pipeline.pipelines_dir)):
        msg = f"{path} is in the working directory, which may be deleted at any time: name a file outside of it"
        raise ConfigurationError(msg)
    if path.stem.lower() in target.schemas:
        # DuckDB names the database after its file, and then cannot tell `didomi_raw.export_logs` apart.
        msg = f"DuckDB cannot have a schema {path.stem.lower()} in a file of that name: name the file otherwise"
        raise ConfigurationError(msg)


def wait_until_writable(
    pipeline: dlt.Pipeline, report: Callable[[str], None], seconds: float = LOCK_WAIT_SECONDS
) -> None:
    """Wait for a DuckDB file that another process holds, and look whether the disk has room.

    Raises:
        DestinationError: Who holds the file, or what else is wrong with it.
    """
    with held(pipeline, report, seconds):
        pass


@contextmanager
def held(pipeline: dlt.Pipeline, report: Callable[[str], None], seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold a DuckDB file, once no other process does: between two connections of dlt another one could take it.

    Raises:
        DestinationError: See `wait_until_writable`.
    """
    path = duckdb_path(pipeline)
    if path is None:
        yield
        return
    import duckdb

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _check_room(path)
    except OSError as error:
        raise DestinationError(explain(error, path)) from None
    with closing(connected(path, report, seconds)) as connection:
        try:
            _make_frugal(connection, path)
        except duckdb.Error as error:
            raise DestinationError(explain(error, path)) from None
        yield


def _make_frugal(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Have DuckDB need little memory, for as long as this process holds the file (docs/decisions/0010-packages.md)."""
    import duckdb

    connection.execute("set threads = 1")
    with suppress(duckdb.CatalogException):  # before 1.5
        connection.execute("set write_buffer_row_group_count = 1")
    # Nothing but `attach` takes the size of row groups.
    ((name,),) = connection.execute("select current_database()").fetchall()
    database, file = name.replace('"', '""'), str(path).replace("'", "''")
    connection.execute(f"""
        attach ':memory:' as didomi_aside;
        use didomi_aside;
        detach "{database}";
        attach '{file}' as "{database}" (row_group_size {_ROW_GROUP_ROWS});
        use "{database}";
        detach didomi_aside""")


def load_in_little_memory(pipeline: dlt.Pipeline) -> None:
    """Have dlt load what it extracted, and DuckDB keep little of what it reads; by itself it would keep it all.

    Where that does not do, since some rows are large, it is loaded in as much as it takes.
    """
    try:
        with _memory_limit(pipeline, _MEMORY_LIMIT):
            pipeline.load()
    except Exception as error:
        if not any("Out of Memory Error" in str(found) for found in behind(error)):
            raise
        logger.info("%s needs more memory to load this", place(pipeline))
        pipeline.load()


def tidy(pipeline: dlt.Pipeline) -> None:
    """Have DuckDB fold its log into its file and give memory back: by itself it would keep both."""
    import duckdb

    path = duckdb_path(pipeline)
    if path is None:
        return
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute("checkpoint")
    with _memory_limit(pipeline, "1MB"):
        pass


@contextmanager
def _memory_limit(pipeline: dlt.Pipeline, limit: str) -> Iterator[None]:
    import duckdb

    path = duckdb_path(pipeline)
    if path is None:
        yield
        return
    with closing(duckdb.connect(str(path))) as connection:
        ((before,),) = connection.execute("select current_setting('memory_limit')").fetchall()
        with suppress(duckdb.OutOfMemoryException):  # more than that is in use
            connection.execute(f"set memory_limit = '{limit}'")
        try:
            yield
        finally:
            connection.execute(f"set memory_limit = '{before}'")


def connected(
    path: Path, report: Callable[[str], None], seconds: float = LOCK_WAIT_SECONDS, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, once no other process keeps one from it.

    Raises:
        DestinationError: See `wait_until_writable`.
    """
    import duckdb

    deadline = time.monotonic() + seconds
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as error:
            if "Could not set lock" not in str(error) or time.monotonic() >= deadline:
                raise DestinationError(explain(error, path)) from None
        report(f"Waiting for {path}, which another program holds")
        time.sleep(0.5)


def _check_room(path: Path) -> None:
    free = shutil.disk_usage(path.parent).free
    if free < _MIN_FREE_BYTES:
        msg = f"the disk of {path} is full ({free // 2**20} MB free): make room and run again"
        raise DestinationError(msg)


def try_out(pipeline: dlt.Pipeline) -> None:
    """Connect to the warehouse and run the smallest query; a DuckDB file is not made by it.

    Raises:
        DestinationError: It cannot be reached, or refuses.
    """
    path = duckdb_path(pipeline)
    if path is not None and not path.exists():
        try:
            folder = next(parent for parent in path.parents if parent.exists())
            tempfile.TemporaryFile(dir=folder).close()
            _check_room(folder / path.name)
        except OSError as error:
            raise DestinationError(explain(error, path)) from None
        return
    wait_until_writable(pipeline, lambda _: None, seconds=0)
    try:
        with pipeline.sql_client() as client:
            client.execute_sql("select 1")
    except Exception as error:  # noqa: BLE001 - each engine has its own, wrapped or not
        raise translate(error, place(pipeline)) from None


def select(
    pipeline: dlt.Pipeline, schema: str, table: str, columns: Sequence[str], condition: str = "", *values: Any
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
    from dlt.destinations.exceptions import DatabaseUndefinedRelation

    try:
        with pipeline.sql_client() as client, client.with_alternative_dataset_name(schema):
            name = client.make_qualified_table_name(table)
            query = f"select {', '.join(columns)} from {name} {condition}"  # noqa: S608 - names are ours
            rows = client.execute_sql(query, *values) or []
    except DatabaseUndefinedRelation:
        msg = f"there is no table {schema}.{table} with all its columns yet: run `didomi run` first"
        raise TableMissing(msg) from None
    except Exception as error:  # noqa: BLE001 - each engine has its own, wrapped or not
        raise translate(error, place(pipeline)) from None
    return [dict(zip(columns, map(_utc, row), strict=True)) for row in rows]


def _utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
