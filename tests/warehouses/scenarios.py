"""The tests that every engine has to pass; each engine's own file makes a class of them."""

from __future__ import annotations

import pytest

from .journey import STEPS, Journey


class Scenarios:
    """`didomi` on one engine, beside DuckDB.

    Attributes:
        destination: The engine.
    """

    destination: str

    @pytest.mark.parametrize("step", STEPS)
    def test_it_holds_what_duckdb_holds(self, journey: Journey, step: str, record_property) -> None:
        """After each step the raw tables, the marts, the status and the page tell the same."""
        outcome = journey.reach(step)
        told = (self.destination, step, outcome.rows, len(outcome.differences), round(outcome.seconds, 1))
        record_property("compared", told)
        assert outcome.differences == [], "\n".join(outcome.differences[:20])
        assert outcome.rows
