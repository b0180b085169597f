"""The lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.faults.lab import Lab


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Lab:
    """An empty folder to run the job in."""
    return Lab(tmp_path, monkeypatch, caplog)
