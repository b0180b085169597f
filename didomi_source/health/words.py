"""How numbers, times, names and texts from outside are written."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

# Not strftime's: a name must not depend on the locale of who writes the page.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NARROW_SPACE = "\u202f"
_MINUS = "\u2212"
NOTHING = "\u2013"  # a dash where there is no value

_LAST_BYTE = 0xFF
# Categories of characters that are not seen: controls, formats (bidi marks, zero widths), surrogates, line separators.
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_KEPT = "\n\t\u200d"  # the zero-width joiner holds emoji together

_FREQUENCY_LENGTH = 40


def visible(text: str) -> str:
    """A text from outside in which every character is seen: a control is written as its code."""
    if text.isprintable():
        return text
    return "".join(_seen(c) for c in text)


def _seen(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in _UNSEEN:
        return character
    # Signs for them exist (U+241B), but few fonts have them.
    code = ord(character)
    return f"\\x{code:02x}" if code <= _LAST_BYTE else f"\\u{code:04x}"


def shortened(text: str, length: int) -> str:
    """The beginning of a text on one line, cut at a word where one ends nearby."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[: length - 1]
    word = cut.rfind(" ")
    return f"{cut[:word] if word > length * 3 // 4 else cut} …"


def grouped(number: float) -> str:
    """A whole number in groups of three: 206 430."""
    return f"{round(number):,}".replace(",", _NARROW_SPACE).replace("-", _MINUS)


def short(number: float) -> str:
    """A number in three digits: 583 k, 6.10 M."""
    size = abs(number)
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        # What would be written as 1000 k is 1.00 M.
        if size >= limit * 0.9995:
            value = number / limit
            digits = max(0, 2 - int(math.log10(max(abs(value), 1.0)) + 1e-9))
            return f"{value:.{digits}f}{_NARROW_SPACE}{unit}".replace("-", _MINUS)
    return grouped(number)


def percent(rate: float | None, sign: str = "") -> str:
    """A rate with one decimal: 100% and 0% are exact, a rate close to them is 99.9% or 0.1%.

    Args:
        rate: 0 to 1, or a difference of that size.
        sign: "+" to print the sign of a positive difference.
    """
    if rate is None:
        return NOTHING
    if rate in {0, 1}:
        return f"{rate:{sign}.0%}"
    size = max(abs(rate), 0.001)
    return f"{math.copysign(min(size, 0.999) if size < 1 else size, rate):{sign}.1%}"


def change(rate: float) -> str:
    """A relative change with its sign, as +7%."""
    value = round(rate * 100)
    sign = "+" if value > 0 else _MINUS if value < 0 else "±"
    return f"{sign}{grouped(abs(value))}%"


def points(difference: float) -> str:
    """A difference of two rates in percentage points, with its sign."""
    value = round(difference * 100, 1)
    sign = "+" if value > 0 else _MINUS if value < 0 else "±"
    return f"{sign}{abs(value):.1f} points"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """1 run, 2 runs."""
    return f"{grouped(number)} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], limit: int = 3) -> str:
    """A, B and C; or A, B, C and 4 more."""
    shown = list(names[:limit])
    if len(names) > limit:
        return f"{', '.join(shown)} and {grouped(len(names) - limit)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def day(value: date, today: date) -> str:
    """Thu 19 Nov; with the year unless it is this one."""
    year = f" {value.year}" if value.year != today.year else ""
    return f"{_DAYS[value.weekday()]} {value.day}{_NARROW_SPACE}{MONTHS[value.month - 1]}{year}"


def long_day(value: date) -> str:
    """Thursday 19 November 2026 would be too long: Thursday 19 Nov 2026."""
    return f"{_LONG_DAYS[value.weekday()]} {value.day} {MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime, today: date) -> str:
    """Thu 19 Nov 09:41, in UTC."""
    return f"{day(value.date(), today)} {value:%H:%M}"


def span(duration: timedelta) -> str:
    """How long, in the unit that fits: 12 minutes, 5 hours, 3 days."""
    minutes = int(duration.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 2 * 60:
        return counted(minutes, "minute")
    if minutes < 2 * 24 * 60:
        return counted(minutes // 60, "hour")
    return counted(minutes // (24 * 60), "day")


def age(duration: timedelta) -> str:
    """How long ago, short: 12 min ago, 5 h ago, 3 d ago."""
    minutes = int(duration.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 2 * 60:
        return f"{minutes} min ago"
    if minutes < 2 * 24 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} d ago"


def schedule(frequency: str | None, seconds: int | None, months: int | None) -> str:
    """How often an export runs."""
    known = {3600: "hourly", 86_400: "daily", 604_800: "weekly"}
    if months is not None:
        return "monthly" if months == 1 else f"every {months} months"
    if seconds is None:
        return f"schedule “{shortened(frequency, _FREQUENCY_LENGTH)}”" if frequency else "schedule unknown"
    return known.get(seconds) or f"every {frequency or span(timedelta(seconds=seconds))}"


def distinct_names(exports: Sequence[Mapping[str, Any]]) -> dict[str, str | None]:
    """Export id → name, with the id behind it where the organization has another export of that name.

    Args:
        exports: Rows with `export_id`, `name` and, unless all are of one organization, `organization_id`.
    """
    count = Counter((row.get("organization_id"), row["name"]) for row in exports if row["name"])
    return {
        row["export_id"]: f"{row['name']} ({row['export_id']})"
        if count[row.get("organization_id"), row["name"]] > 1
        else row["name"]
        for row in exports
    }
