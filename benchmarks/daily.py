"""What a daily run costs, beside an earlier commit: `make bench-daily`.

Both checkouts run by the same interpreter and packages, in turn, round after round; the medians are compared. The warehouse holds
a year of made-up logs of five exports, and a run finds nothing new: what it takes is start-up, a first page, and the models.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import flame
import measure
from latency import delayed
from measure import ROOT, Cost
from peers import machine

sys.path.insert(0, str(ROOT / "tests"))
from didomi_sandbox import Behaviour, generate, serve
from didomi_source.cli.demo import access_to
from support import postgres

BASELINE = "98dc9e9"  # the last commit before the daily run was made cheaper
RESULTS = Path(__file__).with_name("RESULTS-daily.md")
ROUNDS = 5
DELAY_SECONDS = 0.05
DIDOMI = [sys.executable, "-c", "from didomi_source.cli import main; main()"]
FIGURES: Mapping[str, Callable[[Cost], float]] = {
    "wall s": lambda cost: cost.wall_seconds,
    "CPU s": lambda cost: cost.cpu_seconds,
    "MB of one process": lambda cost: cost.largest_megabytes,
    "MB of all": lambda cost: cost.peak_megabytes,
}


@dataclass(frozen=True)
class Case:
    """A command to compare.

    Args:
        name: What it is called in the table.
        command: The arguments of `didomi`.
        environment: Where its warehouse is; one for each checkout.
        is_first: Each run begins in an empty folder.
    """

    name: str
    command: Sequence[str]
    environment: Callable[[Path], Mapping[str, str]]
    is_first: bool = False


@contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """A checkout of an earlier commit."""
    with tempfile.TemporaryDirectory(prefix="didomi-bench-") as name:
        folder = Path(name) / "baseline"
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", folder, commit], cwd=ROOT, check=True)
        try:
            yield folder
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def run(checkout: Path, folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run `didomi` from a checkout, in a folder of its own."""
    return measure.run([*DIDOMI, *command], folder, {**environment, "PYTHONPATH": str(checkout)})


def compare(case: Case, checkouts: Sequence[Path], access: Mapping[str, str], rounds: int) -> list[list[Cost]]:
    """The costs of each checkout, which take turns; the first run of each is not counted."""
    costs: list[list[Cost]] = [[] for _ in checkouts]
    with tempfile.TemporaryDirectory(prefix="didomi-bench-") as name:
        folders = [Path(name) / str(number) for number in range(len(checkouts))]
        environments = [{**access, **case.environment(folder)} for folder in folders]
        for folder, checkout, environment in zip(folders, checkouts, environments, strict=True):
            folder.mkdir()
            run(checkout, folder, ["demo"] if case.is_first else ["run"], environment)
        for number in range(rounds):
            for place, checkout in enumerate(checkouts):
                folder = folders[place]
                if case.is_first:
                    folder = folder / str(number)
                    folder.mkdir()
                costs[place].append(run(checkout, folder, case.command, environments[place]))
    return costs


def cases(stack: ExitStack) -> Iterator[Case]:
    """What is compared; servers that it needs are stopped with the stack."""

    def in_file(folder: Path) -> dict[str, str]:
        return {"DESTINATION__DUCKDB__CREDENTIALS": f"duckdb:///{folder / 'target.duckdb'}"}

    yield Case("`didomi run`, nothing new: DuckDB", ["run"], in_file)
    yield Case("`didomi status`: DuckDB", ["status"], in_file)
    yield Case("`didomi demo`, first run", ["demo"], in_file, is_first=True)
    server = stack.enter_context(postgres.server())
    far = stack.enter_context(delayed(server.port, DELAY_SECONDS))
    for label, port in (("", server.port), (f", {DELAY_SECONDS * 1000:.0f} ms a statement", far)):
        yield Case(
            f"`didomi run`, nothing new: PostgreSQL{label}",
            ["run", "--destination", "postgres"],
            _in_databases(server, port),
        )


def _in_databases(server: postgres.Server, port: int) -> Callable[[Path], Mapping[str, str]]:
    def environment(folder: Path) -> Mapping[str, str]:
        database = f"bench_{folder.name}_{port}"
        connection = server.connect()
        connection.autocommit = True
        connection.cursor().execute(f"create database {database}")
        connection.close()
        url = f"postgresql://{server.user}:{server.password}@{server.host}:{port}/{database}"
        return {"DESTINATION__POSTGRES__CREDENTIALS": url, "DIDOMI_DESTINATION": "postgres"}

    return environment


def rows_of(case: Case, before: Sequence[Cost], after: Sequence[Cost]) -> list[str]:
    """A line of the table for each figure: the medians, and their ratio."""
    rows = []
    for name, figure in FIGURES.items():
        medians = [statistics.median(map(figure, costs)) for costs in (before, after)]
        digits = 0 if name.startswith("MB") else 2
        shown = " | ".join(f"{median:.{digits}f}" for median in medians)
        rows.append(f"| {case.name} | {name} | {shown} | {medians[1] / medians[0]:.2f} |")
    return rows


def profile(access: Mapping[str, str], case: Case) -> list[str]:
    """The section with the profile of a run that finds nothing new, and of its dbt."""
    spy = measure.environment("profile", flame.FOLDER / "profile.txt") / "py-spy"
    with tempfile.TemporaryDirectory(prefix="didomi-bench-") as name:
        folder = Path(name)
        environment = {**access, **case.environment(folder), "PYTHONPATH": str(ROOT)}
        run(ROOT, folder, ["run"], environment)
        stacks = flame.stacks_of(spy, [*DIDOMI, *case.command], folder, environment, "--subprocesses")
    return [
        "",
        "## Profile",
        "",
        f"{case.name}, by py-spy, {flame.RATE} samples a second of all threads that are busy, in both processes.",
        "",
        "### Importing a package, with all that it imports",
        "",
        *flame.table(flame.imports_in(stacks), stacks),
        "### The code of a package itself",
        "",
        *flame.table(flame.packages_in(stacks), stacks),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", default=BASELINE, help="commit to compare with")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="compare only the cases with this text in their name")
    parser.add_argument("--to", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    lines = [
        "# A daily run",
        "",
        f"Written by `make bench-daily` on {datetime.now(timezone.utc):%Y-%m-%d}: {machine()}.",
        "",
        f"Medians of {arguments.rounds} rounds in which commit {arguments.baseline} and this checkout took turns, with the same packages (all extras).",
        "CPU seconds and memory (PSS) are those of all processes of a command. Trust ratios more than seconds: other work on the machine slows both.",
        "The demo writes and counts delivered files since.",
        "",
        "| command | | before | now | ratio |",
        "|---|---|---:|---:|---:|",
    ]
    store = generate(seed=1, days=365, exports=5)
    with ExitStack() as stack, serve(store, Behaviour(rate_limit=None)) as api:
        checkouts = [stack.enter_context(worktree(arguments.baseline)), ROOT]
        access = {**access_to(api), "SOURCES__DIDOMI__EXPORT_IDS": "[]"}
        compared = [case for case in cases(stack) if arguments.only in case.name]
        for case in compared:
            rows = rows_of(case, *compare(case, checkouts, access, arguments.rounds))
            print(*rows, sep="\n", flush=True)
            lines += rows
        lines += profile(access, compared[0])
    arguments.to.write_text("\n".join(lines))


if __name__ == "__main__":
    main()
