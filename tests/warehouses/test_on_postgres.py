"""The whole job on PostgreSQL."""

from __future__ import annotations

from .scenarios import Scenarios


class TestOnPostgreSQL(Scenarios):
    destination = "postgres"
