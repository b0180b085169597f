"""Which dbt builds the models: 1.11 or 1.12, which are tested, or dbt 2, which is prepared and runs on request only."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from didomi_source.errors import ConfigurationError

from .duckdb import connect_when_free

VARIABLE = "DIDOMI_DBT"
# What dbt 1 does without being told: it calls nobody, and knows PostgreSQL.
_OF_DBT_2 = {"DBT_DISABLE_VERSION_CHECK": "1", "DBT_ALLOW_EXPERIMENTAL_ADAPTERS": "true"}
_CERTIFICATES = tuple(f"DIDOMI_POSTGRES_SSL{name}" for name in ("ROOTCERT", "CERT", "KEY"))


def is_dbt_2() -> bool:
    """Whether dbt 2 builds the models; dbt 1 unless DIDOMI_DBT is 2.

    Raises:
        ConfigurationError: The other one is installed: `pip install dbt` overwrites the commands of dbt-core 1.
    """
    chosen = os.environ.get(VARIABLE) or "1"
    if chosen not in ("1", "2"):
        raise ConfigurationError(f"{VARIABLE} is {chosen!r}: choose 1, or 2 for dbt 2")
    is_installed = importlib.util.find_spec("dbt") is not None and importlib.util.find_spec("dbt._core") is not None
    if chosen == "2" and not is_installed:
        raise ConfigurationError(f"{VARIABLE} is 2, and dbt 2 is not installed: pip install dbt, or unset {VARIABLE}")
    if chosen == "1" and is_installed:
        raise ConfigurationError(
            f"dbt {_version()} is installed in the place of dbt-core 1: pip uninstall dbt, then pip install "
            f"--force-reinstall --no-deps 'dbt-core<2'; or use it, untested, with {VARIABLE}=2; or use --skip-models"
        )
    return chosen == "2"


def environment_of_dbt_2(variables: Mapping[str, str]) -> dict[str, str]:
    """What dbt 2 needs beside the variables of sql/profiles.yml.

    Raises:
        ConfigurationError: dbt 2 would ignore a part of the profile without a word.
    """
    name = variables["DIDOMI_TARGET"]
    sslmode = variables.get("DIDOMI_POSTGRES_SSLMODE", "prefer")
    if name == "ducklake":
        ignored = "the options of a DuckLake"
    elif name == "postgres" and (sslmode != "prefer" or any(map(variables.get, _CERTIFICATES))):
        ignored = "sslmode and certificates of PostgreSQL"
    else:
        return dict(_OF_DBT_2)
    raise ConfigurationError(f"dbt 2 ignores {ignored}: unset {VARIABLE} and use dbt-core 1, or use --skip-models")


def wait_for_dbt_2(environment: Mapping[str, str], report: Callable[[str], None], seconds: float) -> None:
    """Wait until no other program holds the DuckDB file: dbt 2 does not try again, as dbt 1 does.

    Args:
        environment: Of dbt.
        report: Called while another program holds the file.
        seconds: How long to wait for it.

    Raises:
        DestinationError: It is still held.
    """
    if is_dbt_2() and (path := environment.get("DIDOMI_DUCKDB_PATH")):
        connect_when_free(Path(path), report, seconds).close()


def _version() -> str:
    for name in ("dbt", "dbt-core"):
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if version.startswith("2."):
            return version
    return "2"
