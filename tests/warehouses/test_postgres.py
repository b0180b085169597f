"""PostgreSQL, built for real, gives the rows that DuckDB gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from models import dbt, oracle, raw
from models.compare import all_differences
from models.histories import history, merged

from .postgres import Server, server


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


def marts(connection: Any) -> dict[str, list[dict[str, Any]]]:
    found = {}
    with connection.cursor() as cursor:
        for name in dbt.MARTS:
            cursor.execute(f"select * from didomi_marts.{name}")
            columns = [column.name for column in cursor.description]
            found[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            assert not any(isinstance(value, Decimal) for row in found[name] for value in row.values())
    return found


AS_OF = datetime(2028, 4, 2, 22, 30)
VARIABLES = {"didomi_timezone": "Europe/Paris"}


def test_postgres_gives_the_rows_that_duckdb_gives(postgres: Server, tmp_path: Path) -> None:
    tables = merged(history(seed, AS_OF) for seed in (1, 2, 3))
    connection = postgres.connect()
    raw.write_postgres(connection, tables)
    variables = {"didomi_as_of": str(AS_OF), **VARIABLES}
    dbt.dbt("build", target="postgres", folder=tmp_path, variables=variables, environment=postgres.environment)
    found = all_differences(oracle.marts(tables, AS_OF, VARIABLES), marts(connection))
    connection.close()
    assert not found, "\n".join(found[:50])
