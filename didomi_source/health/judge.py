"""Whether the exports are as they should be, and whether that can be believed: an old load knows nothing of today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .headline import THEN, headline
from .status import RETIRED, ExportStatus
from .words import span

MAX_AGE = timedelta(hours=26)  # a daily schedule, and two hours of grace
SEVERE = ("failing", "late")
KINDS = (*SEVERE, "stuck", "unread", "below_rate")


@dataclass(frozen=True)
class Limits:
    """What is still good.

    Args:
        max_age: How old the last complete read may be, of all exports and of each.
        min_rate: The least success rate over 28 days (0 to 1); None asks for none.
    """

    max_age: timedelta = MAX_AGE
    min_rate: float | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong with an export.

    Args:
        kind: One of `KINDS`.
        text: In words.
        since: Since when, where that is known.
    """

    kind: str
    text: str
    since: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        return {"kind": self.kind, "text": self.text, "since": self.since.isoformat() if self.since else None}


@dataclass(frozen=True)
class Judgement:
    """How it stands.

    Args:
        exports: The worst first.
        problems: Export → what is wrong with it.
        read_at: The last complete read of any export that the models know of.
        age: How long ago that was.
        is_stale: It is too long ago: nobody knows what happened since.
    """

    exports: Sequence[ExportStatus]
    problems: Mapping[str, Problem]
    read_at: datetime | None
    age: timedelta | None
    is_stale: bool

    @property
    def state(self) -> str:
        """`healthy`, `unhealthy` or `stale`."""
        return "stale" if self.is_stale else "unhealthy" if self.problems else "healthy"

    @property
    def exit_code(self) -> int:
        """0 when all is well; 1 when an export is not, or the load is too old to tell."""
        return 0 if self.state == "healthy" else 1

    @property
    def headline(self) -> str:
        """One sentence without its full stop."""
        if not self.exports:
            return "No export is known yet"
        health = Counter(export.health for export in self.exports)
        if self.is_stale:
            old = f"for {span(self.age)}" if self.age is not None else "yet"
            then = headline(health, tense=THEN)
            return f"Nothing has been read completely and built {old}; by then, {then[0].lower()}{then[1:]}"
        counts = Counter(problem.kind for problem in self.problems.values())
        words = headline(health, unread=counts["unread"])
        low = counts["below_rate"]
        return f"{words}; {low} below the least success rate" if low else words

    def as_dict(self) -> dict[str, Any]:
        """For machines; stable keys."""
        return {
            "state": self.state,
            "headline": self.headline,
            "read_at": self.read_at.isoformat() if self.read_at else None,
            "age_seconds": int(self.age.total_seconds()) if self.age is not None else None,
            "exports": [
                {
                    **export.as_dict(),
                    "problem": self.problems[export.export_id].as_dict() if export.export_id in self.problems else None,
                }
                for export in self.exports
            ],
        }


def judge(exports: Sequence[ExportStatus], now: datetime, limits: Limits = Limits()) -> Judgement:
    """Say how it stands.

    Args:
        exports: The worst first.
        now: When it is asked.
        limits: What is still good.
    """
    reads = [export.last_complete_sync_at for export in exports if export.last_complete_sync_at]
    read_at = max(reads, default=None)
    age = now - read_at if read_at else None
    found = {export.export_id: _problem(export, now, limits) for export in exports}
    problems = {export_id: problem for export_id, problem in found.items() if problem}
    return Judgement(exports, problems, read_at, age, age is None or age > limits.max_age)


def _problem(export: ExportStatus, now: datetime, limits: Limits) -> Problem | None:
    """The first that applies: what Didomi says, then what it could not be asked, then the rate."""
    if export.health == RETIRED:
        return None
    read_at = export.last_complete_sync_at
    is_unread = read_at is None or now - read_at > limits.max_age
    since = {
        "failing": export.failing_since_at,
        "late": export.expected_next_run_at,
        "stuck": export.oldest_pending_at,
    }
    # An export that cannot be read looks late: the next run would have been seen, if there was one.
    if export.health in since and not (is_unread and export.health == "late"):
        return Problem(export.health, export.health_reason, since[export.health])
    if is_unread:
        how = f"for {span(now - read_at)}" if read_at else "yet"
        return Problem("unread", f"it has not been read completely {how}", read_at)
    rate = export.success_rate_28d
    if limits.min_rate is not None and rate is not None and rate < limits.min_rate:
        text = f"{export.runs_failed_28d} of {_settled(export)} runs of 28 days failed"
        return Problem("below_rate", text, None)
    return None


def _settled(export: ExportStatus) -> int:
    return (export.runs_completed_28d or 0) + (export.runs_failed_28d or 0)
