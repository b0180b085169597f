"""Options that several commands have, and their values."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from didomi_source.warehouse.target import DESTINATIONS, Target

from .log import set_up_logging

_MOST = 1_000_000  # seconds or hours that Python's clocks and durations can hold


class Format(str, Enum):
    """For people, or for programs."""

    text = "text"
    json = "json"


def destinations() -> list[str]:
    """The names that complete --destination and --to."""
    return list(DESTINATIONS)


def _bounded(value: float | None) -> float | None:
    if value is not None and not value <= _MOST:  # nan is not, either
        raise typer.BadParameter(f"expected a number up to {_MOST:,}")
    return value


Destination = Annotated[
    str,
    typer.Option(
        "--destination",
        "-d",
        help=f"The warehouse: {', '.join(DESTINATIONS)}.",
        envvar="DIDOMI_DESTINATION",
        metavar="NAME",
        autocompletion=destinations,
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
    Format,
    typer.Option("--log-format", help="How to write stderr; json: an object a line.", envvar="DIDOMI_LOG_FORMAT"),
]
MaxAge = Annotated[
    float,
    typer.Option(
        "--max-age",
        help="How old the last complete read may be.",
        metavar="HOURS",
        min=0,
        callback=_bounded,
        envvar="DIDOMI_MAX_AGE",
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
        callback=_bounded,
        envvar="DIDOMI_MIN_RATE",
    ),
]
Wait = Annotated[
    float | None,
    typer.Option(
        "--wait",
        help="How long to wait for a DuckDB file that another program holds (default: 60; --format nagios: 5).",
        metavar="SECONDS",
        min=0,
        callback=_bounded,
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the made-up history.", metavar="NUMBER")]
Days = Annotated[int, typer.Option("--days", help="Days of the made-up history.", min=1, max=3650, metavar="NUMBER")]


def set_up_log(verbose: int, log_format: Format = Format.text) -> None:
    """Log to stderr as the options say."""
    set_up_logging(verbose, as_json=log_format is Format.json)


def target_of(verbose: int, log_format: Format = Format.text, wait: float | None = None, **chosen: Any) -> Target:
    """The warehouse that the options name; logging is set up first, since the names may be refused."""
    set_up_log(verbose, log_format)
    return Target(**chosen) if wait is None else Target(**chosen, wait_seconds=wait)


def day(text: str, option: str) -> date:
    """The value of an option that is a day."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=timezone.utc).date()
    except ValueError:
        raise typer.BadParameter("expected a day like 2026-05-31", param_hint=option) from None


def refuse_reversed(first: date | None, last: date | None) -> None:
    """Refuse a range whose end, the value of --to, is before its beginning."""
    if first and last and last < first:
        raise typer.BadParameter("the last day is before the first", param_hint="--to")


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
    if "didomi_schema" in found:
        raise typer.BadParameter("didomi_schema is the dataset: name it with --dataset", param_hint="--vars")
    if found:
        from didomi_source.warehouse.dbt import variable_names

        known = variable_names()
        if unknown := sorted(found.keys() - known):
            msg = f"no model asks for {', '.join(unknown)}: choose from {', '.join(sorted(known))}"
            raise typer.BadParameter(msg, param_hint="--vars")
    return found
