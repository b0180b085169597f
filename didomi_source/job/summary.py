"""The result of a run, from `export_syncs` and dbt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from didomi_source.warehouse.dbt import Models

SYNC_COLUMNS = (
    "export_id",
    "mode",
    "mode_reason",
    "sort",
    "requests",
    "api_total",
    "rows_received",
    "distinct_ids",
    "logs_new",
    "logs_changed",
    "logs_pending",
    "logs_flagged",
    "logs_quarantined",
    "logs_missing",
    "logs_known",
    "is_complete",
    "error",
)


@dataclass(frozen=True)
class Summary:
    """The result of a run.

    Args:
        run_id: Identifies the run in every table.
        destination: Name and location of the destination.
        dataset: Dataset of the raw tables.
        syncs: Rows of `export_syncs` of this run: SYNC_COLUMNS, and the export's `name` if it is known.
        models: What dbt built; None with `skip_models`.
        seconds: Duration of the load.
        notes: Further events that a reader should know.
        unwritten: A line for each output that could not be written.
        deliveries: Figures of the delivered files; None where they are not read.
        unread_deliveries: A line for each reason for which files could not be listed, read or archived.
        unknown: The ids that were asked for and are no export's, with the reason.
    """

    run_id: str
    destination: str
    dataset: str
    syncs: list[dict[str, Any]]
    models: Models | None
    seconds: float
    notes: list[str] = field(default_factory=list)
    unwritten: list[str] = field(default_factory=list)
    deliveries: dict[str, Any] | None = None
    unread_deliveries: list[str] = field(default_factory=list)
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def incomplete(self) -> list[str]:
        """The exports that were not read completely: id, and name where it is known."""
        return [_label(sync) for sync in self.syncs if not sync["is_complete"]]

    @property
    def failures(self) -> list[str]:
        """A line for each thing that went wrong; empty after a good run."""
        lines = [f"export {export_id}: {reason}" for export_id, reason in self.unknown.items()]
        lines += [f"export {_label(s)}: {s['error']}" for s in self.syncs if not s["is_complete"]]
        lines += self.unread_deliveries
        return lines + (self.models.failures if self.models else []) + self.unwritten

    @property
    def exit_code(self) -> int:
        """0 when everything was read and built, else 1. An export that failed at Didomi is data."""
        return 1 if self.failures else 0

    def as_dict(self) -> dict[str, Any]:
        """The summary for machines; stable keys."""
        return {
            "run_id": self.run_id,
            "destination": self.destination,
            "dataset": self.dataset,
            "ok": not self.failures,
            "exports": self.syncs,
            "models": self.models.as_dict() if self.models else None,
            **({"deliveries": self.deliveries} if self.deliveries is not None else {}),
            "seconds": round(self.seconds, 3),
            "notes": self.notes,
            "failures": self.failures,
        }


def _label(sync: dict[str, Any]) -> str:
    """An export's id, with its name where it has one."""
    return f"{sync['export_id']} ({sync['name']})" if sync["name"] else str(sync["export_id"])
