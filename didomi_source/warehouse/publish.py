"""A copy of the marts in a DuckDB file of its own: a reader that keeps it open delays no run."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from didomi_source.errors import ConfigurationError, DestinationError

from .credentials import duckdb_path
from .duckdb_storage import create_if_missing, literal
from .errors import describe_error
from .files import replaced_when_complete
from .open import open_read_only, open_temporary
from .target import Target, prepare_environment

if TYPE_CHECKING:
    import duckdb


def check(target: Target, output: Path) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        ConfigurationError: The destination needs no copy, or the copy would replace the warehouse.
    """
    if target.destination != "duckdb":
        msg = f"a copy for readers is for duckdb: {target.destination} lets others read while it is written"
        raise ConfigurationError(msg)
    prepare_environment(target.destination)
    with open_temporary(target) as pipeline:
        warehouse = duckdb_path(pipeline)
        if warehouse and output.resolve() == warehouse.resolve():
            raise ConfigurationError(f"{output} is the warehouse itself: name another file for its copy")
    if not output.absolute().parent.is_dir():
        raise ConfigurationError(f"the folder of {output} does not exist: make it first")


def publish(target: Target, output: Path) -> Path:
    """Copy the marts into a new file, which then replaces the old one.

    A reader that has the old file open goes on reading it; the next one reads the new file.

    Args:
        target: Which warehouse and dataset.
        output: Path of the copy; its folder has to exist.

    Returns:
        The path of the copy.

    Raises:
        DestinationError: The models have not been built, or the copy cannot be written.
    """
    import duckdb

    path = output.absolute()
    with open_read_only(target) as pipeline:
        warehouse = duckdb_path(pipeline)
    try:
        with replaced_when_complete(path) as beside:
            create_if_missing(beside)
            with closing(duckdb.connect(str(beside))) as copy:
                _copy_marts(copy, warehouse, target.marts)
    except (duckdb.Error, OSError) as error:
        raise DestinationError(describe_error(error, path)) from None
    return output


def _copy_marts(copy: duckdb.DuckDBPyConnection, warehouse: Path | None, schema: str) -> None:
    copy.execute(f"attach {literal(warehouse)} as source (read_only)")
    marts = copy.execute(
        "select table_name from duckdb_tables() where database_name = 'source' and schema_name = ?", [schema]
    ).fetchall()
    if not marts:
        raise DestinationError(f"there are no tables in {schema} yet: run `didomi run` without --skip-models first")
    copy.execute(f"create schema {schema}")
    for (name,) in marts:
        copy.execute(f"create table {schema}.{name} as from source.{schema}.{name}")
    copy.execute("detach source")
