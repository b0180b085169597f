"""Read the marts of a DuckDB file without dlt, whose import takes longer than reading them."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from .duckdb import DUCKDB_FILE, connect_when_free
from .open import open_read_only, refuse_missing
from .read import Connection, DuckDbFile, connected
from .target import Target, prepare_environment

logger = logging.getLogger(__name__)

SETTING = "DESTINATION__DUCKDB__CREDENTIALS"
# Other names under which dlt may find a credential, another folder of settings, or a secret store.
_DLT = re.compile(r"CREDENTIALS|DUCKDB__|^DLT_(?!DATA_DIR$)|^PROVIDERS__|^DESTINATION__", re.IGNORECASE)
_PLAIN = re.compile(r"duckdb:///([^?%#@:]+)")
# What may lie in .dlt, and the sections of its files that say nothing of a warehouse.
_NAMES = {".gitignore", "config.toml", "secrets.toml", "example.secrets.toml"}
_SECTIONS = {"sources", "notify", "runtime", "extract", "normalize", "load"}


@contextmanager
def open_marts(target: Target) -> Iterator[Connection | DuckDbFile]:
    """Open the destination to read marts from it: with dlt, unless it is a DuckDB file that is found without.

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

    if path.name not in _NAMES:
        return True
    try:
        return path.suffix == ".toml" and not _SECTIONS.issuperset(tomlkit.parse(path.read_text("utf-8")))
    except (OSError, ValueError):
        return True
