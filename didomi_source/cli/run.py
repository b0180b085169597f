"""`didomi run`: the whole job; and `run_and_report`, which `backfill` shares."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options as opt
from .app import RUN_CODES, app, end, text
from .show import print_line, print_summary, print_table
from .steps import Steps
from .streams import results

if TYPE_CHECKING:
    from didomi_source.job import Options, Output
    from didomi_source.job.forecast import Forecast
    from didomi_source.metrics import Watcher
    from didomi_source.warehouse.target import Target

logger = logging.getLogger(__name__)

_EXAMPLES = """
Examples:
  didomi run
  didomi run --dry-run
  didomi run --destination bigquery --dataset consent_raw
  didomi run --report report.html --publish bi.duckdb
  didomi run --metrics-file didomi.prom --log-format json
"""
_SETTINGS = """
Settings: environment and .dlt/ (`didomi doctor` shows them).
"""


@app.command(epilog=text(_EXAMPLES, RUN_CODES, _SETTINGS))
def run(
    destination: opt.Destination = "duckdb",
    dataset: opt.Dataset = "didomi_raw",
    export_id: opt.ExportIds = None,
    full: Annotated[bool, typer.Option("--full", help="Read the whole list of every export.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how many requests it would send; load and write nothing.")
    ] = False,
    skip_models: opt.SkipModels = False,
    as_json: opt.AsJson = False,
    variables_: opt.Vars = "{}",
    report_to: Annotated[
        Path | None,
        typer.Option("--report", help="Also write the page of `didomi report`.", metavar="FILE"),
    ] = None,
    publish_to: Annotated[
        Path | None,
        typer.Option("--publish", help="Also write a DuckDB file with a copy of the marts, for BI.", metavar="FILE"),
    ] = None,
    metrics_file: Annotated[
        Path | None,
        typer.Option("--metrics-file", help="Write metrics for Prometheus.", metavar="FILE"),
    ] = None,
    ping_url: Annotated[
        str | None,
        typer.Option(
            "--ping-url",
            help="Call this URL of a dead man's switch, with /start and /fail (or set notify.ping_url).",
            metavar="URL",
        ),
    ] = None,
    working_dir: opt.WorkingDir = Path(".didomi"),
    log_format: opt.Log = opt.Format.text,
    verbose: opt.Verbose = 0,
) -> None:
    """Load the export logs, build the models, print a summary.

    With OTEL_EXPORTER_OTLP_ENDPOINT set, traces and metrics are sent there (extra `otel`).
    """
    target = opt.target_of(verbose, log_format, destination=destination, dataset=dataset, working_dir=working_dir)
    from didomi_source.job.options import Options

    options = Options(tuple(export_id or ()), full, skip_models=skip_models, model_vars=opt.variables(variables_))
    if dry_run:
        _forecast(target, options, as_json=as_json)
    else:
        outputs = _outputs(target, options, publish_to, report_to)
        run_and_report(target, options, outputs, as_json=as_json, watchers=partial(_watchers, metrics_file, ping_url))


def run_and_report(
    target: Target,
    options: Options,
    outputs: Sequence[Output] = (),
    *,
    as_json: bool,
    watchers: Callable[[], Sequence[Watcher]] = tuple,
) -> None:
    """Run the job, print its summary, and end with its exit code."""
    from didomi_source.errors import ModelsFailed
    from didomi_source.warehouse.dbt import started

    with ExitStack() as stack:
        dbt = None
        with suppress(ModelsFailed):  # the job tries again, and its watchers are told
            # dbt imports itself while this process imports dlt
            dbt = None if options.skip_models else stack.enter_context(started(target.working_dir))
        from didomi_source.job import run as run_job
        from didomi_source.metrics import watch

        found = watchers()
        gc.freeze()  # what was imported stays until the end: exempt it from garbage collection
        steps = stack.enter_context(Steps())
        job = partial(run_job, target, options, outputs, dbt=dbt)
        summary = watch(job, target, steps.report, found, options.export_ids)
    with results():
        if as_json:
            print(json.dumps(summary.as_dict(), indent=2))
        else:
            print_summary(summary)
    end(summary.failures)


def _watchers(metrics_file: Path | None, ping_url: str | None) -> list[Watcher]:
    """The receivers of the run's events; the ping is the last one, so that it covers the others' failures."""
    from didomi_source.metrics import ping, prometheus, telemetry

    found: list[Watcher] = []
    if metrics_file is not None:
        found.append(prometheus.MetricsFile(metrics_file))
    if telemetry.is_wanted():
        try:
            found.append(telemetry.Telemetry())
        except ImportError:
            logger.warning("OTEL_EXPORTER_OTLP_ENDPOINT is set, and nothing is sent: pip install 'didomi-source[otel]'")
    url = ping_url or ping.configured_url()
    if url is not None:
        found.append(ping.Ping(url))
    return found


def _outputs(target: Target, options: Options, publish_to: Path | None, report_to: Path | None) -> list[Output]:
    """The files to write after the models; paths that cannot be written are refused before the run."""
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


def _forecast(target: Target, options: Options, *, as_json: bool) -> None:
    from didomi_source.job.forecast import forecast

    with Steps() as steps:
        found = forecast(target, options, steps.report)
    with results():
        if as_json:
            print(json.dumps(found.as_dict(), indent=2))
        else:
            _print_forecast(found)
    end(found.failures)


def _print_forecast(forecast: Forecast) -> None:
    """Print the requests of a run: a line per export, and the sum."""
    import math

    from didomi_source.health.words import distinct_names

    rows: list[list[Any]] = []
    names = distinct_names([vars(export) for export in forecast.exports])
    for export in sorted(forecast.exports, key=lambda e: (e.name or e.export_id).casefold()):
        total = "-" if export.api_total is None else f"{export.api_total:,}"
        name = names[export.export_id] or export.export_id
        rows.append([name, export.mode, export.reason, total, f"{export.requests:,}"])
    print_table(["Export", "Read", "Why", ">Logs", ">Requests"], rows)
    print_line()
    print_line(f"A run would take {forecast.requests:,} requests and about {math.ceil(forecast.seconds):,} s.")
    print_line("If the API does not sort as it is asked to: about three times as many.")
    if forecast.deliveries is not None:
        found = forecast.deliveries
        print_line(f"Deliveries: {found.requests:,} requests, {found.files:,} files of {found.bytes:,} bytes.")
