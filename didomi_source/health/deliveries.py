"""How each delivery is: the rows of the mart `didomi__deliveries`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, timedelta, timezone
from typing import Any

from didomi_source.errors import TableMissing
from didomi_source.warehouse.open import open_marts
from didomi_source.warehouse.read import Warehouse, select
from didomi_source.warehouse.target import Target

from .verdicts import Verdict
from .words import distinct_names

MART = "didomi__deliveries"
USERS = "users"  # the kind that need not be named
_RECENT = timedelta(days=6)  # before today: seven days, as `deliveries_wrong_7d`
_DISTANT = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class DeliveryStatus:
    """One row of `didomi__deliveries`; the fields are columns and mean what sql/README.md says."""

    export_id: str
    delivery_date: date
    data_kind: str
    verdict: Verdict
    verdict_reason: str
    is_wrong: bool
    claimed_records: int | None
    delivered_records: int | None
    missing_records: int | None
    file_count: int | None
    file_bytes: int | None
    expires_at: datetime | None
    is_about_to_expire: bool
    gone_since_at: datetime | None
    archived_to: str | None
    archived_at: datetime | None
    name: str | None = None

    def __post_init__(self) -> None:
        """The mart holds the verdict as a text."""
        object.__setattr__(self, "verdict", Verdict(self.verdict))

    @property
    def key(self) -> tuple[str, date, str]:
        """What identifies it: export, day and kind of data."""
        return self.export_id, self.delivery_date, self.data_kind

    @property
    def name_in_full(self) -> str:
        """What it is called: the export and the day."""
        kind = "" if self.data_kind == USERS else f" ({self.data_kind})"
        return f"{self.title}: delivery of {self.delivery_date}{kind}"

    @property
    def sentence(self) -> str:
        """What is wrong with it."""
        return f"{self.name_in_full} {self.verdict.now} ({self.verdict_reason})"

    @property
    def title(self) -> str:
        """The export's name, or its id where it has none."""
        return self.name or self.export_id

    @property
    def css_class(self) -> str:
        """Its class in the style sheet: what cannot be compared is neither good nor bad."""
        return "bad" if self.is_wrong else "good" if self.verdict is Verdict.AS_CLAIMED else "meta"

    def as_dict(self) -> dict[str, Any]:
        """The row for machines: days and times as ISO 8601."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}


def read_deliveries(
    target: Target, export_ids: Collection[str] = (), first: date | None = None, last: date | None = None
) -> list[DeliveryStatus]:
    """Read how the deliveries are.

    Args:
        target: Which warehouse and dataset.
        export_ids: Only these exports; empty means all.
        first: The first day; None for the oldest.
        last: The last day; None for the newest.

    Returns:
        The newest day first, and a day's deliveries by the title of their export.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    with open_marts(target) as warehouse:
        found = deliveries_in(warehouse, target.marts)
    return [
        delivery
        for delivery in found
        if (not export_ids or delivery.export_id in export_ids)
        and (first or date.min) <= delivery.delivery_date <= (last or date.max)
    ]


@dataclass(frozen=True)
class RecentDeliveries:
    """The deliveries to know of today; none where deliveries are not read.

    Args:
        rows: Those of the last seven days and those about to expire, the newest day first.
        now: The time.
    """

    rows: Sequence[DeliveryStatus] = ()
    now: datetime = _DISTANT

    @property
    def recent(self) -> list[DeliveryStatus]:
        """Those of the last seven days."""
        since = self.now.date() - _RECENT
        return [one for one in self.rows if one.delivery_date >= since]

    @property
    def wrong(self) -> list[DeliveryStatus]:
        """The wrong ones of the last seven days."""
        return [one for one in self.recent if one.is_wrong]

    @property
    def expiring(self) -> list[DeliveryStatus]:
        """Those that are deleted within 48 hours and are not archived."""
        return [one for one in self.rows if one.is_about_to_expire and one.expires_at and one.expires_at > self.now]

    @property
    def is_archived(self) -> bool:
        """Deliveries are archived: one that expires without it is a surprise."""
        return any(one.archived_at for one in self.rows)

    @property
    def expiry(self) -> str:
        """What is deleted soon, as a predicate of its number; an empty text for nothing."""
        if not self.expiring:
            return ""
        first = min(one.expires_at for one in self.expiring if one.expires_at)
        count = len(self.expiring)
        which = f"{count:,} deliveries are" if count > 1 else "1 delivery is"
        return f"{which} deleted by Didomi within 48 hours, first {first:%Y-%m-%d %H:%M} UTC, not archived"

    def as_dict(self) -> dict[str, Any] | None:
        """For machines; None where deliveries are not read."""
        if not self.rows:
            return None
        return {name: [one.as_dict() for one in getattr(self, name)] for name in ("wrong", "expiring")}


NO_DELIVERIES = RecentDeliveries()


def read_recent_deliveries(target: Target, export_ids: Collection[str], now: datetime) -> RecentDeliveries:
    """Read how the deliveries of the last seven days are, and which are deleted soon.

    Args:
        target: Which warehouse and dataset.
        export_ids: Only these exports; empty means all.
        now: The time.

    Returns:
        The deliveries; none where the models are older than deliveries.

    Raises:
        DestinationError: The warehouse cannot be read.
    """
    since = now.date() - _RECENT
    try:
        with open_marts(target) as warehouse:
            found = deliveries_in(warehouse, target.marts, "where delivery_date >= %s or is_about_to_expire", since)
    except TableMissing:
        return RecentDeliveries((), now)
    return RecentDeliveries([one for one in found if not export_ids or one.export_id in export_ids], now)


def deliveries_in(warehouse: Warehouse, schema: str, condition: str = "", *values: Any) -> list[DeliveryStatus]:
    """Read the mart.

    Raises:
        DestinationError: The models have not been built, or the warehouse cannot be read.
    """
    names = distinct_names(select(warehouse, schema, "didomi__exports", ("export_id", "organization_id", "name")))
    columns = [field.name for field in fields(DeliveryStatus) if field.name != "name"]
    rows = select(warehouse, schema, MART, columns, condition, *values)
    found = [DeliveryStatus(**row, name=names.get(row["export_id"])) for row in rows]
    return sorted(found, key=lambda one: (-one.delivery_date.toordinal(), one.title.casefold(), one.data_kind))
