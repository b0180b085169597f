"""The warehouse that BI reads in the tests, and the queries to paste."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from didomi_source.job.demo import access_to
from didomi_source.sandbox import generate, serve
from job.harness import clean_environment

ROOT = Path(__file__).parents[2]
BI = ROOT / "bi"
QUERIES = {file.stem: file.read_text() for file in sorted((BI / "sql").glob("*.sql"))}


def build(folder: Path, days: int) -> Path:
    """Run the job on a made-up history that ends today; returns the warehouse's file."""
    with serve(generate(seed=7, days=days)) as api:
        subprocess.run(
            [sys.executable, "-c", "from didomi_source.cli import main; main()", "run", "--json"],
            cwd=folder,
            env={**clean_environment(folder), **access_to(api), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            check=True,
        )
    return folder / "warehouse.duckdb"
