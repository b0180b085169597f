"""The journey of each engine, and the table of what was compared on it."""

from __future__ import annotations

import pytest

from didomi_source.sandbox import Behaviour, serve
from job.conftest import forker  # noqa: F401 - a fixture

from .engines import started
from .journey import Journey


@pytest.fixture(scope="class")
def journey(request, forker, tmp_path_factory):  # noqa: F811
    """An engine at the beginning of its journey; the class says which."""
    with started(request.cls.destination) as engine, serve(behaviour=Behaviour(rate_limit=None)) as sandbox:
        yield Journey(engine, tmp_path_factory.mktemp(request.cls.destination), forker, sandbox)


def pytest_terminal_summary(terminalreporter):
    """engine × scenario → rows compared, differences, seconds."""
    outcomes = [
        dict(report.user_properties)["compared"]
        for kind in ("passed", "failed")
        for report in terminalreporter.stats.get(kind, [])
        if report.when == "call" and "compared" in dict(report.user_properties)
    ]
    if outcomes:
        terminalreporter.section("warehouses")
        terminalreporter.line(f"{'engine':<12}{'scenario':<28}{'rows compared':>14}{'differences':>13}{'seconds':>9}")
    for engine, scenario, rows, differences, seconds in outcomes:
        terminalreporter.line(f"{engine:<12}{scenario:<28}{rows:>14,}{differences:>13}{seconds:>9.1f}")
