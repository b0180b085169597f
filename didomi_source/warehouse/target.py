"""Which warehouse, and how dlt is set up in this process to reach it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from didomi_source.configuration import providers
from didomi_source.errors import ConfigurationError

DEFAULT_WORKING_DIR = Path(".didomi")
DEFAULT_DATASET = "didomi_raw"
DESTINATIONS = ("duckdb", "postgres", "bigquery", "snowflake", "motherduck", "ducklake")

# dlt's own are: report home, chatter, keep the files of completed loads, here and in Snowflake's stage, and
# refuse on PostgreSQL a file that a killed run had already loaded.
_DLT_DEFAULTS = {
    "runtime.dlthub_telemetry": "false",
    "runtime.log_level": "CRITICAL",  # what fails is told once, in words of ours
    "load.delete_completed_jobs": "true",
    "destination.postgres.create_indexes": "false",  # docs/decisions/0003-merge.md
    "destination.snowflake.keep_staged_files": "false",
    "destination.snowflake.query_tag": "didomi",
}
_DUCKDB_DEFAULTS = {
    "load.workers": "1",  # a file has one writer
    "load.truncate_staging_dataset": "true",  # else it is a third of the file
    "data_writer.compression": "none",  # a package is read again at once
}


@dataclass(frozen=True)
class Target:
    """The warehouse to load or to read.

    Args:
        destination: Name of a dlt destination.
        dataset: Dataset (schema) of the raw tables; the schemas of the models are named after it.
        working_dir: Folder for pending packages, dbt's artefacts and the lock; may be deleted
            at any time between runs.

    Raises:
        ConfigurationError: There is no such destination, or the dataset's name would not be the same everywhere.
    """

    destination: str = "duckdb"
    dataset: str = DEFAULT_DATASET
    working_dir: Path = DEFAULT_WORKING_DIR

    def __post_init__(self) -> None:
        if self.destination not in DESTINATIONS:
            msg = f"unknown destination {self.destination!r}: choose one of {', '.join(DESTINATIONS)}"
            raise ConfigurationError(msg)
        # dlt, dbt and four databases each fold other names in their own way.
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.dataset) or len(self.dataset) > 40:  # noqa: PLR2004
            msg = (
                f"dataset {self.dataset!r} is not a name that all warehouses take: use up to 40 lower-case letters, "
                f"digits and single underscores, like {DEFAULT_DATASET}"
            )
            raise ConfigurationError(msg)

    @property
    def models_prefix(self) -> str:
        """What the schemas of the models begin with: `didomi` beside `didomi_raw`."""
        return self.dataset.removesuffix("_raw")

    @property
    def marts(self) -> str:
        """The schema of the marts."""
        return f"{self.models_prefix}_marts"

    @property
    def schemas(self) -> list[str]:
        """The schemas of everything: the raw tables, and each layer of the models."""
        return [self.dataset, *(f"{self.models_prefix}_{layer}" for layer in ("staging", "intermediate", "marts"))]


def prepare_environment(destination: str = "") -> None:
    """Give dlt defaults of ours for this process, where the user has not configured anything else.

    Args:
        destination: Where this process is going to load, if it does.

    Raises:
        ConfigurationError: A settings file is broken, or a secret store cannot be used.
    """
    import dlt
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    from dlt.common.runtime.telemetry import stop_telemetry

    providers()
    defaults = _DLT_DEFAULTS | (_DUCKDB_DEFAULTS if destination == "duckdb" else {})
    missing = {name: value for name, value in defaults.items() if dlt.config.get(name) is None}
    if missing:
        os.environ.update({name.replace(".", "__").upper(): value for name, value in missing.items()})
        stop_telemetry()  # it began when dlt was imported
        Container()[PluggableRunContext].initialize_runtime()
