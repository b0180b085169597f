"""Writing the page: whole or not at all, and with a word on what is wrong."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pytest

import didomi_source.report as package
from didomi_source.errors import ConfigurationError, DestinationError, DidomiError
from didomi_source.report import ReportNotWritten, write_report
from didomi_source.warehouse.target import Target
from support.marts import NOW, export


@pytest.fixture
def target(made, tmp_path, monkeypatch) -> Target:
    """A warehouse with one export."""
    made.export(export("a"))
    made.days("a", "c" * 40)
    made.users("a", [1000] * 40)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{made.finish()}")
    return Target(working_dir=tmp_path / ".didomi")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_page_is_written_where_it_should_go(target, tmp_path, monkeypatch):
    """As asked for, relative paths too; nothing else is left behind."""
    monkeypatch.chdir(tmp_path)
    assert write_report(target, Path("report.html")) == Path("report.html")
    assert (tmp_path / "report.html").read_text("utf-8").startswith("<!doctype html>")
    assert files(tmp_path) == ["report.html", "warehouse.duckdb"]


def test_a_link_stays_a_link(target, tmp_path):
    """A web server may serve the page through it."""
    (tmp_path / "www").mkdir()
    (tmp_path / "report.html").symlink_to("www/index.html")
    write_report(target, tmp_path / "report.html")
    assert (tmp_path / "report.html").is_symlink()
    assert (tmp_path / "www/index.html").stat().st_size > 10_000


def test_others_may_read_the_page_as_any_new_file(target, tmp_path):
    """Its rights are those that the user's umask gives."""
    before = os.umask(0o027)
    try:
        page = write_report(target, tmp_path / "report.html")
    finally:
        os.umask(before)
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


def test_the_old_page_stays_whole_until_the_new_one_is(target, tmp_path, monkeypatch):
    """A disk that fills up costs the new page, not the old one."""
    page = tmp_path / "report.html"
    page.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(package.os, "fsync", full)
    with pytest.raises(
        ReportNotWritten, match=r"report\.html cannot be written \(No space left on device\): .*make room"
    ):
        write_report(target, page)
    assert page.read_text() == "old"
    assert files(tmp_path) == ["report.html", "warehouse.duckdb"]


def test_a_place_that_cannot_be_written_is_told_before_anything_is_read(tmp_path):
    """A folder, a folder that is not there, and a database."""
    nowhere = Target(working_dir=tmp_path)
    duckdb.connect(str(tmp_path / "warehouse.duckdb")).close()
    with pytest.raises(ReportNotWritten, match="is a DuckDB file, which the page would replace"):
        write_report(nowhere, tmp_path / "warehouse.duckdb")
    with pytest.raises(ReportNotWritten, match=r"is a folder: name a file in it, such as .*report\.html"):
        write_report(nowhere, tmp_path)
    with pytest.raises(ReportNotWritten, match="the folder of .* does not exist: make it first"):
        write_report(nowhere, tmp_path / "no" / "report.html")
    assert issubclass(ReportNotWritten, DidomiError)


def test_no_warehouse_is_told(tmp_path, monkeypatch):
    """With what to do."""
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{tmp_path / 'none.duckdb'}")
    with pytest.raises(DestinationError, match="run `didomi run` first"):
        write_report(Target(working_dir=tmp_path), tmp_path / "report.html")
    assert files(tmp_path) == []


def test_missing_libraries_are_told(tmp_path, monkeypatch):
    """They are an extra."""
    monkeypatch.setattr(package, "_NEEDED", ("jinja2", "no_such_module"))
    with pytest.raises(
        ConfigurationError, match=r"the report needs no_such_module: pip install 'didomi-source\[report\]'"
    ):
        write_report(Target(working_dir=tmp_path), tmp_path / "report.html")


def test_an_as_of_time_that_cannot_be_read_is_told(tmp_path):
    """As the models would."""
    with pytest.raises(ConfigurationError, match="didomi_as_of is 'soon': write it as 2026-11-23"):
        write_report(Target(working_dir=tmp_path), tmp_path / "report.html", model_vars={"didomi_as_of": "soon"})


@pytest.mark.parametrize("given", ["2026-11-24T06:00:00Z", "2026-11-24 06:00:00", "2026-11-24T07:00:00+01:00"])
def test_a_fixed_as_of_time_is_the_time_of_the_page(given):
    """So that a page can be written again."""
    assert package._as_of({"didomi_as_of": given}) == NOW
    assert package._as_of({}) is None


def test_the_present_is_the_time_of_the_page_otherwise(target, tmp_path):
    """Figures of another day are old then."""
    page = write_report(
        target,
        tmp_path / "report.html",
        now=datetime(2026, 12, 1, tzinfo=timezone.utc),
    )
    assert "Nothing has been read completely and built for 6 days" in page.read_text("utf-8")
    page = write_report(target, tmp_path / "report.html")
    assert f"Written {datetime.now(timezone.utc):%A}" in page.read_text("utf-8")


def test_nothing_heavy_is_imported_before_it_is_needed():
    """`didomi --help` imports this package too."""
    code = "import sys, didomi_source.report; print(sorted({'dlt', 'altair', 'jinja2', 'vl_convert', 'duckdb'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"
