"""What one daily run reads on BigQuery, computed from the SQL that it sends; needs no account.

python benchmarks/warehouse_cost.py [days]

A made-up history of five exports is loaded into DuckDB and built there, which tells how many bytes each column has.
The statements are those of the golden files and of `dbt compile`; views are read through to their tables. BigQuery
bills the columns that a query names, at least 10 MiB for each table, and a DELETE the whole table that it changes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from didomi_sandbox import Behaviour, generate, serve  # noqa: E402
from didomi_source.cli.demo import settings_of  # noqa: E402
from didomi_source.reading import destination  # noqa: E402
from support.models import dbt  # noqa: E402
from support.warehouses.translated import compiled  # noqa: E402
from warehouses.test_translated import ENVIRONMENTS  # noqa: E402

MINIMUM = 10 * 2**20
DOLLARS_PER_TIB = 6.25
NEWEST = "(l.export_id = %s and l.created_at >= %s)"
READS = [
    destination._IDS,  # noqa: SLF001
    destination._TIMES,  # noqa: SLF001
    destination._REACH.format(condition=NEWEST.replace("l.", "").replace(">=", "<")),  # noqa: SLF001
    destination._STATES.format(condition=NEWEST),  # noqa: SLF001
    destination._UNRECORDED.format(condition=NEWEST),  # noqa: SLF001
    destination._HISTORY_ONLY,  # noqa: SLF001
    destination._WITHOUT_HISTORY,  # noqa: SLF001
    destination._SYNCS,  # noqa: SLF001
    "select id, content_hash from {exports}",
    "select fingerprint from {export_log_quarantine}",
]
SIZES = {"BIGINT": 8, "DOUBLE": 8, "BOOLEAN": 1, "DATE": 8}

Tables = dict[str, dict[str, float]]  # table → column → bytes


def loaded(folder: Path, days: int) -> Path:
    """A DuckDB file with a history and its marts."""
    path = folder / "history.duckdb"
    with serve(generate(seed=7, days=days, exports=5), Behaviour(rate_limit=None)) as api:
        environment = {**os.environ, **settings_of(api, path)}
        command = [sys.executable, "-c", "from didomi_source.cli import main; main()", "run"]
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return path


def measured(path: Path) -> tuple[Tables, dict[str, int]]:
    """Bytes of each column, as BigQuery counts them, and rows of each table."""
    sizes: Tables = {}
    rows: dict[str, int] = {}
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute(
            "select schema_name, table_name, column_name, data_type from duckdb_columns() where schema_name like 'didomi%'"
        ).fetchall()
        for schema, table, column, kind in found:
            if schema.endswith("_staging") and "raw" in schema:
                continue
            size = SIZES.get(kind, 8) if kind in SIZES or kind.startswith("TIMESTAMP") else None
            text = f'2 + octet_length(encode("{column}"::varchar))'
            (total, count) = connection.execute(
                f'select coalesce(sum(case when "{column}" is null then 0 else {size or text} end), 0), count(*) '
                f"from {schema}.{table}"
            ).fetchone()
            sizes.setdefault(table, {})[column] = float(total)
            rows[table] = count
    return sizes, rows


def statements(folder: Path) -> tuple[list[str], dict[str, str], list[str]]:
    """What a run sends: reads and merges of the raw tables, the models, and the data tests."""
    merges = [
        part
        for part in (ROOT / "tests/warehouses/golden/bigquery.sql").read_text().split(";\n")
        if part.strip().startswith(("DELETE", "INSERT"))
    ]
    tables = ("exports", "export_logs", "export_log_history", "export_syncs", "export_log_quarantine")
    reads = [sql.format(**{table: f"didomi_raw.{table}" for table in tables}).replace("%s", "null") for sql in READS]
    dbt.dbt(
        "compile",
        "--no-introspect",
        "--no-populate-cache",
        target="bigquery",
        folder=folder,
        environment=ENVIRONMENTS["bigquery"],
    )
    nodes = compiled(folder)
    models = {n["name"]: n["compiled_code"] for n in nodes if n["resource_type"] == "model"}
    return reads + merges, models, [n["compiled_code"] for n in nodes if n["resource_type"] == "test"]


def scanned(sql: str, views: dict[str, exp.Expression], sizes: Tables) -> dict[str, float]:
    """Table → bytes that a statement reads of it."""
    (statement,) = sqlglot.parse(sql, read="bigquery")
    found: dict[str, float] = {}
    if isinstance(statement, exp.Delete):
        table = statement.this.name
        found[table] = sum(sizes[table].values())
        return found
    query = statement.expression if isinstance(statement, exp.Insert) else statement
    if "didomi_raw_staging" in sql:  # what this run has loaded: next to nothing
        return {f"staged {query.find(exp.Table).name}": 0.0}
    query = query.transform(bare)
    query = exp.expand(query, views, dialect="bigquery")
    query = query.transform(bare)
    schema = {table: dict.fromkeys(columns, "string") for table, columns in sizes.items()}
    query = qualify(query, schema=schema, dialect="bigquery", quote_identifiers=False, validate_qualify_columns=False)
    for scope in sqlglot.optimizer.scope.traverse_scope(query):
        for name, source in scope.sources.items():
            if isinstance(source, exp.Table) and source.name in sizes:
                columns = {column.name for column in scope.columns if column.table == name}
                known_columns = sizes[source.name]
                found[source.name] = found.get(source.name, 0.0) + sum(known_columns.get(c, 0.0) for c in columns)
    return found


def bare(node: exp.Expression) -> exp.Expression:
    """Tables by their name alone."""
    if isinstance(node, exp.Table):
        node.set("catalog", None)
        node.set("db", None)
    return node


def main(days: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes, rows = measured(loaded(folder, days))
        raw, models, tests = statements(folder)
    (views, built) = ({}, {})
    for model, sql in models.items():
        if model.startswith("stg_"):
            views[model] = sqlglot.parse_one(sql, read="bigquery").transform(bare)
        else:
            built[model] = sql
    results: dict[str, Any] = {}
    for label, group in (
        ("reads and merges of the raw tables", raw),
        ("models", built.values()),
        ("data tests", tests),
    ):
        results[label] = [scanned(sql, views, sizes) for sql in group]
    for factor in (1, 100, 1000):
        print(f"\n{rows['export_logs'] * factor:,} logs")
        bill = 0.0
        for label, found in results.items():
            read = sum(size * factor for one in found for size in one.values())
            billed = sum(max(MINIMUM, size * factor) for one in found for size in one.values())
            bill += billed
            print(
                f"  {label:<36}{len(found):>4} statements{read / 2**20:>12,.1f} MiB read{billed / 2**20:>12,.1f} MiB billed"
            )
        print(
            f"  a run: {bill / 2**30:,.2f} GiB, ${bill / 2**40 * DOLLARS_PER_TIB:,.3f}; a month: ${30 * bill / 2**40 * DOLLARS_PER_TIB:,.2f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 365)
