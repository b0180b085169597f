"""The notebook, in a marimo of its own (`make test-marimo`)."""

from __future__ import annotations

import os
import subprocess

import pytest

from support.pages import BI, ROOT, build

BIN = ROOT / ".venvs/marimo/bin"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The warehouse after a run."""
    return build(tmp_path_factory.mktemp("bi"), days=60)


def test_marimo_finds_nothing_to_say():
    """No cell defines what another one does, none is empty, and it is formatted as marimo writes it."""
    subprocess.run([BIN / "marimo", "check", "--strict", BI / "explore.py"], check=True)


def test_every_cell_runs(database, tmp_path):
    """On the warehouse that the environment names; the page that is exported shows the exports."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COVERAGE"))}
    page = tmp_path / "explore.html"
    subprocess.run(
        [BIN / "marimo", "export", "html", BI / "explore.py", "-o", page],
        env={**clean, "DIDOMI_WAREHOUSE": str(database)},
        check=True,
    )
    assert "5 exports, 2 failing" in page.read_text()
