"""The page as HTML: whole, self-contained, escaped, and with a text for each picture."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from didomi_source.report.marts import Day, Marts, OrganizationDay
from didomi_source.report.render import render
from support.marts import HOSTILE, HOSTILE_NAME, NOW, TODAY, ago, export, failing, late, morning
from support.parsed_page import Element, parse, section

LOADING = ("src", "href", "srcset", "action", "data", "poster", "xlink:href", "background", "ping", "formaction")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    """The page of a morning with all that may go wrong."""
    from didomi_source.report import write_report
    from didomi_source.warehouse.target import Target

    folder = tmp_path_factory.mktemp("morning")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{morning(folder / 'warehouse.duckdb')}")
        return write_report(Target(working_dir=folder), folder / "report.html", now=NOW).read_text("utf-8")


@pytest.fixture(scope="module")
def tree(page) -> Element:
    """The same, taken apart."""
    return parse(page)


def rendered(*exports, **more) -> Element:
    """The page of some exports without days."""
    return parse(render(Marts(exports=list(exports), as_of=NOW, **more), NOW, schema="didomi_marts"))


def test_the_verdict_comes_first(tree):
    """In the title of the tab, and above everything else of the page."""
    assert (
        tree.all("title")[0].text
        == "✕ 2 of 8 exports are failing, 1 is late, 1 is stuck and 1 is not read – Didomi exports"
    )
    verdict = tree.all("main")[0].all("div")[0]
    assert verdict.attributes["class"] == "verdict verdict-bad"
    assert [p.text for p in verdict.all("p")] == [
        "✕ 2 of 8 exports are failing, 1 is late, 1 is stuck and 1 is not read",
        r"""Consents <b>&"'</b> \u202e gnp.exe \x1b[31m {{ 7*7 }} is failing since Fri 20 Nov 04:00 UTC: 5 failed runs in a row (access_denied).""",
        "Proofs (weekly) is failing since Mon 16 Nov 06:00 UTC: 2 failed runs in a row (access_denied).",
        "Preferences – EU is late since Sun 22 Nov 22:00 UTC: no run for 56 hours, 2 overdue.",
        "2 more exports need attention. Last errors of the failing: access denied (1), internal (1).",
        "Consents – web delivered 0 users on Tue 24 Nov, where about 550 000 are usual.",
        "6 deliveries of the last 7 days are not as claimed.",
        "2 deliveries are deleted by Didomi within 48 hours, first 2026-11-25 02:00 UTC, not archived.",
        "In the last 24 hours 1 incident ended.",
    ]


def test_key_figures(tree):
    """Six numbers, each with what to compare it with."""
    (figures,) = tree.all("ul", class_="figures")
    assert [[part.text for part in li.children if isinstance(part, Element)] for li in figures.all("li")] == [
        ["2", "failing now", r"""Consents <b>&"'</b> \u202e gnp.exe \x1b[31m {{ 7*7 }} and Proofs (weekly)"""],
        ["3", "undelivered, late, stuck or not read", "Preferences – EU, Consents – mobile apps and 1 more"],
        ["83.8%", "success, 7 days", "31 of 37 runs · −2.9 points on the week before · 28 days 92.9%"],
        ["2", "missed runs, 28 days", "2 of them in the last 7"],
        ["15.1 M", "user records delivered, last 7 full days", "−8% on the week before"],
        ["2", "unusual volumes, 28 days", "Consents – web and Consents – TV"],
    ]


@pytest.mark.parametrize(
    ("days", "note"),
    [
        (15, "+100% on the week before"),
        (14, "no full week before to compare with"),
        (3, "no full week before to compare with"),
    ],
)
def test_a_week_is_compared_with_a_whole_one_only(days, note):
    """One record a day before the last seven days, two a day in them."""
    first = TODAY - timedelta(days=days - 1)
    daily = [
        OrganizationDay(on, 0, 0, 0, 0, 0, 1.0 if on < TODAY - timedelta(days=7) else 2.0)
        for on in (first + timedelta(days=day) for day in range(days))
    ]
    (figures,) = rendered(export("a"), organizations=daily, today=TODAY).all("ul", class_="figures")
    assert [part.text for part in figures.all("li")[4].children if isinstance(part, Element)] == [
        f"{2 * min(days - 1, 7)}", "user records delivered, last 7 full days", note,
    ]  # fmt: skip


def test_what_needs_attention(tree):
    """Streak, since when, last success; the error is beside it."""
    rows = section(tree, "attention").rows()
    assert [row[:4] for row in rows] == [
        [r"""Consents <b>&"'</b> \u202e gnp.exe \x1b[31m {{ 7*7 }} hostile · daily""", "✕ failing 5 failed runs in a row", "Fri 20 Nov 04:00 4 d ago", "Thu 19 Nov 04:00 5 d ago 1 000 users"],
        ["Proofs (weekly) weekly · weekly", "✕ failing 2 failed runs in a row", "Mon 16 Nov 06:00 8 d ago", "Mon 9 Nov 06:00 15 d ago 1 000 users"],
        ["Preferences – EU late · daily", "◷ late 2 runs overdue", "Sun 22 Nov 22:00 32 h ago", "Sat 21 Nov 22:00 2 d ago 1 000 users"],
        ["Consents – mobile apps stuck · daily", "… stuck 1 run pending for too long", "Sun 22 Nov 06:00 2 d ago", "Tue 24 Nov 04:00 2 h ago 1 000 users"],
        ["Consents – TV unread · daily", "? not read not read completely since Fri 20 Nov 06:00", "Fri 20 Nov 06:00 4 d ago", "Tue 24 Nov 04:00 2 h ago 1 000 users"],
        ["Consents – web well · daily", "○ unusual 0 users, usually 550 000", "Tue 24 Nov 04:00 2 h ago", "Tue 24 Nov 04:00 2 h ago 1 000 users"],
    ]  # fmt: skip
    assert [row[4] for row in rows[1:]] == ["internal Internal error: executor lost (exit 137)", "", "", "", ""]


def test_an_unread_export_is_not_only_late(made, write):
    """Its runs are overdue for want of a read, which is said, and once."""
    unread = {"health": "unread", "last_complete_sync_at": ago(days=3)}
    made.export(late("a", **unread, health_reason="not read completely for 72 hours, though other exports were"))
    made.export(export("b", **unread, health_reason="not read for 72 hours, though other exports were"))
    made.export(export("c"))
    made.days("c", "c" * 40)
    rows = section(parse(write(made.finish())), "attention").rows()
    assert [(row[1], row[2]) for row in rows] == [
        ("? not read 2 runs overdue not read completely since Sat 21 Nov 06:00", "Sat 21 Nov 06:00 3 d ago"),
        ("? not read not read for 72 hours, though other exports were", "Sat 21 Nov 06:00 3 d ago"),
    ]


def test_nobody_knows_since_when_an_export_is_undelivered(made, write):
    made.export(export("a", health="undelivered", health_reason="50 records, 100 claimed"))
    (row,) = section(parse(write(made.finish())), "attention").rows()
    assert row[1:3] == ["▽ undelivered 50 records, 100 claimed", "–"]


def test_each_export_has_a_calendar_in_words(tree):
    """What the squares show is told to who does not see them; an export that never ran has none."""
    cards = section(tree, "calendar").all("article")
    labels = [svg.attributes["aria-label"] for card in cards for svg in card.all("svg")]
    assert labels[1:3] == [
        ("Proofs (weekly), 26 weeks to Tue 24\u202fNov: 24 days completed, 2 days failed, 151 days no run due; "
        "last failed on Mon 23\u202fNov and Mon 16\u202fNov."),
        ("Preferences – EU, 26 weeks to Tue 24\u202fNov: 169 days completed, 2 days completed after a failure, "
        "3 days failed, 2 days missed, 1 day no run due; last failed on Sun 15\u202fNov, Sat 14\u202fNov and "
        "Fri 13\u202fNov; last missed on Mon 23\u202fNov and Sun 22\u202fNov."),
    ]  # fmt: skip
    assert [len(card.all("svg")) for card in cards] == [1, 1, 1, 1, 1, 0, 1, 1]


def test_unusual_volumes_are_beside_what_was_expected(tree):
    """With the day, and how far off."""
    table = section(tree, "users").all("table")[0]
    assert table.rows() == [
        ["Tue 24 Nov", "Consents – web", "0", "630 000", "550 000", "−100%"],
        ["Tue 3 Nov", "Consents – TV", "190 000", "630 000", "550 000", "−65%"],
    ]


def test_incidents_and_errors(tree):
    """Also of an export that is gone from the list."""
    incidents, errors = section(tree, "incidents").all("table")
    assert incidents.rows() == [
        ["Fri 20 Nov 04:00", r"""Consents <b>&"'</b> \u202e gnp.exe \x1b[31m {{ 7*7 }}""", "✕ open for 4 days", "5", "0", "access denied"],
        ["Sun 15 Nov 06:00", "gone", "8 days", "0", "8", "none: only missed"],
    ]  # fmt: skip
    assert [row[:4] for row in errors.rows()] == [["access denied", "5", "1", "Tue 24 Nov 04:00"]]


def test_doubts_are_told(tree):
    """Contradictions, quarantine and all that is not counted as one would think."""
    doubts = section(tree, "doubts")
    odd = r"""Consents <b>&"'</b> \u202e gnp.exe \x1b[31m {{ 7*7 }}"""
    long = "a-very-long-name-without-a-single-space-a-very-long-name-without-a-sing …"
    assert [li.text for li in doubts.all("li")] == [
        f"1 log contradicts itself {odd}",
        f"2 logs could not be loaded {odd}; see didomi_raw.export_log_quarantine",
        "1 log has an unknown status Consents – web; counted in no rate",
        "3 logs are gone from Didomi Consents – web; still counted",
        "12 logs have no usable time Consents – web; counted in totals, not in time series",
        f"1 export has no readable schedule {long}: no missed run can be seen there",
    ]
    assert doubts.rows() == [["Mon 23 Nov 06:00", odd, "<i>log</i>", "completed with error", "5", HOSTILE]]


def test_what_was_loaded_when(tree):
    """The export that was read longest ago comes first."""
    exports, days = section(tree, "loaded").all("table")
    assert exports.rows()[0] == ["Consents – TV", "Tue 24 Nov 05:30", "! Fri 20 Nov 06:00", "190"]
    assert exports.rows()[3] == ["Consents – web", "Tue 24 Nov 05:30", "✓ yes", "190"]
    assert days.rows() == [["Tue 24 Nov", "1", "1", "Tue 24 Nov 05:00"]]


def test_texts_from_outside_stay_texts(page, tree):
    """No tag, attribute or template of theirs is one of the page; no control character gets in."""
    assert [tree.all(tag) for tag in ("script", "img", "i")] == [[], [], []]
    assert [e for e in tree.all("b") if e.text == "&\"'"] == []
    assert "{{ 7*7 }}" in section(tree, "attention").text
    assert "&lt;script&gt;document.title=" in page
    assert HOSTILE_NAME not in page
    assert not set(page) & {chr(c) for c in [*range(9), *range(11, 32), 127, *range(0x80, 0xA0), 0x202E, 0x200B]}
    assert all(not name.startswith("on") for e in tree.all() for name in e.attributes)


def test_a_long_error_is_folded_and_cut(tree):
    """Its beginning is seen at once, the rest by opening it; what would fill the page is counted instead."""
    (details,) = section(tree, "attention").all("details")
    assert details.all("summary")[0].text.startswith("<script>document.title='owned'</script><img src=")
    shown = details.all("pre")[0].text
    assert re.fullmatch(r".*second line \\x00\\x07 y+ … and 3 104 more characters", shown)
    assert len(shown) < 2200


def test_the_page_asks_for_nothing_else(tree):
    """No script, no style, no picture and no font from anywhere; and a policy that says so."""
    asked = {value for e in tree.all() for name, value in e.attributes.items() if name in LOADING}
    assert {value.partition(",")[0] for value in asked if not value.startswith("#")} == {"data:image/svg+xml"}
    assert {e.tag for e in tree.all()}.isdisjoint(
        {"script", "img", "iframe", "object", "embed", "form", "base", "video"}
    )
    assert [e.attributes["rel"] for e in tree.all("link")] == ["icon"]
    (style,) = tree.all("style")
    css = "".join(style.children)
    assert not re.search(r"(?i)url\(|@import|@font-face|expression\(", css)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    (policy,) = tree.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert [e for e in tree.all() if "style" in e.attributes] == []


def test_each_picture_has_words(tree):
    """A picture is either described or hidden from who cannot see it; none is both or neither."""

    def described(element: Element, is_told: bool = False) -> list[Element]:
        told = is_told or element.attributes.get("role") == "img"
        if element.attributes.get("role") == "img":
            assert len(element.attributes["aria-label"]) > 30
        if element.tag == "svg":
            assert told != (element.attributes.get("aria-hidden") == "true") or is_told
        for child in element.children:
            if isinstance(child, Element):
                described(child, told)

    described(tree)
    (chart,) = tree.all("figure")
    assert chart.attributes["aria-label"] == (
        "Success rates of all exports together, 120 days: the 7-day rate is 83.8%, the 28-day rate 92.9%; "
        "the lowest 7-day rate was 83.8%, on Tue 24\u202fNov."
    )
    label = section(tree, "users").all("article")[-1].all("div")[0].attributes["aria-label"]
    assert label == (
        "Users delivered by Consents – web, 120 days: 120 deliveries, from 0 to 720\u202f000, the latest 0 on "
        "Tue 24\u202fNov · −100% on the week before; unusual: 0 on Tue 24\u202fNov."
    )


def test_every_link_leads_somewhere(tree):
    """Links stay on the page, and each id is there once."""
    ids = [e.attributes["id"] for e in tree.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    assert {a.attributes["href"].removeprefix("#") for a in tree.all("a")} <= set(ids)


def test_the_page_is_the_same_each_time(write, tmp_path):
    """For one as-of time and one warehouse there is one page."""
    database = morning(tmp_path / "morning.duckdb")
    assert write(database) == write(database)


def test_old_figures_are_called_old():
    """The verdict says so, and what was failing then is not said to fail now."""
    marts = Marts(exports=[failing("a"), export("b")], as_of=NOW, today=TODAY)
    page = parse(render(marts, NOW + timedelta(days=3), schema="didomi_marts"))
    assert page.all("title")[0].text == (
        "◷ Nothing has been read completely and built for 3 days; by then, 1 of 2 exports was failing – Didomi exports"
    )
    assert page.all("h2")[0].text == "Needs attention, as far as is known"
    assert page.all("ul", class_="figures")[0].all("span")[0].text == "failing then"
    with_days = replace(marts, days=[Day("b", TODAY, "completed", 1, 0, 0, 0, 0, 1.0, 1.0)])
    cards = section(parse(render(with_days, NOW + timedelta(days=3), schema="didomi_marts")), "calendar").all("article")
    assert [card.all("p")[0].text.split(" · ")[0] for card in cards] == ["✕ was failing", "✓ was healthy"]


def test_nothing_loaded_is_a_page_too():
    """It says what to do, and shows no empty tables."""
    page = parse(render(Marts(exports=[]), NOW, schema="didomi_marts"))
    assert [p.text for p in page.all("main")[0].all("p")] == [
        "– No export is known yet",
        "Nothing has been loaded: run “didomi run”, then write this page again.",
    ]
    assert page.all("section") == []


def test_exports_without_runs_are_a_page_too():
    """Nothing is claimed of what never ran."""
    never = dict.fromkeys(
        ["first_run_at", "last_run_at", "last_success_at", "last_success_users", "seconds_since_last_success"]
    )
    page = rendered(export("a", health="no_outcome", runs_total=0, success_rate=None, **never))
    assert page.all("title")[0].text == "– 1 export is known, and none has run yet – Didomi exports"
    assert [h2.text for h2 in page.all("h2")] == ["Data to doubt", "What was loaded when"]


def test_organizations_are_named_when_there_are_two():
    """One needs no name."""
    both = rendered(failing("a"), failing("b", organization_id="other"))
    one = rendered(failing("a"), failing("b"))
    assert [row[0] for row in section(both, "attention").rows()] == [
        "Export a a · daily · acme", "Export b b · daily · other"
    ]  # fmt: skip
    assert [row[0] for row in section(one, "attention").rows()] == ["Export a a · daily", "Export b b · daily"]


def test_an_error_without_a_text_is_told_so():
    """No text is something else than nothing to say."""
    page = rendered(failing("a", last_error_kind="no_message", last_error_message=None))
    assert section(page, "attention").rows()[0][4] == "no message no text was sent"


def test_days_are_in_the_time_zone_of_the_models():
    """The page says in which; times stay in UTC."""
    page = parse(render(Marts(exports=[export()], as_of=NOW), NOW, schema="m", timezone_name="Europe/Paris"))
    assert page.all("dd")[-1].text == "Times are UTC. Days are in Europe/Paris."
    assert ago(hours=0) == NOW
