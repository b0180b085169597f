"""Commands that read the API."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import CODES, RUN_CODES, app, end, text
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
    day,
    target_of,
    variables,
)

if TYPE_CHECKING:
    from didomi_source.job import Options, Output
    from didomi_source.metrics import Watcher
    from didomi_source.warehouse.target import Target

logger = logging.getLogger(__name__)

_RUN_EXAMPLES = """
Examples:
  didomi run
  didomi run --dry-run
  didomi run --destination bigquery --dataset consent_raw
  didomi run --report report.html --publish bi.duckdb
  didomi run --metrics-file didomi.prom --log-format json
"""
_RUN_FILES = """
Settings: environment and .dlt/ (`didomi doctor` shows them).
"""


@app.command(epilog=text(_RUN_EXAMPLES, RUN_CODES, _RUN_FILES))
def run(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    full: Annotated[bool, typer.Option("--full", help="Read the whole list of every export.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what it would ask of the API; load and write nothing.")
    ] = False,
    skip_models: SkipModels = False,
    as_json: AsJson = False,
    variables_: Vars = "{}",
    report_to: Annotated[
        Path | None,
        typer.Option("--report", help="Write the page of `didomi report` there, too.", metavar="FILE"),
    ] = None,
    publish_to: Annotated[
        Path | None,
        typer.Option(
            "--publish", help="Write a DuckDB file with a copy of the marts there, for BI tools.", metavar="FILE"
        ),
    ] = None,
    metrics_file: Annotated[
        Path | None,
        typer.Option("--metrics-file", help="Write metrics there for Prometheus.", metavar="FILE"),
    ] = None,
    ping_url: Annotated[
        str | None,
        typer.Option(
            "--ping-url",
            help="Call this URL of a dead man's switch, with /start and /fail (or set notify.ping_url).",
            metavar="URL",
        ),
    ] = None,
    working_dir: WorkingDir = Path(".didomi"),
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Load the export logs, build the models, say what came of it.

    With OTEL_EXPORTER_OTLP_ENDPOINT set, traces and metrics go there (extra `otel`).
    """
    target = target_of(verbose, log_format, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.job.options import Options

    options = Options(tuple(export_id or ()), full, skip_models=skip_models, model_vars=variables(variables_))
    if dry_run:
        _forecast(target, options, as_json=as_json)
    else:
        outputs = _outputs(target, options, publish_to, report_to)
        _run(target, options, outputs, as_json=as_json, watchers=_watchers(metrics_file, ping_url))


_BACKFILL_EXAMPLES = """
Examples:
  didomi backfill --from 2026-01-01 --to 2026-01-31
  didomi backfill --from 2026-01-01 --to 2026-01-31 --export-id 9gh49gn5
"""


@app.command(epilog=text(_BACKFILL_EXAMPLES, RUN_CODES))
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

    What later runs read is not changed by it.
    """
    first, last = day(created_from, "--from"), day(created_to, "--to")
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
    _run(target, options, as_json=as_json)


_COPY_EXAMPLES = """
Examples:
  didomi copy --to postgres
  didomi copy --destination postgres --to snowflake
"""


@app.command(epilog=text(_COPY_EXAMPLES, RUN_CODES))
def copy(
    to: Annotated[
        str, typer.Option("--to", help="Where to copy them: postgres, bigquery, snowflake …", metavar="NAME")
    ],
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    working_dir: WorkingDir = Path(".didomi"),
    log_format: Log = LogFormat.text,
    verbose: Verbose = 0,
) -> None:
    """Copy the raw tables into another warehouse.

    The next run there reads on where the last one here ended. Nothing is changed here.
    """
    target = target_of(verbose, log_format, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.job.copy import copy as copy_tables

    from . import console

    with console.Steps() as steps:
        counts = copy_tables(target, to, steps.report)
    with console.results():
        for table, rows in counts.items():
            print(f"{table}: {rows:,} rows")


@app.command(epilog=text("Examples:\n  didomi check\n  didomi check --destination snowflake", CODES))
def check(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    verbose: Verbose = 0,
) -> None:
    """Look whether a run has everything that it needs.

    Logs in, lists the exports that can be read, tries the destination, and looks for dbt: one line each.
    """
    target = target_of(verbose, destination=destination, dataset=dataset)
    from . import console
    from .check import check as look

    worst = 0
    with console.results():
        for finding in look(target, tuple(export_id or ())):
            console.print_finding(finding)
            worst = max(worst, finding.exit_code)
    raise typer.Exit(worst)


def _watchers(metrics_file: Path | None, ping_url: str | None) -> list[Watcher]:
    """Who is told how the run goes; the ping is the last, so that it tells of everything."""
    from didomi_source.metrics import ping, prometheus, telemetry

    found: list[Watcher] = []
    if metrics_file is not None:
        found.append(prometheus.MetricsFile(metrics_file))
    if telemetry.is_wanted():
        try:
            found.append(telemetry.Telemetry())
        except ImportError:
            logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, but: pip install 'didomi-source[otel]'")
    url = ping_url or ping.configured_url()
    if url is not None:
        found.append(ping.Ping(url))
    return found


def _outputs(target: Target, options: Options, publish_to: Path | None, report_to: Path | None) -> list[Output]:
    """The files to write after the models, refused now where they could not be written then."""
    from didomi_source.job import Output
    from didomi_source.report import write_report
    from didomi_source.warehouse import publish

    outputs = []
    if publish_to is not None:
        publish.check(target, publish_to)
        outputs.append(Output("the copy for readers", partial(publish.publish, target, publish_to)))
    if report_to is not None:
        outputs.append(Output("the report", partial(write_report, target, report_to, model_vars=options.model_vars)))
    return outputs


def _run(
    target: Target,
    options: Options,
    outputs: Sequence[Output] = (),
    *,
    as_json: bool,
    watchers: Sequence[Watcher] = (),
) -> None:
    from didomi_source.job import run as run_job
    from didomi_source.metrics import watch

    from . import console

    gc.freeze()  # what was imported stays: it need not be looked through each time that memory is given back
    with console.Steps() as steps:
        job = partial(run_job, target, options, outputs)
        summary = watch(job, target, steps.report, watchers, options.export_ids)
    with console.results():
        if as_json:
            print(json.dumps(summary.as_dict(), indent=2))
        else:
            console.print_summary(summary)
    end(summary.failures, summary.exit_code)


def _forecast(target: Target, options: Options, *, as_json: bool) -> None:
    from didomi_source.job.forecast import forecast

    from . import console

    with console.Steps() as steps:
        found = forecast(target, options, steps.report)
    with console.results():
        if as_json:
            print(json.dumps(found.as_dict(), indent=2))
        else:
            console.print_forecast(found)
    end(found.failures, 1 if found.failures else 0)
