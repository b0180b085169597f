"""PyAirbyte with a declarative source, into DuckDB."""

import os
from pathlib import Path

import airbyte
from airbyte.caches import DuckDBCache

MANIFEST = Path(__file__).with_name("airbyte.yaml")

source = airbyte.get_source("source-didomi", config={"url": os.environ["BENCH_URL"]}, source_manifest=MANIFEST)
source.select_all_streams()
source.read(cache=DuckDBCache(db_path="target.duckdb", schema_name="raw"))
