"""`didomi deliveries`: what was delivered, beside what the logs claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as opt
from .app import RUN_CODES, app, end, text
from .show import new_console, print_below, print_line, print_table, styled
from .steps import Steps
from .streams import results

if TYPE_CHECKING:
    from didomi_source.health.deliveries import DeliveryStatus
    from didomi_source.warehouse.target import Target


_EXAMPLES = """
Examples:
  didomi deliveries
  didomi deliveries --from 2026-11-01 --to 2026-11-30 --format json
  didomi deliveries --recount 2026-11-20  # after a file was repaired
"""
# A narrower terminal shows the first columns alone: a date that is cut says nothing.
_WIDE, _NARROW_COLUMNS = 110, 5
_TITLES = ("Export", "Day", "Verdict", ">Claimed", ">Delivered", ">Files", ">Expires, UTC", ">Archived, UTC")
_NOTHING = "-"


@app.command(epilog=text(_EXAMPLES, RUN_CODES))
def deliveries(
    destination: opt.Destination = "duckdb",
    dataset: opt.Dataset = "didomi_raw",
    export_id: opt.ExportIds = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD (UTC).", metavar="DAY")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, YYYY-MM-DD (UTC).", metavar="DAY")] = None,
    output: Annotated[opt.Format, typer.Option("--format", help="How to print it.")] = opt.Format.text,
    recount: Annotated[
        str | None,
        typer.Option("--recount", help="Run the job, and read the files of this day again.", metavar="DAY"),
    ] = None,
    variables_: opt.Vars = "{}",
    working_dir: opt.WorkingDir = Path(".didomi"),
    wait: opt.Wait = None,
    log_format: opt.Log = opt.Format.text,
    verbose: opt.Verbose = 0,
) -> None:
    """Print what was delivered, beside what the logs claim.

    As of the last run. A wrong delivery is data, and exits with 0.
    """
    again = opt.day(recount, "--recount") if recount else None
    since = opt.day(first, "--from") if first else again
    until = opt.day(last, "--to") if last else again
    opt.refuse_reversed(since, until)
    vars_ = opt.variables(variables_)
    target = opt.target_of(verbose, log_format, wait, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.health.deliveries import read_deliveries
    from didomi_source.health.status import read_status

    failures = _recount(target, again, vars_) if again else []
    found = read_deliveries(target, tuple(export_id or ()), since, until)
    if unseen := set(export_id or ()) - {delivery.export_id for delivery in found}:
        read_status(target, sorted(unseen))  # which refuses ids that the marts do not hold
    with results():
        if output is opt.Format.json:
            print(json.dumps([delivery.as_dict() for delivery in found], indent=2))
        else:
            shown = found if since else _from_the_first_check_on(found)
            print_deliveries(shown, is_all=not (export_id or since or until))
            if len(shown) < len(found):
                oldest, newest = found[-1].delivery_date, found[len(shown)].delivery_date
                print_below([f"{oldest} to {newest}: not checked, and not shown without --from {oldest}."])
    end(failures)


def _from_the_first_check_on(found: Sequence[DeliveryStatus]) -> Sequence[DeliveryStatus]:
    """Leave out the days before the oldest delivery that was checked; none of them if none was.

    Nobody can check them any more, and after the first run there are a hundred times as many of them.
    """
    from didomi_source.health.verdicts import Verdict

    checked = [one.delivery_date for one in found if one.verdict is not Verdict.NOT_CHECKED]
    return [one for one in found if not checked or one.delivery_date >= checked[-1]]


def print_deliveries(found: Sequence[DeliveryStatus], *, is_all: bool = True) -> None:
    """Print a line per delivery, and under them why some are wrong."""
    if not found:
        which = (
            "are known: runs read them when SOURCES__DIDOMI__DELIVERIES__BUCKET_URL is set"
            if is_all
            else "of these exports and days are known"
        )
        print_line(f"No deliveries {which}.")
        return
    columns = len(_TITLES) if new_console().width >= _WIDE else _NARROW_COLUMNS
    print_table(_TITLES[:columns], [_cells(delivery)[:columns] for delivery in found])
    if columns < len(_TITLES):
        print_below(["Files, expiry and archive are shown in a terminal of 110 columns, and by --format json."])
    print_below([f"{one.title}, {one.delivery_date}: {one.verdict_reason}" for one in found if one.is_wrong])


def _cells(delivery: DeliveryStatus) -> list[Any]:
    from didomi_source.health.deliveries import USERS

    from .status_table import COLOURS

    kind = "" if delivery.data_kind == USERS else f", {delivery.data_kind}"
    return [
        f"{delivery.title}{kind}",
        str(delivery.delivery_date),
        styled(delivery.verdict.label, COLOURS[delivery.css_class]),
        *(
            _NOTHING if number is None else f"{number:,}"
            for number in (delivery.claimed_records, delivery.delivered_records, delivery.file_count)
        ),
        *(
            f"{at:%Y-%m-%d %H:%M}" if at else _NOTHING
            for at in (None if delivery.gone_since_at else delivery.expires_at, delivery.archived_at)
        ),
    ]


def _recount(target: Target, again: date, vars_: dict[str, Any]) -> list[str]:
    """Run the job with the files of one day read again; returns what failed."""
    from didomi_source.job import Options, run

    with Steps() as steps:
        return run(target, Options(recount=[again], model_vars=vars_), report=steps.report).failures
