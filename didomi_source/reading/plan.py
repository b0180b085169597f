"""How much of an export's list a run has to read, and why: decided by what the destination holds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from didomi_source.settings import Settings

from .destination import KnownExport


def new_run_id() -> str:
    """A name for a run: its time and a few random digits."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


@dataclass(frozen=True)
class Request:
    """What a run is asked to read, and its name.

    Args:
        run_id: Names the run in every table; each run needs another one.
        full: Read the whole list of every export.
        created_from: With `created_to`: only logs created in this range, both ends included; nothing
            else is touched (a backfill).
        created_to: See `created_from`.
    """

    run_id: str = field(default_factory=new_run_id)
    full: bool = False
    created_from: datetime | None = None
    created_to: datetime | None = None

    @property
    def is_backfill(self) -> bool:
        """Whether a range was asked for."""
        return self.created_from is not None or self.created_to is not None

    def covers(self, created_at: datetime | None) -> bool:
        """Whether a log created at this time is asked for."""
        return not self.is_backfill or (
            created_at is not None
            and (self.created_from is None or created_at >= self.created_from)
            and (self.created_to is None or created_at <= self.created_to)
        )


class Plan(NamedTuple):
    """How far to read: down to the watermark `until`, a time of creation, or everything."""

    mode: str
    reason: str
    until: datetime | None


def plan(known: KnownExport, settings: Settings, request: Request, now: datetime) -> Plan:
    """Decide how much of an export's list has to be read.

    The watermark is the smaller of the newest log known (by the last complete read, and by the
    destination itself) less the lookback, and the oldest log that is not settled yet.
    """
    if request.is_backfill:
        return Plan("backfill", "asked for", request.created_from)
    reason = _reason_for_full(known, settings, request, now)
    if reason is None and known.newest_created_at and known.complete_newest_created_at:
        newest = min(known.newest_created_at, known.complete_newest_created_at)
        until = newest - timedelta(days=settings.lookback_days)
        if known.oldest_open_created_at is not None:
            until = min(until, known.oldest_open_created_at)
        return Plan("incremental", f"logs since {until:%Y-%m-%d %H:%M} UTC", until)
    return Plan("full", reason or "no log with a time is known", None)


def _reason_for_full(known: KnownExport, settings: Settings, request: Request, now: datetime) -> str | None:
    if request.full:
        return "asked for"
    every = timedelta(days=settings.full_read_every_days)
    is_due = known.full_read_at is None or now - known.full_read_at >= every
    return _lack_of(known) or (f"every {settings.full_read_every_days:g} days" if is_due else None)


def _lack_of(known: KnownExport) -> str | None:
    """Why what the destination holds is no ground for an incremental read."""
    if known.complete_logs_known is None:
        return "first complete read"
    if known.count < known.complete_logs_known:
        return f"the destination holds {known.count} of {known.complete_logs_known} logs"
    if known.without_history:
        return f"the history lacks {known.without_history} logs"
    return "logs without a time" if known.has_logs_without_time else None
