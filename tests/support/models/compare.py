"""Compares marts cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

Row = Mapping[str, Any]

KEYS = {
    "didomi__export_runs": ("log_id",),
    "didomi__daily_export_success": ("export_id", "run_date"),
    "didomi__daily_user_volume": ("export_id", "run_date"),
    "didomi__exports": ("export_id",),
    "didomi__periodic_export_success": ("export_id", "period", "period_start_date"),
    "didomi__organization_daily": ("organization_id", "run_date"),
    "didomi__export_incidents": ("incident_id",),
    "didomi__schedule_gaps": ("previous_log_id",),
    "didomi__deliveries": ("export_id", "delivery_date", "data_kind"),
    "didomi__export_errors": ("export_id", "error_kind", "run_date"),
}


def is_same(one: Any, other: Any) -> bool:
    """Equal; numbers that are not whole within 1e-9."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and one == other


def differences(name: str, expected: Iterable[Row], actual: Iterable[Row]) -> list[str]:
    """What differs between two lists of one mart's rows, in words; empty when nothing does."""
    key = KEYS[name]
    left = _by_key(name, key, expected)
    right = _by_key(name, key, actual)
    found = [f"{name} {k}: missing" for k in left.keys() - right.keys()]
    found += [f"{name} {k}: not expected" for k in right.keys() - left.keys()]
    for k in left.keys() & right.keys():
        columns = left[k].keys() | right[k].keys()
        for column in sorted(columns):
            want, have = left[k].get(column, "no such column"), right[k].get(column, "no such column")
            if not is_same(want, have):
                found.append(f"{name} {k} {column}: expected {want!r}, is {have!r}")
    return found


def all_differences(expected: Mapping[str, Iterable[Row]], actual: Mapping[str, Iterable[Row]]) -> list[str]:
    """The same over all marts."""
    assert expected.keys() == actual.keys()
    return [line for name in KEYS for line in differences(name, expected[name], actual[name])]


def _by_key(name: str, key: tuple[str, ...], rows: Iterable[Row]) -> dict[tuple[Any, ...], Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        k = tuple(row[column] for column in key)
        assert k not in found, f"{name} has two rows of {k}"
        found[k] = row
    return found
