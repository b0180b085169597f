"""The engines that the job is run on: the environment in which `didomi` finds each, and what it holds afterwards."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from didomi_source.warehouse.open import open_temporary
from didomi_source.warehouse.target import Target, prepare_environment
from support import postgres
from support.models import dbt
from support.warehouse import JSON_COLUMNS, TABLES
from support.warehouses.emulators import servers

Row = dict[str, Any]
DATASET = "didomi_raw"
JSON = {*JSON_COLUMNS, "metrics__kinds"}
EMULATED = {"snowflake": "fakesnow", "bigquery": "local-bigquery"}
# `make warehouses` takes every step on every engine; `make test` the most telling ones on the emulated.
IS_THOROUGH = bool(os.environ.get("DIDOMI_WAREHOUSES"))
# The setting without which there is no account to run on.
ACCOUNTS = {"bigquery": "DESTINATION__BIGQUERY__CREDENTIALS", "snowflake": "DESTINATION__SNOWFLAKE__CREDENTIALS"}


@dataclass(frozen=True)
class Engine:
    """A warehouse, as dlt and `didomi` find it.

    Args:
        destination: Its name.
        environment: How it is reached.
        dataset: Where the raw tables go.
    """

    destination: str
    environment: dict[str, str]
    dataset: str = DATASET

    @property
    def target(self) -> Target:
        return Target(destination=self.destination, dataset=self.dataset)

    @contextmanager
    def client(self, schema: str | None = None) -> Iterator[Any]:
        """dlt's SQL client in a schema."""
        with (
            environment(self.environment),
            open_temporary(self.target) as pipeline,
            pipeline.sql_client() as client,
            client.with_alternative_dataset_name(schema or self.dataset),
        ):
            yield client

    def execute(self, sql: str, *values: Any, schema: str | None = None) -> list[Row]:
        """Run SQL in which `{name}` stands for a table of the schema."""
        with self.client(schema) as client:
            return rows_of(client, sql, *values)

    def tables(self) -> dict[str, list[Row]]:
        """The raw tables without dlt's columns; JSON is parsed, times are in UTC."""
        with self.client() as client:
            return {
                table: [plain(table, row) for row in rows_of(client, f"select * from {{{table}}}")] for table in TABLES
            }

    def written(self, run_id: str) -> dict[str, int]:
        """How many rows of each table a run wrote."""
        one = "select '%s' as name, count(*) as found from {%s} where run_id = '%s'"
        counts = self.execute(" union all ".join(one % (table, table, run_id) for table in TABLES))
        return {row["name"]: int(row["found"]) for row in counts if row["found"]}

    def marts(self) -> dict[str, list[Row]]:
        """Every mart's rows, with types of Python's own."""
        with self.client(self.target.marts) as client:
            return {
                name: [
                    {column: zoneless(number(value)) for column, value in row.items()}
                    for row in rows_of(client, f"select * from {{{name}}}")
                ]
                for name in dbt.MARTS
            }

    def drop(self) -> None:
        """Remove everything that the job made."""
        for schema in self.target.schemas:
            with self.client(schema) as client, suppress(Exception):
                client.drop_dataset()


def rows_of(client: Any, sql: str, *values: Any) -> list[Row]:
    """The rows of a query in which `{name}` stands for a table."""
    with client.execute_query(sql.format_map(_Names(client)), *values) as cursor:
        if cursor.description is None:
            return []
        names = [column[0].lower() for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


class _Names(dict):
    """Table → its qualified name."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client

    def __missing__(self, table: str) -> str:
        return self._client.make_qualified_table_name(table)


def plain(table: str, row: Row) -> Row:
    """A raw row as every engine could have it."""
    texts = {"raw_log"} if table == "export_log_quarantine" else set()
    return {
        name: parsed(value) if name in JSON - texts else utc(number(value))
        for name, value in row.items()
        if not name.startswith("_dlt")
    }


def parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def number(value: Any) -> Any:
    """A DECIMAL is whole in all our tables: the sums and counts of some engines."""
    return int(value) if isinstance(value, Decimal) and value == int(value) else value


def utc(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


def zoneless(value: Any) -> Any:
    return utc(value).replace(tzinfo=None) if isinstance(value, datetime) else value


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Variables for this process."""
    before = dict(os.environ)
    os.environ.update(values)
    prepare_environment()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


# -- each of them --------------------------------------------------------------------------------


def duckdb_in(folder: Path) -> Engine:
    """The reference: a file in a folder."""
    return Engine("duckdb", {"DESTINATION__DUCKDB__CREDENTIALS": f"duckdb:///{folder / 'warehouse.duckdb'}"})


@contextmanager
def started(destination: str) -> Iterator[Engine]:
    """A local server; or an account, where DIDOMI_CLOUD names the destination.

    Skips the test where the emulator is not installed, and fails it in CI, which claims to have run it.
    """
    if os.environ.get("DIDOMI_CLOUD") == destination:
        with account(destination) as engine:
            yield engine
    elif destination == "postgres":
        with postgres.server() as server:
            yield Engine("postgres", {"DESTINATION__POSTGRES__CREDENTIALS": server.url})
    else:
        require(EMULATED[destination])
        with getattr(servers, destination)() as emulator:
            yield Engine(destination, emulator.environment)


def require(name: str) -> None:
    """Go on only where an environment of tests/warehouses/install is there."""
    if servers.is_installed(name):
        return
    missing = f"{name} is not installed: run tests/warehouses/install"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def account(destination: str) -> Iterator[Engine]:
    """A real account, in datasets of its own that are dropped in the end."""
    given = {name: value for name, value in os.environ.items() if name.startswith("DESTINATION__")}
    if not any(name.startswith(ACCOUNTS[destination]) for name in given):
        pytest.skip(f"NOTHING WAS TESTED on {destination}: set {ACCOUNTS[destination]} to an account of yours")
    engine = Engine(destination, given, f"didomi_test_{secrets.token_hex(4)}_raw")
    try:
        yield engine
    finally:
        engine.drop()
