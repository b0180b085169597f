"""What a run of the job is asked to do, and the settings that it finds in dlt's configuration."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from didomi_source.errors import ConfigurationError
from didomi_source.settings import SECTION, Settings, environment_name

DEFAULT_WORKING_DIR = Path(".didomi")
DEFAULT_DATASET = "didomi_raw"
DESTINATIONS = ("duckdb", "postgres", "bigquery", "snowflake", "motherduck", "ducklake")


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

    @property
    def models_prefix(self) -> str:
        """What the schemas of the models begin with: `didomi` beside `didomi_raw`."""
        return self.dataset.removesuffix("_raw")

    @property
    def marts(self) -> str:
        """The schema of the marts."""
        return f"{self.models_prefix}_marts"


def prepare_environment() -> None:
    """Set dlt's and dbt's defaults for this process, where the user has not set them."""
    for name, value in (
        ("RUNTIME__DLTHUB_TELEMETRY", "false"),
        ("RUNTIME__LOG_LEVEL", "ERROR"),
        ("LOAD__DELETE_COMPLETED_JOBS", "true"),
    ):
        os.environ.setdefault(name, value)


def load_settings(export_ids: Sequence[str] = ()) -> Settings:
    """Read the connector's settings from dlt's configuration.

    Args:
        export_ids: Take these exports instead of the configured ones.

    Raises:
        ConfigurationError: A setting is missing or cannot be right.
    """
    import dlt

    found: dict[str, Any] = {}
    for name in ("api_key", "api_secret", "organization_id"):
        source = dlt.config if name == "organization_id" else dlt.secrets
        found[name] = source.get(f"{SECTION}.{name}") or ""
    missing = [environment_name(name) for name, value in found.items() if not value]
    if missing:
        msg = f"not configured: {', '.join(missing)} (or {SECTION} in .dlt/secrets.toml)"
        raise ConfigurationError(msg)
    for name, kind in (
        ("base_url", str),
        ("page_size", int),
        ("lookback_days", float),
        ("full_read_every_days", float),
        ("retry_seconds", float),
        ("answer_seconds", float),
        ("trust_env", bool),
    ):
        value = _typed(name, kind)
        if value is not None:
            found[name] = value
    found = {name: str(value) if isinstance(value, str) else value for name, value in found.items()}
    return Settings(**found, export_ids=tuple(export_ids) or _configured_exports())


def _typed(name: str, kind: type) -> Any:
    import dlt

    try:
        return dlt.config.get(f"{SECTION}.{name}", kind)
    except (ValueError, TypeError):
        msg = f"setting {SECTION}.{name} is not a {kind.__name__}: {dlt.config.get(f'{SECTION}.{name}')!r}"
        raise ConfigurationError(msg) from None


def _configured_exports() -> tuple[str, ...]:
    import dlt

    value: Any = dlt.config.get(f"{SECTION}.export_ids")
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text.startswith("[") else text.split(",")
        except ValueError:
            msg = f'setting {SECTION}.export_ids is not a list of ids: write it like ["id1", "id2"]'
            raise ConfigurationError(msg) from None
    return tuple(str(i).strip() for i in value or () if str(i).strip())
