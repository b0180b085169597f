"""Tests that `make test` leaves to `make test-thorough`: they try what another test tries, on more ground."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def all_but(kept: Any, values: Iterable[Any]) -> list[Any]:
    """Parameters of a test, of which `make test` tries one."""
    return [value if value == kept else pytest.param(value, marks=pytest.mark.thorough) for value in values]
