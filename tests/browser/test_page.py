"""The page in a real browser: what it asks for, what it shows, and how it looks."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.marts import HOSTILE, HOSTILE_NAME

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
WIDTHS = pytest.mark.parametrize("width", [320, 360, 768, 1240, 1920])


def test_the_page_asks_for_nothing_and_complains_of_nothing(watch, morning_page):
    """One request, for the page itself; no breach of its own policy, no error."""
    with watch(morning_page) as watched:
        watched.page.wait_for_load_state("networkidle")
        for summary in watched.page.locator("summary").all():
            summary.click()
        assert watched.requests == [morning_page.as_uri()]
        assert watched.complaints == []


def test_a_web_server_is_asked_for_the_page_alone(watch, morning_page):
    """Served over HTTP too: no icon, no style sheet, no script."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(morning_page.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with watch(morning_page) as watched:
            watched.page.goto(f"http://127.0.0.1:{server.server_port}/report.html")
            watched.page.wait_for_load_state("networkidle")
            assert (asked, watched.complaints) == (["/report.html"], [])
    finally:
        server.shutdown()
        server.server_close()


def test_the_policy_lets_nothing_in(watch, morning_page, tmp_path):
    """Were a text not escaped one day, the browser would still neither run it nor fetch for it."""
    broken = tmp_path / "broken.html"
    page = morning_page.read_text("utf-8")
    broken.write_text(page.replace("<main>", f"<main>{HOSTILE}<p id=styled style='color:red'>", 1), "utf-8")
    with watch(broken) as watched:
        watched.page.wait_for_load_state("networkidle")
        assert watched.refused == {"https://evil.example/x": "csp"}
        assert watched.page.title().startswith("✕ 2 of 8")
        assert len([c for c in watched.complaints if "Content Security Policy" in c]) >= 3


def test_texts_from_outside_are_shown_and_not_run(watch, morning_page):
    """A script tag in an error is read as what it is."""
    with watch(morning_page) as watched:
        page = watched.page
        assert page.evaluate("document.querySelectorAll('script, img, iframe, i').length") == 0
        page.locator("#attention ~ table summary").first.click()
        text = page.locator("#attention ~ table pre").first.inner_text()
        assert text.startswith(f"{HOSTILE}\nsecond line \\x00\\x07 yyy")
        assert text.endswith("y\n… and 3\u202f104 more characters")
        shown = HOSTILE_NAME.replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")
        assert page.locator("#attention ~ table a").first.inner_text() == shown
        assert watched.complaints == []


@WIDTHS
def test_nothing_is_wider_than_the_screen(watch, morning_page, width):
    """No horizontal scroll, folded parts opened too; nothing is cut off at the side."""
    with watch(morning_page, width) as watched:
        watched.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= width
        outside = watched.page.evaluate(
            "[...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('thead')"
            " && (e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1))"
            ".map(e => e.outerHTML.slice(0, 200))"
        )
        assert outside == []


@pytest.mark.thorough
def test_five_hundred_exports_fit_a_phone(watch, large_page):
    """And the browser shows them within two seconds."""
    with watch(large_page, 360) as watched:
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 360
        assert watched.page.evaluate("performance.timing.loadEventEnd - performance.timing.fetchStart") < 2000
        assert watched.complaints == []


def test_a_phone_shows_each_heading_beside_its_value(watch, morning_page):
    """Tables become blocks, charts their narrow drawing."""
    with watch(morning_page, 360) as watched:
        page = watched.page
        cell = page.locator("#attention ~ table td[data-label=What]").first
        assert page.evaluate("e => getComputedStyle(e, '::before').content", cell.element_handle()) == '"What"'
        assert (page.locator("figure .wide").is_visible(), page.locator("figure .narrow").is_visible()) == (False, True)
    with watch(morning_page) as watched:
        page = watched.page
        assert (page.locator("figure .wide").is_visible(), page.locator("figure .narrow").is_visible()) == (True, False)


@SCHEMES
def test_both_colour_schemes_are_obeyed(watch, morning_page, scheme):
    """Ground, text and drawings change together."""
    with watch(morning_page, scheme=scheme) as watched:
        style = "(s, p) => getComputedStyle(document.querySelector(s))[p]"
        found = [
            watched.page.evaluate(f"([s, p]) => ({style})(s, p)", pair)
            for pair in (
                ["body", "backgroundColor"],
                ["body", "color"],
                ["article path.fail", "fill"],
                ["figure [stroke='var(--seven)']", "stroke"],
            )
        ]
        assert (
            found
            == {
                "light": ["rgb(255, 255, 255)", "rgb(21, 25, 31)", "rgb(179, 22, 63)", "rgb(31, 85, 208)"],
                "dark": ["rgb(18, 22, 27)", "rgb(233, 237, 241)", "rgb(255, 139, 159)", "rgb(134, 168, 255)"],
            }[scheme]
        )


def test_a_missing_run_is_an_empty_outline(watch, morning_page):
    """Nothing fills it; a failed one is filled and crossed."""
    with watch(morning_page) as watched:
        style = "s => (c => [c.fill, c.stroke === 'none'])(getComputedStyle(document.querySelector(s)))"
        found = {s: watched.page.evaluate(style, f"article path.{s}") for s in ("gone", "fail", "cross", "ok")}
        assert found == {
            "gone": ["none", False],
            "fail": ["rgb(179, 22, 63)", False],
            "cross": ["none", False],
            "ok": ["rgb(31, 150, 132)", False],
        }


def test_a_day_tells_its_runs_when_pointed_at(watch, morning_page):
    """Without any script."""
    with watch(morning_page) as watched:
        tip = watched.page.locator("#calendar ~ .cards .tips rect").last
        box = tip.bounding_box()
        hit = watched.page.evaluate(
            "([x, y]) => { scrollTo(0, y - 200); const e = document.elementFromPoint(x, 200); return e.textContent }",
            [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2],
        )
        assert hit == "Sat 5\u202fSep: 1 unknown"


def test_a_reader_that_does_not_see_is_told_all(watch, morning_page):
    """Pictures are named, tables keep their headings, and nothing in the outline is skipped."""
    with watch(morning_page) as watched:
        levels = watched.page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
        assert (levels[0], {b - a for a, b in zip(levels, levels[1:], strict=False)}) == (1, {1, 0, -1})
        names = watched.page.evaluate(
            "[...document.querySelectorAll('[role=img]')].map(e => e.getAttribute('aria-label').length)"
        )
        assert len(names) == 28
        assert min(names) > 30
        heads = watched.page.evaluate(
            "[...document.querySelectorAll('table')].map(t => t.querySelectorAll('th[scope=col]').length)"
        )
        assert heads == [5, 7, 5, 6, 6, 6, 5, 6, 4, 4]


def test_the_page_prints_on_light_ground_with_all_that_is_folded(watch, morning_page, artefacts):
    """Also from a dark screen: A4, no dark ground, nothing hidden in folds."""
    with watch(morning_page, scheme="dark") as watched:
        page = watched.page
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.locator("#attention ~ table pre").first.is_visible()
        page.pdf(path=artefacts / "report.pdf", format="A4")
        assert (artefacts / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1240, "light"), ("dark", 1240, "dark"), ("phone", 360, "light"), ("phone-dark", 360, "dark")]
)  # fmt: skip
def test_screenshots_are_kept(watch, morning_page, artefacts, name, width, scheme):
    """To be looked at."""
    with watch(morning_page, width, scheme) as watched:
        picture = artefacts / f"report-{name}.png"
        watched.page.screenshot(path=picture, full_page=True)
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_screenshot_of_five_hundred_exports_is_kept(watch, large_page, artefacts):
    """Of its beginning."""
    with watch(large_page) as watched:
        picture = artefacts / "report-500.png"
        watched.page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": 1240, "height": 3000})
        assert picture.read_bytes().startswith(b"\x89PNG")
