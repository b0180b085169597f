"""The SQL that dlt generates for the cloud warehouses is the one in golden/: an upgrade of dlt shows what changes.

Write the files anew with `DIDOMI_WRITE_GOLDEN=1 pytest tests/warehouses/test_generated_sql.py`, and read the difference.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs import GcpServiceAccountCredentials
from dlt.common.schema import Schema
from dlt.destinations.impl.bigquery.bigquery import BigQueryMergeJob
from dlt.destinations.impl.bigquery.configuration import BigQueryClientConfiguration
from dlt.destinations.impl.postgres.configuration import PostgresClientConfiguration, PostgresCredentials
from dlt.destinations.impl.snowflake.configuration import SnowflakeClientConfiguration, SnowflakeCredentials
from dlt.destinations.impl.snowflake.snowflake import SnowflakeMergeJob
from dlt.destinations.sql_jobs import SqlMergeFollowupJob

from didomi_sandbox import plain_store
from support.warehouse import TABLES, Warehouse
from support.warehouses.emulators import servers

GOLDEN = Path(__file__).with_name("golden")


def bigquery() -> tuple[Any, Any, Any]:
    credentials = GcpServiceAccountCredentials()
    credentials.parse_native_representation(json.dumps(servers.service_account("https://nowhere.invalid/token")))
    credentials.resolve()
    return dlt.destinations.bigquery(), BigQueryClientConfiguration(credentials=credentials), BigQueryMergeJob


def snowflake() -> tuple[Any, Any, Any]:
    credentials = SnowflakeCredentials("snowflake://user:password@account/DATABASE?warehouse=WAREHOUSE&role=ROLE")
    return dlt.destinations.snowflake(), SnowflakeClientConfiguration(credentials=credentials), SnowflakeMergeJob


def postgres() -> tuple[Any, Any, Any]:
    credentials = PostgresCredentials("postgresql://user:password@host/database")
    return dlt.destinations.postgres(), PostgresClientConfiguration(credentials=credentials), SqlMergeFollowupJob


@pytest.fixture
def schema(sandbox, warehouse: Warehouse) -> Schema:
    """The schema that a run leaves."""
    warehouse.load(sandbox(plain_store(3)))
    return warehouse.pipeline().default_schema


def client_of(destination: Any, configuration: Any, schema: Schema) -> Any:
    """A client that is never connected."""
    with Container().injectable_context(destination.capabilities()):
        own = schema.clone(update_normalizers=True)
    return destination.client(own, configuration._bind_dataset_name(dataset_name="didomi_raw"))


def generated(client: Any, merge_job: Any) -> str:
    """Creation, a further column, and merge of every table."""
    parts = []
    for table in TABLES:
        columns = client._create_table_update(table, {})
        further = {"name": "metrics__further", "data_type": "double", "nullable": True}
        merge = merge_job.generate_sql([client.prepare_load_table(table)], client.sql_client)
        parts += client._get_table_update_sql(table, columns, False)
        if table == "export_logs":
            parts += client._get_table_update_sql(table, [further], True)
        parts += merge
    return "\n\n".join(re.sub(r"[ \t]+\n", "\n", part.strip().rstrip(";")) + ";" for part in parts) + "\n"


@pytest.mark.parametrize("engine", [bigquery, snowflake, postgres], ids=lambda engine: engine.__name__)
def test_the_sql_is_the_one_that_was_read(engine, schema: Schema) -> None:
    """Word for word."""
    destination, configuration, merge_job = engine()
    found = generated(client_of(destination, configuration, schema), merge_job)
    path = GOLDEN / f"{engine.__name__}.sql"
    if os.environ.get("DIDOMI_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()


def test_bigquery_lays_the_logs_out_when_it_creates_them(schema: Schema) -> None:
    """Partitioned by day of creation, clustered by what is asked for; a further column does not touch it."""
    destination, configuration, _ = bigquery()
    client = client_of(destination, configuration, schema)
    (create,) = client._get_table_update_sql("export_logs", client._create_table_update("export_logs", {}), False)
    assert create.endswith("PARTITION BY DATE(`created_at`)\nCLUSTER BY `export_id`, `status`")
    for table in TABLES:
        statements = client._get_table_update_sql(table, client._create_table_update(table, {}), False)
        assert ("PARTITION BY" in statements[0]) == (table == "export_logs")


def test_other_destinations_do_not_look_at_the_layout(schema: Schema) -> None:
    """Nor does the file that DuckDB makes."""
    for engine in (snowflake, postgres):
        destination, configuration, merge_job = engine()
        found = generated(client_of(destination, configuration, schema), merge_job)
        assert not re.search("partition by date|cluster by", found, re.IGNORECASE)
