"""The variables of sql/profiles.yml, from the credentials that dlt uses."""

from __future__ import annotations

import importlib.metadata
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from didomi_source.errors import ConfigurationError

from .credentials import configuration, credentials, duckdb_path, extra_of
from .dbt_version import environment_of_dbt_2, is_dbt_2
from .target import Target

if TYPE_CHECKING:
    import dlt

Variables = dict[str, Any]

_ATTACH = re.compile(r"ATTACH IF NOT EXISTS '(.*)' AS (\w+) \((.*)\)")
_OPTION = re.compile(r"(\w+) (?:'([^']*)'|(\d+))")
_POSTGRES_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey")


def dbt_environment(pipeline: dlt.Pipeline, target: Target) -> dict[str, str]:
    """The environment variables that connect dbt to the warehouse; none of them is written to disk.

    Args:
        pipeline: Whose warehouse it is.
        target: Which destination, and the prefix of the models' schemas.

    Raises:
        ConfigurationError: There are no models for this destination, dbt's adapter for it is missing, or dbt is not
            the one that was asked for.
    """
    name = target.destination
    if name not in _PROFILES:
        raise ConfigurationError(f"the models are not built on {name}: use --skip-models, or a dbt project of your own")
    uses_dbt_2 = is_dbt_2()
    if not uses_dbt_2:  # which has all adapters in itself
        _check_adapter(name)
    found = {"DIDOMI_TARGET": name, "DIDOMI_DBT_SCHEMA": target.models_prefix, **_PROFILES[name](pipeline)}
    variables = {key: str(value) for key, value in found.items() if value is not None}
    return variables | (environment_of_dbt_2(variables) if uses_dbt_2 else {})


def _check_adapter(destination: str) -> None:
    extra = extra_of(destination)
    try:
        importlib.metadata.distribution(f"dbt-{extra}")
    except importlib.metadata.PackageNotFoundError:
        msg = f"dbt for {destination} is not installed: pip install 'didomi-source[{extra}]', or use --skip-models"
        raise ConfigurationError(msg) from None


def _duckdb(pipeline: dlt.Pipeline) -> Variables:
    return {"DIDOMI_DUCKDB_PATH": duckdb_path(pipeline)}


def _motherduck(pipeline: dlt.Pipeline) -> Variables:
    found = credentials(pipeline)
    token = f"?motherduck_token={found.password}" if found.password else ""
    return {"DBT_ENV_SECRET_DIDOMI_MOTHERDUCK_PATH": f"md:{found.database}{token}"}


def _ducklake(pipeline: dlt.Pipeline) -> Variables:
    # dlt's ATTACH statement contains every value that dbt needs.
    client: Any = pipeline.sql_client()
    ((path, name, options),) = _ATTACH.findall(client.attach_statement)
    return {
        "DBT_ENV_SECRET_DIDOMI_DUCKLAKE_PATH": path,
        "DIDOMI_DUCKLAKE_NAME": name,
        "DIDOMI_DUCKLAKE_OPTIONS": {key.lower(): text or int(number) for key, text, number in _OPTION.findall(options)},
    }


def _postgres(pipeline: dlt.Pipeline) -> Variables:
    found = credentials(pipeline)
    query = found.query or {}
    return {
        "DIDOMI_POSTGRES_HOST": found.host,
        "DIDOMI_POSTGRES_PORT": found.port,
        "DIDOMI_POSTGRES_USER": found.username,
        "DBT_ENV_SECRET_DIDOMI_POSTGRES_PASSWORD": found.password,
        "DIDOMI_POSTGRES_DATABASE": found.database,
        **{f"DIDOMI_POSTGRES_{name.upper()}": query.get(name) for name in _POSTGRES_TLS},
    }


def _bigquery(pipeline: dlt.Pipeline) -> Variables:
    resolved = configuration(pipeline)
    found = resolved.credentials
    variables = {
        "DIDOMI_BIGQUERY_PROJECT": getattr(resolved, "project_id", None) or found.project_id,
        "DIDOMI_BIGQUERY_LOCATION": resolved.location,
        # Application default credentials, as dlt uses them, unless the user sets another method.
        "DIDOMI_BIGQUERY_METHOD": os.environ.get("DIDOMI_BIGQUERY_METHOD", "oauth"),
    }
    if "DIDOMI_BIGQUERY_METHOD" in os.environ:
        return variables
    if getattr(found, "refresh_token", None):
        variables |= {
            "DIDOMI_BIGQUERY_METHOD": "oauth-secrets",
            "DBT_ENV_SECRET_DIDOMI_BIGQUERY_REFRESH_TOKEN": found.refresh_token,
            "DIDOMI_BIGQUERY_OAUTH_CLIENT_ID": found.client_id,
            "DBT_ENV_SECRET_DIDOMI_BIGQUERY_CLIENT_SECRET": found.client_secret,
        }
    if getattr(found, "private_key", None):
        variables |= {
            "DIDOMI_BIGQUERY_METHOD": "service-account-json",
            "DIDOMI_BIGQUERY_KEY_PROJECT_ID": found.project_id,
            "DIDOMI_BIGQUERY_PRIVATE_KEY_ID": getattr(found, "private_key_id", None),
            "DBT_ENV_SECRET_DIDOMI_BIGQUERY_PRIVATE_KEY": found.private_key,
            "DIDOMI_BIGQUERY_CLIENT_EMAIL": found.client_email,
            "DIDOMI_BIGQUERY_TOKEN_URI": getattr(found, "token_uri", None),
        }
    return variables


def _snowflake(pipeline: dlt.Pipeline) -> Variables:
    found = credentials(pipeline)
    query = found.query or {}
    return {
        "DIDOMI_SNOWFLAKE_ACCOUNT": found.host,
        "DIDOMI_SNOWFLAKE_USER": found.username,
        "DBT_ENV_SECRET_DIDOMI_SNOWFLAKE_PASSWORD": found.password,
        "DBT_ENV_SECRET_DIDOMI_SNOWFLAKE_PRIVATE_KEY": found.private_key,
        "DBT_ENV_SECRET_DIDOMI_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": found.private_key_passphrase,
        "DBT_ENV_SECRET_DIDOMI_SNOWFLAKE_TOKEN": found.token,
        "DIDOMI_SNOWFLAKE_AUTHENTICATOR": found.authenticator,
        "DIDOMI_SNOWFLAKE_ROLE": found.role,
        "DIDOMI_SNOWFLAKE_WAREHOUSE": found.warehouse,
        "DIDOMI_SNOWFLAKE_DATABASE": found.database,
        **{f"DIDOMI_SNOWFLAKE_{name.upper()}": query.get(name) for name in ("host", "port", "protocol")},
    }


_PROFILES: dict[str, Callable[[Any], Variables]] = {
    "duckdb": _duckdb,
    "motherduck": _motherduck,
    "ducklake": _ducklake,
    "postgres": _postgres,
    "bigquery": _bigquery,
    "snowflake": _snowflake,
}
