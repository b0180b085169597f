"""The colours: apart for colour-blind readers, and dark enough to be read."""

from __future__ import annotations

import math
import re
from itertools import combinations
from pathlib import Path

import pytest

import didomi_source.report

FOLDER = Path(didomi_source.report.__file__).parent
CSS = (FOLDER / "page.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
)
# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SIGHTS = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
SCHEMES = pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])


def linear(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def lab(rgb):
    """CIE L*a*b* of linear RGB (D65)."""
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    xyz = [sum(m * c for m, c in zip(row, rgb, strict=True)) / w for row, w in zip(matrix, white, strict=True)]
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (max(v, 0) for v in xyz))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def seen(colour, sight):
    rgb = linear(colour)
    return lab([min(max(sum(m * c for m, c in zip(row, rgb, strict=True)), 0), 1) for row in SIGHTS[sight]])


def contrast(first, second):
    """The contrast ratio of WCAG 2."""
    light, dark = sorted(
        (0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in map(linear, (first, second))), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


@SCHEMES
@pytest.mark.parametrize("sight", SIGHTS)
def test_states_are_apart_for_every_kind_of_sight(scheme, sight):
    """Completed, failed and pending differ by 20 or more (a difference of 2 is just seen)."""
    pairs = combinations(["ok", "fail", "pending"], 2)
    distances = {(a, b): math.dist(seen(scheme[a], sight), seen(scheme[b], sight)) for a, b in pairs}
    assert {pair: round(d) for pair, d in distances.items() if d < 20} == {}


@SCHEMES
@pytest.mark.parametrize("sight", SIGHTS)
def test_what_a_chart_draws_is_apart(scheme, sight):
    """The rates, which differ in width too; and the users and the rings around what is unusual."""
    assert math.dist(seen(scheme["seven"], sight), seen(scheme["month"], sight)) > 20
    assert math.dist(seen(scheme["users"], sight), seen(scheme["pending"], sight)) > 20


@SCHEMES
def test_texts_have_contrast(scheme):
    """4.5 to 1 on each ground that they stand on."""
    grounds = ("ground", "panel", "bad-ground", "warn-ground", "good-ground")
    pairs = [(text, ground) for text in ("text", "muted", "fail", "warn") for ground in grounds]
    pairs += [("good", "ground"), ("good", "good-ground"), ("seven", "ground"), ("on-fail", "fail")]
    assert {
        pair: round(contrast(scheme[pair[0]], scheme[pair[1]]), 2)
        for pair in pairs
        if contrast(scheme[pair[0]], scheme[pair[1]]) < 4.5
    } == {}


@SCHEMES
def test_shapes_have_contrast(scheme):
    """3 to 1 on the page."""
    shapes = ("ok", "fail", "pending", "gone", "odd", "seven", "users", "usual")
    assert {
        shape: round(contrast(scheme[shape], scheme["ground"]), 2)
        for shape in shapes
        if contrast(scheme[shape], scheme["ground"]) < 3
    } == {}


def test_both_schemes_name_the_same_colours():
    """None is forgotten in the dark."""
    assert LIGHT.keys() == DARK.keys()


def test_every_colour_is_one_of_the_scheme():
    """No rule and no key of a legend has a colour of its own."""
    rules = re.sub(r":root \{.*?\}", "", CSS, flags=re.DOTALL) + (FOLDER / "template.html.j2").read_text()
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(", rules) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", rules)) == set(LIGHT)
