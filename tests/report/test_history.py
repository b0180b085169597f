"""The page of what the whole job makes of the README's fixed history: API, load, models, marts."""

from __future__ import annotations

import pytest

from didomi_source.report import write_report
from didomi_source.warehouse.target import Target

from .conftest import build_history
from .html import Element, parse, section


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Element:
    """The page, taken apart."""
    folder = tmp_path_factory.mktemp("history")
    database, as_of = build_history(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{database}")
        target, output = Target(working_dir=folder / "reading"), folder / "report.html"
        return parse(write_report(target, output, model_vars={"didomi_as_of": as_of}).read_text("utf-8"))


def test_the_verdict_of_the_history(tree):
    """What fails, since when, with what."""
    verdict = tree.all("main")[0].all("div")[0]
    assert [p.text for p in verdict.all("p")] == [
        "✕ 2 of 5 exports are failing",
        "CMP consents – US is failing since Thu 19 Nov 09:41 UTC: 5 failed runs in a row (access_denied).",
        "Proofs (weekly) is failing since Mon 16 Nov 02:30 UTC: 2 failed runs in a row (internal).",
    ]


def test_the_figures_of_the_history(tree):
    """As `didomi status` and the README's queries tell them."""
    (figures,) = tree.all("ul", class_="figures")
    assert [li.all("strong")[0].text for li in figures.all("li")] == ["2", "0", "75.0%", "0", "5.43 M", "3"]


def test_every_section_of_the_history_is_filled(tree):
    """The models give the page all that it asks for."""
    assert [h2.text for h2 in tree.all("h2")] == [
        "Needs attention",
        "Calendar of runs",
        "Success rate",
        "Users delivered",
        "Incidents and errors, last 28 days",
        "Data to doubt",
        "What was loaded when",
    ]
    assert len(section(tree, "calendar").all("article")) == 5
    assert [len(a.all("svg")) for a in section(tree, "users").all("article")] == [1] * 5
    assert [row[1:] for row in section(tree, "users").all("table")[0].rows()] == [
        ["CMP consents – EU", "201 963", "524 546", "525 068", "−62%"],
        ["Preferences", "0", "67 275", "66 212", "−100%"],
        ["Consents – mobile apps", "389 889", "191 162", "195 984", "+99%"],
    ]
    incidents, errors = section(tree, "incidents").all("table")
    assert [row[1] for row in incidents.rows()] == [
        "CMP consents – US", "Proofs (weekly)", "Consents – mobile apps", "Preferences"
    ]  # fmt: skip
    assert [row[:3] for row in errors.rows()] == [
        ["access denied", "5", "1"],
        ["internal", "3", "2"],
        ["timeout", "1", "1"],
    ]


def test_missed_runs_of_the_history_are_empty_outlines(tree):
    """Of the export that paused for two days in October."""
    labels = {svg.attributes["aria-label"] for svg in section(tree, "calendar").all("svg", role="img")}
    (paused,) = [label for label in labels if "missed" in label]
    assert paused.startswith("Preferences, 26 weeks")
    assert "; last missed on Tue 20\u202fOct and Mon 19\u202fOct" in paused
