"""The marts are what an independent computation in Python says, cell by cell, on ten seeds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from . import dbt, oracle, raw
from .compare import all_differences
from .histories import history, merged

# 29 February 2028 is a leap day; the clocks change on 12 March in New York and on 26 March in Paris
BUILDS = {
    "utc": (range(1, 5), datetime(2028, 3, 31, 12, 0), {}),
    "paris": (
        range(5, 8),
        datetime(2028, 4, 2, 22, 30),
        {"didomi_timezone": "Europe/Paris", "didomi_skip_weekdays": [6, 7], "didomi_anomaly_min_observations": 6},
    ),
    "new-york": (
        range(8, 11),
        datetime(2028, 3, 20, 2, 15, 30),
        {
            "didomi_timezone": "America/New_York",
            "didomi_late_factor": 1.6,
            "didomi_pending_grace_hours": 200,
            "didomi_anomaly_deviations": 2,
            "didomi_anomaly_min_change_rate": 0.1,
            "didomi_error_kinds": {"quota": "money", "o": "has an o's"},
        },
    ),
}


@pytest.mark.parametrize("name", BUILDS)
def test_marts_equal_the_independent_computation(name: str, tmp_path: Path) -> None:
    seeds, as_of, variables = BUILDS[name]
    tables = merged(history(seed, as_of) for seed in seeds)
    raw.write_duckdb(tmp_path / "warehouse.duckdb", tables)
    dbt.build(tmp_path, as_of, variables)
    found = all_differences(oracle.marts(tables, as_of, variables), dbt.marts(tmp_path / "warehouse.duckdb"))
    assert not found, "\n".join(found[:50])
