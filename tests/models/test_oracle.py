"""The marts are what an independent computation in Python says, cell by cell, on ten seeds."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.models import dbt, oracle, raw
from support.models.compare import all_differences
from support.models.histories import BUILDS, history, merged
from support.thorough import all_but


@pytest.mark.parametrize("name", all_but("paris", BUILDS))
def test_marts_equal_the_independent_computation(name: str, tmp_path: Path) -> None:
    """Every cell of every mart; a second build changes none of them."""
    seeds, as_of, variables = BUILDS[name]
    tables = merged(history(seed, as_of) for seed in seeds)
    raw.write_duckdb(tmp_path / "warehouse.duckdb", tables)
    dbt.build(tmp_path, as_of, variables)
    first = dbt.marts(tmp_path / "warehouse.duckdb")
    found = all_differences(oracle.marts(tables, as_of, variables), first)
    assert not found, "\n".join(found[:50])
    if name == "paris":
        dbt.build(tmp_path, as_of, variables)
        assert not all_differences(first, dbt.marts(tmp_path / "warehouse.duckdb"))
