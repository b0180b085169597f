"""A local API, and a folder to run a schedule in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from didomi_sandbox import Sandbox, generate, serve
from didomi_source.cli.demo import access_to
from support.harness import clean_environment


@pytest.fixture(scope="session")
def made_up() -> Iterator[Sandbox]:
    """Five exports of 30 days."""
    with serve(generate(seed=1, days=30)) as api:
        yield api


@pytest.fixture
def environment(made_up: Sandbox, tmp_path: Path) -> dict[str, str]:
    """This process's environment, with access to the local API and nothing else configured."""
    return {**clean_environment(tmp_path), **access_to(made_up)}
