"""The journey of each engine, and the table of what was compared on it."""

from __future__ import annotations

import pytest

from didomi_sandbox import Behaviour, plain_store, serve
from support.warehouses.engines import IS_THOROUGH, started
from support.warehouses.journey import STEPS, Journey, Site
from support.warehouses.refusals import LOGS

# With an emulator, or for minutes: `make warehouses`. BigQuery's and Snowflake's SQL is tested each time by test_translated.py.
OTHERS = ("emulated_refusals", "on_bigquery", "on_ducklake", "on_snowflake")
collect_ignore = [] if IS_THOROUGH else [f"test_{name}.py" for name in OTHERS]


def pytest_generate_tests(metafunc):
    """Each step of an engine's journey is a test of its own."""
    if "step" in metafunc.fixturenames:
        metafunc.parametrize("step", STEPS)


@pytest.fixture(scope="class")
def journey(request, forker, tmp_path_factory):  # noqa: F811
    """An engine at the beginning of its journey; the class says which."""
    with started(request.cls.destination) as engine, serve(behaviour=Behaviour(rate_limit=(10_000, 1))) as sandbox:
        yield Journey(engine, tmp_path_factory.mktemp(request.cls.destination), forker, sandbox)


@pytest.fixture(scope="module")
def refusing_sandbox():
    with serve(plain_store(LOGS), Behaviour(rate_limit=(10_000, 1))) as running:
        yield running


@pytest.fixture
def site(tmp_path, forker, refusing_sandbox):  # noqa: F811
    def make(engine):
        return Site(engine, tmp_path / engine.destination, forker, refusing_sandbox)

    return make


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
