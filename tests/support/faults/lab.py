"""Where faults are tried: an API that misbehaves for one export each, the whole job, and what it left behind."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from didomi_sandbox import Behaviour, Fault, Sandbox, Store, plain_store, serve
from didomi_source.cli.demo import settings_of
from didomi_source.errors import DidomiError
from didomi_source.job import Options, Summary, run
from support.faults.leaks import leaks, secrets_of
from support.warehouse import JSON_COLUMNS, OF_THE_RUN, utc

Row = dict[str, Any]

KEY = "marker-key-6f1d2c"
SECRET = "marker-secret-93ab7e"
# No limit that would slow a test, but one that is announced, or the client keeps to the documented one.
NO_LIMIT = (100_000, 1)
QUICK = Behaviour(rate_limit=NO_LIMIT)
SETTINGS = {"page_size": 7, "retry_seconds": 5, "answer_seconds": 2, "max_answer_bytes": 8 << 20}
LOGS = 23
# The command in a process of its own, wherever the package comes from.
DIDOMI = (sys.executable, "-c", "from didomi_source.cli import main; main()")
# `make faults` tries more than `make test`.
EVERYTHING = bool(os.environ.get("FAULTS"))
# Which requests meet a fault.
WHEN: dict[str, Row] = {"always": {}, "once": {"first": 1}, **({"every third": {"every": 3}} if EVERYTHING else {})}


def store_of(export_ids: Iterable[str], count: int = LOGS) -> Store:
    """An export of each name, with as many completed logs."""
    store = Store()
    logs = plain_store(count).logs()
    for export_id in export_ids:
        store.add_export(id=export_id, name=export_id)
        store.add_logs({**log, "id": f"{export_id}/{n:02d}", "export_id": export_id} for n, log in enumerate(logs))
    return store


@contextmanager
def misbehaving(store: Store, faults: Iterable[Fault] = (), behaviour: Behaviour = QUICK) -> Iterator[Sandbox]:
    """Serve a store to those who know the marked key and secret."""
    with serve(store, behaviour, faults) as sandbox:
        sandbox.api_key, sandbox.api_secret = KEY, SECRET
        yield sandbox


class Lab:
    """Runs the job in a folder of its own, and looks at what it left there.

    Args:
        folder: Working directory, warehouse and all.
        monkeypatch: Sets the environment.
        caplog: Hears everything that is logged.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
        self.folder = folder
        self.path = folder / "warehouse.duckdb"
        self._monkeypatch = monkeypatch
        self._caplog = caplog
        self._heard: list[str] = []
        monkeypatch.chdir(folder)
        for name in ("EXTRACT__WORKERS", "EXTRACT__MAX_PARALLEL_ITEMS"):
            monkeypatch.setenv(name, "64")

    def run(self, sandbox: Sandbox, *, full: bool = False, models: bool = False, **settings: Any) -> Summary:
        """Run the job once, without the models unless asked to."""
        values = {f"SOURCES__DIDOMI__{name.upper()}": str(value) for name, value in {**SETTINGS, **settings}.items()}
        for name, value in {**settings_of(sandbox, self.path), **values}.items():
            self._monkeypatch.setenv(name, value)
        self._caplog.clear()
        try:
            with self._caplog.at_level(logging.DEBUG):
                return run(options=Options(skip_models=not models, full=full))
        except DidomiError as error:
            self._heard.append(str(error))
            raise
        finally:
            self._heard.append(self._caplog.text)

    # -- the warehouse ---------------------------------------------------------------------------

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run SQL on the raw dataset."""
        with duckdb.connect(str(self.path)) as connection:
            connection.execute("set timezone = 'UTC'")
            connection.execute("use didomi_raw")
            return connection.execute(query, values).fetchall()

    def rows(self, table: str, condition: str = "true") -> list[Row]:
        """A table's rows without dlt's columns; JSON is parsed."""
        if not self._has_dataset():
            return []
        found = self.sql(f"select column_name from duckdb_columns() where table_name = '{table}'")
        names = [name for (name,) in found if not name.startswith("_dlt")]
        if not names:
            return []
        columns = ", ".join(f'"{name}"' for name in names)
        rows = self.sql(f"select {columns} from {table} where {condition}")
        return [dict(zip(names, map(_parsed, names, row), strict=True)) for row in rows]

    def _has_dataset(self) -> bool:
        if not self.path.exists():
            return False
        with duckdb.connect(str(self.path)) as connection:
            return bool(connection.execute("from duckdb_schemas() where schema_name = 'didomi_raw'").fetchall())

    def logs(self) -> list[Row]:
        """The rows of `export_logs`, by id, without what differs from run to run and what is NULL."""
        ignored = (*OF_THE_RUN, "content_hash")
        rows = sorted(self.rows("export_logs"), key=lambda row: row["id"])
        return [{k: v for k, v in row.items() if k not in ignored and v is not None} for row in rows]

    def syncs(self, run_id: str) -> dict[str, Row]:
        """The rows of a run in `export_syncs`, by export."""
        rows = self.rows("export_syncs", f"run_id = '{run_id}'")
        assert len({row["export_id"] for row in rows}) == len(rows)
        return {row["export_id"]: row for row in rows}

    def doubled(self) -> int:
        """How many rows stand beside another one of the same key, over all tables."""
        keys = {
            "exports": "id",
            "export_logs": "id",
            "export_log_history": "version_id",
            "export_syncs": "sync_id",
            "export_log_quarantine": "fingerprint",
        }
        counts = [
            self.sql(f"select count(*) - count(distinct {key}) from {table}")[0][0] for table, key in keys.items()
        ]
        twice = "select log_id, sequence from export_log_history group by all having count(*) > 1"
        return sum(counts) + len(self.sql(twice))

    # -- secrets ---------------------------------------------------------------------------------

    def secrets_found(self, sandbox: Sandbox) -> list[str]:
        """Where a secret shows: in any byte written to the folder, any row, anything logged."""
        return leaks(secrets_of(sandbox), self.folder, *self._heard)


def truth(sandbox: Sandbox) -> list[Row]:
    """What `export_logs` holds after a complete read, worked out on its own."""
    return [columns_of(log) for log in sorted(sandbox.store.logs(), key=lambda log: log["id"])]


def columns_of(log: Row) -> Row:
    """The columns of a log of `store_of`, without NULLs."""
    columns = {
        **{name: log[name] for name in ("id", "export_id", "organization_id", "status", "result")},
        "config__frequency": log["config"]["frequency"],
        "metrics__users": log["metrics"].get("users"),
        "created_at": utc(log["created_at"]),
        "updated_at": utc(log["updated_at"]),
        "raw_log": log,
    }
    return {name: value for name, value in columns.items() if value is not None}


def lost(rows: Iterable[Row], logs: Iterable[Row]) -> list[str]:
    """The ids of logs that no row has."""
    found = {row["id"] for row in rows}
    return [log["id"] for log in logs if log["id"] not in found]


def _parsed(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    return json.loads(value) if value is not None and name in JSON_COLUMNS else value
