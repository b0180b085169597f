"""dlt's declarative rest_api into DuckDB: as it comes, or with `tuned`."""

import os
import sys

import dlt
import requests
from dlt.sources.rest_api import rest_api_source

URL = os.environ["BENCH_URL"] + "/v1"
TUNED = "tuned" in sys.argv

login = requests.post(f"{URL}/sessions", json={"type": "api-key", "key": "key", "secret": "secret"}, timeout=30)
source = rest_api_source(
    {
        "client": {
            "base_url": URL,
            "auth": {"type": "bearer", "token": login.json()["access_token"]},
            "paginator": {
                "type": "offset",
                "limit": 1000,
                "limit_param": "$limit",
                "offset_param": "$skip",
                "total_path": "total",
            },
        },
        "resources": [
            {
                "name": "export_logs",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {
                    "path": "marketplace/exports/logs",
                    "params": {"organization_id": "org-1", "export_id": "export-1"},
                    "data_selector": "data",
                },
            }
        ],
    }
)
if TUNED:
    source.max_table_nesting = 1
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.duckdb("target.duckdb"), dataset_name="raw", pipelines_dir="."
)
pipeline.run(source, loader_file_format="parquet" if TUNED else None).raise_on_failed_jobs()
