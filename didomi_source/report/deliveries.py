"""The section of delivered files: calendars of verdicts, the wrong deliveries, and what expires when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from didomi_source.health.deliveries import DeliveryStatus
from didomi_source.health.status import ExportStatus
from didomi_source.health.verdicts import Verdict
from didomi_source.health.words import counted, day, grouped, listed

from .calendar import Calendar, Square, calendar, shapes_of
from .marts import STRIP_DAYS, Marts, by_export
from .verdict import name_of

# Verdicts that look alike, and what the legend calls them.
_LOOKS = {
    "not compared": (Verdict.UNCLAIMED, Verdict.NOT_COMPARABLE),
    "no run, or a failed one": (Verdict.UNANNOUNCED, Verdict.DELIVERED_ALTHOUGH_FAILED),
}
_SHAPES = {
    Verdict.AS_CLAIMED: "completed",
    Verdict.SHORT: "recovered",
    Verdict.MORE: "more",
    Verdict.CORRUPT: "failed",
    Verdict.UNREADABLE: "unreadable",
    Verdict.MISSING: "lost",
    Verdict.NO_SUCCESS: "unfinished",
    Verdict.ARRIVING: "pending",
    Verdict.UNCLAIMED: "uncompared",
    Verdict.NOT_COMPARABLE: "uncompared",
}


@dataclass(frozen=True)
class Expiry:
    """What of an export is deleted.

    Args:
        first_at: When the first of it is.
        soon: Deliveries that are deleted within 48 hours.
        later: Those that are deleted afterwards.
        archived: Those that are archived, and so are no loss.
    """

    first_at: datetime | None
    soon: int
    later: int
    archived: int


@dataclass(frozen=True)
class Delivered:
    """The deliveries of an export.

    Args:
        export: Which.
        calendar: Their verdicts.
        latest: The newest one.
        latest_text: Its day and records in words.
        expiry: What is deleted when; None where files are kept.
    """

    export: ExportStatus
    calendar: Calendar
    latest: DeliveryStatus
    latest_text: str
    expiry: Expiry | None


@dataclass(frozen=True)
class Deliveries:
    """The section.

    Args:
        exports: Those with deliveries, the worst first.
        legend: What the calendars show: its name, and how it is drawn at the origin.
        wrong: The wrong deliveries of the last 28 days, the newest first.
        expiring: How many are deleted within 48 hours and not archived.
    """

    exports: Sequence[Delivered]
    legend: Sequence[tuple[str, dict[str, str]]]
    wrong: Sequence[DeliveryStatus]
    expiring: int


def deliveries(marts: Marts) -> Deliveries | None:
    """The section; None where deliveries are not read."""
    if not marts.deliveries or marts.today is None or marts.as_of is None:
        return None
    since = marts.today - timedelta(days=STRIP_DAYS - 1)
    found = by_export(marts.deliveries)
    exports = [
        _delivered(export, found[export.export_id], marts.today, marts.as_of)
        for export in marts.detailed
        if export.export_id in found
    ]
    return Deliveries(
        exports,
        _legend({_drawn_as(one) for one in marts.deliveries}),
        [one for one in marts.deliveries if one.is_wrong and one.delivery_date >= since],
        sum(one.is_about_to_expire for one in marts.deliveries),
    )


def _delivered(export: ExportStatus, found: Sequence[DeliveryStatus], today: date, as_of: datetime) -> Delivered:
    """The deliveries of an export, the newest day first."""
    worst = {one.delivery_date: one for one in sorted(found, key=_badness, reverse=True)}
    squares = [
        Square(
            on,
            shape_of(_drawn_as(one)),
            one.verdict is Verdict.AS_CLAIMED,
            f"{one.verdict.label}, {one.verdict_reason}",
        )
        for on, one in sorted(worst.items())
    ]
    newest = max(worst)
    return Delivered(
        export,
        calendar(f"Deliveries of {name_of(export)}", squares, today, _summary(list(worst.values()), today)),
        worst[newest],
        f"{day(newest, today)}{_records(worst[newest])}",
        _expiry(found, as_of),
    )


def _badness(one: DeliveryStatus) -> tuple[bool, tuple[int, int]]:
    return not one.is_wrong, one.verdict.rank


def _drawn_as(one: DeliveryStatus) -> Verdict:
    """Its verdict; one that is not comparable and wrong all the same is short, or more than claimed."""
    if one.verdict is not Verdict.NOT_COMPARABLE or not one.is_wrong:
        return one.verdict
    return Verdict.SHORT if (one.missing_records or 0) > 0 else Verdict.MORE


def shape_of(verdict: Verdict) -> str:
    """How the calendar draws a verdict."""
    return _SHAPES.get(verdict, "odd")


def _records(one: DeliveryStatus) -> str:
    if one.delivered_records is None:
        return ""
    if one.claimed_records in {None, one.delivered_records}:
        return f", {counted(one.delivered_records, 'record')}"
    return f", {grouped(one.delivered_records)} of {counted(one.claimed_records or 0, 'record')}"


def _summary(found: Sequence[DeliveryStatus], today: date) -> str:
    counts = Counter(one.verdict for one in found)
    parts = [f"{counted(counts[verdict], 'day')} {verdict.label}" for verdict in reversed(Verdict) if counts[verdict]]
    wrong = sorted((one.delivery_date for one in found if one.is_wrong), reverse=True)
    last = f"; last wrong on {listed([day(on, today) for on in wrong[:3]])}" if wrong else ""
    return ", ".join(parts) + last


def _legend(found: set[Verdict]) -> list[tuple[str, dict[str, str]]]:
    """The verdicts that occur, the good ones first; those that look alike once."""
    names: dict[str, str] = {}
    for verdict in reversed(Verdict):
        if verdict in found:
            alike = next((name for name, verdicts in _LOOKS.items() if verdict in verdicts), verdict.label)
            names.setdefault(alike, shape_of(verdict))
    return [(name, shapes_of(shape)) for name, shape in names.items()]


def _expiry(found: Sequence[DeliveryStatus], as_of: datetime) -> Expiry | None:
    there = [one for one in found if one.expires_at and one.expires_at > as_of and one.gone_since_at is None]
    if not there:
        return None
    lost = [one for one in there if one.archived_at is None]
    soon = sum(one.is_about_to_expire for one in lost)
    first_at = min((one.expires_at for one in lost if one.expires_at), default=None)
    return Expiry(first_at, soon, len(lost) - soon, len(there) - len(lost))
