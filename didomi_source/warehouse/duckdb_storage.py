"""The storage version of a DuckDB file: which DuckDB can read it."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

from didomi_source.errors import ConfigurationError

SETTING = "destination.duckdb.storage_version"
# DuckDB 2 would write files that the readers of 1.x (BI tools, dbt 2) cannot open; those of 1.0 are what 1.x writes.
DEFAULT = "v1.0.0"

# The main header: 8 bytes of checksum, `DUCK`, 8 of storage version, 32 of flags, the version that made the file.
# Source: duckdb/src/storage/single_file_block_manager.cpp, read 2026-11
_MAGIC = slice(8, 12)
_MADE_BY = slice(52, 84)
_NEWER = ("newer version of DuckDB", "unrecognized enum value")


def storage_version() -> str:
    """The storage version of new files: `destination.duckdb.storage_version`, or the one that all of 1.x reads."""
    import dlt

    return str(dlt.config.get(SETTING) or DEFAULT)


def literal(value: object) -> str:
    """A text or a path as a literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def is_duckdb_file(path: Path) -> bool:
    """Whether a path leads to a DuckDB database."""
    return path.is_file() and written_by(path) is not None  # not a pipe, which would be waited for


def create_if_missing(path: Path) -> None:
    """Create a DuckDB file of the configured storage version; an existing one is left alone.

    Raises:
        ConfigurationError: The installed DuckDB does not know that version.
        duckdb.Error: The file cannot be created.
    """
    import duckdb

    if path.exists():
        return
    version = storage_version()
    with closing(duckdb.connect()) as connection:
        try:
            connection.execute(f"attach {literal(path)} as created (storage_version {literal(version)})")
        except duckdb.InvalidInputException as error:
            if known := re.search(r"valid options are: (.*)", str(error)):
                raise ConfigurationError(
                    f"setting {SETTING} is {version!r}, which DuckDB {duckdb.__version__} does not know: "
                    f"choose one of {known[1]}"
                ) from None
            raise


def describe_newer(text: str, path: Path | str) -> str | None:
    """Name both versions, where DuckDB refused a file that a newer one wrote; None for any other error.

    Args:
        text: The text of DuckDB's error, in one line.
        path: The file.
    """
    if not any(sign.lower() in text.lower() for sign in _NEWER):
        return None
    import duckdb

    made_by, installed = written_by(Path(path)), duckdb.__version__
    # A file of an older DuckDB may hold what only a newer one knows: its header does not name that one.
    is_named = made_by is not None and made_by != installed
    needed = f"pip install -U 'duckdb>={made_by}'" if is_named else "pip install -U duckdb"
    writer = f"DuckDB {made_by}" if is_named else "a newer DuckDB"
    return f"{path} was written by {writer}, which DuckDB {installed}, installed here, cannot read: {needed}"


def written_by(path: Path) -> str | None:
    """The version of the DuckDB that made a file, like `2.0.1`; None where its header cannot be read."""
    try:
        with path.open("rb") as file:
            header = file.read(_MADE_BY.stop)
    except OSError:
        return None
    found = re.match(rb"v(\d+(?:\.\d+)*)", header[_MADE_BY])
    return found[1].decode() if found and header[_MAGIC] == b"DUCK" else None
