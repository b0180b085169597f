"""What becomes of a log that is known when it is received again."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from didomi_source.reading.decision import Decision, decide
from didomi_source.reading.rows import LogRow, ReadContext
from didomi_source.reading.state import LogState

NOON = datetime(2026, 5, 31, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SKIP, UNMARK, WRITE = Decision.SKIP, Decision.UNMARK, Decision.WRITE


def row(status: str, updated_at: datetime | None, content_hash: str = "new") -> LogRow:
    read = ReadContext("run-1", NOON, 1)
    return LogRow("a", "e", None, status, None, None, None, None, updated_at, "{}", None, content_hash, *read)


@pytest.mark.parametrize(
    ("known", "received", "expected"),
    [
        (LogState("same", updated_at=NOON), row("pending", NOON, "same"), SKIP),
        (LogState("same", is_missing=True), row("pending", NOON, "same"), WRITE),
        (LogState("", updated_at=NOON), row("pending", NOON), WRITE),
        (LogState("old", updated_at=NOON), row("pending", NOON), WRITE),
        (LogState("old", updated_at=NOON), row("pending", NOON + HOUR), WRITE),
        (LogState("old", updated_at=NOON), row("pending", NOON - HOUR), SKIP),
        (LogState("old", updated_at=NOON, is_missing=True), row("pending", NOON - HOUR), UNMARK),
        (LogState("old", updated_at=NOON), row("pending", None), WRITE),
        (LogState("old"), row("pending", NOON - HOUR), WRITE),
        (LogState("old", updated_at=NOON + 2 * HOUR), row("pending", NOON), WRITE),  # no clock shows that yet
        (LogState("old", updated_at=NOON), row("completed", NOON - HOUR), WRITE),
        (LogState("old", is_settled=True), row("pending", NOON), SKIP),
        (LogState("old", is_settled=True), row(" Failed ", NOON - HOUR), WRITE),
        (LogState("old", is_settled=True, is_missing=True), row("pending", NOON), UNMARK),
        (LogState("old", is_settled=True, updated_at=NOON), row("failed", NOON), WRITE),
        (LogState("old", is_settled=True, updated_at=NOON), row("failed", NOON - HOUR), SKIP),
    ],
)
def test_a_known_log_is_replaced_by_what_is_newer(known: LogState, received: LogRow, expected: Decision) -> None:
    """Settled before pending, the later update before the earlier; a log that is back loses its mark in any case."""
    assert decide(known, received, NOON + HOUR) is expected
