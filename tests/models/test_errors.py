"""Messages that say the same failure share a fingerprint, others do not, and each has the kind that an operator would give it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from support.models import dbt, raw
from support.models.messages import ALL, SAME_FAILURE

AS_OF = datetime(2026, 11, 23)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """Message → its fingerprint and kind, by the models."""
    folder = tmp_path_factory.mktemp("errors")
    logs = [
        {
            "id": str(number),
            "export_id": "e",
            "status": "failed",
            "result": message,
            "created_at": AS_OF - timedelta(days=number + 1),
            "extracted_at": AS_OF,
        }
        for number, message in enumerate(ALL)
    ]
    raw.write_duckdb(folder / "warehouse.duckdb", {"export_logs": logs})
    dbt.build(folder, AS_OF)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        rows = connection.execute(
            "select cast(log_id as integer), error_fingerprint, error_kind from didomi_marts.didomi__export_runs"
        ).fetchall()
    return {ALL[number]: (fingerprint, kind) for number, fingerprint, kind in rows}


def test_the_same_failure_counts_once_and_another_does_not(seen: dict[str, tuple[str, str]]) -> None:
    """Within a group one fingerprint, between any two groups different ones."""
    groups = [group for groups in SAME_FAILURE.values() for group in groups]
    fingerprints = [{seen[message][0] for message in group} for group in groups]
    assert [group for group, found in zip(groups, fingerprints, strict=True) if len(found) != 1] == []
    assert len(set().union(*fingerprints)) == len(groups)


def test_kinds_are_what_an_operator_would_say(seen: dict[str, tuple[str, str]]) -> None:
    """The default patterns know the usual words of the two clouds."""
    wanted = {message: kind for kind, groups in SAME_FAILURE.items() for group in groups for message in group}
    assert {message: kind for message, (_, kind) in seen.items()} == wanted


def test_the_default_kinds_are_the_documented_ones() -> None:
    """An operator's own list replaces them, so the page has to tell what they are."""
    (told,) = re.findall(r"The kinds by default are (.*?);", Path(dbt.SQL / "README.md").read_text())
    assert set(re.findall(r"`(\w+)`", told)) == SAME_FAILURE.keys() - {"other"}
