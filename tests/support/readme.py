"""The warehouse behind the README: a fixed history, loaded and built as a user would.

`make pages` writes the output of the queries into README.md.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import duckdb

from didomi_sandbox import generate, serve
from didomi_source.cli.demo import settings_of

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
(VERSION,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
UNTIL = datetime(2026, 11, 23, 18, 0, tzinfo=timezone.utc)
AS_OF = "2026-11-23 18:00:00"
EXAMPLE = re.compile(r"```sql\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def build(folder: Path) -> Path:
    """Run the job on a fixed history; returns the warehouse's file."""
    database = folder / "warehouse.duckdb"
    with serve(generate(seed=7, days=200, until=UNTIL)) as sandbox:
        subprocess.run(
            [sys.executable, "-c", "from didomi_source.cli import main; main()", "run", "--json"]
            + ["--vars", f'{{"didomi_as_of": "{AS_OF}"}}'],
            env={**os.environ, **settings_of(sandbox, database)},
            cwd=folder,
            check=True,
            stdout=subprocess.PIPE,
        )
    return database


def output(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """A query's result as an aligned text table."""
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    rows = [[text(value) for value in row] for row in result.fetchall()]
    widths = [max(len(row[i]) for row in [names, *rows]) for i in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [names, *rows]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    return str(value)


def rewritten(readme: str, database: Path) -> str:
    """The README with the output of each query as it is now."""
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return EXAMPLE.sub(
            lambda m: f"```sql\n{m[1]}```\n\n```text\n{output(connection, m[1])}```",
            readme,
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        README.write_text(rewritten(README.read_text(), build(Path(folder))))
