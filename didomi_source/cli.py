"""The command line `didomi`: parse, call, print. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from .errors import DidomiError

if TYPE_CHECKING:
    from .job import Options

app = typer.Typer(
    name="didomi",
    help="Load Didomi export logs into your warehouse and know which deliveries failed, came late or came half empty.",
    no_args_is_help=True,
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
    ),
]
Dataset = Annotated[str, typer.Option("--dataset", help="Dataset (schema) of the raw tables.", envvar="DIDOMI_DATASET")]
WorkingDir = Annotated[
    Path,
    typer.Option(
        "--working-dir",
        help="Folder for pending packages, dbt's artefacts and the lock.",
        envvar="DIDOMI_WORKING_DIR",
    ),
]
ExportIds = Annotated[
    list[str] | None, typer.Option("--export-id", help="Only this export; may be given more than once.")
]
SkipModels = Annotated[bool, typer.Option("--skip-models", help="Load only; build no models.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")]
Vars = Annotated[
    str,
    typer.Option("--vars", help="Variables of the models, as a JSON object.", envvar="DIDOMI_VARS", metavar="JSON"),
]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log more to stderr: -v info, -vv debug.")]


class Format(str, Enum):
    """How `status` prints."""

    text = "text"
    json = "json"


def main() -> None:
    """Run the command line; every error that is ours ends in one line and its exit code."""
    from .console import obey_signals

    obey_signals()
    try:
        app()
    except DidomiError as error:
        fail(error)
    except BrokenPipeError:
        # Who read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def fail(error: DidomiError) -> NoReturn:
    """Print an error and end with its exit code."""
    from .console import printable

    print(f"didomi: {printable(str(error))}", file=sys.stderr)
    sys.exit(error.exit_code)


def _version(value: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if value:
        from importlib.metadata import version

        typer.echo(f"didomi-source {version('didomi-source')}")
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
    """Load the export logs, build the models, print a summary.

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
    """Read the logs created in a range of days again; what later runs read is not changed by it."""
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
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Print how each export is: one line each, the worst first."""
    options = _options(verbose, destination=destination, dataset=dataset, working_dir=working_dir)
    from . import console
    from .job import read_status

    found = read_status(options)
    if output is Format.json:
        print(json.dumps([s.as_dict() for s in found], indent=2))
    else:
        console.print_status(found)


@app.command()
def check(
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    working_dir: WorkingDir = Path(".didomi"),
    verbose: Verbose = 0,
) -> None:
    """Log in, list the exports that can be read, try the destination: one line each."""
    options = _options(
        verbose,
        destination=destination,
        dataset=dataset,
        export_ids=tuple(export_id or ()),
        working_dir=working_dir,
    )
    from . import console
    from .job.check import check as look

    worst = 0
    for finding in look(options):
        console.print_finding(finding)
        worst = max(worst, finding.exit_code)
    raise typer.Exit(worst)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option("--folder", help="Where to put the demo.")] = Path("didomi-demo"),
    seed: Annotated[int, typer.Option("--seed", help="Which history.")] = 7,
    days: Annotated[int, typer.Option("--days", help="How many days of it.", min=1)] = 200,
    verbose: Verbose = 0,
) -> None:
    """Run the whole job against a local Didomi API with made-up exports. Needs no account, no network."""
    from .job.demo import run_demo

    _options(verbose)
    run_demo(folder, seed=seed, days=days)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    seed: Annotated[int, typer.Option("--seed", help="Which history.")] = 7,
    days: Annotated[int, typer.Option("--days", help="How many days of it.", min=1)] = 200,
    exports: Annotated[int, typer.Option("--exports", help="How many exports.", min=1)] = 5,
    behaviour: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="A switch of its behaviour, e.g. page_cap=50 or sort=ignored.", metavar="NAME=VALUE"
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="A fault, e.g. status:every=7,status=502 or hang:first=1.", metavar="KIND[:RULE]"),
    ] = None,
) -> None:
    """Serve a local Didomi API with made-up exports, for trying things out."""
    from .job.demo import serve_sandbox

    serve_sandbox(port=port, seed=seed, days=days, exports=exports, switches=behaviour or [], faults=fault or [])


def _run(options: Options, *, as_json: bool) -> None:
    from . import console
    from .job import run as run_job

    with console.Steps() as steps:
        summary = run_job(options, steps.report)
    if as_json:
        print(json.dumps(summary.as_dict(), indent=2))
    else:
        console.print_summary(summary)
    for line in summary.failures:
        print(f"didomi: {console.printable(line)}", file=sys.stderr)
    raise typer.Exit(summary.exit_code)


def _options(verbose: int, **chosen: Any) -> Options:
    from .console import set_up_logging
    from .job.options import Options, prepare_environment

    set_up_logging(verbose)
    prepare_environment()
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
