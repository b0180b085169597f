"""Deliveries are read or not: the models build either way, on raw tables of an earlier version of the loader too."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.models import dbt, oracle, raw
from support.models.compare import all_differences
from support.models.histories import AS_OF, history
from support.thorough import all_but

NEW_COLUMNS = [name for name in raw.TABLES["export_syncs"] if name.startswith("deliver")]


def without_deliveries(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    syncs = [{name: row[name] for name in row.keys() - set(NEW_COLUMNS)} for row in tables["export_syncs"]]
    return {**tables, "export_syncs": syncs, "export_deliveries": []}


def forget(path: Path, *statements: str) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "raw_tables", all_but("of-an-earlier-version", ["empty", "of-an-earlier-version", "with-columns-alone"])
)
def test_nothing_is_said_of_deliveries_that_are_not_read(raw_tables: str, tmp_path: Path) -> None:
    """The mart is empty, and all else is what it would be."""
    tables = without_deliveries(history(3, AS_OF))
    path = tmp_path / "warehouse.duckdb"
    raw.write_duckdb(path, tables)
    if raw_tables != "empty":
        forget(path, "drop table didomi_raw.export_deliveries")
    if raw_tables == "of-an-earlier-version":
        forget(path, *(f"alter table didomi_raw.export_syncs drop column {name}" for name in NEW_COLUMNS))
    dbt.build(tmp_path, AS_OF)
    found = dbt.marts(path)
    assert found["didomi__deliveries"] == []
    assert not all_differences(oracle.marts(tables, AS_OF), found)
    exports = found["didomi__exports"]
    assert (
        {row["last_delivery_verdict"] for row in exports} == {row["deliveries_wrong_7d"] for row in exports} == {None}
    )


@pytest.mark.thorough
def test_deliveries_come_once_their_table_is_there(tmp_path: Path) -> None:
    """The build after the first run that reads deliveries shows them; the one before had no table."""
    path = tmp_path / "warehouse.duckdb"
    tables = history(3, AS_OF)
    raw.write_duckdb(path, without_deliveries(tables))
    forget(path, "drop table didomi_raw.export_deliveries")
    dbt.build(tmp_path, AS_OF)
    raw.write_duckdb(path, tables)
    dbt.build(tmp_path, AS_OF)
    assert not all_differences(oracle.marts(tables, AS_OF), dbt.marts(path))


def test_deliveries_that_are_not_read_any_more_fall_silent(tmp_path: Path) -> None:
    """A month after the feature was switched off no export is undelivered, and nothing expires."""
    tables = history(3, AS_OF)
    later = datetime(2028, 4, 30)
    assert "undelivered" in {row["health"] for row in oracle.marts(tables, AS_OF)["didomi__exports"]}
    marts = oracle.marts(tables, later)
    assert "undelivered" not in {row["health"] for row in marts["didomi__exports"]}
    assert {row["deliveries_wrong_7d"] for row in marts["didomi__exports"]} == {None, 0}
