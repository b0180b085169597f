"""The whole job on Snowflake."""

from __future__ import annotations

from support.warehouses.scenarios import Scenarios


class TestOnSnowflake(Scenarios):
    destination = "snowflake"
    types = ("integer", "timestamp_tz")
