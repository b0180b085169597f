"""What is compiled for BigQuery and Snowflake parses in their dialects and means what it means on DuckDB."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from support.models import dbt, oracle, raw
from support.models.compare import all_differences
from support.models.histories import history, merged
from support.warehouses import lint, translated

AS_OF = datetime(2028, 4, 2, 22, 30)
VARIABLES = {"didomi_timezone": "Europe/Paris"}


@pytest.fixture(scope="module", params=translated.UNREACHABLE)
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A warehouse and the folder in which dbt has compiled the project for it."""
    folder = tmp_path_factory.mktemp(request.param)
    dbt.dbt(
        *("compile", "--no-introspect", "--no-populate-cache"),
        target=request.param,
        folder=folder,
        variables={"didomi_as_of": str(AS_OF), **VARIABLES},
        environment=translated.UNREACHABLE[request.param],
    )
    return request.param, folder


def test_compiled_sql_gives_the_rows_that_duckdb_gives(compiled: tuple[str, Path]) -> None:
    warehouse, folder = compiled
    tables = merged(history(seed, AS_OF) for seed in (1, 2, 3))
    raw.write_duckdb(folder / "warehouse.duckdb", tables)
    actual = {name: [plain(row) for row in rows] for name, rows in translated.run(folder, warehouse).items()}
    found = all_differences(oracle.marts(tables, AS_OF, VARIABLES), actual)
    assert not found, "\n".join(found[:50])


@pytest.mark.thorough
def test_sqlfluff_accepts_the_compiled_sql(compiled: tuple[str, Path]) -> None:
    warehouse, folder = compiled
    assert lint.violations(folder, warehouse) == []


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Times without their zone: BigQuery's are UTC by themselves."""
    return {
        name: value.astimezone(timezone.utc).replace(tzinfo=None)
        if isinstance(value, datetime) and value.tzinfo
        else value
        for name, value in row.items()
    }
