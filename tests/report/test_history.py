"""The page of what the whole job makes of the README's fixed history: API, load, models, marts."""

from __future__ import annotations

import pytest

from didomi_source.report import write_report
from didomi_source.warehouse.target import Target
from support.parsed_page import Element, parse, section

from .conftest import build_history


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
        "✕ 1 of 3 exports is failing and 1 is late",
        "Consents – mobile apps is failing since Sat 21 Nov 05:08 UTC: 3 failed runs in a row (access_denied).",
        "CMP metrics – hourly is late since Sun 22 Nov 01:18 UTC: no run for 64 hours, 2 overdue.",
    ]


def test_the_figures_of_the_history(tree):
    """As `didomi status` and the README's queries tell them."""
    (figures,) = tree.all("ul", class_="figures")
    assert [li.all("strong")[0].text for li in figures.all("li")] == ["1", "1", "83.3%", "2", "5.09 k", "2"]


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
    assert len(section(tree, "calendar").all("article")) == 3
    assert [len(a.all("svg")) for a in section(tree, "users").all("article")] == [1] * 2
    assert [row[1:] for row in section(tree, "users").all("table")[0].rows()] == [
        ["CMP consents – EU", "214", "553", "553", "−61%"],
        ["Consents – mobile apps", "0", "272", "264", "−100%"],
    ]
    incidents, errors = section(tree, "incidents").all("table")
    assert [row[1] for row in incidents.rows()] == [
        "CMP metrics – hourly", "Consents – mobile apps", "CMP metrics – hourly", "CMP consents – EU", "CMP consents – EU"
    ]  # fmt: skip
    assert [row[:3] for row in errors.rows()] == [
        ["access denied", "3", "1"],
        ["quota", "2", "1"],
        ["internal", "1", "1"],
    ]


def test_missed_runs_of_the_history_are_empty_outlines(tree):
    """Of the export that paused for two days in October."""
    labels = {svg.attributes["aria-label"] for svg in section(tree, "calendar").all("svg", role="img")}
    (paused,) = [label for label in labels if "missed on Tue 20" in label]
    assert paused.startswith("Consents – mobile apps, 26 weeks")
    assert "; last missed on Tue 20\u202fOct and Mon 19\u202fOct" in paused
