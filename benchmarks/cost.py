"""What a run costs on BigQuery: which tables its statements name, each of them billed as 10 MB at least.

    python benchmarks/cost.py

Runs the job twice against the sandbox into a DuckDB file, and counts the statements of the second run: dlt's as they are
sent, dbt's from its manifest. BigQuery gets as many; what it loads from files is free.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import expressions

from didomi_source.job import Options, run
from didomi_source.job.demo import settings_of
from didomi_source.sandbox import generate, serve

LEAST_MIB, PRICE_PER_TIB, FREE_TIB = 10, 6.25, 1.0
EXPORTS, RUNS_A_MONTH = 5, (30, 730)


def statements(sql: str) -> list[int]:
    """How many tables each statement that reads or changes rows names."""
    found = []
    for statement in sqlglot.parse(sql, read="duckdb"):
        if isinstance(statement, expressions.Select | expressions.DML):
            tables = {table.sql() for table in statement.find_all(expressions.Table)}
            tables -= {cte.alias for cte in statement.find_all(expressions.CTE)}
            if tables:
                found.append(len(tables))
    return found


def dbt_statements(target: Path) -> list[int]:
    """How many tables each of dbt's models and tests names, through its views."""
    manifest = json.loads((target / "manifest.json").read_text())
    nodes: dict[str, Any] = {**manifest["nodes"], **manifest["sources"]}

    def tables(unique_id: str) -> set[str]:
        found: set[str] = set()
        for name in nodes[unique_id].get("depends_on", {}).get("nodes", []):
            is_view = nodes[name]["resource_type"] == "model" and nodes[name]["config"]["materialized"] == "view"
            found |= tables(name) if is_view else {name}
        return found

    built = json.loads((target / "run_results.json").read_text())["results"]
    names = [result["unique_id"] for result in built if result["unique_id"] in nodes]
    return [len(tables(name)) for name in names if nodes[name]["config"].get("materialized") != "view"]


def main() -> None:
    from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient

    sent: list[str] = []
    execute = DuckDbSqlClient.execute_query

    def counted(self: Any, query: Any, *values: Any, **more: Any) -> Any:
        sent.append(str(query))
        return execute(self, query, *values, **more)

    DuckDbSqlClient.execute_query = counted
    with tempfile.TemporaryDirectory() as name, serve(generate(exports=EXPORTS)) as sandbox:
        folder = Path(name)
        os.environ.update(settings_of(sandbox, folder / "warehouse.duckdb"))
        options = Options(working_dir=folder / ".didomi")
        run(options)
        sent.clear()
        run(options)
        load = [count for query in sent for count in statements(query.replace("%s", "?"))]
        models = dbt_statements(folder / ".didomi" / "dbt")
    for what, counts in (("load", load), ("models", models)):
        print(f"{what:<8}{len(counts):>5} statements, {sum(counts):>5} tables in them")
    mib = LEAST_MIB * (sum(load) + sum(models))
    for runs in RUNS_A_MONTH:
        tib = runs * mib / 2**20
        price = PRICE_PER_TIB * tib
        beyond = PRICE_PER_TIB * max(0.0, tib - FREE_TIB)
        print(f"{runs:>4} runs a month: {tib:.2f} TiB billed, ${price:.2f}; ${beyond:.2f} beyond the free TiB")
    assert Counter(models), "dbt built nothing"


if __name__ == "__main__":
    main()
