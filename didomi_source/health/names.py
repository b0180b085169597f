"""Names of exports that can be told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def distinct_names(exports: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """Export id → name, with the id behind it where the organization has another export of that name.

    Args:
        exports: Rows with `export_id`, `name` and, unless all are of one organization, `organization_id`.
    """
    count = Counter((row.get("organization_id"), row["name"]) for row in exports if row["name"])
    return {
        row["export_id"]: f"{row['name']} ({row['export_id']})"
        if count[row.get("organization_id"), row["name"]] > 1
        else row["name"]
        for row in exports
    }
