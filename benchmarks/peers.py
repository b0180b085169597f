"""This project and its peers on the same logs, one after the other: `make bench`.

One local server (server.py) has the same list for all. Each peer (peers/) is set up as its own documentation does and lives in an
environment of its own. What is measured is a first load into an empty folder; afterwards the logs in the target are counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import flame
import measure
import ours
from measure import Cost, Failed
from server import Server, serve

FOLDER = Path(__file__).parent
# How many rounds of each size: the host is never quiet for long, and the cheapest of several is what a tool takes.
SIZES = {50_000: 1, 200_000: 3}
GROWTH = [10_000, 100_000]
GROWTH_FULL = [*GROWTH, 1_000_000]
# A local comparison: nobody is to be told, and there may be no internet.
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false", "AIRBYTE_OFFLINE_MODE": "1", "DO_NOT_TRACK": "1"}
COUNT_IN_DUCKDB = (
    "import duckdb; print(duckdb.connect('target.duckdb', read_only=True)"
    ".execute('select count(distinct id) from raw.export_logs').fetchone()[0])"
)


@dataclass(frozen=True)
class Peer:
    """Another tool that does the same.

    `command` is a file of peers/ with its arguments; `environment` names the requirements there; `packages` are those whose
    versions count.
    """

    name: str
    environment: str
    command: str
    packages: tuple[str, ...]

    def executables(self) -> Path:
        """Where its own Python is."""
        return measure.environment(self.environment, FOLDER / "peers" / f"{self.environment}.txt")

    def load(self, server: Server, folder: Path) -> Cost:
        """Load everything into an empty folder."""
        file, *arguments = self.command.split()
        interpreter = "python" if file.endswith(".py") else "bash"
        bin_folder = self.executables()
        search = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        program = shutil.which(interpreter, path=search) or interpreter
        given = {**QUIET, "BENCH_URL": server.url, "PATH": search, "PYTHONPATH": ""}
        return measure.run([program, str(FOLDER / "peers" / file), *arguments], folder, given)

    def loaded(self, folder: Path) -> int:
        """How many logs its target holds."""
        lines = folder / "target.jsonl"
        if lines.exists():
            with lines.open() as text:
                return len({m[1] for line in text if (m := re.search(r'"data":\{"id":"([^"]+)"', line))})
        done = subprocess.run(
            [self.executables() / "python", "-c", COUNT_IN_DUCKDB],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(f"its target cannot be read: {measure.reason(done.stderr)}")
        return int(done.stdout)

    def versions(self) -> str:
        """Its version, and those of what it stands on."""
        try:
            return ", ".join(f"{package} {measure.version(self.executables(), package)}" for package in self.packages)
        except Failed as error:
            return str(error)


class Ours:
    """didomi-source as a peer."""

    name = "**didomi-source**"
    load = staticmethod(ours.load)
    loaded = staticmethod(ours.loaded)

    @staticmethod
    def versions() -> str:
        """The versions that count."""
        packages = ("didomi-source", "dlt", "duckdb", "pyarrow")
        return ", ".join(f"{package} {measure.version(ours.executables(), package)}" for package in packages)


TUNED = Peer("dlt rest_api, tuned → DuckDB", "dlt", "dlt_rest_api.py tuned", ("dlt", "duckdb", "pyarrow"))
SAME = Peer("… with our columns, checks and history", "dlt", "dlt_rest_api.py same", TUNED.packages)
PEERS = [
    Ours(),
    TUNED,
    SAME,
    Peer("dlt rest_api, defaults → DuckDB", "dlt", "dlt_rest_api.py", ("dlt", "duckdb")),
    Peer("Meltano SDK tap → target-duckdb", "meltano", "meltano.sh", ("singer-sdk", "target-duckdb", "duckdb")),
    Peer("Airbyte CDK → JSON lines", "airbyte_cdk", "airbyte_cdk.sh", ("airbyte-cdk",)),
    Peer("PyAirbyte → DuckDB", "pyairbyte", "pyairbyte.py", ("airbyte", "airbyte-cdk", "duckdb")),
]


@dataclass(frozen=True)
class Result:
    """What a peer made of a list; without a cost, why not."""

    name: str
    cost: Cost | None
    requests: int = 0
    loaded: int = 0
    error: str = ""


def tried(peer: Peer | Ours, server: Server) -> Result:
    """Let a peer load the server's logs into an empty folder."""
    with tempfile.TemporaryDirectory(prefix="didomi-bench-") as name:
        before = server.requests()
        try:
            cost = peer.load(server, Path(name))
            result = Result(peer.name, cost, server.requests() - before, peer.loaded(Path(name)))
        except Failed as error:
            result = Result(peer.name, None, error=str(error))
    print(f"{server.logs:,} logs: {result}", flush=True)
    if isinstance(peer, Ours):
        ours.check(result.loaded, server.logs)
    return result


def cheapest(tries: Sequence[Result]) -> Result:
    """Of a peer's tries the one that took the least CPU, with the fewest logs that any of them loaded; one that failed before all."""
    least = min(tries, key=lambda result: result.cost.cpu_seconds if result.cost else 0)
    return replace(least, loaded=min(result.loaded for result in tries))


def comparison(logs: int, rounds: int) -> list[str]:
    """The section on one size; in each round the peers take turns."""
    with serve(logs) as server:
        tries = [[tried(peer, server) for peer in PEERS] for _ in range(rounds)]
    results = [cheapest(of_one) for of_one in zip(*tries, strict=True)]
    costs = {result.name: result.cost for result in results}
    return [
        f"### {logs:,} logs{f', the cheapest of {rounds} rounds' if rounds > 1 else ''}",
        "",
        "| | CPU s | of tuned | of the same | wall s | peak MB | of tuned | of the same | requests | loaded |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(result, [costs[TUNED.name], costs[SAME.name]], logs) for result in results),
        "",
    ]


def _row(result: Result, others: list[Cost | None], logs: int) -> str:
    if result.cost is None:
        return f"| {result.name} | {result.error} | | | | | | | | **0** |"

    def ratios(measured: str) -> list[str]:
        return [f"{getattr(result.cost, measured) / getattr(other, measured):.2f}" if other else "" for other in others]

    lost = logs - result.loaded
    cells = [
        result.name,
        f"{result.cost.cpu_seconds:.1f}",
        *ratios("cpu_seconds"),
        f"{result.cost.wall_seconds:.1f}",
        f"{result.cost.peak_megabytes:.0f}",
        *ratios("peak_megabytes"),
        f"{result.requests:,}",
        f"**{result.loaded:,}: {lost:,} lost**" if lost else "all",
    ]
    return f"| {' | '.join(cells)} |"


def machine() -> str:
    """The processor and the memory, nothing that names the machine."""
    information = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", information.read_text()) if information.exists() else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{found[1] if found else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}; load {os.getloadavg()[0]:.1f} at the start"
    )


def page(sizes: Mapping[int, int], growth: list[int], graph: Path) -> str:
    """Measure everything; returns the results as Markdown, and writes the flame graph."""
    head = [
        "# How fast",
        "",
        f"Written by `make bench` on {datetime.now(timezone.utc):%Y-%m-%d}: {machine()}.",
        "The daily run with its models beside an earlier commit: [RESULTS-daily.md](RESULTS-daily.md).",
        "",
        "## Beside the peers",
        "",
        "The same list for all, in pages of 1,000 logs, from a local server without a rate limit; each loads it into an empty folder.",
        "CPU seconds and peak memory (PSS) are those of all processes of a command. Trust CPU seconds and ratios more than the wall clock.",
        "didomi-source (`didomi run --skip-models`) also validates each log, keeps its raw JSON and a hash of it, writes the history of its",
        "states and a row on each sync, and reads pages that overlap; the peers write one table, but for *the same*: that is the tuned",
        "`rest_api` with a step of Python that checks each log and adds these columns, and with a second table for the history.",
        "",
    ]
    body = [line for logs, rounds in sizes.items() for line in comparison(logs, rounds)]
    versions = ["Versions:", "", *(f"- {peer.name}: {peer.versions()}" for peer in PEERS), ""]
    more = [*ours.growth(growth), *ours.rate_limit(), *ours.start_up(), *flame.profile(max(sizes), graph)]
    return "\n".join([*head, *body, *versions, *more])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logs", type=int, nargs="+", default=list(SIZES), help="sizes of the comparison")
    parser.add_argument("--rounds", type=int, help="rounds of each size")
    parser.add_argument("--growth", action="store_true", help="measure growth up to a million logs")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder of RESULTS.md and load.svg")
    arguments = parser.parse_args()
    sizes = {logs: arguments.rounds or SIZES.get(logs, 1) for logs in arguments.logs}
    text = page(sizes, GROWTH_FULL if arguments.growth else GROWTH, arguments.to / "load.svg")
    print(text)
    (arguments.to / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
