"""The marts that `didomi run` builds are what plain Python computes from the logs that the API holds, on three seeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from didomi_sandbox import Store, generate, serve
from didomi_source.cli.demo import settings_of
from support.models import dbt, oracle
from support.models.compare import all_differences

AS_OF = datetime(2026, 11, 23, 18, 0)
# when the job read what is nothing that the API could tell
OF_THE_LOADING = {"loaded_at", "first_seen_at", "last_synced_at", "last_complete_sync_at"}


def time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def raw_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """The API's own records, field by field, as the oracle reads them."""
    logs = [
        {
            **{name: log[name] for name in ("id", "export_id", "organization_id", "status", "result")},
            "config__frequency": log["config"]["frequency"],
            "metrics__users": log["metrics"].get("users"),
            "created_at": time(log["created_at"]),
            "updated_at": time(log["updated_at"]),
            "extracted_at": AS_OF,
        }
        for log in store.logs()
    ]
    exports = [
        {
            **{name: export[name] for name in ("id", "organization_id", "name", "type_id")},
            "properties__frequency": str(export["properties"]["frequency"]),
            "properties__data": json.dumps(data) if (data := export["properties"].get("data")) else None,
            "created_at": time(export["created_at"]),
        }
        for export in store.exports()
    ]
    return {"export_logs": logs, "exports": exports}


def run(folder: Path, environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-c", "from didomi_source.cli import main; main()", "run", "--json", *arguments],
        env={**os.environ, **environment, "DLT_DATA_DIR": str(folder / "dlt")},
        cwd=folder,
        check=True,
        stdout=subprocess.PIPE,
    )


def comparable(marts: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [{column: value for column, value in row.items() if column not in OF_THE_LOADING} for row in rows]
        for name, rows in marts.items()
    }


def test_the_job_s_marts_are_what_the_api_s_logs_say(tmp_path: Path) -> None:
    """Two runs of the job, between which the last logs came and what was pending settled; one store of three seeds."""
    seeds = [
        generate(seed=seed, days=120, exports=5, until=datetime(2026, 11, 23, 23, 59, tzinfo=timezone.utc))
        for seed in (1, 2, 3)
    ]
    logs = sorted((log for seed in seeds for log in seed.logs()), key=lambda log: log["created_at"])
    pending = [log["id"] for log in logs if log["status"] == "pending"]
    assert pending
    store = Store()
    for export in (export for seed in seeds for export in seed.exports()):
        store.add_export(export)
    with serve(store) as sandbox:
        environment = settings_of(sandbox, tmp_path / "warehouse.duckdb")
        store.add_logs(logs[:-20])
        store.add_logs([log for log in logs[-20:] if log["id"] in pending])
        run(tmp_path, environment, "--skip-models")
        store.add_logs([log for log in logs[-20:] if log["id"] not in pending])
        store.settle(pending[0], "completed", users=4711)
        run(tmp_path, environment, "--vars", json.dumps({"didomi_as_of": str(AS_OF)}))
    found = dbt.marts(tmp_path / "warehouse.duckdb")
    assert len(found["didomi__exports"]) == 15
    assert len(found["didomi__export_runs"]) == len(logs)
    differences = all_differences(comparable(oracle.marts(raw_of(store), AS_OF)), comparable(found))
    assert not differences, "\n".join(differences[:50])
