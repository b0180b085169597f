"""The lab, and what all tests of faults have counted, printed at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from .lab import Lab

COUNTS = ("faults tried", "schedules run", "kill points", "rows lost", "rows doubled", "secrets found")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Lab:
    """An empty folder to run the job in."""
    return Lab(tmp_path, monkeypatch, caplog)
