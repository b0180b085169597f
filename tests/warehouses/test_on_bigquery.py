"""The whole job on BigQuery."""

from __future__ import annotations

from support.warehouses.engines import Engine
from support.warehouses.journey import Journey
from support.warehouses.scenarios import Scenarios


class TestOnBigQuery(Scenarios):
    destination = "bigquery"
    types = ("int64", "timestamp")

    def test_the_tables_are_laid_out(self, journey: Journey) -> None:
        """The logs by day of creation, then by export and status; the runs by month, then by export."""
        journey.reach("models built")
        engine = journey.site.engine
        assert layout(engine, engine.dataset, "export_logs") == (["created_at"], ["export_id", "status"])
        assert layout(engine, engine.target.marts, "didomi__export_runs") == (["run_at"], ["export_id"])


def layout(engine: Engine, schema: str, table: str) -> tuple[list[str], list[str]]:
    """The columns that a table is partitioned and clustered by."""
    rows = engine.execute(
        "select column_name, is_partitioning_column, clustering_ordinal_position "
        f"from {schema}.INFORMATION_SCHEMA.COLUMNS where table_name = '{table}' order by clustering_ordinal_position"
    )
    partition = [row["column_name"] for row in rows if row["is_partitioning_column"] == "YES"]
    return partition, [row["column_name"] for row in rows if row["clustering_ordinal_position"]]
