"""The configuration of a pipeline's destination: its credentials, and where the warehouse is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError

from .target import Target

if TYPE_CHECKING:
    import dlt


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
    from didomi_source.dlt_compat import (
        ConfigurationException,
        DltException,
        MissingDependencyException,
        UnknownNamingModule,
    )

    name = name_of(pipeline)
    setting = f"DESTINATION__{name.upper()}__CREDENTIALS"
    try:
        return pipeline.destination_client().config
    except UnknownNamingModule:
        msg = "setting schema.naming is no naming convention that can be imported: correct or remove it"
    except (ImportError, MissingDependencyException):
        msg = f"destination {name} is not installed: pip install 'didomi-source[{extra_of(name)}]'"
    except (ConfigurationException, ValueError) as error:
        # The text of the error may contain a secret: only the names of the fields are taken from it.
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


def location(pipeline: dlt.Pipeline) -> str:
    """Where the warehouse is, as error messages name it: a DuckDB file by its path alone."""
    return str(duckdb_path(pipeline) or describe(pipeline))


def duckdb_path(pipeline: dlt.Pipeline) -> Path | None:
    """The file of a DuckDB destination; None for any other."""
    return Path(str(credentials(pipeline).database)).absolute() if name_of(pipeline) == "duckdb" else None


def check_path(pipeline: dlt.Pipeline, target: Target) -> None:
    """Refuse a working directory or a DuckDB file that cannot work, or that could be deleted with the former.

    Raises:
        ConfigurationError: The file is in the working directory, or has the name of a schema; or one has a character
            in its path that dlt, DuckDB or dbt takes for syntax.
    """
    folder = target.working_dir.absolute()
    # dlt writes the path into SQL and into format strings; DuckDB makes a column of a folder like status=x, whose value
    # replaces that of the file.
    syntax = "'%=" if extra_of(target.destination) == "duckdb" else "'%"
    if found := set(syntax) & set(str(folder)):
        raise ConfigurationError(
            f"{folder} has {' and '.join(sorted(found))} in its path, which cannot be loaded from: "
            "choose a folder with --working-dir"
        )
    path = duckdb_path(pipeline)
    if path is None:
        return
    # What follows it is no part of the name: for DuckDB of the write-ahead log's, for dbt of the database's.
    if found := set("?#;") & set(str(path)):
        raise ConfigurationError(
            f"{path} has {' and '.join(sorted(found))} in its path, which DuckDB or dbt cannot use: "
            "name a file in another folder"
        )
    if any(path.is_relative_to(Path(folder).absolute()) for folder in (target.working_dir, pipeline.pipelines_dir)):
        msg = f"{path} is in the working directory, which may be deleted at any time: name a file outside of it"
        raise ConfigurationError(msg)
    if path.stem.lower() in target.schemas:
        # DuckDB names the database after its file: `didomi_raw.export_logs` would be ambiguous.
        msg = f"DuckDB cannot have a schema {path.stem.lower()} in a file of that name: name the file otherwise"
        raise ConfigurationError(msg)
