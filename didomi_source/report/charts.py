"""The line charts: Altair specifies them, vl-convert draws them, and their SVG goes into the page as it is.

Colours are variables of the style sheet, which the attributes of an SVG may name: one drawing serves the light and the
dark page. A chart is specified once and drawn with the rows of each export, because Altair takes longer to validate a
specification than vl-convert to draw it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from didomi_source.errors import ConfigurationError
from didomi_source.health.words import percent

from .marts import CHART_DAYS, Volume

_LONG_GAP = 1.5  # intervals; no line is drawn across a longer gap
_HEADROOM = 1.1  # for a ring around the highest point
_LABEL_DISTANCE = 13  # pixels between two labels of one size

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Rate:
    """The success rates up to one day."""

    on: date
    week: float | None
    month: float | None


def rates_chart(rates: Sequence[Rate], today: date, width: int, height: int) -> Markup:
    """Draw the success rates of 7 and 28 days, with their last values beside them."""
    lowest = min([1.0, *(v for r in rates for v in (r.week, r.month) if v is not None)])
    floor = min(0.8, int(lowest * 10) / 10)
    rows = [*_rate_rows(rates), *_end_labels(rates, floor, height)]
    return _draw(_rates_spec(width, height), rows, today, (floor, 1))


def sparkline(rates: Sequence[Rate], today: date) -> Markup:
    """Draw the success rates without axes, for a row of a table, from 0 to 100 %."""
    return _draw(_spark_spec(), list(_rate_rows(rates)), today, (0, 1))


def users_chart(volumes: Sequence[Volume], today: date, interval_days: float) -> Markup:
    """Draw the users of each delivery, what was expected, and a ring around each anomaly.

    Args:
        volumes: One per day, in order.
        today: The last day shown.
        interval_days: Days from one delivery to the next; the line breaks at longer gaps.
    """
    gap = max(1.0, interval_days * _LONG_GAP)
    users = [(v.run_date, v.users) for v in volumes if v.users is not None]
    expected = [(v.run_date, v.expected_users) for v in volumes if v.expected_users is not None]
    rows = [*_segments("users", users, gap), *_segments("usual", expected, gap)]
    rows += [_row("ring", v.run_date, v.users) for v in volumes if v.is_anomaly]
    top = max((value for _, value in users + expected), default=0)
    return _draw(_users_spec(), rows, today, (0, max(top * _HEADROOM, 1)))


def _row(line: str, on: date, value: float | None, text: str = "") -> dict[str, Any]:
    """A point of a line; one without a value breaks the line."""
    return {"line": line, "on": _milliseconds(on), "value": value, "text": text}


def _rate_rows(rates: Iterable[Rate]) -> Iterator[dict[str, Any]]:
    for rate in rates:
        yield _row("month", rate.on, rate.month)
        yield _row("week", rate.on, rate.week)


def _end_labels(rates: Sequence[Rate], floor: float, height: int) -> Rows:
    """The last rates in words, moved apart where the lines end close together."""
    if not rates or rates[-1].week is None or rates[-1].month is None:
        return []
    last = rates[-1]
    week, month = rates[-1].week, rates[-1].month
    distance = _LABEL_DISTANCE / height * (1 - floor)
    if abs(week - month) < distance:
        half = distance / 2 if week >= month else -distance / 2
        middle = min((week + month) / 2, 1 - distance / 2)
        week, month = middle + half, middle - half
    return [
        _row("week label", last.on, week, text=f"7 d {percent(last.week)}"),
        _row("month label", last.on, month, text=f"28 d {percent(last.month)}"),
    ]


def _segments(line: str, points: Sequence[tuple[date, float]], longest_gap: float) -> Rows:
    """The points of a line that breaks at long gaps; a point without neighbours is a dot."""
    segments: list[list[tuple[date, float]]] = []
    for point in points:
        if not segments or (point[0] - segments[-1][-1][0]).days > longest_gap:
            segments.append([])
        segments[-1].append(point)
    rows: Rows = []
    for segment in segments:
        name = line if len(segment) > 1 else f"{line} dot"
        rows += [_row(name, on, value) for on, value in segment]
        rows.append(_row(name, segment[-1][0] + timedelta(days=1), None))
    return rows


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) * 1000


@lru_cache(maxsize=4)
def _rates_spec(width: int, height: int) -> dict[str, Any]:
    import altair as alt

    def label(**style: Any) -> Any:
        return alt.Chart().mark_text(align="left", dx=6, fontSize=11, **style).encode(text="text:N")

    layers = [
        _line("month", "month", 3),
        _line("week", "seven", 1.75),
        _only("week label", label(color="var(--seven)", fontWeight="bold")),
        _only("month label", label(color="var(--muted)")),
    ]
    return _spec(layers, width, height, alt.Axis(format=".0%", tickCount=5))


@lru_cache(maxsize=1)
def _spark_spec() -> dict[str, Any]:
    return _spec([_line("month", "month", 2.5), _line("week", "seven", 1.5)], 260, 26, None)


@lru_cache(maxsize=1)
def _users_spec() -> dict[str, Any]:
    import altair as alt

    layers = [
        _line("usual", "usual", 1, strokeDash=[2, 2]),
        _line("users", "users", 1.5, strokeCap="round"),
        # Round caps make a dot of a line from a point to itself.
        _line("users dot", "users", 4, strokeCap="round"),
        _only("ring", alt.Chart().mark_point(color="var(--pending)", size=70, strokeWidth=2, opacity=1)),
    ]
    plain_zero = "datum.value === 0 ? '0' : datum.label"
    return _spec(layers, 300, 84, alt.Axis(format="~s", tickCount=3, labelExpr=plain_zero))


def _line(line: str, colour: str, width: float, **style: Any) -> Any:
    import altair as alt

    mark = alt.Chart().mark_line(color=f"var(--{colour})", strokeWidth=width, strokeJoin="round", **style)
    return _only(line, mark)


def _only(line: str, chart: Any) -> Any:
    return chart.transform_filter(f"datum.line == '{line}'")


def _spec(layers: Sequence[Any], width: int, height: int, y_axis: Any) -> dict[str, Any]:
    """A specification that lacks its rows and the limits of its axes: `_draw` adds them."""
    import altair as alt

    x_axis = None if y_axis is None else alt.Axis(format="%b", tickCount="month", grid=False)
    x_limits, y_limits = ([alt.ExprRef(f"{axis}_{end}") for end in ("first", "last")] for axis in "xy")
    chart = alt.layer(*layers, data=alt.NamedData("rows")).encode(
        x=alt.X("on:T", axis=x_axis, scale=alt.Scale(type="utc", domain=x_limits, nice=False)),
        y=alt.Y("value:Q", axis=y_axis, scale=alt.Scale(domain=y_limits, nice=False)),
    )
    # The reader's font may be wider than the one that vl-convert measures, and a wider axis lines the charts up.
    padding = {"left": 4, "right": 14, "top": 4, "bottom": 4} if y_axis else 2
    return (  # type: ignore[no-any-return]
        chart.properties(width=width, height=height, padding=padding, autosize="pad" if y_axis else "none")
        .configure(aria=False, background="transparent", font="inherit")
        .configure_axis(title=None, domain=False, ticks=False, labelColor="var(--muted)", gridColor="var(--line)")
        .configure_axisY(labelPadding=6, minExtent=34)
        .configure_view(stroke=None)
        .to_dict()
    )


def _draw(spec: Mapping[str, Any], rows: Rows, today: date, limits: tuple[float, float]) -> Markup:
    import vl_convert

    values = {
        "x_first": _milliseconds(today - timedelta(days=CHART_DAYS - 1)), "x_last": _milliseconds(today),
        "y_first": limits[0], "y_last": limits[1],
    }  # fmt: skip
    params = [{"name": name, "value": value} for name, value in values.items()]
    svg = vl_convert.vegalite_to_svg({**spec, "params": params, "datasets": {"rows": rows}})
    # vl-convert prints some errors to stderr only, and returns the frame of the chart.
    if rows and "role-mark" not in svg:
        raise ConfigurationError("vl-convert cannot draw what altair specified: pip install -U 'didomi-source[report]'")
    return Markup(svg)  # noqa: S704 - vl-convert's own, of rows that hold numbers and our labels
