"""The line charts: Altair says what they show, vl-convert draws them as SVG, and the page's style sheet colours them.

A chart is specified once and drawn for each export with other rows, because Altair takes longer to
check a specification than vl-convert to draw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from didomi_source.errors import ConfigurationError
from didomi_source.health.words import percent

from .data import CHART_DAYS

# Colours that stand for the style sheet's, so that one drawing serves the light and the dark page.
_COLOURS = {"#000001": "seven", "#000002": "month", "#000003": "users", "#000004": "usual", "#000005": "unusual"}
_COLOURS |= {"#000006": "muted", "#000007": "line"}
_OF = {name: colour for colour, name in _COLOURS.items()}
_KEPT = {"d", "transform", "x2", "y2", "text-anchor", "font-weight", "stroke-width", "stroke-dasharray"}
_DEFAULTS = {("transform", "translate(0,0)"), ("stroke-width", "1"), ("x2", "0"), ("y2", "0")}
_DEFAULTS |= {("text-anchor", "start"), ("font-weight", "normal")}
_NUMBER = re.compile(r"\d+\.\d+")
_LONG_GAP = 1.5  # intervals; a line is not drawn over more
_HEADROOM = 1.1  # for a ring around the highest point
_LABEL_DISTANCE = 13  # pixels between two labels of one size

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Rate:
    """The success rates up to one day."""

    on: date
    week: float | None
    month: float | None


@dataclass(frozen=True)
class Level:
    """The users of one day."""

    on: date
    users: float | None
    expected: float | None
    is_anomaly: bool


def rates_chart(rates: Sequence[Rate], today: date, width: int, height: int) -> Markup:
    """Draw the success rates of 7 and 28 days, with their last values beside them."""
    lowest = min([1.0, *(v for r in rates for v in (r.week, r.month) if v is not None)])
    floor = min(0.8, int(lowest * 10) / 10)
    rows = [*_rate_rows(rates), *_end_labels(rates, floor, height)]
    return _draw(_rates_spec(width, height), rows, today, floor)


def sparkline(rates: Sequence[Rate], today: date) -> Markup:
    """Draw the same as a line of a table, from 0 to 100 %."""
    return _draw(_spark_spec(), list(_rate_rows(rates)), today, 0)


def users_chart(levels: Sequence[Level], today: date, interval_days: float) -> Markup:
    """Draw the users of each delivery, what was expected, and a ring around each anomaly.

    Args:
        levels: One per day, in order.
        today: The last day shown.
        interval_days: How far apart deliveries are; the line breaks over longer gaps.
    """
    gap = max(1.0, interval_days * _LONG_GAP)
    users = [(level.on, level.users) for level in levels if level.users is not None]
    expected = [(level.on, level.expected) for level in levels if level.expected is not None]
    rows = [*_segments("users", users, gap), *_segments("usual", expected, gap)]
    rows += [
        {"k": "ring", "d": _milliseconds(level.on), "y": level.users, "s": 0}
        for level in levels
        if level.is_anomaly and level.users is not None
    ]
    top = max((row["y"] for row in rows), default=0)
    return _draw(_users_spec(), rows, today, max(top * _HEADROOM, 1))


def _rate_rows(rates: Iterable[Rate]) -> Iterator[dict[str, Any]]:
    for rate in rates:
        day = _milliseconds(rate.on)
        # A day without a rate breaks the line.
        yield {"k": "month", "d": day, "y": rate.month}
        yield {"k": "seven", "d": day, "y": rate.week}


def _end_labels(rates: Sequence[Rate], floor: float, height: int) -> Rows:
    """The last rates in words, kept apart where the lines end close together."""
    if not rates or rates[-1].week is None or rates[-1].month is None:
        return []
    last = rates[-1]
    week, month = rates[-1].week, rates[-1].month
    apart = _LABEL_DISTANCE / height * (1 - floor)
    middle = (week + month) / 2
    if abs(week - month) < apart:
        half = apart / 2 if week >= month else -apart / 2
        middle = min(middle, 1 - apart / 2)
        week, month = middle + half, middle - half
    day = _milliseconds(last.on)
    return [
        {"k": "seven-end", "d": day, "y": week, "t": f"7 d {percent(last.week)}"},
        {"k": "month-end", "d": day, "y": month, "t": f"28 d {percent(last.month)}"},
    ]


def _segments(kind: str, points: Sequence[tuple[date, float]], longest_gap: float) -> Rows:
    """Points of lines that break over long gaps; one that stands alone is a dot."""
    rows: Rows = []
    segment, previous = 0, None
    for on, value in points:
        if previous is not None and (on - previous).days > longest_gap:
            segment += 1
        rows.append({"k": kind, "d": _milliseconds(on), "y": value, "s": segment})
        previous = on
    sizes: dict[int, int] = {}
    for row in rows:
        sizes[row["s"]] = sizes.get(row["s"], 0) + 1
    return [{**row, "k": f"{kind}-dot"} if sizes[row["s"]] == 1 else row for row in rows]


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp()) * 1000


@lru_cache(maxsize=4)
def _rates_spec(width: int, height: int) -> dict[str, Any]:
    import altair as alt

    y = _y("domainMin", alt.Axis(format=".0%", tickCount=5, **_WIDE), domain_max=1)
    layers = [
        _layer(alt.Chart().mark_line(color=_OF["month"], strokeWidth=3), "month", y),
        _layer(alt.Chart().mark_line(color=_OF["seven"], strokeWidth=1.75), "seven", y),
    ]
    for kind in ("seven", "month"):
        text = alt.Chart().mark_text(
            align="left", dx=6, dy=0.5, fontSize=11, fontWeight="bold" if kind == "seven" else "normal", color=_OF[kind]
        )
        layers.append(_layer(text, f"{kind}-end", y).encode(text="t:N"))
    return _spec(layers, width, height)


@lru_cache(maxsize=1)
def _spark_spec() -> dict[str, Any]:
    import altair as alt

    y = _y("domainMin", None, domain_max=1)
    layers = [
        _layer(alt.Chart().mark_line(color=_OF["month"], strokeWidth=2.5), "month", y),
        _layer(alt.Chart().mark_line(color=_OF["seven"], strokeWidth=1.5), "seven", y),
    ]
    return _spec(layers, 260, 26, has_axis=False)


@lru_cache(maxsize=1)
def _users_spec() -> dict[str, Any]:
    import altair as alt

    y = _y("domainMax", alt.Axis(format="~s", tickCount=3, labelExpr=_PLAIN_ZERO, **_WIDE), domain_min=0)
    layers = [
        _layer(alt.Chart().mark_line(color=_OF["usual"], strokeWidth=1, strokeDash=[2, 2]), "usual", y, "s:N"),
        _layer(alt.Chart().mark_line(color=_OF["users"], strokeWidth=1.5), "users", y, "s:N"),
        # The style sheet's round caps make a dot of a line from a point to itself.
        _layer(alt.Chart().mark_line(color=_OF["users"], strokeWidth=4), "users-dot", y, "s:N"),
        _layer(alt.Chart().mark_point(color=_OF["unusual"], size=70, strokeWidth=2, opacity=1), "ring", y),
    ]
    return _spec(layers, 300, 84)


_AXIS: dict[str, Any] = {
    "title": None,
    "domain": False,
    "ticks": False,
    "labelColor": _OF["muted"],
    "gridColor": _OF["line"],
    "labelPadding": 6,
    "labelFontSize": 10,
}
_WIDE = {**_AXIS, "minExtent": 34}  # so that charts beside each other begin alike
_PLAIN_ZERO = "datum.value === 0 ? '0' : datum.label"


def _y(bound: str, axis: Any, **scale: Any) -> Any:
    """The vertical axis; one bound is the parameter `bound`."""
    import altair as alt

    limits = {("domainMin" if name == "domain_min" else "domainMax"): value for name, value in scale.items()}
    return alt.Y("y:Q", axis=axis, scale=alt.Scale(**limits, **{bound: alt.ExprRef("bound")}, nice=False, zero=False))


def _layer(chart: Any, kind: str, y: Any, detail: str | None = None) -> Any:
    import altair as alt

    x = alt.X(
        "d:T",
        scale=alt.Scale(type="utc", domainMin=alt.ExprRef("first"), domainMax=alt.ExprRef("last"), nice=False),
        axis=alt.Axis(**{**_AXIS, "grid": False, "format": "%b", "tickCount": "month"}),
    )
    encoded = chart.encode(x=x, y=y).transform_filter(f"datum.k == '{kind}'")
    return encoded.encode(detail=detail) if detail else encoded


def _spec(layers: Sequence[Any], width: int, height: int, *, has_axis: bool = True) -> dict[str, Any]:
    import altair as alt

    chart = alt.layer(*layers, data=alt.NamedData("rows")).add_params(
        *(alt.param(name=name, value=0) for name in ("first", "last", "bound"))
    )
    chart = chart.properties(width=width, height=height).configure(aria=False, background="transparent")
    chart = chart.configure_view(stroke=None)
    found: dict[str, Any] = chart.to_dict()
    if not has_axis:
        for layer in found["layer"]:
            layer["encoding"]["x"]["axis"] = None
    # Whoever reads the page may have a wider font than vl-convert.
    found["padding"] = {"left": 4, "right": 14, "top": 4, "bottom": 4} if has_axis else 2
    found["autosize"] = {"type": "pad" if has_axis else "none"}
    return found


def _draw(spec: Mapping[str, Any], rows: Rows, today: date, bound: float) -> Markup:
    import vl_convert

    first, last = _milliseconds(today - timedelta(days=CHART_DAYS - 1)), _milliseconds(today)
    values = {"first": first, "last": last, "bound": bound}
    params = [{**param, "value": values.get(param["name"], 0)} for param in spec["params"]]
    svg = vl_convert.vegalite_to_svg({**spec, "params": params, "datasets": {"rows": rows}})
    drawn = _slim(svg)
    # vl-convert tells its errors to stderr alone, and returns what it has drawn until then.
    if "<path" not in drawn and any(row["y"] is not None for row in rows):
        msg = "vl-convert cannot draw what altair specified: pip install -U 'didomi-source[report]'"
        raise ConfigurationError(msg)
    return drawn


def _slim(svg: str) -> Markup:
    """The drawing without what the page does not need, coloured by classes.

    The SVG is vl-convert's own, of rows that are numbers and labels that are ours.
    """
    root = ET.fromstring(svg)  # noqa: S314 - no document from outside
    _strip(root)
    width, height = root.attrib.pop("width"), root.attrib.pop("height")
    box = root.get("viewBox") or f"0 0 {width} {height}"
    root.attrib.clear()
    root.attrib.update({"viewBox": box, "aria-hidden": "true", "focusable": "false"})
    return Markup(ET.tostring(root, encoding="unicode", short_empty_elements=True))  # noqa: S704 - see above


def _strip(element: ET.Element) -> None:
    """Leave shapes, texts and where they are; take away groups and shapes that draw nothing."""
    element.tag = element.tag.rpartition("}")[2]
    children: list[ET.Element] = []
    for child in list(element):
        _strip(child)
        if child.tag == "g" and not child.attrib:
            children += list(child)
        elif (child.tag != "g" or len(child)) and (child.tag != "path" or _is_drawn(child)):
            children.append(child)
    element[:] = _joined(children)
    if element.tag != "svg":
        _strip_attributes(element)


def _joined(children: Iterable[ET.Element]) -> list[ET.Element]:
    """Shapes beside each other that differ in their path alone, as one."""
    found: list[ET.Element] = []
    for child in children:
        if found and child.tag == "path" == found[-1].tag and _look(child) == _look(found[-1]):
            found[-1].set("d", found[-1].attrib["d"] + child.attrib["d"])
        else:
            found.append(child)
    return found


def _look(path: ET.Element) -> dict[str, str]:
    return {name: value for name, value in path.attrib.items() if name != "d"}


def _strip_attributes(element: ET.Element) -> None:
    classes = [
        f"{side}-{_COLOURS[element.attrib[name]]}"
        for name, side in (("stroke", "s"), ("fill", "f"))
        if element.get(name) in _COLOURS
    ]
    kept = {name: _NUMBER.sub(_rounded, value) for name, value in element.attrib.items() if name in _KEPT}
    kept = {name: value for name, value in kept.items() if (name, value) not in _DEFAULTS}
    element.attrib.clear()
    element.attrib.update(kept | ({"class": " ".join(classes)} if classes else {}))


def _is_drawn(path: ET.Element) -> bool:
    return bool(path.get("class")) and bool(path.get("d"))


def _rounded(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")
