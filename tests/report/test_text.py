"""Numbers, times and foreign text as they are written on the page."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from didomi_source.health import words as text

TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain – ünïcode 漢字 👩‍🚀", "plain – ünïcode 漢字 👩‍🚀"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x00 \x1b[31m \x7f", r"\x00 \x1b[31m \x7f"),
        ("\x85", r"\x85"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("line\u2028separator", r"line\u2028separator"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_every_character_from_outside_is_seen(given, shown):
    """Controls, bidi marks and zero widths are shown as what they are; nothing of them reaches the page."""
    assert text.visible(given) == shown


def test_a_long_text_is_cut_at_a_word():
    """A cut is told by an ellipsis, and whitespace becomes one space."""
    assert text.shortened("one  two\nthree", 20) == "one two three"
    assert text.shortened("one two three four five", 20) == "one two three four …"
    assert text.shortened("x" * 30, 20) == "x" * 19 + " …"


@pytest.mark.parametrize(
    ("number", "told"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (12_345, "12.3 k"), (999_499, "999 k"), (999_999, "1.00 M"), (5.43e6, "5.43 M"), (2.5e9, "2.50 G")],
)  # fmt: skip
def test_large_numbers_have_three_digits(number, told):
    """Three digits are as many as one reads."""
    assert text.short(number).replace("\u202f", " ") == told


def test_only_all_is_a_hundred_percent():
    """A rate is never rounded up to all or down to nothing."""
    rates = [None, 0.0, 0.0001, 0.5, 0.78571, 0.9999, 1.0]
    assert [text.percent(rate) for rate in rates] == ["–", "0%", "0.1%", "50.0%", "78.6%", "99.9%", "100%"]


def test_changes_carry_a_sign():
    """Also the change that is none."""
    assert [text.change(rate) for rate in (0.071, -0.62, 0.001, 12.5)] == ["+7%", "−62%", "±0%", "+1\u202f250%"]
    assert [text.points(rate) for rate in (0.145, -0.145, 0.0)] == ["+14.5 points", "−14.5 points", "±0.0 points"]


def test_days_tell_their_year_only_when_it_is_another():
    """Names of days and months do not depend on the locale."""
    assert text.day(date(2026, 11, 19), TODAY) == "Thu 19\u202fNov"
    assert text.day(date(2025, 1, 1), TODAY) == "Wed 1\u202fJan 2025"
    assert text.moment(datetime(2026, 11, 19, 9, 41, tzinfo=timezone.utc), TODAY) == "Thu 19\u202fNov 09:41"
    assert text.long_day(TODAY) == "Tuesday 24 Nov 2026"


@pytest.mark.parametrize(
    ("distance", "long", "short"),
    [
        ({"seconds": 30}, "less than a minute", "just now"),
        ({"minutes": 1}, "1 minute", "1 min ago"),
        ({"minutes": 119}, "119 minutes", "119 min ago"),
        ({"hours": 5}, "5 hours", "5 h ago"),
        ({"hours": 47}, "47 hours", "47 h ago"),
        ({"days": 3, "hours": 23}, "3 days", "3 d ago"),
    ],
)
def test_distances_are_told_in_the_unit_that_fits(distance, long, short):
    """Whole units that have passed."""
    assert (text.span(timedelta(**distance)), text.age(timedelta(**distance))) == (long, short)


def test_lists_end_with_how_many_are_left_out():
    """Up to a limit all are named."""
    found = [text.listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d", "e"])]
    assert found == ["", "a", "a and b", "a, b and c", "a, b, c and 2 more"]


def test_schedules_are_told_in_words():
    """What is not known is called so."""
    found = [
        text.schedule("1 day", 86_400, None),
        text.schedule("1 week", 604_800, None),
        text.schedule("6 hours", 21_600, None),
        text.schedule("1 month", None, 1),
        text.schedule("3 months", None, 3),
        text.schedule("now and then", None, None),
        text.schedule(None, None, None),
    ]
    assert found == [
        "daily",
        "weekly",
        "every 6 hours",
        "monthly",
        "every 3 months",
        "schedule “now and then”",
        "schedule unknown",
    ]
