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

# Ends of names that would make two schemas fall together (docs/decisions/0012-schemas.md).
_RESERVED = ("_staging", "_intermediate", "_marts", "_models_raw", "_raw_raw")

# dlt's own defaults: send telemetry, log warnings, keep the files of completed loads (here and in Snowflake's stage),
# and create unique indexes on PostgreSQL, which refuse a file that a killed run had already loaded.
_DLT_DEFAULTS = {
    "runtime.dlthub_telemetry": "false",
    "runtime.log_level": "CRITICAL",  # errors are reported once, by this package
    "load.delete_completed_jobs": "true",
    "destination.postgres.create_indexes": "false",  # docs/decisions/0003-merge.md
    "destination.snowflake.keep_staged_files": "false",
    "destination.snowflake.query_tag": "didomi",
}
_DUCKDB_DEFAULTS = {
    "load.workers": "1",  # a file has one writer
    "load.truncate_staging_dataset": "true",  # otherwise a third of the file's size
    "data_writer.compression": "none",  # a package is read back immediately
}


@dataclass(frozen=True)
class Target:
    """The warehouse to load or to read.

    Args:
        destination: Name of a dlt destination.
        dataset: Dataset (schema) of the raw tables; the schemas of the models are named after it.
        working_dir: Folder for pending packages, dbt's artefacts and the lock; may be deleted
            at any time between runs.
        wait_seconds: How long to wait for a DuckDB file that another program has locked.

    Raises:
        ConfigurationError: There is no such destination, or the dataset's name would not be the same everywhere.
    """

    destination: str = "duckdb"
    dataset: str = DEFAULT_DATASET
    working_dir: Path = DEFAULT_WORKING_DIR
    wait_seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.destination not in DESTINATIONS:
            msg = f"unknown destination {self.destination!r}: choose one of {', '.join(DESTINATIONS)}"
            raise ConfigurationError(msg)
        # Other names are normalized differently by dlt, by dbt and by each of the databases.
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", self.dataset) or len(self.dataset) > 40:  # noqa: PLR2004
            raise ConfigurationError(
                f"dataset {self.dataset!r} is not a name that all warehouses take: use up to 40 lower-case letters, "
                f"digits and single underscores, like {DEFAULT_DATASET}"
            )
        if self.dataset.endswith(_RESERVED):
            raise ConfigurationError(
                f"dataset {self.dataset!r} could be a schema of another dataset's models: use a name that does not end "
                f"in {', '.join(_RESERVED)}, like {DEFAULT_DATASET}"
            )

    @property
    def models_prefix(self) -> str:
        """The prefix of the models' schemas: `didomi` beside `didomi_raw`, `consent_models` beside `consent`."""
        return self.dataset.removesuffix("_raw") if self.dataset.endswith("_raw") else f"{self.dataset}_models"

    @property
    def loading(self) -> str:
        """The schema in which dlt merges, its staging dataset."""
        return self.dataset + ("_staging" if self.dataset.endswith("_raw") else "_models_raw_staging")

    @property
    def marts(self) -> str:
        """The schema of the marts."""
        return f"{self.models_prefix}_marts"

    @property
    def schemas(self) -> list[str]:
        """The schemas of everything: the raw tables, dlt's staging dataset, and each layer of the models."""
        return [
            self.dataset,
            self.loading,
            *(f"{self.models_prefix}_{layer}" for layer in ("staging", "intermediate", "marts")),
        ]


def prepare_environment(destination: str = "") -> None:
    """Set this package's defaults for dlt in this process, where the user has not configured another value.

    Args:
        destination: Where this process is going to load; empty if it only reads.

    Raises:
        ConfigurationError: A settings file is broken, or a secret store cannot be used.
    """
    import dlt

    from didomi_source.dlt_compat import Container, PluggableRunContext, stop_telemetry

    providers()
    defaults = _DLT_DEFAULTS | (_DUCKDB_DEFAULTS if destination == "duckdb" else {})
    missing = {name: value for name, value in defaults.items() if dlt.config.get(name) is None}
    if missing:
        os.environ.update({name.replace(".", "__").upper(): value for name, value in missing.items()})
        stop_telemetry()  # started by `import dlt`
        Container()[PluggableRunContext].initialize_runtime()
