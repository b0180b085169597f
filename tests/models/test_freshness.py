"""`dbt source freshness` tells "nothing was loaded" from "Didomi ran nothing"."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from support.models import dbt, raw

NOW = datetime.now(timezone.utc)
HOUR = timedelta(hours=1)
LOG = {"id": "a", "export_id": "e", "extracted_at": NOW - HOUR}


def read(hours: int, *, is_complete: bool = True) -> raw.Row:
    return {"sync_id": f"s{hours}", "export_id": "e", "finished_at": NOW - hours * HOUR, "is_complete": is_complete}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all, so that dbt reads the project once."""
    return tmp_path_factory.mktemp("freshness")


@pytest.mark.parametrize(
    ("log", "syncs", "expected"),
    [
        ({**LOG, "created_at": None}, [read(1)], {"export_logs": "pass", "export_syncs": "pass"}),
        ({**LOG, "created_at": NOW - 40 * HOUR}, [read(1)], {"export_logs": "warn", "export_syncs": "pass"}),
        (
            {**LOG, "created_at": NOW + 9999 * HOUR, "extracted_at": NOW - 40 * HOUR},
            [read(30)],
            {"export_logs": "warn", "export_syncs": "warn"},
        ),
        (
            {**LOG, "created_at": NOW - 5 * HOUR},
            [read(60), read(1, is_complete=False)],
            {"export_logs": "pass", "export_syncs": "error"},
        ),
    ],
    ids=["all-well", "didomi-ran-nothing", "a-time-to-come", "never-read-to-its-end"],
)
def test_freshness_names_who_did_nothing(
    log: raw.Row, syncs: list[raw.Row], expected: dict[str, str], folder: Path
) -> None:
    """An old `export_syncs` means that nothing was loaded, an old `export_logs` beside a fresh one that nothing ran."""
    raw.write_duckdb(folder / "warehouse.duckdb", {"export_logs": [log], "export_syncs": syncs})
    dbt.dbt("source", "freshness", folder=folder, check=False)
    results = json.loads((folder / "target" / "sources.json").read_text())["results"]
    assert {result["unique_id"].split(".")[-1]: result["status"] for result in results} == expected
