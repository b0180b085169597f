"""`didomi notify`: report changes of health to people."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated

import typer

from .app import app, end, text
from .options import Dataset, Destination, ExportIds, Format, Log, MaxAge, MinRate, Verbose, Wait, target_of
from .show import print_line
from .steps import Steps
from .streams import results

_EXAMPLES = """
Examples:
  didomi run; didomi notify          # after each run, also one that failed
  didomi notify --dry-run            # what would be sent, and to whom
  didomi notify --digest             # how everything is, once a day
"""
_CODES = """
Exit codes:
  0   every target has received what there is to report
  1   a target did not accept its message (it is sent again next time),
      or the warehouse cannot be read
  2   the command line is wrong
  75  another machine is reporting the same changes
  78  a setting is wrong, or no target is configured
"""
_SETTINGS = """
Settings, in .dlt/secrets.toml since the URLs hold secrets:
  [notify]
  urls = ["slack://…", "mailto://…"]  # github.com/caronc/apprise/wiki
"""


@app.command(epilog=text(_EXAMPLES, _SETTINGS, _CODES))
def notify(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    digest: Annotated[bool, typer.Option("--digest", help="Report how everything is, once a day (UTC).")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be sent; send nothing.")] = False,
    max_age: MaxAge = 26,
    min_rate: MinRate = None,
    wait: Wait = None,
    log_format: Log = Format.text,
    verbose: Verbose = 0,
) -> None:
    """Tell people what has changed: healths, deliveries.

    Also reports a stale load; while the load is stale, exports are not reported, since their state is unknown.
    A change is reported once, also when several machines call it; a recovery is reported with its duration. Slack,
    Teams, e-mail, PagerDuty and a hundred more, through Apprise (extra `notify`).
    """
    target = target_of(verbose, log_format, wait, destination=destination, dataset=dataset)
    from didomi_source.health.judge import Limits
    from didomi_source.notify import notify as send

    limits = Limits(timedelta(hours=max_age), min_rate)
    with Steps() as steps:
        notices, refused = send(
            target,
            limits,
            datetime.now(timezone.utc),
            steps.report,
            export_ids=tuple(export_id or ()),
            digest=digest,
            dry_run=dry_run,
        )
    with results():
        for channel, message in ((notice.channel, notice.message) for notice in notices if notice.message):
            print_line(f"{'Would tell' if dry_run else 'Told'} {channel.name}: {message.title}")
            if dry_run:
                for line in message.body.splitlines():
                    print_line(f"    {line}")
        if not notices and not refused:
            print_line("Nothing is new.")
    end(refused)
