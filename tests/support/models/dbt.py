"""Runs the dbt package in a subprocess, as `didomi run` does, and reads what it built."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

SQL = Path(__file__).parents[3] / "sql"
DBT = Path(sys.executable).parent / "dbt"
# As `didomi run` starts it, without what dbt computes in each start.
_PROGRAM = """
import sys
from pathlib import Path
from didomi_source.warehouse.dbt_speed import tune
tune(Path("start"))
from dbt.cli.main import cli
cli(prog_name="dbt")
"""
MARTS = (
    "didomi__daily_export_success",
    "didomi__daily_user_volume",
    "didomi__deliveries",
    "didomi__export_errors",
    "didomi__export_incidents",
    "didomi__export_runs",
    "didomi__exports",
    "didomi__organization_daily",
    "didomi__periodic_export_success",
    "didomi__schedule_gaps",
)


class DbtError(AssertionError):
    """dbt failed; its output says what."""


def dbt(
    *arguments: str,
    folder: Path,
    project: Path = SQL,
    target: str = "duckdb",
    variables: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
    plain: bool = False,
) -> str:
    """Runs one dbt command, `plain` as a user of the package does; everything that dbt writes goes into `folder`."""
    command = [
        *([str(DBT)] if plain else [sys.executable, "-c", _PROGRAM]),
        *("--no-use-colors", *arguments),
        *("--project-dir", str(project), "--profiles-dir", str(SQL), "--target", target),
        *("--vars", json.dumps(dict(variables or {}), default=str)),
    ]
    process = subprocess.run(
        command,
        env={
            **os.environ,
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DIDOMI_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
            **(environment or {}),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if check and process.returncode != 0:
        raise DbtError(process.stdout + process.stderr)
    return process.stdout


def build(folder: Path, as_of: datetime, variables: Mapping[str, Any] | None = None, **options: Any) -> str:
    """Builds the models and runs the data tests, by default on `folder`/warehouse.duckdb; `options` as of `dbt()`."""
    given = {"didomi_as_of": f"{as_of:%Y-%m-%d %H:%M:%S}", **(variables or {})}
    return dbt("build", "--exclude-resource-type", "unit_test", folder=folder, variables=given, **options)


def marts(path: Path, schema: str = "didomi_marts") -> dict[str, list[dict[str, Any]]]:
    """Every mart's rows, from a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {name: connection.sql(f"select * from {schema}.{name}").to_arrow_table().to_pylist() for name in MARTS}
