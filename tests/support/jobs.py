"""A sandbox, and `didomi` in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from didomi_sandbox import Behaviour, Sandbox, plain_store, serve
from support.harness import Forker, Job


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    forker = Forker()
    yield forker
    forker.close()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with serve() as sandbox:
        yield sandbox


@pytest.fixture
def api(running_sandbox: Sandbox) -> Sandbox:
    """One export of 30 logs that are done, without a rate limit."""
    running_sandbox.behaviour = Behaviour(rate_limit=(10_000, 1))
    running_sandbox.store = plain_store(30)
    running_sandbox.faults = ()
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def new_job(tmp_path: Path, forker: Forker, api: Sandbox) -> Callable[..., Job]:
    """Makes a folder for `didomi`."""

    def make(name: str = "job") -> Job:
        folder = tmp_path / name
        folder.mkdir()
        return Job(folder, forker, api)

    return make


@pytest.fixture
def job(new_job: Callable[..., Job]) -> Job:
    """`didomi` in an empty folder."""
    return new_job()
