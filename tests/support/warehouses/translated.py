"""Runs SQL that dbt compiled for another warehouse on DuckDB: parsed in its dialect, translated by sqlglot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from support.models import dbt

# With these, dbt compiles for a warehouse to which there is no connection.
UNREACHABLE = {
    "bigquery": {
        "DIDOMI_BIGQUERY_METHOD": "oauth-secrets",
        "DIDOMI_BIGQUERY_PROJECT": "nobody-s-project",
        "DBT_ENV_SECRET_DIDOMI_BIGQUERY_TOKEN": "no-token",
    },
    "snowflake": {
        "DIDOMI_SNOWFLAKE_ACCOUNT": "no-account",
        "DIDOMI_SNOWFLAKE_USER": "no-user",
        "DBT_ENV_SECRET_DIDOMI_SNOWFLAKE_PASSWORD": "no-password",
        "DIDOMI_SNOWFLAKE_DATABASE": "NO_DATABASE",
    },
}


def compiled(folder: Path) -> list[dict[str, Any]]:
    """Models and data tests of a compiled project in the order of their dependencies."""
    nodes = json.loads((folder / "target" / "manifest.json").read_text())["nodes"]
    ordered: list[dict[str, Any]] = []
    done: set[str] = set()

    def add(name: str) -> None:
        if name in done or name not in nodes:
            return
        done.add(name)
        for parent in nodes[name]["depends_on"]["nodes"]:
            add(parent)
        ordered.append(nodes[name])

    for name in nodes:
        add(name)
    return ordered


def translate(sql: str, dialect: str) -> str:
    """One statement as DuckDB reads it, without the names of projects and databases."""

    def local(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table):
            node.set("catalog", None)
            for part in (node.this, node.args.get("db")):
                if isinstance(part, exp.Identifier):
                    part.set("quoted", False)
        return node

    (statement,) = sqlglot.parse(sql, read=dialect)
    assert statement is not None
    return statement.transform(local).sql(dialect="duckdb")


def run(folder: Path, dialect: str) -> dict[str, list[dict[str, Any]]]:
    """Builds every model in `folder`/warehouse.duckdb and answers the marts; a data test that finds something raises."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        # what a timestamp of BigQuery means, and a session of Snowflake in UTC
        connection.execute("set TimeZone = 'UTC'")
        for node in compiled(folder):
            sql = translate(node["compiled_code"], dialect)
            if node["resource_type"] == "model":
                connection.execute(f"create schema if not exists {node['schema']}")
                kind = "view" if node["config"]["materialized"] == "view" else "table"
                connection.execute(f"create or replace {kind} {node['schema']}.{node['name']} as {sql}")
            else:
                assert not connection.execute(sql).fetchall(), node["name"]
        return {
            name: connection.sql(f"select * from didomi_marts.{name}").to_arrow_table().to_pylist()
            for name in dbt.MARTS
        }
