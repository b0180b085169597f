"""The command line `didomi`: parse, call, print. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .errors import DidomiError

if TYPE_CHECKING:
    from .job import Options
    from .sandbox import Sandbox

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="didomi",
    help="Load Didomi export logs into your warehouse and know which deliveries failed, came late or came half empty.",
    no_args_is_help=True,
    add_completion=False,  # the options of its own would be half of the help
    rich_markup_mode=None,  # coloured help would take twice as long to start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Destination = Annotated[
    str,
    typer.Option(
        "--destination",
        "-d",
        help="Where to load: duckdb, postgres, bigquery, snowflake.",
        envvar="DIDOMI_DESTINATION",
        metavar="NAME",
    ),
]
Dataset = Annotated[
    str,
    typer.Option("--dataset", help="Dataset (schema) of the raw tables.", envvar="DIDOMI_DATASET", metavar="NAME"),
]
WorkingDir = Annotated[
    Path,
    typer.Option(
        "--working-dir",
        help="Folder for pending packages, dbt's artefacts and the lock.",
        envvar="DIDOMI_WORKING_DIR",
        metavar="FOLDER",
    ),
]
ExportIds = Annotated[
    list[str] | None,
    typer.Option("--export-id", help="Only this export; may be given more than once.", metavar="ID"),
]
SkipModels = Annotated[bool, typer.Option("--skip-models", help="Load only; build no models.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
Vars = Annotated[
    str,
    typer.Option("--vars", help="Variables of the models, as a JSON object.", envvar="DIDOMI_VARS", metavar="JSON"),
]
Verbose = Annotated[
    int,
    typer.Option("--verbose", "-v", count=True, show_default=False, help="Log more to stderr: -v info, -vv debug."),
]
Seed = Annotated[int, typer.Option("--seed", help="Which made-up history.", metavar="NUMBER")]
Days = Annotated[int, typer.Option("--days", help="How many days of it.", min=1, max=3650, metavar="NUMBER")]


class Format(str, Enum):
    """How `status` prints."""

    text = "text"
    json = "json"


def main() -> None:
    """Run the command line; every error ends in one line and its exit code."""
    from .console import obey_signals

    obey_signals()
    try:
        app()
    except DidomiError as error:
        logger.debug("where it happened", exc_info=True)
        fail(str(error), error.exit_code)
    except Exception as error:
        logger.debug("where it happened", exc_info=True)
        fail(f"this should not happen ({type(error).__name__}: {str(error)[:300]}); run with -vv to see where", 1)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print an error and end."""
    from .console import printable

    print(f"didomi: {printable(message)}", file=sys.stderr)
    sys.exit(exit_code)


def _version(value: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if value:
        from importlib.metadata import version

        print(f"didomi-source {version('didomi-source')}")
        raise typer.Exit


@app.callback()
def _didomi(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    full: Annotated[bool, typer.Option("--full", help="Read the whole list of every export.")] = False,
    skip_models: SkipModels = False,
    as_json: AsJson = False,
    variables: Vars = "{}",
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Load the export logs, build the models, say what came of it.

    Exits with 0 when everything was read and built, 1 when something was not (the rest is loaded all the
    same), 75 when another run is at work, 78 when a setting or a key is wrong.
    """
    options = _options(
        verbose,
        destination=destination,
        dataset=dataset,
        export_ids=tuple(export_id or ()),
        full=full,
        skip_models=skip_models,
        working_dir=working_dir,
        model_vars=_variables(variables),
    )
    _run(options, as_json=as_json)


@app.command()
def backfill(
    created_from: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD (UTC).", metavar="DAY")],
    created_to: Annotated[str, typer.Option("--to", help="Last day, YYYY-MM-DD (UTC).", metavar="DAY")],
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    skip_models: SkipModels = False,
    as_json: AsJson = False,
    variables: Vars = "{}",
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Read the logs created in a range of days again.

    What later runs read is not changed by it.
    """
    first, last = _day(created_from, "--from"), _day(created_to, "--to")
    if last < first:
        raise typer.BadParameter("the last day is before the first", param_hint="--to")
    options = _options(
        verbose,
        destination=destination,
        dataset=dataset,
        export_ids=tuple(export_id or ()),
        created_from=first,
        created_to=last.replace(hour=23, minute=59, second=59, microsecond=999_999),
        skip_models=skip_models,
        working_dir=working_dir,
        model_vars=_variables(variables),
    )
    _run(options, as_json=as_json)


@app.command()
def status(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    output: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.text,
    verbose: Verbose = 0,
) -> None:
    """Print how each export is, the worst first."""
    options = _options(verbose, destination=destination, dataset=dataset)
    from . import console
    from .job import read_status

    found = read_status(options)
    with console.results():
        if output is Format.json:
            print(json.dumps([s.as_dict() for s in found], indent=2))
        else:
            console.print_status(found)


@app.command()
def copy(
    to: Annotated[
        str, typer.Option("--to", help="Where to copy them: postgres, bigquery, snowflake …", metavar="NAME")
    ],
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Copy the raw tables into another warehouse.

    The next run there reads on where the last one here ended. Nothing is changed here.
    """
    options = _options(verbose, destination=destination, dataset=dataset, working_dir=working_dir)
    from . import console
    from .job.copy import copy as copy_tables

    with console.Steps() as steps:
        counts = copy_tables(options, to, steps.report)
    with console.results():
        for table, rows in counts.items():
            print(f"{table}: {rows:,} rows")


@app.command()
def check(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    verbose: Verbose = 0,
) -> None:
    """Look whether a run has everything that it needs.

    Logs in, lists the exports that can be read, tries the destination, and looks for dbt: one line each.
    """
    options = _options(verbose, destination=destination, dataset=dataset, export_ids=tuple(export_id or ()))
    from . import console
    from .job.check import check as look

    worst = 0
    with console.results():
        for finding in look(options):
            console.print_finding(finding)
            worst = max(worst, finding.exit_code)
    raise typer.Exit(worst)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the demo.", metavar="FOLDER")] = Path(
        "didomi-demo"
    ),
    seed: Seed = 7,
    days: Days = 200,
    verbose: Verbose = 0,
) -> None:
    """Run the whole job against a local, made-up Didomi API.

    Needs no account and no network.
    """
    _log(verbose)
    from . import console
    from .job.demo import next_steps, run_demo

    with console.Steps() as steps:
        summary, rates, volumes = run_demo(folder, steps.report, seed=seed, days=days)
    with console.results():
        console.print_summary(summary)
        if summary.exit_code == 0:
            console.print_demo(rates, volumes, next_steps(folder))
    _end(summary.failures, summary.exit_code)


@app.command()
def sandbox(
    port: Annotated[
        int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.", metavar="NUMBER", min=0, max=65535)
    ] = 8765,
    seed: Seed = 7,
    days: Days = 200,
    exports: Annotated[int, typer.Option("--exports", help="How many exports.", min=1, max=100, metavar="NUMBER")] = 5,
    switch: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A switch of its behaviour, e.g. page_cap=50 or sort=ignored.", metavar="NAME=VALUE"
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="A fault, e.g. gateway_502:every=7 or hang:nth=2.", metavar="KIND[:RULE]"),
    ] = None,
    verbose: Verbose = 0,
) -> None:
    """Serve that local API, for trying things out."""
    _log(verbose)
    from .job.demo import access_to
    from .job.sandbox import serve_sandbox

    def on_ready(api: Sandbox) -> None:
        for name, value in access_to(api).items():
            print(f"export {name}={value}", flush=True)
        print("Serving until Ctrl-C; run those lines in another terminal.", file=sys.stderr)

    serve_sandbox(on_ready, port=port, seed=seed, days=days, exports=exports, switches=switch or [], faults=fault or [])


def _run(options: Options, *, as_json: bool) -> None:
    from . import console
    from .job import run as run_job

    with console.Steps() as steps:
        summary = run_job(options, steps.report)
    with console.results():
        if as_json:
            print(json.dumps(summary.as_dict(), indent=2))
        else:
            console.print_summary(summary)
    _end(summary.failures, summary.exit_code)


def _end(failures: list[str], exit_code: int) -> NoReturn:
    from .console import printable

    for line in failures:
        print(f"didomi: {printable(line)}", file=sys.stderr)
    raise typer.Exit(exit_code)


def _log(verbose: int) -> None:
    from .console import set_up_logging

    set_up_logging(verbose)


def _options(verbose: int, **chosen: Any) -> Options:
    _log(verbose)
    from .job.options import Options

    return Options(**chosen)


def _variables(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter(
            'expected a JSON object, e.g. {"didomi_timezone": "Europe/Paris"}', param_hint="--vars"
        )
    return found


def _day(text: str, option: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise typer.BadParameter("expected a day like 2026-05-31", param_hint=option) from None
