"""The command line `didomi`: parse, call, print. Results go to stdout, everything else to stderr.

Each command is a module with the command's name. They share:

app          the application, and how a command ends
options      options of several commands
show         print lines and tables; status_table: the health of exports
steps        the current step of a run
log          stderr
streams      the standard streams
signals      SIGTERM and SIGINT
interpreter  garbage collection and the GIL
"""

from __future__ import annotations

import logging
import os
from typing import Annotated

import typer

from didomi_source.configuration import unquote_environment
from didomi_source.errors import ConfigurationError, DidomiError

from . import interpreter, streams
from .app import app, fail, unexpected
from .signals import obey_signals

# The order of the help.
from . import run, backfill, copy, check, status, deliveries, report, notify, init, doctor, completion, demo, sandbox  # isort: skip

__all__ = ["app", "backfill", "check", "completion", "copy", "deliveries", "demo", "doctor", "fail", "init", "main",
           "notify", "report", "run", "sandbox", "status"]  # fmt: skip

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the command line; every error ends in one line and its exit code."""
    streams.prepare()
    obey_signals()
    unquote_environment()
    interpreter.tune()
    if completion.COMPLETE in os.environ:
        completion.register_shells()
    try:
        app(prog_name="didomi")
    except DidomiError as error:
        logger.debug("where it happened", exc_info=True)
        fail(str(error), error.exit_code)
    except Exception as error:
        logger.debug("where it happened", exc_info=True)
        fail(unexpected(error), 1)


def _version(value: bool) -> None:  # noqa: FBT001 - Typer calls it so
    if value:
        from importlib.metadata import version

        print(f"didomi-source {version('didomi-source')}")
        raise typer.Exit


@app.callback()
def _didomi(
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    try:
        os.getcwd()  # noqa: PTH109 - only asks whether it exists
    except FileNotFoundError:
        raise ConfigurationError("the current folder does not exist any more: change to another one") from None
