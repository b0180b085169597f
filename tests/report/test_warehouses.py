"""The page from other warehouses than DuckDB."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
import sqlglot
from psycopg2.extras import execute_values

from didomi_source.health import status
from didomi_source.report import data, write_report
from didomi_source.warehouse.target import Target
from support.marts import NOW, morning, promised_columns
from support.postgres import Server, server


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    """Marts in DuckDB."""
    return morning(tmp_path_factory.mktemp("morning") / "warehouse.duckdb")


def copy(database: Path, postgres: Server) -> None:
    """Copy the marts into PostgreSQL, which has no NUL in its texts."""
    with (
        duckdb.connect(str(database), read_only=True) as source,
        postgres.connect() as target,
        target.cursor() as cursor,
    ):
        cursor.execute("create schema didomi_marts; set search_path to didomi_marts")
        for mart, columns in promised_columns().items():
            cursor.execute(f"create table {mart} ({', '.join(f'{n} {t}' for n, t in columns.items())})")
            rows = source.execute(f"select {', '.join(columns)} from didomi_marts.{mart}").fetchall()
            if rows:
                execute_values(cursor, f"insert into {mart} values %s", [[*map(_without_nul, row)] for row in rows])


def _without_nul(value):
    return value.replace("\x00", "\x01") if isinstance(value, str) else value


def test_postgres_gives_the_page_that_duckdb_gives(database, tmp_path, monkeypatch):
    """To the letter, whatever the time zone of the server's sessions."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{database}")
    expected = write_report(Target(working_dir=tmp_path), tmp_path / "duckdb.html", now=NOW).read_text("utf-8")
    with server() as postgres:
        copy(database, postgres)
        url = f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/{postgres.database}"
        monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
        target = Target(destination="postgres", working_dir=tmp_path)
        found = write_report(target, tmp_path / "postgres.html", now=NOW).read_text("utf-8")
    assert found == expected.replace("\\x00", "\\x01")


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake"])
def test_every_query_is_one_of_the_cloud_warehouses_too(database, tmp_path, monkeypatch, dialect):
    """Read as theirs and translated, each gives the rows that DuckDB gives."""
    seen = []

    def select(pipeline, schema, table, columns, condition="", *values):
        rows = original(pipeline, schema, table, columns, condition, *values)
        literals = [f"date '{v}'" if isinstance(v, date) else f"'{v}'" for v in values]
        seen.append((f"select {', '.join(columns)} from {schema}.{table} {condition % tuple(literals)}", rows))
        return rows

    original = data.select
    for module in (data, status):
        monkeypatch.setattr(module, "select", select)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{database}")
    write_report(Target(working_dir=tmp_path), tmp_path / "report.html", now=NOW)
    assert len(seen) == 12
    with duckdb.connect(str(database), read_only=True) as connection:
        for query, rows in seen:
            (translated,) = sqlglot.transpile(query, read=dialect, write="duckdb")
            found = connection.execute(translated).fetchall()
            assert sorted(map(str, found)) == sorted(str(tuple(map(_zoneless, row.values()))) for row in rows)


def _zoneless(value):
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value
