"""The command line `didomi`: parse, call, print. Results go to stdout, everything else to stderr.

app       the application, and how it ends
options   options that several commands have
load      run, backfill, check
watch     status, report, notify
set_up    init, doctor, completion
demo      demo: the job against the sandbox
sandbox   sandbox: the local API
"""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from typing import Annotated

import typer

from didomi_source.errors import DidomiError

from .app import app, fail

# The order of the help.
# isort: off
from . import load
from . import watch
from . import set_up
from . import demo
from . import sandbox

# isort: on

__all__ = ["app", "demo", "fail", "load", "main", "sandbox", "set_up", "watch"]

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the command line; every error ends in one line and its exit code."""
    from .console import obey_signals

    if set_up.COMPLETE in os.environ:
        set_up.prepare_completion()
    obey_signals()
    gc.set_threshold(50_000)  # a command imports and makes rows by the thousand, and leaves little garbage
    atexit.register(gc.freeze)  # what is left in the end need not be looked through
    sys.setswitchinterval(0.05)  # reading and packing take turns: fewer turns leave more in the processor's cache
    try:
        app(prog_name="didomi")
    except DidomiError as error:
        logger.debug("where it happened", exc_info=True)
        fail(str(error), error.exit_code)
    except Exception as error:
        logger.debug("where it happened", exc_info=True)
        fail(f"this should not happen ({type(error).__name__}: {str(error)[:300]}); run with -vv to see where", 1)


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
