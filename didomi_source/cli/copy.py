"""`didomi copy`: the raw tables, from one warehouse to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app, text
from .options import Dataset, Destination, Format, Log, Verbose, WorkingDir, destinations, target_of
from .steps import Steps
from .streams import results

_EXAMPLES = """
Examples:
  didomi copy --to postgres
  didomi copy --destination postgres --to snowflake
"""
_CODES = """
Exit codes:
  0   every row of every raw table is in the other warehouse
  1   something is not, and stderr says why; a second copy completes it
  2   the command line is wrong
  75  another run is at work; nothing was done
  78  a setting is wrong, or both are the same warehouse; nothing was done
"""


@app.command(epilog=text(_EXAMPLES, _CODES))
def copy(
    to: Annotated[
        str,
        typer.Option("--to", help="The warehouse to copy them to.", metavar="NAME", autocompletion=destinations),
    ],
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    working_dir: WorkingDir = Path(".didomi"),
    log_format: Log = Format.text,
    verbose: Verbose = 0,
) -> None:
    """Copy the raw tables into another warehouse.

    The next run there continues where the last one here ended. Nothing is changed here.
    """
    target = target_of(verbose, log_format, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.job.copy import copy as copy_tables

    with Steps() as steps:
        counts = copy_tables(target, to, steps.report)
    with results():
        for table, rows in counts.items():
            print(f"{table}: {rows:,} rows")
