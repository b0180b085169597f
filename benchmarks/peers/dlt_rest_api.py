"""dlt's declarative rest_api into DuckDB: as it comes, `tuned`, or `same`: tuned, and with the columns and the history that didomi-source has.

`same` is what one would write oneself around rest_api: a step that checks each log and adds its raw JSON and a hash of it,
and a second table of the states that were seen.
"""

import hashlib
import os
import sys
from datetime import datetime, timezone

import dlt
import orjson
import requests
from dlt.sources.rest_api import rest_api_source

URL = os.environ["BENCH_URL"] + "/v1"
SAME = "same" in sys.argv
TUNED = SAME or "tuned" in sys.argv
NOW = datetime.now(timezone.utc)
TEXTS = ("id", "export_id", "organization_id", "status", "result")


def checked(log):
    """The log with what didomi-source adds to it."""
    canonical = orjson.dumps(log, option=orjson.OPT_SORT_KEYS)
    flags = [key for key in TEXTS if not isinstance(log.get(key), str | None)]
    users = log["metrics"].get("users")
    if not isinstance(users, int | None) or abs(users or 0) >= 2**63:
        flags.append("metrics.users")
    return {
        **log,
        "created_at": datetime.fromisoformat(log["created_at"]),
        "updated_at": datetime.fromisoformat(log["updated_at"]),
        "raw_log": canonical.decode(),
        "content_hash": hashlib.blake2b(canonical, digest_size=16).hexdigest(),
        "flags": flags or None,
        "run_id": "run-1",
        "extracted_at": NOW,
    }


@dlt.transformer(primary_key="version_id", write_disposition="merge")
def export_log_history(page):
    """The states that the logs of a page are in."""
    yield [state(log) for log in page]


def state(log):
    """A row of the history."""
    users = log["metrics"].get("users")
    name = orjson.dumps([log["id"], log["status"], users, log["result"]])
    return {
        "version_id": hashlib.blake2b(name, digest_size=16).hexdigest(),
        "log_id": log["id"],
        "export_id": log["export_id"],
        "organization_id": log["organization_id"],
        "sequence": 1,
        "status": log["status"],
        "users": users,
        "result": log["result"],
        "first_observed_at": NOW,
        "run_id": "run-1",
    }


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
                **(
                    {"columns": {"raw_log": {"data_type": "json"}}, "processing_steps": [{"map": checked}]}
                    if SAME
                    else {}
                ),
            }
        ],
    }
)
if TUNED:
    source.max_table_nesting = 1
if SAME:
    source.resources.add(source.resources["export_logs"] | export_log_history)
pipeline = dlt.pipeline(
    "bench", destination=dlt.destinations.duckdb("target.duckdb"), dataset_name="raw", pipelines_dir="."
)
pipeline.run(source, loader_file_format="parquet" if TUNED else None).raise_on_failed_jobs()
