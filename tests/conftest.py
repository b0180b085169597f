"""Shared by all tests: nothing of the user's own is read or written; a local API, and a DuckDB warehouse."""

from __future__ import annotations

import os

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"
os.environ["LOAD__DELETE_COMPLETED_JOBS"] = "true"
os.environ["DLT_DATA_DIR"] = "/nonexistent/dlt"  # no test may read or write the user's own

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from didomi_sandbox import Behaviour, Fault, Sandbox, Store, serve
from support.warehouse import Start, Warehouse

pytest_plugins = ["support.counts", "support.jobs", "support.commands"]

# No deadline, since machines are loaded, and nothing left in the working directory. CI tries the same examples each time.
settings.register_profile(
    "tests",
    deadline=None,
    database=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("tests")


@pytest.fixture
def sandbox() -> Iterator[Start]:
    """Starts sandboxes, which end with the test."""
    with ExitStack() as stack:

        def start(
            store: Store | None = None, behaviour: Behaviour | None = None, faults: Iterable[Fault] = ()
        ) -> Sandbox:
            return stack.enter_context(serve(store, behaviour or Behaviour(rate_limit=(10_000, 1)), faults))

        yield start


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """An empty warehouse in a folder of its own, which is also the working directory."""
    monkeypatch.chdir(tmp_path)
    return Warehouse(tmp_path)
