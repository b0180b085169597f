"""Open the warehouse: to load, to read, for a moment, or to read marts without dlt where that is possible.

No pipeline keeps a state of its own: schema and state come back from the destination. The working directory contains
nothing else that matters but packages waiting to be loaded. So it is emptied before each run; if it is lost or damaged,
logs are read again.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError, DestinationError, DidomiError

from .credentials import check_path, duckdb_path, extra_of
from .duckdb import DUCKDB_FILE, connect_when_free, lock_duckdb_file
from .errors import exception_chain, to_our_error
from .read import Connection, DuckDbFile, check_connection, connected
from .target import Target, prepare_environment

if TYPE_CHECKING:
    import dlt

logger = logging.getLogger(__name__)

# The format that each engine loads fastest without losing types (docs/decisions/0004-loader-formats.md).
LOADER_FORMATS = {"duckdb": "parquet", "motherduck": "parquet", "ducklake": "parquet"}
NAME = "didomi"
SETTING = "DESTINATION__DUCKDB__CREDENTIALS"
# Other names under which dlt may find a credential, another folder of settings, or a secret store.
_DLT = re.compile(r"CREDENTIALS|DUCKDB__|^DLT_(?!DATA_DIR$)|^PROVIDERS__|^DESTINATION__", re.IGNORECASE)
_PLAIN = re.compile(r"duckdb:///([^?%#@:]+)")
# What may lie in .dlt, and the sections of its files that say nothing of a warehouse.
_SETTINGS_FILES = {".gitignore", "config.toml", "secrets.toml", "example.secrets.toml"}
_SECTIONS = {"sources", "notify", "runtime", "extract", "normalize", "load"}


def directory_of(target: Target) -> Path:
    """Where packages wait: one folder for each destination and dataset, so that none is loaded into another."""
    return target.working_dir.absolute() / "pipelines" / target.destination / target.dataset


@contextmanager
def open_for_loading(target: Target, report: Callable[[str], None]) -> Iterator[tuple[dlt.Pipeline, list[str]]]:
    """Lock the warehouse, load what an interrupted run left, and open the pipeline with an empty working directory.

    Args:
        target: What to open.
        report: Called with each step.

    Yields:
        The pipeline, and notes on what was found.

    Raises:
        ConfigurationError: The destination is not installed, or not configured.
        DestinationError: The destination or the working directory cannot be used.
    """
    directory = directory_of(target)
    with ExitStack() as stack:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open_temporary(target) as probe:
                check_path(probe, target)
                stack.enter_context(lock_duckdb_file(probe, report, target.wait_seconds))
                notes = [*_ignored(), *_finish_pending(target, directory, probe, report)]
            shutil.rmtree(directory)
        except OSError as error:
            raise to_our_error(error, directory) from error
        yield stack.enter_context(_new_pipeline(target, directory)), notes


@contextmanager
def open_read_only(target: Target) -> Iterator[dlt.Pipeline]:
    """Open the destination to read from it; a DuckDB file is opened read-only, once a run that writes it has ended.

    Raises:
        ConfigurationError: The destination is not installed, or not configured.
        DestinationError: There is no DuckDB file yet, or another program holds it for long.
    """
    with open_temporary(target) as pipeline:
        path = duckdb_path(pipeline)
        if path is None:
            yield pipeline
            return
    refuse_missing(path)
    connection = connect_when_free(path, logger.warning, target.wait_seconds, read_only=True)
    with closing(connection), open_temporary(target, path) as pipeline:
        yield pipeline


@contextmanager
def open_marts(target: Target) -> Iterator[Connection | DuckDbFile]:
    """Open the destination to read marts from it: with dlt, unless it is a DuckDB file that is found without.

    The import of dlt takes longer than reading them.

    Raises:
        ConfigurationError: The destination is not installed, or not configured.
        DestinationError: There is no DuckDB file yet, or another program holds it for long.
    """
    path = plain_path(target, os.environ, Path.cwd())
    if path is None:
        prepare_environment()
        with open_read_only(target) as pipeline, connected(pipeline) as connection:
            yield connection
        return
    refuse_missing(path)
    with closing(connect_when_free(path, logger.warning, target.wait_seconds, read_only=True)) as connection:
        connection.execute("set timezone = 'UTC'")
        yield DuckDbFile(path, connection)


def refuse_missing(path: Path) -> None:
    """Refuse a DuckDB file that does not exist, or is in a folder that cannot be read.

    Raises:
        DestinationError: It says which.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise DestinationError(f"there is no warehouse {path} yet: run `didomi run` first") from None
    except OSError as error:
        raise to_our_error(error, path) from None


@contextmanager
def open_temporary(target: Target, read_only: Path | None = None) -> Iterator[dlt.Pipeline]:
    """Open the destination with a temporary working directory; a DuckDB file that is given is opened read-only."""
    import dlt

    destination = None
    if read_only is not None:
        from didomi_source.dlt_compat import DuckDbCredentials

        destination = dlt.destinations.duckdb(DuckDbCredentials(str(read_only), read_only=True))
    with (
        tempfile.TemporaryDirectory(prefix="didomi-") as folder,
        _new_pipeline(target, Path(folder), destination) as pipeline,
    ):
        yield pipeline


def _ignored() -> list[str]:
    """A note on a setting of dlt's that is meant for another pipeline, and not followed here."""
    import dlt

    if dlt.config.get("dev_mode") or dlt.config.get(f"pipelines.{NAME}.dev_mode"):
        return ["dlt's setting dev_mode is ignored: it would load into a new dataset each time"]
    return []


def _finish_pending(target: Target, directory: Path, probe: dlt.Pipeline, report: Callable[[str], None]) -> list[str]:
    """Load what a killed run left: dlt's own `run` would load only that, and extract nothing.

    A package that cannot be loaded is moved aside, since everything that the destination does not contain is read
    again; unless the destination itself does not work.
    """
    if not (directory / NAME).exists():
        return []
    try:
        with _new_pipeline(target, directory) as pipeline:
            if not pipeline.has_pending_data:
                return []
            report("Finishing what an interrupted run left")
            if pipeline.run() is None:  # it was left by a first run that had not created the dataset yet
                return []
    except DidomiError:
        raise
    except Exception as error:  # whatever a damaged folder makes dlt raise
        logger.debug("what an interrupted run left cannot be used", exc_info=True)
        check_connection(probe)
        aside = _set_aside(target, directory)
        reason = type(list(exception_chain(error))[-1]).__name__
        return [f"what an interrupted run left could not be loaded ({reason}): it is in {aside}, and was read again"]
    return ["what an interrupted run left was loaded first"]


def _set_aside(target: Target, directory: Path) -> Path:
    """Move a working folder away; only the last one is kept."""
    aside = target.working_dir.absolute() / "broken"
    shutil.rmtree(aside, ignore_errors=True)
    directory.rename(aside)
    directory.mkdir(mode=0o700)
    return aside


@contextmanager
def _new_pipeline(target: Target, directory: Path, destination: Any = None) -> Iterator[dlt.Pipeline]:
    import dlt

    silent: Any = None  # whatever the environment says: dlt's progress would stand between the results
    try:
        pipeline = dlt.pipeline(
            NAME,
            destination=destination or _destination(target),
            dataset_name=target.dataset,
            pipelines_dir=str(directory),
            dev_mode=False,  # whatever the environment says: see _ignored
            progress=silent,
        )
    except ImportError as error:
        extra = extra_of(target.destination)
        msg = f"destination {target.destination} is not installed: pip install 'didomi-source[{extra}]'"
        raise ConfigurationError(msg) from error
    try:
        yield pipeline
    finally:
        with suppress(Exception):  # another pipeline has been activated since
            pipeline.deactivate()


def _destination(target: Target) -> Any:
    import dlt

    name = target.destination
    given: dict[str, Any] = {}
    if target.loading != f"{target.dataset}_staging":
        given["staging_dataset_name_layout"] = target.loading
    if name != "bigquery":  # whose transactions create no table, while dlt takes `created_at` for the creation of one
        given["supports_transactions"] = True
    # dlt looks for those of a pipeline first
    settings = [f"{of}destination.{name}.credentials{field}" for of in ("", f"{NAME}.") for field in ("", ".database")]
    if name == "duckdb" and not any(dlt.config.get(setting) for setting in settings):
        return dlt.destinations.duckdb(str(Path(DUCKDB_FILE).absolute()), **given)
    return dlt.destination(name, **given)


def plain_path(target: Target, environment: Mapping[str, str], folder: Path) -> Path | None:
    """The file of a DuckDB destination, where no setting but one plain variable can say where it is.

    Args:
        target: Which destination.
        environment: The environment variables.
        folder: The current folder.

    Returns:
        The file; None where dlt has to find it: in settings files, secret stores, or variables of other names.
    """
    found = environment.get(SETTING)
    plain = _PLAIN.fullmatch(found.strip()) if found is not None else None
    if (
        target.destination != "duckdb"
        or any(_DLT.search(name) for name in environment if name != SETTING)
        or any(map(_may_decide, _settings(environment, folder)))
        or any(importlib.util.find_spec(name) is None for name in ("duckdb", "dlt"))
        or importlib.util.find_spec("airflow") is not None  # whose variables dlt reads
        or (found is not None and plain is None)
    ):
        return None
    return folder / (plain[1] if plain else DUCKDB_FILE)


def _settings(environment: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """What dlt may find settings in: of the current folder, of the user and of the machine."""
    local = folder / ".dlt"
    if os.path.exists(local):  # noqa: PTH110 - as below
        yield from local.iterdir() if os.access(local, os.R_OK | os.X_OK) else [local]  # which dlt has to report
    for home in (Path.home() / ".dlt", Path("/var/dlt"), Path(environment.get("XDG_DATA_HOME", "/")) / "dlt"):
        yield from (path for path in (home / "config.toml", home / "secrets.toml") if os.path.exists(path))  # noqa: PTH110 - as dlt asks: Path.exists raises where a home cannot be read


def _may_decide(path: Path) -> bool:
    """Whether a file may say where the warehouse is, or is broken: then dlt has to say so."""
    import tomlkit

    if path.name not in _SETTINGS_FILES:
        return True
    try:
        return path.suffix == ".toml" and not _SECTIONS.issuperset(tomlkit.parse(path.read_text("utf-8")))
    except (OSError, ValueError):
        return True
