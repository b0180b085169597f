"""`didomi backfill`: read a range of days again."""

from __future__ import annotations

from datetime import datetime, time, timezone
from pathlib import Path
from typing import Annotated

import typer

from . import options as opt
from .app import RUN_CODES, app, text
from .run import run_and_report

_EXAMPLES = """
Examples:
  didomi backfill --from 2026-01-01 --to 2026-01-31
  didomi backfill --from 2026-01-01 --to 2026-01-31 --export-id 9gh49gn5
"""


@app.command(epilog=text(_EXAMPLES, RUN_CODES))
def backfill(
    created_from: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD (UTC).", metavar="DAY")],
    created_to: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD (UTC).", metavar="DAY")],
    destination: opt.Destination = "duckdb",
    dataset: opt.Dataset = "didomi_raw",
    export_id: opt.ExportIds = None,
    skip_models: opt.SkipModels = False,
    as_json: opt.AsJson = False,
    variables_: opt.Vars = "{}",
    working_dir: opt.WorkingDir = Path(".didomi"),
    log_format: opt.Log = opt.Format.text,
    verbose: opt.Verbose = 0,
) -> None:
    """Read the logs created in a range of days again.

    Later runs read the same as without it.
    """
    first, last = opt.day(created_from, "--from"), opt.day(created_to, "--to")
    opt.refuse_reversed(first, last)
    target = opt.target_of(verbose, log_format, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.job.options import Options

    options = Options(
        export_ids=tuple(export_id or ()),
        created_from=datetime.combine(first, time.min, timezone.utc),
        created_to=datetime.combine(last, time.max, timezone.utc),
        skip_models=skip_models,
        model_vars=opt.variables(variables_),
    )
    run_and_report(target, options, as_json=as_json)
