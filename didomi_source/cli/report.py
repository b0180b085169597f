"""`didomi report`: the page to read in the morning."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from .app import CODES, app, text
from .options import Dataset, Destination, Format, Log, MaxAge, Vars, Verbose, Wait, target_of, variables
from .show import print_line
from .streams import results

_EXAMPLES = """
Examples:
  didomi report -o report.html
  didomi report -o /var/www/html/didomi.html --max-age 3
"""


@app.command(epilog=text(_EXAMPLES, CODES))
def report(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the page.", metavar="FILE")] = Path(
        "report.html"
    ),
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    variables_: Vars = "{}",
    max_age: MaxAge = 26,
    wait: Wait = None,
    log_format: Log = Format.text,
    verbose: Verbose = 0,
) -> None:
    """Write the page to read in the morning.

    It reports what failed, came late or came half empty: one HTML file without scripts or links to other files.
    Open it, mail it, print it, or put it on a web server. It replaces the old page at once, when it is complete.
    Needs the extra `report`.
    """
    target = target_of(verbose, log_format, wait, destination=destination, dataset=dataset)
    model_vars = variables(variables_)
    from didomi_source.report import write_report

    path = write_report(target, output, model_vars=model_vars, max_age=timedelta(hours=max_age))
    with results():
        print_line(f"Wrote {path} ({path.stat().st_size / 1000:,.0f} kB).")
