"""A calendar of days as one small SVG: a column per week, a path per kind of day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from didomi_source.health.words import MONTHS, counted, day, listed

from .marts import CALENDAR_WEEKS, STRIP_DAYS, Day

STEP = 12  # units from one day to the next
SIZE = 10  # units that a day's square takes
LEFT, TOP = 28, 14  # room for the names of weekdays and months
_TOOLTIPS = 40
_SIDES = {0: "Mon", 2: "Wed", 4: "Fri", 6: "Sun"}
# In the order of the legend and of the summary.
DAY_STATUSES = {
    "completed": "completed",
    "recovered": "completed after a failure",
    "failed": "failed",
    "pending": "pending",
    "unknown": "unknown status",
    "missed": "missed",
    "no_run": "no run due",
}


@dataclass(frozen=True)
class Calendar:
    """An SVG's parts.

    Args:
        width: Of its view box.
        height: Of its view box.
        label: The same in words, for a screen reader.
        paths: Class of a shape → its path.
        months: Where each month begins, and its name.
        sides: Where each named weekday is, and its name.
        tips: Where each day that is not simply completed is, and its tooltip.
    """

    width: int
    height: int
    label: str
    paths: dict[str, str]
    months: Sequence[tuple[int, str]] = ()
    sides: Sequence[tuple[int, str]] = ()
    tips: Sequence[tuple[int, int, str]] = ()


@dataclass(frozen=True)
class Square:
    """A day of a calendar.

    Args:
        on: The day.
        kind: How it is drawn, see `shapes_of`.
        is_plain: Nothing is to be said of it.
        text: Its tooltip otherwise.
    """

    on: date
    kind: str
    is_plain: bool
    text: str


def runs_calendar(name: str, days: Sequence[Day], today: date) -> Calendar:
    """Draw the runs of half a year."""
    shown = [d for d in days if calendar_start(today) <= d.run_date <= today]
    squares = [Square(d.run_date, d.day_status, d.day_status in {"completed", "no_run"}, _runs(d)) for d in shown]
    return calendar(name, squares, today, summary(shown, today))


def calendar(name: str, squares: Sequence[Square], today: date, words: str) -> Calendar:
    """Draw half a year, a column per week from Monday to Sunday.

    Args:
        name: Whose.
        squares: The days, in order; others stay empty.
        today: The last day.
        words: The same in words.
    """
    start = calendar_start(today)
    shown = [square for square in squares if start <= square.on <= today]

    def place(value: date) -> tuple[int, int]:
        weeks, weekday = divmod((value - start).days, 7)
        return LEFT + weeks * STEP, TOP + weekday * STEP

    return Calendar(
        width=LEFT + CALENDAR_WEEKS * STEP,
        height=TOP + 7 * STEP,
        label=f"{name}, {CALENDAR_WEEKS} weeks to {day(today, today)}: {words}.",
        paths=_paths((square.kind, *place(square.on)) for square in shown),
        months=_months(start, today),
        sides=[(TOP + row * STEP + SIZE - 2, text) for row, text in _SIDES.items()],
        tips=_tips(shown, place, today),
    )


def strip(name: str, days: Sequence[Day], today: date) -> Calendar:
    """Draw the last 28 days in one row."""
    start = today - timedelta(days=STRIP_DAYS - 1)
    shown = [d for d in days if start <= d.run_date <= today]
    return Calendar(
        width=STRIP_DAYS * STEP,
        height=SIZE,
        label=f"{name}, {STRIP_DAYS} days to {day(today, today)}: {summary(shown, today)}.",
        paths=_paths((d.day_status, (d.run_date - start).days * STEP, 0) for d in shown),
    )


def calendar_start(today: date) -> date:
    """The Monday that the calendars begin with."""
    return today - timedelta(days=today.weekday() + 7 * (CALENDAR_WEEKS - 1))


def legend() -> list[tuple[str, str, dict[str, str]]]:
    """Each kind of day, what it is called, and how it is drawn at the origin."""
    return [(kind, text, shapes_of(kind)) for kind, text in DAY_STATUSES.items()]


def shapes_of(kind: str) -> dict[str, str]:
    """A kind of day, drawn at the origin."""
    return _paths([(kind, 0, 0)])


def summary(days: Sequence[Day], today: date) -> str:
    """How many days of each kind there were, and the last days with a failure or without a run."""
    counts = Counter(d.day_status for d in days)
    parts = [f"{counted(counts[kind], 'day')} {label}" for kind, label in DAY_STATUSES.items() if counts[kind]]
    text = ", ".join(parts) or "no day with a run"
    for kind, words in (("failed", "last failed on"), ("missed", "last missed on")):
        dates = [day(d.run_date, today) for d in days if d.day_status == kind]
        text += f"; {words} {listed(dates[::-1][:3])}" if dates else ""
    return text


def _paths(squares: Iterable[tuple[str, int, int]]) -> dict[str, str]:
    paths: dict[str, list[str]] = {}
    for kind, x, y in squares:
        for shape, path in _shapes(kind, x, y):
            paths.setdefault(shape, []).append(path)
    return {shape: "".join(parts) for shape, parts in paths.items()}


def _shapes(kind: str, x: int, y: int) -> list[tuple[str, str]]:
    """A day's shapes, by class of the style sheet: what it is can be read from form alone."""
    square = f"M{x + 1} {y + 1}h8v8h-8z"
    middle = f"M{x + 5} {y + 5}h0"
    bar = f"M{x + 3} {y + 5}h4"
    shapes = {
        "completed": [("ok", square)],
        "recovered": [("ok", square), ("half", f"M{x + 1} {y + 1}v8h8z")],
        "failed": [("fail", square), ("cross", f"M{x + 2.5:g} {y + 2.5:g}l5 5m0-5l-5 5")],
        "pending": [("wait", square), ("dot", middle)],
        "missed": [("gone", square)],
        "no_run": [("none", middle)],
        "more": [("fail", square), ("cross", f"M{x + 5} {y + 2.5:g}v5{bar}")],
        "unreadable": [("fail", square), ("cross", bar)],
        "lost": [("lost", square)],
        "unfinished": [("lost", square), ("spot", middle)],
        "uncompared": [("gone", square), ("none", middle)],
    }
    return shapes.get(kind) or [("odd", square), ("bar", bar)]


def _months(start: date, today: date) -> list[tuple[int, str]]:
    """The first Monday of each month; not where the name would have no room."""
    mondays = [start + timedelta(days=7 * week) for week in range(CALENDAR_WEEKS)]
    return [
        (LEFT + week * STEP, MONTHS[monday.month - 1])
        for week, monday in enumerate(mondays)
        if monday.day <= 7 and (today - monday).days >= 7  # noqa: PLR2004 - the days of a week
    ]


def _tips(
    squares: Sequence[Square], place: Callable[[date], tuple[int, int]], today: date
) -> list[tuple[int, int, str]]:
    uncommon = [square for square in squares if not square.is_plain][-_TOOLTIPS:]
    return [(*place(square.on), f"{day(square.on, today)}: {square.text}") for square in uncommon]


def _runs(found: Day) -> str:
    parts = [
        (found.runs_completed, "completed"),
        (found.runs_failed, "failed"),
        (found.runs_pending, "pending"),
        (found.runs_unknown, "unknown"),
        (found.runs_missed, "missed"),
    ]
    return ", ".join(f"{count} {text}" for count, text in parts if count)
