"""The pipeline's warehouse: opening it, waiting for it, reading it back, and telling dbt where it is."""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError, DestinationError

from .options import DESTINATIONS, Options

if TYPE_CHECKING:
    import dlt

logger = logging.getLogger(__name__)

DUCKDB_FILE = "warehouse.duckdb"
LOCK_WAIT_SECONDS = 60.0
_MIN_FREE_BYTES = 50 * 1024 * 1024
# The format that each engine loads fastest without losing types (docs/decisions/0004-loader-formats.md).
LOADER_FORMATS = {"duckdb": "parquet", "motherduck": "parquet"}


def open_pipeline(options: Options) -> dlt.Pipeline:
    """Open the pipeline `didomi` on the destination asked for.

    A working directory that dlt cannot read any more is moved aside: all that matters is in the
    destination.

    Raises:
        ConfigurationError: The destination is unknown, or its adapter is not installed.
    """
    directory = options.working_dir.absolute() / "pipelines"
    try:
        return _new_pipeline(options, directory)
    except (ConfigurationError, DestinationError):
        raise
    except Exception as error:
        if not directory.exists():
            raise
        aside = directory.with_name(f"pipelines.broken-{datetime.now(timezone.utc):%Y%m%dT%H%M%S}")
        directory.rename(aside)
        logger.warning("working directory could not be read (%s); moved to %s", type(error).__name__, aside)
        return _new_pipeline(options, directory)


def _new_pipeline(options: Options, directory: Path) -> dlt.Pipeline:
    import dlt

    try:
        return dlt.pipeline(
            "didomi",
            destination=_destination(options.destination),
            dataset_name=options.dataset,
            pipelines_dir=str(directory),
        )
    except ImportError as error:
        msg = f"destination {options.destination} is not installed: pip install 'didomi-source[{options.destination}]'"
        raise ConfigurationError(msg) from error


def _destination(name: str) -> Any:
    import dlt

    if name not in DESTINATIONS:
        msg = f"unknown destination {name!r}: choose one of {', '.join(DESTINATIONS)}"
        raise ConfigurationError(msg)
    if name == "duckdb" and not dlt.secrets.get("destination.duckdb.credentials"):
        return dlt.destinations.duckdb(str(Path(DUCKDB_FILE).absolute()))
    return name


def credentials(pipeline: dlt.Pipeline) -> Any:
    """The resolved credentials of the pipeline's destination.

    Raises:
        ConfigurationError: They are missing or incomplete.
    """
    from dlt.common.configuration.exceptions import ConfigurationException

    try:
        return pipeline.destination_client().config.credentials
    except ConfigurationException as error:
        name = pipeline.destination.destination_name if pipeline.destination else "?"
        fields = sorted(set(re.findall(r"`(\w+__\w+[\w]*)`", str(error)))) if name else []
        wanted = f" ({', '.join(fields[:6])})" if fields else ""
        msg = (
            f"the credentials of destination {name} are missing or incomplete{wanted}: "
            f"set DESTINATION__{name.upper()}__CREDENTIALS or add [destination.{name}.credentials] "
            "to .dlt/secrets.toml"
        )
        raise ConfigurationError(msg) from None


def describe(pipeline: dlt.Pipeline) -> str:
    """Where the warehouse is, in a few words without secrets."""
    name = pipeline.destination.destination_name if pipeline.destination else "?"
    path = duckdb_path(pipeline)
    if path is not None:
        return f"{name} {path}"
    found = credentials(pipeline)
    where = [getattr(found, field, None) for field in ("project_id", "host", "database")]
    return " ".join([name, *[str(part) for part in where if part]])


def duckdb_path(pipeline: dlt.Pipeline) -> Path | None:
    """The file of a DuckDB destination; None for any other."""
    if pipeline.destination is None or pipeline.destination.destination_name != "duckdb":
        return None
    return Path(str(credentials(pipeline).database)).absolute()


def wait_until_writable(pipeline: dlt.Pipeline, seconds: float = LOCK_WAIT_SECONDS) -> None:
    """Wait for a DuckDB file that another process holds, and look whether the disk has room.

    Raises:
        DestinationError: Who holds the file, or what else is wrong with it.
    """
    path = duckdb_path(pipeline)
    if path is None:
        return
    free = shutil.disk_usage(_existing(path.parent)).free
    if free < _MIN_FREE_BYTES:
        msg = f"the disk of {path} is full ({free // 2**20} MB free): make room and run again"
        raise DestinationError(msg)
    import duckdb

    deadline = time.monotonic() + seconds
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            duckdb.connect(str(path)).close()
        except (duckdb.Error, OSError) as error:
            if "Conflicting lock" in str(error) and time.monotonic() < deadline:
                time.sleep(0.5)
                continue
            raise DestinationError(explain(error, path)) from None
        else:
            return


def connect(pipeline: dlt.Pipeline) -> None:
    """Open a connection to the warehouse and run the smallest query.

    Raises:
        DestinationError: It cannot be reached, or refuses.
    """
    from dlt.common.exceptions import DltException

    try:
        with pipeline.destination_client() as client:
            client.sql_client.execute_sql("select 1")  # type: ignore[attr-defined]
    except DltException as error:
        raise DestinationError(explain(error)) from None


def explain(error: Exception, path: Path | None = None) -> str:
    """An error of the warehouse in one line that says what to do."""
    text = " ".join(str(error).split())
    holder = re.search(r"Conflicting lock is held in (\S+) \(PID (\d+)\)", text)
    if holder:
        return (
            f"{path or 'the DuckDB file'} is held by another program ({holder[1]}, process {holder[2]}): "
            "close it there, or open it there read-only"
        )
    for sign, what in (
        ("No space left", "the disk is full: make room and run again"),
        ("not a valid DuckDB database", f"{path} is not a DuckDB file: move it away or name another"),
        ("newer version", f"{path} was written by a newer DuckDB: pip install -U duckdb"),
        ("Permission denied", f"no permission to write {path}: change its rights or name another file"),
        ("Read-only file system", f"{path} is on a read-only file system: name another file"),
        ("Cannot open file", f"{path} cannot be opened for writing: check the folder and its rights"),
    ):
        if sign.lower() in text.lower():
            return what
    return f"{type(error).__name__}: {text[:300]}"


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


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
        DestinationError: There is no such table, or the warehouse cannot be read.
    """
    from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

    try:
        with pipeline.sql_client() as client, client.with_alternative_dataset_name(schema):
            name = client.make_qualified_table_name(table)
            query = f"select {', '.join(columns)} from {name} {condition}"  # noqa: S608 - names are ours
            rows = client.execute_sql(query, *values) or []
    except DatabaseUndefinedRelation:
        msg = f"there is no table {schema}.{table} yet: run `didomi run` first"
        raise DestinationError(msg) from None
    except DatabaseException as error:
        raise DestinationError(explain(error)) from None
    return [dict(zip(columns, map(_utc, row), strict=True)) for row in rows]


def _utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def dbt_environment(pipeline: dlt.Pipeline, options: Options) -> dict[str, str]:
    """The variables of sql/profiles.yml, from the credentials that dlt uses.

    Raises:
        ConfigurationError: There are no models for this destination.
    """
    name = options.destination
    if name not in _PROFILES:
        msg = f"the models are not built on {name}: use --skip-models, or a dbt project of your own"
        raise ConfigurationError(msg)
    found = _PROFILES[name](pipeline)
    found |= {"DIDOMI_TARGET": name, "DIDOMI_DBT_SCHEMA": options.models_prefix}
    return {key: str(value) for key, value in found.items() if value is not None}


def _duckdb_profile(pipeline: dlt.Pipeline) -> dict[str, Any]:
    return {"DIDOMI_DUCKDB_PATH": duckdb_path(pipeline)}


def _postgres_profile(pipeline: dlt.Pipeline) -> dict[str, Any]:
    found = credentials(pipeline)
    return {
        "DIDOMI_POSTGRES_HOST": found.host,
        "DIDOMI_POSTGRES_PORT": found.port,
        "DIDOMI_POSTGRES_USER": found.username,
        "DBT_ENV_SECRET_DIDOMI_POSTGRES_PASSWORD": found.password,
        "DIDOMI_POSTGRES_DATABASE": found.database,
        "DIDOMI_POSTGRES_SSLMODE": (found.query or {}).get("sslmode"),
    }


_PROFILES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "duckdb": _duckdb_profile,
    "postgres": _postgres_profile,
}


def close(pipeline: dlt.Pipeline) -> None:
    """Let go of the warehouse, so that dbt can open it."""
    with suppress(Exception):
        pipeline.deactivate()
