"""The ledger of notifications: two tables beside the raw ones, in the SQL that all four warehouses share.

Rows of `notifications` are only inserted. `notification_lease` is a lease: its one row names the machine that sends.
`update … where holder = …` lets one of two machines through in each warehouse, also where no key is enforced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from didomi_source.errors import DestinationError, RunLocked, TableMissing
from didomi_source.warehouse.errors import named_errors
from didomi_source.warehouse.read import select
from didomi_source.warehouse.target import Target

if TYPE_CHECKING:
    import dlt

TABLE, LEASE = "notifications", "notification_lease"
LEASE_SECONDS = 300
WAIT_SECONDS = 30.0
_TYPES = {"bigquery": ("string", "timestamp"), "snowflake": ("varchar", "timestamp_tz")}


@dataclass(frozen=True)
class Told:
    """What a channel was sent last about a subject."""

    state: str
    since_at: datetime | None
    told_at: datetime


class Ledger:
    """The two tables."""

    def __init__(self, pipeline: dlt.Pipeline, target: Target) -> None:
        self._pipeline, self._target = pipeline, target

    def prepare(self) -> None:
        """Create the tables, where they do not exist."""
        text, timestamp = _TYPES.get(self._target.destination, ("varchar", "timestamp with time zone"))
        columns = f"target {text}, subject {text}, state {text}, since_at {timestamp}, told_at {timestamp}"
        self._create(TABLE, columns)
        self._create(LEASE, f"holder {text}, taken_at {timestamp}")
        self._execute(
            "insert into {} (holder, taken_at) select '', current_timestamp from (select 1 as one) as one_row "
            "where not exists (select 1 from {})",
            LEASE,
        )

    def _create(self, table: str, columns: str) -> None:
        statement = f"create table if not exists {{}} ({columns})"
        try:
            self._execute(statement, table)
        except DestinationError:
            # PostgreSQL refuses all but one of concurrent statements that create a table; now it exists.
            self._execute(statement, table)

    def told(self, target: str) -> dict[str, Told]:
        """Subject → what a channel was sent last; empty while the table does not exist."""
        columns = ("subject", "state", "since_at", "told_at")
        try:
            rows = self._select(TABLE, columns, "where target = %s order by told_at", target)
        except TableMissing:
            return {}
        return {row["subject"]: Told(row["state"], row["since_at"], row["told_at"]) for row in rows}

    def write(self, target: str, told: Sequence[tuple[str, str, datetime | None]]) -> None:
        """Insert what a channel was sent: subject, state, and when the state began."""
        for subject, state, since in told:
            # BigQuery does not know the type of a parameter that is None.
            place = "null" if since is None else "%s"
            given = [target, subject, state, *([] if since is None else [since])]
            self._execute(
                "insert into {} (target, subject, state, since_at, told_at) "  # noqa: S608 - no value is in it
                f"values (%s, %s, %s, {place}, current_timestamp)",
                TABLE,
                *given,
            )

    @cached_property
    def _recoveries(self) -> Sequence[Mapping[str, Any]]:
        return select(
            self._pipeline,
            self._target.marts,
            "didomi__export_incidents",
            ("export_id", "recovered_at"),
            "where recovered_at is not null",
        )

    def recoveries(self) -> Sequence[Mapping[str, Any]]:
        """The ends of incidents, from the marts."""
        return self._recoveries

    @contextmanager
    def alone(self, report: Callable[[str], None], wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
        """Hold the lease, so that no other machine sends.

        The lease of a machine that died is taken over after five minutes, by the warehouse's clock.

        Raises:
            RunLocked: Another machine holds the lease for longer than the wait.
        """
        me = uuid4().hex
        deadline = time.monotonic() + wait_seconds
        while not self._take(me):
            if time.monotonic() >= deadline:
                raise RunLocked("another machine is telling of the same changes: nothing is left to be done here")
            report("Waiting for another machine that is telling")
            time.sleep(1)
        try:
            yield
        finally:
            self._change_holder(me, "")

    def _take(self, me: str) -> bool:
        self._change_holder("", me)
        rows = self._select(LEASE, ("holder", "taken_at", "current_timestamp"))
        if rows and all(row["holder"] == me for row in rows):
            return True
        # Where no key is enforced, two machines can have inserted the row at once: the lease is both rows then.
        self._change_holder(me, "")
        for row in rows:
            if row["holder"] and (row["current_timestamp"] - row["taken_at"]).total_seconds() > LEASE_SECONDS:
                self._change_holder(row["holder"], "")
        return False

    def _change_holder(self, old: str, new: str) -> None:
        self._execute("update {} set holder = %s, taken_at = current_timestamp where holder = %s", LEASE, new, old)

    def _select(self, table: str, columns: Sequence[str], condition: str = "", *values: Any) -> list[dict[str, Any]]:
        return select(self._pipeline, self._target.dataset, table, columns, condition, *values)

    def _execute(self, statement: str, table: str, *values: Any) -> None:
        with (
            named_errors(self._pipeline),
            self._pipeline.sql_client() as client,
            client.with_alternative_dataset_name(self._target.dataset),
        ):
            name = client.make_qualified_table_name(table)
            client.execute_sql(statement.format(*[name] * statement.count("{}")), *values)
