"""`didomi backfill`: read a range of days again."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated

import typer

from .app import RUN_CODES, app, text
from .options import (
    AsJson,
    Dataset,
    Destination,
    ExportIds,
    Log,
    LogFormat,
    SkipModels,
    Vars,
    Verbose,
    WorkingDir,
    target_of,
    variables,
)
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
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    skip_models: SkipModels = False,
    as_json: AsJson = False,
    variables_: Vars = "{}",
    working_dir: WorkingDir = Path(".didomi"),
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Read the logs created in a range of days again.

    Later runs read the same as without it.
    """
    first, last = _day(created_from, "--from"), _day(created_to, "--to")
    if last < first:
        raise typer.BadParameter("the last day is before the first", param_hint="--to")
    target = target_of(verbose, log_format, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.job.options import Options

    options = Options(
        export_ids=tuple(export_id or ()),
        created_from=first,
        created_to=last.replace(hour=23, minute=59, second=59, microsecond=999_999),
        skip_models=skip_models,
        model_vars=variables(variables_),
    )
    run_and_report(target, options, as_json=as_json)


def _day(text: str, option: str) -> datetime:
    """The beginning of a day, in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise typer.BadParameter("expected a day like 2026-05-31", param_hint=option) from None
