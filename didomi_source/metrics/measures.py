"""The metrics of a run and of each export, in the same form for Prometheus and OTLP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from didomi_source.configuration import SECTION, providers, unquoted
from didomi_source.errors import ConfigurationError
from didomi_source.health.status import Health

from . import Outcome


class Measure(NamedTuple):
    """One value: its name as in Prometheus, its help text, and its labels."""

    name: str
    text: str
    value: float
    labels: dict[str, str]


_STATUS = (
    ("current_streak", "runs_in_streak", "Settled runs in a row that ended alike."),
    ("last_success_at", "last_success_timestamp_seconds", "When the last completed run began."),
    ("last_success_users", "last_success_users", "Users of the last completed run."),
    ("success_rate_7d", "success_rate_7d_ratio", "Completed of settled runs, 7 days."),
    ("success_rate_28d", "success_rate_28d_ratio", "Completed of settled runs, 28 days."),
    ("logs_quarantined", "logs_quarantined", "Logs that could not be loaded."),
    ("last_complete_sync_at", "last_complete_read_timestamp_seconds", "When it was last read completely."),
)
_SYNC = (
    ("requests", "requests", "Requests of the last run."),
    ("rows_received", "logs_received", "Logs received by the last run."),
    ("logs_new", "logs_new", "Logs that the last run saw first."),
    ("logs_changed", "logs_changed", "Logs that had changed by the last run."),
    ("logs_pending", "logs_pending", "Logs still pending."),
    ("is_complete", "is_complete", "Whether the last run read it completely."),
)


def measures(outcome: Outcome) -> Iterator[Measure]:
    """The metrics that are known at the end of a run, of its organization alone.

    Each has the organization, dataset and destination as labels: node_exporter drops all but one of two files that have
    a metric with the same labels.
    """
    organization = configured_organization()
    common = {
        "organization": organization,
        "dataset": outcome.target.dataset,
        "destination": outcome.target.destination,
    }
    for measure in _of_run(outcome):
        yield measure._replace(labels=common)
    for measure in _of_exports(outcome, organization):
        yield measure._replace(labels=common | measure.labels)


def configured_organization() -> str:
    """The organization that a run reads; empty where it is not configured."""
    import dlt

    try:
        providers()
    except ConfigurationError:  # the run's own error
        return ""
    return unquoted(str(dlt.config.get(f"{SECTION}.organization_id") or ""))


def _of_run(outcome: Outcome) -> Iterator[Measure]:
    yield Measure("didomi_run_success", "Whether the last run ended well.", float(outcome.exit_code == 0), {})
    yield Measure("didomi_run_exit_code", "Exit code of the last run.", outcome.exit_code, {})
    yield Measure("didomi_run_timestamp_seconds", "When the last run ended.", outcome.ended_at, {})
    seconds = outcome.ended_at - outcome.started_at
    yield Measure("didomi_run_duration_seconds", "How long the last run took.", seconds, {})


def _of_exports(outcome: Outcome, organization: str) -> Iterator[Measure]:
    syncs = outcome.summary.syncs if outcome.summary is not None else ()
    for sync in syncs:
        labels = {"export_id": str(sync["export_id"]), "export_name": str(sync["name"] or "")}
        yield from _of(sync, _SYNC, labels)
    read = {sync["export_id"] for sync in syncs}
    for export in outcome.exports:
        # The API can give an export another organization than the configured one; what the run read is its own.
        is_own = export.export_id in read or export.organization_id in {organization, None}
        if organization and not is_own:  # the job of its organization measures it
            continue
        labels = {
            "organization": organization or export.organization_id or "",
            "export_id": export.export_id,
            "export_name": export.name or "",
        }
        for health in dict.fromkeys((*Health, export.health)):
            is_so = float(health == export.health)
            yield Measure(
                "didomi_export_health", "1 for the health that it is in.", is_so, labels | {"health": str(health)}
            )
        yield from _of(vars(export), _STATUS, labels)
        yield from _of_deliveries(outcome, export.export_id, labels)


def _of_deliveries(outcome: Outcome, export_id: str, labels: dict[str, str]) -> Iterator[Measure]:
    """Nothing where deliveries are not read."""
    if not outcome.deliveries.rows:
        return
    wrong, expiring = (
        float(sum(one.export_id == export_id for one in found))
        for found in (outcome.deliveries.wrong, outcome.deliveries.expiring)
    )
    yield Measure("didomi_export_deliveries_wrong", "Wrong deliveries of the last 7 days.", wrong, labels)
    text = "Deliveries that are deleted within 48 hours and are not archived."
    yield Measure("didomi_export_deliveries_expiring", text, expiring, labels)


def _of(row: dict[str, object], columns: tuple[tuple[str, str, str], ...], labels: dict[str, str]) -> Iterator[Measure]:
    for column, name, text in columns:
        value = row[column]
        if isinstance(value, datetime):
            value = value.timestamp()
        if isinstance(value, (int, float)):
            yield Measure(f"didomi_export_{name}", text, float(value), labels)
