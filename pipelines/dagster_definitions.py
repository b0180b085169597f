"""Dagster: raw tables and models as assets with their lineage, made by one run of the job.

    pip install 'didomi-source[bigquery]' dagster-dbt dagster-webserver
    dagster dev -f dagster_definitions.py

Settings are in `.dlt/` of the folder or in the environment; DIDOMI_DESTINATION names the warehouse.
"""

import os
from collections.abc import Iterator
from graphlib import TopologicalSorter
from importlib.metadata import version

import dagster as dg
from dagster_dbt import build_dbt_asset_specs

from didomi_source.errors import ConfigurationError
from didomi_source.job import run
from didomi_source.schema import TABLES
from didomi_source.warehouse.dbt import write_manifest
from didomi_source.warehouse.target import Target

TARGET = Target(destination=os.environ.get("DIDOMI_DESTINATION", "duckdb"))

folder = TARGET.working_dir / f"dagster-{version('didomi-source')}"
manifest = folder.absolute() / "manifest.json"
if not manifest.exists():
    write_manifest(folder)

# dbt calls the raw tables so, and that is what joins them to the models.
tables = [dg.AssetSpec(["didomi", table], group_name="didomi_raw", kinds={"dlt"}) for table in TABLES]
models = [
    spec.replace_attributes(group_name=f"didomi_{spec.key.path[0]}")
    for spec in build_dbt_asset_specs(manifest=manifest)
]
lineage = {spec.key: [dep.asset_key for dep in spec.deps] for spec in [*tables, *models]}
in_order = list(TopologicalSorter(lineage).static_order())


@dg.multi_asset(name="didomi", specs=[*tables, *models])
def didomi(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
    """Load the logs, check that they arrived, build and test the models."""
    try:
        summary = run(TARGET, report=context.log.info)
    except ConfigurationError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    if summary.failures:
        raise dg.Failure("\n".join(summary.failures))
    for asset in in_order:
        yield dg.MaterializeResult(asset, metadata={"run_id": summary.run_id, "warehouse": summary.destination})


defs = dg.Definitions(
    assets=[didomi],
    schedules=[dg.ScheduleDefinition("didomi_every_morning", target=[didomi], cron_schedule="0 6 * * *")],
)
