"""Places to read from, and warehouses to load."""

from __future__ import annotations

from pathlib import Path

import pytest

from .lab import Loads, Place, Warehouse


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
