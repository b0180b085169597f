"""A real browser: Debian's Chromium, which Playwright drives."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from didomi_source.report import write_report
from didomi_source.warehouse.target import Target
from support.chromium import ARGUMENTS, CHROMIUM
from support.marts import NOW, many, morning

HEIGHT = 900
Open = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser; `apt-get install chromium` brings it."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory) -> Path:
    """Where the screenshots go: the folder DIDOMI_ARTEFACTS, else a temporary one."""
    given = os.environ.get("DIDOMI_ARTEFACTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("artefacts")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def morning_page(tmp_path_factory) -> Path:
    """The page of a morning with all that may go wrong, and texts that mean harm."""
    folder = tmp_path_factory.mktemp("morning")
    return _written(folder, morning(folder / "warehouse.duckdb"))


@pytest.fixture(scope="session")
def large_page(tmp_path_factory) -> Path:
    """The page of 500 exports."""
    folder = tmp_path_factory.mktemp("large")
    return _written(folder, many(folder / "warehouse.duckdb", 500))


def _written(folder: Path, database: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{database}")
        return write_report(Target(working_dir=folder / ".didomi"), folder / "report.html", now=NOW)


class Watched:
    """What a page asked for and complained of."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.refused: dict[str, str | None] = {}
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfailed", lambda request: self.refused.update({request.url: request.failure}))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))


@pytest.fixture
def watch(browser) -> Callable[..., contextmanager]:
    """Opens a page file at a width in a colour scheme, and watches it."""

    @contextmanager
    def opened(path: Path, width: int = 1240, scheme: str = "light", **more: object) -> Iterator[Watched]:
        context = browser.new_context(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme, **more)
        try:
            watched = Watched(context.new_page())
            watched.page.goto(path.as_uri())
            yield watched
        finally:
            context.close()

    return opened
