"""The whole job on BigQuery."""

from __future__ import annotations

from .scenarios import Scenarios


class TestOnBigQuery(Scenarios):
    destination = "bigquery"
    types = ("int64", "timestamp")
