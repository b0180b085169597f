"""`didomi status`: the health of each export, for people, programs and monitors."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from didomi_source.errors import DidomiError

from . import streams
from .app import app, text, unexpected
from .options import Dataset, Destination, ExportIds, Format, Log, MaxAge, MinRate, Verbose, Wait, target_of

logger = logging.getLogger(__name__)

NAGIOS_WAIT_SECONDS = 5.0  # check_nrpe gives up after 10
_UNKNOWN = 3


class StatusFormat(str, Enum):
    """How `status` prints."""

    text = "text"
    json = "json"
    nagios = "nagios"


_EXAMPLES = """
Examples:
  didomi status
  didomi status --max-age 3 --min-rate 0.95  # each hour; 19 of 20 runs
  didomi status --format json
  didomi status --format nagios
"""
_CODES = """
Exit codes:
  0   printed; with --exit-code, --max-age or --min-rate: and every export
      is healthy
  1   the warehouse cannot be read; with one of those options: an export is
      failing, undelivered, late, stuck, unread or below --min-rate, or the
      load is stale
  2   the command line is wrong
  78  a setting is wrong
  --format nagios: 0 ok, 1 warning, 2 critical (also when stale), 3 unknown
  (whatever else goes wrong)
"""


class _Plugin(TyperCommand):
    """Answers a monitor with UNKNOWN where the command line is wrong: for Nagios, exit code 2 is CRITICAL."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **extra: Any) -> Any:
        is_for_nagios = bool({"nagios", "--format=nagios"} & set(args))
        with _unknown_on_error() if is_for_nagios else nullcontext():
            return super().make_context(info_name, args, *rest, **extra)


@app.command(cls=_Plugin, epilog=text(_EXAMPLES, _CODES))
def status(
    context: typer.Context,
    destination: Destination = "duckdb",
    dataset: Dataset = "didomi_raw",
    export_id: ExportIds = None,
    output: Annotated[StatusFormat, typer.Option("--format", help="How to print it.")] = StatusFormat.text,
    max_age: MaxAge = 26,
    min_rate: MinRate = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 when not all is well; a limit implies it.")
    ] = False,
    wait: Wait = None,
    log_format: Log = Format.text,
    verbose: Verbose = 0,
) -> None:
    """Print how each export is, the worst first.

    The health is as of the last complete run; if that is too old, the load is reported as stale first.
    """
    is_for_nagios = output is StatusFormat.nagios
    wait = NAGIOS_WAIT_SECONDS if is_for_nagios and wait is None else wait
    is_asked = exit_code or any(_is_given(context, limit) for limit in ("max_age", "min_rate"))
    with _unknown_on_error() if is_for_nagios else nullcontext():
        from didomi_source.health.deliveries import read_recent_deliveries
        from didomi_source.health.judge import Limits, judge
        from didomi_source.health.nagios import nagios
        from didomi_source.health.status import read_status

        limits = Limits(timedelta(hours=max_age), min_rate)
        target = target_of(verbose, log_format, wait, destination=destination, dataset=dataset)
        now = datetime.now(timezone.utc)
        chosen = tuple(export_id or ())
        found = judge(read_status(target, chosen), now, limits, read_recent_deliveries(target, chosen, now))
        code = found.exit_code if is_asked else 0
        with streams.results():
            if output is StatusFormat.json:
                print(json.dumps(found.as_dict(), indent=2))
            elif is_for_nagios:
                code, line = nagios(found, limits)
                print(line)
            else:
                from .status_table import print_judgement

                print_judgement(found)
    raise typer.Exit(_UNKNOWN if is_for_nagios and streams.is_discarded() else code)


def _is_given(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name != "DEFAULT"


def _message(error: Exception) -> str:
    usage = getattr(error, "format_message", None)  # of Click's errors
    if usage is not None:
        return str(usage())
    return str(error) if isinstance(error, DidomiError) else unexpected(error)


@contextmanager
def _unknown_on_error() -> Iterator[None]:
    """Turn every error inside into one line on stdout and exit code 3, which a monitor shows as UNKNOWN."""
    try:
        yield
    except typer.Exit:  # --help, for one
        raise
    except Exception as error:
        from didomi_source.health.nagios import unknown

        logger.debug("where it happened", exc_info=True)
        with suppress(OSError):
            print(unknown(_message(error)), flush=True)
        raise typer.Exit(_UNKNOWN) from None
