"""Places to read from, and warehouses to load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from support.deliveries.lab import Loads, Place, Warehouse
from support.deliveries.servers import GcsBucket, S3Bucket, S3Server, gcs_server, s3_server

_numbers = count(1)


@pytest.fixture(autouse=True)
def no_pipeline() -> Iterator[None]:
    """The pipeline of a test is active in none after it: the source would read what that one has loaded."""
    yield
    Container()[PipelineContext].deactivate()


@pytest.fixture
def loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loads:
    """Runs without a warehouse."""
    monkeypatch.chdir(tmp_path)
    return Loads()


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """An empty warehouse in the working directory."""
    monkeypatch.chdir(tmp_path)
    return Warehouse(tmp_path)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty folder of deliveries."""
    root = tmp_path / "bucket"
    root.mkdir()
    return Place(root)


@pytest.fixture(scope="session")
def s3_session() -> Iterator[S3Server]:
    """One S3 server for all tests."""
    with s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_session: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The S3 server, without what the test before asked of it, and without credentials of the machine."""
    s3_session.clear()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    return s3_session


@pytest.fixture(scope="session")
def gcs_session() -> Iterator[str]:
    """One fake-gcs-server for all tests."""
    with gcs_server() as url:
        yield url


@pytest.fixture
def new_bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes buckets: of S3, or of Google."""

    def made(protocol: str, prefix: str = "") -> S3Bucket | GcsBucket:
        name = f"didomi-exports-acme-{next(_numbers)}"
        if protocol == "s3":
            return S3Bucket(request.getfixturevalue("s3"), name, prefix)
        server = request.getfixturevalue("gcs_session")
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server)
        return GcsBucket(server, name, prefix)

    return made
