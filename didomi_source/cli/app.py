"""The Typer application, its help, and how a command ends."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from .log import complain

app = typer.Typer(
    name="didomi",
    help="Load Didomi export logs into your warehouse and know which deliveries failed, came late or came half empty.",
    no_args_is_help=True,
    add_completion=False,  # its options would be half of the help; `didomi completion` prints the script
    rich_markup_mode=None,  # coloured help would take twice as long to start
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Each command has a help of its own with examples and exit codes: didomi run --help",
)


def fail(message: str, exit_code: int) -> NoReturn:
    """Print an error and end."""
    complain(message)
    sys.exit(exit_code)


def end(failures: Sequence[str]) -> NoReturn:
    """Print what failed, a line each, and end: with 0 if that is nothing, else with 1."""
    for line in failures:
        complain(line)
    raise typer.Exit(1 if failures else 0)


def unexpected(error: Exception) -> str:
    """The message for an error that no module has foreseen; a full disk may meet each of them."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"there is no room for {error.filename or 'what is printed or kept'} ({error.strerror}): make room"
    return f"this should not happen ({type(error).__name__}: {str(error)[:300]}); run with -vv to see where"


def text(*paragraphs: str) -> str:
    """Paragraphs for the end of a command's help, whose lines are not wrapped again."""
    return "\n\n".join(f"\b\n{paragraph.strip()}" for paragraph in paragraphs)


RUN_CODES = """
Exit codes:
  0   everything was read and built; an export that failed at Didomi is data
  1   something was not, and stderr names it; the rest is loaded
  2   the command line is wrong
  75  another run is at work; nothing was done
  78  a setting or the key is wrong; nothing was done
"""
"""Exit codes of the commands that load."""
CODES = """
Exit codes:
  0   done
  1   it could not be done, and stderr says why and what to do
  2   the command line is wrong
  78  a setting or the key is wrong
"""
"""Exit codes of most others."""
