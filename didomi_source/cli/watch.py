"""Commands that tell how the exports are; they read the marts and load nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from didomi_source.errors import DidomiError

from .app import CODES, app, end, text
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
    target_of,
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
  didomi status --max-age 3 --min-rate 0.95  # each hour; 19 of 20 runs
  didomi status --format json
  didomi status --format nagios
"""
_STATUS_CODES = """
Exit codes:
  0   done; asked with --exit-code, --max-age or --min-rate: all is well
  1   the warehouse cannot be read; asked so: an export is failing, late,
      stuck, unread or below --min-rate, or the load is stale
  2   the command line is wrong
  78  a setting is wrong
  --format nagios: 0 ok, 1 warning, 2 critical (also when stale), 3 unknown
"""


@app.command(epilog=text(_STATUS_EXAMPLES, _STATUS_CODES))
def status(
    context: typer.Context,
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.text,
    max_age: MaxAge = 26,
    min_rate: MinRate = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when not all is well; a limit implies it.")
    ] = False,
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Print how each export is, the worst first.

    What it says is as old as the last run that ended well; when that is too old, it says so first.
    """
    from didomi_source.health.judge import Limits, judge
    from didomi_source.health.nagios import UNKNOWN, nagios, unknown

    from . import console, status_table

    limits = Limits(timedelta(hours=max_age), min_rate)
    try:
        target = target_of(verbose, log_format, destination=destination, dataset=dataset)
        from didomi_source.health.status import read_status

        found = judge(read_status(target, tuple(export_id or ())), datetime.now(timezone.utc), limits)
    except DidomiError as error:
        if output is not Format.nagios:
            raise
        print(unknown(str(error)))
        raise typer.Exit(UNKNOWN) from None
    is_asked = exit_code or any(_is_given(context, limit) for limit in ("max_age", "min_rate"))
    code = found.exit_code if is_asked else 0
    with console.results():
        if output is Format.json:
            print(json.dumps(found.as_dict(), indent=2))
        elif output is Format.nagios:
            code, line = nagios(found, limits)
            print(line)
        else:
            status_table.print_judgement(found)
    raise typer.Exit(code)


def _is_given(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name != "DEFAULT"


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
    """Write the page to read in the morning.

    It tells what failed, came late or came half empty: one HTML file without scripts that asks nobody for anything.
    Open it, mail it, print it, or put it on a web server. Whoever reads it meanwhile sees the old page or the new
    one, whole. Needs the extra `report`.
    """
    target = target_of(verbose, log_format, destination=destination, dataset=dataset)
    model_vars = variables(variables_)
    from didomi_source.report import write_report

    from . import console

    path = write_report(target, output, model_vars=model_vars, max_age=timedelta(hours=max_age))
    with console.results():
        console.print_line(f"Wrote {path} ({path.stat().st_size / 1000:,.0f} kB).")


_NOTIFY_EXAMPLES = """
Examples:
  didomi run; didomi notify          # after each run, also one that failed
  didomi notify --dry-run            # what would be sent, and to whom
  didomi notify --digest             # how everything is, once a day
"""
_NOTIFY_CODES = """
Exit codes:
  0   everybody knows what there is to know
  1   a target did not take its message (it is tried again next time),
      or the warehouse cannot be read
  2   the command line is wrong
  75  another machine is telling of the same changes
  78  a setting is wrong, or nobody is to be told
"""
_NOTIFY_SETTINGS = """
Settings, in .dlt/secrets.toml since the URLs hold secrets:
  [notify]
  urls = ["slack://…", "mailto://…"]  # github.com/caronc/apprise/wiki
"""


@app.command(epilog=text(_NOTIFY_EXAMPLES, _NOTIFY_SETTINGS, _NOTIFY_CODES))
def notify(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    digest: Annotated[bool, typer.Option("--digest", help="Tell how everything is, once a day (UTC).")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent; send nothing.")] = False,
    max_age: MaxAge = 26,
    min_rate: MinRate = None,
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Tell people when the health of an export has changed.

    Or that of the load: while it is stale nothing is said of the exports. A change is told once, also when several
    machines call it; a recovery is told with how long it took. Slack, Teams, e-mail, PagerDuty and a hundred more,
    through Apprise (extra `notify`).
    """
    target = target_of(verbose, log_format, destination=destination, dataset=dataset)
    from didomi_source.health.judge import Limits
    from didomi_source.notify import notify as tell

    from . import console

    limits = Limits(timedelta(hours=max_age), min_rate)
    with console.Steps() as steps:
        notices, refused = tell(
            target,
            limits,
            datetime.now(timezone.utc),
            steps.report,
            export_ids=tuple(export_id or ()),
            digest=digest,
            dry_run=dry_run,
        )
    with console.results():
        for notice in notices:
            console.print_line(f"{'Would tell' if dry_run else 'Told'} {notice.channel.name}: {notice.message.title}")
            if dry_run:
                for line in notice.message.body.splitlines():
                    console.print_line(f"    {line}")
        if not notices and not refused:
            console.print_line("Nothing is new.")
    end(refused, 1 if refused else 0)
