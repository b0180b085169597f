"""What is read from the marts, row by row; and in which order the exports come."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta

import duckdb
import pytest

from didomi_source.errors import DestinationError
from didomi_source.health.status import COLUMNS, ExportStatus
from didomi_source.report import data
from didomi_source.warehouse.open import open_read_only
from didomi_source.warehouse.target import Target
from support.marts import NOW, TODAY, ago, export, failing, promised_columns


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads the marts of a DuckDB file."""

    def marts(database):
        monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{database}")
        with open_read_only(Target(working_dir=tmp_path)) as pipeline:
            return data.read_marts(pipeline, "didomi_marts")

    return marts


@pytest.mark.parametrize(
    ("kind", "mart"),
    [
        (ExportStatus, "exports"),
        (data.Day, "daily_export_success"),
        (data.Volume, "daily_user_volume"),
        (data.OrganizationDay, "organization_daily"),
        (data.Incident, "export_incidents"),
        (data.Contradiction, "export_runs"),
    ],
)
def test_every_field_is_a_column_that_the_models_promise(kind, mart):
    """A renamed column fails here, and not on an operator's morning."""
    promised = promised_columns()[f"didomi__{mart}"]
    names = COLUMNS if kind is ExportStatus else [field.name for field in fields(kind)]
    assert [name for name in names if name not in promised] == []


def test_empty_marts_are_read(made, read):
    """The models were built on nothing."""
    assert read(made.finish()) == data.Marts(exports=[], contradictions=[], loads=[])


def test_an_export_is_read_as_it_is(made, read):
    """Every column, with times in UTC."""
    row = made.export(failing("a", name=None, last_error_message="a\nb\x00"))
    assert read(made.finish()).exports == [row]


def test_days_and_volumes_are_read_as_far_as_they_are_shown(made, read):
    """Half a year of days, four months of volumes; rolling rates as the models worked them out."""
    made.export(export("a"))
    made.days("a", "c" * 230 + "fcm")
    made.users("a", [1000 + i for i in range(233)])
    found = read(made.finish())
    assert (found.today, len(found.days), found.days[0].run_date.isoformat()) == (TODAY, 177, "2026-06-01")
    assert found.days[-2:] == [
        data.Day("a", TODAY - timedelta(days=1), "completed", 1, 0, 0, 0, 0, 6 / 7, 27 / 28),
        data.Day("a", TODAY, "missed", 0, 0, 0, 0, 1, 5 / 6, 26 / 27),
    ]
    assert (len(found.volumes), found.volumes[0].users, found.volumes[-1].users) == (120, 1113, 1232)
    assert found.delivered_on == {"a": TODAY}
    assert found.organizations[-1] == data.OrganizationDay(TODAY, 1, 5, 1, 26, 1, 1232.0)
    assert len(found.organizations) == 127


def test_anomalies_of_the_last_28_days_are_read_of_all_exports(made, read, monkeypatch):
    """Also of those that get no chart."""
    monkeypatch.setattr(data, "DETAILED", 1)
    for name in "ab":
        made.export(export(name))
        made.days(name, "c" * 40)
        made.users(name, [1000] * 40, is_anomaly=True)
    found = read(made.finish())
    assert {v.export_id for v in found.volumes} == {"a"}
    assert [(v.run_date, v.export_id) for v in found.anomalies] == [
        (TODAY - timedelta(days=days), name) for days in range(28) for name in "ab"
    ]
    assert sorted({(d.export_id, len([e for e in found.days if e.export_id == d.export_id])) for d in found.days}) == [
        ("a", 40), ("b", 28)
    ]  # fmt: skip


def test_incidents_are_read_while_open_and_a_month_after(made, read):
    """The newest first."""
    made.export(export("a"))
    made.days("a", "c" * 60)
    base = {"export_id": "a", "started_by": "failed", "duration_seconds": 60, "runs_failed": 1, "runs_missed": 0}
    made.add("export_incidents", incident_id="1", started_at=ago(days=90), is_open=True, recovered_at=None, **base)
    made.add(
        "export_incidents", incident_id="2", started_at=ago(days=40), is_open=False, recovered_at=ago(days=30), **base
    )
    made.add(
        "export_incidents", incident_id="3", started_at=ago(days=40), is_open=False, recovered_at=ago(days=27), **base
    )
    assert read(made.finish()).incidents == [
        data.Incident("a", ago(days=40), ago(days=27), False, 60, 1, 0, None),
        data.Incident("a", ago(days=90), None, True, 60, 1, 0, None),
    ]


def test_errors_are_summed_by_kind(made, read):
    """Over exports and days, the commonest first, each with the text of its last failure."""
    made.export(export("a"))
    made.days("a", "c" * 60)
    for name, kind, days, failures in (
        ("a", "quota", 1, 2),
        ("b", "quota", 3, 3),
        ("c", "other", 0, 1),
        ("b", "other", 0, 1),
        ("a", "other", 0.1, 1),
        ("a", "timeout", 40, 9),
    ):
        made.add(
            "export_errors", export_id=name, error_kind=kind, run_date=TODAY - timedelta(days=int(days)),
            failures=failures, last_failure_at=ago(days=days), example_log_id=f"log of {name}",
            example_message=f"{kind} of {name}",
        )  # fmt: skip
    assert read(made.finish()).errors == [
        data.ErrorKind("quota", 5, 2, ago(days=1), "quota of a"),
        data.ErrorKind("other", 3, 3, ago(days=0), "other of c"),
    ]


def test_contradictions_and_loads_are_read_without_any_day(made, read):
    """Logs without a usable time make no days, and may contradict themselves all the same."""
    made.export(export("a"))
    for number in range(12):
        made.add(
            "export_runs", log_id=f"{number:02}", export_id="a", run_at=ago(days=number), status="failed", users=3,
            error_message="x", contradiction="failed_with_users", loaded_at=ago(days=number // 6),
        )  # fmt: skip
    found = read(made.finish())
    assert found.today is None
    assert [c.log_id for c in found.contradictions] == [f"{number:02}" for number in range(10)]
    assert found.contradictions[0] == data.Contradiction("a", "00", NOW, "failed", 3, "x", "failed_with_users")
    assert found.loads == [
        data.LoadDay(TODAY, 6, 1, NOW),
        data.LoadDay(TODAY - timedelta(days=1), 6, 1, ago(days=1)),
    ]


def test_the_as_of_time_is_found_in_the_distances_to_it(made, read):
    """No mart holds it; the latest that any export tells is taken."""
    made.export(export("a", last_success_at=ago(seconds=100.4), seconds_since_last_success=101))
    assert read(made.finish()).as_of == NOW


def test_the_as_of_time_without_a_success():
    """Open incidents tell it too; else the models were built right after the last load."""
    never = {"last_success_at": None, "seconds_since_last_success": None}
    incident = data.Incident("a", ago(hours=9), None, True, 9 * 3600, 1, 0, None)
    assert data._as_of([export("a", **never)], [incident]) == NOW
    assert data._as_of([export("a", **never)], []) == ago(minutes=30)
    assert data._as_of([export("a", **never, last_synced_at=None)], []) is None


def test_marts_that_are_not_there_are_told(tmp_path, read):
    """With what to do."""
    duckdb.connect(str(tmp_path / "w.duckdb")).close()
    with pytest.raises(
        DestinationError, match=r"there is no table didomi_marts\.didomi__exports .*run `didomi run` first"
    ):
        read(tmp_path / "w.duckdb")


def test_nothing_but_marts_is_read(made, monkeypatch, tmp_path):
    """Every table of the one reader is one of the marts' schema."""
    seen = set()

    def select(pipeline, schema, table, columns, condition="", *values):
        seen.add((schema, table))
        return original(pipeline, schema, table, columns, condition, *values)

    original = data.select
    monkeypatch.setattr(data, "select", select)
    made.export(export("a"))
    made.days("a", "c" * 40)
    made.users("a", [1000] * 40)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{made.finish()}")
    with open_read_only(Target(working_dir=tmp_path)) as pipeline:
        data.read_marts(pipeline, "didomi_marts")
    promised = promised_columns()
    assert {schema for schema, _ in seen} == {"didomi_marts"}
    assert {table for _, table in seen} <= set(promised)
