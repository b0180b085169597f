"""What this project costs: a load, growth from ten thousand logs to a million, and start-up."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import measure
from measure import ROOT, Cost
from server import MAX_LIMIT, ORGANIZATION, Server, serve

from didomi_sandbox import Behaviour, Store, generate, plain_store
from didomi_sandbox import serve as serve_sandbox
from didomi_source.cli.demo import settings_of

LOAD = ["run", "--skip-models"]
DATABASE = "target.duckdb"
TIMES = 5
BACKFILL_LOGS, BACKFILL_EXPORTS = 20_000, 4
START_UPS = {
    "`didomi --help`": ["--help"],
    "`didomi status`": ["status"],
    "`didomi run --skip-models`, nothing new": ["run", "--skip-models"],
    "`didomi run`, nothing new": ["run"],
}


def executables() -> Path:
    """Where the Python is that has this project and what it needs, no more."""
    return measure.environment(
        "didomi", Path(__file__).with_name("didomi.txt"), ROOT / "constraints.txt", ROOT / "pyproject.toml"
    )


def didomi(*arguments: str) -> list[str]:
    """A command of ours."""
    return [str(executables() / "didomi"), *arguments]


def settings(server: Server, folder: Path) -> dict[str, str]:
    """The environment that points a run at the server and at a database in a folder."""
    return {
        "SOURCES__DIDOMI__API_KEY": "key",
        "SOURCES__DIDOMI__API_SECRET": "secret",
        "SOURCES__DIDOMI__ORGANIZATION_ID": ORGANIZATION,
        "SOURCES__DIDOMI__BASE_URL": f"{server.url}/v1",
        "SOURCES__DIDOMI__PAGE_SIZE": str(MAX_LIMIT),
        "DESTINATION__DUCKDB__CREDENTIALS": f"duckdb:///{folder / DATABASE}",
    }


def load(server: Server, folder: Path) -> Cost:
    """The first load, in an empty folder."""
    return measure.run(didomi(*LOAD), folder, settings(server, folder))


def loaded(folder: Path) -> int:
    """How many logs are in the database."""
    with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
        (count,) = connection.execute("select count(distinct id) from didomi_raw.export_logs").fetchone()
    return count


def check(found: int, logs: int) -> None:
    """End here when we lost a log: then nothing that was measured counts."""
    if found != logs:
        raise SystemExit(f"didomi-source loaded {found:,} of {logs:,} logs")


def growth(sizes: Sequence[int]) -> list[str]:
    """The section on growth."""
    rows = []
    last = (0, 0.0)
    for logs in sizes:
        with serve(logs) as server, tempfile.TemporaryDirectory(prefix="didomi-bench-") as name:
            cost = load(server, Path(name))
            again = load(server, Path(name))
            found, megabytes = loaded(Path(name)), (Path(name) / DATABASE).stat().st_size / 2**20
        print(f"growth, {logs:,} logs: {cost}, again {again}", flush=True)
        check(found, logs)
        further = (cost.cpu_seconds - last[1]) / (logs - last[0]) * 1e6
        last = (logs, cost.cpu_seconds)
        rows.append(
            f"| {logs:,} | {cost.cpu_seconds:.1f} | {cost.cpu_seconds / logs * 1e6:.0f} | {further:.0f} "
            f"| {cost.wall_seconds:.1f} | {cost.peak_megabytes:.0f} | {megabytes:.0f} "
            f"| {again.cpu_seconds:.1f} | {again.peak_megabytes:.0f} |"
        )
    return [
        "## Growth",
        "",
        "The first load of didomi-source alone, and the run after it, which finds nothing new. Each start costs the same:",
        "what a further log costs is the difference to the row above.",
        "",
        "| logs | CPU s | CPU µs per log | per further log | wall s | peak MB | database MB | again: CPU s | peak MB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
    ]


def rate_limit() -> list[str]:
    """The section on the limit of 100 requests in 15 s, alone and with another client that uses half of it."""
    store = Store()
    for number in range(BACKFILL_EXPORTS):
        store.add_export(id=f"export-{number}", name=f"export-{number}")
        logs = plain_store(BACKFILL_LOGS // BACKFILL_EXPORTS, step=600.0, export_id=f"export-{number}").logs()
        store.add_logs({**log, "id": f"{number}-{log['id']}"} for log in logs)
    rows = []
    for share in (0.0, 0.5):
        behaviour = Behaviour(rate_window="sliding", other_client_share=share)
        with tempfile.TemporaryDirectory(prefix="didomi-bench-") as name, serve_sandbox(store, behaviour) as api:
            measure.run(didomi(*LOAD), Path(name), settings_of(api, Path(name) / DATABASE))
            check(loaded(Path(name)), BACKFILL_LOGS)
            sent = api.requests
        seconds = sent[-1].time - sent[0].time
        least = (len(sent) - 1) // int(100 * (1 - share)) * 15
        refused = sum(request.status == 429 for request in sent)
        print(f"rate limit, {share:.0%} used by another client: {seconds:.1f} s", flush=True)
        rows.append(f"| {share:.0%} | {len(sent)} | {refused} | {seconds:.1f} | {least} | {seconds / least:.2f} |")
    return [
        "## Rate limit",
        "",
        (
            f"A backfill of {BACKFILL_LOGS:,} logs in {BACKFILL_EXPORTS} exports against the sandbox, which allows 100 requests in any 15 s, alone "
            "and with another client. The least is what the limit makes so many requests take, whoever sends them."
        ),
        "",
        "| used by another client | requests | answered 429 | s from the first to the last | least s | ratio |",
        "|---:|---:|---:|---:|---:|---:|",
        *rows,
        "",
    ]


def start_up() -> list[str]:
    """The section on start-up, on a year of the sandbox's history."""
    rows = []
    behaviour = Behaviour(rate_limit=None)
    with (
        tempfile.TemporaryDirectory(prefix="didomi-bench-") as name,
        serve_sandbox(generate(seed=1, days=365, exports=5), behaviour) as api,
    ):
        folder = Path(name)
        environment = settings_of(api, folder / DATABASE)
        measure.run(didomi("run"), folder, environment)
        for label, arguments in START_UPS.items():
            costs = [measure.run(didomi(*arguments), folder, environment) for _ in range(TIMES)]
            wall = statistics.median(cost.wall_seconds for cost in costs)
            cpu = statistics.median(cost.cpu_seconds for cost in costs)
            peak = max(cost.peak_megabytes for cost in costs)
            print(f"{label}: {wall:.2f} s", flush=True)
            rows.append(f"| {label} | {wall:.2f} | {cpu:.2f} | {peak:.0f} |")
        with duckdb.connect(str(folder / DATABASE), read_only=True) as connection:
            logs, exports = connection.execute(
                "select count(*), count(distinct export_id) from didomi_raw.export_logs"
            ).fetchone()
    return [
        "## Start-up",
        "",
        f"Medians of {TIMES}, the interpreter included, after a first run over {logs:,} logs of {exports} exports of the sandbox.",
        "",
        "| command | wall s | CPU s | peak MB |",
        "|---|---:|---:|---:|",
        *rows,
        "",
    ]
