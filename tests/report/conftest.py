"""Warehouses for the page: made-up marts, and what the whole job makes of a fixed history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from didomi_source.report import write_report
from didomi_source.warehouse.target import Target
from support.marts import NOW, Made
from support.readme import AS_OF, build

Write = Callable[..., str]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Empty marts, to be filled."""
    return Made(tmp_path / "warehouse.duckdb")


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes the page of a DuckDB file, and returns it as text."""

    def report(database: Path, **arguments: object) -> str:
        monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{database}")
        target, as_of = Target(working_dir=tmp_path / ".didomi"), {"didomi_as_of": NOW.isoformat()}
        return write_report(target, tmp_path / "report.html", model_vars=as_of, **arguments).read_text("utf-8")

    return report


def build_history(folder: Path) -> tuple[Path, str]:
    """Run the whole job on the README's fixed history; returns the warehouse's file and its as-of time."""
    return build(folder), AS_OF
