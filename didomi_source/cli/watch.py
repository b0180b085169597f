"""Commands that tell how the exports are; they read the marts and load nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from didomi_source.errors import DidomiError

from .app import CODES, app, text
from .options import (
    Dataset,
    Destination,
    ExportIds,
    Log,
    LogFormat,
    MaxAge,
    MinRate,
    Vars,
    Verbose,
    job_options,
    variables,
)


class Format(str, Enum):
    """How `status` prints."""

    text = "text"
    json = "json"
    nagios = "nagios"


_STATUS_EXAMPLES = """
Examples:
  didomi status
  didomi status --max-age 3 --min-rate 0.95     # loaded every hour, 19 of 20 runs
  didomi status --format json
  didomi status --format nagios
"""
_STATUS_CODES = """
Exit codes:
  0   every export is as it should be, or cannot be judged yet
  1   the warehouse cannot be read
  2   the command line is wrong
  3   an export is failing, late, stuck, unread or below --min-rate
  4   the load is stale: nothing was read completely within --max-age
  78  a setting is wrong
  With --format nagios: 0 ok, 1 warning, 2 critical (also when stale), 3 unknown.
"""


@app.command(epilog=text(_STATUS_EXAMPLES, _STATUS_CODES))
def status(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.text,
    max_age: MaxAge = 26,
    min_rate: MinRate = None,
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Print how each export is, the worst first.

    What it says is as old as the last run that ended well; when that is too old, it says so first.
    """
    from didomi_source import console
    from didomi_source.job.judge import Limits, judge
    from didomi_source.job.nagios import UNKNOWN, nagios, unknown

    limits = Limits(timedelta(hours=max_age), min_rate)
    try:
        options = job_options(
            verbose, log_format, destination=destination, dataset=dataset, export_ids=tuple(export_id or ())
        )
        from didomi_source.job import read_status

        found = judge(read_status(options), datetime.now(timezone.utc), limits)
    except DidomiError as error:
        if output is not Format.nagios:
            raise
        print(unknown(str(error)))
        raise typer.Exit(UNKNOWN) from None
    code = found.exit_code
    with console.results():
        if output is Format.json:
            print(json.dumps(found.as_dict(), indent=2))
        elif output is Format.nagios:
            code, line = nagios(found, limits)
            print(line)
        else:
            console.print_judgement(found)
    raise typer.Exit(code)


_REPORT_EXAMPLES = """
Examples:
  didomi report -o report.html
  didomi report -o /var/www/html/didomi.html --max-age 3
"""


@app.command(epilog=text(_REPORT_EXAMPLES, CODES))
def report(
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the page.", metavar="FILE")] = Path(
        "report.html"
    ),
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    variables_: Vars = "{}",
    max_age: MaxAge = 26,
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Write the page that tells in the morning what failed, came late or came half empty.

    One HTML file without scripts that asks nobody for anything: open it, mail it, print it, or put it on a web
    server. Whoever reads it meanwhile sees the old page or the new one, whole. Needs the extra `report`.
    """
    options = job_options(
        verbose, log_format, destination=destination, dataset=dataset, model_vars=variables(variables_)
    )
    from didomi_source import console
    from didomi_source.report import write_report

    path = write_report(options, output, max_age=timedelta(hours=max_age))
    with console.results():
        console.print_line(f"Wrote {path} ({path.stat().st_size / 1000:,.0f} kB).")
