"""What has changed since somebody was told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from didomi_source.health.judge import SEVERE, Judgement
from didomi_source.health.status import RETIRED, ExportStatus

from .ledger import Told

LOAD, DIGEST = "(load)", "(digest)"
WELL, STALE = "well", "stale"
_BAD_LOAD = (*SEVERE, STALE)


@dataclass(frozen=True)
class Change:
    """A change of health.

    Args:
        subject: An export's id, or `LOAD`.
        title: What to call it.
        before: What it was: `WELL`, `STALE` or the kind of a problem.
        after: What it is.
        text: Why.
        detail: The error, where there is one.
        since: Since when it is what it is, where that is known.
        lasted: How long it was what it was, of a recovery.
    """

    subject: str
    title: str
    before: str
    after: str
    text: str = ""
    detail: str = ""
    since: datetime | None = None
    lasted: timedelta | None = None

    @property
    def is_recovery(self) -> bool:
        """It is well again."""
        return self.after == WELL

    @property
    def is_severe(self) -> bool:
        """It is worth waking somebody."""
        return self.after in _BAD_LOAD


Recoveries = Callable[[], Sequence[Mapping[str, Any]]]


def changes(found: Judgement, told: Mapping[str, Told], now: datetime, recoveries: Recoveries) -> list[Change]:
    """What is not what was told.

    While the load is stale nothing is said of the exports: nobody knows how they are.

    Args:
        found: How it stands.
        told: Subject → what was told last; what is not in it counts as well.
        now: When it is asked.
        recoveries: Asked for the ends of incidents, when there is a recovery.
    """
    before = told.get(LOAD)
    if found.is_stale:
        if before is not None and before.state == STALE:
            return []
        return [Change(LOAD, "The load", WELL, STALE, found.headline, since=found.read_at)]
    news = []
    if before is not None and before.state == STALE:
        news.append(Change(LOAD, "The load", STALE, WELL, lasted=now - (before.since_at or before.told_at)))
    for export in found.exports:
        if export.health == RETIRED:  # neither a problem nor a recovery
            continue
        change = _change(export, found, told.get(export.export_id), now, recoveries)
        if change is not None:
            news.append(change)
    return news


def _change(
    export: ExportStatus, found: Judgement, told: Told | None, now: datetime, recoveries: Recoveries
) -> Change | None:
    problem = found.problems.get(export.export_id)
    before, after = told.state if told else WELL, problem.kind if problem else WELL
    if before == after:
        return None
    if problem is None:
        began = told.since_at or told.told_at if told else now
        lasted = _ended(export.export_id, began, now, recoveries) - began
        return Change(export.export_id, export.title, before, WELL, lasted=lasted)
    detail = (export.last_error_message or "") if problem.kind == "failing" else ""
    return Change(export.export_id, export.title, before, after, problem.text, detail, problem.since)


def _ended(export_id: str, began: datetime, now: datetime, recoveries: Recoveries) -> datetime:
    """When it recovered, as the marts tell it; the present where they do not."""
    ends = [
        row["recovered_at"]
        for row in recoveries()
        if row["export_id"] == export_id and row["recovered_at"] and row["recovered_at"] >= began
    ]
    return min(ends, default=now)
