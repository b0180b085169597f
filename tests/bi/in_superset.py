"""The dashboard in a Superset of its own, looked at in Chromium (`make test-superset`)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import zipfile
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import sync_playwright

from support.chromium import ARGUMENTS, CHROMIUM
from support.pages import BI, ROOT, build

BIN = ROOT / ".venvs/superset/bin"
CHARTS = {file.stem: yaml.safe_load(file.read_text()) for file in (BI / "superset/charts").glob("*.yaml")}
CONFIG = """
SECRET_KEY = "of a Superset that ends with the test"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
TALISMAN_ENABLED = False  # its policy wants https
"""
START_SECONDS = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where Superset and the warehouse are."""
    return tmp_path_factory.mktemp("superset")


@pytest.fixture(scope="module")
def environment(folder):
    """The environment of Superset's commands."""
    (folder / "superset_config.py").write_text(CONFIG.format(folder=folder))
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE", "FLASK"))}
    return {**clean, "SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"), "SUPERSET_HOME": str(folder)}


def bundle(folder: Path, database: Path) -> Path:
    """The bundle as bi/superset.md says to make it, with the path of the warehouse."""
    copy = shutil.copytree(BI / "superset", folder / "bundle")
    settings = copy / "databases/Didomi.yaml"
    settings.write_text(settings.read_text().replace("/srv/didomi/bi.duckdb", str(database)))
    file = folder / "didomi.zip"
    with zipfile.ZipFile(file, "w") as archive:
        for path in copy.rglob("*.yaml"):
            archive.write(path, path.relative_to(folder))
    return file


@pytest.fixture(scope="module")
def address(folder, environment):
    """A Superset with the dashboard imported by its own command."""
    who = [
        "--username",
        "admin",
        "--password",
        "admin",
        "--firstname",
        "A",
        "--lastname",
        "B",
        "--email",
        "a@localhost",
    ]
    for command in (
        ("db", "upgrade"),
        ("fab", "create-admin", *who),
        ("init",),
        ("import-dashboards", "-p", str(bundle(folder, build(folder, days=200))), "-u", "admin"),
    ):
        done = subprocess.run(
            [BIN / "superset", *command], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            BIN / "gunicorn",
            "--threads",
            "8",
            "--timeout",
            "300",
            "--bind",
            f"127.0.0.1:{port}",
            "superset.app:create_app()",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "gunicorn.log").open("w"),
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


def _wait_for(port: int, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("Superset did not start")


class Answers:
    """What the queries of charts were answered, as the page asks for them: rows, or what went wrong."""

    def __init__(self, page) -> None:
        self.found: dict[str, int | str] = {}
        page.on("response", self._note)

    def _note(self, response) -> None:
        if "/api/v1/chart/data" in response.url:
            asked = response.request.post_data_json["form_data"]
            results = response.json()["result"] if response.ok else [{"rowcount": response.text()[:500]}]
            self.found[asked.get("slice_id") or asked["viz_type"]] = results[0]["rowcount"]


@pytest.mark.timeout(1200)
def test_each_chart_of_the_dashboard_shows_rows(address, folder):
    """The page asks for each chart and for the values of its filter; each answer has rows, and is drawn."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1400, "height": 1750})
        page.set_default_timeout(180_000)
        page.goto(f"{address}/login/")
        page.fill("#username", "admin")
        page.fill("#password", "admin")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        answers = Answers(page)
        page.goto(f"{address}/superset/dashboard/didomi/?standalone=1")
        deadline = time.monotonic() + 180
        while len(answers.found) < len(CHARTS) + 1 and time.monotonic() < deadline:
            page.wait_for_timeout(500)
        page.wait_for_timeout(3000)  # the charts are drawn after their rows are there
        shown, drawn = page.inner_text("body"), page.locator("canvas").count()
        page.screenshot(path=Path(os.environ.get("DIDOMI_ARTEFACTS", folder)) / "superset.png")
        browser.close()
    assert len(answers.found) == len(CHARTS) + 1  # one more for the filter by export
    assert [answer for answer in answers.found.values() if not isinstance(answer, int) or answer == 0] == []
    assert [chart["slice_name"] for chart in CHARTS.values() if chart["slice_name"] not in shown] == []
    assert drawn == sum(chart["viz_type"].startswith("echarts") for chart in CHARTS.values())
    assert "No results" not in shown
