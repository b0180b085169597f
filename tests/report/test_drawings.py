"""Calendars and charts: what is drawn, and that it can be read by all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest

from didomi_source.errors import ConfigurationError
from didomi_source.report import charts
from didomi_source.report.calendar import DAY_STATUSES, legend, runs_calendar, strip
from didomi_source.report.charts import Rate
from didomi_source.report.marts import Day, Volume
from support.marts import COUNTS, DAYS, TODAY

SVG = "{http://www.w3.org/2000/svg}"


def days(letters):
    """A day per letter, the last of them today."""
    first = TODAY - timedelta(days=len(letters) - 1)
    return [
        Day("a", first + timedelta(days=i), DAYS[c][0], *(DAYS[c][1].get(n, 0) for n in COUNTS), None, None)
        for i, c in enumerate(letters)
    ]


def paths(svg, colour):
    """The paths that are drawn in a colour of the style sheet."""
    return [e for e in ET.fromstring(svg).iter(f"{SVG}path") if e.get("stroke") == f"var(--{colour})"]


def texts(svg):
    """The texts of a drawing, in order."""
    return list(ET.fromstring(svg).iter(f"{SVG}text"))


def lines(svg, colour):
    """The points of the lines of a colour, to a tenth."""
    return [
        [tuple(round(float(n), 1) for n in p.split(",")) for p in re.split(r"[ML]", part.rstrip("Z")) if p]
        for e in paths(svg, colour)
        for part in re.findall(r"M[^M]+", e.attrib["d"])
    ]


def volume(on, users, expected, is_anomaly):
    """The users of one day."""
    return Volume("a", on, users, None, expected, None, None, is_anomaly)


def test_a_day_is_where_its_week_and_weekday_are():
    """Today, a Tuesday, is in the second row of the last column."""
    found = runs_calendar("A", days("ccf"), TODAY)
    assert (found.width, found.height) == (340, 98)
    assert found.paths == {
        "ok": "M317 87h8v8h-8zM329 15h8v8h-8z",
        "fail": "M329 27h8v8h-8z",
        "cross": "M330.5 28.5l5 5m0-5l-5 5",
    }
    assert found.tips == [(328, 26, "Tue 24\u202fNov: 1 failed")]
    assert found.months == [(28, "Jun"), (88, "Jul"), (136, "Aug"), (196, "Sep"), (244, "Oct"), (292, "Nov")]


def test_each_kind_of_day_has_a_form_of_its_own():
    """Missing, failed and nothing due are told apart without any colour."""
    forms = {kind: (tuple(paths.values()), *_outline(paths)) for kind, _, paths in legend()}
    assert list(forms) == list(DAY_STATUSES)
    assert len(set(forms.values())) == len(forms)


def _outline(paths):
    return ["filled" if {"ok", "fail"} & set(paths) else "empty"]


def test_days_before_the_half_year_are_not_drawn():
    """And an export that is younger begins where it began."""
    assert runs_calendar("A", days("f" + "." * 400 + "c"), TODAY).paths.keys() == {"none", "ok"}
    assert runs_calendar("A", [], TODAY).label == "A, 26 weeks to Tue 24\u202fNov: no day with a run."


def test_a_strip_is_the_last_28_days():
    """In one row."""
    found = strip("A", days("f" * 10 + "c" * 26 + "m."), TODAY)
    assert (found.width, found.height) == (336, 10)
    assert found.paths["gone"] == "M313 1h8v8h-8z"
    assert (
        found.label
        == "A, 28 days to Tue 24\u202fNov: 26 days completed, 1 day missed, 1 day no run due; last missed on Mon 23\u202fNov."
    )


def test_rates_are_drawn_and_their_last_values_written():
    """A day without a rate breaks the line; the axis is told, since it does not begin at 0."""
    rates = [
        Rate(TODAY - timedelta(days=2 - i), week, month)
        for i, (week, month) in enumerate([(1.0, 0.9), (None, 0.9), (0.75, 0.92)])
    ]
    svg = charts.rates_chart(rates, TODAY, 500, 100)
    assert [len(line) for line in lines(svg, "month")] == [3]
    assert [line[-1][1] for line in lines(svg, "seven")] == [0, 83.3]
    shown = [t.text for t in texts(svg)]
    assert shown[-2:] == ["7 d 75.0%", "28 d 92.0%"]
    assert {"70%", "100%", "Aug", "Nov"} <= set(shown)


def test_labels_are_kept_apart():
    """Both can be read where the lines end at one point, at the top too."""
    for week, month in ((1.0, 1.0), (0.97, 0.971), (0.8, 0.8)):
        svg = charts.rates_chart([Rate(TODAY, week, month)], TODAY, 500, 150)
        places = [float(re.findall(r",([-\d.]+)\)", t.attrib["transform"])[0]) for t in texts(svg)[-2:]]
        assert abs(places[0] - places[1]) >= 12.5
        assert min(places) > -9


def test_users_of_a_daily_export_break_where_nothing_was_delivered():
    """A gap is not drawn over; a delivery that stands alone is a dot."""
    users = [10, 11, None, 12, None, 13, 14]
    volumes = [volume(TODAY - timedelta(days=6 - i), u, 10.0, False) for i, u in enumerate(users)]
    svg = charts.users_chart(volumes, TODAY, 1)
    assert [len(line) for line in lines(svg, "users")] == [2, 2, 1]
    assert [len(line) for line in lines(svg, "usual")] == [7]
    assert [e.attrib["stroke-width"] for e in paths(svg, "users")] == ["1.5", "4"]


def test_users_of_a_weekly_export_are_one_line():
    """Its deliveries are a week apart, and a week without one is a gap."""
    volumes = [volume(TODAY - timedelta(days=7 * i), 10.0 if i != 4 else None, None, False) for i in range(9, -1, -1)]
    assert [len(line) for line in lines(charts.users_chart(volumes, TODAY, 7), "users")] == [5, 4]


def test_an_anomaly_has_a_ring():
    """Around its point, also where it is the highest."""
    volumes = [volume(TODAY - timedelta(days=2 - i), u, 10.0, u > 20) for i, u in enumerate([10, 40, 10])]
    (ring,) = paths(charts.users_chart(volumes, TODAY, 1), "pending")
    assert re.findall(r"\d+\.\d", ring.attrib["transform"]) == ["297.4", "7.6"]


def test_nothing_but_zero_users_is_drawn():
    """An axis from 0 to 0 would be none."""
    volumes = [volume(TODAY - timedelta(days=i), 0, None, False) for i in (1, 0)]
    assert lines(charts.users_chart(volumes, TODAY, 1), "users") == [[(297.5, 84.0), (300.0, 84.0)]]


def test_a_chart_is_the_same_in_each_time_zone():
    """Days are days of the models, wherever the page is written."""
    code = (
        "from datetime import date; from didomi_source.report.charts import *;"
        "print(users_chart([Volume('e', date(2026, 11, d), 10, None, None, None, None, False) for d in (1, 2)], date(2026, 11, 24), 1))"
    )
    drawn = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "TZ": zone}, check=True, capture_output=True
        ).stdout
        for zone in ("UTC", "Pacific/Auckland")
    }
    assert len(drawn) == 1


def test_every_colour_of_a_chart_is_one_of_the_style_sheet():
    """One drawing serves the light and the dark page; nothing of it is taken apart."""
    volumes = [volume(TODAY - timedelta(days=2 - i), u, 10.0, u > 20) for i, u in enumerate([10, 40, 10])]
    rates = [Rate(TODAY, 1.0, 0.9)]
    drawn = [
        charts.users_chart(volumes, TODAY, 1),
        charts.sparkline(rates, TODAY),
        charts.rates_chart(rates, TODAY, 500, 100),
    ]
    found = {c for svg in drawn for c in re.findall(r'(?:stroke|fill)="([^"]+)"', svg)}
    names = ("seven", "month", "users", "usual", "pending", "muted", "line")
    assert found == {"none", *(f"var(--{name})" for name in names)}


def test_a_chart_that_cannot_be_drawn_is_an_error(monkeypatch):
    """vl-convert returns the frame of it."""
    spec = {**charts._users_spec(), "layer": []}
    with pytest.raises(ConfigurationError, match="pip install -U 'didomi-source"):
        charts._draw(spec, [{"line": "users", "on": 0, "value": 1}], date(2026, 1, 1), (0, 1))
