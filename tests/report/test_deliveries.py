"""The section of delivered files: absent without any, else calendars of verdicts, what is wrong, what is deleted when."""

from __future__ import annotations

import pytest

from didomi_source.health.verdicts import Verdict
from didomi_source.report.deliveries import shape_of
from support.marts import HOSTILE, Made, ago, export
from support.parsed_page import Element, parse, section

SOON = {"is_about_to_expire": True, "expires_at": ago(hours=-20)}


@pytest.fixture
def well(made: Made) -> Made:
    """Two exports that are well."""
    for export_id in ("a", "b"):
        made.export(export(export_id))
        made.days(export_id, "c" * 40)
    return made


@pytest.fixture
def page(well: Made, write) -> Element:
    """The page of one export with wrong deliveries, and one of which all are archived."""
    well.deliveries("a", "as_claimed short unclaimed missing as_claimed", expires_at=ago(days=-3))
    well.deliveries("a", "unclaimed -", data_kind="cmp_hourly_metrics", **SOON)
    well.deliveries("b", "as_claimed as_claimed", expires_at=ago(hours=-20), archived_at=ago(days=1))
    return parse(write(well.finish()))


def test_without_deliveries_there_is_no_section(well, write):
    """Nor a word of them."""
    shown = write(well.finish())
    assert [word for word in ('id="deliveries"', "claimed", "not archived") if word in shown] == []


def test_what_nobody_checked_makes_no_section(well, write):
    """The days before the feature was turned on."""
    well.deliveries("a", "not_checked not_checked")
    assert 'id="deliveries"' not in write(well.finish())


def test_each_export_has_a_calendar_of_verdicts(page):
    """Of two kinds on one day the worse one is shown; what is plain has no tooltip."""
    first, second = section(page, "deliveries").all("article")
    assert [card.all("p")[0].text for card in (first, second)] == [
        "✓ as claimed · Tue 24 Nov, 1 000 records",
    ] * 2
    assert [card.all("svg")[0].attributes["aria-label"] for card in (first, second)] == [
        (
            "Deliveries of Export a, 26 weeks to Tue 24\u202fNov: 2 days as claimed, 1 day unclaimed, 1 day short, 1 day missing; "
            "last wrong on Mon 23\u202fNov and Sat 21\u202fNov."
        ),
        "Deliveries of Export b, 26 weeks to Tue 24\u202fNov: 2 days as claimed.",
    ]
    assert [tip.text for tip in first.all("title")] == [
        "Sat 21 Nov: short, why short",
        "Sun 22 Nov: unclaimed, why unclaimed",
        "Mon 23 Nov: missing, why missing",
    ]
    assert [item.text for item in section(page, "deliveries").all("ul")[0].all("li")] == [
        "as claimed", "not compared", "short", "missing"
    ]  # fmt: skip


def test_what_is_wrong_without_a_comparison_is_drawn_as_short_or_more(well, write):
    """Else a calendar of red squares would end in grey ones while nothing has changed."""
    well.deliveries("a", "as_claimed not_comparable")
    well.deliveries("b", "not_comparable", is_wrong=True, delivered_records=900, missing_records=100)
    well.deliveries("b", "not_comparable -", is_wrong=True, delivered_records=1100, missing_records=-100)
    shown = section(parse(write(well.finish())), "deliveries")
    assert [item.text for item in shown.all("ul")[0].all("li")] == [
        "as claimed", "not compared", "more than claimed", "short"
    ]  # fmt: skip
    assert [tip.text for tip in shown.all("article")[1].all("title")] == [
        "Mon 23 Nov: not comparable, why not_comparable",
        "Tue 24 Nov: not comparable, why not_comparable",
    ]


def test_the_wrong_ones_are_listed_with_what_was_claimed_and_delivered(page):
    """The newest first."""
    wrong, _ = section(page, "deliveries").all("table")
    assert wrong.rows() == [
        ["Mon 23 Nov", "Export a", "✕ missing", "1 000", "–", "Fri 27 Nov 06:00", "why missing"],
        ["Sat 21 Nov", "Export a", "✕ short", "1 000", "900", "Fri 27 Nov 06:00", "why short"],
    ]


def test_what_is_deleted_when(page):
    """What is archived is no loss."""
    _, expiries = section(page, "deliveries").all("table")
    assert expiries.rows() == [
        ["Export a", "Wed 25 Nov 02:00", "1", "5", "0"],
        ["Export b", "all archived", "0", "0", "2"],
    ]


def test_the_verdict_of_the_page_knows_of_them(page):
    """All exports are healthy, and not all is well."""
    verdict = page.all("main")[0].all("div")[0]
    assert [p.text for p in verdict.all("p")] == [
        "! All 2 exports are healthy",
        "2 deliveries of the last 7 days are not as claimed.",
        "1 delivery is deleted by Didomi within 48 hours, first 2026-11-25 02:00 UTC, not archived.",
    ]


def test_a_reason_stays_a_text(well, write):
    """A file's name comes from outside."""
    well.deliveries("a", "corrupt", verdict_reason=HOSTILE + "\x1b[31m" + "x" * 5000)
    shown = write(well.finish())
    assert HOSTILE not in shown
    assert "\x1b" not in shown
    assert "x" * 400 not in section(parse(shown), "deliveries").all("table")[0].text


def test_an_older_verdict_or_a_newer_one_has_a_shape():
    """Those that are drawn as what this version does not know are no mistake of anybody's."""
    odd = {verdict for verdict in Verdict if shape_of(verdict) == "odd"}
    assert odd == {Verdict.NOT_CHECKED, Verdict.UNANNOUNCED, Verdict.DELIVERED_ALTHOUGH_FAILED}
    assert shape_of(Verdict("of a later version")) == "odd"


def test_verdicts_are_those_of_the_mart():
    """In the YAML of the model, and in the code."""
    from support.marts import ROOT

    described = (ROOT / "sql/models/marts/didomi__deliveries.sql").read_text()
    named = described.partition("judged as (")[2].partition("as verdict")[0]
    assert [verdict for verdict in Verdict if f"'{verdict}'" not in named] == []
    assert len(Verdict) == 13
