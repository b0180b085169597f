"""PostgreSQL, built for real, gives the rows that DuckDB gives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from support.models import dbt, oracle, raw
from support.models.compare import all_differences
from support.models.histories import history, merged
from support.pages import PRINTED, QUERIES
from support.postgres import Server, server
from support.warehouses import lint

AS_OF = datetime(2028, 4, 2, 22, 30)
VARIABLES = {"didomi_timezone": "Europe/Paris"}
TABLES = merged(history(seed, AS_OF) for seed in (1, 2, 3))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    with server() as running:
        connection = running.connect()
        raw.write_postgres(connection, TABLES)
        connection.close()
        yield running


@pytest.fixture(scope="module")
def built(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("postgres")
    dbt.build(folder, AS_OF, VARIABLES, target="postgres", environment=postgres.environment)
    return folder


def marts(connection: Any) -> dict[str, list[dict[str, Any]]]:
    found = {}
    with connection.cursor() as cursor:
        for name in dbt.MARTS:
            cursor.execute(f"select * from didomi_marts.{name}")
            columns = [column.name for column in cursor.description]
            found[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            assert not any(isinstance(value, Decimal) for row in found[name] for value in row.values())
    return found


def test_postgres_gives_the_rows_that_duckdb_gives(postgres: Server, built: Path) -> None:
    connection = postgres.connect()
    found = all_differences(oracle.marts(TABLES, AS_OF, VARIABLES), marts(connection))
    connection.close()
    assert not found, "\n".join(found[:50])


@pytest.mark.thorough
def test_the_rules_hold_on_postgres(postgres: Server, built: Path, tmp_path: Path) -> None:
    dbt.dbt("test", "--select", "test_type:unit", target="postgres", folder=tmp_path, environment=postgres.environment)


@pytest.mark.thorough
def test_sqlfluff_accepts_the_sql_for_postgres(built: Path) -> None:
    assert lint.violations(built, "postgres") == []


def test_the_queries_for_bi_run_on_postgres(postgres: Server, built: Path) -> None:
    """Those in bi/, and those in its pages, have one text for all warehouses."""
    connection = postgres.connect()
    with connection.cursor() as cursor:
        rows = {}
        for name, query in QUERIES.items():
            cursor.execute(query)
            rows[name] = cursor.rowcount
        for query in PRINTED:
            cursor.execute(query)
    connection.close()
    assert {name for name, count in rows.items() if count == 0} == set()
