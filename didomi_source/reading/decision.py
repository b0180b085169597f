"""What a log that is known becomes when it is received again."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from .rows import LogRow
from .state import LogState


class Decision(Enum):
    """What to do with a log that is known, or was received before."""

    SKIP = "nothing is new"
    UNMARK = "keep the known state, which is no longer missing at the source"
    WRITE = "replace the known state"


def decide(known: LogState, row: LogRow, latest_credible: datetime) -> Decision:
    """Decide whether a log replaces its known state.

    Args:
        known: The state that the destination holds, or that this run has written.
        row: The log as received now.
        latest_credible: A known `updated_at` beyond this time is wrong, and no reason to keep the known state.
    """
    if known.shows(row.content_hash):
        return Decision.SKIP
    if row.replaces(known, latest_credible):
        return Decision.WRITE
    return Decision.UNMARK if known.is_missing else Decision.SKIP
