"""A copy of the marts for readers, in a DuckDB file of its own: who keeps it open holds up no run."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from didomi_source.errors import ConfigurationError, DestinationError

from . import databases as warehouse
from .errors import explain
from .pipelines import reading, scratch
from .target import Target, prepare_environment


def check(target: Target, output: Path) -> None:
    """Refuse what cannot work, before anything is loaded.

    Raises:
        ConfigurationError: There is no need for a copy of this destination, or the copy is the warehouse.
    """
    if target.destination != "duckdb":
        msg = f"a copy for readers is for duckdb: {target.destination} lets others read while it is written"
        raise ConfigurationError(msg)
    prepare_environment(target.destination)
    with scratch(target) as pipeline:
        if warehouse.duckdb_path(pipeline) == output.absolute():
            msg = f"{output} is the warehouse itself: name another file for its copy"
            raise ConfigurationError(msg)
    if not output.absolute().parent.is_dir():
        msg = f"the folder of {output} does not exist: make it first"
        raise ConfigurationError(msg)


def publish(target: Target, output: Path) -> Path:
    """Copy the marts into a new file, and put it in the place of the old one at once.

    Who has the old file open goes on reading the old one; who opens it anew reads the new one.

    Args:
        target: Which warehouse and dataset.
        output: Where the copy goes; its folder has to exist.

    Returns:
        Where the copy is.

    Raises:
        DestinationError: The models have not been built, or the copy cannot be written.
    """
    import duckdb

    path = output.absolute()
    beside = path.with_name(f".{path.name}.{uuid4().hex}")
    with reading(target) as pipeline:
        source = warehouse.duckdb_path(pipeline)
    try:
        with duckdb.connect(str(beside)) as copy:
            copy.execute(f"attach '{_quoted(source)}' as source (read_only)")
            marts = copy.execute(
                "select table_name from duckdb_tables() where database_name = 'source' and schema_name = ?",
                [target.marts],
            ).fetchall()
            if not marts:
                msg = f"there are no tables in {target.marts} yet: run `didomi run` without --skip-models first"
                raise DestinationError(msg)
            copy.execute(f"create schema {target.marts}")
            for (name,) in marts:
                copy.execute(f"create table {target.marts}.{name} as from source.{target.marts}.{name}")
            copy.execute("detach source")
        beside.replace(path)
    except (duckdb.Error, OSError) as error:
        raise DestinationError(explain(error, path)) from None
    finally:
        for left in (beside, beside.with_name(f"{beside.name}.wal")):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    return output


def _quoted(path: Path | None) -> str:
    return str(path).replace("'", "''")
