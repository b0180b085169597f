"""What happens to a warehouse over a few days, step by step, beside a DuckDB file to which the same happens."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from didomi_sandbox import Sandbox, Store, generate
from didomi_sandbox.clock import iso
from didomi_source.report import write_report
from support.harness import Forker, Job, Result
from support.models import dbt, raw
from support.models.compare import all_differences, is_same
from support.warehouse import OF_THE_RUN, TABLES
from support.warehouses.engines import Engine, duckdb_in, environment

Rows = list[dict[str, Any]]
PAGE_SIZE = 20  # so that no list is read at once
COMMAND_SECONDS = 240  # an emulator that hangs is not waited for
# What differs between two warehouses that read the same at nearly the same time.
OF_THE_MOMENT = {*OF_THE_RUN, "first_observed_at", "started_at", "finished_at", "sync_id", "quarantined_at"}
TIMEZONE = "Europe/Paris"


@dataclass
class Outcome:
    """What a step compared."""

    rows: int = 0
    differences: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def compare(self, what: str, expected: Any, found: Any) -> None:
        """Count two lists of rows, or two values, and note what differs."""
        if isinstance(expected, list) and isinstance(found, list):
            self.rows += len(expected)
            left, right = (
                {json.dumps(row, sort_keys=True, default=repr) for row in rows} for rows in (expected, found)
            )
            self.differences += [f"{what}: missing {row}" for row in sorted(left - right)]
            self.differences += [f"{what}: not expected {row}" for row in sorted(right - left)]
            if len(expected) != len(found):
                self.differences.append(f"{what}: {len(expected)} rows expected, {len(found)} found")
        elif not is_same(expected, found):
            self.differences.append(f"{what}: expected {expected!r}, found {found!r}")


class Site:
    """`didomi` in a folder, loading into one engine.

    Args:
        engine: The engine.
        folder: The folder; it is made.
        forker: Starts the runs.
        sandbox: What they read.
    """

    def __init__(self, engine: Engine, folder: Path, forker: Forker, sandbox: Sandbox) -> None:
        folder.mkdir()
        self.engine, self.folder = engine, folder
        self._job = Job(folder, forker, sandbox)
        self._job.environment |= {**engine.environment, "SOURCES__DIDOMI__PAGE_SIZE": str(PAGE_SIZE)}

    def start(self, command: str, *arguments: str, kill_at: str = "") -> Callable[[], Result]:
        """Start a command; returns what waits for its end."""
        where = ("--destination", self.engine.destination, "--dataset", self.engine.dataset)
        return self.command(command, *where, *arguments, kill_at=kill_at)

    def command(self, *arguments: str, kill_at: str = "") -> Callable[[], Result]:
        """The same for a command that is told everything."""
        running = self._job.start(*arguments, kill_at=kill_at)
        limit = threading.Timer(COMMAND_SECONDS, os.kill, (running.pid, signal.SIGKILL))
        limit.start()

        def wait() -> Result:
            result = running.wait()
            limit.cancel()
            return result

        return wait

    def didomi(self, command: str, *arguments: str, kill_at: str = "") -> Result:
        """Run a command to its end."""
        return self.start(command, *arguments, kill_at=kill_at)()


class Journey:
    """An engine and its DuckDB reference on their way.

    Args:
        engine: The engine.
        folder: Where both work.
        forker: Starts the runs.
        sandbox: The API that both read.
    """

    def __init__(self, engine: Engine, folder: Path, forker: Forker, sandbox: Sandbox) -> None:
        self.sandbox, self.forker = sandbox, forker
        self.sandbox.store = beginning()
        self.folder = folder
        self.reference = Site(duckdb_in(folder / "duckdb"), folder / "duckdb", forker, sandbox)
        self.site = Site(engine, folder / engine.destination, forker, sandbox)
        self.outcomes: dict[str, Outcome] = {}

    @property
    def store(self) -> Store:
        return self.sandbox.store

    @property
    def sites(self) -> tuple[Site, Site]:
        return self.reference, self.site

    def reach(self, step: str) -> Outcome:
        """Go up to a step; returns what it compared."""
        for name, take in STEPS.items():
            if name not in self.outcomes:
                self.outcomes[name] = outcome = Outcome()
                begun = time.monotonic()
                take(self, outcome)
                outcome.seconds = time.monotonic() - begun
            if name == step:
                break
        return self.outcomes[step]

    def run_both(self, *arguments: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Load into both at once; returns their summaries."""
        waiting = [site.start("run", "--skip-models", "--json", *arguments) for site in self.sites]
        results = [wait() for wait in waiting]
        for result in results:
            assert result.code == 0, result
        expected, found = (json.loads(result.out) for result in results)
        return expected, found

    def load(self, outcome: Outcome, *arguments: str) -> dict[str, Any]:
        """Load into both, and compare every raw table, the notes, and what was written; returns the engine's summary."""
        expected, found = self.run_both(*arguments)
        outcome.compare("notes", expected["notes"], found["notes"])
        outcome.compare(
            "written", self.reference.engine.written(expected["run_id"]), self.site.engine.written(found["run_id"])
        )
        self.compare_tables(outcome)
        return found

    def compare_tables(self, outcome: Outcome) -> None:
        expected, found = (contents(site.engine.tables()) for site in self.sites)
        for table in TABLES:
            outcome.compare(table, expected[table], found[table])


def contents(tables: dict[str, Rows]) -> dict[str, Rows]:
    """What the raw tables say, without what differs from moment to moment; of `export_syncs` the last run."""
    last = max(tables["export_syncs"], key=lambda row: row["started_at"])["run_id"]
    return {
        table: [
            {name: value for name, value in row.items() if name not in OF_THE_MOMENT and value is not None}
            for row in rows
            if table != "export_syncs" or row["run_id"] == last
        ]
        for table, rows in tables.items()
    }


# -- the steps -----------------------------------------------------------------------------------

WEIRD = {
    "weird-nul": {"status": "failed", "result": "before\x00after"},
    "weird-sql": {"status": "failed", "result": "'; drop table export_logs; -- \\ \" %s {x}"},
    "weird-lines": {"status": "failed", "result": "one\r\ntwo\u2028three\ttab"},
    "weird-emoji": {"status": "failed", "result": "déjà 👩‍👩‍👧 vu"},
    "weird-result": {"status": "failed", "result": {"error": "an object", "code": [1, None]}},
    "weird-largest": {"metrics": {"users": 2**63 - 1}},
    "weird-over": {"metrics": {"users": 2**63}},
    "weird-none": {"metrics": {}, "config": {}, "updated_at": None},
    "weird-status": {"status": "Completed "},
}
PENDING = "still-pending"


def beginning() -> Store:
    """Two months of five exports, a run that is not over, and odd values a day apart."""
    made = generate(seed=7, days=60, exports=5)
    store = Store()
    for export in made.exports():
        store.add_export(export)
    # without the log that settles by itself
    store.add_logs(log for log in made.logs() if log["status"] != "pending")
    export_id = str(made.exports()[0]["id"])
    store.add_log(export_id, id=PENDING, status="pending", metrics={})
    for day, (log_id, fields) in enumerate(WEIRD.items()):
        created_at = iso(store.clock.now() - (len(WEIRD) - day) * 86_400)
        store.add_log(export_id, **{"id": log_id, "created_at": created_at, **fields})
    return store


def first(journey: Journey) -> str:
    return str(journey.store.exports()[0]["id"])


def first_load(journey: Journey, outcome: Outcome) -> None:
    journey.load(outcome)


def quiet_run(journey: Journey, outcome: Outcome) -> None:
    found = journey.load(outcome)
    exports = len(journey.store.exports())
    outcome.compare("a quiet run writes", {"export_syncs": exports}, journey.site.engine.written(found["run_id"]))


def not_sorted(journey: Journey, outcome: Outcome) -> None:
    """All lists have to be read as a whole, which nobody knew: each asks the destination what it holds of the rest."""
    behaviour = journey.sandbox.behaviour
    journey.sandbox.behaviour = replace(behaviour, sort="ignored", order="random_id")
    found = journey.load(outcome)
    journey.sandbox.behaviour = behaviour
    exports = len(journey.store.exports())
    outcome.compare("it writes", {"export_syncs": exports}, journey.site.engine.written(found["run_id"]))
    sorts = {row["sort"] for row in journey.site.engine.execute("select distinct sort from {export_syncs}")}
    outcome.compare("sorts", {"honoured", "ignored", "not_needed"}, sorts)


def settlement(journey: Journey, outcome: Outcome) -> None:
    journey.store.settle(PENDING, users=4321)
    found = journey.load(outcome)
    exports = len(journey.store.exports())
    written = {"export_logs": 1, "export_log_history": 1, "export_syncs": exports}
    outcome.compare("a settlement writes", written, journey.site.engine.written(found["run_id"]))


def new_metric(journey: Journey, outcome: Outcome) -> None:
    metrics = {"users": 5, "bytes": 2**40, "ratio": 0.1, "done": True, "kinds": {"a": [1, 2]}, "note": "né"}
    journey.store.add_log(first(journey), id="with-metrics", metrics=metrics)
    journey.load(outcome)
    (row,) = journey.site.engine.execute(
        "select metrics__bytes, metrics__ratio, metrics__done, metrics__note from {export_logs} where id = 'with-metrics'"
    )
    outcome.compare("the new columns", [2**40, 0.1, True, "né"], [*row.values()])


def garbage(journey: Journey, outcome: Outcome) -> None:
    export_id = first(journey)
    for odd in (None, {"not": "an id"}, "", True, ["a", "list"]):
        journey.store.add_log(export_id, id=odd)
    found = journey.load(outcome)
    written = journey.site.engine.written(found["run_id"])
    outcome.compare("quarantined", 5, written["export_log_quarantine"])


def another_export(journey: Journey, outcome: Outcome) -> None:
    """A sixth export is loaded beside the others."""
    export_id = journey.store.add_export(name="Another – new", id="another")
    for number in range(30):
        journey.store.add_log(export_id, id=f"another-{number}", users=number)
    journey.load(outcome)


def killed(journey: Journey, outcome: Outcome) -> None:
    """The destination has a table's rows and dlt does not know it; then more happens, and one run mends all."""
    journey.store.add_log(first(journey), id="before-kill", status="pending")
    journey.store.add_log("another", id="beside-kill", users=1)
    package = "dlt.common.storages.load_package:PackageStorage"
    reference = journey.reference.start("run", "--skip-models")
    result = journey.site.didomi("run", "--skip-models", kill_at=f"{package}.save_pending_transition before 3")
    outcome.compare("killed", [-signal.SIGKILL, 0], [result.code, reference().code])
    journey.store.settle("before-kill", users=7)
    journey.store.add_log("another", id="after-kill", status="failed", result="No")
    expected, found = journey.run_both()
    outcome.compare("notes", ["what an interrupted run left was loaded first"], found["notes"])
    journey.compare_tables(outcome)


def directory_deleted(journey: Journey, outcome: Outcome) -> None:
    """Schema and state come back from the destination: the next run reads on, and knows the columns."""
    shutil.rmtree(journey.site.folder / ".didomi")
    journey.store.add_log(first(journey), id="after-deletion", metrics={"users": 1, "bytes": 12})
    found = journey.load(outcome)
    written = journey.site.engine.written(found["run_id"])
    outcome.compare("written logs", 1, written["export_logs"])


def models_built(journey: Journey, outcome: Outcome) -> None:
    """The marts, built twice, are cell by cell what DuckDB builds from the same raw rows."""
    engine = journey.site.engine
    reference = journey.folder / "marts"
    reference.mkdir()
    as_of = datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    variables = {"didomi_timezone": TIMEZONE, "didomi_as_of": f"{as_of:%Y-%m-%d %H:%M:%S}"}
    builds = []
    for _ in range(2):
        result = journey.site.didomi("run", "--vars", json.dumps(variables))
        assert result.code == 0, result
        builds.append(engine.marts())
    raw.write_duckdb(reference / "warehouse.duckdb", documented(engine.tables()))
    dbt.build(reference, as_of, {"didomi_timezone": TIMEZONE})
    expected = dbt.marts(reference / "warehouse.duckdb")
    assert [name for name, rows in expected.items() if not rows] == ["didomi__deliveries"]  # without a bucket
    outcome.rows += sum(map(len, expected.values()))
    outcome.differences += all_differences(expected, builds[-1])
    # The run between the two builds has read the exports again, and found nothing.
    read = (" last_synced_at:", " last_complete_sync_at:")
    outcome.differences += [
        line for line in all_differences(builds[0], builds[-1]) if not any(name in line for name in read)
    ]


def status_and_report(journey: Journey, outcome: Outcome) -> None:
    """`didomi status` and the morning page tell of the engine what they tell of DuckDB."""
    expected = Site(duckdb_in(journey.folder / "marts"), journey.folder / "status", journey.forker, journey.sandbox)
    told = [site.didomi("status", "--format", "json") for site in (expected, journey.site)]
    assert [result.code for result in told] == [0, 0], told
    found = [json.loads(result.out) for result in told]
    for status in found:
        del status["age_seconds"]  # they were asked one after the other
    outcome.compare("status", *found)
    pages, now = [], datetime.now(timezone.utc)
    for site in (expected, journey.site):
        with environment(site.engine.environment):
            page = write_report(site.engine.target, journey.folder / "report.html", now=now)
            pages.append(page.read_text("utf-8").replace(site.engine.target.marts, "marts"))
    outcome.compare("report", pages[0].splitlines(), pages[1].splitlines())


def documented(tables: dict[str, Rows]) -> dict[str, Rows]:
    """The columns of docs/tables.md, with JSON as text."""
    return {
        table: [
            {
                name: json.dumps(row[name]) if kind == "json" and row.get(name) is not None else row.get(name)
                for name, kind in raw.TABLES[table].items()
            }
            for row in rows
        ]
        for table, rows in tables.items()
    }


STEPS: dict[str, Callable[[Journey, Outcome], None]] = {
    "first load": first_load,
    "quiet second run": quiet_run,
    "$sort ignored": not_sorted,
    "settlement": settlement,
    "new metric columns": new_metric,
    "garbage quarantined": garbage,
    "another export beside": another_export,
    "killed and run again": killed,
    "working directory deleted": directory_deleted,
    "models built": models_built,
    "status and report": status_and_report,
}
