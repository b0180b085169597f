"""What a run of the job is asked to do, and the settings that it finds in dlt's configuration."""

from __future__ import annotations

import json
import logging
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from didomi_source.errors import ConfigurationError
from didomi_source.settings import SECTION, Settings, environment_name

logger = logging.getLogger(__name__)

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
    """What a run is to do.

    Args:
        export_ids: Only these exports; empty means all.
        full: Read the whole list of every export.
        created_from: With `created_to`: only logs created in this range.
        created_to: See `created_from`.
        skip_models: Load only.
        model_vars: Variables for the models (sql/README.md lists them).
    """

    export_ids: Sequence[str] = ()
    full: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None
    skip_models: bool = False
    model_vars: dict[str, Any] = field(default_factory=dict)


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
