"""The warehouse that BI reads in the tests, and the queries to paste."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from didomi_sandbox import generate, serve
from didomi_source.cli.demo import access_to
from support.harness import clean_environment

ROOT = Path(__file__).parents[2]
BI = ROOT / "bi"
QUERIES = {file.stem: file.read_text() for file in sorted((BI / "sql").glob("*.sql"))}
PAGES = sorted(BI.glob("*.md"))
PRINTED = [query for page in PAGES for query in re.findall(r"```sql\n(.*?)```", page.read_text(), re.DOTALL)]


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
