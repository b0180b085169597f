"""What a run of the job is asked to do, and the settings that it finds in dlt's configuration."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from didomi_source.errors import ConfigurationError
from didomi_source.settings import SECTION, Settings, environment_name

logger = logging.getLogger(__name__)

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
_OPTIONAL: dict[str, type] = {
    "base_url": str,
    "page_size": int,
    "lookback_days": float,
    "full_read_every_days": float,
    "retry_seconds": float,
    "answer_seconds": float,
    "max_answer_bytes": int,
    "trust_env": bool,
}
_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Options:
    """What a run is asked to do.

    Args:
        destination: Name of a dlt destination.
        dataset: Dataset (schema) of the raw tables; the models go beside it.
        working_dir: Where pending packages, dbt's artefacts and the lock are kept; may be deleted
            at any time between runs.
        export_ids: Only these exports; empty means all.
        full: Read the whole list of every export.
        created_from: With `created_to`: only logs created in this range.
        created_to: See `created_from`.
        skip_models: Load only.
        model_vars: Variables for the models (sql/README.md lists them).
        report_to: Write the page there after the load.
        publish_to: Write a DuckDB file with a copy of the marts there, for readers.

    Raises:
        ConfigurationError: There is no such destination, or the dataset's name would not be the same everywhere.
    """

    destination: str = "duckdb"
    dataset: str = DEFAULT_DATASET
    working_dir: Path = DEFAULT_WORKING_DIR
    export_ids: Sequence[str] = ()
    full: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    skip_models: bool = False
    model_vars: dict[str, Any] = field(default_factory=dict)
    report_to: Path | None = None
    publish_to: Path | None = None

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
    """
    import dlt
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
    from dlt.common.runtime.telemetry import stop_telemetry

    defaults = _DLT_DEFAULTS | (_DUCKDB_DEFAULTS if destination == "duckdb" else {})
    missing = {name: value for name, value in defaults.items() if dlt.config.get(name) is None}
    if missing:
        os.environ.update({name.replace(".", "__").upper(): value for name, value in missing.items()})
        stop_telemetry()  # it began when dlt was imported
        Container()[PluggableRunContext].initialize_runtime()


def load_settings(export_ids: Sequence[str] = ()) -> Settings:
    """Read the connector's settings from dlt's configuration.

    Args:
        export_ids: Take these exports instead of the configured ones.

    Raises:
        ConfigurationError: A setting is missing or cannot be right.
    """
    import dlt

    required: dict[str, Any] = {
        "api_key": dlt.secrets.get(f"{SECTION}.api_key"),
        "api_secret": dlt.secrets.get(f"{SECTION}.api_secret"),
        "organization_id": dlt.config.get(f"{SECTION}.organization_id"),
    }
    missing = [environment_name(name) for name, value in required.items() if value in (None, "")]
    if missing:
        msg = f"not configured: {', '.join(missing)} (environment variables, or [{SECTION}] in .dlt/secrets.toml)"
        raise ConfigurationError(msg)
    _warn_of_open_secrets()
    optional = {name: _typed(name, kind) for name, kind in _OPTIONAL.items()}
    found: dict[str, Any] = {name: str(value) for name, value in required.items()}
    return Settings(
        **found,
        **{name: value for name, value in optional.items() if value is not None},
        export_ids=tuple(export_ids) or _configured_exports(),
    )


def _typed(name: str, kind: type) -> Any:
    import dlt
    from dlt.common.configuration.exceptions import ConfigValueCannotBeCoercedException

    value: Any
    try:
        value = dlt.config.get(f"{SECTION}.{name}", kind)
    except (ValueError, TypeError, ConfigValueCannotBeCoercedException):
        value = object()
    if value is None or isinstance(value, kind):
        return value
    msg = f"setting {SECTION}.{name} is not {_KINDS[kind]}: {dlt.config.get(f'{SECTION}.{name}')!r}"
    raise ConfigurationError(msg)


def _configured_exports() -> tuple[str, ...]:
    import dlt

    value: Any = dlt.config.get(f"{SECTION}.export_ids")
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text.startswith(("[", "{")) else text.split(",")
        except ValueError:
            value = text
    if value is not None and not isinstance(value, list):
        msg = f'setting {SECTION}.export_ids is not a list of ids: write it like ["id1", "id2"]'
        raise ConfigurationError(msg)
    return tuple(str(i).strip() for i in value or () if str(i).strip())


def _warn_of_open_secrets() -> None:
    """Warn of files with secrets that other users of the machine can read."""
    from dlt.common.configuration.container import Container
    from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

    for provider in Container()[PluggableRunContext].providers.providers:
        for location in provider.present_locations if provider.supports_secrets else ():
            path = Path(location)
            if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                logger.warning("other users can read the secrets in %s: chmod 600 %s", path, path)
