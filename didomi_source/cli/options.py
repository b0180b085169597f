"""Options that several commands have, and their values."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from didomi_source.warehouse.target import Target


class LogFormat(str, Enum):
    """How stderr is written."""

    text = "text"
    json = "json"


Destination = Annotated[
    str,
    typer.Option(
        "--destination",
        "-d",
        help="Where to load: duckdb, postgres, bigquery, snowflake.",
        envvar="DIDOMI_DESTINATION",
        metavar="NAME",
        autocompletion=lambda: ["duckdb", "postgres", "bigquery", "snowflake"],
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
Log = Annotated[
    LogFormat,
    typer.Option("--log-format", help="How to write stderr; json: an object a line.", envvar="DIDOMI_LOG_FORMAT"),
]
MaxAge = Annotated[
    float,
    typer.Option(
        "--max-age", help="How old the last complete read may be.", metavar="HOURS", min=0, envvar="DIDOMI_MAX_AGE"
    ),
]
MinRate = Annotated[
    float | None,
    typer.Option(
        "--min-rate",
        help="The least success rate over 28 days of each export, e.g. 0.95.",
        metavar="RATE",
        min=0,
        max=1,
        envvar="DIDOMI_MIN_RATE",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Which made-up history.", metavar="NUMBER")]
Days = Annotated[int, typer.Option("--days", help="How many days of it.", min=1, max=3650, metavar="NUMBER")]


def set_up_log(verbose: int, log_format: LogFormat = LogFormat.text) -> None:
    """Log to stderr as asked for."""
    from .console import set_up_logging

    set_up_logging(verbose, as_json=log_format is LogFormat.json)


def target_of(verbose: int, log_format: LogFormat = LogFormat.text, **chosen: Any) -> Target:
    """The warehouse that was chosen; logging is set up first, since it may be refused."""
    set_up_log(verbose, log_format)
    from didomi_source.warehouse.target import Target

    return Target(**chosen)


def variables(text: str) -> dict[str, Any]:
    """The value of --vars."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise typer.BadParameter(
            'expected a JSON object, e.g. {"didomi_timezone": "Europe/Paris"}', param_hint="--vars"
        )
    return found


def day(text: str, option: str) -> datetime:
    """A day as the beginning of it, in UTC."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc)
    except ValueError:
        raise typer.BadParameter("expected a day like 2026-05-31", param_hint=option) from None
