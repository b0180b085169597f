"""Test the engines that people have, and compare the marts that they build, row by row: `make test-engines`.

Each pair of DuckDB and dbt has an environment of its own; this program runs in the first one's, and reads with it what the others wrote.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from support.models import dbt, raw
from support.models.histories import BUILDS, history, merged

ROOT = Path(__file__).parents[1]
Marts = dict[str, list[dict[str, Any]]]


class Case(NamedTuple):
    """Raw tables, and how the models are built on them."""

    name: str
    as_of: datetime
    variables: dict[str, Any]


DEMO = Case("demo", datetime.now(timezone.utc).replace(microsecond=0, tzinfo=None), {})
CASES = [DEMO, *(Case(name, as_of, variables) for name, (_, as_of, variables) in BUILDS.items())]


def write_raw(folder: Path) -> None:
    """The demo's tables, and those of every seed with awkward numbers and times."""
    for case in CASES:
        (folder / case.name).mkdir()
    didomi = [Path(sys.executable).with_name("didomi"), "demo", "--folder", folder / DEMO.name]
    subprocess.run(didomi, check=True, capture_output=True)
    for name, (seeds, as_of, _) in BUILDS.items():
        raw.write_duckdb(folder / name / "warehouse.duckdb", merged(history(seed, as_of) for seed in seeds))


def build(folder: Path, as_of: str) -> None:
    """Build the models on each file; runs in the environment of an engine."""
    for case in CASES:
        dbt.build(
            folder / case.name, datetime.fromisoformat(as_of) if case.name == DEMO.name else case.as_of, case.variables
        )


def marts(python: Path, source: Path, folder: Path) -> dict[str, Marts]:
    """What an engine builds on a copy of the raw tables, read with this program's DuckDB."""
    shutil.copytree(source, folder)
    subprocess.run([python, __file__, "--build", folder, DEMO.as_of.isoformat()], check=True)
    return {case.name: dbt.marts(folder / case.name / "warehouse.duckdb") for case in CASES}


def differences(first: dict[str, Marts], other: dict[str, Marts]) -> Iterator[str]:
    for case, tables in first.items():
        for table, rows in tables.items():
            left, right = sorted(map(repr, rows)), sorted(map(repr, other[case][table]))
            if left != right:
                yield f"{case} {table}: {len(left)} rows, {len(right)} rows, first: {next(sorted({*left} ^ {*right}), '')}"


def passed(python: Path, tests: list[str]) -> tuple[int, int, int]:
    """Run tests; returns how many passed, failed and ended in an error, with their output where they did."""
    done = subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, text=True, capture_output=True, check=False)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout[-300:])}
    if done.returncode != 0:
        print(done.stdout[-20_000:], done.stderr[-2_000:], file=sys.stderr)
    return counts.get("passed", 0), counts.get("failed", 0), counts.get("error", 0) + (done.returncode not in (0, 1))


def main(engines: list[str], tests: list[str]) -> int:
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        write_raw(folder / "raw")
        first: dict[str, Marts] = {}
        print(f"{'DuckDB':8} {'dbt':8} {'passed':>6} {'failed':>6} {'rows of marts':>13}  {'as the first'}", flush=True)
        for engine in engines:
            duckdb, _, dbt_core = engine.partition("+")
            python = ROOT / ".venvs" / "engines" / engine / "bin" / "python"
            found = marts(python, folder / "raw", folder / engine)
            first = first or found
            differing = list(differences(first, found))
            good, failed, errors = passed(python, tests) if tests else (0, 0, 0)
            rows = sum(len(rows) for tables in found.values() for rows in tables.values())
            print(
                f"{duckdb:8} {dbt_core:8} {good:6} {failed + errors:6} {rows:13}  {'no' if differing else 'yes'}",
                flush=True,
            )
            print("".join(f"{line}\n" for line in differing), end="", file=sys.stderr)
            bad += bool(differing or failed or errors)
    return int(bad > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", help="DuckDB+dbt")
    parser.add_argument("--tests", nargs="*", default=[])
    parser.add_argument("--build", nargs=2)
    given = parser.parse_args()
    if given.build:
        build(Path(given.build[0]), given.build[1])
    else:
        sys.exit(main(given.engines, given.tests))
