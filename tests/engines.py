"""Test the engines that people have, and compare the SQL that they render and the marts that they build: `make test-engines`.

Each pair of DuckDB and dbt has an environment of its own; this program runs in the first one's, and reads with it what the others wrote.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from support.models import dbt, raw
from support.models.histories import BUILDS, history, merged
from support.warehouses.translated import UNREACHABLE

ROOT = Path(__file__).parents[1]
DIALECTS: dict[str, dict[str, str]] = {"duckdb": {}, "postgres": {}, **UNREACHABLE}
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


def build(folder: Path, as_of: datetime) -> None:
    """Render the models in every dialect, and build them on each file; runs in the environment of an engine."""
    for dialect, environment in DIALECTS.items():
        (folder / "rendered" / dialect).mkdir(parents=True)
        compiling = ("compile", "--no-introspect", "--no-populate-cache")
        variables, place = {"didomi_as_of": "2028-03-31"}, folder / "rendered" / dialect
        dbt.dbt(*compiling, target=dialect, folder=place, variables=variables, environment=environment)
    for case in CASES:
        dbt.build(folder / case.name, as_of if case.name == DEMO.name else case.as_of, case.variables)


class Built(NamedTuple):
    """What an engine makes of the same project and raw tables: SQL by dialect and path, rows by case and mart."""

    rendered: dict[str, str]
    rows: dict[str, Marts]

    def differences(self, other: Built) -> Iterator[str]:
        for name in sorted({*self.rendered} | {*other.rendered}):
            if self.rendered.get(name) != other.rendered.get(name):
                yield f"{name}: the SQL differs"
        for case, tables in self.rows.items():
            for table, rows in tables.items():
                left, right = Counter(map(repr, rows)), Counter(map(repr, other.rows[case][table]))
                if left != right:
                    yield f"{case} {table}: {sum((left - right).values())} rows differ: {next(iter(right - left), 'missing')}"


def built(python: Path, source: Path, folder: Path) -> Built:
    """What an engine builds on a copy of the raw tables, read with this program's DuckDB."""
    shutil.copytree(source, folder)
    subprocess.run([python, __file__, "--build", folder, DEMO.as_of.isoformat()], check=True)
    rendered = folder / "rendered"
    return Built(
        {str(path.relative_to(rendered)): path.read_text() for path in rendered.glob("*/target/compiled/**/*.sql")},
        {case.name: dbt.marts(folder / case.name / "warehouse.duckdb") for case in CASES},
    )


def passed(python: Path, tests: list[str]) -> tuple[int, int]:
    """Run tests; returns how many passed and how many did not, and prints the output of those."""
    done = subprocess.run([python, "-m", "pytest", *tests], cwd=ROOT, text=True, capture_output=True, check=False)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error)", done.stdout[-300:])}
    if done.returncode != 0:
        print(done.stdout[-20_000:], done.stderr[-2_000:], file=sys.stderr)
    return counts.get("passed", 0), counts.get("failed", 0) + counts.get("error", 0) + (done.returncode not in (0, 1))


def main(engines: list[str], tests: list[str]) -> int:
    ending = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "raw").mkdir()
        write_raw(folder / "raw")
        first: Built | None = None
        print(
            f"{'DuckDB':8}{'dbt':9}{'passed':>7}{'failed':>7}{'SQL files':>10}{'mart rows':>10}  as the first",
            flush=True,
        )
        for engine in engines:
            python = ROOT / ".venvs" / "engines" / engine / "bin" / "python"
            found = built(python, folder / "raw", folder / engine)
            first = first or found
            differing = list(first.differences(found))
            good, bad = passed(python, tests) if tests else (0, 0)
            rows = sum(len(rows) for tables in found.rows.values() for rows in tables.values())
            duckdb, _, core = engine.partition("+")
            end = f"{good:7}{bad:7}{len(found.rendered):10}{rows:10}  {'no' if differing else 'yes'}"
            print(f"{duckdb:8}{core:9}{end}", *differing[:20], sep="\n", flush=True)
            ending |= bool(differing or bad)
    return ending


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engines", nargs="*", help="DuckDB+dbt")
    parser.add_argument("--tests", nargs="*", default=[])
    parser.add_argument("--build", nargs=2)
    given = parser.parse_args()
    if given.build:
        build(Path(given.build[0]), datetime.fromisoformat(given.build[1]))
    else:
        sys.exit(main(given.engines, given.tests))
