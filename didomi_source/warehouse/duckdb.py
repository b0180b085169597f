"""A DuckDB file: its lock, its memory, and room on its disk. Other destinations pass through unchanged."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from didomi_source.errors import DestinationError

from .credentials import duckdb_path, location
from .duckdb_storage import create_if_missing, literal
from .errors import describe_error, exception_chain

if TYPE_CHECKING:
    import dlt
    import duckdb

logger = logging.getLogger(__name__)

DUCKDB_FILE = "warehouse.duckdb"
_MIN_FREE_BYTES = 50 * 1024 * 1024
_MEMORY_LIMIT = "64MB"
_PAUSE_SECONDS = 0.05
_ROW_GROUP_ROWS = 16 * 1024  # buffered uncompressed until they are written; DuckDB's default is 122,880


@contextmanager
def lock_duckdb_file(pipeline: dlt.Pipeline, report: Callable[[str], None], seconds: float) -> Iterator[None]:
    """Keep a DuckDB file locked, on a disk that has room: between two connections of dlt another process could lock it.

    Args:
        pipeline: Whose warehouse it is.
        report: Called while another process holds the file.
        seconds: How long to wait for that process.

    Raises:
        DestinationError: Which process holds the file, or what else is wrong with it.
    """
    path = duckdb_path(pipeline)
    if path is None:
        yield
        return
    import duckdb

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_free_space(path)
    except OSError as error:
        raise DestinationError(describe_error(error, path)) from None
    with closing(connect_when_free(path, report, seconds)) as connection:
        try:
            _use_small_buffers(connection, path)
        except duckdb.Error as error:
            raise DestinationError(describe_error(error, path)) from None
        yield


def _use_small_buffers(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Have DuckDB buffer few rows, as long as this process has the file open (docs/decisions/0010-packages.md)."""
    import duckdb

    connection.execute("set threads = 1")
    with suppress(duckdb.CatalogException):  # before 1.5
        connection.execute("set write_buffer_row_group_count = 1")
    # The size of row groups can be set by `attach` alone.
    ((name,),) = connection.execute("select current_database()").fetchall()
    database = name.replace('"', '""')
    connection.execute(f"""
        attach ':memory:' as didomi_aside;
        use didomi_aside;
        detach "{database}";
        attach {literal(path)} as "{database}" (row_group_size {_ROW_GROUP_ROWS});
        use "{database}";
        detach didomi_aside""")


def load_with_memory_limit(pipeline: dlt.Pipeline) -> None:
    """Have dlt load what it extracted, with a limit to DuckDB's buffer pool, which would cache all that is read.

    Large rows may need more than the limit: then they are loaded without one.
    """
    try:
        with _memory_limit(pipeline, _MEMORY_LIMIT):
            pipeline.load()
    except Exception as error:
        if not any("Out of Memory Error" in str(found) for found in exception_chain(error)):
            raise
        logger.info("%s needs more memory to load this", location(pipeline))
        pipeline.load()


def checkpoint(pipeline: dlt.Pipeline) -> None:
    """Have DuckDB write its write-ahead log into its file, and empty its buffer pool."""
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


def connect_when_free(
    path: Path, report: Callable[[str], None], seconds: float, *, read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file, once no other process has locked it; a missing one is created, unless `read_only`.

    Raises:
        ConfigurationError: The file is missing, and its storage version is none that DuckDB knows.
        DestinationError: Which process holds it, or what else is wrong with it.
    """
    import duckdb

    def connect() -> duckdb.DuckDBPyConnection:
        if not read_only:
            create_if_missing(path)
        return duckdb.connect(str(path), read_only=read_only)

    report_once = cache(report)
    try:
        return try_while_locked(
            connect, seconds, lambda: report_once(f"Waiting for {path}, which another program holds")
        )
    except duckdb.Error as error:
        raise DestinationError(describe_error(error, path)) from None


def try_while_locked(
    connect: Callable[[], duckdb.DuckDBPyConnection], seconds: float, wait: Callable[[], None] = lambda: None
) -> duckdb.DuckDBPyConnection:
    """Connect to a DuckDB file; twenty tries a second meet the moments that readers who poll it leave between them.

    Args:
        connect: Connects to the file.
        seconds: How long to try while another process has locked it.
        wait: Called after each try that failed.

    Raises:
        duckdb.Error: As the last try raised it.
    """
    import duckdb

    deadline = time.monotonic() + seconds
    while True:
        try:
            return connect()
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error) or time.monotonic() >= deadline:
                raise
        wait()
        time.sleep(_PAUSE_SECONDS)


def check_free_space(path: Path) -> None:
    """Refuse a disk without room for a file.

    Raises:
        DestinationError: It is full.
    """
    free = shutil.disk_usage(path.parent).free
    if free < _MIN_FREE_BYTES:
        raise DestinationError(f"the disk of {path} is full ({free // 2**20} MB free): make room and run again")
